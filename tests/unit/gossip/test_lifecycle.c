/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What an end of terms leaves behind: nothing that was not on its way already. What a stolen root
 * can do once the next root has spoken: nothing.
 */
#include "unit/gossip/forks.h"

/* A peer that takes a clear feed of many runs; the first has been made. */
static struct log_name bulk_begin(struct probe *p)
{
	struct log_name clear = probe_name(SELF, CLEAR);

	probe_greeted(p);
	probe_published(p, SELF, CLEAR, 3000, 400);
	probe_hear_subscribe(p, 1, &clear, 0);
	probe_forget(p);
	gossip_entered(p->g, probe_time(p), 1, &clear);
	probe_actions(p);
	return clear;
}

static void at_most_one_run_waits_for_the_network(void **state)
{
	struct probe p;

	(void)state;
	bulk_begin(&p);
	assert_int_equal(probe_count(&p, WIRE_DATA), 1);
	probe_tick(&p, 1000);
	assert_int_equal(probe_count(&p, WIRE_DATA), 1);
	/* Half of it is gone: the other half still waits. */
	gossip_flushed(p.g, probe_time(&p), 1, 1000);
	probe_actions(&p);
	assert_int_equal(probe_count(&p, WIRE_DATA), 1);
	gossip_flushed(p.g, probe_time(&p), 1, SIZE_MAX);
	probe_actions(&p);
	assert_int_equal(probe_count(&p, WIRE_DATA), 2);
	probe_free(&p);
}

static void nothing_is_made_after_the_terms_have_ended(void **state)
{
	struct probe p;

	(void)state;
	bulk_begin(&p);
	gossip_agreements(p.g, probe_time(&p), NULL, 0);
	gossip_flushed(p.g, probe_time(&p), 1, SIZE_MAX);
	probe_actions(&p);
	assert_int_equal(probe_count(&p, WIRE_DATA), 1);
	assert_int_equal(p.closed, 1);
	assert_int_equal(p.reason, BYE_ENDED);
	probe_free(&p);
}

/* --- a stolen root ---------------------------------------------------------------------------- */

#define STOLEN  100u /* the incarnation of the thief's card, */
#define ROTATED 200u /* and of the owner's by the next root */

static bool knows(const struct probe *p, unsigned actor, uint64_t incarnation)
{
	return gossip_log_key(p->g, &cast_actor(actor)->node, CAST_EPOCH + incarnation) != NULL;
}

/* PEER itself, whose card is a party's, or THIRD, whom PEER introduces. */
static void the_next_root_beats_a_stolen_one_in_whatever_order_the_cards_come(void **state)
{
	(void)state;
	for (unsigned victim = PEER; victim <= THIRD; victim++) {
		for (unsigned order = 0; order < 4; order++) {
			struct card_chain stolen, rotated;
			struct probe p;

			probe_greeted(&p);
			stolen = cast_changed_card(victim, false, STOLEN, &p.arena);
			rotated = cast_changed_card(victim, true, ROTATED, &p.arena);
			if (order & 2)
				probe_hear_cards(&p, 1, &cast_actor(victim)->chain);
			probe_hear_cards(&p, 1, order & 1 ? &stolen : &rotated);
			assert_int_equal(knows(&p, victim, STOLEN), order & 1);
			probe_hear_cards(&p, 1, order & 1 ? &rotated : &stolen);
			assert_false(knows(&p, victim, STOLEN));
			assert_true(knows(&p, victim, ROTATED));
			assert_null(p.alarm);
			/* And again, as after a new session. */
			probe_hear_cards(&p, 1, &stolen);
			assert_false(knows(&p, victim, STOLEN));
			assert_int_equal(p.closed, 0);
			probe_free(&p);
		}
	}
}

/* Both have serial 2: whoever was told of the one must be told of the other. */
static void the_winner_is_passed_on_to_whoever_has_the_loser(void **state)
{
	struct cast_terms terms = probe_terms(3);
	struct card_chain stolen, rotated;
	const struct wire_message *m;
	struct log_name clear;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_agree(&p, &terms);
	probe_open(&p, 2, 3);
	probe_hear_hello(&p, 2, SESSION_CREDIT_BYTES);
	probe_published(&p, PEER, CLEAR, 1, 10);
	stolen = cast_changed_card(PEER, false, STOLEN, &p.arena);
	rotated = cast_changed_card(PEER, true, ROTATED, &p.arena);
	probe_hear_cards(&p, 1, &stolen);
	clear = probe_name(PEER, CLEAR);
	probe_hear_head(&p, 1, &sim_store_need(&p.theirs, &clear)->complete);
	probe_hear_run(&p, 1, sim_store_need(&p.theirs, &clear), 0, 1);
	probe_store(&p);
	m = probe_last(&p, WIRE_CARDS);
	assert_non_null(m);
	assert_true(bytes_eq(m->cards.cards[1], stolen.notes[1]));
	probe_forget(&p);
	probe_hear_cards(&p, 1, &rotated);
	m = probe_last(&p, WIRE_CARDS);
	assert_non_null(m);
	assert_true(bytes_eq(m->cards.cards[1], rotated.notes[1]));
	probe_free(&p);
}

