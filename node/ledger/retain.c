/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Retention: how far a floor may go. A block of entries goes as a whole, when everything in it is
 * old, or expired long since, and more is behind it. Of own claims those that still stand and hold
 * are said once more, and so is what this node says of its former feeds: an origin's claims do not
 * end because its store is swept. Only when that has been signed does the floor follow: a tail that
 * was not may be cut, and what stood below a floor would be gone with it.
 *
 * What stands is asked of the index, so own floors move only when it has caught up, and before
 * anything else of the group: what this group retracts comes after, and stands.
 */
#include <stdlib.h>

#include "base/vocab.h"
#include "ledger/impl.h"
#include "merkle/hash.h"

/* Blocks looked at in one group; the next begins where it ended. */
#define BLOCKS_MAX 64u
/* What one signature covers, less what the group may hold besides. */
#define AGAIN_ENTRIES_MAX (BATCH_ENTRIES_MAX / 2)
#define AGAIN_BYTES_MAX   (BATCH_BYTES_MAX / 2)

struct again {
	struct buf entries;
	struct hash *leaves;
	uint32_t count;
};

/* What is to be done to one log, once the transaction is open. */
struct plan {
	struct store_log log;
	uint64_t floor;
	struct again again;
	struct plan *next;
};

struct retaining {
	struct ledger *l;
	const struct ledger_retention *r;
	struct store_reader *reader;
	bool caught_up;
	unsigned blocks;
	struct buf formers; /* struct log_name: own feeds of other incarnations that are here */
	struct arena arena;
};

/* The shortest time that bounds the feed; 0: none does. */
static int64_t retain_of(const struct ledger_retention *r, const struct log_name *log)
{
	int64_t ms = r->retain_ms;

	for (size_t i = 0; i < r->agreements_len; i++)
		if (log->audience.kind == AUDIENCE_AGREEMENT &&
			r->agreements[i].agreement == log->audience.id &&
			(ms == 0 || r->agreements[i].retain_ms < ms))
			ms = r->agreements[i].retain_ms;
	return ms;
}

/* What was said after it came, came by a clock that was behind: it is as old as it says, but for
 * what it says of the time to come. */
static int64_t came_ms(const struct retaining *w, const struct store_entry *e)
{
	const uint64_t said_ms = e->header.version == ENTRY_VERSION ? e->header.time_ms : 0;

	return said_ms <= (uint64_t)w->l->now_ms && (int64_t)said_ms > e->received_ms
		       ? (int64_t)said_ms
		       : e->received_ms;
}

static bool is_old(const struct retaining *w, int64_t retain_ms, const struct store_entry *e)
{
	return retain_ms > 0 && came_ms(w, e) < w->l->now_ms - retain_ms;
}

/* Long expired, or without a body: nobody misses it, unless that was withheld. */
static bool is_spent(struct retaining *w, const struct store_entry *e)
{
	struct record_indicator indicator;

	if (w->r->expired_ms == 0 || e->header.version != ENTRY_VERSION)
		return false;
	if (e->entry.erased)
		return true;
	arena_reset(&w->arena);
	return e->header.kind == KIND_INDICATOR &&
	       record_indicator_decode(e->entry.body, &w->arena, &indicator) == 0 &&
	       indicator.valid_until > 0 &&
	       (int64_t)indicator.valid_until < w->l->now_ms - w->r->expired_ms;
}

/* The first entry from some index on that came without its body, once it has been asked. */
struct withheld {
	bool known;
	uint64_t index;
};

/* 1: the entry is one, and somebody may have its body to give. */
static int is_withheld(struct retaining *w, const struct store_log *log,
	const struct store_entry *e, struct withheld *next)
{
	size_t len = 0;
	int rc = 0;

	if (!e->entry.erased)
		return 0;
	if (!next->known || next->index < e->index) {
		rc = store_missing(w->reader, &log->name, e->index, &next->index, 1, &len);
		next->index = len > 0 ? next->index : UINT64_MAX;
		next->known = true;
	}
	return rc ? rc : next->index == e->index;
}

/* May the block that begins at the index go? 1, 0 or an error. */
static int block_goes(struct retaining *w, const struct store_log *log, uint64_t index)
{
	int64_t retain_ms = retain_of(w->r, &log->name);
	struct withheld withheld = {0};
	struct store_entry e;
	int rc = store_entry_get(w->reader, log->number, index + FLOOR_STEP - 1, &e);

	/* They came in order: the last is the youngest. */
	if (rc || is_old(w, retain_ms, &e))
		return rc ? rc : 1;
	for (uint64_t i = index; i < index + FLOOR_STEP; i++) {
		if ((rc = store_entry_get(w->reader, log->number, i, &e)) != 0)
			return rc;
		if (is_old(w, retain_ms, &e))
			continue;
		if (!is_spent(w, &e) || (rc = is_withheld(w, log, &e, &withheld)) != 0)
			return rc < 0 ? rc : 0;
	}
	return 1;
}

