/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The publish door on a real store: claims are judged, made into entries, appended and indexed, and
 * judged again against what then stands.
 */
#include "lib/test.h"

#include <stdlib.h>

#include "base/vocab.h"
#include "intake/intake.h"

#define NOW_MS      1800000000000
#define DAY_MS      86400000ull
#define AGREEMENT   0x1234u
#define INCARNATION 1700000000u

static const struct node_id self = {{1}}, peer = {{2}}, third = {{3}};
static const uint8_t object_secret[32] = {42};
static const char *const no_lists[] = {"reserved", NULL};

struct fixture {
	const char *dir;
	struct store *store;
	struct store_reader *reader;
	struct guard *guard;
	struct agreement agreement;
	struct agreement_party parties[3];
	const struct agreement *agreements[1];
	struct intake intake;
	struct arena arena;
	struct buf body;
	uint64_t seed;
	struct env_rng rng;
};

static int setup(void **state)
{
	struct fixture *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	d->dir = test_dir();
	assert_int_equal(store_open(&d->store, d->dir, STORE_WRITE, NULL), 0);
	assert_int_equal(store_reader_open(d->store, &d->reader), 0);
	assert_int_equal(guard_new(&d->guard, BYTES_NONE), 0);
	d->parties[0] = (struct agreement_party){.node = peer};
	d->parties[1] = (struct agreement_party){.node = self,
		.gives = TLP_BIT(TLP_GREEN) | TLP_BIT(TLP_AMBER) | TLP_BIT(TLP_RED),
		.types = TYPE_BIT(TYPE_DOMAIN) | TYPE_BIT(TYPE_IPV4)};
	d->parties[2] = (struct agreement_party){.node = third};
	d->agreement = (struct agreement){.id = AGREEMENT,
		.parties = d->parties,
		.parties_len = 2,
		.valid_from = 0,
		.valid_until = NOW_MS / 1000 + 1};
	d->agreements[0] = &d->agreement;
	d->intake = (struct intake){.self = self,
		.incarnation = INCARNATION,
		.guard = d->guard,
		.agreements = d->agreements,
		.agreements_len = 1,
		.now_ms = NOW_MS};
	d->body = buf_with_max(ENTRY_BODY_MAX);
	d->seed = 7;
	d->rng = test_rng(&d->seed);
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *d = *state;

	store_reader_close(d->reader);
	store_close(d->store);
	guard_free(d->guard);
	test_dir_remove(d->dir);
	arena_free(&d->arena);
	buf_free(&d->body);
	free(d);
	return 0;
}

/* --- claims ----------------------------------------------------------------------------------- */

/* The body lives in d->body until the next claim. */
static struct intake_claim claim_of(struct fixture *d, enum tlp tlp, enum type type,
	const char *value, struct record_indicator extra)
{
	extra.value = bytes_str(value);
	buf_reset(&d->body);
	assert_int_equal(record_indicator_encode(&d->body, &extra), 0);
	return (struct intake_claim){.kind = KIND_INDICATOR,
		.tlp = (uint8_t)tlp,
		.type = (uint8_t)type,
		.value = bytes_str(value),
		.body = buf_view(&d->body)};
}

static struct intake_claim domain(struct fixture *d, const char *value)
{
	return claim_of(d, TLP_GREEN, TYPE_DOMAIN, value, (struct record_indicator){0});
}

static struct intake_claim retraction_of(struct fixture *d, const char *value)
{
	struct record_retraction r = {.reason = bytes_str("sinkholed")};

	buf_reset(&d->body);
	assert_int_equal(record_retraction_encode(&d->body, &r), 0);
	return (struct intake_claim){.kind = KIND_RETRACTION,
		.tlp = TLP_GREEN,
		.type = TYPE_DOMAIN,
		.value = bytes_str(value),
		.body = buf_view(&d->body)};
}

static struct intake_result judge(struct fixture *d, const struct intake_claim *c)
{
	struct intake_result result;

