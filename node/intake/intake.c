/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/intake.h"

#include <assert.h>

#include "base/vocab.h"
#include "intake/seen.h"
#include "intel/value.h"

#define RULE_UNREADABLE "unreadable"

/* --- claims as frames of a batch -------------------------------------------------------------- */

#define CLAIM_HEAD_BYTES 18u

static uint8_t *part_put(uint8_t *at, struct bytes part)
{
	be16_put(at, (uint16_t)part.len);
	if (part.len)
		memcpy(at + 2, part.data, part.len);
	return at + 2 + part.len;
}

/* Room is made once: a list has a million of these. */
void intake_claim_encode(struct buf *out, const struct intake_claim *c)
{
	uint8_t *at;

	if (c->value.len > RECORD_VALUE_MAX || c->body.len > ENTRY_BODY_MAX) {
		out->failed = true;
		return;
	}
	at = buf_extend(out, CLAIM_HEAD_BYTES + (c->has_object ? sizeof(c->object) : 0) + 2 +
				     c->value.len + 2 + c->body.len);
	if (!at)
		return;
	be32_put(at, c->line);
	at[4] = c->kind;
	at[5] = c->tlp;
	at[6] = c->pap;
	at[7] = c->type;
	at[8] = c->flags;
	be64_put(at + 9, c->agreement);
	at[17] = c->has_object;
	at += CLAIM_HEAD_BYTES;
	if (c->has_object) {
		memcpy(at, c->object, sizeof(c->object));
		at += sizeof(c->object);
	}
	at = part_put(at, c->value);
	part_put(at, c->body);
}

int intake_claim_decode(struct cursor *in, struct intake_claim *c)
{
	uint8_t has_object;

	c->line = cursor_u32(in);
	c->kind = cursor_u8(in);
	c->tlp = cursor_u8(in);
	c->pap = cursor_u8(in);
	c->type = cursor_u8(in);
	c->flags = cursor_u8(in);
	c->agreement = cursor_u64(in);
	has_object = cursor_u8(in);
	if (has_object > 1)
		return ENT_EINVALID;
	c->has_object = has_object;
	memset(c->object, 0, sizeof(c->object));
	if (has_object)
		cursor_copy(in, c->object, sizeof(c->object));
	c->value = cursor_bytes(in, cursor_u16(in));
	c->body = cursor_bytes(in, cursor_u16(in));
	if (!cursor_ok(in) || c->value.len > RECORD_VALUE_MAX || c->body.len > ENTRY_BODY_MAX)
		return ENT_EINVALID;
	return 0;
}

/* --- sameness --------------------------------------------------------------------------------- */

static bool lists_equal(const struct bytes *a, size_t a_len, const struct bytes *b, size_t b_len)
{
	if (a_len != b_len)
		return false;
	for (size_t i = 0; i < a_len; i++)
		if (!bytes_eq(a[i], b[i]))
			return false;
	return true;
}

static bool references_equal(const struct record_indicator *a, const struct record_indicator *b)
{
	if (a->references_len != b->references_len)
		return false;
	for (size_t i = 0; i < a->references_len; i++)
		if (!bytes_eq(a->references[i].source, b->references[i].source) ||
			!bytes_eq(a->references[i].external_id, b->references[i].external_id) ||
			!bytes_eq(a->references[i].url, b->references[i].url))
			return false;
	return true;
}

/* Everything but the four times. */
static bool indicators_equal(const struct record_indicator *a, const struct record_indicator *b)
{
	return bytes_eq(a->value, b->value) && a->has_confidence == b->has_confidence &&
	       a->confidence == b->confidence && a->credibility == b->credibility &&
	       a->port == b->port && bytes_eq(a->name, b->name) &&
	       bytes_eq(a->description, b->description) && bytes_eq(a->lang, b->lang) &&
	       bytes_eq(a->rule, b->rule) && bytes_eq(a->rule_language, b->rule_language) &&
	       bytes_eq(a->derived_log, b->derived_log) &&
	       bytes_eq(a->derived_object, b->derived_object) &&
	       lists_equal(a->labels, a->labels_len, b->labels, b->labels_len) &&
	       lists_equal(a->recipients, a->recipients_len, b->recipients, b->recipients_len) &&
	       references_equal(a, b);
}

/* A claim without an end has all of its validity left; one without a start is as old as its end
 * allows, so it is appended again only when it has ended. */
