/* SPDX-License-Identifier: EUPL-1.2 */
/* entente find: what is known of values, from every origin, as it stands now. */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/records.h"
#include "proto/codec.h"

struct find {
	struct cli *cli;
	struct records records;
	json_t *items;
	struct cli_table table;
	struct arena arena; /* of one claim */
	struct record_claims claims;
	struct cli_asked asked;
	bool held_back; /* the value at hand, from exports */
	size_t asked_len, unreadable_len, known_len;
};

/* What of a claim's body is shown. An object has none of it. */
struct shown {
	struct record_indicator indicator;
	bool is_indicator;
};

static int shown_read(struct find *f, const struct record_claim *claim, struct shown *s)
{
	*s = (struct shown){0};
	s->is_indicator = claim->entry.header.kind == KIND_INDICATOR;
	arena_reset(&f->arena);
	if (!s->is_indicator || claim->entry.entry.erased)
		return 0;
	return record_indicator_decode(claim->entry.entry.body, &f->arena, &s->indicator);
}

static json_t *time_json(uint64_t ms)
{
	char text[TEXT_TIME_SIZE];

	if (ms == 0 || ms > INT64_MAX)
		return json_null();
	text_time_ms(text, (int64_t)ms);
	return json_string(text);
}

static json_t *labels_json(const struct record_indicator *r)
{
	json_t *labels = json_array();

	for (size_t i = 0; i < r->labels_len; i++)
		json_array_append_new(labels, cli_json_text(r->labels[i]));
	return labels;
}

static bool is_own(const struct store_entry *e)
{
	static const struct node_id nobody;

	return node_id_eq(&e->via, &nobody);
}

static json_t *claim_json(struct find *f, const struct record_claim *claim, const struct shown *s)
{
	const struct entry_header *h = &claim->entry.header;
	const struct record_indicator *r = &s->indicator;
	char audience[AUDIENCE_TEXT_SIZE];

	audience_text(audience, claim->log.audience);
	return json_pack("{s:o, s:o, s:s, s:s, s:I, s:s, s:s?, s:o, s:o, s:o, s:o, s:o, s:o,"
			 " s:b, s:b, s:o, s:o}",
		"object", cli_json_hex(BYTES_OF(h->object)), "origin",
		cli_json_node(&claim->log.node), "name", cli_name(f->cli, &claim->log.node),
		"audience", audience, "index", (json_int_t)claim->entry.index, "tlp",
		tlp_name(h->tlp), "pap", h->pap == PAP_NONE ? NULL : pap_name(h->pap), "confidence",
		r->has_confidence ? json_integer(r->confidence) : json_null(), "labels",
		labels_json(r), "valid_from", time_json(r->valid_from), "valid_until",
		time_json(r->valid_until), "first_seen", time_json(r->first_seen), "last_seen",
		time_json(r->last_seen), "retracted", (int)claim->retracted, "disputed",
		(int)claim->disputed, "received", time_json((uint64_t)claim->entry.received_ms),
		"via", is_own(&claim->entry) ? json_null() : cli_json_node(&claim->entry.via));
}

static const char *labels_text(struct find *f, const struct record_indicator *r)
{
	struct buf b = buf_with_max(RECORD_LABELS_MAX * (RECORD_LABEL_MAX + 1));
	const char *text;

	for (size_t i = 0; i < r->labels_len; i++) {
		buf_str(&b, i ? " " : "");
		buf_bytes(&b, r->labels[i]);
	}
	text = cli_clean(f->cli, buf_view(&b));
	buf_free(&b);
	return text;
}

static void claim_row(struct find *f, const struct record_claim *claim, const struct shown *s,
	const char *value, enum type type)
{
	const struct entry_header *h = &claim->entry.header;
	const struct record_indicator *r = &s->indicator;
	enum cli_color color = claim->retracted ? CLI_DIM : CLI_PLAIN;
	char audience[AUDIENCE_TEXT_SIZE], until[TEXT_TIME_SIZE] = "-", confidence[16] = "-";

	audience_text(audience, claim->log.audience);
	if (r->valid_until > 0 && r->valid_until <= INT64_MAX)
		text_time_s(until, (int64_t)(r->valid_until / 1000));
	if (r->has_confidence)
		snprintf(confidence, sizeof(confidence), "%u", r->confidence);
	cli_table_cell(&f->table, color, "%s", value);
	cli_table_cell(&f->table, CLI_DIM, "%s", type_name(type));
	cli_table_cell(&f->table, color, "%s", cli_name(f->cli, &claim->log.node));
	cli_table_cell(&f->table, color, "%s", audience);
	cli_table_cell(&f->table, color, "%s", tlp_name(h->tlp));
	cli_table_cell(&f->table, color, "%s", h->pap == PAP_NONE ? "-" : pap_name(h->pap));
	cli_table_cell(&f->table, color, "%s", confidence);
	cli_table_cell(&f->table, color, "%s", until);
	cli_table_cell(&f->table, color, "%s",
		is_own(&claim->entry) ? "own" : cli_name(f->cli, &claim->entry.via));
	cli_table_cell(&f->table, claim->disputed ? CLI_BAD : CLI_WARN, "%s%s%s",
		claim->retracted ? "retracted " : "", claim->disputed ? "disputed " : "",
		f->held_back ? "held-back " : "");
	cli_table_cell(&f->table, color, "%s", labels_text(f, r));
}

