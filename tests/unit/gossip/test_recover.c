/* SPDX-License-Identifier: EUPL-1.2 */
/* When a node may sign: DESIGN 11, by one engine driven by hand. */
#include "unit/gossip/life.h"

/* --- with a guard ----------------------------------------------------------------------------- */

static void with_an_intact_guard_it_signs_after_one_peers_heads(void **state)
{
	struct life l;

	(void)state;
	life_init(&l, SIGNED, SIGNED);
	start_with_guard(&l, SIGNED);
	assert_null(l.p.mute);
	probe_tick(&l.p, 1000);
	assert_int_equal(l.p.may_seal, 0);
	meet(&l, 1, PEER, SIGNED);
	probe_tick(&l.p, 250);
	assert_int_equal(l.p.may_seal, 1);
	probe_tick(&l.p, 5000);
	assert_int_equal(l.p.may_seal, 1);
	life_free(&l);
}

static void with_an_intact_guard_it_waits_two_seconds_at_most(void **state)
{
	struct life l;

	(void)state;
	life_init(&l, SIGNED, SIGNED);
	start_with_guard(&l, SIGNED);
	probe_tick(&l.p, GOSSIP_FIRST_SEAL_MS - 250);
	assert_int_equal(l.p.may_seal, 0);
	probe_tick(&l.p, 500);
	assert_int_equal(l.p.may_seal, 1);
	life_free(&l);
}

static void behind_its_guard_it_takes_back_exactly_that_and_goes_on(void **state)
{
	struct life l;

	(void)state;
	life_init(&l, HELD_FIRST, HELD_FIRST);
	start_with_guard(&l, SIGNED);
	assert_string_equal(l.p.mute, "behind-guard");
	assert_int_equal(state_of(&l), RECOVERY_PULLS);
	meet(&l, 1, PEER, 7);
	give(&l, 1, HELD_FIRST, 7);
	probe_tick(&l.p, 5000);
	assert_int_equal(l.p.recovered, 0);
	meet(&l, 2, THIRD, SIGNED);
	probe_tick(&l.p, 2000); /* the other one has no more */
	give(&l, 2, 7, SIGNED);
	probe_tick(&l.p, 250);
	assert_int_equal(l.p.recovered, 1);
	assert_int_equal(l.p.may_seal, 1);
	assert_int_equal(l.p.ahead, 2);
	assert_null(l.p.alarm);
	life_free(&l);
}

static void a_peer_that_shows_more_than_the_guard_makes_it_hear_everybody(void **state)
{
	struct life l;

	(void)state;
	life_init(&l, HELD_FIRST, HELD_FIRST);
	start_with_guard(&l, 7);
	meet(&l, 1, PEER, SIGNED);
	assert_int_equal(state_of(&l), RECOVERY_HEARS);
	give(&l, 1, HELD_FIRST, SIGNED);
	probe_tick(&l.p, 5000);
	assert_int_equal(l.p.recovered, 0);
	meet(&l, 2, THIRD, 0);
	probe_tick(&l.p, 2000);
	assert_int_equal(l.p.recovered, 1);
	life_free(&l);
}

static void another_root_than_the_guards_is_never_signed_over(void **state)
{
	struct checkpoint c;
	struct life l;

	(void)state;
	life_init(&l, HELD_FIRST, HELD_FIRST);
	start_with_guard(&l, SIGNED);
	meet(&l, 1, PEER, 0);
	sign_at(&l.all, SIGNED, &c);
	c.root.bytes[0] ^= 1;
	checkpoint_sign(&c, cast_actor(SELF)->identity.log_secret);
	probe_forget(&l.p);
	probe_hear_head(&l.p, 1, &c);
	assert_string_equal(l.p.mute, "split");
	assert_string_equal(l.p.alarm, "clone");
	assert_int_equal(gossip_recover_confirm(l.p.g, probe_time(&l.p)), ENT_EPROOF);
	probe_tick(&l.p, 10000);
	assert_int_equal(l.p.recovered, 0);
	/* It is kept: the next life knows of it too. */
	assert_int_equal(l.p.ahead, 1);
	life_free(&l);
	life_init(&l, HELD_FIRST, HELD_FIRST);
	l.own->complete.size = HELD_FIRST;
	assert_int_equal(gossip_feed(l.p.g, &c.log, HELD_FIRST, 0, &l.own->complete, &c, false), 0);
	start_with_guard(&l, SIGNED);
	assert_string_equal(l.p.mute, "split");
	life_free(&l);
}

