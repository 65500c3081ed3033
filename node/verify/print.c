/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Findings, and how they and answers are told: each as a JSON document, which templates make text
 * and HTML of. What others wrote never moves a reader's cursor.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/text.h"
#include "verify/verify.h"

const struct rule audit_rules[] = {
#define X(name, class, check, text, sentence)                                                      \
	[FOUND_##name] = {AUDIT_##class, CHECK_##check, text, sentence},
	AUDIT_RULES(X)
#undef X
};

static const struct {
	const char *name, *sentence;
} checks[] = {
#define X(name, text, sentence) [CHECK_##name] = {text, sentence},
	AUDIT_CHECKS(X)
#undef X
};

#define TOLD ": {breaches} breaches, {gaps} declared gaps, {notes} notes"

static const char *const classes[] = {"breach", "declared gap", "note"};
static const struct node_id nobody;

void found(struct audit *a, enum audit_rule rule, const struct node_id *node,
	const struct log_name *log, uint64_t from, uint64_t to, int64_t when_ms, const char *format,
	...)
{
	struct finding *f = NULL;
	unsigned shown = 0;
	va_list args;

	node = node ? node : &nobody;
	a->counts[rule]++;
	for (size_t i = 0; i < a->findings_len; i++)
		if (a->findings[i].rule == rule && node_id_eq(&a->findings[i].node, node)) {
			f = &a->findings[i];
			shown++;
		}
	if (shown >= AUDIT_SHOWN_MAX) {
		f->more++;
		return;
	}
	a->findings = grow(a->findings, &a->findings_cap, a->findings_len, sizeof(*a->findings));
	f = &a->findings[a->findings_len++];
	*f = (struct finding){
		.rule = rule, .node = *node, .from = from, .to = to, .when_ms = when_ms};
	if (log) {
		f->has_log = true;
		f->log = *log;
	}
	va_start(args, format);
	if (vasprintf(&f->text, format, args) < 0)
		f->text = NULL;
	va_end(args);
}

uint64_t class_count(const struct audit *a, enum audit_class class)
{
	uint64_t n = 0;

	for (size_t i = 0; i < FOUND_COUNT; i++)
		n += audit_rules[i].class == class ? a->counts[i] : 0;
	return n;
}

int audit_status(const struct audit *a)
{
	return class_count(a, AUDIT_BREACH) ? AUDIT_FOUND : AUDIT_CLEAN;
}

/* --- names ------------------------------------------------------------------------------------ */

/* The form of a card keeps its name to a-z, 0-9 and "-". */
static const char *card_name(void *ctx, const struct node_id *node)
{
	const struct party *p = party_get(ctx, node);

	return p && p->chain.cards_len ? card_chain_last(&p->chain)->name : NULL;
}

const char *party_name(struct audit *a, const struct node_id *node)
{
	const char *name = card_name(a, node);
	char id[NODE_ID_TEXT_SIZE];

	if (name)
		return name;
	node_id_text(id, node);
	return arena_strdup(&a->arena, id);
}

struct sentence_names party_names(struct audit *a)
{
	return (struct sentence_names){card_name, a};
}

const char *log_text(struct audit *a, const struct log_name *log)
{
	struct sentence_names names = party_names(a);
	struct buf text = buf_with_max(512);
	const char *copy;

	sentence_log(&text, log, &names);
	buf_u8(&text, 0);
	copy = buf_failed(&text) ? "?" : arena_strdup(&a->arena, (const char *)text.data);
	buf_free(&text);
	return copy;
}

const char *time_text(struct audit *a, int64_t ms)
{
	char text[TEXT_TIME_SIZE];

	if (ms <= 0 || ms > (int64_t)RECORD_TIME_MAX_MS)
		return "-";
	text_time_ms(text, ms);
	return arena_strdup(&a->arena, text);
}

/* --- JSON ------------------------------------------------------------------------------------- */

json_t *json_node(const struct node_id *node)
{
	char id[NODE_ID_TEXT_SIZE];

	node_id_text(id, node);
	return node_id_eq(node, &nobody) ? json_null() : json_string(id);
}

json_t *json_time(int64_t ms)
{
	char text[TEXT_TIME_SIZE];

	if (ms <= 0 || ms > (int64_t)RECORD_TIME_MAX_MS)
		return json_null();
	text_time_ms(text, ms);
	return json_string(text);
}

json_t *json_text(struct bytes text)
{
	json_t *s = json_stringn((const char *)text.data, text.len);

	return s ? s : json_string("(not readable)");
}

json_t *json_hex(struct bytes bytes)
{
	char hex[HEX_TEXT_SIZE(64)];

	text_hex_encode(hex, bytes_from(bytes.data, bytes.len < 64 ? bytes.len : 64));
	return json_string(hex);
}

json_t *json_log(const struct log_name *log)
{
	char origin[LOG_NAME_TEXT_SIZE];

	log_name_text(origin, log);
	return json_string(origin);
}

json_t *json_agreement(uint64_t id)
{
	return id ? json_sprintf("%016" PRIx64, id) : json_null();
}

int print_json(json_t *document, int status)
{
	bool good =
		document && json_dumpf(document, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF;

	json_decref(document);
	return good ? status : AUDIT_UNREADABLE;
}

static json_t *finding_json(struct audit *a, const struct finding *f)
{
	const struct rule *r = &audit_rules[f->rule];
	const char *name = node_id_eq(&f->node, &nobody) ? NULL : party_name(a, &f->node);
	json_t *where = NULL;

	if (f->has_log && f->to > f->from)
		where = json_sprintf("%s, %" PRIu64 " to %" PRIu64, log_text(a, &f->log), f->from,
			f->to);
	else if (f->has_log)
		where = json_string(log_text(a, &f->log));
	return json_pack("{s:s, s:s, s:s, s:o, s:s?, s:o, s:o?, s:I, s:I, s:o, s:o, s:s, s:I}",
		"class", classes[r->class], "check", checks[r->check].name, "rule", r->name, "node",
		json_node(&f->node), "name", name, "log",
		f->has_log ? json_log(&f->log) : json_null(), "where", where, "from", NUM(f->from),
		"to", NUM(f->to), "when", json_time(f->when_ms), "text",
		json_text(bytes_str(f->text ? f->text : "")), "sentence", r->sentence, "more",
		NUM(f->more));
}

static json_t *bundle_json(struct audit *a, const struct bundle *b)
{
	const struct account *t = &b->account;

	return json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:b, s:b, s:s, s:I, s:I, s:I, s:I, s:I, "
			 "s:I, s:o}",
		"file", b->path, "node", json_node(&b->about.node), "name",
		party_name(a, &b->about.node), "made", json_time(b->about.made_ms), "since",
		json_time(b->about.since_ms), "until", json_time(b->about.until_ms), "bodies",
		b->about.flags & BUNDLE_FLAG_BODIES, "opened", b->about.flags & BUNDLE_FLAG_OPENED,
		"software", b->software, "acts", NUM(b->acts), "entries", NUM(b->entries),
		"published", NUM(t->published), "received", NUM(t->received), "refused",
		NUM(t->refused), "sessions", NUM(t->sessions_count), "from",
		json_time(t->first_ms));
}

static json_t *scope_json(struct audit *a)
{
	json_t *bundles = json_array(), *missing = json_array();

	for (size_t i = 0; i < a->bundles_len; i++)
		json_array_append_new(bundles, bundle_json(a, &a->bundles[i]));
	for (size_t i = 0; i < a->findings_len; i++)
		if (a->findings[i].rule == FOUND_SCOPE)
			json_array_append_new(missing,
				json_pack("{s:o, s:s}", "node", json_node(&a->findings[i].node),
					"name", party_name(a, &a->findings[i].node)));
	return json_pack("{s:o, s:o, s:I, s:I, s:I}", "bundles", bundles, "not_handed_over",
		missing, "acts", NUM(a->acts), "entries", NUM(a->entries), "signatures",
		NUM(a->signatures));
}

static json_t *line_json(const struct audit *a, enum audit_check check)
{
	uint64_t n[3] = {0};

	for (size_t i = 0; i < FOUND_COUNT; i++)
		if (audit_rules[i].check == check)
			n[audit_rules[i].class] += a->counts[i];
	return json_pack("{s:s, s:s, s:b, s:s, s:I, s:I, s:I}", "check", checks[check].name,
		"sentence", checks[check].sentence, "ok", n[AUDIT_BREACH] == 0, "result",
		n[AUDIT_BREACH] ? "BREACH"
		: n[AUDIT_GAP]  ? "declared"
				: "ok",
		"breaches", NUM(n[AUDIT_BREACH]), "gaps", NUM(n[AUDIT_GAP]), "notes",
		NUM(n[AUDIT_NOTE]));
}

json_t *findings_json(struct audit *a, enum audit_class class)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->findings_len; i++)
		if (audit_rules[a->findings[i].rule].class == class)
			json_array_append_new(list, finding_json(a, &a->findings[i]));
	return list;
}