/* As long as it is not settled nobody looks at what is told of the origin's feeds. */
static void what_was_told_during_a_contradiction_is_asked_for_again(void **state)
{
	struct card_chain one, other, rotated;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	one = cast_next_card(THIRD, false, &p.arena);
	other = cast_next_card(THIRD, true, &p.arena);
	rotated = cast_changed_card(THIRD, true, ROTATED, &p.arena);
	probe_hear_cards(&p, 1, &one);
	probe_hear_cards(&p, 1, &other);
	assert_string_equal(p.alarm, "card-contradiction");
	log = probe_published(&p, THIRD, CLEAR, 1, 10);
	probe_hear_head(&p, 1, &log->complete);
	probe_tick(&p, 12000);
	assert_null(probe_last(&p, WIRE_SUBSCRIBE));
	probe_forget(&p);
	probe_hear_cards(&p, 1, &rotated);
	probe_tick(&p, 2000);
	assert_non_null(probe_last(&p, WIRE_TERMS));
	probe_hear_head(&p, 1, &log->complete);
	assert_non_null(probe_last(&p, WIRE_SUBSCRIBE));
	probe_free(&p);
}

/* That is a look at every feed there is, which nobody may have as often as he likes. What of the
 * origin's is told of later is not taken either way. */
static void a_contradiction_that_is_known_is_not_gone_into_again(void **state)
{
	struct card_chain one, other;
	struct gossip_feed_view v;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	one = cast_next_card(PEER, false, &p.arena);
	other = cast_next_card(PEER, true, &p.arena);
	probe_hear_cards(&p, 1, &one);
	log = probe_published(&p, PEER, CLEAR, 1, 10);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_cards(&p, 1, &other);
	assert_int_equal(p.freezes, 1);
	assert_int_equal(p.rivals, 1);
	probe_forget(&p);
	log = probe_published(&p, PEER, audience_agreement(0x100 + PEER), 1, 10);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_cards(&p, 1, &other);
	assert_silence(&p);
	assert_true(gossip_feed_view(p.g, &log->name, &v) && !v.frozen && !v.has_upstream);
	probe_free(&p);
}

/* The neighbour at which a feed is subscribed has counted what it gave meanwhile as told, and tells
 * of it no more. */
static void what_was_given_during_a_contradiction_is_asked_for_again(void **state)
{
	struct card_chain one, other, rotated;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	one = cast_next_card(THIRD, false, &p.arena);
	other = cast_next_card(THIRD, true, &p.arena);
	rotated = cast_changed_card(THIRD, true, ROTATED, &p.arena);
	probe_hear_cards(&p, 1, &one);
	log = probe_published(&p, THIRD, CLEAR, 1, 10);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_run(&p, 1, log, 0, 1);
	probe_store(&p);
	/* In the keys directory. */
	assert_int_equal(gossip_origin(p.g, &other, NULL), ENT_EPROOF);
	probe_published(&p, THIRD, CLEAR, 1, 10);
	probe_hear_run(&p, 1, log, 1, 2);
	assert_int_equal(p.jobs_len, 0);
	probe_forget(&p);
	probe_hear_cards(&p, 1, &rotated);
	probe_tick(&p, 15000);
	assert_non_null(probe_last(&p, WIRE_SUBSCRIBE));
	assert_int_equal(probe_last(&p, WIRE_SUBSCRIBE)->subscribe.from, 1);
	probe_free(&p);
}

