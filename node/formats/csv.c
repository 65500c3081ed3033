/* SPDX-License-Identifier: EUPL-1.2 */
#include "formats/csv.h"

#include <strings.h>

#include "base/text.h"
#include "formats/reading.h"

#define CELL_VALUES_MAX 64u /* values in one cell */

struct csv_layout {
	enum csv_column columns[CSV_FIELDS_MAX];
	struct csv_stated stated[CSV_FIELDS_MAX]; /* of COLUMN_TYPED */
	size_t columns_len;
	size_t counts[COLUMN_COUNT];
	uint8_t delimiter;
};

struct csv_reading {
	struct reading *r;
	struct csv_parser parser;
	struct csv_layout layout;
	struct csv_stated stated; /* of the row's value */
	struct claim claim;       /* what the cells of the row have in common */
	struct labels labels;
	struct record_reference references[RECORD_REFS_MAX];
	const char *fault_rule; /* why the row is refused as a whole, or NULL */
	struct err_text fault;
};

/* --- header ----------------------------------------------------------------------------------- */

static bool gives_values(const struct csv_layout *l)
{
	return l->counts[COLUMN_VALUE] || l->counts[COLUMN_TYPED];
}

static void layout_read(struct csv_layout *l, const struct csv_parser *p)
{
	memset(l, 0, sizeof(*l));
	l->delimiter = p->delimiter;
	l->columns_len = p->fields_len;
	for (size_t i = 0; i < p->fields_len; i++) {
		enum csv_column column = csv_column_find(p->fields[i], &l->stated[i]);

		/* Of two columns for the value the first one holds it. */
		if (column == COLUMN_VALUE && l->counts[column])
			column = COLUMN_NONE;
		l->columns[i] = column;
		l->counts[column]++;
	}
}

/* Tries every delimiter, and none; the one that finds most columns that are known wins. */
static bool header_read(struct csv_layout *best, struct bytes line)
{
	static const uint8_t delimiters[] = {',', ';', '\t', '|', CSV_NO_DELIMITER};
	size_t best_known = 0;

	for (size_t i = 0; i < sizeof(delimiters); i++) {
		struct csv_parser p;
		struct csv_layout l;
		size_t known;

		csv_parser_init(&p, delimiters[i]);
		if (csv_line_split(&p, line) == 0) {
			layout_read(&l, &p);
			known = l.columns_len - l.counts[COLUMN_NONE];
			if (gives_values(&l) && known > best_known)
				*best = l, best_known = known;
		}
		csv_parser_free(&p);
	}
	return best_known > 0;
}

/* A header behind a #, which counts when the row below it has as many fields. */
static bool comment_header_read(struct csv_layout *l, struct bytes comment, struct bytes row)
{
	struct csv_parser p;
	bool same = false;

	comment = text_trim(bytes_skip(comment, 1));
	if (!header_read(l, comment) || l->columns_len < 2)
		return false;
	csv_parser_init(&p, l->delimiter);
	if (csv_line_split(&p, row) == 0)
		same = p.fields_len == l->columns_len;
	csv_parser_free(&p);
	return same;
}

/* The first line that is no comment, and the comment right above it. */
static void lines_find(struct bytes start, struct bytes *first, struct bytes *comment)
{
	struct bytes line;

	*first = *comment = BYTES_NONE;
	while (text_line_next(&start, &line)) {
		struct bytes trimmed = text_trim(line);

		if (trimmed.len && trimmed.data[0] != '#') {
			*first = line;
			return;
		}
		*comment = trimmed;
	}
}

bool csv_looks_like(struct bytes start)
{
	struct bytes first, comment;
	struct csv_layout l;

	lines_find(start, &first, &comment);
	return (first.len && header_read(&l, first)) ||
	       (comment.len && comment_header_read(&l, comment, first));
}

