/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Reading what people have: plain lists, CSV with a header, STIX 2.1 bundles (and the 2.0 ones that
 * are still about). A reader turns text into claims one by one, in flat memory, and never decides:
 * markings, guard rails and policy come after it.
 *
 * Input arrives in pieces; a claim is handed to a callback, its views valid until that returns. What
 * cannot be read as a claim is handed over as a refusal with file:line, the value seen and the rule
 * (unreadable, and the reason), and does not stop the others. What makes the file as a whole
 * unreadable (not UTF-8, broken JSON, no known column) is one error, and nothing counts.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/vocab.h"
#include "proto/codec.h"

enum format { FORMAT_AUTO, FORMAT_LIST, FORMAT_CSV, FORMAT_STIX };

struct claim {
	unsigned line;           /* in the file, from 1; of the object's first byte in JSON */
	enum kind kind;          /* KIND_INDICATOR, KIND_OBJECT or KIND_RETRACTION (revoked) */
	enum type type;
	enum tlp tlp;            /* TLP_NONE when the input has no marking */
	enum pap pap;
	struct bytes value;      /* canonical (for an object: its STIX id) */
	struct bytes seen;       /* as written in the input, for messages */
	struct record_indicator indicator; /* value field set too; labels etc. from the input */
	struct record_object object;       /* of KIND_OBJECT */
};

struct reader_sink {
	/* An error returned stops the reading and is passed through. */
	int (*claim)(void *ctx, const struct claim *claim);
	int (*refused)(void *ctx, unsigned line, struct bytes seen, const char *rule, const char *reason);
	void *ctx;
};

bool format_parse(struct bytes name, enum format *format);

/*
 * Reads a whole input through next: 0 at the end, bytes read, or a negative error. file names it in
 * errors. FORMAT_AUTO looks at the first bytes: '{' is STIX, a first line with a delimiter whose
 * fields name known columns is CSV, else a list.
 */
struct reader_source {
	ssize_t (*next)(void *ctx, void *out, size_t cap);
	void *ctx;
};

int reader_run(enum format format, const struct reader_source *source, const char *file,
	const struct reader_sink *sink, struct err_text *err) MUST_CHECK;
