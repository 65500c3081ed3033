/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The first reading: the digest of each bundle, and all that is small: cards, agreements, and what
 * anybody has signed about a log. Of the entries only their order is looked at, and which of them
 * are erasures.
 */
#include "verify/verify.h"

#include <sodium.h>
#include <stdlib.h>

/* --- tables ----------------------------------------------------------------------------------- */

static _Noreturn void give_up(const char *why)
{
	fprintf(stderr, "%s\n", why);
	exit(AUDIT_UNREADABLE);
}

void *need(void *memory)
{
	if (!memory)
		give_up("out of memory");
	return memory;
}

void map_set(struct map *m, const void *key, void *value)
{
	if (map_put(m, key, value) != 0)
		give_up("out of memory");
}

void *grow(void *list, size_t *cap, size_t len, size_t size)
{
	if (len < *cap)
		return list;
	*cap = *cap ? 2 * *cap : 16;
	list = realloc(list, *cap * size);
	return need(list);
}

struct party *party_get(const struct audit *a, const struct node_id *node)
{
	return map_get(&a->parties, node->bytes);
}

struct party *party_need(struct audit *a, const struct node_id *node)
{
	struct party *p = party_get(a, node);

	if (p)
		return p;
	p = need(arena_alloc(&a->arena, sizeof(*p)));
	p->node = *node;
	if (map_put(&a->parties, node->bytes, p) != 0)
		give_up("too many nodes");
	a->party_list = grow(a->party_list, &a->party_list_cap, a->parties.count - 1,
		sizeof(struct party *));
	a->party_list[a->parties.count - 1] = p;
	return p;
}

const struct card_chain *chain_of(const struct audit *a, const struct node_id *node)
{
	const struct party *p = party_get(a, node);

	return p && p->chain.cards_len ? &p->chain : NULL;
}

const struct text *text_find(const struct audit *a, const uint8_t hash[32])
{
	for (size_t i = 0; i < a->texts_len; i++)
		if (memcmp(a->texts[i]->agreement.hash, hash, 32) == 0)
			return a->texts[i];
	return NULL;
}

static int claim_cmp(const void *one, const void *other)
{
	const struct claim *x = one, *y = other;
	int order = memcmp(x->log, y->log, LOG_NAME_BYTES);

	if (order == 0 && x->checkpoint.size != y->checkpoint.size)
		order = x->checkpoint.size < y->checkpoint.size ? -1 : 1;
	if (order == 0)
		order = memcmp(x->checkpoint.root.bytes, y->checkpoint.root.bytes, HASH_BYTES);
	if (order == 0)
		order = memcmp(x->checkpoint.signature, y->checkpoint.signature, 64);
	return order ? order : x->time < y->time ? -1 : x->time > y->time;
}

const struct claim *claims_of(const struct audit *a, const struct log_name *log, size_t *len)
{
	uint8_t packed[LOG_NAME_BYTES];
	size_t low = 0, high = a->claims_len, end;

	log_name_pack(packed, log);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(a->claims[middle].log, packed, LOG_NAME_BYTES) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low;
		end < a->claims_len && memcmp(a->claims[end].log, packed, LOG_NAME_BYTES) == 0;)
		end++;
	*len = end - low;
	return a->claims + low;
}

static struct claim *claim_add(struct audit *a, const struct checkpoint *c)
{
	struct claim *k;

	a->claims = grow(a->claims, &a->claims_cap, a->claims_len, sizeof(*a->claims));
	k = &a->claims[a->claims_len++];
	*k = (struct claim){.checkpoint = *c, .bundle = a->bundles_len};
	log_name_pack(k->log, &c->log);
	return k;
}