	arena_reset(&d->arena);
	assert_int_equal(intake_judge(&d->intake, d->reader, c, &d->arena, &result), 0);
	return result;
}

static void assert_refused(struct fixture *d, struct intake_claim c, const char *rule)
{
	struct intake_result result = judge(d, &c);

	assert_int_equal(result.verdict, INTAKE_REFUSED);
	assert_string_equal(result.rule, rule);
}

static void assert_publishes(struct fixture *d, struct intake_claim c, struct audience audience)
{
	struct intake_result result = judge(d, &c);

	assert_int_equal(result.verdict, INTAKE_PUBLISH);
	assert_true(audience_eq(result.audience, audience));
}

static void assert_unchanged(struct fixture *d, struct intake_claim c)
{
	assert_int_equal(judge(d, &c).verdict, INTAKE_UNCHANGED);
}

/* Appends the claim's entry to a feed of a node and indexes it. */
static void append(struct fixture *d, const struct node_id *node, struct audience audience,
	const struct intake_claim *c)
{
	struct store_run run = {.log = {*node, INCARNATION, audience}, .count = 1};
	struct buf out = buf_with_max(2 * ENTRY_PACKED_MAX);
	struct store_txn *txn;
	struct store_log log;
	struct object_key key;
	struct hash leaf;

	object_key_init(&key, object_secret);
	assert_int_equal(intake_entry(c, &key, NOW_MS, &d->rng, &out), 0);
	intake_commit(&out, 1, &leaf);
	assert_int_equal(store_begin(d->store, &txn), 0);
	assert_int_equal(store_txn_log(txn, &run.log, true, &log), 0);
	range_append(&log.tree, &leaf);
	run.start = log.size;
	run.entries = buf_view(&out);
	run.tree = &log.tree;
	run.received_ms = NOW_MS;
	assert_int_equal(store_append(txn, &run), 0);
	assert_int_equal(store_commit(txn), 0);
	while (store_index_step(d->store, NULL, 1000) == 1)
		;
	store_reader_close(d->reader);
	assert_int_equal(store_reader_open(d->store, &d->reader), 0);
	buf_free(&out);
}

static void publish(struct fixture *d, struct intake_claim c)
{
	struct intake_result result = judge(d, &c);

	assert_int_equal(result.verdict, INTAKE_PUBLISH);
	append(d, &self, result.audience, &c);
}

/* --- the door --------------------------------------------------------------------------------- */

static void chooses_the_feed_by_the_marking(void **state)
{
	struct fixture *d = *state;

	assert_publishes(d,
		claim_of(d, TLP_CLEAR, TYPE_DOMAIN, "evil.com", (struct record_indicator){0}),
		audience_of(AUDIENCE_CLEAR));
	assert_publishes(d, domain(d, "evil.com"), audience_of(AUDIENCE_GREEN));
	assert_refused(d,
		claim_of(d, TLP_NONE, TYPE_DOMAIN, "evil.com", (struct record_indicator){0}),
		"unmarked");
	assert_refused(d, claim_of(d, 6, TYPE_DOMAIN, "evil.com", (struct record_indicator){0}),
		"unmarked");
	for (unsigned tlp = TLP_AMBER; tlp <= TLP_RED; tlp++)
		assert_refused(d,
			claim_of(d, (enum tlp)tlp, TYPE_DOMAIN, "evil.com",
				(struct record_indicator){0}),
			"no-audience");
}

