/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/text.h"
#include "formats/csv.h"

enum { FIELD_START, PLAIN, QUOTED, QUOTE_SEEN };

void csv_parser_init(struct csv_parser *p, uint8_t delimiter)
{
	p->delimiter = delimiter;
	p->text = buf_with_max(INPUT_LINE_MAX);
	p->fields_len = 0;
}

void csv_parser_free(struct csv_parser *p)
{
	buf_free(&p->text);
}

static void record_start(struct csv_parser *p)
{
	buf_reset(&p->text);
	p->fields_len = 0;
	p->state = FIELD_START;
	p->too_many = false;
}

static void field_end(struct csv_parser *p)
{
	p->state = FIELD_START;
	if (p->fields_len == CSV_FIELDS_MAX) {
		p->too_many = true;
		return;
	}
	p->ends[p->fields_len++] = p->text.len;
}

/* Views only now: the buffer may have moved as it grew. */
static void record_end(struct csv_parser *p)
{
	size_t start = 0;

	field_end(p);
	for (size_t i = 0; i < p->fields_len; i++) {
		p->fields[i] = bytes_from(p->text.data + start, p->ends[i] - start);
		start = p->ends[i];
	}
}

/* Of a CR LF after a field without quotes. */
static void carriage_return_drop(struct csv_parser *p)
{
	size_t start = p->fields_len && !p->too_many ? p->ends[p->fields_len - 1] : 0;

	if (p->state == PLAIN && p->text.len > start && p->text.data[p->text.len - 1] == '\r')
		p->text.len--;
}

/* True when c ends the record. */
static bool step(struct csv_parser *p, uint8_t c)
{
	if (p->state == QUOTED) {
		if (c == '"')
			p->state = QUOTE_SEEN;
		else
			buf_u8(&p->text, c);
		return false;
	}
	if (c == '\n') {
		carriage_return_drop(p);
		return true;
	}
	if (c == p->delimiter && p->delimiter != CSV_NO_DELIMITER) {
		field_end(p);
		return false;
	}
	if (c == '"' && p->state == FIELD_START) {
		p->state = QUOTED;
		return false;
	}
	if (p->state == QUOTE_SEEN && c == '\r')
		return false;
	p->state = p->state == QUOTE_SEEN && c == '"' ? QUOTED : PLAIN;
	buf_u8(&p->text, c);
	return false;
}

static int record_check(struct csv_parser *p, struct input *in, bool open)
{
	if (buf_failed(&p->text))
		return input_error(in, p->line, ENT_ELIMIT,
			"a row of more than 64 KiB: is a quote not closed?");
	if (open)
		return input_error(in, p->line, ENT_EINVALID, "a quote that is never closed");
	if (!text_utf8_valid(buf_view(&p->text)))
		return input_error(in, p->line, ENT_EINVALID, "not UTF-8 text");
	if (p->too_many)
		return input_error(in, p->line, ENT_ELIMIT, "a row of more than %u columns",
			CSV_FIELDS_MAX);
	return 0;
}

int csv_record_next(struct csv_parser *p, struct input *in)
{
	struct bytes view = input_view(in);
	bool ended = false, open;
	int ret;

	record_start(p);
	p->line = in->line;
	if (view.len == 0)
		return in->error;
	while (!ended && view.len && !buf_failed(&p->text)) {
		size_t n = 0;

		while (n < view.len && !ended)
			ended = step(p, view.data[n++]);
		input_take(in, n);
		if (!ended)
			view = input_view(in);
	}
	if (in->error)
		return in->error;
	open = p->state == QUOTED;
	record_end(p);
	ret = record_check(p, in, open);
	return ret ? ret : 1;
}

int csv_line_split(struct csv_parser *p, struct bytes line)
{
	record_start(p);
	for (size_t i = 0; i < line.len; i++)
		(void)step(p, line.data[i]);
	carriage_return_drop(p);
	record_end(p);
	return buf_failed(&p->text) || p->too_many ? ENT_ELIMIT : 0;
}