void erasure_key(uint8_t key[32], size_t bundle, const struct log_name *log, const uint8_t *object)
{
	uint8_t packed[LOG_NAME_BYTES], number[8];
	struct log_name audience = *log;
	const struct bytes parts[] = {
		BYTES_OF(number), BYTES_OF(packed), bytes_from(object, OBJECT_ID_BYTES)};
	struct hash hash;

	audience.incarnation = 0;
	log_name_pack(packed, &audience);
	be64_put(number, bundle);
	hash_sha256_parts(&hash, parts, 3);
	memcpy(key, hash.bytes, 32);
}

/* --- frames ----------------------------------------------------------------------------------- */

struct loading {
	struct audit *audit;
	struct bundle *bundle;
	struct frames frames;
	struct section *section; /* at hand */
	uint64_t next;           /* index of the entry that must come */
	struct hash digest;
	bool ended;
};

static int bad(struct loading *l, const char *what)
{
	return err_set(&l->audit->err, ENT_EINVALID, "%s: %s", l->frames.path, what);
}

static int load_about(struct loading *l)
{
	struct bundle *b = l->bundle;
	struct buf clean = buf_with_max(4096);

	if (b->about.made_ms || bundle_about_read(l->frames.payload, &b->about) != 0)
		return bad(l, "what it says of itself does not read");
	sentence_text(&clean, b->about.software);
	snprintf(b->software, sizeof(b->software), "%.*s", (int)clean.len,
		clean.data ? (const char *)clean.data : "");
	buf_free(&clean);
	b->about.software = BYTES_NONE;
	return 0;
}

static int load_witness(struct loading *l)
{
	struct bundle_witness w;

	if (bundle_witness_read(l->frames.payload, &w) != 0)
		return bad(l, "what it has witnessed does not read");
	for (unsigned i = 0; i < 1u + ((w.flags & BUNDLE_FLAG_REWRITTEN) != 0); i++) {
		struct claim *k = claim_add(l->audit, i ? &w.other : &w.checkpoint);

		k->by = l->bundle->about.node;
		k->time = w.time;
		k->witness = true;
	}
	return 0;
}

static int section_close(struct loading *l)
{
	if (l->section && l->next != l->section->log.to)
		return bad(l, "entries of a log are missing");
	return 0;
}

static int load_log(struct loading *l)
{
	struct bundle *b = l->bundle;
	struct section *s;
	int rc = section_close(l);

	if (rc != 0)
		return rc;
	b->sections = grow(b->sections, &b->sections_cap, b->sections_len, sizeof(*b->sections));
	s = &b->sections[b->sections_len++];
	*s = (struct section){.at = ftell(l->frames.file)};
	if (bundle_log_read(l->frames.payload, &s->log) != 0)
		return bad(l, "a log does not read");
	for (size_t i = 0; i + 1 < b->sections_len; i++)
		if (log_name_eq(&b->sections[i].log.name, &s->log.name))
			return bad(l, "a log stands in it twice");
	l->section = s;
	l->next = s->log.from;
	if (s->log.flags & BUNDLE_FLAG_SIGNED)
		claim_add(l->audit, &s->log.checkpoint);
	return 0;
}

static int load_cosignature(struct loading *l)
{
	struct bundle_cosignature c;
	struct claim *k;

	if (!l->section ||
		bundle_cosignature_read(l->frames.payload, &l->section->log.name, &c) != 0)
		return bad(l, "a cosignature does not read");
	k = claim_add(l->audit, &c.checkpoint);
	k->by = c.node;
	k->time = c.cosignature.time;
	memcpy(k->cosignature, c.cosignature.signature, sizeof(k->cosignature));
	k->differs = c.flags & BUNDLE_FLAG_DIFFERS;
	return 0;
}

