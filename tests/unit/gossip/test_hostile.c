/* SPDX-License-Identifier: EUPL-1.2 */
/* Peers that say what no correct node says; what they get, and what it costs. */
#include "unit/gossip/probe.h"

#define HUGE_SIZE ((uint64_t)1 << 63)

/* --- greeting --------------------------------------------------------------------------------- */

static void says_nothing_but_hello_before_it_is_greeted(void **state)
{
	struct cast_terms terms = probe_terms(PEER);
	struct probe p;

	(void)state;
	probe_init(&p);
	probe_agree(&p, &terms);
	probe_published(&p, SELF, CLEAR, 3, 10);
	probe_forget(&p);
	probe_open(&p, 1, PEER);
	probe_tick(&p, 2000);
	assert_int_equal(p.said_len, 1);
	assert_int_equal(p.said[0].type, WIRE_HELLO);
	probe_free(&p);
}

static void blames_a_peer_that_does_not_greet_first(void **state)
{
	struct cast_terms terms = probe_terms(PEER);
	struct log_name feed = probe_name(SELF, CLEAR);
	struct probe p;

	(void)state;
	probe_init(&p);
	probe_agree(&p, &terms);
	probe_open(&p, 1, PEER);
	probe_hear_subscribe(&p, 1, &feed, 0);
	assert_blamed(&p, 1, PEER);
	probe_free(&p);
}

static void leaves_a_peer_that_never_greets(void **state)
{
	struct cast_terms terms = probe_terms(PEER);
	struct probe p;

	(void)state;
	probe_init(&p);
	probe_agree(&p, &terms);
	probe_open(&p, 1, PEER);
	probe_tick(&p, 9000);
	assert_int_equal(p.closed, 0);
	probe_tick(&p, 3000);
	assert_int_equal(p.closed, 1);
	probe_free(&p);
}

static void blames_a_peer_that_greets_twice(void **state)
{
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
	assert_blamed(&p, 1, PEER);
	probe_free(&p);
}

static void parts_from_another_version_without_blame(void **state)
{
	struct cast_terms terms = probe_terms(PEER);
	struct wire_message m = {.type = WIRE_HELLO,
		.hello = {.version = WIRE_VERSION + 1, .software = bytes_str("later")}};
	struct probe p;

	(void)state;
	probe_init(&p);
	probe_agree(&p, &terms);
	probe_open(&p, 1, PEER);
	probe_hear(&p, 1, &m);
	assert_int_equal(p.closed, 1);
	assert_int_equal(p.reason, BYE_VERSION);
	assert_int_equal(p.penalty_ms, 0);
	assert_null(p.alarm);
	probe_free(&p);
}

static void passes_over_messages_of_later_versions(void **state)
{
	static const uint8_t payload[] = {1, 2, 3};
	struct probe p;

	(void)state;
	probe_greeted(&p);
	gossip_message(p.g, probe_time(&p), 1, 200, BYTES_OF(payload));
	probe_actions(&p);
	assert_silence(&p);
	gossip_message(p.g, probe_time(&p), 1, WIRE_HEADS, BYTES_OF(payload));
	probe_actions(&p);
	assert_blamed(&p, 1, PEER);
	probe_free(&p);
}

/* --- asking for too much ---------------------------------------------------------------------- */

static void is_silent_about_feeds_that_may_not_be_seen(void **state)
{
	struct cast_terms with_third = probe_terms(THIRD);
	struct log_name names[] = {
		probe_name(SELF, GREEN),                             /* there, not given */
		probe_name(SELF, audience_agreement(0x100 + THIRD)), /* there, PEER is no party */
		probe_name(SELF, audience_agreement(0x999)),         /* does not exist */
		probe_name(THIRD, CLEAR),                            /* nothing of it is here */
		probe_name(CAST_MAX - 1, CLEAR),                     /* nobody has heard of it */
	};
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_agree(&p, &with_third);
	probe_published(&p, SELF, GREEN, 3, 10);
	probe_published(&p, SELF, audience_agreement(with_third.id), 3, 10);
	probe_forget(&p);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct wire_message want = {
			.type = WIRE_PROOF_WANT, .proof_want = {names[i], 1, 3}};
		struct wire_message leave = {.type = WIRE_UNSUBSCRIBE, .unsubscribe = {names[i]}};

		probe_hear_subscribe(&p, 1, &names[i], 0);
		gossip_entered(p.g, probe_time(&p), 1, &names[i]);
		probe_actions(&p);
		probe_hear(&p, 1, &want);
		probe_hear(&p, 1, &leave);
		assert_silence(&p);
	}
	probe_tick(&p, 3000);
	assert_silence(&p);
	probe_free(&p);
}