/* --- without one ------------------------------------------------------------------------------ */

static void without_a_guard_it_hears_every_direct_peer_first(void **state)
{
	struct gossip_recovery_feed feed;
	struct node_id node;
	struct life l;
	size_t at = 0;

	(void)state;
	life_init(&l, HELD_FIRST, HELD_FIRST);
	start_without_guard(&l);
	assert_string_equal(l.p.mute, "no-guard");
	meet(&l, 1, PEER, 0);
	probe_tick(&l.p, 10000);
	assert_int_equal(l.p.recovered, 0);
	assert_true(gossip_recovery_peer(l.p.g, &at, &node));
	assert_true(node_id_eq(&node, &cast_actor(THIRD)->node));
	assert_false(gossip_recovery_peer(l.p.g, &at, &node));
	meet(&l, 2, THIRD, SIGNED);
	at = 0;
	assert_true(gossip_recovery_feed(l.p.g, &at, &feed));
	assert_int_equal(feed.held, HELD_FIRST);
	assert_int_equal(feed.wanted, SIGNED);
	give(&l, 2, HELD_FIRST, SIGNED);
	probe_tick(&l.p, 1000);
	assert_int_equal(l.p.recovered, 0); /* more news may be on its way */
	probe_tick(&l.p, 1000);
	assert_int_equal(l.p.recovered, 1);
	assert_int_equal(l.p.may_seal, 1);
	life_free(&l);
}

/* What is known to be in force is no news because the keys are read again. */
static void keys_that_are_read_again_make_it_hear_nobody_anew(void **state)
{
	struct life l;

	(void)state;
	life_init(&l, SIGNED, SIGNED);
	start_without_guard(&l);
	meet(&l, 1, PEER, SIGNED);
	gossip_closed(l.p.g, probe_time(&l.p), 1, "gone");
	gossip_agreements(l.p.g, probe_time(&l.p), l.p.agreements, l.p.agreements_len);
	meet(&l, 2, THIRD, SIGNED);
	probe_tick(&l.p, 2000);
	assert_int_equal(l.p.recovered, 1);
	life_free(&l);
}

/* With whom there was an agreement when the copy was made, and is none now, may have more too. */
static void it_waits_for_former_peers_until_they_are_given_up(void **state)
{
	struct node_id node;
	struct life l;
	size_t at = 0;

	(void)state;
	life_init(&l, HELD_FIRST, HELD_FIRST);
	start_without_guard(&l);
	gossip_recover_former(l.p.g, &cast_actor(SELF)->node);
	gossip_recover_former(l.p.g, &cast_actor(PEER)->node); /* a peer now too */
	gossip_recover_former(l.p.g, &cast_actor(5)->node);
	gossip_recover_former(l.p.g, &cast_actor(5)->node);
	gossip_recover_former(l.p.g, &cast_actor(6)->node);
	meet(&l, 1, PEER, HELD_FIRST);
	meet(&l, 2, THIRD, 0);
	probe_tick(&l.p, 10000);
	assert_int_equal(l.p.recovered, 0);
	assert_true(gossip_recovery_peer(l.p.g, &at, &node));
	assert_true(node_id_eq(&node, &cast_actor(5)->node));
	assert_true(gossip_recovery_peer(l.p.g, &at, &node));
	assert_true(node_id_eq(&node, &cast_actor(6)->node));
	assert_false(gossip_recovery_peer(l.p.g, &at, &node));
	assert_int_equal(gossip_recover_without(l.p.g, probe_time(&l.p), &cast_actor(5)->node), 0);
	probe_tick(&l.p, 5000);
	assert_int_equal(l.p.recovered, 0);
	assert_int_equal(gossip_recover_without(l.p.g, probe_time(&l.p), &cast_actor(6)->node), 0);
	probe_tick(&l.p, 500);
	assert_int_equal(l.p.recovered, 1);
	life_free(&l);
}