static bool half_left(const struct record_indicator *standing, int64_t now_ms)
{
	uint64_t now = (uint64_t)now_ms, from = standing->valid_from, until = standing->valid_until;

	if (until == 0)
		return true;
	if (now >= until)
		return false;
	return from == 0 || from >= until || until - now >= (until - from + 1) / 2;
}

/* What takes back says all there is to say by its kind. */
static bool takes_back(uint8_t kind)
{
	return kind == KIND_RETRACTION || kind == KIND_ERASURE;
}

bool intake_same(uint8_t kind, struct bytes standing, struct bytes fresh, int64_t now_ms,
	struct arena *a)
{
	struct record_indicator old, new;

	if (bytes_eq(standing, fresh) || takes_back(kind))
		return true;
	if (kind != KIND_INDICATOR || record_indicator_decode(standing, a, &old) != 0 ||
		record_indicator_decode(fresh, a, &new) != 0)
		return false;
	return indicators_equal(&old, &new) && half_left(&old, now_ms);
}

/* --- the door --------------------------------------------------------------------------------- */

/* The audience asked for, or the community feed of the marking. A marking that has none is put to
 * decide() with the narrower one, which refuses it by name. */
static struct audience claim_audience(const struct intake_claim *c)
{
	if (c->agreement)
		return audience_agreement(c->agreement);
	return audience_of(c->tlp == TLP_CLEAR ? AUDIENCE_CLEAR : AUDIENCE_GREEN);
}

/* What a body must be: of its kind, about the claim's value. False: unreadable. */
static bool body_read(const struct intake *in, const struct intake_claim *c, struct arena *a,
	struct record_indicator *indicator, bool *has_recipients)
{
	struct record_object object;
	struct record_retraction retraction;
	struct record_erasure erasure;

	switch (c->kind) {
	case KIND_INDICATOR:
		if (in->memo ? record_memo_decode(in->memo, c->body, a, indicator) != 0
			     : record_indicator_decode(c->body, a, indicator) != 0)
			return false;
		*has_recipients = indicator->recipients_len > 0;
		return bytes_eq(indicator->value, c->value);
	case KIND_OBJECT:
		if (record_object_decode(c->body, a, &object) != 0)
			return false;
		*has_recipients = object.recipients_len > 0;
		return c->type == TYPE_STIX && bytes_eq(object.stix_id, c->value);
	case KIND_RETRACTION:
		/* It goes to those who were named when the record went out. */
		*has_recipients = true;
		return record_retraction_decode(c->body, &retraction) == 0 &&
		       (c->has_object || c->value.len > 0);
	case KIND_ERASURE:
		*has_recipients = true;
		return record_erasure_decode(c->body, &erasure) == 0 &&
		       (c->has_object || c->value.len > 0);
	default:
		return false;
	}
}

/* Only what takes back an object id needs no value. */
static bool value_fits(const struct intake_claim *c)
{
	return (takes_back(c->kind) && c->has_object) ||
	       value_is_canonical((enum type)c->type, c->value);
}

static void refuse(struct intake_result *result, const char *rule)
{
	result->verdict = INTAKE_REFUSED;
	result->rule = rule;
}

static bool decide_publish(const struct intake *in, const struct intake_claim *c, const char *guard,
	bool has_recipients, struct intake_result *result)
{
	struct log_name feed = {in->self, in->incarnation, result->audience};
	struct entry_header header = {.version = ENTRY_VERSION,
		.kind = c->kind,
		.tlp = c->tlp,
		.pap = c->pap,
		.type = c->type};
	struct policy_query q = {.door = DOOR_PUBLISH,
		.feed = &feed,
		.header = &header,
		.has_recipients = has_recipients,
		.self = &in->self,
		.guard = guard,
		.agreements = in->agreements,
		.agreements_len = in->agreements_len,
		.now_s = in->now_ms / 1000};
	struct policy_verdict v;

	decide(&q, &v);
	if (!v.allow)
		refuse(result, v.rule_name);
	return v.allow;
}

/* The rule that refuses the value, or NULL; notes what only --allow let through. What takes back
 * passes: it may always be done. */
static const char *guard_verdict(const struct intake *in, const struct intake_claim *c,
	struct intake_result *result)
{
	const char *first, *rule;

	if (c->kind != KIND_INDICATOR)
		return NULL;
	first = guard_check(in->guard, (enum type)c->type, c->value, NULL);
	if (!first)
		return NULL;
	rule = in->lifted ? guard_check(in->guard, (enum type)c->type, c->value, in->lifted)
			  : first;
	if (!rule) {
		result->lifted = true;
		result->lifted_rule = first;
	}
	return rule;
}