/* Finds the header and takes the input up to the first row. */
static int header_find(struct csv_reading *c)
{
	struct input *in = &c->r->in;
	struct bytes start = input_view(in), first, comment;
	int ret;

	lines_find(start, &first, &comment);
	if (first.len == 0 && start.len == INPUT_BUFFER_BYTES)
		return input_error(in, 1, ENT_EINVALID, "no header in the first 128 KiB");
	if (first.len && header_read(&c->layout, first)) {
		/* The header may be spelled over several lines: it is taken as a record. */
		input_take(in, (size_t)(first.data - start.data));
		csv_parser_init(&c->parser, c->layout.delimiter);
		ret = csv_record_next(&c->parser, in);
		return ret < 0 ? ret : 0;
	}
	if (comment.len && comment_header_read(&c->layout, comment, first)) {
		input_take(in, (size_t)(first.data - start.data));
		csv_parser_init(&c->parser, c->layout.delimiter);
		return 0;
	}
	if (first.len)
		input_take(in, (size_t)(first.data - start.data));
	return input_error(in, in->line, ENT_EINVALID,
		"no known column in the header: wanted one such as value, indicator, ioc, domain, "
		"sha256");
}

/* --- cells ------------------------------------------------------------------------------------ */

static struct bytes cell(const struct csv_reading *c, size_t at)
{
	return at < c->parser.fields_len ? text_trim(c->parser.fields[at]) : BYTES_NONE;
}

static int refuse(struct csv_reading *c, struct bytes seen, const char *rule, const char *reason)
{
	return reading_refuse(c->r, c->parser.line, seen, rule, reason);
}

/* RFC 3339, or the same with a blank and no zone, as spreadsheets and feeds in UTC have it. Other
 * forms have two meanings; 0 for them. */
static uint64_t time_read(struct bytes text)
{
	char room[TEXT_TIME_SIZE];
	int64_t ms;

	if (text.len >= sizeof(room) - 1)
		return 0;
	if (text_time_parse(text, &ms))
		return (uint64_t)ms;
	memcpy(room, text.data, text.len);
	room[text.len] = 'Z';
	return text_time_parse(bytes_from(room, text.len + 1), &ms) ? (uint64_t)ms : 0;
}

static bool is_word(struct bytes text, const char *word)
{
	return text.len == strlen(word) &&
	       strncasecmp((const char *)text.data, word, text.len) == 0;
}

/* 0 to 100, or the words of STIX 2.1 appendix A. */
static void confidence_read(struct record_indicator *i, struct bytes text)
{
	static const struct {
		const char *word;
		uint32_t confidence;
	} words[] = {{"none", 0}, {"low", 15}, {"med", 50}, {"medium", 50}, {"high", 85}};
	uint64_t number;

	if (text_u64_parse(text, &number) && number <= 100) {
		i->has_confidence = true;
		i->confidence = (uint32_t)number;
	}
	for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++) {
		if (!is_word(text, words[k].word))
			continue;
		i->has_confidence = true;
		i->confidence = words[k].confidence;
	}
}

/* The digit of "B2" or "2"; the letter is the receiver's view and nobody else's. */
static void admiralty_read(struct record_indicator *i, struct bytes text)
{
	uint8_t last = text.len ? text.data[text.len - 1] : 0;

	if (text.len <= 2 && last >= '1' && last <= '6')
		i->credibility = (uint32_t)(last - '0');
}

static int labels_read(struct csv_reading *c, struct bytes text)
{
	int ret = 0;

	while (text.len && !ret) {
		size_t n = 0;

		while (n < text.len && !memchr(",;|", text.data[n], 3))
			n++;
		ret = labels_add(&c->labels, &c->r->arena, bytes_from(text.data, n));
		text = bytes_skip(text, n + 1);
	}
	return ret;
}

static void reference_read(struct csv_reading *c, struct bytes text)
{
	struct record_indicator *i = &c->claim.indicator;
	bool url = bytes_starts(text, "http://") || bytes_starts(text, "https://");

	if (i->references_len == RECORD_REFS_MAX) {
		c->labels.too_many = true;
		return;
	}
	c->references[i->references_len++] = (struct record_reference){
		.source = url ? BYTES_NONE : text, .url = url ? text : BYTES_NONE};
	i->references = c->references;
}

static void text_read(struct bytes *into, struct bytes text)
{
	/* Of two such columns the first that is filled stands. */
	if (into->len == 0)
		*into = text;
}

