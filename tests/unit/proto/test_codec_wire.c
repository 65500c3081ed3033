/* SPDX-License-Identifier: EUPL-1.2 */
#include "random.h"

#include "base/buf.h"

#define ROUNDS 100

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
	f->seed = 0x31e;
	f->random = (struct random){test_rng(&f->seed), &f->arena};
	f->buf = buf_with_max(4u << 20);
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

/* Every message there is. */
static const enum wire_type every_type[] = {
	WIRE_HELLO,
	WIRE_TERMS,
	WIRE_CARDS,
	WIRE_HEADS,
	WIRE_HELD,
	WIRE_SUBSCRIBE,
	WIRE_UNSUBSCRIBE,
	WIRE_DATA,
	WIRE_CREDIT,
	WIRE_PROOF_WANT,
	WIRE_PROOF,
	WIRE_PING,
	WIRE_BYE,
	WIRE_RECEIPT,
	WIRE_WITNESS_WANT,
	WIRE_WITNESS,
	WIRE_SPLIT,
	WIRE_REVOCATION,
};

static struct wire_checkpoint random_checkpoint(struct random *r)
{
	struct wire_checkpoint c = {.present = random_below(r, 2)};

	if (!c.present)
		return c;
	c.size = random_u64(r, UINT64_MAX);
	env_random(&r->rng, c.root, sizeof(c.root));
	env_random(&r->rng, c.signature, sizeof(c.signature));
	return c;
}

static const uint8_t (*random_hashes(struct random *r, size_t *len))[32]
{
	*len = random_below(r, 4) ? random_below(r, 5) : random_below(r, WIRE_HASHES_MAX + 1);
	return (const uint8_t(*)[32])random_bytes(r, *len * 32).data;
}

static void random_hello(struct random *r, struct wire_hello *h)
{
	h->version = (uint32_t)random_u64(r, UINT32_MAX);
	h->card_serial = (uint32_t)random_u64(r, UINT32_MAX);
	h->agreements = random_agreements(r, &h->agreements_len);
	h->credit = random_u64(r, UINT64_MAX);
	h->software = bytes_from("entente 1.0", random_below(r, 12));
	h->has_provenance = random_below(r, 2);
	if (!h->has_provenance)
		return;
	h->provenance_log = random_log(r, AUDIENCE_PROVENANCE);
	h->provenance = random_checkpoint(r);
}

static void random_cards(struct random *r, struct wire_cards *c)
{
	struct bytes *all;

	c->cards_len = random_below(r, 5);
	c->cards = all = arena_alloc(r->arena, c->cards_len * sizeof(*all));
	for (size_t i = 0; i < c->cards_len; i++)
		all[i] = random_bytes(r, 1 + random_below(r, CARD_BYTES_MAX));
}

static void random_heads(struct random *r, struct wire_heads *h)
{
	struct wire_head *all;

	h->heads_len = random_below(r, 8) ? random_below(r, 5) : WIRE_HEADS_MAX;
	h->heads = all = arena_alloc(r->arena, h->heads_len * sizeof(*all));
	for (size_t i = 0; i < h->heads_len; i++) {
		all[i].feed = random_feed(r);
		all[i].floor = random_u64(r, UINT64_MAX);
		all[i].held = random_u64(r, UINT64_MAX);
		all[i].newest = random_checkpoint(r);
	}
}

static void random_data(struct random *r, struct wire_data *d)
{
	size_t len = random_below(r, 8) ? random_below(r, 2000) : WIRE_DATA_BYTES_MAX;

	d->feed = random_feed(r);
	d->entries = random_bytes(r, len);
	d->count = (uint32_t)random_below(r, len / (ENTRY_HEADER_BYTES + 1) + 1);
	d->start = random_u64(r, UINT64_MAX - d->count);
	d->checkpoint = random_checkpoint(r);
	d->right = random_hashes(r, &d->right_len);
	d->left = random_hashes(r, &d->left_len);
}

static struct wire_checkpoint pair(uint64_t size)
{
	return (struct wire_checkpoint){.present = true, .size = size};
}

static struct wire_checkpoint random_signed(struct random *r)
{
	struct wire_checkpoint c;

	do
		c = random_checkpoint(r);
	while (!c.present || c.size == 0);
	return c;
}

static void random_receipt(struct random *r, struct wire_receipt *m)
{
	m->feed = random_feed(r);
	m->checkpoint = random_signed(r);
	m->time = 1 + random_u64(r, INT64_MAX - 1);
	env_random(&r->rng, m->signature, sizeof(m->signature));
}