static void nothing_more_is_taken_of_what_the_thief_publishes(void **state)
{
	struct log_name feed = {cast_actor(PEER)->node, CAST_EPOCH + STOLEN, CLEAR};
	struct sim_random random = {0xc4a49e00u + PEER + ((uint64_t)STOLEN << 32)};
	struct env_rng rng = sim_random_env(&random);
	struct card_chain stolen, rotated;
	struct identity thief;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	stolen = cast_changed_card(PEER, false, STOLEN, &p.arena);
	rotated = cast_changed_card(PEER, true, ROTATED, &p.arena);
	assert_int_equal(identity_generate(&thief, CAST_EPOCH + STOLEN, &rng), 0);
	log = sim_store_need(&p.theirs, &feed);
	sim_log_publish(log, &thief, 2, 10, &rng);
	probe_hear_cards(&p, 1, &stolen);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_run(&p, 1, log, 0, 1);
	assert_int_equal(p.jobs_len, 1);
	probe_store(&p);
	probe_hear_cards(&p, 1, &rotated);
	assert_int_equal(p.freezes, 1);
	probe_forget(&p);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_run(&p, 1, log, 1, 2);
	assert_int_equal(p.jobs_len, 0);
	assert_int_equal(p.closed, 0);
	identity_free(&thief);
	probe_free(&p);
}

/* --- what a thief has published, when its card is beaten -------------------------------------- */

/* The keys of PEER's card with that incarnation. */
static void later_keys(struct identity *id, uint64_t incarnation)
{
	struct sim_random random = {0xc4a49e00u + PEER + (incarnation << 32)};
	struct env_rng rng = sim_random_env(&random);

	assert_int_equal(identity_generate(id, CAST_EPOCH + incarnation, &rng), 0);
}

struct nobodys {
	struct probe p;
	struct identity thief;
	struct sim_store other;
	struct sim_log *log;  /* two entries of it are here, and it goes on, */
	struct sim_log *fork; /* or goes on otherwise */
};

static void nobodys_init(struct nobodys *n)
{
	struct log_name feed = {
		cast_actor(PEER)->node, CAST_EPOCH + STOLEN, audience_agreement(0x100 + PEER)};
	struct card_chain stolen;
	struct env_rng rng;

	memset(n, 0, sizeof(*n));
	probe_greeted(&n->p);
	rng = sim_random_env(&n->p.random);
	later_keys(&n->thief, STOLEN);
	stolen = cast_changed_card(PEER, false, STOLEN, &n->p.arena);
	probe_hear_cards(&n->p, 1, &stolen);
	n->log = sim_store_need(&n->p.theirs, &feed);
	sim_log_publish(n->log, &n->thief, 2, 10, &rng);
	probe_hear_head(&n->p, 1, &n->log->complete);
	probe_hear_run(&n->p, 1, n->log, 0, 2);
	probe_store(&n->p);
	n->fork = sim_store_need(&n->other, &feed);
	sim_log_publish(n->fork, &n->thief, 3, 10, &rng);
	sim_log_publish(n->log, &n->thief, 2, 10, &rng);
}

static void nobodys_beaten(struct nobodys *n)
{
	struct card_chain rotated = cast_changed_card(PEER, true, ROTATED, &n->p.arena);

	probe_hear_cards(&n->p, 1, &rotated);
	assert_int_equal(n->p.freezes, 1);
}

static void nobodys_free(struct nobodys *n)
{
	identity_free(&n->thief);
	sim_store_free(&n->other);
	probe_free(&n->p);
}

static void a_split_view_of_a_feed_that_is_nobodys_meets_silence(void **state)
{
	struct wire_message m;
	struct nobodys n;

	(void)state;
	nobodys_init(&n);
	nobodys_beaten(&n);
	m = accusation(&n.p, n.fork, n.log);
	probe_forget(&n.p);
	probe_hear(&n.p, 1, &m);
	assert_silence(&n.p);
	assert_int_equal(n.p.splits, 0);
	nobodys_free(&n);
}

static void a_split_view_of_a_feed_that_is_nobodys_any_more_is_not_told(void **state)
{
	struct wire_message m;
	struct nobodys n;

	(void)state;
	nobodys_init(&n);
	m = accusation(&n.p, n.fork, n.log);
	probe_hear(&n.p, 1, &m);
	assert_int_equal(n.p.splits, 1);
	nobodys_beaten(&n);
	probe_open(&n.p, 2, PEER);
	probe_hear_hello(&n.p, 2, SESSION_CREDIT_BYTES);
	assert_int_equal(told_to(&n.p, 2), 0);
	nobodys_free(&n);
}

/* It was asked when the feed was somebody's. */
static void an_answer_about_a_feed_that_is_nobodys_any_more_meets_silence(void **state)
{
	struct nobodys n;

	(void)state;
	nobodys_init(&n);
	probe_hear_head(&n.p, 1, &n.log->complete);
	probe_tick(&n.p, 3000);
	assert_non_null(probe_last(&n.p, WIRE_PROOF_WANT));
	nobodys_beaten(&n);
	hear_answer(&n.p, 1, n.log);
	probe_tick(&n.p, 61000);
	assert_int_equal(n.p.closed, 0);
	assert_null(n.p.alarm);
	nobodys_free(&n);
}