static void blames_a_flood_of_subscriptions_before_it_fills_the_log(void **state)
{
	struct log_name feed = probe_name(SELF, CLEAR);
	unsigned acts = 0;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_published(&p, SELF, CLEAR, 3, 10);
	for (int i = 0; i < 1000 && !p.closed; i++) {
		probe_forget(&p);
		probe_hear_subscribe(&p, 1, &feed, 0);
		acts += p.acts;
	}
	assert_blamed(&p, 1, PEER);
	assert_true(acts < 2 * GOSSIP_ASKS_TIMES * (GOSSIP_ASKS_MAX + 8));
	probe_free(&p);
}

static void blames_a_flood_of_terms(void **state)
{
	struct wire_agreement list[1];
	struct wire_message m = {.type = WIRE_TERMS};
	unsigned said = 0;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_published(&p, SELF, CLEAR, 3, 10);
	list[0] = (struct wire_agreement){.id = p.agreements[0]->id, .serial = 1};
	m.terms.agreements = list;
	for (int i = 0; i < 1000 && !p.closed; i++) {
		probe_forget(&p);
		m.terms.agreements_len = (size_t)i % 2;
		probe_hear(&p, 1, &m);
		said += (unsigned)p.said_len;
	}
	assert_blamed(&p, 1, PEER);
	assert_true(said < 300);
	probe_free(&p);
}

static void takes_no_run_beyond_the_credit_it_gave(void **state)
{
	struct gossip_counts counts = {0};
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, PEER, CLEAR, 200, 50000);
	probe_hear_head(&p, 1, &log->complete);
	for (uint64_t at = 0; at < 200 && !p.closed; at += 4) {
		gossip_counts(p.g, &counts);
		assert_true(counts.ingest_bytes <= SESSION_CREDIT_BYTES);
		probe_hear_run(&p, 1, log, at, at + 4);
	}
	assert_true(counts.ingest_bytes > SESSION_CREDIT_BYTES / 2);
	assert_blamed(&p, 1, PEER);
	probe_free(&p);
}

static void sends_no_run_beyond_the_credit_it_has(void **state)
{
	struct log_name feed = probe_name(SELF, CLEAR);
	struct wire_message credit = {.type = WIRE_CREDIT, .credit = {300000}};
	struct cast_terms terms = probe_terms(PEER);
	struct probe p;
	size_t sent = 0;

	(void)state;
	probe_init(&p);
	probe_agree(&p, &terms);
	probe_published(&p, SELF, CLEAR, 40, 50000);
	probe_open(&p, 1, PEER);
	probe_hear_hello(&p, 1, 200000);
	probe_forget(&p);
	probe_hear_subscribe(&p, 1, &feed, 0);
	gossip_entered(p.g, probe_time(&p), 1, &feed);
	probe_actions(&p);
	for (size_t i = 0; i < p.said_len; i++)
		sent += p.said[i].type == WIRE_DATA ? p.said[i].data.entries.len : 0;
	assert_in_range(sent, 100000, 200000);
	gossip_flushed(p.g, probe_time(&p), 1, SIZE_MAX);
	probe_forget(&p);
	gossip_flushed(p.g, probe_time(&p), 1, SIZE_MAX); /* one run at a time */
	probe_hear(&p, 1, &credit);
	assert_non_null(probe_last(&p, WIRE_DATA));
	credit.credit.bytes = HUGE_SIZE;
	probe_hear(&p, 1, &credit);
	assert_blamed(&p, 1, PEER);
	probe_free(&p);
}