static void random_witness(struct random *r, struct wire_witness *m)
{
	m->log = random_log(r, AUDIENCE_PROVENANCE);
	m->size = 1 + random_u64(r, UINT64_MAX - 1);
	env_random(&r->rng, m->root, sizeof(m->root));
	m->time = 1 + random_u64(r, INT64_MAX - 1);
	env_random(&r->rng, m->signature, sizeof(m->signature));
	env_random(&r->rng, m->log_signature, sizeof(m->log_signature));
}

static void random_split(struct random *r, struct wire_split *s)
{
	s->feed = random_feed(r);
	s->first.present = s->second.present = true;
	s->first.size = 1 + random_below(r, 3);
	s->second.size = s->first.size + random_below(r, 3);
	env_random(&r->rng, s->first.root, sizeof(s->first.root));
	env_random(&r->rng, s->first.signature, sizeof(s->first.signature));
	env_random(&r->rng, s->second.root, sizeof(s->second.root));
	env_random(&r->rng, s->second.signature, sizeof(s->second.signature));
	if (s->first.size == s->second.size)
		return;
	s->hashes_len = random_below(r, 4) ? 1 + random_below(r, 5) : WIRE_HASHES_MAX;
	s->hashes = (const uint8_t(*)[32])random_bytes(r, s->hashes_len * 32).data;
}

static const uint64_t *random_indexes(struct random *r, size_t *len)
{
	static uint64_t indexes[WIRE_BODIES_MAX];

	*len = random_below(r, 4) ? 1 + random_below(r, 5) : WIRE_BODIES_MAX;
	indexes[0] = random_u64(r, UINT64_MAX / 2);
	for (size_t i = 1; i < *len; i++)
		indexes[i] = indexes[i - 1] + 1 + random_below(r, 300);
	return indexes;
}

static void random_bodies(struct random *r, struct wire_bodies *b)
{
	static struct wire_body bodies[WIRE_BODIES_MAX];
	const uint64_t *indexes = random_indexes(r, &b->bodies_len);

	b->feed = random_feed(r);
	b->bodies = bodies;
	b->bodies_len -= random_below(r, 2);
	for (size_t i = 0; i < b->bodies_len; i++) {
		bodies[i].index = indexes[i];
		bodies[i].body = random_bytes(r, random_below(r, 900));
		env_random(&r->rng, bodies[i].salt, sizeof(bodies[i].salt));
	}
}

static struct wire_message random_message(struct random *r, enum wire_type type)
{
	struct wire_message m = {.type = type};

	switch (type) {
	case WIRE_HELLO:
		random_hello(r, &m.hello);
		break;
	case WIRE_TERMS:
		m.terms.agreements = random_agreements(r, &m.terms.agreements_len);
		break;
	case WIRE_CARDS:
		random_cards(r, &m.cards);
		break;
	case WIRE_HEADS:
		random_heads(r, &m.heads);
		break;
	case WIRE_HELD:
		m.held.feed = random_feed(r);
		m.held.size = random_u64(r, UINT64_MAX);
		env_random(&r->rng, m.held.root, sizeof(m.held.root));
		break;
	case WIRE_SUBSCRIBE:
		m.subscribe.feed = random_feed(r);
		m.subscribe.from = random_u64(r, UINT64_MAX);
		break;
	case WIRE_UNSUBSCRIBE:
		m.unsubscribe.feed = random_feed(r);
		break;
	case WIRE_DATA:
		random_data(r, &m.data);
		break;
	case WIRE_CREDIT:
		m.credit.bytes = random_u64(r, UINT64_MAX);
		break;
	case WIRE_PROOF_WANT:
		m.proof_want.feed = random_feed(r);
		m.proof_want.first = random_u64(r, UINT64_MAX);
		m.proof_want.second = random_u64(r, UINT64_MAX);
		break;
	case WIRE_PROOF:
		m.proof.feed = random_feed(r);
		m.proof.first = random_u64(r, UINT64_MAX);
		m.proof.second = random_u64(r, UINT64_MAX);
		m.proof.hashes = random_hashes(r, &m.proof.hashes_len);
		m.proof.checkpoint = random_checkpoint(r);
		break;
	case WIRE_RECEIPT:
		random_receipt(r, &m.receipt);
		break;
	case WIRE_WITNESS_WANT:
		m.witness_want.log = random_log(r, AUDIENCE_PROVENANCE);
		m.witness_want.checkpoint = random_signed(r);
		break;
	case WIRE_WITNESS:
		random_witness(r, &m.witness);
		break;
	case WIRE_SPLIT:
		random_split(r, &m.split);
		break;
	case WIRE_BODIES_WANT:
		m.bodies_want.feed = random_feed(r);
		m.bodies_want.indexes = random_indexes(r, &m.bodies_want.indexes_len);
		break;
	case WIRE_BODIES:
		random_bodies(r, &m.bodies);
		break;
	case WIRE_REVOCATION:
		m.revocation.note = random_bytes(r, 1 + random_below(r, REVOCATION_BYTES_MAX));
		break;
	case WIRE_PING:
		break;
	case WIRE_BYE:
		m.bye.reason = (uint32_t)random_u64(r, UINT32_MAX);
		break;
	}
	return m;
}