static void asks_policy_about_an_agreement(void **state)
{
	struct fixture *d = *state;
	struct bytes recipients[] = {bytes_str("anna@cert.example")};
	struct record_indicator none = {0}, named = {.recipients = recipients, .recipients_len = 1};
	struct intake_claim c = claim_of(d, TLP_AMBER, TYPE_DOMAIN, "evil.com", none);

	c.agreement = AGREEMENT;
	assert_publishes(d, c, audience_agreement(AGREEMENT));
	c.tlp = TLP_CLEAR;
	assert_refused(d, c, "tlp-not-given");
	c = claim_of(d, TLP_AMBER, TYPE_URL, "http://evil.com/", none);
	c.agreement = AGREEMENT;
	assert_refused(d, c, "type-not-given");
	c = claim_of(d, TLP_RED, TYPE_DOMAIN, "evil.com", none);
	c.agreement = AGREEMENT;
	assert_refused(d, c, "red-recipients");
	c = claim_of(d, TLP_RED, TYPE_DOMAIN, "evil.com", named);
	c.agreement = AGREEMENT;
	assert_publishes(d, c, audience_agreement(AGREEMENT));
	d->agreement.parties_len = 3;
	assert_refused(d, c, "red-parties");
	d->agreement.valid_until = NOW_MS / 1000;
	assert_refused(d, c, "agreement-ended");
	c.agreement = AGREEMENT + 1;
	assert_refused(d, c, "not-a-party");
}

static void refuses_what_is_not_canonical(void **state)
{
	struct fixture *d = *state;
	struct intake_claim c = domain(d, "Evil.com");

	assert_refused(d, c, "unreadable");
	c = domain(d, "evil.com");
	c.type = TYPE_IPV4;
	assert_refused(d, c, "unreadable");
	c = domain(d, "evil.com");
	c.value = bytes_str("other.com"); /* the body is about another value */
	assert_refused(d, c, "unreadable");
	c = domain(d, "evil.com");
	c.body = bytes_str("no protobuf");
	assert_refused(d, c, "unreadable");
	c = domain(d, "evil.com");
	c.pap = 77;
	assert_refused(d, c, "unreadable");
	c = domain(d, "evil.com");
	c.kind = KIND_SUCCESSION;
	assert_refused(d, c, "unreadable");
}

static void names_the_guard_rail_and_what_was_lifted(void **state)
{
	struct fixture *d = *state;
	struct intake_claim c =
		claim_of(d, TLP_GREEN, TYPE_IPV4, "10.0.0.1", (struct record_indicator){0});
	struct intake_result result;

	assert_refused(d, c, "reserved");
	d->intake.lifted = no_lists;
	result = judge(d, &c);
	assert_int_equal(result.verdict, INTAKE_PUBLISH);
	assert_true(result.lifted);
	assert_string_equal(result.lifted_rule, "reserved");
	c = domain(d, "evil.com");
	assert_false(judge(d, &c).lifted);
	assert_refused(d, domain(d, "co.uk"), "public-suffix");
}

static void blames_marking_before_value(void **state)
{
	struct fixture *d = *state;

	assert_refused(d,
		claim_of(d, TLP_NONE, TYPE_IPV4, "10.0.0.1", (struct record_indicator){0}),
		"unmarked");
	assert_refused(d,
		claim_of(d, TLP_AMBER, TYPE_IPV4, "10.0.0.1", (struct record_indicator){0}),
		"no-audience");
	assert_refused(d,
		claim_of(d, TLP_GREEN, TYPE_IPV4, "010.0.0.1", (struct record_indicator){0}),
		"unreadable");
}

/* --- what stands ------------------------------------------------------------------------------ */

static void publishes_a_claim_once(void **state)
{
	struct fixture *d = *state;

	publish(d, domain(d, "evil.com"));
	assert_unchanged(d, domain(d, "evil.com"));
	assert_publishes(d, domain(d, "other.com"), audience_of(AUDIENCE_GREEN));
	/* Another audience is another claim. */
	assert_publishes(d,
		claim_of(d, TLP_CLEAR, TYPE_DOMAIN, "evil.com", (struct record_indicator){0}),
		audience_of(AUDIENCE_CLEAR));
	/* So is another word about the same. */
	assert_publishes(d,
		claim_of(d, TLP_GREEN, TYPE_DOMAIN, "evil.com",
			(struct record_indicator){.has_confidence = true, .confidence = 80}),
		audience_of(AUDIENCE_GREEN));
}