/* An intact guard does not make it wait for them, nor for anybody where they are all there is. */
static void with_an_intact_guard_former_peers_are_not_waited_for(void **state)
{
	struct life l;

	(void)state;
	life_init(&l, HELD_FIRST, HELD_FIRST);
	start_with_guard(&l, HELD_FIRST);
	gossip_recover_former(l.p.g, &cast_actor(5)->node);
	gossip_agreements(l.p.g, probe_time(&l.p), NULL, 0);
	probe_tick(&l.p, 250);
	assert_int_equal(l.p.may_seal, 1);
	life_free(&l);
}

static void a_peer_given_up_is_not_waited_for(void **state)
{
	struct life l;

	(void)state;
	life_init(&l, HELD_FIRST, HELD_FIRST);
	start_without_guard(&l);
	meet(&l, 1, PEER, HELD_FIRST);
	probe_tick(&l.p, 5000);
	assert_int_equal(l.p.recovered, 0);
	assert_int_equal(gossip_recover_without(l.p.g, probe_time(&l.p), &cast_actor(5)->node),
		ENT_ENOTFOUND);
	assert_int_equal(gossip_recover_without(l.p.g, probe_time(&l.p), &cast_actor(THIRD)->node),
		0);
	probe_tick(&l.p, 250);
	assert_int_equal(l.p.recovered, 1);
	life_free(&l);
}

static void what_was_shown_is_wanted_even_if_its_peer_is_given_up(void **state)
{
	struct life l;

	(void)state;
	life_init(&l, HELD_FIRST, HELD_FIRST);
	start_without_guard(&l);
	meet(&l, 1, PEER, SIGNED);
	gossip_closed(l.p.g, probe_time(&l.p), 1, "gone");
	probe_actions(&l.p);
	assert_int_equal(gossip_recover_without(l.p.g, probe_time(&l.p), &cast_actor(PEER)->node),
		0);
	meet(&l, 2, THIRD, HELD_FIRST);
	probe_tick(&l.p, 10000);
	assert_int_equal(l.p.recovered, 0);
	life_free(&l);
}

static void a_reduced_head_alone_keeps_nobody_mute(void **state)
{
	struct log_name name = probe_name(SELF, CLEAR);
	struct life l;

	(void)state;
	life_init(&l, HELD_FIRST, HELD_FIRST);
	start_without_guard(&l);
	meet(&l, 1, PEER, HELD_FIRST);
	meet(&l, 2, THIRD, HELD_FIRST);
	probe_forget(&l.p);
	probe_hear_held(&l.p, 1, &name, 1000000); /* a lie */
	probe_tick(&l.p, 2000);
	assert_int_equal(l.p.recovered, 1);
	/* Its heads were asked for again: there the signature would have to stand. */
	assert_int_equal(probe_count(&l.p, WIRE_TERMS), 1);
	life_free(&l);
}

static void without_a_guard_and_without_peers_somebody_has_to_say_so(void **state)
{
	struct log_name name = probe_name(SELF, CLEAR);
	static const struct checkpoint none;
	struct probe p;

	(void)state;
	probe_init(&p);
	assert_int_equal(gossip_feed(p.g, &name, 0, 0, &none, &none, false), 0);
	assert_int_equal(gossip_recover_start(p.g, probe_time(&p), NULL), 0);
	probe_actions(&p);
	probe_tick(&p, 10000);
	assert_int_equal(p.recovered, 0);
	assert_int_equal(gossip_recover_confirm(p.g, probe_time(&p)), 0);
	probe_tick(&p, 250);
	assert_int_equal(p.recovered, 1);
	probe_free(&p);
}

