/* SPDX-License-Identifier: EUPL-1.2 */
/* CSV (RFC 4180) taken apart, and what columns are called. Private to node/formats. */
#pragma once

#include "formats/input.h"

#define CSV_FIELDS_MAX   256u /* columns of a file; none seen has 40 */
#define CSV_NO_DELIMITER 0    /* one column only */

/*
 * Records of one input. A field in quotes may hold delimiters, line ends and doubled quotes; what
 * follows its closing quote is taken as it stands. A record has at most INPUT_LINE_MAX bytes: more
 * means a quote that was never closed.
 */
struct csv_parser {
	uint8_t delimiter;
	struct buf text; /* of the fields, one behind the other */
	size_t ends[CSV_FIELDS_MAX];
	struct bytes fields[CSV_FIELDS_MAX]; /* views of text, valid until the next record */
	size_t fields_len;
	unsigned line; /* where the record starts */
	int state;
	bool too_many; /* fields: those beyond the maximum are not kept */
};

void csv_parser_init(struct csv_parser *p, uint8_t delimiter);
void csv_parser_free(struct csv_parser *p);
/* 1 and the next record in fields, 0 at the end, or an error with text. */
int csv_record_next(struct csv_parser *p, struct input *in) MUST_CHECK;
/* The fields of one line; ENT_ELIMIT, ENT_ENOMEM. */
int csv_line_split(struct csv_parser *p, struct bytes line) MUST_CHECK;

/* --- columns ---------------------------------------------------------------------------------- */

enum csv_column {
	COLUMN_NONE,
	COLUMN_VALUE,
	COLUMN_TYPED,      /* named for a type: its cells are values of it */
	COLUMN_TYPE,       /* says the type of the value: ioc_type, ... */
	COLUMN_TYPE_LOOSE, /* "type": some mean other things with it beside COLUMN_TYPE */
	COLUMN_TLP,
	COLUMN_PAP,
	COLUMN_CONFIDENCE,
	COLUMN_ADMIRALTY,
	COLUMN_LABELS,
	COLUMN_FIRST_SEEN,
	COLUMN_LAST_SEEN,
	COLUMN_VALID_FROM,
	COLUMN_VALID_UNTIL,
	COLUMN_NAME,
	COLUMN_DESCRIPTION,
	COLUMN_REFERENCE,
	COLUMN_PORT,
	COLUMN_REVOKED,
	COLUMN_COUNT,
};

/* What a cell is said to be: how to read it first, and what its evident form may be instead. */
struct csv_stated {
	enum type want;
	unsigned allowed; /* TYPE_BITs */
};

/* The column a header field names. *stated is set for COLUMN_TYPED. */
enum csv_column csv_column_find(struct bytes name, struct csv_stated *stated);
/* The type a word stands for; false for those that are not ours. */
bool csv_type_find(struct bytes word, struct csv_stated *stated);
