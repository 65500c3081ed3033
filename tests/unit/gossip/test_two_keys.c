/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The thief of a former root names, in his card, the very incarnation that the owner's next card
 * names: one name of a feed, two keys. Whoever has taken the thief's card first gives up what he
 * has of the name once the owner's card beats it, and nobody is blamed.
 */
#include "unit/gossip/probe.h"

#include "merkle/split.h"

#define ADD    100u /* the incarnation in both cards, */
#define THIEF  1u   /* and the keys */
#define OWNER  2u
#define FOURTH 3u
#define THIEFS 4u /* so many entries has the feed */
#define OWNERS 3u
#define FIRST  1u /* sessions: with PEER, who is robbed, and who is honest, */
#define SECOND 2u /* and with FOURTH, who has taken the thief's card */

struct robbed {
	struct probe p;
	struct card_chain stolen, rotated;
	struct identity thief, owner;
	struct sim_store honest;
	struct sim_log *thiefs, *owners; /* both of this name */
	struct log_name feed;
};

static void keys_of(struct identity *id, uint64_t keys)
{
	struct sim_random random = {0xc4a49e00u + PEER + (keys << 32)};
	struct env_rng rng = sim_random_env(&random);

	assert_int_equal(identity_generate(id, CAST_EPOCH + ADD, &rng), 0);
}

static void robbed_init(struct robbed *r)
{
	struct cast_terms terms = probe_terms(FOURTH);
	struct env_rng rng;

	memset(r, 0, sizeof(*r));
	probe_greeted(&r->p);
	probe_agree(&r->p, &terms);
	probe_hear_terms(&r->p, FIRST);
	probe_open(&r->p, SECOND, FOURTH);
	probe_hear_hello(&r->p, SECOND, SESSION_CREDIT_BYTES);
	r->stolen = cast_rival_card(PEER, false, ADD, THIEF, &r->p.arena);
	r->rotated = cast_rival_card(PEER, true, ADD, OWNER, &r->p.arena);
	keys_of(&r->thief, THIEF);
	keys_of(&r->owner, OWNER);
	rng = sim_random_env(&r->p.random);
	r->feed = (struct log_name){cast_actor(PEER)->node, CAST_EPOCH + ADD, CLEAR};
	r->thiefs = sim_store_need(&r->p.theirs, &r->feed);
	sim_log_publish(r->thiefs, &r->thief, THIEFS, 10, &rng);
	r->owners = sim_store_need(&r->honest, &r->feed);
	sim_log_publish(r->owners, &r->owner, OWNERS, 10, &rng);
	probe_forget(&r->p);
}

/* The thief's card is in force here, and the beginning of what it has published. */
static void robbed_taken(struct robbed *r, uint64_t count)
{
	robbed_init(r);
	probe_hear_cards(&r->p, SECOND, &r->stolen);
	probe_hear_head(&r->p, SECOND, &r->thiefs->complete);
	probe_hear_run(&r->p, SECOND, r->thiefs, 0, count);
	assert_int_equal(r->p.jobs_len, 1);
	probe_store(&r->p);
	probe_forget(&r->p);
}

static void robbed_free(struct robbed *r)
{
	identity_free(&r->thief);
	identity_free(&r->owner);
	sim_store_free(&r->honest);
	probe_free(&r->p);
}

static unsigned told_of(const struct probe *p, uint32_t session, const struct log_name *feed)
{
	unsigned n = 0;

	for (size_t i = 0; i < p->said_len; i++)
		for (size_t k = 0; p->said[i].type == WIRE_HEADS && k < p->said[i].heads.heads_len;
			k++)
			n += p->said_to[i] == session &&
			     log_name_eq(&p->said[i].heads.heads[k].feed, feed);
	return n;
}

/* The owner's card has come: what was here is put aside, and that is done. */
static void assert_aside(struct robbed *r)
{
	struct sim_log *log = sim_store_find(&r->p.store, &r->feed);

	assert_int_equal(r->p.aside, 1);
	assert_string_equal(r->p.alarm, "feed-put-aside");
	assert_int_equal(r->p.closed, 0);
	if (log)
		log->name.incarnation = 0;
	gossip_put_aside(r->p.g, probe_time(&r->p), &r->feed, true);
	probe_actions(&r->p);
}