json_t *check_json(struct audit *a)
{
	json_t *lines = json_array(), *findings = findings_json(a, AUDIT_BREACH);

	for (enum audit_class class = AUDIT_GAP; class <= AUDIT_NOTE; class ++) {
		json_t *more = findings_json(a, class);

		json_array_extend(findings, more);
		json_decref(more);
	}
	for (enum audit_check c = 0; c < CHECK_COUNT; c++)
		json_array_append_new(lines, line_json(a, c));
	return json_pack("{s:s, s:I, s:I, s:I, s:o, s:o, s:o}", "result",
		audit_status(a) ? "breach" : "clean", "breaches", NUM(class_count(a, AUDIT_BREACH)),
		"gaps", NUM(class_count(a, AUDIT_GAP)), "notes", NUM(class_count(a, AUDIT_NOTE)),
		"scope", scope_json(a), "checks", lines, "findings", findings);
}

/* --- templates -------------------------------------------------------------------------------- */

static void escape(struct buf *out, struct bytes text)
{
	static const char *const names[128] = {
		['<'] = "&lt;", ['>'] = "&gt;", ['&'] = "&amp;", ['"'] = "&quot;"};

	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < 128 && names[text.data[i]])
			buf_str(out, names[text.data[i]]);
		else
			buf_u8(out, text.data[i]);
}

