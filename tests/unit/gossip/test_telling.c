/* SPDX-License-Identifier: EUPL-1.2 */
/* What is told of thousands of feeds goes on its way in pieces that a session can hold. */
#include "unit/gossip/crowd.h"

#include <time.h>

#include "merkle/split.h"

/* The cards and heads that the engine has to say: how many heads, and whether these were all. */
struct telling {
	size_t bytes;
	unsigned heads;
	bool all;
};

static void hears_heads(struct probe *p, struct telling *t)
{
	struct gossip_action action;

	while (gossip_action_next(p->g, &action)) {
		struct wire_message m;

		if (action.type != GOSSIP_SEND)
			continue;
		t->bytes += action.message.len;
		assert_int_equal(wire_decode(action.message.data[4],
					 bytes_skip(action.message, WIRE_PREFIX_BYTES), &p->arena,
					 &m),
			0);
		if (m.type != WIRE_HEADS)
			continue;
		assert_false(t->all);
		t->heads += (unsigned)m.heads.heads_len;
		t->all = m.heads.heads_len < WIRE_HEADS_MAX;
	}
}

/* A greeting, the answer to which waits. */
static void hears_hello(struct probe *p, uint32_t session)
{
	struct wire_agreement list[1] = {{.id = p->agreements[0]->id, .serial = 1}};
	struct wire_message hello = {.type = WIRE_HELLO,
		.hello = {.version = WIRE_VERSION,
			.agreements = list,
			.agreements_len = 1,
			.software = bytes_str("probe")}};
	struct buf b = buf_with_max(WIRE_MESSAGE_MAX);

	memcpy(list[0].hash, p->agreements[0]->hash, sizeof(list[0].hash));
	assert_int_equal(wire_encode(&b, &hello), 0);
	gossip_message(p->g, probe_time(p), session, WIRE_HELLO,
		bytes_skip(buf_view(&b), WIRE_PREFIX_BYTES));
	buf_free(&b);
}

/* What a session is told at its beginning is not all at once put into its queue. */
static void tells_no_more_heads_at_once_than_can_be_queued(void **state)
{
	static const uint8_t binding[16];
	enum { FEEDS = 4000 };
	struct log_name own = probe_name(SELF, CLEAR);
	struct telling t = {0};
	struct env_rng rng;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	gossip_closed(p.g, probe_time(&p), 1, "over");
	log = sim_store_need(&p.theirs, &own);
	for (unsigned i = 1; i <= FEEDS; i++) {
		struct checkpoint c = {.log = probe_name(THIRD, CLEAR), .size = 1};

		assert_int_equal(add_origin(&p, i), 0);
		memset(c.log.node.bytes, 0, sizeof(c.log.node.bytes));
		be32_put(c.log.node.bytes, i);
		assert_int_equal(gossip_feed(p.g, &c.log, 1, 0, &c, &c, false), 0);
	}
	probe_actions(&p);
	gossip_opened(p.g, probe_time(&p), 2, &cast_actor(PEER)->node, binding);
	hears_hello(&p, 2);
	hears_heads(&p, &t);
	assert_in_range(t.bytes, 1, SESSION_QUEUE_MAX / 2);
	assert_false(t.all);
	/* What becomes known meanwhile says not that these were all. */
	rng = sim_random_env(&p.random);
	sim_log_publish(log, &cast_actor(SELF)->identity, 1, 10, &rng);
	while (!t.all) {
		assert_in_range(t.bytes, 1, SESSION_QUEUE_MAX / 2);
		gossip_sealed(p.g, probe_time(&p), &log->complete, false);
		gossip_flushed(p.g, probe_time(&p), 2, t.bytes - t.bytes / 4);
		t.bytes /= 4;
		hears_heads(&p, &t);
	}
	assert_int_equal(t.heads, FEEDS + 1);
	probe_free(&p);
}

/* That the origin of the feed has signed two histories of it, in as many bytes as that may take: it
 * need not have any of the entries. */
static void fork_of(struct probe *p, const struct log_name *feed, struct buf *out)
{
	struct env_rng rng = sim_random_env(&p->random);
	struct wire_message m = {.type = WIRE_SPLIT};
	struct split split = {.first = {.log = *feed, .size = UINT64_MAX / 6},
		.second = {.log = *feed, .size = UINT64_MAX / 2}};

	env_random(&rng, (uint8_t *)split.hashes, sizeof(split.hashes));
	do
		assert_true(++split.hashes_len <= PROOF_HASHES_MAX);
	while (proof_roots(split.first.size, split.second.size, split.hashes, split.hashes_len,
		       &split.first.root, &split.second.root) != 0);
	split.first.root.bytes[0] ^= 1;
	checkpoint_sign(&split.first, cast_actor(THIRD)->identity.log_secret);
	checkpoint_sign(&split.second, cast_actor(THIRD)->identity.log_secret);
	split_to_wire(&m.split, &split);
	buf_reset(out);
	assert_int_equal(wire_encode(out, &m), 0);
}

/* What there is to say goes on its way: how many proofs. */
static unsigned hears_proofs(struct probe *p)
{
	struct gossip_action action;
	size_t bytes = 0;
	unsigned told = 0;

	while (gossip_action_next(p->g, &action)) {
		if (action.type != GOSSIP_SEND)
			continue;
		bytes += action.message.len;
		told += action.message.data[4] == WIRE_SPLIT;
	}
	assert_in_range(bytes, 1, SESSION_QUEUE_MAX / 2);
	gossip_flushed(p->g, probe_time(p), 2, bytes);
	return told;
}

