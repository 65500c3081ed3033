/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the questions share: rows, each a JSON object, printed one by one by a template or all as a
 * document; and the questions whose rows are acts as they stand.
 */
#include "audit/audit.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"

bool ask_in_time(const struct ask *q, int64_t ms)
{
	return (!q->since_ms || ms >= q->since_ms) && (!q->until_ms || ms < q->until_ms);
}

/* --- rows as text ----------------------------------------------------------------------------- */

/* Appends a field; false when the row has none. Lists with commas between. */
static bool field_put(struct buf *out, const json_t *value)
{
	const json_t *one;
	size_t at;

	if (json_is_integer(value))
		buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_true(value))
		buf_str(out, "yes");
	else if (json_is_string(value))
		sentence_text(out, bytes_str(json_string_value(value)));
	else if (json_is_object(value)) /* an agreement: by its id, and what it says of itself */
		row_text(out, "{id}/{serial}[ ({legal})]", value);
	json_array_foreach(value, at, one)
	{
		buf_str(out, at ? ", " : "");
		(void)field_put(out, one);
	}
	return json_is_integer(value) || json_is_true(value) ||
	       (json_is_string(value) && *json_string_value(value)) || json_array_size(value) > 0;
}

/* {NAME}, {NAME:12} padded, {NAME:-12} padded in front, {NAME:.8} cut. */
static bool named_put(struct buf *out, const json_t *row, struct bytes name)
{
	struct buf text = buf_with_max(65536);
	struct bytes width_text = BYTES_NONE;
	char field[64];
	char *colon;
	bool there, cut = false, front = false;
	uint64_t width = 0;

	snprintf(field, sizeof(field), "%.*s", (int)name.len, (const char *)name.data);
	colon = strchr(field, ':');
	if (colon) {
		*colon++ = '\0';
		cut = *colon == '.';
		front = *colon == '-';
		width_text = bytes_str(colon + (cut || front));
	}
	if (width_text.len && !text_u64_parse(width_text, &width))
		width = 0;
	there = field_put(&text, json_object_get(row, field));
	if (!there)
		buf_str(&text, "-");
	buf_printf(out, "%*.*s",
		cut     ? 0
		: front ? (int)width
			: -(int)width,
		cut ? (int)width : (int)text.len, text.data ? (const char *)text.data : "");
	buf_free(&text);
	return there;
}

void row_text(struct buf *out, const char *template, const json_t *row)
{
	size_t part = 0;
	bool there = true;

	for (; *template; template ++) {
		const char *end;

		switch (*template) {
		case '[':
			part = out->len;
			there = true;
			break;
		case ']':
			if (!there)
				out->len = part;
			break;
		case '{':
			end = strchr(template, '}');
			there &= named_put(out, row,
				bytes_from((const uint8_t *)template + 1,
					(size_t)(end - template - 1)));
			template = end;
			break;
		default:
			buf_u8(out, (uint8_t) * template);
		}
	}
}

/* The template of a row: that of its "what", or the last, which has none. */
static const char *template_of(const struct row_words *words, const json_t *row)
{
	const char *what = json_string_value(json_object_get(row, "what"));

	while (words->what && (!what || strcmp(what, words->what) != 0))
		words++;
	return words->text;
}

int ask_answer(struct ask *q, int rc, json_t *list, const struct row_words *words)
{
	int status = AUDIT_CLEAN;
	size_t at;
	json_t *row;

	if (rc != 0) {
		json_decref(list);
		return ask_failed(q, rc);
	}
	/* The answer stands all the same: it is what the bundles say. */
	if (class_count(q->audit, AUDIT_BREACH)) {
		fprintf(stderr,
			"entente-audit: these bundles are not clean: see entente-audit check\n");
		status = AUDIT_FOUND;
	}
	if (q->audit->json)
		return print_json(list, status);
	if (json_array_size(list) == 0)
		printf("%s\n", q->none ? q->none : "none");
	json_array_foreach(list, at, row)
	{
		struct buf text = buf_with_max(1 << 20);

		row_text(&text, template_of(words, row), row);
		buf_u8(&text, '\n');
		fwrite(text.data, 1, text.len, stdout);
		buf_free(&text);
	}
	json_decref(list);
	return status;
}

int ask_failed(struct ask *q, int rc)
{
	if (!q->audit->err.text[0])
		err_set(&q->audit->err, rc, "%s", err_sentence(rc));
	return AUDIT_UNREADABLE;
}

