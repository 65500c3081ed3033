/* SPDX-License-Identifier: EUPL-1.2 */
#include "proto/codec_quick.h"
#include "proto/record_memo.h"
#include "random.h"

#include "base/buf.h"

#define ROUNDS 300

struct fixture {
	uint64_t seed;
	struct arena arena, decoded;
	struct random random;
	struct buf buf;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->seed = 0x5eed;
	f->random = (struct random){test_rng(&f->seed), &f->arena};
	f->buf = buf_with_max(1u << 20);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_free(&f->arena);
	arena_free(&f->decoded);
	buf_free(&f->buf);
	free(f);
	return 0;
}

static int decode_indicator(struct bytes b, struct arena *a)
{
	struct record_indicator r;

	return record_indicator_decode(b, a, &r);
}

static int decode_object(struct bytes b, struct arena *a)
{
	struct record_object r;

	return record_object_decode(b, a, &r);
}

static int decode_erasure(struct bytes b, struct arena *a)
{
	struct record_erasure r;

	(void)a;
	return record_erasure_decode(b, &r);
}

static int decode_retraction(struct bytes b, struct arena *a)
{
	struct record_retraction r;

	(void)a;
	return record_retraction_decode(b, &r);
}

static int decode_succession(struct bytes b, struct arena *a)
{
	struct record_succession r;

	(void)a;
	return record_succession_decode(b, &r);
}

static const struct bytes *random_texts(struct random *r, size_t *len, size_t len_max, size_t max)
{
	struct bytes *all;

	*len = random_below(r, 4) ? random_below(r, 4) : random_below(r, len_max + 1);
	all = arena_alloc(r->arena, *len * sizeof(*all));
	for (size_t i = 0; i < *len; i++)
		all[i] = random_text(r, 1, max);
	return all;
}

static struct bytes packed_log(struct random *r)
{
	struct log_name name = random_feed(r);
	uint8_t *packed = arena_alloc(r->arena, LOG_NAME_BYTES);

	log_name_pack(packed, &name);
	return bytes_from(packed, LOG_NAME_BYTES);
}

static struct record_indicator random_indicator(struct random *r)
{
	struct record_indicator i = {
		.value = random_text(r, 1, RECORD_VALUE_MAX),
		.has_confidence = random_below(r, 2),
		.credibility = (uint32_t)random_below(r, 7),
		.valid_from = random_u64(r, RECORD_TIME_MAX_MS),
		.valid_until = random_u64(r, RECORD_TIME_MAX_MS),
		.first_seen = random_u64(r, RECORD_TIME_MAX_MS),
		.last_seen = random_u64(r, RECORD_TIME_MAX_MS),
		.name = random_text(r, 0, RECORD_NAME_MAX),
		.description = random_text(r, 0, RECORD_DESCRIPTION_MAX),
		.lang = random_text(r, 0, RECORD_LANG_MAX),
		.rule = random_text(r, 0, 2000),
		.rule_language = random_text(r, 0, RECORD_LABEL_MAX),
		.derived_log = random_below(r, 2) ? packed_log(r) : BYTES_NONE,
		.derived_object = random_maybe(r, OBJECT_ID_BYTES),
		.port = (uint32_t)random_below(r, 65536),
	};
	struct record_reference *refs;

	if (i.has_confidence)
		i.confidence = (uint32_t)random_below(r, 101);
	i.labels = random_texts(r, &i.labels_len, RECORD_LABELS_MAX, RECORD_LABEL_MAX);
	i.recipients =
		random_texts(r, &i.recipients_len, RECORD_RECIPIENTS_MAX, RECORD_RECIPIENT_MAX);
	i.references_len = random_below(r, 4);
	i.references = refs = arena_alloc(r->arena, i.references_len * sizeof(*refs));
	for (size_t k = 0; k < i.references_len; k++)
		refs[k] = (struct record_reference){
			random_text(r, 0, RECORD_REF_FIELD_MAX),
			random_text(r, 0, RECORD_REF_FIELD_MAX),
			random_text(r, 0, RECORD_REF_FIELD_MAX),
		};
	return i;
}