static void assert_checkpoint_equal(const struct wire_checkpoint *a,
	const struct wire_checkpoint *b)
{
	assert_field_equal(a, b, present);
	assert_field_equal(a, b, size);
	assert_memory_equal(a->root, b->root, sizeof(a->root));
	assert_memory_equal(a->signature, b->signature, sizeof(a->signature));
}

static void assert_hashes_equal(const uint8_t (*a)[32], size_t a_len, const uint8_t (*b)[32],
	size_t b_len)
{
	assert_int_equal(a_len, b_len);
	if (a_len)
		assert_memory_equal(a, b, a_len * 32);
}

static void assert_hello_equal(const struct wire_hello *a, const struct wire_hello *b)
{
	assert_field_equal(a, b, version);
	assert_field_equal(a, b, card_serial);
	assert_agreements_equal(a->agreements, a->agreements_len, b->agreements, b->agreements_len);
	assert_field_equal(a, b, credit);
	assert_bytes_field_equal(a, b, software);
	assert_field_equal(a, b, has_provenance);
	if (a->has_provenance)
		assert_feed_equal(a, b, provenance_log);
	assert_checkpoint_equal(&a->provenance, &b->provenance);
}

static void assert_heads_equal(const struct wire_heads *a, const struct wire_heads *b)
{
	assert_field_equal(a, b, heads_len);
	for (size_t i = 0; i < a->heads_len; i++) {
		assert_feed_equal(&a->heads[i], &b->heads[i], feed);
		assert_field_equal(&a->heads[i], &b->heads[i], floor);
		assert_field_equal(&a->heads[i], &b->heads[i], held);
		assert_checkpoint_equal(&a->heads[i].newest, &b->heads[i].newest);
	}
}

static void assert_data_equal(const struct wire_data *a, const struct wire_data *b)
{
	assert_feed_equal(a, b, feed);
	assert_field_equal(a, b, start);
	assert_field_equal(a, b, count);
	assert_checkpoint_equal(&a->checkpoint, &b->checkpoint);
	assert_hashes_equal(a->right, a->right_len, b->right, b->right_len);
	assert_hashes_equal(a->left, a->left_len, b->left, b->left_len);
	assert_bytes_field_equal(a, b, entries);
}

static void assert_message_equal(const struct wire_message *a, const struct wire_message *b)
{
	assert_int_equal(a->type, b->type);
	switch (a->type) {
	case WIRE_HELLO:
		assert_hello_equal(&a->hello, &b->hello);
		break;
	case WIRE_TERMS:
		assert_agreements_equal(a->terms.agreements, a->terms.agreements_len,
			b->terms.agreements, b->terms.agreements_len);
		break;
	case WIRE_CARDS:
		assert_texts_equal(a->cards.cards, a->cards.cards_len, b->cards.cards,
			b->cards.cards_len);
		break;
	case WIRE_HEADS:
		assert_heads_equal(&a->heads, &b->heads);
		break;
	case WIRE_HELD:
		assert_feed_equal(a, b, held.feed);
		assert_field_equal(a, b, held.size);
		assert_memory_equal(a->held.root, b->held.root, sizeof(a->held.root));
		break;
	case WIRE_SUBSCRIBE:
		assert_feed_equal(a, b, subscribe.feed);
		assert_field_equal(a, b, subscribe.from);
		break;
	case WIRE_UNSUBSCRIBE:
		assert_feed_equal(a, b, unsubscribe.feed);
		break;
	case WIRE_DATA:
		assert_data_equal(&a->data, &b->data);
		break;
	case WIRE_CREDIT:
		assert_field_equal(a, b, credit.bytes);
		break;
	case WIRE_PROOF_WANT:
		assert_feed_equal(a, b, proof_want.feed);
		assert_field_equal(a, b, proof_want.first);
		assert_field_equal(a, b, proof_want.second);
		break;
	case WIRE_PROOF:
		assert_feed_equal(a, b, proof.feed);
		assert_field_equal(a, b, proof.first);
		assert_field_equal(a, b, proof.second);
		assert_hashes_equal(a->proof.hashes, a->proof.hashes_len, b->proof.hashes,
			b->proof.hashes_len);
		assert_checkpoint_equal(&a->proof.checkpoint, &b->proof.checkpoint);
		break;
	case WIRE_RECEIPT:
		assert_feed_equal(a, b, receipt.feed);
		assert_checkpoint_equal(&a->receipt.checkpoint, &b->receipt.checkpoint);
		assert_field_equal(a, b, receipt.time);
		assert_memory_equal(a->receipt.signature, b->receipt.signature, 64);
		break;
	case WIRE_WITNESS_WANT:
		assert_feed_equal(a, b, witness_want.log);
		assert_checkpoint_equal(&a->witness_want.checkpoint, &b->witness_want.checkpoint);
		break;
	case WIRE_WITNESS:
		assert_feed_equal(a, b, witness.log);
		assert_field_equal(a, b, witness.size);
		assert_memory_equal(a->witness.root, b->witness.root, 32);
		assert_field_equal(a, b, witness.time);
		assert_memory_equal(a->witness.signature, b->witness.signature, 64);
		assert_memory_equal(a->witness.log_signature, b->witness.log_signature, 64);
		break;
	case WIRE_SPLIT:
		assert_feed_equal(a, b, split.feed);
		assert_checkpoint_equal(&a->split.first, &b->split.first);
		assert_checkpoint_equal(&a->split.second, &b->split.second);
		assert_hashes_equal(a->split.hashes, a->split.hashes_len, b->split.hashes,
			b->split.hashes_len);
		break;
	case WIRE_BODIES_WANT:
		assert_feed_equal(a, b, bodies_want.feed);
		assert_field_equal(a, b, bodies_want.indexes_len);
		assert_memory_equal(a->bodies_want.indexes, b->bodies_want.indexes,
			a->bodies_want.indexes_len * sizeof(uint64_t));
		break;
	case WIRE_BODIES:
		assert_feed_equal(a, b, bodies.feed);
		assert_field_equal(a, b, bodies.bodies_len);
		for (size_t i = 0; i < a->bodies.bodies_len; i++) {
			const struct wire_body *x = &a->bodies.bodies[i];
			const struct wire_body *y = &b->bodies.bodies[i];

			assert_true(x->index == y->index && bytes_eq(x->body, y->body));
			assert_memory_equal(x->salt, y->salt, sizeof(x->salt));
		}
		break;
	case WIRE_REVOCATION:
		assert_true(bytes_eq(a->revocation.note, b->revocation.note));
		break;
	case WIRE_PING:
		break;
	case WIRE_BYE:
		assert_field_equal(a, b, bye.reason);
		break;
	}
}