/* --- own claims ------------------------------------------------------------------------------- */

/* Does it hold, whatever stands? Words that take back hold as long as something older is left,
 * which a former incarnation may have. */
static bool holds(struct retaining *w, const struct store_entry *e)
{
	struct record_indicator indicator;

	if (e->header.version != ENTRY_VERSION || e->entry.erased)
		return false;
	arena_reset(&w->arena);
	switch (e->header.kind) {
	case KIND_INDICATOR:
		return record_indicator_decode(e->entry.body, &w->arena, &indicator) == 0 &&
		       (indicator.valid_until == 0 ||
			       (int64_t)indicator.valid_until > w->l->now_ms);
	case KIND_OBJECT:
		return true;
	case KIND_RETRACTION:
	case KIND_ERASURE:
		return w->formers.len > 0;
	case KIND_SUCCESSION:
		return true;
	default:
		return false;
	}
}

/* Others may have the former feed still: whoever joins this one higher up must learn of it too.
 * What was cut off since it was said has not been said. */
static int succession_stands(struct retaining *w, const struct store_log *log,
	const struct store_entry *e)
{
	struct store_succession known;
	struct record_succession s;
	int rc;

	if (!succession_read(&log->name, &e->entry, &s))
		return 0;
	rc = store_succession_get(w->reader, &s.old_log, &known);
	if (rc)
		return rc == ENT_ENOTFOUND ? 0 : rc;
	return known.incarnation == log->name.incarnation &&
	       (known.index <= e->index || known.index >= log->size);
}

/* 1: whoever joins above the block would not know of a former feed what is said there. */
static int block_says(struct retaining *w, const struct store_log *log, uint64_t index)
{
	int rc = 0;

	if (log->held.size - index > SUCCESSION_HOLDS_ENTRIES)
		return 0;
	for (uint64_t i = index; i < index + FLOOR_STEP && rc == 0; i++) {
		struct store_entry e;

		rc = store_entry_get(w->reader, log->number, i, &e);
		if (rc == 0 && e.header.kind == KIND_SUCCESSION)
			rc = succession_stands(w, log, &e);
	}
	return rc;
}

/* 1: what stands for its object is this very entry. */
static int stands(struct retaining *w, const struct store_log *log, const struct store_entry *e)
{
	struct store_entry standing;
	int rc;

	if (e->header.kind == KIND_SUCCESSION)
		return succession_stands(w, log, e);
	rc = store_object_standing(w->reader, &log->name.node, log->name.audience, e->header.object,
		&standing);

	if (rc)
		return rc == ENT_ENOTFOUND ? 0 : rc;
	return standing.log == e->log && standing.index == e->index;
}

/* The same claim in an entry of its own: fresh time and salt. */
static int again_add(struct retaining *w, struct again *a, const struct store_entry *e)
{
	uint8_t raw[ENTRY_HEADER_BYTES], salt[ENTRY_SALT_BYTES];
	struct entry_header header = e->header;
	struct entry entry = {.leaf = BYTES_OF(raw), .salt = BYTES_OF(salt), .body = e->entry.body};
	struct hash commitment;
	uint8_t *room;

	if (a->count == AGAIN_ENTRIES_MAX || a->entries.len > AGAIN_BYTES_MAX)
		return ENT_ELIMIT;
	header.time_ms = (uint64_t)w->l->now_ms;
	env_random(&w->l->config.rng, salt, sizeof(salt));
	hash_commitment(&commitment, entry.salt, entry.body);
	memcpy(header.commitment, commitment.bytes, sizeof(header.commitment));
	entry_header_encode(raw, &header);
	room = buf_extend(&a->entries, entry_packed_len(&entry));
	if (!room)
		return ENT_ENOMEM;
	entry_pack(room, &entry);
	hash_leaf(&a->leaves[a->count++], entry.leaf);
	return 0;
}

/* ENT_ELIMIT: no room for the block in this group. */
static int block_again(struct retaining *w, const struct store_log *log, uint64_t index,
	struct again *a)
{
	const size_t len = a->entries.len;
	const uint32_t count = a->count;
	int rc = 0;

