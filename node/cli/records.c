/* SPDX-License-Identifier: EUPL-1.2 */
#include "cli/records.h"

#include <errno.h>

#include "base/text.h"
#include "intel/object_id.h"
#include "keys/file.h"

#define LINES_BYTES_MAX (256u * 1024u * 1024u)

int records_open(struct records *r, struct cli *c)
{
	const struct card *own;
	int rc = cli_need_store(c);

	*r = (struct records){.cli = c};
	if (rc != 0)
		return rc;
	own = cli_own(c);
	if (own) {
		r->has_self = true;
		r->self = own->node;
	}
	return cli_await_index(c);
}

const struct records_log *records_log(struct records *r, uint32_t number)
{
	struct records_log *known;
	struct store_log log;

	if (number >= r->logs_cap) {
		size_t cap = r->logs_cap ? r->logs_cap : 64;
		struct records_log *logs;

		while (cap <= number)
			cap *= 2;
		logs = arena_alloc(&r->cli->arena, cap * sizeof(*logs));
		if (!logs)
			return NULL;
		if (r->logs_cap > 0)
			memcpy(logs, r->logs, r->logs_cap * sizeof(*logs));
		r->logs = logs;
		r->logs_cap = cap;
	}
	known = &r->logs[number];
	if (!known->known) {
		if (store_log_at(r->cli->reader, number, &log) != 0)
			return NULL;
		*known = (struct records_log){.name = log.name};
		if (store_log_trust(r->cli->reader, &log, &known->trust) != 0)
			return NULL;
		known->known = true;
	}
	return known;
}

/* --- claims ----------------------------------------------------------------------------------- */

static bool is_retracting(const struct store_entry *e)
{
	return e->header.kind == KIND_RETRACTION || e->header.kind == KIND_ERASURE;
}

/* What is void is not under dispute any more. */
static bool is_disputed(const struct store_trust *t, uint64_t index)
{
	return index >= t->good && index < t->until;
}

/* Does the entry at hand come after the claim's, in the feeds of one origin and audience? */
static bool comes_later(const struct record_claim *c, const struct log_name *log,
	const struct store_entry *e)
{
	if (c->log.incarnation != log->incarnation)
		return c->log.incarnation < log->incarnation;
	return c->entry.index < e->index;
}

static struct record_claim *claims_push(struct records *r, struct record_claims *claims)
{
	if (claims->len == claims->cap) {
		size_t cap = claims->cap ? 2 * claims->cap : 4;
		struct record_claim *list = arena_alloc(&r->cli->arena, cap * sizeof(*list));

		if (!list)
			return NULL;
		if (claims->len > 0)
			memcpy(list, claims->list, claims->len * sizeof(*list));
		claims->list = list;
		claims->cap = cap;
	}
	return &claims->list[claims->len++];
}

int records_claim_add(struct records *r, struct record_claims *claims, const struct store_entry *e)
{
	const struct records_log *log = records_log(r, e->log);
	struct record_claim *claim;

	if (!log)
		return ENT_ECORRUPT;
	for (size_t i = 0; i < claims->len; i++) {
		claim = &claims->list[i];
		if (memcmp(claim->entry.header.object, e->header.object, OBJECT_ID_BYTES) != 0 ||
			!node_id_eq(&claim->log.node, &log->name.node) ||
			!audience_eq(claim->log.audience, log->name.audience))
			continue;
		if (comes_later(claim, &log->name, e)) {
			claim->log = log->name;
			claim->disputed = is_disputed(&log->trust, e->index);
			claim->entry = *e;
		}
		return 0;
	}
	claim = claims_push(r, claims);
	if (!claim)
		return ENT_ENOMEM;
	*claim = (struct record_claim){
		.log = log->name, .disputed = is_disputed(&log->trust, e->index), .entry = *e};
	return 0;
}

struct gathering {
	struct records *records;
	struct record_claims *claims;
	const struct record_target *target; /* of an object look-up */
	bool several;                       /* different object ids */
};

static int value_visit(void *ctx, const struct store_entry *e)
{
	struct gathering *g = ctx;

	return records_claim_add(g->records, g->claims, e);
}

/* Asks for each claim whether something taken back stands over it. */
static int standing_look(struct records *r, struct record_claims *claims)
{
	for (size_t i = 0; i < claims->len; i++) {
		struct record_claim *claim = &claims->list[i];
		struct store_entry standing;
		int rc = store_object_standing(r->cli->reader, &claim->log.node,
			claim->log.audience, claim->entry.header.object, &standing);

		if (rc != 0 && rc != ENT_ENOTFOUND)
			return rc;
		claim->standing = rc == 0 ? standing.log : claim->entry.log;
		if (rc == 0 && is_retracting(&standing)) {
			claim->retracted = true;
			claim->erased = standing.header.kind == KIND_ERASURE;
		}
	}
	return 0;
}

int records_by_value(struct records *r, enum type type, struct bytes value,
	struct record_claims *claims)
{
	struct gathering g = {.records = r, .claims = claims};
	int rc = store_find_value(r->cli->reader, type, value, value_visit, &g);