static void assert_indicator_equal(const struct record_indicator *a,
	const struct record_indicator *b)
{
	assert_bytes_field_equal(a, b, value);
	assert_field_equal(a, b, has_confidence);
	assert_field_equal(a, b, confidence);
	assert_field_equal(a, b, credibility);
	assert_field_equal(a, b, valid_from);
	assert_field_equal(a, b, valid_until);
	assert_field_equal(a, b, first_seen);
	assert_field_equal(a, b, last_seen);
	assert_field_equal(a, b, port);
	assert_bytes_field_equal(a, b, name);
	assert_bytes_field_equal(a, b, description);
	assert_bytes_field_equal(a, b, lang);
	assert_bytes_field_equal(a, b, rule);
	assert_bytes_field_equal(a, b, rule_language);
	assert_bytes_field_equal(a, b, derived_log);
	assert_bytes_field_equal(a, b, derived_object);
	assert_texts_equal(a->labels, a->labels_len, b->labels, b->labels_len);
	assert_texts_equal(a->recipients, a->recipients_len, b->recipients, b->recipients_len);
	assert_int_equal(a->references_len, b->references_len);
	for (size_t i = 0; i < a->references_len; i++) {
		assert_bytes_field_equal(&a->references[i], &b->references[i], source);
		assert_bytes_field_equal(&a->references[i], &b->references[i], external_id);
		assert_bytes_field_equal(&a->references[i], &b->references[i], url);
	}
}

static void indicator_survives_the_round_trip(void **state)
{
	struct fixture *f = *state;

	for (int round = 0; round < ROUNDS; round++) {
		struct record_indicator in = random_indicator(&f->random), out;
		struct buf again = buf_with_max(1u << 20);
		int rc;

		buf_reset(&f->buf);
		rc = record_indicator_encode(&f->buf, &in);
		/* Each field may be at its own bound; together they may pass the body's. */
		if (rc == ENT_ELIMIT) {
			assert_int_equal(f->buf.len, 0);
			continue;
		}
		assert_int_equal(rc, 0);
		assert_int_equal(record_indicator_decode(buf_view(&f->buf), &f->decoded, &out), 0);
		assert_indicator_equal(&in, &out);
		assert_int_equal(record_indicator_encode(&again, &out), 0);
		assert_bytes_equal(buf_view(&f->buf), buf_view(&again));
		buf_free(&again);
		arena_reset(&f->arena);
		arena_reset(&f->decoded);
	}
}

static void indicator_views_point_into_the_input(void **state)
{
	struct fixture *f = *state;
	struct record_indicator in = random_indicator(&f->random), out;
	const uint8_t *start, *end;

	in.value = bytes_str("198.51.100.7");
	in.description = BYTES_NONE;
	assert_int_equal(record_indicator_encode(&f->buf, &in), 0);
	start = f->buf.data;
	end = start + f->buf.len;
	assert_int_equal(record_indicator_decode(buf_view(&f->buf), &f->decoded, &out), 0);
	assert_true(out.value.data > start && out.value.data + out.value.len <= end);
}

static void absent_confidence_differs_from_zero(void **state)
{
	struct fixture *f = *state;
	struct record_indicator r = {.value = bytes_str("x.example"), .has_confidence = true};
	struct record_indicator out;

	assert_int_equal(record_indicator_encode(&f->buf, &r), 0);
	assert_int_equal(record_indicator_decode(buf_view(&f->buf), &f->decoded, &out), 0);
	assert_true(out.has_confidence);
	buf_reset(&f->buf);
	r.has_confidence = false;
	assert_int_equal(record_indicator_encode(&f->buf, &r), 0);
	assert_int_equal(record_indicator_decode(buf_view(&f->buf), &f->decoded, &out), 0);
	assert_false(out.has_confidence);
}

/* A field as it lies on the wire, for what the encoder would refuse: tag, length, bytes. */
static void field(struct buf *b, unsigned tag, struct bytes v)
{
	unsigned key = tag << 3 | 2;
	size_t len = v.len;

	for (; key > 0x7f; key >>= 7)
		buf_u8(b, (uint8_t)(key | 0x80));
	buf_u8(b, (uint8_t)key);
	for (; len > 0x7f; len >>= 7)
		buf_u8(b, (uint8_t)(len | 0x80));
	buf_u8(b, (uint8_t)len);
	buf_bytes(b, v);
}