/* What the name means now comes from its beginning, and is told. */
static void assert_owners_feed_arrives(struct robbed *r)
{
	struct probe *p = &r->p;

	probe_forget(p);
	probe_hear_head(p, FIRST, &r->owners->complete);
	assert_int_equal(probe_count(p, WIRE_SUBSCRIBE), 1);
	assert_int_equal(probe_last(p, WIRE_SUBSCRIBE)->subscribe.from, 0);
	probe_hear_run(p, FIRST, r->owners, 0, OWNERS);
	assert_int_equal(p->jobs_len, 1);
	assert_memory_equal(p->jobs[0]->log_key, r->owner.log_public, 32);
	probe_store(p);
	assert_int_equal(told_of(p, SECOND, &r->feed), 1);
	assert_memory_equal(probe_last(p, WIRE_HEADS)->heads.heads[0].newest.root,
		r->owners->complete.root.bytes, HASH_BYTES);
	assert_null(p->alarm);
	assert_int_equal(p->closed, 0);
}

/* However much of it is here: nothing, a part, all. */
static void what_the_thief_has_published_gives_way_to_the_owners_feed(void **state)
{
	(void)state;
	for (uint64_t count = 1; count <= THIEFS; count++) {
		struct robbed r;

		robbed_taken(&r, count);
		probe_hear_cards(&r.p, FIRST, &r.rotated);
		/* Nobody is told of it, by a head or otherwise, and nothing of it is served. */
		assert_int_equal(told_of(&r.p, FIRST, &r.feed), 0);
		assert_int_equal(told_of(&r.p, SECOND, &r.feed), 0);
		probe_hear_subscribe(&r.p, FIRST, &r.feed, 0);
		probe_hear_head(&r.p, FIRST, &r.owners->complete);
		probe_tick(&r.p, 1000);
		assert_int_equal(probe_count(&r.p, WIRE_DATA), 0);
		assert_int_equal(probe_count(&r.p, WIRE_SUBSCRIBE), 0);
		assert_aside(&r);
		assert_int_equal(probe_count(&r.p, WIRE_SUBSCRIBE), 1);
		probe_hear_subscribe(&r.p, SECOND, &r.feed, 0);
		probe_forget(&r.p);
		probe_hear_run(&r.p, FIRST, r.owners, 0, OWNERS);
		assert_memory_equal(r.p.jobs[0]->log_key, r.owner.log_public, 32);
		probe_store(&r.p);
		assert_int_equal(told_of(&r.p, SECOND, &r.feed), 1);
		assert_null(r.p.alarm);
		assert_int_equal(r.p.closed, 0);
		robbed_free(&r);
	}
}

/* The owner's card comes while the thief's runs are being stored, or refused. */
static void what_is_on_its_way_is_put_aside_with_the_rest(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 3; how++) {
		struct robbed r;

		robbed_init(&r);
		probe_hear_cards(&r.p, SECOND, &r.stolen);
		probe_hear_held(&r.p, SECOND, &r.feed, THIEFS);
		probe_hear_run(&r.p, SECOND, r.thiefs, 0, 2);
		probe_hear_run(&r.p, SECOND, r.thiefs, 2, THIEFS);
		assert_int_equal(r.p.jobs_len, 2);
		probe_hear_cards(&r.p, FIRST, &r.rotated);
		probe_hear_head(&r.p, FIRST, &r.owners->complete);
		assert_int_equal(r.p.aside, 0);
		if (how < 2)
			probe_store(&r.p);
		else
			probe_reject(&r.p, ENT_EFULL);
		assert_int_equal(r.p.aside, 0);
		if (how < 1)
			probe_store(&r.p);
		else
			probe_reject(&r.p, how < 2 ? ENT_EPROOF : ENT_ESTATE);
		assert_aside(&r);
		assert_owners_feed_arrives(&r);
		robbed_free(&r);
	}
}

/* At the start the store still has what is the thief's: the process died before it was put aside,
 * or the card came as a file. */
