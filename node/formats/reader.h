/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Reading what people have: plain lists, CSV with a header, STIX 2.1 bundles (and the 2.0 ones that
 * are still about). A reader turns text into claims one by one, in flat memory, and never decides:
 * markings, guard rails and policy come after it.
 *
 * Input arrives in pieces; a claim is handed to a callback, its views valid until that returns.
 * What cannot be read as a claim is handed over as a refusal with file:line, the value seen and the
 * rule (unreadable, and the reason), and does not stop the others. What makes the file as a whole
 * unreadable (not UTF-8, broken JSON, no known column) is one error, and nothing counts: claims
 * come before the end is known, so the caller drops them when reader_run fails. Nothing is ever cut
 * to fit a record: what is too large is refused.
 *
 * List. One value a line. Blank lines and lines that start with # are not read; a value ends at a
 * tab, and at white space followed by #.
 *
 * CSV. RFC 4180 with comma, semicolon, tab or bar, and a header; a # before the header and lines of
 * comment before it are passed over. Column names are known by their letters and digits, in any
 * case (node/formats/csv_columns.c). Where a column holds the value (value, indicator, IoC, ...)
 * it alone gives claims, by the type column beside it; else each column named for a type does
 * (sha256, domain, ...). A cell may hold several values. A stated type yields to the evident form
 * among addresses, names and URLs, and among hashes; a type that is not ours (filepath, mutex) is
 * refused rather than guessed. Times are read when they have one meaning: 5/6/2021 has two, and is
 * left out. A row marked revoked is a retraction.
 *
 * STIX. A bundle, a TAXII envelope, an array of objects, or one object. An indicator whose pattern
 * is a choice of plain comparisons of our types becomes one claim a value; every other object, and
 * every indicator that says more than that, is carried verbatim as KIND_OBJECT. The five TLP 2.0
 * and four TLP 1.0 markings are known by id; other marking definitions are learnt from the input,
 * and an object that comes before its marking waits for it, up to READER_HELD_MAX bytes of such
 * objects. What then still has no known marking is refused as unmarked. The strictest of all
 * markings counts, granular ones and tlp: labels included. Predefined marking objects and the TLP
 * 2.0 extension object are passed over in silence.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/vocab.h"
#include "proto/codec.h"

#define READER_HELD_MAX (64u * 1024u * 1024u) /* STIX objects that wait for a marking definition */

enum format { FORMAT_AUTO, FORMAT_LIST, FORMAT_CSV, FORMAT_STIX };

struct claim {
	unsigned line;  /* in the file, from 1; of the object's first byte in JSON */
	enum kind kind; /* KIND_INDICATOR, KIND_OBJECT or KIND_RETRACTION (revoked) */
	enum type type;
	enum tlp tlp; /* TLP_NONE when the input has no marking */
	enum pap pap;
	struct bytes value;                /* canonical (for an object: its STIX id) */
	struct bytes seen;                 /* as written in the input, printable, for messages */
	struct record_indicator indicator; /* value field set too; labels etc. from the input */
	struct record_object object;       /* of KIND_OBJECT */
};

struct reader_sink {
	/* An error returned stops the reading and is passed through. */
	int (*claim)(void *ctx, const struct claim *claim);
	/* seen and reason are printable: they may go to a terminal. */
	int (*refused)(void *ctx, unsigned line, struct bytes seen, const char *rule,
		const char *reason);
	void *ctx;
};

/* auto, list, csv, stix. */
bool format_parse(struct bytes name, enum format *format);

struct reader_source {
	ssize_t (*next)(void *ctx, void *out, size_t cap);
	void *ctx;
};

/*
 * Reads a whole input through next: 0 at the end, bytes read, or a negative error. file names it in
 * errors. FORMAT_AUTO looks at the first bytes: '{', or '[' before '{' or ']', is STIX, a first
 * line whose fields name known columns is CSV, else a list. ENT_EINVALID, ENT_ELIMIT, ENT_ENOMEM,
 * or what the source or the sink gave.
 */
int reader_run(enum format format, const struct reader_source *source, const char *file,
	const struct reader_sink *sink, struct err_text *err) MUST_CHECK;

/*
 * What can be known of an input before it is read for good: its format, and for a list that
 * reader_run will come to its end, as far as the bytes stay the same, and how many lines it has.
 * That takes a tenth of the time. An error is what reader_run would give.
 */
struct reader_outlook {
	enum format format;
	unsigned lines; /* of a list */
};

int reader_look(enum format format, const struct reader_source *source, const char *file,
	struct reader_outlook *outlook, struct err_text *err) MUST_CHECK;
