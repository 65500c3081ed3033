/* SPDX-License-Identifier: EUPL-1.2 */
/* Receipts: who gives them, for what, to whom and how often; and what is taken from others. */
#include "unit/gossip/probe.h"

#include "sim/world.h"

#define PAIR audience_agreement(0x100 + PEER)

/* --- giving ----------------------------------------------------------------------------------- */

/* The engine's own receipt verifies under the key of its card, and says what the log says. */
static void assert_receipt(const struct wire_receipt *r, const struct sim_log *log, uint64_t size)
{
	struct checkpoint c;
	struct cosignature s = cosignature_from_wire(r->time, r->signature);

	assert_true(log_name_eq(&r->feed, &log->name));
	assert_int_equal(r->checkpoint.size, size);
	checkpoint_from_wire(&c, &r->feed, &r->checkpoint);
	assert_int_equal(cosignature_verify(&s, &c,
				 card_chain_last(&cast_actor(SELF)->chain)->receipt.public_key),
		0);
	assert_int_equal(checkpoint_verify(&c, cast_actor(PEER)->identity.log_public), 0);
}

/* PEER publishes more, and it comes here and is stored. */
static struct sim_log *grow(struct probe *p, struct audience audience, uint32_t count)
{
	struct sim_log *log = probe_published(p, PEER, audience, count, 10);

	if (log->size == count)
		probe_hear_head(p, 1, &log->complete);
	probe_hear_run(p, 1, log, log->size - count, log->size);
	while (p->jobs_len)
		probe_store(p);
	return log;
}

static void gives_a_receipt_when_all_is_durable_and_not_before(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, PEER, CLEAR, 10, 10);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_run(&p, 1, log, 0, 6);
	probe_tick(&p, 2000);
	assert_null(probe_last(&p, WIRE_RECEIPT));
	probe_store(&p); /* durable, but only six of ten */
	probe_tick(&p, 2000);
	assert_null(probe_last(&p, WIRE_RECEIPT));
	probe_hear_run(&p, 1, log, 6, 10);
	probe_tick(&p, 2000);
	assert_null(probe_last(&p, WIRE_RECEIPT));
	probe_store(&p);
	assert_int_equal(probe_count(&p, WIRE_RECEIPT), 1);
	assert_receipt(&probe_last(&p, WIRE_RECEIPT)->receipt, log, 10);
	probe_tick(&p, 5000);
	assert_int_equal(probe_count(&p, WIRE_RECEIPT), 1);
	probe_free(&p);
}

static void gives_at_most_one_a_second_and_feed_and_the_newest(void **state)
{
	struct sim_log *log = NULL;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = grow(&p, CLEAR, 1);
	assert_int_equal(probe_count(&p, WIRE_RECEIPT), 1);
	for (int i = 0; i < 20; i++) {
		p.now_ms += 10;
		grow(&p, CLEAR, 1);
	}
	assert_int_equal(probe_count(&p, WIRE_RECEIPT), 1);
	/* Another feed is another matter. */
	grow(&p, PAIR, 1);
	assert_int_equal(probe_count(&p, WIRE_RECEIPT), 2);
	probe_forget(&p);
	probe_tick(&p, GOSSIP_RECEIPT_MS - 500);
	assert_int_equal(probe_count(&p, WIRE_RECEIPT), 0);
	probe_tick(&p, 500);
	assert_int_equal(probe_count(&p, WIRE_RECEIPT), 1);
	assert_receipt(&probe_last(&p, WIRE_RECEIPT)->receipt, log, 21);
	/* After a pause it goes at once: somebody may wait for it. */
	probe_tick(&p, 2000);
	probe_forget(&p);
	grow(&p, CLEAR, 1);
	assert_int_equal(probe_count(&p, WIRE_RECEIPT), 1);
	probe_free(&p);
}