static void a_restart_finds_what_is_the_thiefs(void **state)
{
	static const struct checkpoint none;

	(void)state;
	for (unsigned how = 0; how < 8; how++) {
		struct robbed r;
		struct probe *p = &r.p;
		bool later = how & 1, whole = how & 2, frozen = how & 4;

		robbed_init(&r);
		if (!later)
			assert_int_equal(gossip_origin(p->g, &r.rotated, NULL), 0);
		assert_int_equal(gossip_feed(p->g, &r.feed, whole ? THIEFS : 1, 0,
					 whole ? &r.thiefs->complete : &none, &r.thiefs->complete,
					 frozen),
			later ? ENT_ENOTFOUND : 0);
		if (later)
			assert_int_equal(gossip_origin(p->g, &r.rotated, NULL), 0);
		probe_actions(p);
		assert_int_equal(told_of(p, SECOND, &r.feed), 0);
		assert_aside(&r);
		assert_owners_feed_arrives(&r);
		robbed_free(&r);
	}
}

/* What is the owner's stays, whatever cards it has changed. */
static void a_restart_keeps_what_is_the_owners(void **state)
{
	struct robbed r;

	(void)state;
	robbed_init(&r);
	assert_int_equal(gossip_origin(r.p.g, &r.rotated, NULL), 0);
	assert_int_equal(gossip_feed(r.p.g, &r.feed, OWNERS, 0, &r.owners->complete,
				 &r.owners->complete, false),
		0);
	probe_actions(&r.p);
	assert_int_equal(r.p.aside, 0);
	assert_int_equal(gossip_origin(r.p.g, &r.stolen, NULL), 0);
	probe_actions(&r.p);
	assert_int_equal(r.p.aside, 0);
	assert_null(r.p.alarm);
	robbed_free(&r);
}

/* A proof that the thief has signed two histories is nothing against the owner. */
static void a_split_view_of_the_thiefs_is_forgotten(void **state)
{
	struct wire_message m = {.type = WIRE_SPLIT};
	struct sim_store other = {0};
	struct checkpoint first;
	struct sim_log *fork;
	struct env_rng rng;
	struct robbed r;

	(void)state;
	robbed_taken(&r, THIEFS);
	rng = sim_random_env(&r.p.random);
	fork = sim_store_need(&other, &r.feed);
	sim_log_publish(fork, &r.thief, THIEFS, 10, &rng);
	sim_log_sign(r.thiefs, THIEFS, &r.thief, &first);
	split_to_wire(&m.split, &(struct split){.first = first, .second = fork->complete});
	probe_hear(&r.p, SECOND, &m);
	assert_int_equal(r.p.splits, 1);
	probe_forget(&r.p);
	probe_hear_cards(&r.p, FIRST, &r.rotated);
	assert_aside(&r);
	assert_int_equal(probe_count(&r.p, WIRE_SPLIT), 0);
	assert_owners_feed_arrives(&r);
	sim_store_free(&other);
	robbed_free(&r);
}

/* Both cards of the former root contradict each other, until the owner goes behind them. */
static void what_a_contradiction_froze_gives_way_as_well(void **state)
{
	struct card_chain other;
	struct robbed r;

	(void)state;
	robbed_taken(&r, THIEFS);
	other = cast_rival_card(PEER, false, ADD, OWNER, &r.p.arena);
	probe_hear_cards(&r.p, FIRST, &other);
	assert_int_equal(r.p.freezes, 1);
	probe_hear_cards(&r.p, FIRST, &r.rotated);
	assert_aside(&r);
	assert_owners_feed_arrives(&r);
	robbed_free(&r);
}

/* A neighbour that goes by the thief's card tells of what it has under the name: it hears of the
 * card that beats his, and is not to blame. */