/* What the codec says of an indicator with that field of that many letters. */
static int indicator_with(struct fixture *f, unsigned tag, size_t len, unsigned times)
{
	char *letters = malloc(len + 1);
	struct record_indicator r;
	int rc;

	assert_non_null(letters);
	memset(letters, 'a', len);
	buf_reset(&f->buf);
	field(&f->buf, 1, bytes_str("x.example"));
	for (unsigned i = 0; i < times; i++)
		field(&f->buf, tag, bytes_from(letters, len));
	rc = record_indicator_decode(buf_view(&f->buf), &f->decoded, &r);
	free(letters);
	return rc;
}

static void indicator_bounds_hold_when_decoding(void **state)
{
	static const struct {
		unsigned tag;
		size_t max;
	} texts[] = {
		{1, RECORD_VALUE_MAX},
		{8, RECORD_LABEL_MAX},
		{10, RECORD_NAME_MAX},
		{11, RECORD_DESCRIPTION_MAX},
		{12, RECORD_LANG_MAX},
		{13, RECORD_RULE_MAX},
		{14, RECORD_LABEL_MAX},
		{18, RECORD_RECIPIENT_MAX},
	};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		assert_int_equal(indicator_with(*state, texts[i].tag, texts[i].max, 1), 0);
		assert_int_equal(indicator_with(*state, texts[i].tag, texts[i].max + 1, 1),
			ENT_ELIMIT);
	}
	assert_int_equal(indicator_with(*state, 8, 5, RECORD_LABELS_MAX), 0);
	assert_int_equal(indicator_with(*state, 8, 5, RECORD_LABELS_MAX + 1), ENT_ELIMIT);
	assert_int_equal(indicator_with(*state, 9, 0, RECORD_REFS_MAX), 0);
	assert_int_equal(indicator_with(*state, 9, 0, RECORD_REFS_MAX + 1), ENT_ELIMIT);
	assert_int_equal(indicator_with(*state, 18, 5, RECORD_RECIPIENTS_MAX), 0);
	assert_int_equal(indicator_with(*state, 18, 5, RECORD_RECIPIENTS_MAX + 1), ENT_ELIMIT);
	assert_int_equal(indicator_with(*state, 8, 0, 1), ENT_EINVALID);
	assert_int_equal(indicator_with(*state, 16, OBJECT_ID_BYTES, 1), 0);
	assert_int_equal(indicator_with(*state, 16, OBJECT_ID_BYTES - 1, 1), ENT_EINVALID);
	assert_int_equal(indicator_with(*state, 16, OBJECT_ID_BYTES + 1, 1), ENT_EINVALID);
	assert_int_equal(indicator_with(*state, 15, LOG_NAME_BYTES, 1), ENT_EINVALID);
	/* An unknown field is skipped, but a body is a body. */
	assert_int_equal(indicator_with(*state, 99, ENTRY_BODY_MAX - 20, 1), 0);
	assert_int_equal(indicator_with(*state, 99, ENTRY_BODY_MAX, 1), ENT_ELIMIT);
}

static void indicator_bounds_hold_when_encoding(void **state)
{
	struct fixture *f = *state;
	const struct record_indicator good = {.value = bytes_str("x.example")};
	const struct bytes empty = BYTES_NONE;
	static char letters[RECORD_RULE_MAX + 1];
	struct record_indicator r;

	memset(letters, 'a', sizeof(letters));
#define REFUSED(change, code)                                                                      \
	do {                                                                                       \
		r = good;                                                                          \
		change;                                                                            \
		assert_int_equal(record_indicator_encode(&f->buf, &r), code);                      \
		assert_int_equal(f->buf.len, 0);                                                   \
	} while (0)
	REFUSED(r.value = BYTES_NONE, ENT_EINVALID);
	REFUSED(r.value = bytes_from(letters, RECORD_VALUE_MAX + 1), ENT_ELIMIT);
	REFUSED(r.confidence = 101, ENT_EINVALID);
	REFUSED(r.credibility = 7, ENT_EINVALID);
	REFUSED(r.port = 65536, ENT_EINVALID);
	REFUSED(r.valid_until = RECORD_TIME_MAX_MS + 1, ENT_EINVALID);
	REFUSED(r.labels = &empty; r.labels_len = 1, ENT_EINVALID);
	REFUSED(r.labels_len = RECORD_LABELS_MAX + 1, ENT_ELIMIT);
	REFUSED(r.references_len = RECORD_REFS_MAX + 1, ENT_ELIMIT);
	REFUSED(r.rule = bytes_from(letters, RECORD_RULE_MAX + 1), ENT_ELIMIT);
	REFUSED(r.derived_log = bytes_from(letters, LOG_NAME_BYTES), ENT_EINVALID);
	REFUSED(r.derived_object = bytes_from(letters, 15), ENT_EINVALID);
	REFUSED(r.rule = bytes_from(letters, RECORD_RULE_MAX);
		r.description = bytes_from(letters, RECORD_DESCRIPTION_MAX), ENT_ELIMIT);
#undef REFUSED
}