/* --- telling what is not so ------------------------------------------------------------------- */

static void drops_runs_that_nobody_asked_for(void **state)
{
	struct gossip_peer_view v;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, PEER, CLEAR, 4, 100);
	probe_hear_run(&p, 1, log, 0, 4);
	assert_silence(&p);
	/* Asked for from 0 on: neither what lies beyond nor what has been taken already. */
	probe_hear_head(&p, 1, &log->complete);
	assert_non_null(probe_last(&p, WIRE_SUBSCRIBE));
	probe_forget(&p);
	probe_hear_run(&p, 1, log, 1, 4);
	assert_silence(&p);
	probe_hear_run(&p, 1, log, 0, 2);
	assert_int_equal(p.jobs_len, 1);
	probe_hear_run(&p, 1, log, 0, 2);
	assert_int_equal(p.jobs_len, 1);
	gossip_peer_view(p.g, &cast_actor(PEER)->node, &v);
	assert_int_equal(v.received_entries, 2);
	assert_true(v.redundant_bytes > 0);
	probe_free(&p);
}

static void heads_of_unknown_origins_cost_nothing(void **state)
{
	struct wire_head heads[WIRE_HEADS_MAX] = {0};
	struct wire_message m = {.type = WIRE_HEADS, .heads = {heads, WIRE_HEADS_MAX}};
	struct gossip_counts before, after;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	gossip_counts(p.g, &before);
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < WIRE_HEADS_MAX; i++) {
			sim_random_fill(&p.random, heads[i].feed.node.bytes, NODE_ID_BYTES);
			heads[i].feed.audience = i % 2 ? CLEAR : audience_agreement(i);
			heads[i].feed.incarnation = CAST_EPOCH;
		}
		probe_hear(&p, 1, &m);
	}
	gossip_counts(p.g, &after);
	assert_silence(&p);
	assert_int_equal(after.feeds, before.feeds);
	assert_int_equal(after.origins, before.origins);
	assert_int_equal(after.heads_ignored - before.heads_ignored, 50 * WIRE_HEADS_MAX);
	probe_free(&p);
}

static void invented_feeds_of_a_known_origin_cost_nothing(void **state)
{
	struct wire_head head = {0};
	struct wire_message m = {.type = WIRE_HEADS, .heads = {&head, 1}};
	struct gossip_counts counts;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	for (uint64_t i = 0; i < 3000; i++) {
		head.feed = probe_name(PEER, audience_agreement(i));
		probe_hear(&p, 1, &m);
		head.feed = probe_name(PEER, CLEAR);
		head.feed.incarnation += i;
		probe_hear(&p, 1, &m);
	}
	gossip_counts(p.g, &counts);
	/* Its clear feed and the one of the agreement with it. */
	assert_int_equal(counts.feeds, 2);
	assert_int_equal(p.closed, 0);
	probe_free(&p);
}

static void survives_sizes_beyond_reason(void **state)
{
	struct sim_log *own, *log;
	struct wire_message proof = {.type = WIRE_PROOF_WANT};
	struct probe p;

	(void)state;
	probe_greeted(&p);
	own = probe_published(&p, SELF, CLEAR, 3, 10);
	log = probe_published(&p, PEER, CLEAR, 3, 10);
	for (int i = 0; i < 2; i++) {
		uint64_t size = i ? UINT64_MAX : HUGE_SIZE;

		probe_hear_held(&p, 1, &log->name, size);
		probe_hear_held(&p, 1, &own->name, size);
		probe_hear_subscribe(&p, 1, &own->name, size);
		gossip_entered(p.g, probe_time(&p), 1, &own->name);
		probe_actions(&p);
		proof.proof_want.feed = own->name;
		proof.proof_want.first = size - 1;
		proof.proof_want.second = size;
		probe_hear(&p, 1, &proof);
		probe_tick(&p, 5000);
	}
	assert_int_equal(p.closed, 0);
	assert_null(probe_last(&p, WIRE_DATA));
	/* And it still serves who asks for what there is. */
	probe_hear_subscribe(&p, 1, &own->name, 0);
	gossip_entered(p.g, probe_time(&p), 1, &own->name);
	probe_actions(&p);
	assert_int_equal(probe_last(&p, WIRE_DATA)->data.count, 3);
	probe_free(&p);
}

