/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A new incarnation (DESIGN 4; PROTOCOL.md, "Recovery"): the first entry of each new feed says how
 * far the former feed of that audience is good: as far as it is held and verified here. Under an
 * agreement that is not in force it waits until that is, or something is said in the feed.
 */
#include <stdlib.h>

#include "base/vocab.h"
#include "ledger/impl.h"

/* So many in one group, the others in the next. */
#define SUCCESSIONS_MAX 16u

struct successions {
	struct ledger *l;
	struct store_reader *reader;
	struct former {
		struct log_name log;
		uint64_t size;
		struct hash root;
	} formers[SUCCESSIONS_MAX];
	size_t len;
	bool more;
	bool waits; /* others wait for their agreement */
	const struct audience
		*alone; /* of this one only, in which something is said; NULL: of all */
};

bool is_heard(const struct ledger *l, struct audience audience)
{
	const struct ledger_ops *ops = &l->config.ops;

	return audience.kind != AUDIENCE_AGREEMENT || !ops->in_force ||
	       ops->in_force(ops->ctx, audience.id);
}

static struct log_name successor(const struct ledger *l, const struct log_name *former)
{
	return (struct log_name){l->config.self, l->config.identity->incarnation, former->audience};
}

/* Of several former feeds of an audience the newest that has anything. */
static int former_look(void *ctx, const struct store_log *log)
{
	struct successions *s = ctx;
	struct log_name name = successor(s->l, &log->name);
	struct store_log known;
	struct former *f = s->formers;

	if (!is_feed(&log->name) || !node_id_eq(&log->name.node, &s->l->config.self) ||
		log->name.incarnation >= name.incarnation || !log->has_held)
		return 0;
	if (s->alone && !audience_eq(*s->alone, log->name.audience))
		return 0;
	/* It has been, or something that is not here stands in its place (append_own). */
	if (store_log_get(s->reader, &name, &known) == 0 &&
		(known.size > 0 || known.has_checkpoint))
		return 0;
	if (!s->alone && !is_heard(s->l, log->name.audience)) {
		s->waits = true;
		return 0;
	}
	while (f < s->formers + s->len && !audience_eq(f->log.audience, log->name.audience))
		f++;
	if (f == s->formers + SUCCESSIONS_MAX) {
		s->more = true;
		return 0;
	}
	if (f < s->formers + s->len && f->log.incarnation > log->name.incarnation)
		return 0;
	if (f == s->formers + s->len)
		s->len++;
	*f = (struct former){log->name, log->held.size, log->held.root};
	return 0;
}

static int formers_find(struct ledger *l, const struct audience *alone, struct successions *s)
{
	int rc;

	*s = (struct successions){.l = l, .alone = alone};
	rc = store_reader_open(l->config.store, &s->reader);
	if (rc != 0)
		return rc;
	rc = store_log_each(s->reader, former_look, s);
	store_reader_close(s->reader);
	return rc;
}

int successions_look(struct ledger *l)
{
	struct successions *s = malloc(sizeof(*s));
	int rc = s ? formers_find(l, NULL, s) : ENT_ENOMEM;

	l->succeeding = rc == 0 && s->len > 0;
	l->succession_waits = rc == 0 && s->waits;
	free(s);
	return rc;
}

void succession_due(struct ledger *l, const struct log_name *log)
{
	if (!is_feed(log) || !node_id_eq(&log->node, &l->config.self) ||
		log->incarnation >= l->config.identity->incarnation)
		return;
	l->succeeding = true;
	l->succeeded = false;
}

/* It tells nothing but the name of a log and its root: as public as the feed it stands in. */
static uint8_t succession_tlp(struct audience audience)
{
	switch (audience.kind) {
	case AUDIENCE_GREEN:
		return TLP_GREEN;
	case AUDIENCE_AGREEMENT:
		return TLP_AMBER;
	default:
		return TLP_CLEAR;
	}
}