static void text_is_utf8(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = {"\xff", "a\xc0\x80", "\xed\xa0\x80", "\xe2\x82"};
	struct record_indicator r = {.value = bytes_str("x.example")}, out;

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		r.name = bytes_str(bad[i]);
		assert_int_equal(record_indicator_encode(&f->buf, &r), ENT_EINVALID);
		buf_reset(&f->buf);
		field(&f->buf, 1, bytes_str("x.example"));
		field(&f->buf, 10, bytes_str(bad[i]));
		assert_int_equal(record_indicator_decode(buf_view(&f->buf), &f->decoded, &out),
			ENT_EINVALID);
	}
	buf_reset(&f->buf);
	field(&f->buf, 1, bytes_from("a\0b", 3));
	assert_int_equal(record_indicator_decode(buf_view(&f->buf), &f->decoded, &out),
		ENT_EINVALID);
}

static void unknown_fields_are_skipped(void **state)
{
	struct fixture *f = *state;
	struct record_indicator r = random_indicator(&f->random), out;

	r.description = r.rule = BYTES_NONE;
	assert_int_equal(record_indicator_encode(&f->buf, &r), 0);
	buf_append(&f->buf, UNKNOWN_FIELDS, sizeof(UNKNOWN_FIELDS) - 1);
	assert_int_equal(record_indicator_decode(buf_view(&f->buf), &f->decoded, &out), 0);
	assert_indicator_equal(&r, &out);
}

static void a_number_in_place_of_text_is_refused(void **state)
{
	struct fixture *f = *state;

	buf_str(&f->buf, "\x08\x2a"); /* value as varint */
	assert_int_equal(decode_alone(decode_indicator, buf_view(&f->buf)), ENT_EINVALID);
	buf_reset(&f->buf);
	field(&f->buf, 1, bytes_str("x.example"));
	buf_str(&f->buf, "\x45zzzz"); /* a label as fixed32 */
	assert_int_equal(decode_alone(decode_indicator, buf_view(&f->buf)), ENT_EINVALID);
}

static void bad_varints_are_refused(void **state)
{
	(void)state;
	assert_int_equal(decode_alone(decode_indicator,
				 bytes_from(VARINT_ENDLESS, sizeof(VARINT_ENDLESS) - 1)),
		ENT_EINVALID);
	assert_int_equal(decode_alone(decode_indicator,
				 bytes_str("\x20\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")),
		ENT_EINVALID);
	/* A length that points beyond the end, also with all its 64 bits. */
	assert_int_equal(decode_alone(decode_indicator, bytes_str("\x0a\x7f"
								  "a")),
		ENT_EINVALID);
	assert_int_equal(decode_alone(decode_indicator,
				 bytes_str("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")),
		ENT_EINVALID);
}

/* Changes bytes that mean something: tags, lengths, what lies behind them. */
static void meddle(struct random *r, struct buf *b)
{
	size_t times = random_below(r, 4);

	for (size_t i = 0; i < times && b->len > 0; i++) {
		size_t at =
			random_below(r, random_below(r, 2) ? b->len : (b->len < 16 ? b->len : 16));

		switch (random_below(r, 4)) {
		case 0:
			b->data[at] = (uint8_t)env_random_u64(&r->rng);
			break;
		case 1:
			b->data[at] ^= (uint8_t)(1u << random_below(r, 8));
			break;
		case 2:
			b->len = at;
			break;
		default: /* a field twice, or out of order */
			buf_bytes(b, random_bytes(r, random_below(r, 3)));
			buf_append(b, "\x10\x07\x42\x01z\x0a\x02xy", random_below(r, 10));
		}
	}
}