static void a_receipt_of_a_feed_that_is_nobodys_meets_silence(void **state)
{
	struct wire_message m = {.type = WIRE_RECEIPT};
	struct identity owner;
	struct cosignature s;
	struct nobodys n;

	(void)state;
	nobodys_init(&n);
	nobodys_beaten(&n);
	later_keys(&owner, ROTATED);
	cosignature_sign(&s, &n.fork->complete, CAST_EPOCH + 3600, owner.receipt_secret);
	m.receipt.feed = n.fork->name;
	checkpoint_to_wire(&m.receipt.checkpoint, &n.fork->complete);
	m.receipt.time = s.time;
	memcpy(m.receipt.signature, s.signature, sizeof(m.receipt.signature));
	probe_forget(&n.p);
	probe_hear(&n.p, 1, &m);
	assert_silence(&n.p);
	assert_int_equal(n.p.kept_len, 0);
	identity_free(&owner);
	nobodys_free(&n);
}

/* The run is with the writer when the card comes. */
static void a_run_on_its_way_to_the_store_when_its_key_goes_blames_nobody(void **state)
{
	(void)state;
	for (unsigned stored = 0; stored < 2; stored++) {
		struct nobodys n;

		nobodys_init(&n);
		probe_hear_head(&n.p, 1, &n.log->complete);
		probe_hear_run(&n.p, 1, n.log, 2, 4);
		assert_int_equal(n.p.jobs_len, 1);
		nobodys_beaten(&n);
		if (stored)
			probe_store(&n.p);
		else
			probe_reject(&n.p, ENT_EPROOF);
		probe_tick(&n.p, 61000);
		assert_int_equal(n.p.closed, 0);
		assert_null(n.p.alarm);
		nobodys_free(&n);
	}
}

/* --- introducers who contradict each other ---------------------------------------------------- */

static void the_next_root_settles_a_contradiction(void **state)
{
	struct card_chain one, other, rotated;
	struct cast_terms terms = probe_terms(3);
	struct log_name feed = {cast_actor(THIRD)->node, CAST_EPOCH + ROTATED, CLEAR};
	struct sim_random random = {0xc4a49e00u + THIRD + ((uint64_t)ROTATED << 32)};
	struct env_rng rng = sim_random_env(&random);
	struct identity owner;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_agree(&p, &terms);
	probe_open(&p, 2, 3);
	probe_hear_hello(&p, 2, SESSION_CREDIT_BYTES);
	one = cast_next_card(THIRD, false, &p.arena);
	other = cast_next_card(THIRD, true, &p.arena);
	rotated = cast_changed_card(THIRD, true, ROTATED, &p.arena);
	probe_hear_cards(&p, 1, &one);
	assert_null(p.alarm);
	probe_hear_cards(&p, 2, &other);
	assert_string_equal(p.alarm, "card-contradiction");
	probe_forget(&p);
	assert_int_equal(identity_generate(&owner, CAST_EPOCH + ROTATED, &rng), 0);
	log = sim_store_need(&p.theirs, &feed);
	sim_log_publish(log, &owner, 1, 10, &rng);
	/* The owner goes back behind what they share, with the next root and new keys. */
	probe_hear_cards(&p, 2, &rotated);
	assert_null(p.alarm);
	probe_hear_head(&p, 2, &log->complete);
	probe_hear_run(&p, 2, log, 0, 1);
	assert_int_equal(p.jobs_len, 1);
	/* Whoever still comes with the one or the other brings nothing back. */
	probe_hear_cards(&p, 1, &one);
	probe_hear_cards(&p, 1, &other);
	assert_null(p.alarm);
	assert_true(knows(&p, THIRD, ROTATED));
	identity_free(&owner);
	probe_free(&p);
}

/* --- an incarnation that is not known yet ----------------------------------------------------- */

#define NEW_KEYS 300u

/* PEER, who may introduce nobody, tells of THIRD before anybody who may. */
static struct card_chain passed_over_begin(struct probe *p)
{
	struct cast_terms peer = probe_terms(PEER), other = probe_terms(3);