static void does_not_mistake_others_claims_for_its_own(void **state)
{
	struct fixture *d = *state;
	struct intake_claim c = domain(d, "evil.com");

	append(d, &peer, audience_of(AUDIENCE_GREEN), &c);
	assert_publishes(d, domain(d, "evil.com"), audience_of(AUDIENCE_GREEN));
	publish(d, domain(d, "evil.com"));
	c = domain(d, "evil.com");
	c.has_object = true; /* their object id, which is not ours */
	c.object[0] = 1;
	append(d, &peer, audience_of(AUDIENCE_GREEN), &c);
	assert_unchanged(d, domain(d, "evil.com"));
}

static void takes_another_marking_for_news(void **state)
{
	struct fixture *d = *state;
	struct intake_claim c = domain(d, "evil.com");

	c.agreement = AGREEMENT;
	c.tlp = TLP_AMBER;
	publish(d, c);
	assert_unchanged(d, c);
	c.pap = PAP_GREEN;
	assert_publishes(d, c, audience_agreement(AGREEMENT));
	c.pap = PAP_NONE;
	c.tlp = TLP_GREEN;
	assert_publishes(d, c, audience_agreement(AGREEMENT));
}

static void retracts_what_stands_and_nothing_else(void **state)
{
	struct fixture *d = *state;
	struct intake_claim c = retraction_of(d, "evil.com");

	assert_unchanged(d, c); /* never said */
	publish(d, domain(d, "evil.com"));
	publish(d, retraction_of(d, "evil.com"));
	assert_unchanged(d, retraction_of(d, "evil.com"));
	publish(d, domain(d, "evil.com")); /* and said again */
	assert_unchanged(d, domain(d, "evil.com"));
	c = retraction_of(d, "evil.com");
	assert_publishes(d, c, audience_of(AUDIENCE_GREEN));
	/* By object id, without a value. */
	c.value = BYTES_NONE;
	c.has_object = true;
	value_object_id(c.object, object_secret, TYPE_DOMAIN, bytes_str("evil.com"));
	publish(d, c);
	assert_unchanged(d, c);
}

static void retracts_what_a_guard_rail_refuses_now(void **state)
{
	struct fixture *d = *state;

	d->intake.lifted = no_lists;
	publish(d, claim_of(d, TLP_GREEN, TYPE_IPV4, "10.0.0.1", (struct record_indicator){0}));
	d->intake.lifted = NULL;
	assert_publishes(d,
		(struct intake_claim){.kind = KIND_RETRACTION,
			.tlp = TLP_GREEN,
			.type = TYPE_IPV4,
			.value = bytes_str("10.0.0.1")},
		audience_of(AUDIENCE_GREEN));
}

static void publishes_objects_as_they_are(void **state)
{
	const char *id = "malware--31b940d4-6f7f-459a-80ea-9c1f17b5891b";
	struct fixture *d = *state;
	struct record_object o = {.stix_id = bytes_str(id),
		.stix_type = bytes_str("malware"),
		.json = bytes_str("{\"name\":\"a\"}")};
	struct intake_claim c = {
		.kind = KIND_OBJECT, .tlp = TLP_GREEN, .type = TYPE_STIX, .value = bytes_str(id)};

	assert_int_equal(record_object_encode(&d->body, &o), 0);
	c.body = buf_view(&d->body);
	publish(d, c);
	assert_unchanged(d, c);
	o.json = bytes_str("{\"name\":\"b\"}");
	buf_reset(&d->body);
	assert_int_equal(record_object_encode(&d->body, &o), 0);
	c.body = buf_view(&d->body);
	assert_publishes(d, c, audience_of(AUDIENCE_GREEN));
	c.value = bytes_str("malware--00000000-6f7f-459a-80ea-9c1f17b5891b");
	assert_refused(d, c, "unreadable");
}

/* --- sameness --------------------------------------------------------------------------------- */