/* The payload of the one message in the buffer, its prefix checked. */
static struct bytes payload_of(const struct fixture *f, enum wire_type type)
{
	assert_true(f->buf.len >= WIRE_PREFIX_BYTES);
	assert_int_equal(be32_get(f->buf.data), f->buf.len - WIRE_PREFIX_BYTES);
	assert_int_equal(f->buf.data[4], type);
	return bytes_skip(buf_view(&f->buf), WIRE_PREFIX_BYTES);
}

static void every_message_survives_the_round_trip(void **state)
{
	struct fixture *f = *state;
	struct wire_message in, out;

	for (int round = 0; round < ROUNDS; round++) {
		for (size_t t = 0; t < COUNT_OF(every_type); t++) {
			enum wire_type type = every_type[t];
			struct buf again = buf_with_max(4u << 20);

			in = random_message(&f->random, type);
			buf_reset(&f->buf);
			assert_int_equal(wire_encode(&f->buf, &in), 0);
			assert_int_equal(wire_decode((uint8_t)type, payload_of(f, type),
						 &f->decoded, &out),
				0);
			assert_message_equal(&in, &out);
			assert_int_equal(wire_encode(&again, &out), 0);
			assert_bytes_equal(buf_view(&f->buf), buf_view(&again));
			buf_free(&again);
			arena_reset(&f->arena);
			arena_reset(&f->decoded);
		}
	}
}

static void unknown_fields_are_skipped(void **state)
{
	struct fixture *f = *state;
	struct wire_message in, out;

	for (size_t t = 0; t < COUNT_OF(every_type); t++) {
		enum wire_type type = every_type[t];

		in = random_message(&f->random, type);
		buf_reset(&f->buf);
		assert_int_equal(wire_encode(&f->buf, &in), 0);
		buf_append(&f->buf, UNKNOWN_FIELDS, sizeof(UNKNOWN_FIELDS) - 1);
		assert_int_equal(wire_decode((uint8_t)type,
					 bytes_skip(buf_view(&f->buf), WIRE_PREFIX_BYTES),
					 &f->decoded, &out),
			0);
		assert_message_equal(&in, &out);
	}
}

static void unknown_types_are_named_as_such(void **state)
{
	struct fixture *f = *state;
	struct wire_message m = {.type = (enum wire_type)200}, out;

	assert_int_equal(wire_decode(0, BYTES_NONE, &f->decoded, &out), ENT_EVERSION);
	assert_int_equal(wire_decode(200, bytes_str("?"), &f->decoded, &out), ENT_EVERSION);
	assert_int_equal(wire_encode(&f->buf, &m), ENT_EVERSION);
	assert_int_equal(f->buf.len, 0);
}

