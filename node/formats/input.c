/* SPDX-License-Identifier: EUPL-1.2 */
#include "formats/input.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

#define LINE_SHOWN 64 /* bytes of a line that is too long */

int input_open(struct input *in, const struct reader_source *source, const char *file,
	struct err_text *err)
{
	static const uint8_t mark[3] = {0xef, 0xbb, 0xbf};
	int ret;

	*in = (struct input){.source = source, .file = file, .err = err, .line = 1};
	in->data = malloc(INPUT_BUFFER_BYTES);
	if (!in->data)
		return err_set(err, ENT_ENOMEM, "%s: out of memory", file);
	ret = input_fill(in);
	if (ret)
		return ret;
	/* Spreadsheets write a byte order mark before UTF-8. */
	if (in->len >= sizeof(mark) && memcmp(in->data, mark, sizeof(mark)) == 0)
		in->at = sizeof(mark);
	return 0;
}

void input_close(struct input *in)
{
	free(in->data);
	in->data = NULL;
}

int input_fill(struct input *in)
{
	if (in->at > 0) {
		memmove(in->data, in->data + in->at, in->len - in->at);
		in->len -= in->at;
		in->at = 0;
	}
	while (in->len < INPUT_BUFFER_BYTES && !in->ended && !in->error) {
		ssize_t n = in->source->next(in->source->ctx, in->data + in->len,
			INPUT_BUFFER_BYTES - in->len);

		if (n < 0)
			in->error = err_set(in->err, (int)n, "%s: cannot be read: %s", in->file,
				err_sentence((int)n));
		else if (n == 0)
			in->ended = true;
		else
			in->len += (size_t)n;
	}
	return in->error;
}

struct bytes input_view(struct input *in)
{
	if (in->at == in->len && !in->ended && input_fill(in) != 0)
		return BYTES_NONE;
	return bytes_from(in->data + in->at, in->len - in->at);
}

void input_take(struct input *in, size_t len)
{
	const uint8_t *from = in->data + in->at, *end = from + len, *lf;

	if (in->tee)
		buf_append(in->tee, from, len);
	for (; from < end && (lf = memchr(from, '\n', (size_t)(end - from))); from = lf + 1)
		in->line++;
	in->at += len;
}

int input_peek(struct input *in)
{
	struct bytes view = input_view(in);

	return view.len ? view.data[0] : -1;
}

/* Takes what is left of a line that is too long. */
static int line_skip(struct input *in)
{
	struct bytes view;

	while ((view = input_view(in)).len) {
		const uint8_t *lf = memchr(view.data, '\n', view.len);

		input_take(in, lf ? (size_t)(lf - view.data) + 1 : view.len);
		if (lf)
			break;
	}
	return in->error;
}

int input_line(struct input *in, struct bytes *line, unsigned *line_number, bool *cut)
{
	struct bytes view;
	const uint8_t *lf;

	if (in->skipping && line_skip(in) != 0)
		return in->error;
	in->skipping = false;
	view = input_view(in);
	lf = view.len ? memchr(view.data, '\n', view.len) : NULL;
	if (!lf && !in->ended && input_fill(in) == 0) {
		view = input_view(in);
		lf = view.len ? memchr(view.data, '\n', view.len) : NULL;
	}
	if (in->error)
		return in->error;
	if (view.len == 0)
		return 0;
	*line_number = in->line;
	*line = bytes_from(view.data, lf ? (size_t)(lf - view.data) : view.len);
	*cut = line->len > INPUT_LINE_MAX;
	if (*cut) {
		/* The rest is skipped with the next call: until then these bytes stay. */
		in->skipping = true;
		for (line->len = LINE_SHOWN; (line->data[line->len] & 0xc0) == 0x80 && line->len;)
			line->len--;
	}
	if (!text_utf8_valid(*line))
		return input_error(in, in->line, ENT_EINVALID, "not UTF-8 text");
	if (*cut)
		return 1;
	if (in->tee)
		buf_append(in->tee, view.data, line->len + (lf != NULL));
	in->at += line->len + (lf != NULL);
	in->line += lf != NULL;
	if (line->len && line->data[line->len - 1] == '\r')
		line->len--;
	return 1;
}

int input_error(const struct input *in, unsigned line, int code, const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return err_set(in->err, code, "%s:%u: %s", in->file, line, text);
}