static void gives_none_for_what_is_frozen_or_its_own(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = grow(&p, CLEAR, 5);
	probe_published(&p, SELF, CLEAR, 5, 10);
	probe_tick(&p, 2000);
	assert_int_equal(probe_count(&p, WIRE_RECEIPT), 1);
	probe_forget(&p);
	assert_int_equal(gossip_feed(p.g, &log->name, 5, 0, &log->complete, &log->complete, true),
		0);
	probe_open(&p, 2, PEER);
	probe_hear_hello(&p, 2, SESSION_CREDIT_BYTES);
	probe_tick(&p, 2000);
	assert_int_equal(probe_count(&p, WIRE_RECEIPT), 0);
	probe_free(&p);
}

static void gives_the_last_one_again_in_a_new_session(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = grow(&p, CLEAR, 5);
	gossip_closed(p.g, probe_time(&p), 1, "cut");
	probe_actions(&p);
	probe_forget(&p);
	probe_open(&p, 2, PEER);
	probe_hear_hello(&p, 2, SESSION_CREDIT_BYTES);
	probe_hear_head(&p, 2, &log->complete);
	probe_tick(&p, 500);
	assert_int_equal(probe_count(&p, WIRE_RECEIPT), 1);
	assert_receipt(&probe_last(&p, WIRE_RECEIPT)->receipt, log, 5);
	probe_free(&p);
}

/* By the terms of then it may have had no use for it. */
static void gives_the_last_one_again_to_whoever_has_other_terms(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = grow(&p, CLEAR, 5);
	assert_int_equal(probe_count(&p, WIRE_RECEIPT), 1);
	probe_forget(&p);
	probe_hear_terms(&p, 1);
	probe_tick(&p, 100);
	assert_int_equal(probe_count(&p, WIRE_RECEIPT), 0);
	probe_tick(&p, GOSSIP_RECEIPT_MS);
	assert_int_equal(probe_count(&p, WIRE_RECEIPT), 1);
	assert_receipt(&probe_last(&p, WIRE_RECEIPT)->receipt, log, 5);
	probe_free(&p);
}

/* --- taking ----------------------------------------------------------------------------------- */

static struct wire_message receipt_by(unsigned actor, const struct checkpoint *c, uint64_t time)
{
	struct wire_message m = {.type = WIRE_RECEIPT, .receipt = {.feed = c->log, .time = time}};
	struct cosignature s;

	cosignature_sign(&s, c, time, cast_actor(actor)->identity.receipt_secret);
	checkpoint_to_wire(&m.receipt.checkpoint, c);
	memcpy(m.receipt.signature, s.signature, sizeof(m.receipt.signature));
	return m;
}

static void kept(struct probe *p, bool durable)
{
	for (size_t i = 0; i < p->kept_len; i++)
		if (!p->kept[i].differs)
			gossip_receipted(p->g, &p->kept[i].peer, &p->kept[i].checkpoint, durable);
}

static void counts_a_receipt_once_it_is_durable(void **state)
{
	struct wire_message m;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, SELF, CLEAR, 5, 10);
	m = receipt_by(PEER, &log->complete, 1795336200);
	probe_hear(&p, 1, &m);
	assert_int_equal(p.kept_len, 1);
	assert_false(p.kept[0].differs);
	assert_true(node_id_eq(&p.kept[0].peer, &cast_actor(PEER)->node));
	assert_int_equal(p.kept[0].cosignature.time, 1795336200);
	assert_int_equal(gossip_receipts(p.g, &log->name, 5), 0);
	kept(&p, true);
	assert_int_equal(gossip_receipts(p.g, &log->name, 5), 1);
	assert_int_equal(gossip_receipts(p.g, &log->name, 6), 0);
	/* The same once more says nothing new. */
	probe_forget(&p);
	probe_hear(&p, 1, &m);
	assert_silence(&p);
	assert_int_equal(p.kept_len, 0);
	probe_free(&p);
}

static void takes_it_again_when_the_store_has_refused(void **state)
{
	struct wire_message m;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, SELF, CLEAR, 5, 10);
	m = receipt_by(PEER, &log->complete, 1795336200);
	probe_hear(&p, 1, &m);
	kept(&p, false);
	assert_int_equal(gossip_receipts(p.g, &log->name, 5), 0);
	probe_forget(&p);
	probe_hear(&p, 1, &m);
	assert_int_equal(p.kept_len, 1);
	probe_free(&p);
}