static void both_writers_agree(const struct record_indicator *r)
{
	struct buf quick = buf_with_max(ENTRY_BODY_MAX + 8), slow = quick;

	/* What lies there stays, and so much room is there. */
	buf_str(&quick, "before");
	buf_str(&slow, "before");
	assert_int_equal(record_indicator_encode(&quick, r), 0);
	assert_int_equal(record_indicator_encode_slowly(&slow, r), 0);
	assert_bytes_equal(buf_view(&quick), buf_view(&slow));
	buf_free(&quick);
	buf_free(&slow);
}

/* The same body with other values, as if it were encoded anew. */
static void takes_another_value(const struct record_indicator *r)
{
	static uint8_t text[RECORD_VALUE_MAX + 1];
	static const size_t lens[] = {1, 127, 128, RECORD_VALUE_MAX};
	struct buf was = buf_with_max(ENTRY_BODY_MAX), got = was, want = was;
	struct record_indicator other = *r;

	memset(text, 'x', sizeof(text));
	assert_int_equal(record_indicator_encode(&was, r), 0);
	for (size_t i = 0; i < COUNT_OF(lens); i++) {
		int rc;

		buf_reset(&got);
		buf_reset(&want);
		other.value = bytes_from(text, lens[i]);
		rc = record_indicator_encode(&want, &other);
		assert_int_equal(record_indicator_with_value(&got, buf_view(&was), other.value),
			rc);
		if (rc == 0)
			assert_bytes_equal(buf_view(&got), buf_view(&want));
	}
	assert_int_equal(record_indicator_with_value(&got, buf_view(&was), BYTES_NONE),
		ENT_EINVALID);
	assert_int_equal(record_indicator_with_value(&got, buf_view(&was), BYTES_OF(text)),
		ENT_ELIMIT);
	assert_int_equal(record_indicator_with_value(&got, buf_view(&was), bytes_str("\xff")),
		ENT_EINVALID);
	buf_free(&was);
	buf_free(&got);
	buf_free(&want);
}

/* Once as something new, once as something known, and with other values in front of the rest. */
static void the_memo_agrees(struct record_memo *memo, struct bytes body)
{
	struct buf other = buf_with_max(ENTRY_BODY_MAX);
	struct record_indicator got, want;
	struct arena a = {0}, b = {0};
	int rc = record_indicator_decode(body, &a, &want);

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(record_memo_decode(memo, body, &b, &got), rc);
		if (rc == 0)
			assert_indicator_equal(&got, &want);
	}
	if (rc == 0 && record_indicator_encode(&other, &want) == 0) {
		struct bytes again = buf_view(&other);
		size_t value_at = want.value.len < 128 ? 2 : 3;

		other.data[value_at] = 'y';
		assert_int_equal(record_memo_decode(memo, again, &b, &got),
			record_indicator_decode(again, &a, &want));
		other.data[value_at] = 0xff;
		assert_int_equal(record_memo_decode(memo, again, &b, &got),
			record_indicator_decode(again, &a, &want));
	}
	arena_free(&a);
	arena_free(&b);
	buf_free(&other);
}

static void a_value_behind_the_rest_is_the_value(void **state)
{
	static const char *const bodies[] = {
		"\x0a\x01z\x10\x07\x0a\x01w", "\x0a\x01q\x10\x07\x0a\x01w"};
	struct record_memo memo = {.known = false};
	struct record_indicator r;
	struct arena a = {0};

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(record_memo_decode(&memo, bytes_str(bodies[i % 2]), &a, &r), 0);
		assert_bytes_equal(r.value, bytes_str("w"));
	}
	record_memo_free(&memo);
	arena_free(&a);
}

static void another_rest_of_the_same_length_is_read(void **state)
{
	static const unsigned confidences[] = {7, 7, 7, 8, 7, 8, 8, 8, 7, 7};
	struct record_memo memo = {.known = false};
	struct record_indicator r;
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(confidences); i++) {
		const uint8_t body[] = {0x0a, 1, 'z', 0x10, (uint8_t)confidences[i]};

		assert_int_equal(record_memo_decode(&memo, BYTES_OF(body), &a, &r), 0);
		assert_int_equal(r.confidence, confidences[i]);
	}
	record_memo_free(&memo);
	arena_free(&a);
}