	for (uint64_t i = index; i < index + FLOOR_STEP && rc == 0; i++) {
		struct store_entry e;

		rc = store_entry_get(w->reader, log->number, i, &e);
		if (rc == 0 && holds(w, &e) && (rc = stands(w, log, &e)) == 1)
			rc = again_add(w, a, &e);
	}
	if (rc != 0) {
		a->entries.len = len;
		a->count = count;
	}
	return rc;
}

/* What the feed says of a former one, where that lies far back. */
static int succession_again(struct retaining *w, const struct store_log *log,
	const struct log_name *former, struct again *a)
{
	struct store_succession known;
	int rc;

	if (!audience_eq(former->audience, log->name.audience) || a->count == AGAIN_ENTRIES_MAX)
		return 0;
	rc = store_succession_get(w->reader, former, &known);
	if (rc)
		return rc == ENT_ENOTFOUND ? 0 : rc;
	if (known.incarnation != log->name.incarnation ||
		known.index + SUCCESSION_AGAIN_ENTRIES >= log->held.size)
		return 0;
	rc = succession_entry(w->l, former, known.size, &known.root, &a->entries,
		&a->leaves[a->count]);
	a->count += rc == 0;
	return rc;
}

static int successions_again(struct retaining *w, const struct store_log *log, struct again *a)
{
	const struct log_name *formers = (const struct log_name *)(const void *)w->formers.data;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < w->formers.len / sizeof(*formers); i++)
		rc = succession_again(w, log, &formers[i], a);
	return rc;
}

static int again_append(struct ledger *l, struct store_txn *txn, const struct store_log *log,
	const struct again *a)
{
	struct act_body act = {.act = ACT_PUBLISHED,
		.has_log = true,
		.log = log->name,
		.count = a->count,
		.rule = bytes_str("retain")};
	int rc;

	act.log.incarnation = l->config.identity->incarnation;
	rc = append_own(l, txn, &act.log, buf_view(&a->entries), a->leaves, a->count, false,
		&act.from);
	if (rc != 0)
		return rc;
	act.to = act.from + a->count;
	group_act(l, &act);
	return 0;
}

/* --- floors ----------------------------------------------------------------------------------- */

static bool is_own(const struct retaining *w, const struct store_log *log)
{
	return node_id_eq(&log->name.node, &w->l->config.self);
}

/* Own claims go under a signature, which a mute node does not give; a group has one. */
static bool may_say_again(const struct retaining *w)
{
	return w->caught_up && !ledger_muted(w->l) && w->l->own_entries == 0 &&
	       atomic_load(&w->l->sealing);
}

/* How far the floor may go now, and what is to be said again before it goes on. Something stays
 * above it: whoever joins there, be it the origin as an old copy of itself, needs a run to join
 * with. */
static int floor_find(struct retaining *w, const struct store_log *log, struct again *a,
	uint64_t *floor)
{
	uint64_t at = log->floor;
	int rc;

	*floor = at;
	while (at + FLOOR_STEP < log->held.size) {
		if (w->blocks++ >= BLOCKS_MAX)
			return 0;
		if ((rc = block_goes(w, log, at)) != 1)
			return rc;
		rc = is_own(w, log) ? block_again(w, log, at, a) : block_says(w, log, at);
		if (rc != 0)
			return rc == ENT_ELIMIT || rc == 1 ? 0 : rc;
		at += FLOOR_STEP;
		if (a->count == 0)
			*floor = at;
	}
	return 0;
}

static int floor_move(struct ledger *l, struct store_txn *txn, const struct store_log *log,
	uint64_t floor)
{
	struct floor_moved moved = {log->name, floor};
	struct act_body act = {.act = ACT_FLOOR_MOVED,
		.has_log = true,
		.log = log->name,
		.from = log->floor,
		.to = floor};
	int rc = store_floor_move(txn, &log->name, floor);

	if (rc != 0)
		return rc;
	group_act(l, &act);
	buf_append(&l->floors, &moved, sizeof(moved));
	return 0;
}

static void plan_free(struct plan *p)
{
	buf_free(&p->again.entries);
	free(p->again.leaves);
	free(p);
}

/* What stands in the place of something older has been signed: with a tail that was not it would
 * go, and the older one stand again. */
static bool is_signed(const struct retaining *w, struct audience audience)
{
	const struct ledger *l = w->l;
	struct log_name name = {l->config.self, l->config.identity->incarnation, audience};
	struct store_log log;
	int rc = store_log_get(w->reader, &name, &log);

	if (rc != 0)
		return rc == ENT_ENOTFOUND;
	/* These go into the store with this group, before anything else. */
	for (size_t i = 0; i < l->pending_len; i++)
		if (log_name_eq(&l->pending[i].log, &name) && l->pending[i].size >= log.size)
			return true;
	return log.size == (log.has_held ? log.held.size : 0);
}

