/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A neighbour of whom nothing is known but that it has keys: what it says now and then is something
 * that it has said before, to anybody, with names, numbers, checkpoints and hashes out of other
 * messages. So signatures hold where they should not stand, and what is claimed of one feed is true
 * of another.
 */
#include <string.h>

#include "merkle/hash.h"
#include "sim/liars.h"
#include "sim/world_impl.h"

#define SAID_MAX       64u
#define SAID_BYTES_MAX 4096u
#define PARTS_MAX      8u

struct babble {
	struct sim_random random;
	struct said {
		uint8_t type;
		uint16_t len;
		uint8_t payload[SAID_BYTES_MAX];
	} said[SAID_MAX];
	unsigned said_len;
};

/* What of a message can stand in another one. */
struct parts {
	struct log_name *name; /* NULL: it has none */
	uint64_t *numbers[PARTS_MAX];
	unsigned numbers_len;
	struct wire_checkpoint *checkpoints[PARTS_MAX];
	unsigned checkpoints_len;
	const uint8_t (**hashes)[32]; /* NULL: it has none */
	size_t *hashes_len;
};

static void number_of(struct parts *p, uint64_t *n)
{
	p->numbers[p->numbers_len++] = n;
}

static void checkpoint_of(struct parts *p, struct wire_checkpoint *c)
{
	p->checkpoints[p->checkpoints_len++] = c;
	number_of(p, &c->size);
}

/* One of the heads, alone. */
static void head_parts(struct parts *p, struct wire_heads *heads, struct arena *arena,
	struct sim_random *random)
{
	struct wire_head *head = arena_alloc(arena, sizeof(*head));

	if (!heads->heads_len)
		return;
	*head = heads->heads[sim_random_below(random, (unsigned)heads->heads_len)];
	*heads = (struct wire_heads){head, 1};
	p->name = &head->feed;
	number_of(p, &head->floor);
	number_of(p, &head->held);
	checkpoint_of(p, &head->newest);
}

static void indexes_parts(struct parts *p, struct wire_bodies_want *want, struct arena *arena)
{
	uint64_t *indexes = arena_alloc(arena, want->indexes_len * sizeof(*indexes));

	memcpy(indexes, want->indexes, want->indexes_len * sizeof(*indexes));
	want->indexes = indexes;
	p->name = &want->feed;
	number_of(p, &indexes[0]);
	number_of(p, &indexes[want->indexes_len - 1]);
}

static struct parts parts_of(struct wire_message *m, struct arena *arena, struct sim_random *random)
{
	struct parts p = {0};

	switch (m->type) {
	case WIRE_HEADS:
		head_parts(&p, &m->heads, arena, random);
		break;
	case WIRE_HELD:
		p.name = &m->held.feed;
		number_of(&p, &m->held.size);
		break;
	case WIRE_SUBSCRIBE:
		p.name = &m->subscribe.feed;
		number_of(&p, &m->subscribe.from);
		break;
	case WIRE_UNSUBSCRIBE:
		p.name = &m->unsubscribe.feed;
		break;
	case WIRE_DATA:
		p.name = &m->data.feed;
		number_of(&p, &m->data.start);
		checkpoint_of(&p, &m->data.checkpoint);
		p.hashes = &m->data.left;
		p.hashes_len = &m->data.left_len;
		break;
	case WIRE_CREDIT:
		number_of(&p, &m->credit.bytes);
		break;
	case WIRE_PROOF_WANT:
		p.name = &m->proof_want.feed;
		number_of(&p, &m->proof_want.first);
		number_of(&p, &m->proof_want.second);
		break;
	case WIRE_PROOF:
		p.name = &m->proof.feed;
		number_of(&p, &m->proof.first);
		number_of(&p, &m->proof.second);
		checkpoint_of(&p, &m->proof.checkpoint);
		p.hashes = &m->proof.hashes;
		p.hashes_len = &m->proof.hashes_len;
		break;
	case WIRE_RECEIPT:
		p.name = &m->receipt.feed;
		number_of(&p, &m->receipt.time);
		checkpoint_of(&p, &m->receipt.checkpoint);
		break;
	case WIRE_WITNESS_WANT:
		p.name = &m->witness_want.log;
		checkpoint_of(&p, &m->witness_want.checkpoint);
		break;
	case WIRE_WITNESS:
		p.name = &m->witness.log;
		number_of(&p, &m->witness.size);
		number_of(&p, &m->witness.time);
		break;
	case WIRE_SPLIT:
		p.name = &m->split.feed;
		checkpoint_of(&p, &m->split.first);
		checkpoint_of(&p, &m->split.second);
		p.hashes = &m->split.hashes;
		p.hashes_len = &m->split.hashes_len;
		break;
	case WIRE_BODIES_WANT:
		indexes_parts(&p, &m->bodies_want, arena);
		break;
	case WIRE_BODIES:
		p.name = &m->bodies.feed;
		break;
	case WIRE_HELLO:
	case WIRE_TERMS:
	case WIRE_CARDS:
	case WIRE_PING:
	case WIRE_BYE:
	case WIRE_REVOCATION:
		break;
	}
	return p;
}