static void both_readers_agree(struct bytes body, unsigned *good)
{
	static struct record_memo memo;
	struct record_indicator quick, slow;
	struct record_object quick_object, slow_object;
	struct arena a = {0}, b = {0};
	int rc = record_indicator_decode(body, &a, &quick);

	assert_int_equal(rc, record_indicator_decode_slowly(body, &b, &slow));
	if (rc == 0) {
		assert_indicator_equal(&quick, &slow);
		both_writers_agree(&quick);
		if (*good % 16 == 0)
			takes_another_value(&quick);
	}
	the_memo_agrees(&memo, body);
	*good += rc == 0;
	rc = record_object_decode(body, &a, &quick_object);
	assert_int_equal(rc, record_object_decode_slowly(body, &b, &slow_object));
	if (rc == 0) {
		assert_bytes_field_equal(&quick_object, &slow_object, stix_id);
		assert_bytes_field_equal(&quick_object, &slow_object, stix_type);
		assert_bytes_field_equal(&quick_object, &slow_object, json);
		assert_texts_equal(quick_object.recipients, quick_object.recipients_len,
			slow_object.recipients, slow_object.recipients_len);
	}
	*good += rc == 0;
	arena_free(&a);
	arena_free(&b);
}

static void the_quick_reader_and_nanopb_agree(void **state)
{
	struct fixture *f = *state;
	unsigned good = 0;

	for (int round = 0; round < 20 * ROUNDS; round++) {
		struct record_indicator in = random_indicator(&f->random);
		struct record_object o = {.stix_id = random_text(&f->random, 1, RECORD_STIX_ID_MAX),
			.stix_type = random_text(&f->random, 1, RECORD_STIX_TYPE_MAX),
			.json = random_text(&f->random, 1, 300)};

		buf_reset(&f->buf);
		in.description = in.rule = BYTES_NONE;
		o.recipients = random_texts(&f->random, &o.recipients_len, RECORD_RECIPIENTS_MAX,
			RECORD_RECIPIENT_MAX);
		if ((round % 2 ? record_object_encode(&f->buf, &o)
			       : record_indicator_encode(&f->buf, &in)) != 0)
			continue;
		meddle(&f->random, &f->buf);
		both_readers_agree(buf_view(&f->buf), &good);
		arena_reset(&f->arena);
	}
	assert_true(good > 2 * ROUNDS);
}

/* Each of these the quick reader leaves to nanopb, or takes as nanopb does. */
static void the_quick_reader_leaves_what_is_unusual(void **state)
{
	static const struct bytes bodies[] = {
		BYTES_OF("\x0a\x01z\x0a\x01y"),                /* value twice */
		BYTES_OF("\x18\x02\x0a\x01z"),                 /* out of order */
		BYTES_OF("\x0a\x01z\x10\x80\x80\x80\x80\x10"), /* beyond 32 bits */
		BYTES_OF("\x0a\x01z\x10\x80\x80\x00"),         /* zero in three bytes */
		BYTES_OF("\x8a\x80\x00\x01z"),                 /* tag in three bytes */
		BYTES_OF("\x0a\x81\x00z"),                     /* length in two */
		BYTES_OF("\x0a\x01z\x20\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00"),
		BYTES_OF("\x0a\x01z\x9a\x01\x01u"), /* unknown, by length */
		BYTES_OF("\x0a\x01z\x00\x01"),      /* field 0 */
		BYTES_OF("\x0a\x01z\x10\x00"),      /* confidence 0 */
		BYTES_OF("\x0a\x00"),               /* empty value */
		BYTES_OF("\x0a\x01z\x42\x00"),      /* empty label */
		BYTES_OF("\x0a\x01z\x0b\x0c"),      /* a group */
		BYTES_OF("\x0a\x01z\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), /* 2^64 - 1 */
	};
	unsigned good = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct bytes body = bytes_from(bodies[i].data, bodies[i].len - 1);

		for (size_t len = 0; len <= body.len; len++)
			both_readers_agree(bytes_from(body.data, len), &good);
	}
	assert_true(good > 0);
}