	peer.introduces = 0;
	probe_init(p);
	probe_agree(p, &peer);
	probe_agree(p, &other);
	for (uint32_t session = 1; session <= 2; session++) {
		probe_open(p, session, session == 1 ? PEER : 3);
		probe_hear_hello(p, session, SESSION_CREDIT_BYTES);
	}
	probe_tick(p, 2000);
	probe_forget(p);
	return cast_changed_card(THIRD, false, NEW_KEYS, &p->arena);
}

static bool asked_again(struct probe *p, uint32_t session)
{
	probe_tick(p, 2000);
	for (size_t i = 0; i < p->said_len; i++)
		if (p->said[i].type == WIRE_TERMS && p->said_to[i] == session)
			return true;
	return false;
}

/* What its feed of the new incarnation is called, with an entry. */
static const struct checkpoint *new_feed(struct probe *p)
{
	struct log_name feed = {cast_actor(THIRD)->node, CAST_EPOCH + NEW_KEYS, CLEAR};
	struct env_rng rng = sim_random_env(&p->random);
	struct sim_log *log = sim_store_need(&p->theirs, &feed);
	struct sim_random keys = {0xc4a49e00u + THIRD + ((uint64_t)NEW_KEYS << 32)};
	struct env_rng keys_rng = sim_random_env(&keys);
	struct identity owner;

	assert_int_equal(identity_generate(&owner, CAST_EPOCH + NEW_KEYS, &keys_rng), 0);
	sim_log_publish(log, &owner, 1, 10, &rng);
	identity_free(&owner);
	return &log->complete;
}

/* The newer chain was passed over, the older taken from another: the one is asked for again. */
static void a_newer_chain_that_was_passed_over_is_asked_for_again(void **state)
{
	struct card_chain newer;
	struct probe p;

	(void)state;
	newer = passed_over_begin(&p);
	probe_hear_cards(&p, 1, &newer);
	probe_hear_cards(&p, 2, &cast_actor(THIRD)->chain);
	probe_hear_head(&p, 1, new_feed(&p));
	assert_null(probe_last(&p, WIRE_SUBSCRIBE));
	assert_true(asked_again(&p, 1));
	probe_forget(&p);
	probe_hear_cards(&p, 1, &newer);
	probe_hear_head(&p, 1, new_feed(&p));
	assert_non_null(probe_last(&p, WIRE_SUBSCRIBE));
	/* Nothing is missed any more. */
	probe_forget(&p);
	assert_false(asked_again(&p, 1));
	probe_free(&p);
}

/* The head came before the card that names its incarnation, which came from elsewhere. */
static void heads_of_an_incarnation_are_asked_for_once_a_card_names_it(void **state)
{
	struct card_chain newer;
	struct probe p;

	(void)state;
	newer = passed_over_begin(&p);
	probe_hear_cards(&p, 2, &cast_actor(THIRD)->chain);
	probe_hear_head(&p, 1, new_feed(&p));
	assert_false(asked_again(&p, 1));
	probe_hear_cards(&p, 2, &newer);
	assert_true(asked_again(&p, 1));
	probe_free(&p);
}

/* It has taken the older from another; whoever may see nothing of the origin is told nothing. */
static void who_shows_an_older_card_is_told_the_newer(void **state)
{
	struct cast_terms none = probe_terms(4);
	const struct wire_message *m;
	struct card_chain newer;
	struct probe p;

	(void)state;
	newer = passed_over_begin(&p);
	none.gives[SELF] = none.gives[4] = TLP_BIT(TLP_AMBER);
	probe_agree(&p, &none);
	probe_open(&p, 3, 4);
	probe_hear_hello(&p, 3, SESSION_CREDIT_BYTES);
	probe_hear_cards(&p, 2, &newer);
	probe_forget(&p);
	probe_hear_cards(&p, 1, &cast_actor(THIRD)->chain);
	m = probe_last(&p, WIRE_CARDS);
	assert_non_null(m);
	assert_int_equal(p.said_to[m - p.said], 1);
	assert_true(bytes_eq(m->cards.cards[1], newer.notes[1]));
	probe_forget(&p);
	probe_hear_cards(&p, 1, &cast_actor(THIRD)->chain); /* once */
	probe_hear_cards(&p, 3, &cast_actor(THIRD)->chain);
	assert_silence(&p);
	probe_free(&p);
}