/* The newest own indicator or object of the claim's value in one audience, whose object id tells
 * what stands: retractions name no value. */
struct own_search {
	struct store_reader *reader;
	const struct node_id *self;
	struct audience audience;
	bool found;
	uint8_t object[OBJECT_ID_BYTES];
};

static int own_search_visit(void *ctx, const struct store_entry *e)
{
	struct own_search *s = ctx;
	struct store_log log;
	int rc = store_log_at(s->reader, e->log, &log);

	if (rc != 0)
		return rc;
	if (node_id_eq(&log.name.node, s->self) && audience_eq(log.name.audience, s->audience)) {
		s->found = true;
		memcpy(s->object, e->header.object, sizeof(s->object));
	}
	return 0;
}

/* What stands for the claim's object in its audience: 0, ENT_ENOTFOUND or another error. */
static int claim_standing(const struct intake *in, struct store_reader *reader,
	const struct intake_claim *c, struct audience audience, struct store_entry *standing)
{
	struct own_search s = {.reader = reader, .self = &in->self, .audience = audience};
	int rc;

	if (c->has_object)
		return store_object_standing(reader, &in->self, audience, c->object, standing);
	rc = store_find_value(reader, (enum type)c->type, c->value, own_search_visit, &s);
	if (rc != 0)
		return rc;
	if (!s.found)
		return ENT_ENOTFOUND;
	return store_object_standing(reader, &in->self, audience, s.object, standing);
}

/* What is erased is recalled only by an erasure that says so. */
static bool erasure_unchanged(const struct intake_claim *c, const struct store_entry *standing)
{
	struct record_erasure was, now;

	if (standing->header.kind != KIND_ERASURE)
		return false;
	return record_erasure_decode(c->body, &now) != 0 || !now.now || standing->entry.erased ||
	       record_erasure_decode(standing->entry.body, &was) != 0 || was.now;
}

static int standing_find(const struct intake *in, struct store_reader *reader,
	const struct intake_claim *c, struct intake_result *result, struct store_entry *e)
{
	int rc = reader ? claim_standing(in, reader, c, result->audience, e) : ENT_ENOTFOUND;

	result->stands = rc == 0;
	if (rc == 0)
		result->standing = e->log;
	return rc;
}

/* 1: the claim says nothing new; 0: it does; or an error. */
static int claim_unchanged(const struct intake *in, struct store_reader *reader,
	const struct intake_claim *c, struct arena *a, struct intake_result *result)
{
	struct store_entry e;
	int rc = standing_find(in, reader, c, result, &e);

	if (rc == ENT_ENOTFOUND)
		return takes_back(c->kind); /* there is nothing to take back */
	if (rc != 0)
		return rc;
	/* What is retracted may still be erased. */
	if (c->kind == KIND_RETRACTION)
		return takes_back(e.header.kind);
	if (c->kind == KIND_ERASURE)
		return erasure_unchanged(c, &e);
	if (e.entry.erased || e.header.kind != c->kind || e.header.tlp != c->tlp ||
		e.header.pap != c->pap)
		return 0;
	return intake_same(c->kind, e.entry.body, c->body, in->now_ms, a);
}

static int mark_make(const struct intake *in, const struct intake_claim *c,
	struct intake_mark *mark)
{
	int rc = intake_seen_mark(in->seen, c, claim_audience(c), mark);

	mark->publication = in->publication;
	return rc;
}

int intake_ahead(const struct intake *in, const struct intake_claim *c, struct intake_mark *mark)
{
	int rc = mark_make(in, c, mark);

	if (rc == 0)
		intake_seen_fetch(in->seen, mark);
	return rc;
}

/* Whether there is anything new to say: asks the publication itself, then the store. */
static int compare(const struct intake *in, struct store_reader *reader,
	const struct intake_claim *c, struct arena *a, struct intake_result *result)
{
	struct intake_mark mark;
	struct store_entry e;
	int rc, same = ENT_ENOTFOUND;

	if (in->seen) {
		rc = in->mark ? 0 : mark_make(in, c, &mark);
		if (rc != 0)
			return rc;
		if (in->mark)
			mark = *in->mark;
		same = intake_seen_same(in->seen, &mark);
		if (same == ENT_ESTATE)
			return ENT_ELIMIT;
	}
	/* A repeat of what another publication says, which may have found it unchanged. */
	if (same == 1 && (rc = standing_find(in, reader, c, result, &e)) != 0 &&
		rc != ENT_ENOTFOUND)
		return rc;
	if (same == ENT_ENOTFOUND)
		same = claim_unchanged(in, reader, c, a, result);
	if (same < 0)
		return same;
	result->verdict = same ? INTAKE_UNCHANGED : INTAKE_PUBLISH;
	/* Also when it stands already: a second claim about it in this input is a repeat too. */
	return in->seen ? intake_seen_put(in->seen, &mark) : 0;
}