static void takes_one_for_an_earlier_size(void **state)
{
	struct checkpoint early;
	struct wire_message m;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, SELF, CLEAR, 5, 10);
	probe_published(&p, SELF, CLEAR, 5, 10);
	sim_log_sign(log, 5, &cast_actor(SELF)->identity, &early);
	m = receipt_by(PEER, &early, 1795336200);
	probe_hear(&p, 1, &m);
	kept(&p, true);
	assert_int_equal(gossip_receipts(p.g, &log->name, 5), 1);
	assert_int_equal(gossip_receipts(p.g, &log->name, 10), 0);
	probe_free(&p);
}

/* Where the floor has taken the hashes, the own signature says that it is ours; above it a store
 * that cannot read says nothing. */
static void takes_one_for_what_lies_below_the_floor(void **state)
{
	struct checkpoint below, above;
	struct wire_message m;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, SELF, CLEAR, 700, 10);
	sim_log_sign(log, 300, &cast_actor(SELF)->identity, &below);
	sim_log_sign(log, 600, &cast_actor(SELF)->identity, &above);
	gossip_floor(p.g, probe_time(&p), &log->name, 2 * FLOOR_STEP);
	probe_actions(&p);
	log->size = 0;
	m = receipt_by(PEER, &above, 1795336200);
	probe_hear(&p, 1, &m);
	assert_int_equal(p.kept_len, 0);
	m = receipt_by(PEER, &below, 1795336200);
	probe_hear(&p, 1, &m);
	assert_int_equal(p.kept_len, 1);
	assert_false(p.kept[0].differs);
	log->size = 700;
	probe_free(&p);
}

static void blames_forged_receipts(void **state)
{
	struct wire_message m[3];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(m); i++) {
		struct sim_log *log;
		struct probe p;

		probe_greeted(&p);
		log = probe_published(&p, SELF, CLEAR, 5, 10);
		m[0] = receipt_by(THIRD, &log->complete, 1795336200); /* another's key */
		m[1] = receipt_by(PEER, &log->complete, 1795336200);
		m[1].receipt.time++; /* another time than was signed */
		m[2] = receipt_by(PEER, &log->complete, 1795336200);
		m[2].receipt.checkpoint.signature[5] ^= 1; /* not the origin's */
		probe_hear(&p, 1, &m[i]);
		assert_blamed(&p, 1, PEER);
		assert_int_equal(p.kept_len, 0);
		probe_free(&p);
	}
}

/* It goes by its own card, and what was taken here is another that contradicts it. */
static void a_receipt_by_keys_that_could_not_be_taken_blames_nobody(void **state)
{
	const uint64_t add = 100;
	struct sim_random random = {0xc4a49e00u + PEER + (add << 32)};
	struct env_rng rng = sim_random_env(&random);
	struct card_chain one, other;
	struct cosignature s;
	struct wire_message m;
	struct identity id;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	one = cast_next_card(PEER, false, &p.arena);
	other = cast_changed_card(PEER, false, add, &p.arena);
	probe_hear_cards(&p, 1, &one);
	probe_hear_cards(&p, 1, &other);
	assert_string_equal(p.alarm, "card-contradiction");
	log = probe_published(&p, SELF, CLEAR, 5, 10);
	assert_int_equal(identity_generate(&id, CAST_EPOCH + add, &rng), 0);
	m = receipt_by(PEER, &log->complete, 1795336200);
	cosignature_sign(&s, &log->complete, 1795336200, id.receipt_secret);
	memcpy(m.receipt.signature, s.signature, sizeof(s.signature));
	probe_hear(&p, 1, &m);
	assert_int_equal(p.closed, 0);
	assert_int_equal(p.kept_len, 0);
	identity_free(&id);
	probe_free(&p);
}

static void the_witness_key_gives_no_receipts(void **state)
{
	struct cosignature s;
	struct wire_message m;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, SELF, CLEAR, 5, 10);
	m = receipt_by(PEER, &log->complete, 1795336200);
	cosignature_sign(&s, &log->complete, 1795336200, cast_actor(PEER)->identity.witness_secret);
	memcpy(m.receipt.signature, s.signature, sizeof(s.signature));
	probe_hear(&p, 1, &m);
	assert_blamed(&p, 1, PEER);
	probe_free(&p);
}