/* PEER may introduce one origin, and another when that one has become a party. */
static void who_may_introduce_another_is_asked_for_it(void **state)
{
	struct cast_terms terms = probe_terms(PEER), third = probe_terms(THIRD);
	struct probe p;

	(void)state;
	terms.quota_origins = 1;
	probe_init(&p);
	probe_agree(&p, &terms);
	probe_open(&p, 1, PEER);
	probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
	probe_hear_cards(&p, 1, &cast_actor(THIRD)->chain);
	probe_tick(&p, 2000);
	probe_forget(&p);
	probe_hear_cards(&p, 1, &cast_actor(3)->chain);
	assert_int_equal(p.pins, 0);
	probe_agree(&p, &third);
	assert_true(asked_again(&p, 1));
	probe_hear_cards(&p, 1, &cast_actor(3)->chain);
	assert_int_equal(p.pins, 1);
	probe_free(&p);
}

/* --- revocations ------------------------------------------------------------------------------ */

static void hear_revocation(struct probe *p, uint32_t session, struct bytes note)
{
	struct wire_message m = {.type = WIRE_REVOCATION, .revocation = {note}};

	probe_hear(p, session, &m);
}

static size_t place_of(const struct probe *p, enum wire_type type, uint32_t session)
{
	for (size_t i = 0; i < p->said_len; i++)
		if (p->said[i].type == type && p->said_to[i] == session)
			return i;
	return SIZE_MAX;
}

static void a_revocation_is_told_before_the_session_ends(void **state)
{
	struct bytes note;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	note = cast_revocation(p.agreements[0]->id, SELF, SELF, &p.arena);
	gossip_revocation(p.g, probe_time(&p), p.agreements[0]->id, note);
	probe_actions(&p);
	assert_int_equal(place_of(&p, WIRE_REVOCATION, 1), 0);
	assert_true(bytes_eq(p.said[0].revocation.note, note));
	assert_int_equal(p.closed, 1);
	assert_int_equal(p.reason, BYE_ENDED);
	assert_int_equal(p.penalty_ms, 0);
	probe_free(&p);
}

/* Three parties; with one of the others there is a second agreement. */
static void a_revocation_ends_the_agreement_at_once_and_runs_on(void **state)
{
	struct cast_terms terms = probe_terms(THIRD), three = {.id = 0x333, .serial = 1};
	struct log_name feed = probe_name(SELF, (struct audience){AUDIENCE_AGREEMENT, 0x333});
	struct bytes note;
	struct probe p;

	(void)state;
	three.parties = 1u << SELF | 1u << PEER | 1u << THIRD;
	for (unsigned i = SELF; i <= THIRD; i++)
		three.gives[i] = TLP_BIT(TLP_CLEAR) | TLP_BIT(TLP_GREEN) | TLP_BIT(TLP_AMBER);
	probe_init(&p);
	probe_agree(&p, &three);
	probe_agree(&p, &terms);
	probe_open(&p, 1, PEER);
	probe_open(&p, 2, THIRD);
	probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
	probe_hear_hello(&p, 2, SESSION_CREDIT_BYTES);
	probe_published(&p, SELF, feed.audience, 4000, 400);
	probe_hear_subscribe(&p, 2, &feed, 0);
	gossip_entered(p.g, probe_time(&p), 2, &feed);
	probe_actions(&p);
	assert_int_equal(probe_count(&p, WIRE_DATA), 1);
	probe_forget(&p);
	note = cast_revocation(0x333, PEER, PEER, &p.arena);
	hear_revocation(&p, 1, note);
	assert_int_equal(p.revoked, 0x333);
	/* With PEER nothing is left; THIRD is told, then that the terms are others. */
	assert_int_equal(p.closed, 1);
	assert_int_equal(p.reason, BYE_ENDED);
	assert_true(place_of(&p, WIRE_REVOCATION, 2) < place_of(&p, WIRE_TERMS, 2));
	gossip_flushed(p.g, probe_time(&p), 2, SIZE_MAX);
	probe_tick(&p, 1000);
	assert_int_equal(probe_count(&p, WIRE_DATA), 0);
	/* Once a session, however often they name it; and no file brings it back. */
	probe_forget(&p);
	gossip_agreements(p.g, probe_time(&p), p.agreements, p.agreements_len);
	hear_revocation(&p, 2, note);
	probe_tick(&p, 1000);
	assert_int_equal(p.said_len, 0);
	assert_int_equal(p.revoked, 0);
	probe_free(&p);
}