/* --- shown more ------------------------------------------------------------------------------- */

static void shown_more_it_is_mute_takes_it_back_and_goes_on_once(void **state)
{
	struct life l;

	(void)state;
	life_init(&l, HELD_FIRST, HELD_FIRST);
	start_with_guard(&l, HELD_FIRST);
	meet(&l, 1, PEER, 7);
	assert_string_equal(l.p.mute, "own-ahead");
	assert_null(l.p.alarm);
	assert_int_equal(l.p.ahead, 1);
	give(&l, 1, HELD_FIRST, 7);
	meet(&l, 2, THIRD, 0);
	probe_tick(&l.p, 1000);
	assert_int_equal(l.p.recovered, 0);
	probe_forget(&l.p);
	probe_tick(&l.p, 2000);
	assert_int_equal(l.p.recovered, 1);
	/* Receipts for what was not here yet were passed over. */
	assert_non_null(probe_last(&l.p, WIRE_TERMS));
	/* Once more: now somebody else signs. */
	probe_forget(&l.p);
	{
		struct checkpoint c;

		sign_at(&l.all, SIGNED, &c);
		probe_hear_head(&l.p, 1, &c);
	}
	assert_string_equal(l.p.mute, "clone");
	assert_string_equal(l.p.alarm, "clone");
	give(&l, 1, 7, SIGNED);
	probe_tick(&l.p, 10000);
	assert_int_equal(l.p.recovered, 0);
	assert_int_equal(gossip_recover_confirm(l.p.g, probe_time(&l.p)), 0);
	probe_tick(&l.p, 2000);
	assert_int_equal(l.p.recovered, 1);
	life_free(&l);
}

static void what_it_signed_in_this_life_tells_a_clone_at_once(void **state)
{
	struct checkpoint c;
	struct life l;

	(void)state;
	life_init(&l, HELD_FIRST, HELD_FIRST);
	start_with_guard(&l, HELD_FIRST);
	meet(&l, 1, PEER, HELD_FIRST);
	/* It signs the sixth entry, and is then shown a ninth. */
	sim_log_append(l.own, sim_log_entries(&l.all, HELD_FIRST, 6), 1);
	sign_at(&l.all, 6, &c);
	gossip_sealed(l.p.g, probe_time(&l.p), &c, false);
	probe_actions(&l.p);
	sign_at(&l.all, SIGNED, &c);
	probe_hear_head(&l.p, 1, &c);
	assert_string_equal(l.p.mute, "own-ahead");
	assert_string_equal(l.p.alarm, "clone");
	life_free(&l);
}

static void another_history_that_is_signed_stops_it_for_good(void **state)
{
	struct checkpoint c;
	struct life l;

	(void)state;
	life_init(&l, SIGNED, SIGNED);
	start_with_guard(&l, SIGNED);
	meet(&l, 1, PEER, SIGNED);
	sign_at(&l.all, 7, &c);
	c.root.bytes[0] ^= 1;
	checkpoint_sign(&c, cast_actor(SELF)->identity.log_secret);
	probe_hear_head(&l.p, 1, &c);
	assert_string_equal(l.p.mute, "split");
	assert_int_equal(l.p.freezes, 0);
	life_free(&l);
}

/* Another history with the same first `keep` entries. */
static void fork_at(struct life *l, uint64_t keep, uint32_t count, struct checkpoint *c)
{
	struct sim_store other = {0};
	struct env_rng rng = sim_random_env(&l->p.random);
	struct sim_log *fork = sim_store_need(&other, &l->own->name);

	sim_log_append(fork, sim_log_entries(&l->all, 0, keep), (uint32_t)keep);
	sim_log_publish(fork, &cast_actor(SELF)->identity, count, 30, &rng);
	*c = fork->complete;
	sim_store_free(&other);
}