static int load_split(struct loading *l)
{
	struct audit *a = l->audit;
	struct split *s = need(arena_alloc(&a->arena, sizeof(*s)));
	struct wire_message m;

	if (!l->section || wire_decode(WIRE_SPLIT, l->frames.payload, &l->audit->arena, &m) != 0 ||
		!log_name_eq(&m.split.feed, &l->section->log.name))
		return bad(l, "the proof of a split view does not read");
	/* Two signed roots: whatever is true of the log, both are claims about it. */
	split_from_wire(s, &m.split);
	claim_add(a, &s->first);
	claim_add(a, &s->second);
	a->splits = grow(a->splits, &a->splits_cap, a->splits_len, sizeof(struct split *));
	a->splits[a->splits_len++] = s;
	return 0;
}

static void load_erasure(struct loading *l, uint64_t index, const uint8_t *header)
{
	struct audit *a = l->audit;
	struct erasure *known, *x;
	uint8_t key[32];

	erasure_key(key, a->bundles_len, &l->section->log.name, header + 16);
	x = need(arena_alloc(&a->arena, sizeof(*x)));
	*x = (struct erasure){l->section->log.name, index};
	known = map_get(&a->erasures, key);
	/* The one that covers the most; when it came is the holder's affair (account.c). */
	if (known &&
		(known->log.incarnation > x->log.incarnation ||
			(known->log.incarnation == x->log.incarnation && known->index >= x->index)))
		return;
	map_set(&a->erasures, key, x);
}

static int load_entries(struct loading *l)
{
	struct bundle_entries e;
	struct cursor c;

	if (!l->section || bundle_entries_read(l->frames.payload, &e) != 0 || e.first != l->next ||
		e.count > l->section->log.to - l->next)
		return bad(l, "entries are not in order");
	c = cursor_of(e.packed);
	for (uint32_t i = 0; i < e.count; i++) {
		struct bundle_entry entry;

		if (bundle_entry_next(&c, &entry) != 0)
			return bad(l, "an entry does not read");
		if (entry.leaf.data[ENTRY_KIND_OFFSET] == KIND_ERASURE)
			load_erasure(l, e.first + i, entry.leaf.data);
	}
	if (!cursor_done(&c))
		return bad(l, "entries have something behind them");
	l->next += e.count;
	if (l->section->log.name.audience.kind == AUDIENCE_PROVENANCE)
		l->bundle->acts += e.count;
	else
		l->bundle->entries += e.count;
	return 0;
}

static int load_end(struct loading *l)
{
	if (l->frames.payload.len != HASH_BYTES ||
		memcmp(l->frames.payload.data, l->digest.bytes, HASH_BYTES) != 0)
		return bad(l, "the digest at its end is not that of what stands before it");
	l->ended = true;
	return section_close(l);
}

static int load_frame(struct loading *l)
{
	struct audit *a = l->audit;

	if (l->ended)
		return bad(l, "something stands behind its end");
	if (!l->bundle->about.made_ms && l->frames.kind != BUNDLE_ABOUT)
		return bad(l, "it does not begin with what it is");
	switch (l->frames.kind) {
	case BUNDLE_ABOUT:
		return load_about(l);
	case BUNDLE_CARDS:
		return l->frames.payload.len < NODE_ID_BYTES
			       ? bad(l, "cards do not read")
			       : signed_cards(a, bytes_skip(l->frames.payload, NODE_ID_BYTES),
					 &l->bundle->about.node);
	case BUNDLE_AGREEMENT:
		return signed_agreement(a, l->frames.payload, &l->bundle->about.node);
	case BUNDLE_ROSTER:
		return signed_roster(a, l->frames.payload, &l->bundle->about.node);
	case BUNDLE_REVOCATION:
		return signed_revocation(a, l->frames.payload, &l->bundle->about.node);
	case BUNDLE_WITNESS:
		return load_witness(l);
	case BUNDLE_LOG:
		return load_log(l);
	case BUNDLE_COSIGNATURE:
		return load_cosignature(l);
	case BUNDLE_SPLIT:
		return load_split(l);
	case BUNDLE_ENTRIES:
		return load_entries(l);
	case BUNDLE_END:
		return load_end(l);
	default:
		return bad(l, "it has a part that this program does not know");
	}
}