static bool same(struct record_indicator standing, struct record_indicator fresh, int64_t now_ms)
{
	struct buf a = buf_with_max(ENTRY_BODY_MAX), b = buf_with_max(ENTRY_BODY_MAX);
	struct arena arena = {0};
	bool equal;

	standing.value = fresh.value = bytes_str("evil.com");
	assert_int_equal(record_indicator_encode(&a, &standing), 0);
	assert_int_equal(record_indicator_encode(&b, &fresh), 0);
	equal = intake_same(KIND_INDICATOR, buf_view(&a), buf_view(&b), now_ms, &arena);
	arena_free(&arena);
	buf_free(&a);
	buf_free(&b);
	return equal;
}

static void takes_times_for_news_when_half_the_validity_is_gone(void **state)
{
	const uint64_t from = NOW_MS;
	struct record_indicator standing = {.valid_from = from, .valid_until = from + 10 * DAY_MS};
	struct record_indicator fresh = {
		.valid_from = from + DAY_MS, .valid_until = from + 40 * DAY_MS};
	struct record_indicator endless = {.last_seen = from};

	(void)state;
	assert_true(same(standing, fresh, NOW_MS));
	assert_true(same(standing, fresh, NOW_MS + 5 * (int64_t)DAY_MS));
	assert_false(same(standing, fresh, NOW_MS + 5 * (int64_t)DAY_MS + 1));
	assert_false(same(standing, fresh, NOW_MS + 50 * (int64_t)DAY_MS));
	assert_true(same(endless, fresh, NOW_MS + 5000 * (int64_t)DAY_MS));
	/* To the letter the same is the same for ever. */
	assert_true(same(standing, standing, NOW_MS + 50 * (int64_t)DAY_MS));
	/* Without a start, until the end. */
	standing.valid_from = 0;
	assert_true(same(standing, fresh, NOW_MS + 9 * (int64_t)DAY_MS));
	assert_false(same(standing, fresh, NOW_MS + 10 * (int64_t)DAY_MS));
}