static void blames_a_head_beyond_its_checkpoint(void **state)
{
	struct sim_log *log;
	struct wire_head head = {0};
	struct wire_message m = {.type = WIRE_HEADS, .heads = {&head, 1}};
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, PEER, CLEAR, 3, 10);
	head.feed = log->name;
	head.held = 4;
	checkpoint_to_wire(&head.newest, &log->complete);
	probe_hear(&p, 1, &m);
	assert_blamed(&p, 1, PEER);
	probe_free(&p);
}

static void blames_a_checkpoint_that_its_origin_did_not_sign(void **state)
{
	struct checkpoint forged;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_hear_cards(&p, 1, &cast_actor(THIRD)->chain);
	log = probe_published(&p, THIRD, CLEAR, 3, 10);
	sim_log_sign(log, 3, &cast_actor(PEER)->identity, &forged);
	probe_hear_head(&p, 1, &forged);
	assert_blamed(&p, 1, PEER);
	probe_free(&p);
}

/* --- cards ------------------------------------------------------------------------------------ */

static void blames_a_chain_that_does_not_hold(void **state)
{
	struct card_chain chain;
	struct bytes turned[2];
	struct wire_message m = {.type = WIRE_CARDS, .cards = {turned, 2}};
	struct probe p;

	(void)state;
	probe_greeted(&p);
	chain = cast_next_card(THIRD, false, &p.arena);
	turned[0] = chain.notes[1];
	turned[1] = chain.notes[0];
	probe_hear(&p, 1, &m);
	assert_blamed(&p, 1, PEER);
	assert_int_equal(p.pins, 0);
	probe_free(&p);
}

static void accepts_introductions_only_where_the_agreement_says_so(void **state)
{
	struct cast_terms terms = probe_terms(PEER);
	struct gossip_counts counts;
	struct probe p;

	(void)state;
	terms.introduces = 1u << SELF;
	probe_init(&p);
	probe_agree(&p, &terms);
	probe_open(&p, 1, PEER);
	probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
	probe_forget(&p);
	probe_hear_cards(&p, 1, &cast_actor(THIRD)->chain);
	assert_silence(&p);
	assert_int_equal(p.pins, 0);
	gossip_counts(p.g, &counts);
	assert_int_equal(counts.origins_ignored, 1);
	probe_free(&p);
}

static void an_introducer_has_a_quota_of_origins(void **state)
{
	struct cast_terms terms = probe_terms(PEER);
	struct gossip_counts counts;
	struct probe p;

	(void)state;
	terms.quota_origins = 3;
	probe_init(&p);
	probe_agree(&p, &terms);
	probe_open(&p, 1, PEER);
	probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
	for (unsigned i = THIRD; i < 10; i++)
		probe_hear_cards(&p, 1, &cast_actor(i)->chain);
	assert_int_equal(p.pins, 3);
	gossip_counts(p.g, &counts);
	assert_int_equal(counts.origins, 5);
	assert_int_equal(counts.origins_ignored, 5);
	/* One of them becomes a partner: then its place is free. */
	assert_int_equal(gossip_origin(p.g, &cast_actor(THIRD)->chain, NULL), 0);
	probe_hear_cards(&p, 1, &cast_actor(11)->chain);
	probe_hear_cards(&p, 1, &cast_actor(12)->chain);
	assert_int_equal(p.pins, 4);
	assert_int_equal(p.closed, 0);
	probe_free(&p);
}

