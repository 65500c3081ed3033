/* SPDX-License-Identifier: EUPL-1.2 */
/* What the targets of the readers share. Whatever a reader hands over is canonical, fits a record
 * and is the same in whatever pieces the input came. */
#pragma once

#include <stdlib.h>

#include "base/text.h"
#include "formats/reader.h"
#include "intel/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_out {
	size_t claims, refusals;
	uint64_t sum; /* of lines and lengths: tells two readings apart */
};

struct fuzz_input {
	struct bytes rest;
	size_t piece;
};

static void check(int holds)
{
	if (!holds)
		abort();
}

static ssize_t fuzz_next(void *ctx, void *to, size_t cap)
{
	struct fuzz_input *in = ctx;
	size_t len = in->piece < in->rest.len ? in->piece : in->rest.len;

	len = len < cap ? len : cap;
	memcpy(to, in->rest.data, len);
	in->rest = bytes_skip(in->rest, len);
	return (ssize_t)len;
}

static int fuzz_claim(void *ctx, const struct claim *c)
{
	struct buf body = buf_with_max(ENTRY_BODY_MAX);
	struct fuzz_out *out = ctx;

	check(value_is_canonical(c->type, c->value));
	check(bytes_eq(c->value, c->indicator.value));
	check(c->kind == KIND_INDICATOR || c->kind == KIND_OBJECT || c->kind == KIND_RETRACTION);
	if (c->kind == KIND_OBJECT)
		check(record_object_encode(&body, &c->object) == 0 && !buf_failed(&body));
	else
		check(record_indicator_encode(&body, &c->indicator) == 0 && !buf_failed(&body));
	buf_free(&body);
	out->claims++;
	out->sum = out->sum * 31 + c->line * 7 + c->value.len + c->tlp + c->seen.len;
	return 0;
}

static int fuzz_refused(void *ctx, unsigned line, struct bytes seen, const char *rule,
	const char *reason)
{
	struct fuzz_out *out = ctx;

	check(text_utf8_valid(seen) && rule[0] && reason[0] && text_utf8_valid(bytes_str(reason)));
	for (size_t i = 0; i < seen.len; i++)
		check(seen.data[i] >= 0x20 && seen.data[i] != 0x7f);
	out->refusals++;
	out->sum = out->sum * 31 + line * 7 + seen.len;
	return 0;
}

static void fuzz_run(enum format format, struct bytes text)
{
	static const size_t pieces[] = {SIZE_MAX, 5};
	struct fuzz_out outs[2] = {0};
	int rets[2];

	for (size_t i = 0; i < 2; i++) {
		struct fuzz_input input = {text, pieces[i]};
		const struct reader_source source = {fuzz_next, &input};
		const struct reader_sink sink = {fuzz_claim, fuzz_refused, &outs[i]};
		struct err_text err = {""};

		rets[i] = reader_run(format, &source, "input", &sink, &err);
		check(rets[i] == 0 || err.text[0]);
	}
	check(rets[0] == rets[1] && outs[0].claims == outs[1].claims &&
		outs[0].refusals == outs[1].refusals && outs[0].sum == outs[1].sum);
}