/* It lies within what is shown: that it was another history is seen once all of it is here. */
static void nor_where_that_shows_only_in_what_is_taken_back(void **state)
{
	struct gossip_guard guard;
	struct checkpoint c;
	struct life l;

	(void)state;
	life_init(&l, HELD_FIRST, HELD_FIRST);
	fork_at(&l, HELD_FIRST, 2, &c);
	l.line.size = c.size;
	l.line.root = c.root;
	guard = (struct gossip_guard){&l.line, 1};
	assert_int_equal(gossip_recover_start(l.p.g, probe_time(&l.p), &guard), 0);
	meet(&l, 1, PEER, SIGNED);
	meet(&l, 2, THIRD, 0);
	assert_string_equal(l.p.mute, "behind-guard");
	give(&l, 1, HELD_FIRST, SIGNED);
	assert_string_equal(l.p.mute, "split");
	assert_string_equal(l.p.alarm, "clone");
	probe_tick(&l.p, 10000);
	assert_int_equal(l.p.recovered, 0);
	life_free(&l);
}

static void of_two_histories_that_are_shown_it_goes_on_with_none(void **state)
{
	struct checkpoint c;
	struct life l;

	(void)state;
	life_init(&l, HELD_FIRST, HELD_FIRST);
	start_without_guard(&l);
	meet(&l, 1, PEER, 0);
	fork_at(&l, HELD_FIRST, 2, &c);
	probe_hear_head(&l.p, 1, &c); /* 7 of the one, */
	meet(&l, 2, THIRD, SIGNED);   /* 9 of the other */
	gossip_closed(l.p.g, probe_time(&l.p), 1, "gone");
	probe_actions(&l.p);
	probe_tick(&l.p, 2000);
	give(&l, 2, HELD_FIRST, SIGNED);
	assert_string_equal(l.p.mute, "split");
	assert_int_equal(l.p.splits, 1);
	probe_tick(&l.p, 10000);
	assert_int_equal(l.p.recovered, 0);
	life_free(&l);
}

static void nor_where_they_are_of_one_size(void **state)
{
	struct checkpoint c;
	struct life l;

	(void)state;
	life_init(&l, HELD_FIRST, HELD_FIRST);
	start_without_guard(&l);
	meet(&l, 1, PEER, SIGNED);
	fork_at(&l, HELD_FIRST, SIGNED - HELD_FIRST, &c);
	probe_hear_head(&l.p, 1, &c);
	assert_string_equal(l.p.mute, "split");
	assert_int_equal(l.p.splits, 1);
	life_free(&l);
}

static void what_is_shown_while_a_seal_is_on_its_way_is_compared_with_it(void **state)
{
	struct checkpoint c;
	struct life l;

	(void)state;
	life_init(&l, HELD_FIRST, HELD_FIRST);
	start_with_guard(&l, HELD_FIRST);
	meet(&l, 1, PEER, HELD_FIRST);
	meet(&l, 2, THIRD, HELD_FIRST);
	/* The writer has signed up to 9; before the engine hears of it, a peer shows another 7. */
	fork_at(&l, HELD_FIRST, 2, &c);
	probe_hear_head(&l.p, 1, &c);
	assert_string_equal(l.p.mute, "own-ahead");
	sim_log_append(l.own, sim_log_entries(&l.all, HELD_FIRST, SIGNED), SIGNED - HELD_FIRST);
	sign_at(&l.all, SIGNED, &c);
	gossip_sealed(l.p.g, probe_time(&l.p), &c, false);
	probe_actions(&l.p);
	assert_string_equal(l.p.mute, "split");
	assert_int_equal(l.p.splits, 1);
	life_free(&l);
}

