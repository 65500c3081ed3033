/* SPDX-License-Identifier: EUPL-1.2 */
/* Findings, and how they and answers are told. What others wrote never moves a reader's cursor. */
#include "verify/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/text.h"

static const struct {
	enum audit_class class;
	enum audit_check check;
	const char *name, *sentence;
} rules[] = {
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

enum audit_class rule_class(enum audit_rule rule)
{
	return rules[rule].class;
}

enum audit_check rule_check(enum audit_rule rule)
{
	return rules[rule].check;
}

const char *rule_name(enum audit_rule rule)
{
	return rules[rule].name;
}

const char *rule_sentence(enum audit_rule rule)
{
	return rules[rule].sentence;
}

const char *check_name(enum audit_check check)
{
	return checks[check].name;
}

const char *check_sentence(enum audit_check check)
{
	return checks[check].sentence;
}

const char *class_name(enum audit_class class)
{
	static const char *const names[] = {"breach", "declared gap", "note"};

	return names[class];
}

uint64_t class_count(const struct audit *a, enum audit_class class)
{
	uint64_t n = 0;

	for (size_t i = 0; i < FOUND_COUNT; i++)
		n += rules[i].class == class ? a->counts[i] : 0;
	return n;
}

/* --- findings --------------------------------------------------------------------------------- */

void found(struct audit *a, enum audit_rule rule, const struct node_id *node,
	const struct log_name *log, uint64_t from, uint64_t to, int64_t when_ms, const char *format,
	...)
{
	static const struct node_id nobody;
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

/* --- names ------------------------------------------------------------------------------------ */

const char *party_name(struct audit *a, const struct node_id *node)
{
	const struct party *p = party_get(a, node);
	char id[NODE_ID_TEXT_SIZE];

	/* The form of a card keeps its name to a-z, 0-9 and "-". */
	if (p && p->chain.cards_len)
		return card_chain_last(&p->chain)->name;
	node_id_text(id, node);
	return arena_strdup(&a->arena, id);
}

static const char *sentence_name(void *ctx, const struct node_id *node)
{
	const struct party *p = party_get(ctx, node);

	return p && p->chain.cards_len ? card_chain_last(&p->chain)->name : NULL;
}

struct sentence_names party_names(struct audit *a)
{
	return (struct sentence_names){sentence_name, a};
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
	static const struct node_id nobody;
	char id[NODE_ID_TEXT_SIZE];

	if (node_id_eq(node, &nobody))
		return json_null();
	node_id_text(id, node);
	return json_string(id);
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

int print_json(json_t *document, int status)
{
	bool good =
		document && json_dumpf(document, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF;

	json_decref(document);
	return good ? status : AUDIT_UNREADABLE;
}

json_t *finding_json(struct audit *a, const struct finding *f)
{
	static const struct node_id nobody;
	bool whose = !node_id_eq(&f->node, &nobody);

	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:s, s:I}", "class",
		class_name(rule_class(f->rule)), "check", check_name(rule_check(f->rule)), "rule",
		rule_name(f->rule), "node", json_node(&f->node), "name",
		whose ? json_string(party_name(a, &f->node)) : json_null(), "log",
		f->has_log ? json_log(&f->log) : json_null(), "from", (json_int_t)f->from, "to",
		(json_int_t)f->to, "when", json_time(f->when_ms), "text",
		json_text(bytes_str(f->text ? f->text : "")), "sentence", rule_sentence(f->rule),
		"more", (json_int_t)f->more);
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
		"software", b->software, "acts", (json_int_t)b->acts, "entries",
		(json_int_t)b->entries, "published", (json_int_t)t->published, "received",
		(json_int_t)t->received, "refused", (json_int_t)t->refused, "sessions",
		(json_int_t)t->sessions_count, "from", json_time(t->first_ms));
}

json_t *scope_json(struct audit *a)
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
		missing, "acts", (json_int_t)a->acts, "entries", (json_int_t)a->entries,
		"signatures", (json_int_t)a->signatures);
}

uint64_t check_count(const struct audit *a, enum audit_check check, enum audit_class class)
{
	uint64_t n = 0;

	for (size_t i = 0; i < FOUND_COUNT; i++)
		n += rules[i].check == check && rules[i].class == class ? a->counts[i] : 0;
	return n;
}