static void whoever_comes_later_and_names_it_is_told(void **state)
{
	struct wire_message terms = {.type = WIRE_TERMS};
	struct cast_terms other = probe_terms(PEER);
	struct wire_agreement named[2] = {{.serial = 1}, {.serial = 1}};
	struct bytes note;
	struct probe p;

	(void)state;
	other.id++;
	probe_init(&p);
	probe_agree(&p, &other);
	note = cast_revocation(0x777, SELF, SELF, &p.arena);
	gossip_revocation(p.g, probe_time(&p), 0x777, note);
	probe_open(&p, 1, PEER);
	probe_forget(&p);
	other.id = 0x777;
	p.agreements[p.agreements_len++] = cast_agreement(&other, &p.arena);
	probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
	assert_int_equal(place_of(&p, WIRE_REVOCATION, 1), 0);
	assert_int_equal(p.closed, 0);
	/* It names it still: it could make nothing of the note, and asks again. Once each time. */
	probe_forget(&p);
	named[0].id = p.agreements[0]->id;
	named[1].id = 0x777;
	terms.terms.agreements = named;
	terms.terms.agreements_len = 2;
	probe_hear(&p, 1, &terms);
	assert_int_equal(place_of(&p, WIRE_REVOCATION, 1), 0);
	probe_tick(&p, 60000);
	assert_int_equal(probe_count(&p, WIRE_REVOCATION), 1);
	probe_free(&p);
}

static void forged_revocations_are_a_lie_and_foreign_ones_nothing(void **state)
{
	struct cast_terms three = probe_terms(THIRD);
	struct probe p;

	(void)state;
	probe_greeted(&p);
	hear_revocation(&p, 1, cast_revocation(p.agreements[0]->id, PEER, THIRD, &p.arena));
	assert_blamed(&p, 1, PEER);
	assert_int_equal(p.revoked, 0);
	probe_free(&p);

	probe_greeted(&p);
	hear_revocation(&p, 1, bytes_str("entente/revocation/v1\n"));
	assert_blamed(&p, 1, PEER);
	probe_free(&p);

	/* Of an agreement that the peer has no part in; of none that is known. */
	probe_greeted(&p);
	probe_agree(&p, &three);
	probe_forget(&p);
	hear_revocation(&p, 1, cast_revocation(three.id, THIRD, THIRD, &p.arena));
	assert_silence(&p);
	hear_revocation(&p, 1, cast_revocation(0x999, PEER, PEER, &p.arena));
	assert_silence(&p);
	probe_free(&p);
}

/* PEER has moved to its next root, and its card is not here yet. */
static void a_revocation_by_a_root_to_come_is_asked_for_again(void **state)
{
	struct buf text = buf_with_max(NOTE_BYTES_MAX), note = buf_with_max(NOTE_BYTES_MAX);
	struct card_chain rotated;
	struct revocation r;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	rotated = cast_changed_card(PEER, true, ROTATED, &p.arena);
	r = (struct revocation){p.agreements[0]->id, cast_actor(PEER)->node, CAST_EPOCH + 1};
	revocation_text(&text, &r);
	assert_int_equal(note_sign_file(&note, buf_view(&text), "revocation",
				 &card_chain_last(&rotated)->root,
				 cast_actor(PEER)->next_root.secret, NULL),
		0);
	hear_revocation(&p, 1, buf_view(&note));
	assert_false(asked_again(&p, 1));
	assert_int_equal(p.revoked, 0);
	probe_hear_cards(&p, 1, &rotated);
	assert_true(asked_again(&p, 1));
	hear_revocation(&p, 1, buf_view(&note));
	assert_int_equal(p.revoked, r.agreement);
	buf_free(&text);
	buf_free(&note);
	probe_free(&p);
}

static void revocations_without_end_are_misbehaviour(void **state)
{
	struct bytes note;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	note = cast_revocation(0x999, PEER, PEER, &p.arena);
	for (unsigned i = 0; i < GOSSIP_ASKS_TIMES * (GOSSIP_ASKS_MAX + 8) && !p.closed; i++)
		hear_revocation(&p, 1, note);
	assert_blamed(&p, 1, PEER);
	probe_free(&p);
}

/* --- rosters ---------------------------------------------------------------------------------- */

static struct roster roster_with(struct roster_line *line, unsigned actor, unsigned root)
{
	*line = (struct roster_line){.name = "x",
		.node = cast_actor(actor)->node,
		.root = card_chain_last(&cast_actor(root)->chain)->root};
	return (struct roster){.id = 0x5eed,
		.serial = 3,
		.threshold = 1,
		.signatures_valid = 1,
		.members = line,
		.members_len = 1,
		.valid_from = CAST_EPOCH,
		.valid_until = CAST_EPOCH + 86400};
}

/* PEER may introduce nobody here. */
static void roster_begin(struct probe *p)
{
	struct cast_terms terms = probe_terms(PEER);

	terms.introduces = 0;
	probe_init(p);
	probe_agree(p, &terms);
	probe_open(p, 1, PEER);
	probe_hear_hello(p, 1, SESSION_CREDIT_BYTES);
	probe_forget(p);
}