	return rc != 0 ? rc : standing_look(r, claims);
}

bool record_target_fits(const struct record_target *t, const uint8_t object[OBJECT_ID_BYTES])
{
	size_t whole = t->digits / 2;

	if (memcmp(t->prefix, object, whole) != 0)
		return false;
	return t->digits % 2 == 0 || (t->prefix[whole] & 0xf0) == (object[whole] & 0xf0);
}

static int object_visit(void *ctx, const struct store_entry *e)
{
	struct gathering *g = ctx;

	if (!record_target_fits(g->target, e->header.object))
		return 0;
	if (g->claims->len > 0 && memcmp(g->claims->list[0].entry.header.object, e->header.object,
					  OBJECT_ID_BYTES) != 0) {
		g->several = true;
		return ENT_ELIMIT;
	}
	/* What was said is shown; that it was taken back comes from what stands. */
	return is_retracting(e) ? 0 : value_visit(g, e);
}

int records_by_target(struct records *r, const struct record_target *t,
	struct record_claims *claims)
{
	struct gathering g = {.records = r, .claims = claims, .target = t};
	int rc = 0;

	if (t->has_value)
		rc = records_by_value(r, t->value.type, bytes_from(t->value.text, t->value.len),
			claims);
	if (rc != 0 || claims->len > 0 || t->digits == 0)
		return rc;
	rc = store_find_object(r->cli->reader, t->prefix, t->digits / 2, object_visit, &g);
	if (g.several)
		return err_set(&r->cli->err, ENT_ELIMIT, "several objects begin like that");
	return rc != 0 ? rc : standing_look(r, claims);
}

/* Opens node.key once, where it opens without a passphrase. */
static bool own_secret(struct records *r)
{
	struct cli *c = r->cli;
	const struct card *own = cli_own(c);
	bool sealed = true;

	if (r->own_asked || !own)
		return r->own_known;
	r->own_asked = true;
	c->quiet = true;
	r->own_known = secret_file_sealed(cli_path(c, "keys/node.key"), &sealed, &c->err) == 0 &&
		       !sealed &&
		       cli_identity(c, own->logs[own->logs_len - 1].incarnation, &r->own) == 0;
	c->quiet = false;
	if (!r->own_known) {
		c->err.text[0] = '\0';
		cli_note(c, "what this node has erased is found by its object id alone: node.key "
			    "cannot be read here");
	}
	return r->own_known;
}

int records_by_own_value(struct records *r, struct record_target *target,
	struct record_claims *claims)
{
	if (!target->has_value || !own_secret(r))
		return 0;
	value_object_id(target->prefix, r->own.object_secret, target->value.type,
		bytes_from(target->value.text, target->value.len));
	target->digits = 2 * OBJECT_ID_BYTES;
	target->has_value = false;
	return records_by_target(r, target, claims);
}

void records_own_forget(struct records *r)
{
	if (r->own_known)
		identity_free(&r->own);
	r->own_asked = r->own_known = false;
}

/* --- arguments -------------------------------------------------------------------------------- */

/* Up to 32 hexadecimal digits in lower case. */
static bool prefix_parse(struct record_target *t, struct bytes text)
{
	char digits[2 * OBJECT_ID_BYTES + 1];
	size_t len = text.len;

	if (len < RECORD_PREFIX_DIGITS_MIN || len > 2 * OBJECT_ID_BYTES)
		return false;
	memcpy(digits, text.data, len);
	if (len % 2)
		digits[len++] = '0';
	if (text_hex_decode(bytes_from(digits, len), t->prefix, sizeof(t->prefix)) < 0)
		return false;
	t->digits = (unsigned)text.len;
	return true;
}

int record_target_parse(struct record_target *t, struct bytes text, struct err_text *err)
{
	int rc;

	memset(t, 0, sizeof(*t));
	rc = value_parse(&t->value, text, TYPE_NONE, err);
	t->has_value = rc == 0;
	return prefix_parse(t, text) ? 0 : rc;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct bytes line_trim(struct bytes line)
{
	while (line.len > 0 && is_blank(line.data[0]))
		line = bytes_skip(line, 1);
	while (line.len > 0 && is_blank(line.data[line.len - 1]))
		line.len--;
	return line;
}

int records_lines(struct cli *c, const char *path,
	int (*visit)(void *ctx, unsigned line, struct bytes text), void *ctx)
{
	struct buf text = buf_with_max(LINES_BYTES_MAX);
	struct bytes rest, line;
	unsigned number = 0;
	int rc = file_read(path, &text, &c->err);

	if (rc != 0) {
		buf_free(&text);
		/* "Not found" is an answer about values; a file that is missing is an error. */
		return cli_fail_code(c, rc == ENT_ENOTFOUND ? ENT_EIO : rc, path);
	}
	rest = buf_view(&text);
	while (rc == 0 && text_line_next(&rest, &line)) {
		number++;
		line = line_trim(line);
		if (line.len > 0 && line.data[0] != '#')
			rc = visit(ctx, number, line);
	}
	buf_free(&text);
	return rc;
}