/* A tree that others have of our feed: the store here was restored, or a clone runs. */
static void a_receipt_for_what_is_not_here_is_evidence(void **state)
{
	struct sim_store clone = {0};
	struct log_name name = probe_name(SELF, CLEAR);
	struct sim_log *other;
	struct wire_message m;
	struct probe p;
	struct env_rng rng;

	(void)state;
	for (uint32_t size = 5; size <= 6; size++) {
		probe_greeted(&p);
		rng = sim_random_env(&p.random);
		probe_published(&p, SELF, CLEAR, 5, 10);
		other = sim_store_need(&clone, &name);
		sim_log_publish(other, &cast_actor(SELF)->identity, size, 10, &rng);
		m = receipt_by(PEER, &other->complete, 1795336200);
		probe_hear(&p, 1, &m);
		assert_non_null(p.mute);
		assert_int_equal(p.kept_len, 1);
		assert_true(p.kept[0].differs);
		assert_int_equal(p.closed, 0);
		assert_int_equal(gossip_receipts(p.g, &name, 1), 0);
		sim_store_free(&clone);
		probe_free(&p);
	}
}

/* SELF, PEER and THIRD have an agreement; of THIRD's feed under it five entries came by PEER. */
static struct sim_log *of_another_party(struct probe *p)
{
	struct cast_terms terms = {
		.id = 0x500, .serial = 1, .parties = 1u << SELF | 1u << PEER | 1u << THIRD};
	struct sim_log *log;

	probe_init(p);
	for (unsigned i = 0; i <= THIRD; i++)
		terms.gives[i] = TLP_BIT(TLP_AMBER);
	probe_agree(p, &terms);
	probe_open(p, 1, PEER);
	probe_hear_hello(p, 1, SESSION_CREDIT_BYTES);
	log = probe_published(p, THIRD, audience_agreement(terms.id), 5, 10);
	probe_hear_head(p, 1, &log->complete);
	probe_hear_run(p, 1, log, 0, 5);
	probe_store(p);
	return log;
}

/* Both an origin and a party have signed what does not lie in the tree here. */
static void a_receipt_that_shows_a_split_view_proves_it(void **state)
{
	struct sim_store elsewhere = {0};
	struct sim_log *other;
	struct wire_message m;
	struct probe p;
	struct env_rng rng;

	(void)state;
	other = sim_store_need(&elsewhere, &of_another_party(&p)->name);
	rng = sim_random_env(&p.random);
	sim_log_publish(other, &cast_actor(THIRD)->identity, 4, 10, &rng);
	m = receipt_by(PEER, &other->complete, 1795336200);
	probe_hear(&p, 1, &m);
	probe_tick(&p, 1000);
	assert_int_equal(p.freezes, 1);
	assert_int_equal(p.closed, 0);
	assert_int_equal(p.kept_len, 1);
	assert_true(p.kept[0].differs);
	sim_store_free(&elsewhere);
	probe_free(&p);
}

/* While two cards of the origin contradict each other: else it is. */
static void a_receipt_that_another_card_may_bear_out_is_no_fault(void **state)
{
	(void)state;
	for (unsigned contradicted = 0; contradicted < 2; contradicted++) {
		struct card_chain one, other;
		struct wire_message m;
		struct checkpoint c;
		struct probe p;

		sim_log_sign(of_another_party(&p), 5, &cast_actor(PEER)->identity, &c);
		one = cast_next_card(THIRD, false, &p.arena);
		other = cast_changed_card(THIRD, false, 100, &p.arena);
		probe_hear_cards(&p, 1, &one);
		if (contradicted)
			probe_hear_cards(&p, 1, &other);
		m = receipt_by(PEER, &c, 1795336200);
		probe_hear(&p, 1, &m);
		assert_int_equal(p.closed, contradicted ? 0 : 1);
		assert_int_equal(p.kept_len, 0);
		probe_free(&p);
	}
}