static void freezes_an_origin_whose_cards_contradict_each_other(void **state)
{
	struct card_chain one, other;
	struct gossip_feed_view v;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_hear_cards(&p, 1, &cast_actor(THIRD)->chain);
	log = probe_published(&p, THIRD, CLEAR, 4, 10);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_run(&p, 1, log, 0, 2);
	probe_store(&p);
	probe_forget(&p);

	one = cast_next_card(THIRD, false, &p.arena);
	other = cast_next_card(THIRD, true, &p.arena);
	probe_hear_cards(&p, 1, &one);
	assert_int_equal(p.pins, 1);
	assert_null(p.alarm);
	probe_hear_cards(&p, 1, &other);
	assert_string_equal(p.alarm, "card-contradiction");
	assert_true(node_id_eq(&p.alarm_peer, &cast_actor(THIRD)->node));
	assert_int_equal(p.pins, 1);
	assert_int_equal(p.freezes, 1);
	/* Whoever passed it on is not to blame; nothing further is taken. */
	assert_int_equal(p.closed, 0);
	assert_non_null(probe_last(&p, WIRE_UNSUBSCRIBE));
	probe_forget(&p);
	probe_hear_run(&p, 1, log, 2, 4);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_cards(&p, 1, &other);
	assert_silence(&p);
	assert_true(gossip_feed_view(p.g, &log->name, &v));
	assert_true(v.frozen && v.held == 2);
	probe_free(&p);
}

/* A card of THIRD whose keys bear an incarnation that others bear too. */
static struct card_chain card_of_same_second(struct probe *p, struct identity *id, uint64_t seed)
{
	const struct actor *third = cast_actor(THIRD);
	struct bytes notes[2] = {third->chain.notes[0]};
	struct buf text = buf_with_max(NOTE_BYTES_MAX), note = buf_with_max(NOTE_BYTES_MAX);
	struct sim_random random = {seed};
	struct env_rng rng = sim_random_env(&random);
	struct card_chain chain;
	struct card next;

	card_next(&next, card_chain_last(&third->chain));
	assert_int_equal(identity_generate(id, CAST_EPOCH + 100, &rng), 0);
	assert_int_equal(card_set_keys(&next, id), 0);
	card_text(&text, &next);
	assert_int_equal(card_sign(&note, buf_view(&text), "card", &third->root, NULL), 0);
	notes[1] = arena_copy(&p->arena, buf_view(&note));
	assert_int_equal(card_chain_parse(notes, 2, "test", &p->arena, &chain, NULL), 0);
	buf_free(&text);
	buf_free(&note);
	return chain;
}

/* Whoever goes by the card that was not taken here shows what is signed by its keys. */
static void what_another_card_bears_out_blames_nobody(void **state)
{
	struct log_name feed = {cast_actor(THIRD)->node, CAST_EPOCH + 100, CLEAR};
	struct wire_message split = {.type = WIRE_SPLIT};
	struct checkpoint c = {.log = feed, .size = 3};
	struct card_chain one, other;
	struct identity ids[2];
	struct probe p;

	(void)state;
	probe_greeted(&p);
	one = card_of_same_second(&p, &ids[0], 1);
	other = card_of_same_second(&p, &ids[1], 2);
	probe_hear_cards(&p, 1, &one);
	probe_hear_cards(&p, 1, &other);
	assert_string_equal(p.alarm, "card-contradiction");
	probe_forget(&p);
	checkpoint_sign(&c, ids[1].log_secret);
	probe_hear_head(&p, 1, &c);
	checkpoint_to_wire(&split.split.first, &c);
	c.root.bytes[0] ^= 1;
	checkpoint_sign(&c, ids[1].log_secret);
	checkpoint_to_wire(&split.split.second, &c);
	split.split.feed = feed;
	probe_hear(&p, 1, &split);
	assert_int_equal(p.closed, 0);
	assert_null(p.alarm);
	assert_int_equal(p.splits, 0);
	identity_free(&ids[0]);
	identity_free(&ids[1]);
	probe_free(&p);
}

/* --- forks ------------------------------------------------------------------------------------ */

/* Whoever has the one card hears of the other: who was told the one, who told of the origin, and
 * who comes later. */