static void remember(struct babble *b, const struct wire_message *m)
{
	struct buf out = buf_with_max(WIRE_MESSAGE_MAX + WIRE_PREFIX_BYTES);
	struct said *s = &b->said[b->said_len < SAID_MAX ? b->said_len
							 : sim_random_below(&b->random, SAID_MAX)];
	struct bytes payload;

	if (m->type == WIRE_HELLO || m->type == WIRE_PING || m->type == WIRE_BYE)
		return;
	if (wire_encode(&out, m) != 0)
		abort();
	payload = bytes_skip(buf_view(&out), WIRE_PREFIX_BYTES);
	if (payload.len <= SAID_BYTES_MAX) {
		s->type = (uint8_t)m->type;
		s->len = (uint16_t)payload.len;
		memcpy(s->payload, payload.data, payload.len);
		b->said_len += b->said_len < SAID_MAX;
	}
	buf_free(&out);
}

static void recall(struct babble *b, struct wire_message *m, struct arena *arena)
{
	const struct said *s = &b->said[sim_random_below(&b->random, b->said_len)];

	if (wire_decode(s->type, arena_copy(arena, bytes_from(s->payload, s->len)), arena, m) != 0)
		abort();
}

static void number_distort(struct babble *b, uint64_t *n, const struct parts *other)
{
	switch (sim_random_below(&b->random, 6)) {
	case 0:
		*n += 1;
		break;
	case 1:
		*n -= *n > 0;
		break;
	case 2:
		*n = 0;
		break;
	case 3:
		*n = sim_random_u64(&b->random) >> sim_random_below(&b->random, 64);
		break;
	default:
		if (other->numbers_len)
			*n = *other->numbers[sim_random_below(&b->random, other->numbers_len)];
		break;
	}
}

static void name_distort(struct babble *b, struct log_name *name, const struct parts *other)
{
	unsigned what = sim_random_below(&b->random, 8);

	if (what == 0)
		name->incarnation += 1 + sim_random_below(&b->random, 2);
	else if (what == 1)
		name->incarnation -= 1;
	else if (other->name && what < 4)
		name->audience = other->name->audience;
	else if (other->name && what < 6)
		name->node = other->name->node;
	else if (other->name)
		*name = *other->name;
}

static void hashes_distort(struct babble *b, struct parts *p, const struct parts *other,
	struct arena *arena)
{
	size_t len = *p->hashes_len;
	uint8_t(*copy)[32] = arena_alloc(arena, (len + 1) * sizeof(*copy));

	if (other->hashes && sim_random_chance(&b->random, 30)) {
		*p->hashes = *other->hashes;
		*p->hashes_len = *other->hashes_len;
		return;
	}
	if (len)
		memcpy(copy, *p->hashes, len * sizeof(*copy));
	if (len && sim_random_chance(&b->random, 50))
		copy[sim_random_below(&b->random, (unsigned)len)][5] ^= 1;
	else if (len && sim_random_chance(&b->random, 50))
		len--;
	else
		memset(copy[len++], 7, sizeof(*copy));
	*p->hashes = (const uint8_t(*)[32])copy;
	*p->hashes_len = len;
}

static void distort(struct babble *b, struct wire_message *m, struct arena *arena)
{
	struct wire_message from;
	struct parts p = parts_of(m, arena, &b->random), other;
	unsigned what = sim_random_below(&b->random, 10);

	recall(b, &from, arena);
	other = parts_of(&from, arena, &b->random);
	if (what < 3 && p.name) {
		name_distort(b, p.name, &other);
	} else if (what < 6 && p.checkpoints_len && other.checkpoints_len) {
		*p.checkpoints[sim_random_below(&b->random, p.checkpoints_len)] =
			*other.checkpoints[sim_random_below(&b->random, other.checkpoints_len)];
	} else if (what < 7 && p.hashes) {
		hashes_distort(b, &p, &other, arena);
	} else if (p.numbers_len) {
		number_distort(b, p.numbers[sim_random_below(&b->random, p.numbers_len)], &other);
	}
}

static bool liar_babbles(void *ctx, struct world_node *from, struct world_node *to,
	struct wire_message *m, struct arena *arena)
{
	struct babble *b = ctx;

	(void)from, (void)to;
	remember(b, m);
	if (m->type == WIRE_HELLO || b->said_len == 0 || sim_random_chance(&b->random, 75))
		return true;
	recall(b, m, arena);
	for (unsigned times = sim_random_below(&b->random, 4); times > 0; times--)
		distort(b, m, arena);
	return true;
}

void liar_babbles_begin(struct world_node *n)
{
	struct babble *b = arena_alloc(&n->world->agreements, sizeof(*b));

	memset(b, 0, sizeof(*b));
	b->random.state = sim_random_u64(&n->world->random);
	n->hand = liar_babbles;
	n->hand_ctx = b;
}