static uint8_t type_under_test;

static int decode_typed(struct bytes b, struct arena *a)
{
	struct wire_message m;

	return wire_decode(type_under_test, b, a, &m);
}

static void damaged_messages_do_no_harm(void **state)
{
	struct fixture *f = *state;

	for (size_t t = 0; t < COUNT_OF(every_type); t++) {
		enum wire_type type = every_type[t];
		struct wire_message m;

		/* Until one comes that is not too long to be damaged at every bit. */
		do {
			m = random_message(&f->random, type);
			buf_reset(&f->buf);
			assert_int_equal(wire_encode(&f->buf, &m), 0);
		} while (f->buf.len > 1000 && type != WIRE_CARDS);
		if (f->buf.len > 1000)
			f->buf.len = 1000;
		type_under_test = (uint8_t)type;
		check_damage(decode_typed, bytes_skip(buf_view(&f->buf), WIRE_PREFIX_BYTES));
	}
}

static void bad_varints_are_refused(void **state)
{
	static const char too_long[] = "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00";
	static const char too_large[] = "\x08\xff\xff\xff\xff\x7f"; /* for 32 bits */

	(void)state;
	for (size_t t = 0; t < COUNT_OF(every_type); t++) {
		enum wire_type type = every_type[t];

		type_under_test = (uint8_t)type;
		assert_int_equal(decode_alone(decode_typed,
					 bytes_from(VARINT_ENDLESS, sizeof(VARINT_ENDLESS) - 1)),
			ENT_EINVALID);
	}
	type_under_test = WIRE_BYE;
	assert_int_equal(decode_alone(decode_typed, bytes_from(too_long, sizeof(too_long) - 1)),
		ENT_EINVALID);
	assert_int_equal(decode_alone(decode_typed, bytes_from(too_large, sizeof(too_large) - 1)),
		ENT_EINVALID);
}

static void provenance_and_local_logs_are_no_feeds(void **state)
{
	struct fixture *f = *state;
	static const enum audience_kind kinds[] = {AUDIENCE_LOCAL, AUDIENCE_PROVENANCE};

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct log_name log = random_log(&f->random, kinds[i]);
		struct wire_message m = {.type = WIRE_SUBSCRIBE, .subscribe = {.feed = log}};
		struct wire_head head = {.feed = log};
		uint8_t payload[2 + LOG_NAME_BYTES] = {0x0a, LOG_NAME_BYTES};
		int rc;

		assert_int_equal(wire_encode(&f->buf, &m), ENT_EINVALID);
		m = (struct wire_message){.type = WIRE_HEADS, .heads = {&head, 1}};
		assert_int_equal(wire_encode(&f->buf, &m), ENT_EINVALID);
		m = (struct wire_message){.type = WIRE_DATA, .data = {.feed = log}};
		assert_int_equal(wire_encode(&f->buf, &m), ENT_EINVALID);
		assert_int_equal(f->buf.len, 0);
		log_name_pack(payload + 2, &log);
		assert_int_equal(wire_decode(WIRE_SUBSCRIBE, BYTES_OF(payload), &f->decoded, &m),
			ENT_EINVALID);
		assert_int_equal(wire_decode(WIRE_UNSUBSCRIBE, BYTES_OF(payload), &f->decoded, &m),
			ENT_EINVALID);
		assert_int_equal(wire_decode(WIRE_DATA, BYTES_OF(payload), &f->decoded, &m),
			ENT_EINVALID);
		/* Only its witnesses want a proof of a log of acts. */
		rc = kinds[i] == AUDIENCE_PROVENANCE ? 0 : ENT_EINVALID;
		assert_int_equal(wire_decode(WIRE_PROOF_WANT, BYTES_OF(payload), &f->decoded, &m),
			rc);
		assert_int_equal(wire_decode(WIRE_PROOF, BYTES_OF(payload), &f->decoded, &m), rc);
	}
}

#define GOOD_RECEIPT                                                                               \
	(struct wire_receipt)                                                                      \
	{                                                                                          \
		.feed = feed, .checkpoint = pair(1), .time = 1                                     \
	}
#define GOOD_WITNESS                                                                               \
	(struct wire_witness)                                                                      \
	{                                                                                          \
		.log = log, .size = 1, .time = 1                                                   \
	}