/* Of what was signed before it died the guard knows, and the store has no checkpoint yet. */
static void nor_does_it_drop_what_its_guard_has_for_another_history(void **state)
{
	for (uint64_t size = HELD_FIRST + 1; size <= SIGNED + 1; size++) {
		struct checkpoint c;
		struct life l;

		(void)state;
		life_init(&l, SIGNED, HELD_FIRST);
		start_with_guard(&l, SIGNED);
		c = (struct checkpoint){.log = l.own->name, .size = size};
		checkpoint_sign(&c, cast_actor(SELF)->identity.log_secret);
		meet(&l, 1, PEER, 0);
		probe_hear_head(&l.p, 1, &c);
		assert_string_equal(l.p.mute, size <= SIGNED ? "split" : "own-ahead");
		assert_int_equal(l.p.cuts, 0);
		life_free(&l);
	}
}

/* Nothing signed of it lies here but what the guard has, and a clone has signed another history. */
static void nor_is_blamed_who_gives_that(void **state)
{
	struct sim_store other = {0};
	struct sim_log *fork;
	struct env_rng rng;
	struct life l;

	(void)state;
	life_init(&l, HELD_FIRST, 0);
	rng = sim_random_env(&l.p.random);
	fork = sim_store_need(&other, &l.own->name);
	sim_log_publish(fork, &cast_actor(SELF)->identity, SIGNED, 30, &rng);
	start_with_guard(&l, HELD_FIRST);
	meet(&l, 1, PEER, 0);
	probe_hear_head(&l.p, 1, &fork->complete);
	assert_string_equal(l.p.mute, "own-ahead");
	probe_hear_run(&l.p, 1, fork, HELD_FIRST, SIGNED);
	assert_int_equal(l.p.jobs_len, 1);
	l.p.alarm = NULL;
	probe_reject(&l.p, ENT_EPROOF);
	assert_null(l.p.alarm);
	assert_int_equal(l.p.closed, 0);
	probe_tick(&l.p, 70000);
	assert_int_equal(l.p.closed, 0);
	assert_int_equal(l.p.recovered, 0);
	sim_store_free(&other);
	life_free(&l);
}

static void what_reads_back_otherwise_is_never_signed_over(void **state)
{
	struct life l;

	(void)state;
	life_init(&l, SIGNED, SIGNED);
	start_with_guard(&l, SIGNED);
	meet(&l, 1, PEER, SIGNED);
	gossip_corrupt(l.p.g, probe_time(&l.p), &l.own->name);
	probe_actions(&l.p);
	assert_string_equal(l.p.mute, "corrupt");
	assert_int_equal(gossip_recover_confirm(l.p.g, probe_time(&l.p)), ENT_EPROOF);
	probe_tick(&l.p, 10000);
	assert_int_equal(l.p.recovered, 0);
	life_free(&l);
}

static void nobody_but_itself_can_make_it_mute(void **state)
{
	struct checkpoint c;
	struct life l;

	(void)state;
	life_init(&l, HELD_FIRST, HELD_FIRST);
	start_with_guard(&l, HELD_FIRST);
	meet(&l, 1, PEER, HELD_FIRST);
	sign_at(&l.all, SIGNED, &c);
	c.signature[5] ^= 1;
	probe_hear_head(&l.p, 1, &c);
	assert_null(l.p.mute);
	assert_blamed(&l.p, 1, PEER);
	life_free(&l);
}

static void what_was_shown_is_remembered_over_a_stop(void **state)
{
	static const struct checkpoint none;
	struct log_name name = probe_name(SELF, CLEAR);
	struct checkpoint held, seen;
	struct life l;

	(void)state;
	life_init(&l, HELD_FIRST, HELD_FIRST);
	sign_at(&l.all, HELD_FIRST, &held);
	sign_at(&l.all, SIGNED, &seen);
	(void)none;
	assert_int_equal(gossip_feed(l.p.g, &name, HELD_FIRST, 0, &held, &seen, false), 0);
	start_with_guard(&l, HELD_FIRST);
	assert_string_equal(l.p.mute, "own-ahead");
	life_free(&l);
}

/* --- the unsigned tail ------------------------------------------------------------------------ */