static void tells_everybody_of_cards_that_contradict_each_other(void **state)
{
	struct cast_terms with_third = probe_terms(THIRD), with_fourth = probe_terms(3);
	struct card_chain one, other;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_agree(&p, &with_third);
	probe_agree(&p, &with_fourth);
	probe_open(&p, 3, 3);
	probe_hear_hello(&p, 3, SESSION_CREDIT_BYTES);
	one = cast_next_card(4, false, &p.arena);
	other = cast_next_card(4, true, &p.arena);
	log = probe_published(&p, 4, CLEAR, 4, 10);
	probe_hear_cards(&p, 1, &one);
	probe_hear_head(&p, 1, &log->complete);
	probe_forget(&p);
	probe_hear_cards(&p, 3, &other);
	assert_string_equal(p.alarm, "card-contradiction");
	/* 1 has named the origin, 3 has brought the other card: both now have both. */
	assert_int_equal(probe_count(&p, WIRE_CARDS), 4);
	assert_bytes_equal(probe_last(&p, WIRE_CARDS)->cards.cards[1], other.notes[1]);
	probe_forget(&p);
	probe_hear_cards(&p, 1, &other);
	probe_hear_cards(&p, 3, &one);
	assert_int_equal(probe_count(&p, WIRE_CARDS), 0);
	assert_int_equal(p.closed, 0);
	probe_free(&p);
}

/* A node that starts anew has it from its store: it takes no side, and tells who asks. */
static void a_contradiction_is_remembered_over_a_restart(void **state)
{
	struct card_chain one, other;
	struct probe p, q;

	(void)state;
	probe_greeted(&p);
	one = cast_next_card(4, false, &p.arena);
	other = cast_next_card(4, true, &p.arena);
	probe_hear_cards(&p, 1, &one);
	assert_int_equal(p.rivals, 0);
	probe_hear_cards(&p, 1, &other);
	probe_hear_cards(&p, 1, &other);
	assert_int_equal(p.rivals, 1); /* the first is kept */

	probe_init(&q);
	assert_int_equal(gossip_origin(q.g, &one, NULL), 0);
	gossip_rival(q.g, &one); /* what does not contradict, or is of nobody, does no harm */
	assert_false(gossip_contradicted(q.g, &card_chain_last(&one)->node));
	gossip_rival(q.g, &other);
	assert_true(gossip_contradicted(q.g, &card_chain_last(&one)->node));
	probe_actions(&q);
	assert_string_equal(q.alarm, "card-contradiction");
	probe_free(&q);
	probe_free(&p);
}

/* Not even to whoever has brought one of them, if no feed of the origin may pass between them. */
static void tells_nobody_of_cards_who_may_see_no_feed_of_theirs(void **state)
{
	struct cast_terms with_third = probe_terms(THIRD);
	struct card_chain one, other;
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	with_third.gives[SELF] = with_third.gives[THIRD] = 0;
	probe_agree(&p, &with_third);
	probe_open(&p, 2, THIRD);
	probe_hear_hello(&p, 2, SESSION_CREDIT_BYTES);
	one = cast_next_card(4, false, &p.arena);
	other = cast_next_card(4, true, &p.arena);
	log = probe_published(&p, 4, CLEAR, 4, 10);
	probe_hear_cards(&p, 1, &one);
	probe_hear_head(&p, 1, &log->complete);
	probe_forget(&p);
	probe_hear_cards(&p, 2, &other);
	assert_string_equal(p.alarm, "card-contradiction");
	assert_int_equal(probe_count(&p, WIRE_CARDS), 2);
	for (size_t i = 0; i < p.said_len; i++)
		assert_true(p.said[i].type != WIRE_CARDS || p.said_to[i] == 1);
	probe_free(&p);
}