static void who_was_deceived_is_not_blamed(void **state)
{
	struct robbed r;
	struct probe *p = &r.p;

	(void)state;
	robbed_init(&r);
	probe_hear_cards(p, FIRST, &r.rotated);
	probe_hear_head(p, FIRST, &r.owners->complete);
	probe_hear_run(p, FIRST, r.owners, 0, OWNERS);
	probe_store(p);
	probe_forget(p);
	probe_hear_cards(p, SECOND, &r.stolen);
	probe_hear_head(p, SECOND, &r.thiefs->complete);
	probe_hear_held(p, SECOND, &r.feed, THIEFS);
	assert_int_equal(probe_count(p, WIRE_HEADS), 0);
	/* Who has said only how much it has may be asked. */
	probe_tick(p, 5000);
	assert_int_equal(probe_count(p, WIRE_SUBSCRIBE), 1);
	probe_hear_run(p, SECOND, r.thiefs, OWNERS, THIEFS);
	probe_reject(p, ENT_ECRYPTO);
	probe_tick(p, 115000);
	assert_int_equal(p->closed, 0);
	assert_null(p->alarm);
	robbed_free(&r);
}

/* A signature that was verified once was so by one key. */
static void a_verified_checkpoint_is_so_by_its_key_alone(void **state)
{
	struct ingest_frontier f;
	struct robbed r;

	(void)state;
	memset(&f, 0, sizeof(f));
	robbed_init(&r);
	probe_hear_cards(&r.p, SECOND, &r.stolen);
	probe_hear_head(&r.p, SECOND, &r.thiefs->complete);
	probe_hear_run(&r.p, SECOND, r.thiefs, 0, THIEFS);
	range_init(&f.tree, 0);
	assert_int_equal(ingest_verify(&f, r.p.jobs[0]), 0);
	range_init(&f.tree, 0);
	memcpy(r.p.jobs[0]->log_key, r.owner.log_public, 32);
	assert_int_equal(ingest_verify(&f, r.p.jobs[0]), ENT_ECRYPTO);
	robbed_free(&r);
}

/* Of the owner's former feed so much is here, one entry without its body or none. */
static void former_here(struct sim_log *here, const struct sim_log *former, bool bare)
{
	here->size = 0;
	buf_reset(&here->entries);
	for (uint64_t i = 0; i < former->size; i++)
		entry_append(here, former, i, bare && i == 1);
	here->complete = here->seen = former->complete;
}

/* It had been carried out, and is nothing that the owner has said: others have the body still. */
static void what_the_thief_had_erased_in_the_former_feed_is_asked_for(void **state)
{
	struct sim_log *former, *here;
	struct robbed r;

	(void)state;
	robbed_taken(&r, THIEFS);
	former = probe_published(&r.p, PEER, CLEAR, 3, 40);
	here = sim_store_need(&r.p.store, &former->name);
	former_here(here, former, false);
	assert_int_equal(gossip_feed(r.p.g, &former->name, 3, 0, &former->complete,
				 &former->complete, false),
		0);
	probe_hear_head(&r.p, FIRST, &former->complete);
	probe_tick(&r.p, 1000);
	probe_tick(&r.p, 1000);
	assert_int_equal(probe_count(&r.p, WIRE_BODIES_WANT), 0);
	probe_hear_cards(&r.p, FIRST, &r.rotated);
	former_here(here, former, true);
	assert_aside(&r);
	probe_tick(&r.p, 1000);
	assert_int_equal(probe_count(&r.p, WIRE_BODIES_WANT), 1);
	assert_true(log_name_eq(&probe_last(&r.p, WIRE_BODIES_WANT)->bodies_want.feed,
		&former->name));
	robbed_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_thief_has_published_gives_way_to_the_owners_feed),
		cmocka_unit_test(what_is_on_its_way_is_put_aside_with_the_rest),
		cmocka_unit_test(a_restart_finds_what_is_the_thiefs),
		cmocka_unit_test(a_restart_keeps_what_is_the_owners),
		cmocka_unit_test(a_split_view_of_the_thiefs_is_forgotten),
		cmocka_unit_test(what_a_contradiction_froze_gives_way_as_well),
		cmocka_unit_test(who_was_deceived_is_not_blamed),
		cmocka_unit_test(a_verified_checkpoint_is_so_by_its_key_alone),
		cmocka_unit_test(what_the_thief_had_erased_in_the_former_feed_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