static int claims_show(struct find *f, const struct value *v, json_t *list)
{
	const char *value = cli_clean(f->cli, bytes_from(v->text, v->len));
	bool known = false;

	for (size_t i = 0; i < f->claims.len; i++) {
		const struct record_claim *claim = &f->claims.list[i];
		struct shown s;
		int rc;

		if (claim->erased)
			continue;
		if ((rc = shown_read(f, claim, &s)) != 0)
			return rc;
		known = true;
		if (f->cli->json)
			json_array_append_new(list, claim_json(f, claim, &s));
		else
			claim_row(f, claim, &s, value, v->type);
	}
	f->known_len += known;
	return 0;
}

static int find_readable(struct find *f, const struct value *v)
{
	json_t *list = json_array();
	struct store_hold hold;
	int rc;

	f->claims.len = 0; /* the list's memory serves the next value */
	rc = store_hold_get(f->cli->reader, v->type, bytes_from(v->text, v->len), &hold);
	f->held_back = rc == 0;
	if (rc == 0 || rc == ENT_ENOTFOUND)
		rc = records_by_value(&f->records, v->type, bytes_from(v->text, v->len),
			&f->claims);
	if (rc == 0)
		rc = claims_show(f, v, list);
	if (rc != 0 || !f->cli->json) {
		json_decref(list);
		return rc;
	}
	json_array_append_new(f->items,
		json_pack("{s:o, s:s, s:b, s:o}", "value",
			cli_json_text(bytes_from(v->text, v->len)), "type", type_name(v->type),
			"held_back", f->held_back, "claims", list));
	return 0;
}

static int find_one(void *ctx, unsigned line, struct bytes text)
{
	struct find *f = ctx;
	struct err_text reason = {""};
	struct value v;
	int rc;

	(void)line;
	f->asked_len++;
	if (value_parse(&v, text, TYPE_NONE, &reason) == 0) {
		cli_asked_about(&f->asked, bytes_from(v.text, v.len));
		rc = find_readable(f, &v);
		return rc != 0 ? cli_fail_code(f->cli, rc, "store") : 0;
	}
	f->unreadable_len++;
	cli_note(f->cli, "\"%s\" cannot be read as a value: %s", cli_clean(f->cli, text),
		reason.text);
	if (f->cli->json)
		json_array_append_new(f->items,
			json_pack("{s:o, s:n, s:[], s:s}", "value", cli_json_text(text), "type",
				"claims", "error", reason.text));
	return 0;
}

static int find_all(struct find *f, const char *file)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < f->cli->args_len; i++)
		rc = find_one(f, 0, bytes_str(f->cli->args[i]));
	if (rc == 0 && file)
		rc = records_lines(f->cli, file, find_one, f);
	return rc;
}

static int run(struct cli *c)
{
	struct find f = {.cli = c};
	const char *file = cli_value(c, "--file");
	int rc, status;

	if (!file && c->args_len == 0)
		return cli_usage(c, "a VALUE or --file FILE is wanted");
	if ((rc = records_open(&f.records, c)) != 0)
		return rc;
	f.items = json_array();
	cli_asked_begin(c, &f.asked);
	if (!c->json)
		cli_table_init(&f.table, c,
			"value|type|origin|audience|tlp|pap|conf|valid until|via|state|labels");
	rc = find_all(&f, file);
	cli_asked_end(c, &f.asked);
	arena_free(&f.arena);
	cli_reader_drop(c);
	if (!c->json)
		cli_table_print(&f.table); /* what was found before an error, too */
	if (rc != 0) {
		json_decref(f.items);
		return rc;
	}
	status = f.known_len > 0 ? CLI_DONE : CLI_NOT;
	if (f.asked_len > 0 && f.unreadable_len == f.asked_len)
		status = CLI_INVALID;
	if (c->json)
		return cli_json(c, f.items, status);
	json_decref(f.items);
	if (status == CLI_NOT)
		cli_note(c, "nothing is known of %s", f.asked_len == 1 ? "it" : "any of them");
	return status;
}

static const struct cli_option options[] = {
	{"--file", "FILE", false, "one value a line; - is standard input"},
	CLI_OPERATOR,
	{0},
};

const struct cli_command cmd_find = {
	.name = "find",
	.usage = "VALUE... | --file FILE [--operator NAME]",
	.summary = "what is known of values: every origin's claim as it stands",
	.example = "entente find evil.example 198.51.100.7\n",
	.options = options,
	.args_max = -1,
	.run = run,
};