static void freezes_a_feed_with_two_roots_for_one_size(void **state)
{
	struct probe p, elsewhere;
	struct gossip_feed_view v;
	struct sim_log *log, *fork;

	(void)state;
	for (int seen_only = 0; seen_only < 2; seen_only++) {
		probe_greeted(&p);
		probe_init(&elsewhere);
		elsewhere.random.state = 77;
		log = probe_published(&p, PEER, CLEAR, 4, 10);
		fork = probe_published(&elsewhere, PEER, CLEAR, 4, 10);
		probe_hear_head(&p, 1, &log->complete);
		if (!seen_only) {
			probe_hear_run(&p, 1, log, 0, 4);
			probe_store(&p);
		}
		probe_forget(&p);
		probe_hear_head(&p, 1, &fork->complete);
		assert_string_equal(p.alarm, "split-view");
		assert_int_equal(p.freezes, 1);
		assert_int_equal(p.closed, 0);
		assert_true(gossip_feed_view(p.g, &log->name, &v));
		assert_true(v.frozen && !v.has_upstream);
		probe_forget(&p);
		probe_hear_head(&p, 1, &fork->complete);
		probe_hear_run(&p, 1, log, 0, 4);
		assert_silence(&p);
		probe_free(&elsewhere);
		probe_free(&p);
	}
}

/* --- the store -------------------------------------------------------------------------------- */

/* The store fails, and the run that it was to take stood under a forged checkpoint. */
static void what_was_not_verified_is_told_to_nobody(void **state)
{
	struct cast_terms third = probe_terms(THIRD);
	struct sim_log *log, lie;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, PEER, CLEAR, 4, 10);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_run(&p, 1, log, 0, 4);
	probe_store(&p);
	probe_published(&p, PEER, CLEAR, 4, 10);
	probe_agree(&p, &third);
	for (unsigned verified = 0; verified < 2; verified++) {
		const struct wire_message *m;

		lie = *log;
		lie.complete.signature[0] ^= !verified;
		probe_hear_run(&p, 1, &lie, 4, 8);
		assert_int_equal(p.jobs_len, 1);
		p.jobs[0]->verified = verified;
		probe_reject(&p, ENT_EIO);
		probe_open(&p, 2 + verified, THIRD);
		probe_hear_hello(&p, 2 + verified, SESSION_CREDIT_BYTES);
		m = probe_last(&p, WIRE_HEADS);
		assert_int_equal(m->heads.heads_len, 1);
		assert_int_equal(m->heads.heads[0].newest.size, verified ? 8 : 4);
		gossip_closed(p.g, probe_time(&p), 2 + verified, "gone");
		probe_tick(&p, 3000);
	}
	probe_free(&p);
}

static void nobody_is_blamed_when_the_store_is_full(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, PEER, CLEAR, 6, 10);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_run(&p, 1, log, 0, 2);
	probe_hear_run(&p, 1, log, 2, 4);
	assert_int_equal(p.jobs_len, 2);
	probe_reject(&p, ENT_EFULL);
	probe_reject(&p, ENT_ESTATE);
	assert_non_null(probe_last(&p, WIRE_UNSUBSCRIBE));
	assert_int_equal(p.closed, 0);
	assert_null(p.alarm);
	probe_forget(&p);
	/* What is still on its way is let go; after a while it asks again. */
	probe_hear_run(&p, 1, log, 4, 6);
	probe_tick(&p, 1500);
	assert_silence(&p);
	probe_tick(&p, 1500);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 1);
	assert_int_equal(probe_last(&p, WIRE_SUBSCRIBE)->subscribe.from, 0);
	probe_hear_run(&p, 1, log, 0, 6);
	probe_store(&p);
	probe_forget(&p);
	probe_tick(&p, 20000);
	assert_silence(&p);
	probe_free(&p);
}

/* --- runs and acts that cross each other ------------------------------------------------------ */

static void sends_nothing_before_the_act_of_this_very_sending_is_durable(void **state)
{
	struct log_name feed = probe_name(SELF, CLEAR);
	struct wire_message leave = {.type = WIRE_UNSUBSCRIBE, .unsubscribe = {feed}};
	struct probe p;

	(void)state;
	probe_greeted(&p);
	probe_published(&p, SELF, CLEAR, 3, 10);
	probe_hear_subscribe(&p, 1, &feed, 0);
	probe_hear(&p, 1, &leave);
	probe_hear_subscribe(&p, 1, &feed, 1);
	assert_int_equal(p.openings, 2);
	gossip_entered(p.g, probe_time(&p), 1, &feed);
	probe_actions(&p);
	assert_null(probe_last(&p, WIRE_DATA));
	gossip_entered(p.g, probe_time(&p), 1, &feed);
	probe_actions(&p);
	assert_int_equal(probe_last(&p, WIRE_DATA)->data.start, 1);
	probe_free(&p);
}