static void a_member_of_a_roster_needs_no_introduction(void **state)
{
	struct roster_line line;
	struct roster r = roster_with(&line, THIRD, THIRD);
	const struct roster *list[] = {&r};
	struct sim_log *log;
	struct probe p;

	(void)state;
	roster_begin(&p);
	log = probe_published(&p, THIRD, CLEAR, 1, 10);
	probe_hear_cards(&p, 1, &cast_actor(THIRD)->chain);
	probe_hear_head(&p, 1, &log->complete);
	assert_int_equal(p.pins, 0);
	/* Accepted later: the heads that were passed over are asked for. */
	gossip_rosters(p.g, probe_time(&p), list, 1);
	probe_tick(&p, 2000);
	assert_non_null(probe_last(&p, WIRE_TERMS));
	probe_forget(&p);
	probe_hear_cards(&p, 1, &cast_actor(THIRD)->chain);
	assert_int_equal(p.pins, 1);
	assert_int_equal(p.act, ACT_INTRODUCED);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_run(&p, 1, log, 0, 1);
	assert_int_equal(p.jobs_len, 1);
	assert_null(p.alarm);
	probe_free(&p);
}

static void a_roster_lists_whom_it_lists(void **state)
{
	struct gossip_counts counts;
	struct roster_line line;
	struct probe p;

	(void)state;
	for (unsigned turn = 0; turn < 3; turn++) {
		/* Another node; the node under a foreign root; a roster that is over. */
		struct roster r = roster_with(&line, turn == 0 ? 3 : THIRD, turn == 1 ? 3 : THIRD);
		const struct roster *list[] = {&r};

		if (turn == 2)
			r.valid_until = CAST_EPOCH + 10;
		roster_begin(&p);
		gossip_rosters(p.g, probe_time(&p), list, 1);
		probe_hear_cards(&p, 1, &cast_actor(THIRD)->chain);
		gossip_counts(p.g, &counts);
		assert_int_equal(counts.origins_ignored, 1);
		assert_int_equal(p.pins, 0);
		assert_int_equal(p.closed, 0);
		probe_free(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_most_one_run_waits_for_the_network),
		cmocka_unit_test(nothing_is_made_after_the_terms_have_ended),
		cmocka_unit_test(the_next_root_beats_a_stolen_one_in_whatever_order_the_cards_come),
		cmocka_unit_test(the_winner_is_passed_on_to_whoever_has_the_loser),
		cmocka_unit_test(nothing_more_is_taken_of_what_the_thief_publishes),
		cmocka_unit_test(a_split_view_of_a_feed_that_is_nobodys_meets_silence),
		cmocka_unit_test(a_split_view_of_a_feed_that_is_nobodys_any_more_is_not_told),
		cmocka_unit_test(an_answer_about_a_feed_that_is_nobodys_any_more_meets_silence),
		cmocka_unit_test(a_receipt_of_a_feed_that_is_nobodys_meets_silence),
		cmocka_unit_test(a_run_on_its_way_to_the_store_when_its_key_goes_blames_nobody),
		cmocka_unit_test(the_next_root_settles_a_contradiction),
		cmocka_unit_test(a_newer_chain_that_was_passed_over_is_asked_for_again),
		cmocka_unit_test(heads_of_an_incarnation_are_asked_for_once_a_card_names_it),
		cmocka_unit_test(who_shows_an_older_card_is_told_the_newer),
		cmocka_unit_test(who_may_introduce_another_is_asked_for_it),
		cmocka_unit_test(what_was_told_during_a_contradiction_is_asked_for_again),
		cmocka_unit_test(a_contradiction_that_is_known_is_not_gone_into_again),
		cmocka_unit_test(what_was_given_during_a_contradiction_is_asked_for_again),
		cmocka_unit_test(a_revocation_is_told_before_the_session_ends),
		cmocka_unit_test(a_revocation_ends_the_agreement_at_once_and_runs_on),
		cmocka_unit_test(whoever_comes_later_and_names_it_is_told),
		cmocka_unit_test(forged_revocations_are_a_lie_and_foreign_ones_nothing),
		cmocka_unit_test(a_revocation_by_a_root_to_come_is_asked_for_again),
		cmocka_unit_test(revocations_without_end_are_misbehaviour),
		cmocka_unit_test(a_member_of_a_roster_needs_no_introduction),
		cmocka_unit_test(a_roster_lists_whom_it_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