static void fault_set(struct csv_reading *c, const char *rule, const char *reason,
	struct bytes text)
{
	if (c->fault_rule)
		return;
	c->fault_rule = rule;
	(void)err_set(&c->fault, 0, "%s%.*s", reason, (int)(text.len < 64 ? text.len : 64),
		text.len ? (const char *)text.data : "");
}

static void port_read(struct record_indicator *i, struct bytes text)
{
	uint64_t port;

	if (text_u64_parse(text, &port) && port <= UINT16_MAX)
		i->port = (uint32_t)port;
}

static void type_read(struct csv_reading *c, enum csv_column column, struct bytes text)
{
	/* Columns named for a type need no other; and a better one may stand beside "type". */
	if (!c->layout.counts[COLUMN_VALUE] ||
		(column == COLUMN_TYPE_LOOSE && c->layout.counts[COLUMN_TYPE]))
		return;
	if (!csv_type_find(text, &c->stated))
		fault_set(c, "unreadable", "a type of indicator that is not read here: ", text);
}

/* Takes up what one cell says about the row. */
static int cell_read(struct csv_reading *c, enum csv_column column, struct bytes text)
{
	struct record_indicator *i = &c->claim.indicator;

	switch (column) {
	case COLUMN_TYPE:
	case COLUMN_TYPE_LOOSE:
		type_read(c, column, text);
		break;
	case COLUMN_TLP:
		if (!tlp_parse(text, &c->claim.tlp))
			fault_set(c, "unmarked", "a marking that is not known: ", text);
		break;
	case COLUMN_PAP:
		if (!pap_parse(text, &c->claim.pap))
			fault_set(c, "unreadable", "a PAP that is not known: ", text);
		break;
	case COLUMN_CONFIDENCE:
		confidence_read(i, text);
		break;
	case COLUMN_ADMIRALTY:
		admiralty_read(i, text);
		break;
	case COLUMN_LABELS:
		return labels_read(c, text);
	case COLUMN_FIRST_SEEN:
		i->first_seen = time_read(text);
		break;
	case COLUMN_LAST_SEEN:
		i->last_seen = time_read(text);
		break;
	case COLUMN_VALID_FROM:
		i->valid_from = time_read(text);
		break;
	case COLUMN_VALID_UNTIL:
		i->valid_until = time_read(text);
		break;
	case COLUMN_NAME:
		text_read(&i->name, text);
		break;
	case COLUMN_DESCRIPTION:
		text_read(&i->description, text);
		break;
	case COLUMN_REFERENCE:
		reference_read(c, text);
		break;
	case COLUMN_PORT:
		port_read(i, text);
		break;
	case COLUMN_REVOKED:
		if (is_word(text, "true") || is_word(text, "1") || is_word(text, "yes"))
			c->claim.kind = KIND_RETRACTION;
		break;
	default:
		break;
	}
	return 0;
}

/* --- values ----------------------------------------------------------------------------------- */

static bool value_read(struct value *v, struct bytes text, struct csv_stated stated,
	struct err_text *reason)
{
	struct err_text ignored;

	if (value_parse(v, text, stated.want, reason) == 0)
		return stated.allowed & TYPE_BIT(v->type);
	return stated.want != TYPE_NONE && value_parse(v, text, TYPE_NONE, &ignored) == 0 &&
	       (stated.allowed & TYPE_BIT(v->type));
}

/* Gives the parts of a cell that holds several values; 0 when it cannot be taken apart so. */
static size_t cell_split(struct bytes text, struct csv_stated stated,
	struct bytes parts[CELL_VALUES_MAX])
{
	struct err_text ignored;
	struct value v;
	size_t n = 0;

	while (text.len) {
		size_t len = 0;

		while (len < text.len && !memchr(",;| \t\r\n", text.data[len], 7))
			len++;
		if (len) {
			struct bytes part = bytes_from(text.data, len);

			if (n == CELL_VALUES_MAX || !value_read(&v, part, stated, &ignored))
				return 0;
			parts[n++] = part;
		}
		text = bytes_skip(text, len + 1);
	}
	return n;
}