static void cosignatures_have_a_time_and_a_size(void **state)
{
	struct fixture *f = *state;
	struct log_name feed = random_feed(&f->random);
	struct log_name log = random_log(&f->random, AUDIENCE_PROVENANCE);
	struct wire_message r[7], w[5], t[4];

	for (size_t i = 0; i < COUNT_OF(r); i++)
		r[i] = (struct wire_message){.type = WIRE_RECEIPT, .receipt = GOOD_RECEIPT};
	r[1].receipt.time = INT64_MAX;
	r[2].receipt.time = 0;
	r[3].receipt.time = (uint64_t)INT64_MAX + 1;
	r[4].receipt.checkpoint.size = 0;
	r[5].receipt.checkpoint.present = false;
	r[6].receipt.feed = log;
	for (size_t i = 0; i < COUNT_OF(r); i++)
		assert_int_equal(wire_encode(&f->buf, &r[i]), i < 2 ? 0 : ENT_EINVALID);
	for (size_t i = 0; i < COUNT_OF(w); i++)
		w[i] = (struct wire_message){.type = WIRE_WITNESS, .witness = GOOD_WITNESS};
	w[1].witness.time = 0;
	w[2].witness.time = (uint64_t)INT64_MAX + 1;
	w[3].witness.size = 0;
	w[4].witness.log = feed;
	for (size_t i = 0; i < COUNT_OF(w); i++)
		assert_int_equal(wire_encode(&f->buf, &w[i]), i < 1 ? 0 : ENT_EINVALID);
	for (size_t i = 0; i < COUNT_OF(t); i++)
		t[i] = (struct wire_message){
			.type = WIRE_WITNESS_WANT, .witness_want = {log, pair(1)}};
	t[1].witness_want.checkpoint.size = 0;
	t[2].witness_want.checkpoint.present = false;
	t[3].witness_want.log = feed;
	for (size_t i = 0; i < COUNT_OF(t); i++)
		assert_int_equal(wire_encode(&f->buf, &t[i]), i < 1 ? 0 : ENT_EINVALID);
}

static void only_a_provenance_log_stands_in_hello(void **state)
{
	struct fixture *f = *state;
	struct wire_message m = {.type = WIRE_HELLO};
	struct wire_hello *h = &m.hello;
	uint8_t payload[2 + LOG_NAME_BYTES] = {0x32, LOG_NAME_BYTES};

	h->has_provenance = true;
	h->provenance_log = random_feed(&f->random);
	assert_int_equal(wire_encode(&f->buf, &m), ENT_EINVALID);
	log_name_pack(payload + 2, &h->provenance_log);
	assert_int_equal(wire_decode(WIRE_HELLO, BYTES_OF(payload), &f->decoded, &m), ENT_EINVALID);
	/* A checkpoint without its log says nothing. */
	m = (struct wire_message){.type = WIRE_HELLO, .hello = {.provenance = {.present = true}}};
	assert_int_equal(wire_encode(&f->buf, &m), ENT_EINVALID);
}

static void messages_without_their_feed_are_refused(void **state)
{
	static const enum wire_type types[] = {WIRE_HELD, WIRE_SUBSCRIBE, WIRE_UNSUBSCRIBE,
		WIRE_DATA, WIRE_PROOF_WANT, WIRE_PROOF};
	struct fixture *f = *state;
	struct wire_message m;

	for (size_t i = 0; i < COUNT_OF(types); i++)
		assert_int_equal(wire_decode((uint8_t)types[i], BYTES_NONE, &f->decoded, &m),
			ENT_EINVALID);
	/* An empty message within HEADS. */
	assert_int_equal(wire_decode(WIRE_HEADS, bytes_from("\x0a\x00", 2), &f->decoded, &m),
		ENT_EINVALID);
}

static void hashes_have_their_exact_length(void **state)
{
	struct fixture *f = *state;
	struct wire_message m = {.type = WIRE_HELD}, out;
	struct bytes payload;

	m.held.feed = random_feed(&f->random);
	assert_int_equal(wire_encode(&f->buf, &m), 0);
	/* The root is the last field: a byte more, a byte less. */
	for (int len = sizeof(m.held.root) + 1; len >= (int)sizeof(m.held.root) - 1; len--) {
		size_t root = WIRE_PREFIX_BYTES + 2 + LOG_NAME_BYTES + 2;

		f->buf.len = root;
		f->buf.data[root - 1] = (uint8_t)len;
		assert_non_null(memset(buf_extend(&f->buf, (size_t)len), 7, (size_t)len));
		payload = bytes_skip(buf_view(&f->buf), WIRE_PREFIX_BYTES);
		assert_int_equal(wire_decode(WIRE_HELD, payload, &f->decoded, &out),
			len == sizeof(m.held.root) ? 0 : ENT_EINVALID);
	}
}

/* payload is of a message whose lists take items of tag 1, each of one byte of content. */
static int decode_items(struct fixture *f, enum wire_type type, struct bytes item, size_t times)
{
	struct wire_message m;

	buf_reset(&f->buf);
	for (size_t i = 0; i < times; i++)
		buf_bytes(&f->buf, item);
	return wire_decode((uint8_t)type, buf_view(&f->buf), &f->decoded, &m);
}