static void a_tail_that_peers_know_is_no_reason_to_be_mute(void **state)
{
	struct life l;

	(void)state;
	life_init(&l, SIGNED, HELD_FIRST);
	start_with_guard(&l, HELD_FIRST);
	meet(&l, 1, PEER, 7);
	assert_null(l.p.mute);
	probe_tick(&l.p, 250);
	assert_int_equal(l.p.may_seal, 1);
	life_free(&l);
}

/* Without a guard, and the peer shows more. Gives what it can give. */
static struct sim_log begin_behind(struct life *l)
{
	struct sim_log upto;

	life_init(l, HELD_FIRST, HELD_FIRST);
	start_without_guard(l);
	meet(l, 1, PEER, SIGNED);
	upto = l->all;
	sign_at(&l->all, SIGNED, &upto.complete);
	return upto;
}

/* The store has two entries more than the engine has heard of: the node went mute between their
 * commit and their signature. */
static void a_tail_that_nobody_told_of_goes_first_too(void **state)
{
	struct sim_log upto;
	struct life l;

	(void)state;
	upto = begin_behind(&l);
	probe_hear_run(&l.p, 1, &upto, HELD_FIRST, SIGNED);
	assert_int_equal(l.p.jobs_len, 1);
	assert_int_equal(l.p.cuts, 0);
	l.p.said_len = 0;
	probe_reject(&l.p, ENT_ESTATE);
	assert_int_equal(l.p.cuts, 1);
	/* Until it is gone nothing is asked for. */
	probe_tick(&l.p, 5000);
	assert_null(probe_last(&l.p, WIRE_SUBSCRIBE));
	gossip_cut(l.p.g, probe_time(&l.p), &l.own->name, HELD_FIRST, true);
	probe_actions(&l.p);
	give(&l, 1, HELD_FIRST, SIGNED);
	assert_int_equal(l.p.cuts, 1);
	life_free(&l);
}

/* It stays then, but it is asked for on, and not at once. */
static void a_tail_that_the_store_does_not_drop_is_not_waited_for(void **state)
{
	struct sim_log upto;
	struct life l;

	(void)state;
	upto = begin_behind(&l);
	probe_hear_run(&l.p, 1, &upto, HELD_FIRST, SIGNED);
	probe_reject(&l.p, ENT_ESTATE);
	assert_int_equal(l.p.cuts, 1);
	l.p.said_len = 0;
	gossip_cut(l.p.g, probe_time(&l.p), &l.own->name, 0, false);
	probe_actions(&l.p);
	assert_null(probe_last(&l.p, WIRE_SUBSCRIBE));
	probe_tick(&l.p, 2000);
	give(&l, 1, HELD_FIRST, SIGNED);
	life_free(&l);
}

static void a_tail_in_the_way_of_what_was_signed_goes_first(void **state)
{
	struct env_rng rng;
	struct life l;

	(void)state;
	life_init(&l, HELD_FIRST, HELD_FIRST);
	rng = sim_random_env(&l.p.random);
	/* Two entries that were committed here and never signed. */
	sim_log_publish(l.own, &cast_actor(SELF)->identity, 2, 30, &rng);
	{
		struct log_name name = probe_name(SELF, CLEAR);
		struct checkpoint c;

		sign_at(&l.all, HELD_FIRST, &c);
		assert_int_equal(gossip_feed(l.p.g, &name, 7, 0, &c, &c, false), 0);
	}
	start_with_guard(&l, HELD_FIRST);
	meet(&l, 1, PEER, SIGNED);
	assert_string_equal(l.p.mute, "own-ahead");
	assert_int_equal(l.p.cuts, 1);
	assert_null(probe_last(&l.p, WIRE_SUBSCRIBE));
	/* The store drops it; an erasure in it has been carried out. */
	probe_tick(&l.p, 1000);
	assert_null(probe_last(&l.p, WIRE_BODIES_WANT));
	l.own->size = 0;
	buf_reset(&l.own->entries);
	for (uint64_t i = 0; i < HELD_FIRST; i++)
		entry_append(l.own, &l.all, i, i == 2);
	gossip_cut(l.p.g, probe_time(&l.p), &l.own->name, HELD_FIRST, true);
	probe_actions(&l.p);
	give(&l, 1, HELD_FIRST, SIGNED);
	probe_tick(&l.p, 250);
	assert_non_null(probe_last(&l.p, WIRE_BODIES_WANT));
	assert_int_equal(probe_last(&l.p, WIRE_BODIES_WANT)->bodies_want.indexes[0], 2);
	meet(&l, 2, THIRD, 0);
	probe_tick(&l.p, 2000);
	assert_int_equal(l.p.recovered, 1);
	life_free(&l);
}