static void takes_what_is_new_of_a_run_that_overlaps(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	log = probe_published(&p, PEER, CLEAR, 6, 10);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_run(&p, 1, log, 0, 3);
	probe_hear_run(&p, 1, log, 1, 6);
	assert_int_equal(p.jobs_len, 2);
	assert_int_equal(p.jobs[1]->start, 3);
	assert_int_equal(p.jobs[1]->count, 3);
	probe_store(&p);
	probe_store(&p);
	assert_bytes_equal(sim_log_entries(sim_store_find(&p.store, &log->name), 0, 6),
		sim_log_entries(log, 0, 6));
	probe_free(&p);
}

static void proves_that_one_checkpoint_follows_another(void **state)
{
	struct checkpoint first;
	struct wire_message want = {.type = WIRE_PROOF_WANT};
	const struct wire_proof *proof;
	struct sim_log *own;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	own = probe_published(&p, SELF, CLEAR, 3, 10);
	first = own->complete;
	probe_published(&p, SELF, CLEAR, 8, 10);
	want.proof_want.feed = own->name;
	want.proof_want.first = 3;
	want.proof_want.second = 11;
	probe_hear(&p, 1, &want);
	proof = &probe_last(&p, WIRE_PROOF)->proof;
	assert_int_equal(proof_consistency_verify(3, 11, (const struct hash *)proof->hashes,
				 proof->hashes_len, &first.root, &own->complete.root),
		0);
	probe_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_nothing_but_hello_before_it_is_greeted),
		cmocka_unit_test(blames_a_peer_that_does_not_greet_first),
		cmocka_unit_test(leaves_a_peer_that_never_greets),
		cmocka_unit_test(blames_a_peer_that_greets_twice),
		cmocka_unit_test(parts_from_another_version_without_blame),
		cmocka_unit_test(passes_over_messages_of_later_versions),
		cmocka_unit_test(is_silent_about_feeds_that_may_not_be_seen),
		cmocka_unit_test(blames_a_flood_of_subscriptions_before_it_fills_the_log),
		cmocka_unit_test(blames_a_flood_of_terms),
		cmocka_unit_test(takes_no_run_beyond_the_credit_it_gave),
		cmocka_unit_test(sends_no_run_beyond_the_credit_it_has),
		cmocka_unit_test(drops_runs_that_nobody_asked_for),
		cmocka_unit_test(heads_of_unknown_origins_cost_nothing),
		cmocka_unit_test(invented_feeds_of_a_known_origin_cost_nothing),
		cmocka_unit_test(survives_sizes_beyond_reason),
		cmocka_unit_test(blames_a_head_beyond_its_checkpoint),
		cmocka_unit_test(blames_a_checkpoint_that_its_origin_did_not_sign),
		cmocka_unit_test(blames_a_chain_that_does_not_hold),
		cmocka_unit_test(accepts_introductions_only_where_the_agreement_says_so),
		cmocka_unit_test(an_introducer_has_a_quota_of_origins),
		cmocka_unit_test(freezes_an_origin_whose_cards_contradict_each_other),
		cmocka_unit_test(what_another_card_bears_out_blames_nobody),
		cmocka_unit_test(tells_everybody_of_cards_that_contradict_each_other),
		cmocka_unit_test(a_contradiction_is_remembered_over_a_restart),
		cmocka_unit_test(tells_nobody_of_cards_who_may_see_no_feed_of_theirs),
		cmocka_unit_test(freezes_a_feed_with_two_roots_for_one_size),
		cmocka_unit_test(what_was_not_verified_is_told_to_nobody),
		cmocka_unit_test(nobody_is_blamed_when_the_store_is_full),
		cmocka_unit_test(sends_nothing_before_the_act_of_this_very_sending_is_durable),
		cmocka_unit_test(takes_what_is_new_of_a_run_that_overlaps),
		cmocka_unit_test(proves_that_one_checkpoint_follows_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
