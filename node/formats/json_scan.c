/* SPDX-License-Identifier: EUPL-1.2 */
#include "formats/json_scan.h"

struct scan {
	unsigned depth; /* of brackets */
	bool in_string, escaped;
};

int json_peek(struct input *in)
{
	struct bytes view;

	while ((view = input_view(in)).len) {
		size_t n = 0;

		while (n < view.len && memchr(" \t\r\n", view.data[n], 4))
			n++;
		input_take(in, n);
		if (n < view.len)
			return view.data[n];
	}
	return -1;
}

int json_expect(struct input *in, char c)
{
	int seen = json_peek(in);

	if (in->error)
		return in->error;
	if (seen < 0)
		return input_error(in, in->line, ENT_EINVALID,
			"broken JSON: it ends where %c is wanted", c);
	if (seen != c)
		return input_error(in, in->line, ENT_EINVALID,
			seen > 0x20 && seen < 0x7f ? "broken JSON: %c where %c is wanted"
						   : "broken JSON: byte %d where %c is wanted",
			seen, c);
	input_take(in, 1);
	return 0;
}

/* Of an object, an array or a string: true when c, which is taken, was its last byte. */
static bool step(struct scan *s, uint8_t c)
{
	if (s->escaped) {
		s->escaped = false;
		return false;
	}
	if (s->in_string) {
		s->escaped = c == '\\';
		s->in_string = c != '"';
		return !s->in_string && s->depth == 0;
	}
	if (c == '"')
		s->in_string = true;
	else if (c == '{' || c == '[')
		s->depth++;
	else if (c == '}' || c == ']')
		return --s->depth == 0;
	return false;
}

/* A number or a word ends before what cannot be part of it. */
static int scalar(struct input *in, struct buf *out)
{
	int c;

	while ((c = input_peek(in)) >= 0 && !memchr(" \t\r\n,:[]{}\"", c, 11)) {
		buf_u8(out, (uint8_t)c);
		input_take(in, 1);
	}
	return in->error;
}

int json_value(struct input *in, struct buf *out)
{
	int first = json_peek(in);
	struct scan s = {0};
	struct bytes view;

	if (in->error)
		return in->error;
	if (first < 0 || memchr(",:]}", first, 4))
		return input_error(in, in->line, ENT_EINVALID, "broken JSON: a value is missing");
	if (!memchr("{[\"", first, 3))
		return scalar(in, out);
	while ((view = input_view(in)).len) {
		bool ended = false;
		size_t n = 0;

		while (n < view.len && !ended)
			ended = step(&s, view.data[n++]);
		buf_append(out, view.data, n);
		input_take(in, n);
		if (ended)
			return 0;
	}
	return in->error ? in->error
			 : input_error(in, in->line, ENT_EINVALID,
				   "broken JSON: it ends inside a value");
}