static void takes_every_other_field_for_news(void **state)
{
	const struct bytes a[] = {bytes_str("a"), bytes_str("b")},
			   b[] = {bytes_str("b"), bytes_str("a")};
	const struct record_reference r[] = {{bytes_str("mitre"), bytes_str("T1"), BYTES_NONE}},
				      s[] = {{bytes_str("mitre"), bytes_str("T2"), BYTES_NONE}};
	const uint8_t log[LOG_NAME_BYTES] = {[24] = AUDIENCE_CLEAR}, object[OBJECT_ID_BYTES] = {1};
	const struct record_indicator fields[] = {
		{.has_confidence = true},
		{.has_confidence = true, .confidence = 3},
		{.credibility = 2},
		{.port = 443},
		{.name = bytes_str("n")},
		{.description = bytes_str("d")},
		{.description = bytes_str("d"), .lang = bytes_str("fr")},
		{.rule = bytes_str("x"), .rule_language = bytes_str("yara")},
		{.rule = bytes_str("x"), .rule_language = bytes_str("sigma")},
		{.labels = a, .labels_len = 1},
		{.labels = a, .labels_len = 2},
		{.labels = b, .labels_len = 2},
		{.references = r, .references_len = 1},
		{.references = s, .references_len = 1},
		{.recipients = a, .recipients_len = 1},
		{.derived_log = BYTES_OF(log), .derived_object = BYTES_OF(object)},
		{.port = 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		for (size_t k = 0; k < COUNT_OF(fields); k++)
			assert_int_equal(same(fields[i], fields[k], NOW_MS), i == k);
}

static void takes_what_it_cannot_read_for_news(void **state)
{
	struct arena arena = {0};

	(void)state;
	assert_false(intake_same(KIND_INDICATOR, bytes_str("\xff"), bytes_str("\xfe"), NOW_MS,
		&arena));
	assert_false(intake_same(KIND_OBJECT, bytes_str("a"), bytes_str("b"), NOW_MS, &arena));
	assert_true(intake_same(KIND_RETRACTION, bytes_str("a"), bytes_str("b"), NOW_MS, &arena));
	arena_free(&arena);
}

/* --- entries ---------------------------------------------------------------------------------- */

static void makes_an_entry_whose_leaf_and_commitment_hold(void **state)
{
	struct fixture *d = *state;
	struct intake_claim c = domain(d, "evil.com");
	struct buf out = buf_with_max(ENTRY_PACKED_MAX);
	struct hash leaf, want;
	struct entry_header header;
	struct entry entry;
	struct cursor in;
	uint8_t object[OBJECT_ID_BYTES];
	struct object_key key;

	object_key_init(&key, object_secret);
	c.pap = PAP_AMBER;
	c.flags = ENTRY_FLAG_URGENT;
	assert_int_equal(intake_entry(&c, &key, NOW_MS, &d->rng, &out), 0);
	intake_commit(&out, 1, &leaf);
	in = cursor_of(buf_view(&out));
	assert_int_equal(entry_next(&in, &entry), 0);
	assert_true(cursor_done(&in));
	hash_leaf(&want, entry.leaf);
	assert_true(hash_eq(&leaf, &want));
	entry_header_decode(entry.leaf, &header);
	hash_commitment(&want, entry.salt, entry.body);
	assert_memory_equal(header.commitment, want.bytes, HASH_BYTES);
	value_object_id(object, object_secret, TYPE_DOMAIN, bytes_str("evil.com"));
	assert_memory_equal(header.object, object, sizeof(object));
	assert_int_equal(header.kind, KIND_INDICATOR);
	assert_int_equal(header.type, TYPE_DOMAIN);
	assert_int_equal(header.pap, PAP_AMBER);
	assert_int_equal(header.flags, ENTRY_FLAG_URGENT);
	assert_int_equal(header.time_ms, NOW_MS);
	assert_bytes_equal(entry.body, c.body);

	/* A retraction bears the id of what it takes back, and no type. */
	buf_reset(&out);
	c = retraction_of(d, "evil.com");
	assert_int_equal(intake_entry(&c, &key, NOW_MS, &d->rng, &out), 0);
	entry_header_decode(bytes_from(out.data, ENTRY_HEADER_BYTES), &header);
	assert_memory_equal(header.object, object, sizeof(object));
	assert_int_equal(header.type, TYPE_NONE);

	c.value = BYTES_NONE;
	assert_int_equal(intake_entry(&c, &key, NOW_MS, &d->rng, &out), ENT_EINVALID);
	buf_free(&out);
}

/* --- frames ----------------------------------------------------------------------------------- */

static void reads_back_what_it_wrote(void **state)
{
	const struct intake_claim claims[] = {
		{.line = 7,
			.kind = 1,
			.tlp = 2,
			.pap = 3,
			.type = 4,
			.flags = 5,
			.agreement = 1ull << 63,
			.value = bytes_str("evil.com"),
			.body = bytes_str("body")},
		{.kind = KIND_RETRACTION, .has_object = true, .object = {1, 2, 3}},
		{.line = UINT32_MAX},
	};
	struct buf out = buf_with_max(4096);
	struct cursor in;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(claims); i++)
		intake_claim_encode(&out, &claims[i]);
	assert_false(buf_failed(&out));
	in = cursor_of(buf_view(&out));
	for (size_t i = 0; i < COUNT_OF(claims); i++) {
		const struct intake_claim *w = &claims[i];
		struct intake_claim c;

		assert_int_equal(intake_claim_decode(&in, &c), 0);
		assert_int_equal(c.line, w->line);
		assert_int_equal(c.kind, w->kind);
		assert_int_equal(c.tlp, w->tlp);
		assert_int_equal(c.pap, w->pap);
		assert_int_equal(c.type, w->type);
		assert_int_equal(c.flags, w->flags);
		assert_true(c.agreement == w->agreement);
		assert_int_equal(c.has_object, w->has_object);
		assert_memory_equal(c.object, w->object, sizeof(c.object));
		assert_true(bytes_eq(c.value, w->value));
		assert_true(bytes_eq(c.body, w->body));
	}
	assert_true(cursor_done(&in));
	buf_free(&out);
}

static void writes_nothing_longer_than_a_record(void **state)
{
	static const uint8_t zeros[ENTRY_BODY_MAX + 1];
	struct buf out = buf_with_max(1u << 20);
	struct intake_claim c = {.value = bytes_from(zeros, RECORD_VALUE_MAX),
		.body = bytes_from(zeros, ENTRY_BODY_MAX)};

	(void)state;
	intake_claim_encode(&out, &c);
	assert_false(buf_failed(&out));
	c.value.len++;
	intake_claim_encode(&out, &c);
	assert_true(buf_failed(&out));
	buf_reset(&out);
	c.value.len = 0;
	c.body.len++;
	intake_claim_encode(&out, &c);
	assert_true(buf_failed(&out));
	buf_free(&out);
}

/* Every cut, every flipped bit and random bytes: refused or within bounds, never read beyond. */
static void survives_hostile_frames(void **state)
{
	struct intake_claim c = {.kind = 1,
		.has_object = true,
		.value = bytes_str("evil.com"),
		.body = bytes_str("body")};
	struct buf out = buf_with_max(4096);
	uint64_t seed = 3;
	struct env_rng rng = test_rng(&seed);

	(void)state;
	intake_claim_encode(&out, &c);
	for (size_t len = 0; len < out.len; len++) {
		uint8_t *copy = malloc(len + 1);
		struct cursor in = cursor_of(bytes_from(copy, len));

		assert_non_null(copy);
		memcpy(copy, out.data, len);
		assert_int_equal(intake_claim_decode(&in, &c), ENT_EINVALID);
		free(copy);
	}
	assert_int_equal(out.data[17], true);
	out.data[17] = 2; /* neither with nor without an object id */
	assert_int_equal(intake_claim_decode(&(struct cursor){out.data, out.data + out.len, false},
				 &c),
		ENT_EINVALID);
	for (unsigned i = 0; i < 20000; i++) {
		size_t len = env_random_u64(&rng) % 64;
		uint8_t *copy = malloc(len + 1);
		struct cursor in = cursor_of(bytes_from(copy, len));

		assert_non_null(copy);
		env_random(&rng, copy, len);
		if (i % 2 && len > 18)
			memset(copy + 17, 0, len - 18); /* small lengths, so that some decode */
		if (intake_claim_decode(&in, &c) == 0) {
			assert_true(c.value.len <= RECORD_VALUE_MAX &&
				    c.body.len <= ENTRY_BODY_MAX);
			assert_true(c.value.len + c.body.len <= len);
		}
		free(copy);
	}
	buf_free(&out);
}

#define at_the_door(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		at_the_door(chooses_the_feed_by_the_marking),
		at_the_door(asks_policy_about_an_agreement),
		at_the_door(refuses_what_is_not_canonical),
		at_the_door(names_the_guard_rail_and_what_was_lifted),
		at_the_door(blames_marking_before_value),
		at_the_door(publishes_a_claim_once),
		at_the_door(does_not_mistake_others_claims_for_its_own),
		at_the_door(takes_another_marking_for_news),
		at_the_door(retracts_what_stands_and_nothing_else),
		at_the_door(retracts_what_a_guard_rail_refuses_now),
		at_the_door(publishes_objects_as_they_are),
		at_the_door(makes_an_entry_whose_leaf_and_commitment_hold),
		cmocka_unit_test(takes_times_for_news_when_half_the_validity_is_gone),
		cmocka_unit_test(takes_every_other_field_for_news),
		cmocka_unit_test(takes_what_it_cannot_read_for_news),
		cmocka_unit_test(reads_back_what_it_wrote),
		cmocka_unit_test(writes_nothing_longer_than_a_record),
		cmocka_unit_test(survives_hostile_frames),
	};

	return cmocka_run_group_tests_name("intake/intake", tests, NULL, NULL);
}