int succession_entry(struct ledger *l, const struct log_name *former, uint64_t size,
	const struct hash *root, struct buf *out, struct hash *leaf)
{
	struct record_succession record = {.old_log = *former, .size = size};
	struct entry_header header = {.version = ENTRY_VERSION,
		.kind = KIND_SUCCESSION,
		.tlp = succession_tlp(former->audience),
		.flags = ENTRY_FLAG_URGENT,
		.time_ms = (uint64_t)l->now_ms};
	uint8_t raw[ENTRY_HEADER_BYTES], salt[ENTRY_SALT_BYTES];
	struct buf body = buf_with_max(ENTRY_BODY_MAX);
	struct hash commitment;
	struct entry entry;
	uint8_t *room;
	int rc;

	memcpy(record.root, root->bytes, sizeof(record.root));
	rc = record_succession_encode(&body, &record);
	if (rc == 0) {
		env_random(&l->config.rng, salt, sizeof(salt));
		hash_commitment(&commitment, BYTES_OF(salt), buf_view(&body));
		memcpy(header.commitment, commitment.bytes, sizeof(header.commitment));
		header.body_len = (uint16_t)body.len;
		entry_header_encode(raw, &header);
		entry = (struct entry){
			.leaf = BYTES_OF(raw), .salt = BYTES_OF(salt), .body = buf_view(&body)};
		room = buf_extend(out, entry_packed_len(&entry));
		rc = room ? 0 : ENT_ENOMEM;
		if (room)
			entry_pack(room, &entry);
		hash_leaf(leaf, entry.leaf);
	}
	buf_free(&body);
	return rc;
}

static int former_succeed(struct ledger *l, struct store_txn *txn, const struct former *f)
{
	struct log_name name = successor(l, &f->log);
	struct act_body act = {.act = ACT_INCARNATION,
		.has_log = true,
		.log = f->log,
		.to = f->size,
		.root = BYTES_OF(f->root.bytes)};
	struct buf entry = buf_with_max(ENTRY_PACKED_MAX);
	struct hash leaf;
	uint64_t from;
	int rc = succession_entry(l, &f->log, f->size, &f->root, &entry, &leaf);

	l->saying = true; /* this is it: none comes before it (succession_first) */
	if (rc == 0)
		rc = append_own(l, txn, &name, buf_view(&entry), &leaf, 1, true, &from);
	l->saying = false;
	buf_free(&entry);
	if (rc == 0)
		group_act(l, &act);
	return rc;
}

void said_take(struct ledger *l, const struct store_txn *txn)
{
	size_t len;
	const struct store_said *said = store_txn_said(txn, &len);

	buf_append(&l->said, said, len * sizeof(*said));
}

void tell_said(struct ledger *l)
{
	const struct store_said *said = (const struct store_said *)(const void *)l->said.data;

	for (size_t i = 0; i < l->said.len / sizeof(*said); i++) {
		struct ledger_news news = {.type = LEDGER_SETTLED,
			.checkpoint = {.log = said[i].old,
				.size = said[i].by.size,
				.root = said[i].by.root}};

		ledger_tell(l, &news);
	}
	buf_reset(&l->said);
}

/* Before any other own entry of the group: they are the first of their feeds. One that may not be
 * said keeps no other back, and is not tried with every group; where there was no room there will
 * be some. */
int successions_write(struct ledger *l, struct store_txn *txn)
{
	struct successions *s;
	int rc;

	l->succeeded = false;
	/* Also before anything may be signed: what is published meanwhile stands behind it. */
	if (!l->succeeding || ledger_muted(l))
		return 0;
	s = malloc(sizeof(*s));
	rc = s ? formers_find(l, NULL, s) : ENT_ENOMEM;
	l->succession_waits = false;
	l->succeeded = rc == 0 && !s->more;
	for (size_t i = 0; rc == 0 && i < s->len; i++) {
		int one = former_succeed(l, txn, &s->formers[i]);

		l->succeeded &= one != ENT_ELIMIT;
		rc = of_store(one);
	}
	l->succession_waits = s && s->waits;
	free(s);
	return rc;
}

int succession_first(struct ledger *l, struct store_txn *txn, const struct log_name *name)
{
	struct successions *s;
	struct store_log log;
	int rc;

	if (l->saying || !is_feed(name) ||
		(!l->succession_waits && (!l->succeeding || l->succeeded)))
		return 0;
	rc = store_txn_log(txn, name, false, &log);
	if (rc != ENT_ENOTFOUND && (rc != 0 || log.size > 0))
		return rc;
	s = malloc(sizeof(*s));
	rc = s ? formers_find(l, &name->audience, s) : ENT_ENOMEM;
	if (rc == 0 && s->len > 0)
		rc = former_succeed(l, txn, &s->formers[0]);
	free(s);
	return rc;
}