/* It lies under a signature already, and more of it may be on its way to the disk. */
static void what_is_being_taken_back_is_no_tail(void **state)
{
	struct sim_log upto;
	struct life l;

	(void)state;
	upto = begin_behind(&l);
	probe_hear_run(&l.p, 1, &upto, HELD_FIRST, 7);
	probe_store(&l.p);
	probe_hear_run(&l.p, 1, &upto, 7, SIGNED);
	meet(&l, 2, THIRD, SIGNED);
	assert_int_equal(l.p.cuts, 0);
	probe_store(&l.p);
	probe_tick(&l.p, 2000);
	assert_int_equal(l.p.recovered, 1);
	life_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_an_intact_guard_it_signs_after_one_peers_heads),
		cmocka_unit_test(with_an_intact_guard_it_waits_two_seconds_at_most),
		cmocka_unit_test(behind_its_guard_it_takes_back_exactly_that_and_goes_on),
		cmocka_unit_test(a_peer_that_shows_more_than_the_guard_makes_it_hear_everybody),
		cmocka_unit_test(another_root_than_the_guards_is_never_signed_over),
		cmocka_unit_test(nor_where_that_shows_only_in_what_is_taken_back),
		cmocka_unit_test(without_a_guard_it_hears_every_direct_peer_first),
		cmocka_unit_test(keys_that_are_read_again_make_it_hear_nobody_anew),
		cmocka_unit_test(it_waits_for_former_peers_until_they_are_given_up),
		cmocka_unit_test(with_an_intact_guard_former_peers_are_not_waited_for),
		cmocka_unit_test(a_peer_given_up_is_not_waited_for),
		cmocka_unit_test(what_was_shown_is_wanted_even_if_its_peer_is_given_up),
		cmocka_unit_test(a_reduced_head_alone_keeps_nobody_mute),
		cmocka_unit_test(without_a_guard_and_without_peers_somebody_has_to_say_so),
		cmocka_unit_test(shown_more_it_is_mute_takes_it_back_and_goes_on_once),
		cmocka_unit_test(what_it_signed_in_this_life_tells_a_clone_at_once),
		cmocka_unit_test(another_history_that_is_signed_stops_it_for_good),
		cmocka_unit_test(of_two_histories_that_are_shown_it_goes_on_with_none),
		cmocka_unit_test(nor_where_they_are_of_one_size),
		cmocka_unit_test(what_is_shown_while_a_seal_is_on_its_way_is_compared_with_it),
		cmocka_unit_test(nor_does_it_drop_what_its_guard_has_for_another_history),
		cmocka_unit_test(nor_is_blamed_who_gives_that),
		cmocka_unit_test(what_reads_back_otherwise_is_never_signed_over),
		cmocka_unit_test(nobody_but_itself_can_make_it_mute),
		cmocka_unit_test(what_was_shown_is_remembered_over_a_stop),
		cmocka_unit_test(a_tail_that_peers_know_is_no_reason_to_be_mute),
		cmocka_unit_test(a_tail_that_nobody_told_of_goes_first_too),
		cmocka_unit_test(a_tail_that_the_store_does_not_drop_is_not_waited_for),
		cmocka_unit_test(a_tail_in_the_way_of_what_was_signed_goes_first),
		cmocka_unit_test(what_is_being_taken_back_is_no_tail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