static void damaged_records_do_no_harm(void **state)
{
	struct fixture *f = *state;
	struct record_reference ref = {bytes_str("mitre"), bytes_str("T1059"), bytes_str("u")};
	struct bytes labels[] = {bytes_str("malware"), bytes_str("c2")};
	struct record_indicator i = {
		.value = bytes_str("x.example"),
		.labels = labels,
		.labels_len = 2,
		.references = &ref,
		.references_len = 1,
		.valid_from = 1700000000000,
		.derived_log = packed_log(&f->random),
		.derived_object = random_bytes(&f->random, OBJECT_ID_BYTES),
	};
	struct record_object o = {
		bytes_str("malware--1"), bytes_str("malware"), bytes_str("{}"), labels, 2};
	struct record_erasure e = {bytes_str("wrong"), true};
	struct record_retraction t = {bytes_str("wrong")};
	struct record_succession s = {.old_log = random_feed(&f->random), .size = 300};

	assert_int_equal(record_indicator_encode(&f->buf, &i), 0);
	check_damage(decode_indicator, buf_view(&f->buf));
	buf_reset(&f->buf);
	assert_int_equal(record_object_encode(&f->buf, &o), 0);
	check_damage(decode_object, buf_view(&f->buf));
	buf_reset(&f->buf);
	assert_int_equal(record_erasure_encode(&f->buf, &e), 0);
	check_damage(decode_erasure, buf_view(&f->buf));
	buf_reset(&f->buf);
	assert_int_equal(record_retraction_encode(&f->buf, &t), 0);
	check_damage(decode_retraction, buf_view(&f->buf));
	buf_reset(&f->buf);
	assert_int_equal(record_succession_encode(&f->buf, &s), 0);
	check_damage(decode_succession, buf_view(&f->buf));
}

static void object_survives_the_round_trip(void **state)
{
	struct fixture *f = *state;
	struct record_object in, out;

	for (int round = 0; round < ROUNDS; round++) {
		in = (struct record_object){
			.stix_id = random_text(&f->random, 1, RECORD_STIX_ID_MAX),
			.stix_type = random_text(&f->random, 1, RECORD_STIX_TYPE_MAX),
			.json = random_text(&f->random, 1, 40000),
		};
		in.recipients = random_texts(&f->random, &in.recipients_len, RECORD_RECIPIENTS_MAX,
			RECORD_RECIPIENT_MAX);
		buf_reset(&f->buf);
		assert_int_equal(record_object_encode(&f->buf, &in), 0);
		assert_int_equal(record_object_decode(buf_view(&f->buf), &f->decoded, &out), 0);
		assert_bytes_field_equal(&in, &out, stix_id);
		assert_bytes_field_equal(&in, &out, stix_type);
		assert_bytes_field_equal(&in, &out, json);
		assert_texts_equal(in.recipients, in.recipients_len, out.recipients,
			out.recipients_len);
		arena_reset(&f->arena);
		arena_reset(&f->decoded);
	}
}

static void object_needs_id_type_and_json(void **state)
{
	struct fixture *f = *state;
	struct record_object r = {
		bytes_str("malware--1"), bytes_str("malware"), bytes_str("{}"), NULL, 0};
	struct record_object cut;
	static char json[ENTRY_BODY_MAX];

	cut = r, cut.stix_id = BYTES_NONE;
	assert_int_equal(record_object_encode(&f->buf, &cut), ENT_EINVALID);
	cut = r, cut.stix_type = BYTES_NONE;
	assert_int_equal(record_object_encode(&f->buf, &cut), ENT_EINVALID);
	cut = r, cut.json = BYTES_NONE;
	assert_int_equal(record_object_encode(&f->buf, &cut), ENT_EINVALID);
	assert_int_equal(decode_alone(decode_object, BYTES_NONE), ENT_EINVALID);
	/* The body's bound counts what stands around the text too. */
	memset(json, ' ', sizeof(json));
	cut = r, cut.json = bytes_from(json, sizeof(json) - 100);
	assert_int_equal(record_object_encode(&f->buf, &cut), 0);
	buf_reset(&f->buf);
	cut.json = BYTES_OF(json);
	assert_int_equal(record_object_encode(&f->buf, &cut), ENT_ELIMIT);
}