int intake_judge(const struct intake *in, struct store_reader *reader, const struct intake_claim *c,
	struct arena *a, struct intake_result *result)
{
	struct record_indicator indicator;
	bool has_recipients = false, readable;
	const char *guard;

	*result = (struct intake_result){.audience = claim_audience(c)};
	/* Recipients are in the body, and decide() asks for them; whether the body is any good is
	 * said only when marking and audience are. */
	readable = body_read(in, c, a, &indicator, &has_recipients);
	if (!decide_publish(in, c, NULL, has_recipients, result))
		return 0;
	if (!readable || c->pap > PAP_RED || !value_fits(c)) {
		refuse(result, RULE_UNREADABLE);
		return 0;
	}
	guard = guard_verdict(in, c, result);
	if (guard && !decide_publish(in, c, guard, has_recipients, result))
		return 0;
	return compare(in, reader, c, a, result);
}

/* --- entries ---------------------------------------------------------------------------------- */

int intake_entry(const struct intake_claim *c, const struct object_key *key, int64_t now_ms,
	const struct env_rng *rng, struct buf *out)
{
	uint8_t raw[ENTRY_HEADER_BYTES], salt[ENTRY_SALT_BYTES];
	struct entry_header header = {.version = ENTRY_VERSION,
		.kind = c->kind,
		.tlp = c->tlp,
		.pap = c->pap,
		.type = takes_back(c->kind) ? TYPE_NONE : c->type,
		.flags = c->flags,
		.body_len = (uint16_t)c->body.len,
		.time_ms = (uint64_t)now_ms};
	struct entry entry = {.leaf = BYTES_OF(raw), .salt = BYTES_OF(salt), .body = c->body};
	uint8_t *room;

	if (c->body.len > ENTRY_BODY_MAX || now_ms < 0 || (!c->has_object && c->value.len == 0))
		return ENT_EINVALID;
	if (c->has_object)
		memcpy(header.object, c->object, sizeof(header.object));
	else
		object_id(header.object, key, c->type, c->value);
	env_random(rng, salt, sizeof(salt));
	entry_header_encode(raw, &header);

	room = buf_extend(out, entry_packed_len(&entry));
	if (!room)
		return ENT_ENOMEM;
	entry_pack(room, &entry);
	return 0;
}

#define COMMIT_MAX 64u

void intake_commit(struct buf *out, size_t count, struct hash *leaves)
{
	struct cursor c = cursor_of(buf_view(out));

	while (count > 0) {
		struct bytes headers[COMMIT_MAX], salts[COMMIT_MAX], bodies[COMMIT_MAX];
		struct hash commitments[COMMIT_MAX];
		size_t len = count < COMMIT_MAX ? count : COMMIT_MAX;

		for (size_t i = 0; i < len; i++) {
			struct entry e;
			int rc = entry_next(&c, &e);

			assert(rc == 0); /* made above */
			headers[i] = e.leaf;
			salts[i] = e.salt;
			bodies[i] = e.body;
		}
		hash_commitments(commitments, salts, bodies, len);
		for (size_t i = 0; i < len; i++)
			memcpy(out->data + (headers[i].data - out->data) + ENTRY_COMMITMENT_OFFSET,
				commitments[i].bytes, HASH_BYTES);
		hash_leaves(leaves, headers, len);
		leaves += len;
		count -= len;
	}
	assert(cursor_done(&c));
}

/* --- what the index hides --------------------------------------------------------------------- */

const char *intake_hidden(const struct node_id *self, const struct guard *guard, int64_t now_s,
	const struct log_name *log, const struct entry_header *header,
	const struct record_indicator *indicator)
{
	struct policy_query q = {
		.door = DOOR_RECEIVE, .feed = log, .header = header, .self = self, .now_s = now_s};
	struct policy_verdict v;

	if (node_id_eq(&log->node, self))
		return NULL;
	if (indicator) {
		q.has_recipients = indicator->recipients_len > 0;
		q.guard = guard_check(guard, (enum type)header->type, indicator->value, NULL);
	}
	decide(&q, &v);
	return v.allow ? NULL : v.rule_name;
}
