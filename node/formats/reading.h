/* SPDX-License-Identifier: EUPL-1.2 */
/* What the readers share: handing over claims, markings, bounds. Private to node/formats. */
#pragma once

#include "formats/input.h"
#include "formats/reader.h"
#include "intel/value.h"

struct reading {
	struct input in;
	const struct reader_sink *sink;
	struct arena arena; /* of one line, row or object; reset between them */
};

/* Makes seen printable and hands the refusal over; reason likewise. */
int reading_refuse(struct reading *r, unsigned line, struct bytes seen, const char *rule,
	const char *reason) MUST_CHECK;

/* Makes seen printable and hands the claim over, or refuses what is too large for a record. */
int reading_claim(struct reading *r, struct claim *claim) MUST_CHECK;

/* The claim about a value that was read; seen stays to be set. */
void claim_value_set(struct claim *claim, const struct value *v);

/*
 * Labels are gathered one by one: no label twice, and markings written as labels (tlp:amber,
 * PAP:RED) go where they belong, the strictest counting.
 */
struct labels {
	struct bytes *items;
	size_t len;
	enum tlp tlp;
	enum pap pap;
	bool unknown_marking; /* a tlp: or pap: label that is not known */
	bool too_many;
};

int labels_add(struct labels *l, struct arena *a, struct bytes label) MUST_CHECK; /* ENT_ENOMEM */

static inline enum tlp tlp_stricter(enum tlp a, enum tlp b)
{
	return a > b ? a : b;
}

static inline enum pap pap_stricter(enum pap a, enum pap b)
{
	return a > b ? a : b;
}

/* Without white space around it. */
struct bytes text_trim(struct bytes t);

int list_read(struct reading *r) MUST_CHECK;
int csv_read(struct reading *r) MUST_CHECK;
/* True if the input starts like a CSV file with columns that are known. */
bool csv_looks_like(struct bytes start);
int stix_read(struct reading *r) MUST_CHECK;