int ask_refused(struct ask *q, const char *what, const char *why)
{
	err_set(&q->audit->err, ENT_EINVALID, "\"%s\" %s", what, why);
	return AUDIT_USAGE;
}

static int row_cmp(const void *one, const void *other)
{
	const char *x = json_string_value(json_object_get(*(json_t *const *)one, "when"));
	const char *y = json_string_value(json_object_get(*(json_t *const *)other, "when"));

	return strcmp(x ? x : "", y ? y : "");
}

/* By merging, since the clocks are those of the nodes: rows of one node stay in its own order where
 * times agree. */
static void merge(json_t **rows, json_t **room, size_t len)
{
	size_t half = len / 2, left = 0, right = half;

	if (len < 2)
		return;
	merge(rows, room, half);
	merge(rows + half, room, len - half);
	for (size_t i = 0; i < len; i++)
		room[i] = right == len || (left < half && row_cmp(&rows[left], &rows[right]) <= 0)
				  ? rows[left++]
				  : rows[right++];
	memcpy(rows, room, len * sizeof(json_t *));
}

json_t *rows_sorted(json_t *list)
{
	size_t len = json_array_size(list), at;
	json_t **rows = calloc(2 * len + 1, sizeof(json_t *)), *row, *out = json_array();

	if (!rows)
		return list;
	json_array_foreach(list, at, row) rows[at] = row;
	merge(rows, rows + len, len);
	for (size_t i = 0; i < len; i++)
		json_array_append(out, rows[i]);
	free(rows);
	json_decref(list);
	return out;
}

/* NAME, a node id, or its beginning. False after saying why. */
bool node_find(struct ask *q, const char *text, struct node_id *node)
{
	const void *id;
	void *value;
	size_t at = 0, hits = 0;

	while (map_next(&q->audit->parties, &at, &id, &value)) {
		const struct party *p = value;
		char whole[NODE_ID_TEXT_SIZE];

		node_id_text(whole, &p->node);
		if (strcmp(party_name(q->audit, &p->node), text) != 0 &&
			(strlen(text) < 4 || strncmp(whole, text, strlen(text)) != 0))
			continue;
		*node = p->node;
		hits++;
	}
	if (hits != 1)
		ask_refused(q, text,
			hits ? "is more than one node in these bundles"
			     : "is no node in these bundles");
	return hits == 1;
}

/* --- acts ------------------------------------------------------------------------------------- */

struct acts_asked {
	struct ask *ask;
	json_t *list;
	struct node_id to;
	/* NULL: that act is not asked for. */
	json_t *(*row)(struct acts_asked *x, const struct walk_act *w);
};

static int act_find(void *ctx, const struct walk_act *w)
{
	struct acts_asked *x = ctx;
	json_t *row = ask_in_time(x->ask, w->when_ms) ? x->row(x, w) : NULL;

	if (row)
		json_array_append_new(x->list, row);
	return 0;
}

static int acts_asked(struct acts_asked *x)
{
	struct audit *a = x->ask->audit;
	int rc = 0;

	x->list = json_array();
	for (size_t i = 0; rc == 0 && i < a->bundles_len; i++)
		rc = walk_acts(a, &a->bundles[i], act_find, x);
	return rc;
}

static json_t *terms_json(const struct act_body *act)
{
	json_t *list = json_array();

	for (size_t i = 0; i < act->terms_len; i++)
		json_array_append_new(list,
			json_sprintf("%016" PRIx64 "/%u", act->terms[i].id, act->terms[i].serial));
	return list;
}

static json_t *traffic_json(struct audit *a, const struct walk_act *w, const char *what)
{
	const struct act_body *act = w->act;

	return json_pack("{s:s, s:o, s:o, s:s, s:o, s:s, s:s, s:o, s:I, s:I, s:o, s:o}", "what",
		what, "when", json_time(w->when_ms), "node", json_node(&w->bundle->about.node),
		"name", party_name(a, &w->bundle->about.node), "peer", json_node(&act->peer),
		"peer_name", party_name(a, &act->peer), "feed", log_text(a, &act->log), "log",
		json_log(&act->log), "from", (json_int_t)act->from, "to", (json_int_t)act->to,
		"session", json_hex(act->session), "agreements", terms_json(act));
}