static int print_check_json(struct audit *a, int status)
{
	json_t *list = json_array(), *findings = json_array();

	for (enum audit_check c = 0; c < CHECK_COUNT; c++) {
		uint64_t breaches = check_count(a, c, AUDIT_BREACH);

		json_array_append_new(list,
			json_pack("{s:s, s:s, s:b, s:I, s:I, s:I}", "check", check_name(c),
				"sentence", check_sentence(c), "ok", breaches == 0, "breaches",
				(json_int_t)breaches, "gaps",
				(json_int_t)check_count(a, c, AUDIT_GAP), "notes",
				(json_int_t)check_count(a, c, AUDIT_NOTE)));
	}
	for (size_t i = 0; i < a->findings_len; i++)
		json_array_append_new(findings, finding_json(a, &a->findings[i]));
	return print_json(json_pack("{s:s, s:I, s:I, s:I, s:o, s:o, s:o}", "result",
				  status == AUDIT_CLEAN ? "clean" : "breach", "breaches",
				  (json_int_t)class_count(a, AUDIT_BREACH), "gaps",
				  (json_int_t)class_count(a, AUDIT_GAP), "notes",
				  (json_int_t)class_count(a, AUDIT_NOTE), "scope", scope_json(a),
				  "checks", list, "findings", findings),
		status);
}

/* --- for people ------------------------------------------------------------------------------- */

static void print_finding(struct audit *a, const struct finding *f)
{
	static const struct node_id nobody;

	printf("  %s: %s%s%s: %s", class_name(rule_class(f->rule)),
		node_id_eq(&f->node, &nobody) ? "" : party_name(a, &f->node),
		node_id_eq(&f->node, &nobody) ? "" : " ", rule_name(f->rule),
		rule_sentence(f->rule));
	if (f->has_log)
		printf(" (%s", log_text(a, &f->log));
	if (f->has_log && f->to > f->from)
		printf(", %" PRIu64 " to %" PRIu64, f->from, f->to);
	if (f->has_log)
		printf(")");
	if (f->when_ms)
		printf(", %s", time_text(a, f->when_ms));
	if (f->text && *f->text)
		printf("; %s", f->text);
	if (f->more)
		printf("; and %" PRIu64 " more", f->more);
	printf("\n");
}

static void print_scope(struct audit *a)
{
	for (size_t i = 0; i < a->bundles_len; i++) {
		const struct bundle *b = &a->bundles[i];

		printf("%s: %s, made %s by %s; %" PRIu64 " acts from %s on, %" PRIu64
		       " entries%s\n",
			b->path, party_name(a, &b->about.node), time_text(a, b->about.made_ms),
			b->software, b->acts, time_text(a, b->account.first_ms), b->entries,
			b->about.flags & BUNDLE_FLAG_BODIES ? ", with bodies" : "");
		if (b->about.since_ms)
			printf("  only what came from %s on\n", time_text(a, b->about.since_ms));
		if (b->about.until_ms)
			printf("  only what came before %s\n", time_text(a, b->about.until_ms));
	}
}

int print_check(struct audit *a)
{
	int status = class_count(a, AUDIT_BREACH) ? AUDIT_FOUND : AUDIT_CLEAN;

	if (a->json)
		return print_check_json(a, status);
	print_scope(a);
	printf("\n");
	for (enum audit_check c = 0; c < CHECK_COUNT; c++) {
		uint64_t breaches = check_count(a, c, AUDIT_BREACH);

		printf("%-8s %-11s %s\n",
			breaches ? "BREACH" : (check_count(a, c, AUDIT_GAP) ? "declared" : "ok"),
			check_name(c), check_sentence(c));
	}
	printf("\n");
	for (enum audit_class class = AUDIT_BREACH; class <= AUDIT_NOTE; class ++)
		for (size_t i = 0; i < a->findings_len; i++)
			if (rule_class(a->findings[i].rule) == class)
				print_finding(a, &a->findings[i]);
	printf("\n%s: %" PRIu64 " breaches, %" PRIu64 " declared gaps, %" PRIu64 " notes\n",
		status ? "BREACH" : "clean", class_count(a, AUDIT_BREACH),
		class_count(a, AUDIT_GAP), class_count(a, AUDIT_NOTE));
	return status;
}