static void says_nothing_about_receipts_of_feeds_that_are_not_its_business(void **state)
{
	struct wire_message m;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	/* A third's community feed, and one that nobody here knows. */
	log = probe_published(&p, THIRD, CLEAR, 5, 10);
	m = receipt_by(PEER, &log->complete, 1795336200);
	probe_hear(&p, 1, &m);
	assert_silence(&p);
	log = probe_published(&p, PEER, CLEAR, 5, 10);
	probe_hear_head(&p, 1, &log->complete);
	probe_forget(&p);
	m = receipt_by(PEER, &log->complete, 1795336200);
	probe_hear(&p, 1, &m);
	assert_silence(&p);
	/* Ours, for an agreement to which PEER is no party. */
	log = probe_published(&p, SELF, audience_agreement(0x999), 5, 10);
	probe_forget(&p);
	m = receipt_by(PEER, &log->complete, 1795336200);
	probe_hear(&p, 1, &m);
	assert_silence(&p);
	assert_int_equal(p.kept_len, 0);
	probe_free(&p);
}

static void blames_a_flood_of_receipts(void **state)
{
	struct wire_message m;
	struct sim_log *log;
	struct probe p;
	unsigned heard = 0;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, SELF, CLEAR, 5, 10);
	m = receipt_by(PEER, &log->complete, 1795336200);
	/* What half a minute on a stuck line brings at once is none. */
	for (; heard < 60; heard++)
		probe_hear(&p, 1, &m);
	assert_int_equal(p.closed, 0);
	for (; heard < 1000 && !p.closed; heard++)
		probe_hear(&p, 1, &m);
	assert_blamed(&p, 1, PEER);
	assert_true(heard > GOSSIP_RECEIPTS_MAX && heard < 4 * GOSSIP_RECEIPTS_MAX);
	probe_free(&p);
}

/* --- in a world ------------------------------------------------------------------------------- */

static unsigned receipts_at(struct world *w, unsigned node, const struct log_name *feed,
	uint64_t size)
{
	return gossip_receipts(w->nodes[node].gossip, feed, size);
}

/* 0 - 1 - 2, and 3 in one agreement with 0 and 1; the watcher looks at each message. */
static void receipts_reach_the_origin_and_the_parties_and_nobody_else(void **state)
{
	struct cast_terms near = {.id = 1,
		.serial = 1,
		.parties = 1u << 0 | 1u << 1,
		.introduces = 1u << 0 | 1u << 1};
	struct cast_terms far = {.id = 2,
		.serial = 1,
		.parties = 1u << 1 | 1u << 2,
		.introduces = 1u << 1 | 1u << 2};
	struct cast_terms three = {.id = 3, .serial = 1, .parties = 1u << 0 | 1u << 1 | 1u << 3};
	const uint32_t community = TLP_BIT(TLP_CLEAR);
	struct log_name clear, group;
	struct world *w = world_new(7);

	(void)state;
	world_nodes(w, 4);
	for (unsigned i = 0; i < 4; i++) {
		near.gives[i] = far.gives[i] = community;
		three.gives[i] = TLP_BIT(TLP_AMBER);
	}
	world_agree(w, &near);
	world_agree(w, &far);
	world_agree(w, &three);
	clear = world_feed(w, 0, audience_of(AUDIENCE_CLEAR));
	group = world_feed(w, 0, audience_agreement(3));
	world_run(w, 3000);
	world_publish(w, 0, clear.audience, 10, 50);
	world_publish(w, 0, group.audience, 4, 50);
	world_run(w, 5000);
	assert_null(world_failure(w));
	assert_int_equal(world_held(w, 2, &clear), 10);
	/* 1 is a peer of the origin; 2 is not. */
	assert_int_equal(receipts_at(w, 0, &clear, 10), 1);
	assert_int_equal(receipts_at(w, 1, &clear, 10), 0);
	/* All parties know of each other that they have it. */
	assert_int_equal(receipts_at(w, 0, &group, 4), 2);
	assert_int_equal(receipts_at(w, 1, &group, 4), 1);
	assert_int_equal(receipts_at(w, 3, &group, 4), 1);
	world_free(w);
}