static void small_records_survive_the_round_trip(void **state)
{
	struct fixture *f = *state;

	for (int round = 0; round < ROUNDS; round++) {
		struct record_retraction t = {random_text(&f->random, 0, RECORD_REASON_MAX)}, t_out;
		struct record_erasure e = {
			random_text(&f->random, 0, RECORD_REASON_MAX), random_below(&f->random, 2)};
		struct record_erasure e_out;
		struct record_succession s = {.size = random_u64(&f->random, UINT64_MAX)}, s_out;

		s.old_log = random_feed(&f->random);
		env_random(&f->random.rng, s.root, sizeof(s.root));
		buf_reset(&f->buf);
		assert_int_equal(record_retraction_encode(&f->buf, &t), 0);
		assert_int_equal(record_retraction_decode(buf_view(&f->buf), &t_out), 0);
		assert_bytes_equal(t.reason, t_out.reason);
		buf_reset(&f->buf);
		assert_int_equal(record_erasure_encode(&f->buf, &e), 0);
		assert_int_equal(record_erasure_decode(buf_view(&f->buf), &e_out), 0);
		assert_bytes_equal(e.reason, e_out.reason);
		assert_int_equal(e.now, e_out.now);
		buf_reset(&f->buf);
		assert_int_equal(record_succession_encode(&f->buf, &s), 0);
		assert_int_equal(record_succession_decode(buf_view(&f->buf), &s_out), 0);
		assert_true(log_name_eq(&s.old_log, &s_out.old_log));
		assert_true(s.size == s_out.size);
		assert_memory_equal(s.root, s_out.root, sizeof(s.root));
	}
}

static void succession_needs_name_and_root(void **state)
{
	struct fixture *f = *state;
	struct log_name log = random_feed(&f->random);
	struct record_succession s = {0};
	uint8_t packed[LOG_NAME_BYTES], root[32] = {1};

	log_name_pack(packed, &log);
	assert_int_equal(record_succession_encode(&f->buf, &s), ENT_EINVALID);
	field(&f->buf, 1, BYTES_OF(packed));
	assert_int_equal(decode_alone(decode_succession, buf_view(&f->buf)), ENT_EINVALID);
	field(&f->buf, 3, bytes_from(root, 31));
	assert_int_equal(decode_alone(decode_succession, buf_view(&f->buf)), ENT_EINVALID);
	field(&f->buf, 3, BYTES_OF(root));
	assert_int_equal(decode_alone(decode_succession, buf_view(&f->buf)), 0);
}

static void reasons_have_a_bound(void **state)
{
	struct fixture *f = *state;
	char reason[RECORD_REASON_MAX + 1];
	struct record_retraction t = {BYTES_OF(reason)};
	struct record_erasure e = {BYTES_OF(reason), false};

	memset(reason, 'a', sizeof(reason));
	assert_int_equal(record_retraction_encode(&f->buf, &t), ENT_ELIMIT);
	assert_int_equal(record_erasure_encode(&f->buf, &e), ENT_ELIMIT);
	field(&f->buf, 1, BYTES_OF(reason));
	assert_int_equal(decode_alone(decode_retraction, buf_view(&f->buf)), ENT_ELIMIT);
	assert_int_equal(decode_alone(decode_erasure, buf_view(&f->buf)), ENT_ELIMIT);
}

static void a_full_buffer_is_left_as_it_was(void **state)
{
	struct record_indicator r = {.value = bytes_str("x.example")};
	struct buf small = buf_with_max(10);

	(void)state;
	buf_str(&small, "ab");
	assert_int_equal(record_indicator_encode(&small, &r), ENT_ELIMIT);
	assert_int_equal(small.len, 2);
	assert_true(buf_failed(&small));
	buf_free(&small);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(indicator_survives_the_round_trip),
		TEST(indicator_views_point_into_the_input),
		TEST(absent_confidence_differs_from_zero),
		TEST(indicator_bounds_hold_when_decoding),
		TEST(indicator_bounds_hold_when_encoding),
		TEST(text_is_utf8),
		TEST(unknown_fields_are_skipped),
		TEST(the_quick_reader_and_nanopb_agree),
		TEST(the_quick_reader_leaves_what_is_unusual),
		TEST(a_value_behind_the_rest_is_the_value),
		TEST(another_rest_of_the_same_length_is_read),
		TEST(a_number_in_place_of_text_is_refused),
		TEST(bad_varints_are_refused),
		TEST(damaged_records_do_no_harm),
		TEST(object_survives_the_round_trip),
		TEST(object_needs_id_type_and_json),
		TEST(small_records_survive_the_round_trip),
		TEST(succession_needs_name_and_root),
		TEST(reasons_have_a_bound),
		TEST(a_full_buffer_is_left_as_it_was),
	};

	return cmocka_run_group_tests_name("codec_record", tests, NULL, NULL);
}