/* Lists with commas between. False for what is not there, and for 0. */
static bool value_put(struct buf *out, const json_t *value)
{
	size_t before = out->len, at;
	const json_t *one;

	if (json_is_integer(value))
		buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_true(value))
		buf_str(out, "yes");
	else if (json_is_string(value))
		sentence_text(out, bytes_str(json_string_value(value)));
	else if (json_is_object(value)) /* an agreement: by its id, and what it says of itself */
		row_text(out, "{id}/{serial}[ ({legal})]", value, false);
	json_array_foreach(value, at, one)
	{
		buf_str(out, at ? ", " : "");
		(void)value_put(out, one);
	}
	return out->len > before && !(json_is_integer(value) && json_integer_value(value) == 0);
}

/* {NAME}, {NAME:12} padded, {NAME:-12} padded in front, {NAME:.8} cut. */
static bool field_put(struct buf *out, const json_t *row, struct bytes name, bool html)
{
	struct buf text = buf_with_max(65536);
	char field[64], *form;
	bool there, cut;
	int width;

	snprintf(field, sizeof(field), "%.*s", (int)name.len, (const char *)name.data);
	form = strchr(field, ':');
	if (form)
		*form++ = '\0';
	cut = form && *form == '.';
	width = form ? (int)strtol(form + cut, NULL, 10) : 0;
	there = value_put(&text, json_object_get(row, field));
	if (text.len == 0)
		buf_str(&text, html ? "" : "-");
	if (cut && text.len > (size_t)width)
		text.len = (size_t)width;
	if (html)
		escape(out, buf_view(&text));
	else
		buf_printf(out, "%*.*s", cut ? 0 : -width, (int)text.len,
			text.data ? (const char *)text.data : "");
	buf_free(&text);
	return there;
}

void row_text(struct buf *out, const char *template, const json_t *row, bool html)
{
	size_t part = 0, len;
	bool there = true;

	for (; *template; template += len) {
		len = strcspn(template, "[]{");
		buf_append(out, template, len);
		template += len;
		len = *template != '\0';
		if (*template == '[') {
			part = out->len;
			there = true;
		} else if (*template == ']' && !there) {
			out->len = part;
		} else if (*template == '{') {
			len = strcspn(template, "}") + 1;
			there &= field_put(out, row, bytes_from(template + 1, len - 2), html);
		}
	}
}

void print_row(const char *template, const json_t *row)
{
	struct buf text = buf_with_max(1 << 20);

	row_text(&text, template, row, false);
	buf_u8(&text, '\n');
	fwrite(text.data, 1, text.len, stdout);
	buf_free(&text);
}

static void print_rows(const char *template, const json_t *list)
{
	const json_t *row;
	size_t at;

	json_array_foreach(list, at, row) print_row(template, row);
}

int print_check(struct audit *a)
{
	json_t *all = check_json(a);

	if (a->json)
		return print_json(all, audit_status(a));
	print_rows("{file}: {name}, made {made} by {software}; {acts} acts from {from} on, "
		   "{entries} entries[, with bodies{bodies:.0}]"
		   "[\n  only what came from {since} on][\n  only what came before {until}]",
		json_object_get(json_object_get(all, "scope"), "bundles"));
	putchar('\n');
	print_rows("{result:8} {check:11} {sentence}", json_object_get(all, "checks"));
	putchar('\n');
	print_rows("  {class}: [{name} ]{rule}: {sentence}[ ({where})][, {when}][; {text}]"
		   "[; and {more} more]",
		json_object_get(all, "findings"));
	print_row(audit_status(a) ? "\nBREACH" TOLD : "\nclean" TOLD, all);
	json_decref(all);
	return audit_status(a);
}
