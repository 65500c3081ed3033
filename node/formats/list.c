/* SPDX-License-Identifier: EUPL-1.2 */
#include "formats/reading.h"

/* The value of a line: up to a tab, and up to white space that a # follows. */
static struct bytes value_part(struct bytes line)
{
	const uint8_t *at;

	line = text_trim(line);
	at = memchr(line.data, '\t', line.len);
	if (at)
		line.len = (size_t)(at - line.data);
	for (size_t i = 1; i < line.len; i++)
		if (line.data[i] == '#' && line.data[i - 1] == ' ')
			line.len = i;
	return text_trim(line);
}

static int line_read(struct reading *r, struct bytes text, unsigned number)
{
	struct claim claim = {.line = number, .kind = KIND_INDICATOR, .seen = text};
	struct err_text reason = {""};
	struct value v;

	if (value_parse(&v, text, TYPE_NONE, &reason) != 0)
		return reading_refuse(r, number, text, "unreadable", reason.text);
	claim_value_set(&claim, &v);
	return reading_claim(r, &claim);
}

int list_read(struct reading *r)
{
	struct bytes line;
	unsigned number;
	bool cut;
	int ret;

	while ((ret = input_line(&r->in, &line, &number, &cut)) > 0) {
		struct bytes text = value_part(line);

		if (text.len == 0 || text.data[0] == '#')
			continue;
		ret = cut ? reading_refuse(r, number, line, "unreadable",
				    "a line of more than 64 KiB")
			  : line_read(r, text, number);
		if (ret)
			return ret;
	}
	return ret;
}