static int value_claim(struct csv_reading *c, struct bytes seen, const struct value *v)
{
	struct claim claim = c->claim;

	claim.seen = seen;
	claim_value_set(&claim, v);
	return reading_claim(c->r, &claim);
}

static int value_cell(struct csv_reading *c, struct bytes text, struct csv_stated stated)
{
	struct err_text reason = {"not of the type it is said to be"}, ignored;
	struct bytes parts[CELL_VALUES_MAX];
	struct value v;
	size_t n;
	int ret = 0;

	/* Spreadsheet guards put an apostrophe before what looks like a formula. */
	if (text.len > 1 && text.data[0] == '\'')
		text = bytes_skip(text, 1);
	if (value_read(&v, text, stated, &reason))
		return value_claim(c, text, &v);
	n = cell_split(text, stated, parts);
	if (n == 0)
		return refuse(c, text, "unreadable", reason.text);
	for (size_t i = 0; i < n && !ret; i++)
		if (value_read(&v, parts[i], stated, &ignored))
			ret = value_claim(c, parts[i], &v);
	return ret;
}

/* --- rows ------------------------------------------------------------------------------------- */

static struct bytes row_seen(const struct csv_reading *c)
{
	for (size_t i = 0; i < c->layout.columns_len; i++)
		if (c->layout.columns[i] == COLUMN_VALUE || c->layout.columns[i] == COLUMN_TYPED)
			if (cell(c, i).len)
				return cell(c, i);
	return BYTES_NONE;
}

/* What the row says besides its values. */
static int row_context(struct csv_reading *c)
{
	struct record_indicator *i = &c->claim.indicator;

	memset(&c->claim, 0, sizeof(c->claim));
	memset(&c->labels, 0, sizeof(c->labels));
	c->fault_rule = NULL;
	c->claim.line = c->parser.line;
	c->claim.kind = KIND_INDICATOR;
	c->stated = (struct csv_stated){TYPE_NONE, TYPE_BITS_ALL};
	for (size_t k = 0; k < c->layout.columns_len; k++) {
		struct bytes text = cell(c, k);
		int ret = text.len ? cell_read(c, c->layout.columns[k], text) : 0;

		if (ret)
			return ret;
	}
	i->labels = c->labels.items;
	i->labels_len = c->labels.len;
	c->claim.tlp = tlp_stricter(c->claim.tlp, c->labels.tlp);
	c->claim.pap = pap_stricter(c->claim.pap, c->labels.pap);
	if (c->labels.unknown_marking)
		fault_set(c, "unmarked", "a marking that is not known", BYTES_NONE);
	if (c->labels.too_many)
		fault_set(c, "unreadable", "too large: more labels or references than a record has",
			BYTES_NONE);
	if (i->valid_from && i->valid_until && i->valid_until <= i->valid_from)
		fault_set(c, "unreadable", "ends before it is valid", BYTES_NONE);
	return 0;
}

static int row_read(struct csv_reading *c)
{
	enum csv_column source = c->layout.counts[COLUMN_VALUE] ? COLUMN_VALUE : COLUMN_TYPED;
	struct bytes seen = row_seen(c);
	int ret;

	if (seen.len == 0)
		return 0;
	ret = row_context(c);
	if (ret)
		return ret;
	if (c->fault_rule)
		return refuse(c, seen, c->fault_rule, c->fault.text);
	for (size_t i = 0; i < c->layout.columns_len && !ret; i++)
		if (c->layout.columns[i] == source && cell(c, i).len)
			ret = value_cell(c, cell(c, i),
				source == COLUMN_VALUE ? c->stated : c->layout.stated[i]);
	return ret;
}

int csv_read(struct reading *r)
{
	struct csv_reading c = {.r = r};
	int ret;

	ret = header_find(&c);
	while (!ret && (ret = csv_record_next(&c.parser, &r->in)) > 0) {
		struct bytes first = text_trim(c.parser.fields[0]);

		arena_reset(&r->arena);
		ret = first.len && first.data[0] == '#' ? 0 : row_read(&c);
	}
	csv_parser_free(&c.parser);
	return ret;
}