static json_t *left_row(struct acts_asked *x, const struct walk_act *w)
{
	const char *what = w->act->act == ACT_SENDING_OPENED   ? "opened"
			   : w->act->act == ACT_SENDING_MARK   ? "reached"
			   : w->act->act == ACT_SENDING_CLOSED ? "closed"
			   : w->act->act == ACT_BODIES_SENT    ? "bodies"
							       : NULL;

	if (!what || !w->act->has_log || !node_id_eq(&w->act->peer, &x->to))
		return NULL;
	return traffic_json(x->ask->audit, w, what);
}

int ask_left(struct ask *q)
{
	static const struct row_words words[] = {
		{"opened",
			"{when}  {name} began sending {feed} from {from} on to {peer_name}[ under "
			"{agreements}]"},
		{"bodies", "{when}  {name} sent bodies of {feed}, among {from} to {to}, to "
			   "{peer_name}[ "
			   "under {agreements}]"},
		{NULL, "{when}  {name} had sent {feed} from {from} up to {to} to {peer_name}"}};
	struct acts_asked x = {.ask = q, .row = left_row};
	int rc;

	if (!node_find(q, q->to, &x.to))
		return AUDIT_USAGE;
	rc = acts_asked(&x);
	return ask_answer(q, rc, x.list, words);
}

static json_t *received_row(struct acts_asked *x, const struct walk_act *w)
{
	bool bodies = w->act->act == ACT_BODIES_RECEIVED;

	if ((w->act->act != ACT_RECEIVED && !bodies) || !w->act->has_log)
		return NULL;
	return traffic_json(x->ask->audit, w, bodies ? "bodies" : "received");
}

int ask_received(struct ask *q)
{
	static const struct row_words words[] = {
		{"bodies", "{when}  {name} received bodies of {feed}, among {from} to {to}, from "
			   "{peer_name}"},
		{NULL, "{when}  {name} received {feed}, {from} to {to}, from {peer_name}"}};
	struct acts_asked x = {.ask = q, .row = received_row};
	int rc = acts_asked(&x);

	return ask_answer(q, rc, x.list, words);
}

static json_t *timeline_row(struct acts_asked *x, const struct walk_act *w)
{
	struct audit *a = x->ask->audit;
	struct sentence_names names = party_names(a);
	struct buf text = buf_with_max(8192);
	json_t *row;

	sentence_act(&text, w->act, &names);
	row = json_pack("{s:o, s:o, s:s, s:I, s:s, s:o}", "when", json_time(w->when_ms), "node",
		json_node(&w->bundle->about.node), "name", party_name(a, &w->bundle->about.node),
		"index", (json_int_t)w->index, "act", act_name(w->act->act), "text",
		json_text(buf_view(&text)));
	buf_free(&text);
	return row;
}

int ask_timeline(struct ask *q)
{
	static const struct row_words words[] = {{NULL, "{when}  {name:8} {text}"}};
	struct acts_asked x = {.ask = q, .row = timeline_row};
	int rc = acts_asked(&x);

	return ask_answer(q, rc, rows_sorted(x.list), words);
}

static json_t *exports_row(struct acts_asked *x, const struct walk_act *w)
{
	const struct act_body *act = w->act;
	struct audit *a = x->ask->audit;

	if (act->act != ACT_EXPORTED)
		return NULL;
	return json_pack("{s:o, s:o, s:s, s:I, s:o, s:o, s:o, s:o, s:s?, s:I}", "when",
		json_time(w->when_ms), "node", json_node(&w->bundle->about.node), "name",
		party_name(a, &w->bundle->about.node), "index", (json_int_t)w->index, "what",
		json_text(act->text), "operator", json_text(act->operator_name), "file",
		json_hex(act->hash), "salt", json_hex(act->salt), "feed",
		act->has_log ? log_text(a, &act->log) : NULL, "entries", (json_int_t)act->count);
}

int ask_exports(struct ask *q)
{
	static const struct row_words words[] = {
		{NULL, "{when}  {name:12} exported {what}[ of {feed}], {entries} records[, file "
		       "{file}][ by {operator}]"}};
	struct acts_asked x = {.ask = q, .row = exports_row};
	int rc = acts_asked(&x);

	return ask_answer(q, rc, x.list, words);
}

int ask_gaps(struct ask *q)
{
	static const struct row_words words[] = {{NULL, "{name}: {sentence} ({rule})[; {text}]"}};
	struct audit *a = q->audit;
	json_t *list = json_array();

	for (size_t i = 0; i < a->findings_len; i++)
		if (rule_class(a->findings[i].rule) == AUDIT_GAP)
			json_array_append_new(list, finding_json(a, &a->findings[i]));
	return ask_answer(q, 0, list, words);
}