/* What has to be said again is not said to nobody, and is not lost for those to come. */
static bool may_retain(const struct retaining *w, const struct store_log *log)
{
	return is_feed(&log->name) && log->has_held &&
	       (!is_own(w, log) || (may_say_again(w) && is_heard(w->l, log->name.audience) &&
					   is_signed(w, log->name.audience)));
}

static bool may_go(const struct retaining *w, const struct store_log *log)
{
	return log->held.size > log->floor + FLOOR_STEP &&
	       (retain_of(w->r, &log->name) != 0 || w->r->expired_ms != 0);
}

static bool has_former(const struct retaining *w, const struct store_log *log)
{
	return w->formers.len > 0 && is_own(w, log) && log->held.size > SUCCESSION_AGAIN_ENTRIES &&
	       log->name.incarnation == w->l->config.identity->incarnation;
}

static int log_retain(void *ctx, const struct store_log *log)
{
	struct retaining *w = ctx;
	struct plan *p;
	int rc = 0;

	if (log->number <= w->l->retain_at)
		return 0;
	if (w->blocks >= BLOCKS_MAX)
		return 1;
	w->l->retain_at = log->number;
	if (!may_retain(w, log) || (!may_go(w, log) && !has_former(w, log)))
		return 0;
	p = calloc(1, sizeof(*p));
	if (!p)
		return ENT_ENOMEM;
	p->log = *log;
	p->floor = log->floor;
	p->again.entries = buf_with_max(BATCH_BYTES_MAX);
	if (is_own(w, log) && !(p->again.leaves = calloc(AGAIN_ENTRIES_MAX, sizeof(struct hash))))
		rc = ENT_ENOMEM;
	if (rc == 0 && may_go(w, log))
		rc = floor_find(w, log, &p->again, &p->floor);
	if (rc == 0 && p->again.count == 0 && has_former(w, log))
		rc = successions_again(w, log, &p->again);
	if (rc != 0 || (p->floor == log->floor && p->again.count == 0)) {
		plan_free(p);
		return rc;
	}
	/* One signature for all: what else would be said again waits. */
	w->caught_up &= p->again.count == 0;
	p->next = w->l->plans;
	w->l->plans = p;
	return 0;
}

static int former_look(void *ctx, const struct store_log *log)
{
	struct retaining *w = ctx;

	if (is_own(w, log) && is_feed(&log->name) &&
		log->name.incarnation != w->l->config.identity->incarnation)
		buf_append(&w->formers, &log->name, sizeof(log->name));
	return buf_failed(&w->formers) ? ENT_ENOMEM : 0;
}

int retain_plan(struct ledger *l, const struct ledger_retention *r)
{
	struct retaining w = {.l = l, .r = r, .formers = buf_with_max(SIZE_MAX)};
	int rc = store_reader_open(l->config.store, &w.reader);

	if (rc != 0)
		return rc;
	rc = store_log_each(w.reader, former_look, &w);
	w.caught_up = store_index_position(w.reader) == store_arrival_last(w.reader);
	if (rc == 0)
		rc = store_log_each(w.reader, log_retain, &w);
	if (rc == 0)
		l->retain_at = 0; /* all of them: from the beginning again */
	store_reader_close(w.reader);
	buf_free(&w.formers);
	arena_free(&w.arena);
	return rc < 0 ? rc : 0;
}

void retain_drop(struct ledger *l)
{
	while (l->plans) {
		struct plan *p = l->plans;

		l->plans = p->next;
		plan_free(p);
	}
}

int retain_apply(struct ledger *l, struct store_txn *txn)
{
	int rc = 0;

	while (l->plans) {
		struct plan *p = l->plans;

		l->plans = p->next;
		if (rc == 0 && p->again.count > 0)
			rc = again_append(l, txn, &p->log, &p->again);
		if (rc == 0 && p->floor > p->log.floor)
			rc = floor_move(l, txn, &p->log, p->floor);
		plan_free(p);
	}
	return rc;
}

void tell_floors(struct ledger *l)
{
	const struct floor_moved *moved = (const struct floor_moved *)(const void *)l->floors.data;

	for (size_t i = 0; i < l->floors.len / sizeof(*moved); i++) {
		struct ledger_news news = {
			.type = LEDGER_FLOOR, .feed = moved[i].log, .floor = moved[i].floor};

		ledger_tell(l, &news);
	}
	buf_reset(&l->floors);
}