static void lists_are_bounded_when_decoding(void **state)
{
	struct fixture *f = *state;
	struct bytes card = bytes_str("\x0a\x01x");
	struct bytes hash = bytes_from("\x2a\x00", 2); /* DATA right; its length fails later */

	assert_int_equal(decode_items(f, WIRE_CARDS, card, CARD_CHAIN_MAX), 0);
	assert_int_equal(decode_items(f, WIRE_CARDS, card, CARD_CHAIN_MAX + 1), ENT_ELIMIT);
	assert_int_equal(decode_items(f, WIRE_TERMS, card, WIRE_AGREEMENTS_MAX + 1), ENT_ELIMIT);
	assert_int_equal(decode_items(f, WIRE_HEADS, card, WIRE_HEADS_MAX + 1), ENT_ELIMIT);
	assert_int_equal(decode_items(f, WIRE_DATA, hash, WIRE_HASHES_MAX), ENT_EINVALID);
	assert_int_equal(decode_items(f, WIRE_DATA, hash, WIRE_HASHES_MAX + 1), ENT_ELIMIT);
}

static void lists_are_bounded_when_encoding(void **state)
{
	struct fixture *f = *state;
	struct log_name feed = random_feed(&f->random);
	static uint8_t big[WIRE_DATA_BYTES_MAX + 1];
	struct bytes long_card = bytes_from(big, CARD_BYTES_MAX + 1), empty = BYTES_NONE;
	struct wire_message m;

#define REFUSED(code, ...)                                                                         \
	do {                                                                                       \
		m = (struct wire_message){__VA_ARGS__};                                            \
		assert_int_equal(wire_encode(&f->buf, &m), code);                                  \
		assert_int_equal(f->buf.len, 0);                                                   \
	} while (0)
	REFUSED(ENT_ELIMIT, WIRE_HELLO, .hello = {.agreements_len = WIRE_AGREEMENTS_MAX + 1});
	REFUSED(ENT_ELIMIT, WIRE_HELLO, .hello = {.software = {big, WIRE_SOFTWARE_MAX + 1}});
	REFUSED(ENT_EINVALID, WIRE_HELLO, .hello = {.software = {(const uint8_t *)"\n", 1}});
	REFUSED(ENT_ELIMIT, WIRE_TERMS, .terms = {.agreements_len = WIRE_AGREEMENTS_MAX + 1});
	REFUSED(ENT_ELIMIT, WIRE_CARDS, .cards = {.cards_len = CARD_CHAIN_MAX + 1});
	REFUSED(ENT_ELIMIT, WIRE_CARDS, .cards = {&long_card, 1});
	REFUSED(ENT_EINVALID, WIRE_CARDS, .cards = {&empty, 1});
	REFUSED(ENT_ELIMIT, WIRE_HEADS, .heads = {.heads_len = WIRE_HEADS_MAX + 1});
	REFUSED(ENT_ELIMIT, WIRE_DATA, .data = {.feed = feed, .right_len = WIRE_HASHES_MAX + 1});
	REFUSED(ENT_ELIMIT, WIRE_DATA, .data = {.feed = feed, .left_len = WIRE_HASHES_MAX + 1});
	REFUSED(ENT_ELIMIT, WIRE_DATA, .data = {.feed = feed, .entries = {big, sizeof(big)}});
	REFUSED(ENT_EINVALID, WIRE_DATA, .data = {.feed = feed, .entries = {big, 64}, .count = 1});
	REFUSED(ENT_EINVALID, WIRE_DATA,
		.data = {.feed = feed, .start = UINT64_MAX, .entries = {big, 65}, .count = 1});
	REFUSED(ENT_EINVALID, WIRE_REVOCATION, .revocation = {BYTES_NONE});
	REFUSED(ENT_ELIMIT, WIRE_REVOCATION, .revocation = {{big, REVOCATION_BYTES_MAX + 1}});
	REFUSED(ENT_ELIMIT, WIRE_SPLIT,
		.split = {feed, pair(1), pair(2), NULL, WIRE_HASHES_MAX + 1});
	REFUSED(ENT_ELIMIT, WIRE_PROOF, .proof = {.feed = feed, .hashes_len = WIRE_HASHES_MAX + 1});
#undef REFUSED
}