/* A few rogue origins, of many incarnations each, are enough for so many. */
static void tells_no_more_proofs_at_once_than_can_be_queued(void **state)
{
	enum { FEEDS = 1200 };
	static const uint8_t binding[16];
	static const struct checkpoint none;
	struct buf b = buf_with_max(WIRE_MESSAGE_MAX);
	unsigned told = 0;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	gossip_closed(p.g, probe_time(&p), 1, "over");
	for (unsigned i = 1; i <= FEEDS; i++) {
		struct log_name name = probe_name(THIRD, CLEAR);

		assert_int_equal(add_origin(&p, i), 0);
		memset(name.node.bytes, 0, sizeof(name.node.bytes));
		be32_put(name.node.bytes, i);
		assert_int_equal(gossip_feed(p.g, &name, 0, 0, &none, &none, true), 0);
		fork_of(&p, &name, &b);
		assert_int_equal(gossip_split(p.g, bytes_skip(buf_view(&b), WIRE_PREFIX_BYTES)), 0);
	}
	gossip_opened(p.g, probe_time(&p), 2, &cast_actor(PEER)->node, binding);
	probe_actions(&p);
	probe_forget(&p);
	hears_hello(&p, 2);
	while (told < FEEDS)
		told += hears_proofs(&p);
	assert_int_equal(told, FEEDS);
	buf_free(&b);
	probe_free(&p);
}

/* How long it takes to get to know a hundred more. */
static clock_t hundred_more(struct probe *p, unsigned first)
{
	clock_t begin = clock();

	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(add_origin(p, first + i), 0);
	return clock() - begin;
}

/* And to learn of another card of each. */
static clock_t hundred_newer(struct probe *p, unsigned first)
{
	struct card_chain chain = cast_next_card(THIRD, false, &p->arena);
	struct card card[2] = {chain.cards[0], chain.cards[1]};
	clock_t begin;

	hundred_more(p, first);
	chain.cards = card;
	begin = clock();
	for (unsigned i = 0; i < 100; i++) {
		for (unsigned k = 0; k < 2; k++) {
			memset(card[k].node.bytes, 0, sizeof(card[k].node.bytes));
			be32_put(card[k].node.bytes, first + i);
		}
		assert_int_equal(gossip_origin(p->g, &chain, &cast_actor(PEER)->node), 0);
	}
	return clock() - begin;
}

/* Nobody has been told of those, whatever else he has been told of. */
static void costs_no_look_at_all_feeds(clock_t (*takes)(struct probe *p, unsigned first))
{
	enum { FEEDS = 8000 };
	struct probe p;
	clock_t few, many;

	probe_greeted(&p);
	few = takes(&p, FEEDS + 1);
	for (unsigned i = 1; i <= FEEDS; i++) {
		struct log_name name = probe_name(THIRD, CLEAR);

		assert_int_equal(add_origin(&p, i), 0);
		memset(name.node.bytes, 0, sizeof(name.node.bytes));
		be32_put(name.node.bytes, i);
		probe_hear_held(&p, 1, &name, 1);
		probe_forget(&p);
	}
	many = takes(&p, FEEDS + 101);
	assert_true(many < 10 * (few + CLOCKS_PER_SEC / 1000));
	probe_free(&p);
}

static void a_new_origin_costs_no_look_at_all_feeds(void **state)
{
	(void)state;
	costs_no_look_at_all_feeds(hundred_more);
}

static void a_newer_card_costs_no_look_at_all_feeds(void **state)
{
	(void)state;
	costs_no_look_at_all_feeds(hundred_newer);
}

/* Its origin may come back as an old copy, and would sign another in its place. */
static void what_came_in_vain_is_shown_to_its_origin(void **state)
{
	(void)state;
	for (unsigned refused = 0; refused < 2; refused++) {
		const struct wire_message *m;
		struct sim_log *log;
		struct probe p;

		probe_greeted(&p);
		log = probe_published(&p, PEER, CLEAR, 3, 20);
		probe_hear_head(&p, 1, &log->complete);
		probe_hear_run(&p, 1, log, 0, 3);
		probe_store(&p);
		probe_published(&p, PEER, CLEAR, 4, 20);
		/* What goes before has not come; or the store fails before it looks. */
		probe_hear_run(&p, 1, log, refused ? 3 : 5, 7);
		assert_int_equal(p.jobs_len, refused);
		if (refused)
			probe_reject(&p, ENT_EIO);
		probe_open(&p, 2, PEER);
		probe_forget(&p);
		probe_hear_hello(&p, 2, SESSION_CREDIT_BYTES);
		m = probe_last(&p, WIRE_HEADS);
		assert_true(m && m->heads.heads_len == 1);
		assert_int_equal(m->heads.heads[0].held, 3);
		assert_int_equal(m->heads.heads[0].newest.size, 7);
		probe_free(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_no_more_heads_at_once_than_can_be_queued),
		cmocka_unit_test(tells_no_more_proofs_at_once_than_can_be_queued),
		cmocka_unit_test(a_new_origin_costs_no_look_at_all_feeds),
		cmocka_unit_test(a_newer_card_costs_no_look_at_all_feeds),
		cmocka_unit_test(what_came_in_vain_is_shown_to_its_origin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