static void receipts_survive_breaking_lines_and_full_disks(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct cast_terms terms = {.id = 1, .serial = 1, .parties = 7};
		struct world *w = world_new(seed);
		struct log_name feed;

		world_nodes(w, 3);
		for (unsigned i = 0; i < 3; i++)
			terms.gives[i] = TLP_BIT(TLP_CLEAR);
		world_agree(w, &terms);
		feed = world_feed(w, 0, audience_of(AUDIENCE_CLEAR));
		for (unsigned round = 0; round < 20; round++) {
			world_health(w, 1, round % 7 == 3 ? DISK_FULL : DISK_WELL);
			world_health(w, 0, round % 7 == 5 ? DISK_FULL : DISK_WELL);
			world_publish(w, 0, feed.audience, 1 + round % 3, 50);
			world_run(w, 100 + 37 * round);
			world_break(w, 0, 1 + round % 2);
		}
		world_health(w, 0, DISK_WELL);
		world_health(w, 1, DISK_WELL);
		/* What could not be stored is given again with the next one. */
		world_publish(w, 0, feed.audience, 1, 50);
		world_run(w, 30000);
		assert_null(world_failure(w));
		assert_int_equal(receipts_at(w, 0, &feed, world_held(w, 0, &feed)), 2);
		world_free(w);
	}
}

/* Nobody had what it said last before it took new keys. */
static void a_former_incarnation_gets_its_receipts(void **state)
{
	struct cast_terms terms = {.id = 1, .serial = 1, .parties = 3};
	struct world *w = world_new(3);
	struct log_name former;

	(void)state;
	world_nodes(w, 2);
	terms.gives[0] = terms.gives[1] = TLP_BIT(TLP_CLEAR);
	world_agree(w, &terms);
	former = world_feed(w, 0, CLEAR);
	world_run(w, 3000);
	world_cut(w, 0, 1, true);
	world_publish(w, 0, CLEAR, 5, 100);
	world_run(w, 500);
	world_card(w, 0, true, false, 100);
	world_run(w, 1000);
	assert_int_equal(gossip_receipts(w->nodes[0].gossip, &former, 5), 0);
	world_cut(w, 0, 1, false);
	world_run(w, 5000);
	assert_null(world_failure(w));
	assert_int_equal(gossip_receipts(w->nodes[0].gossip, &former, 5), 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_a_receipt_when_all_is_durable_and_not_before),
		cmocka_unit_test(gives_at_most_one_a_second_and_feed_and_the_newest),
		cmocka_unit_test(gives_none_for_what_is_frozen_or_its_own),
		cmocka_unit_test(gives_the_last_one_again_in_a_new_session),
		cmocka_unit_test(gives_the_last_one_again_to_whoever_has_other_terms),
		cmocka_unit_test(counts_a_receipt_once_it_is_durable),
		cmocka_unit_test(takes_it_again_when_the_store_has_refused),
		cmocka_unit_test(takes_one_for_an_earlier_size),
		cmocka_unit_test(takes_one_for_what_lies_below_the_floor),
		cmocka_unit_test(blames_forged_receipts),
		cmocka_unit_test(a_receipt_by_keys_that_could_not_be_taken_blames_nobody),
		cmocka_unit_test(the_witness_key_gives_no_receipts),
		cmocka_unit_test(a_receipt_for_what_is_not_here_is_evidence),
		cmocka_unit_test(a_receipt_that_shows_a_split_view_proves_it),
		cmocka_unit_test(a_receipt_that_another_card_may_bear_out_is_no_fault),
		cmocka_unit_test(says_nothing_about_receipts_of_feeds_that_are_not_its_business),
		cmocka_unit_test(blames_a_flood_of_receipts),
		cmocka_unit_test(receipts_reach_the_origin_and_the_parties_and_nobody_else),
		cmocka_unit_test(receipts_survive_breaking_lines_and_full_disks),
		cmocka_unit_test(a_former_incarnation_gets_its_receipts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