static int load_bundle(struct audit *a, struct bundle *b)
{
	struct loading l = {.audit = a, .bundle = b};
	int rc = frames_open(&l.frames, b->path, &a->err);

	bundle_digest_begin(&l.digest);
	while (rc == 0 && (rc = frames_next(&l.frames, &a->err)) == 1) {
		rc = load_frame(&l);
		bundle_digest_add(&l.digest, buf_view(&l.frames.data));
	}
	frames_close(&l.frames);
	if (rc == 0 && !l.ended)
		rc = bad(&l, "cut short: it has no end");
	return rc;
}

/* --- all of them ------------------------------------------------------------------------------ */

static int section_cmp(const void *one, const void *other)
{
	const struct log_name *x = &((const struct section *)one)->log.name;
	const struct log_name *y = &((const struct section *)other)->log.name;
	bool x_acts = x->audience.kind == AUDIENCE_PROVENANCE;
	bool y_acts = y->audience.kind == AUDIENCE_PROVENANCE;
	uint8_t x_packed[LOG_NAME_BYTES], y_packed[LOG_NAME_BYTES];

	if (x_acts != y_acts)
		return x_acts ? -1 : 1;
	if (x_acts && x->audience.id != y->audience.id)
		return x->audience.id < y->audience.id ? -1 : 1;
	log_name_pack(x_packed, x);
	log_name_pack(y_packed, y);
	return memcmp(x_packed, y_packed, LOG_NAME_BYTES);
}

/* Of several bundles of one node the newest speaks for it; the others are checked all the same. */
static void party_bundle(struct audit *a, struct bundle *b)
{
	struct party *p = party_need(a, &b->about.node);

	if (!p->account || p->account->bundle->about.made_ms < b->about.made_ms)
		p->account = &b->account;
	b->account.bundle = b;
}

static int load_all(struct audit *a, const char *const *paths, size_t len)
{
	randombytes_buf(a->key, sizeof(a->key));
	map_init(&a->parties, NODE_ID_BYTES, AUDIT_NODES_MAX, a->key);
	map_init(&a->erasures, 32, SIZE_MAX, a->key);
	if (len > AUDIT_BUNDLES_MAX)
		return err_set(&a->err, ENT_ELIMIT, "more than %u bundles", AUDIT_BUNDLES_MAX);
	a->bundles = calloc(len, sizeof(*a->bundles));
	if (!a->bundles)
		return ENT_ENOMEM;
	for (size_t i = 0; i < len; i++) {
		struct bundle *b = &a->bundles[i];
		int rc;

		b->path = paths[i];
		rc = load_bundle(a, b);
		if (rc != 0) {
			free(b->sections);
			return rc;
		}
		qsort(b->sections, b->sections_len, sizeof(*b->sections), section_cmp);
		party_bundle(a, b);
		a->acts += b->acts;
		a->entries += b->entries;
		a->bundles_len++;
	}
	qsort(a->claims, a->claims_len, sizeof(*a->claims), claim_cmp);
	return 0;
}

int audit_check(struct audit *a, const char *const *paths, size_t len)
{
	int rc = load_all(a, paths, len);

	if (rc == 0) {
		signed_check(a);
		rc = walk_all(a);
	}
	if (rc == 0)
		between_check(a);
	return rc;
}

void audit_free(struct audit *a)
{
	for (size_t i = 0; i < a->bundles_len; i++) {
		account_free(&a->bundles[i].account);
		free(a->bundles[i].sections);
	}
	for (size_t i = 0; i < a->findings_len; i++)
		free(a->findings[i].text);
	free(a->bundles);
	free(a->party_list);
	free(a->texts);
	free(a->rosters);
	free(a->splits);
	free(a->revocations);
	free(a->claims);
	free(a->findings);
	map_free(&a->parties);
	map_free(&a->erasures);
	arena_free(&a->arena);
}