static void a_split_is_two_checkpoints_in_order_with_hashes_where_sizes_differ(void **state)
{
	static const uint8_t hashes[1][32];
	struct fixture *f = *state;
	struct log_name feed = random_feed(&f->random);
	const struct wire_checkpoint none = {0};
	const struct {
		struct wire_split split;
		int rc;
	} cases[] = {
		{{feed, pair(3), pair(3), NULL, 0}, 0},
		{{feed, pair(3), pair(4), hashes, 1}, 0},
		{{feed, pair(3), pair(3), hashes, 1}, ENT_EINVALID},
		{{feed, pair(3), pair(4), NULL, 0}, ENT_EINVALID},
		{{feed, pair(4), pair(3), hashes, 1}, ENT_EINVALID},
		{{feed, pair(0), pair(3), hashes, 1}, ENT_EINVALID},
		{{feed, none, pair(3), hashes, 1}, ENT_EINVALID},
		{{feed, pair(3), none, hashes, 1}, ENT_EINVALID},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct wire_message m = {.type = WIRE_SPLIT, .split = cases[i].split};

		assert_int_equal(wire_encode(&f->buf, &m), cases[i].rc);
	}
}

static void bodies_are_asked_for_and_given_in_order_and_within_bounds(void **state)
{
	static uint64_t up[WIRE_BODIES_MAX + 1], twice[] = {4, 4}, down[] = {4, 3};
	static uint8_t big[ENTRY_BODY_MAX + 1];
	static struct wire_body full[WIRE_BODIES_MAX + 1];
	struct fixture *f = *state;
	struct log_name feed = random_feed(&f->random);
	struct wire_message m = {.type = WIRE_BODIES_WANT, .bodies_want = {feed, up, 0}};
	struct wire_message b = {.type = WIRE_BODIES, .bodies = {feed, full, WIRE_BODIES_MAX}};

	for (size_t i = 0; i < COUNT_OF(up); i++)
		up[i] = full[i].index = i;
	assert_int_equal(wire_encode(&f->buf, &m), ENT_EINVALID);
	m.bodies_want.indexes_len = WIRE_BODIES_MAX;
	assert_int_equal(wire_encode(&f->buf, &m), 0);
	m.bodies_want.indexes_len++;
	assert_int_equal(wire_encode(&f->buf, &m), ENT_ELIMIT);
	m.bodies_want = (struct wire_bodies_want){feed, twice, 2};
	assert_int_equal(wire_encode(&f->buf, &m), ENT_EINVALID);
	m.bodies_want.indexes = down;
	assert_int_equal(wire_encode(&f->buf, &m), ENT_EINVALID);

	assert_int_equal(wire_encode(&f->buf, &b), 0);
	b.bodies.bodies_len++;
	assert_int_equal(wire_encode(&f->buf, &b), ENT_ELIMIT);
	b.bodies.bodies_len = 5;
	for (size_t i = 0; i < 4; i++)
		full[i].body = bytes_from(big, ENTRY_BODY_MAX);
	full[4].body =
		bytes_from(big, WIRE_BODIES_BYTES_MAX - 4 * ENTRY_BODY_MAX - 5 * ENTRY_SALT_BYTES);
	assert_int_equal(wire_encode(&f->buf, &b), 0);
	full[4].body.len++;
	assert_int_equal(wire_encode(&f->buf, &b), ENT_ELIMIT);
	b.bodies.bodies_len = 1;
	full[0].body.len++;
	assert_int_equal(wire_encode(&f->buf, &b), ENT_ELIMIT);
	b.bodies.bodies_len = 2;
	full[0].body = full[1].body = BYTES_NONE;
	full[1].index = 0;
	assert_int_equal(wire_encode(&f->buf, &b), ENT_EINVALID);
}

static void a_message_over_the_limit_is_refused(void **state)
{
	struct fixture *f = *state;
	struct wire_message m;
	uint8_t *big = calloc(1, WIRE_MESSAGE_MAX + 1);

	assert_non_null(big);
	assert_int_equal(wire_decode(WIRE_PING, bytes_from(big, WIRE_MESSAGE_MAX + 1), &f->decoded,
				 &m),
		ENT_ELIMIT);
	free(big);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_message_survives_the_round_trip),
		TEST(unknown_fields_are_skipped),
		TEST(unknown_types_are_named_as_such),
		TEST(damaged_messages_do_no_harm),
		TEST(bad_varints_are_refused),
		TEST(provenance_and_local_logs_are_no_feeds),
		TEST(cosignatures_have_a_time_and_a_size),
		TEST(only_a_provenance_log_stands_in_hello),
		TEST(messages_without_their_feed_are_refused),
		TEST(hashes_have_their_exact_length),
		TEST(lists_are_bounded_when_decoding),
		TEST(lists_are_bounded_when_encoding),
		TEST(a_split_is_two_checkpoints_in_order_with_hashes_where_sizes_differ),
		TEST(bodies_are_asked_for_and_given_in_order_and_within_bounds),
		TEST(a_message_over_the_limit_is_refused),
	};

	return cmocka_run_group_tests_name("codec_wire", tests, NULL, NULL);
}
