/* SPDX-License-Identifier: EUPL-1.2 */
/* The input of a reader: pieces joined, lines counted. Private to node/formats. */
#pragma once

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "formats/reader.h"
#include "proto/limits.h"

#define INPUT_BUFFER_BYTES (2 * INPUT_LINE_MAX)

struct input {
	const struct reader_source *source;
	const char *file;
	struct err_text *err;
	uint8_t *data; /* what is read and not yet taken stands in [at, len) */
	size_t at, len;
	unsigned line; /* of the byte at at, from 1 */
	bool ended;
	bool skipping;   /* the rest of a line that was too long */
	int error;       /* of the source; sticky */
	struct buf *tee; /* gets a copy of what is taken, unless NULL */
};

int input_open(struct input *in, const struct reader_source *source, const char *file,
	struct err_text *err) MUST_CHECK;
void input_close(struct input *in);

/* Reads until the buffer is full or the input ends; what is there stays. */
int input_fill(struct input *in) MUST_CHECK;

/* What is there; only empty at the end of the input or after an error. */
struct bytes input_view(struct input *in);
/* Takes len bytes of the view. */
void input_take(struct input *in, size_t len);
/* The next byte without taking it; -1 at the end or after an error. */
int input_peek(struct input *in);

/*
 * The next line without its end, CR LF or LF: 1, 0 at the end, or an error; *line_number is its
 * number. A line of more than INPUT_LINE_MAX bytes is given cut, *cut true, and skipped. A line
 * that is not UTF-8 is ENT_EINVALID.
 */
int input_line(struct input *in, struct bytes *line, unsigned *line_number, bool *cut) MUST_CHECK;

/* Writes "file:line: ..." into the caller's error text and gives code. */
int input_error(const struct input *in, unsigned line, int code, const char *format, ...)
	PRINTF_LIKE(4, 5);
