/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What cards, agreements and rosters have in common for people: they are drafted into a file,
 * signed in place by whoever has a root, shown, and are in force for a time.
 */
#pragma once

#include "cli/cli.h"
#include "keys/identity.h"

/* A kind of signed text. text points to the struct of that kind, which lives as long as c. */
struct cli_signed_kind {
	size_t bytes_max; /* of the note */
	int (*parse)(struct cli *c, struct bytes note, const char *file, void *text);
	int (*sign)(struct buf *out, struct bytes input, const char *file,
		const struct root_key *root, struct err_text *err);
	/* What the file now says; gives the exit status. */
	int (*print)(struct cli *c, void *text, const char *file);
};

/* Each gives 0 or the exit status after cli_fail. */

/* A draft of options and cards is checked by reading it as everybody will, and goes to -o. */
int cli_signed_draft(struct cli *c, const struct cli_signed_kind *kind, const struct buf *draft,
	void *text) MUST_CHECK;
/* The command's first argument gets one signature more, in place; "-": to standard output. */
int cli_signed_sign(struct cli *c, const struct cli_signed_kind *kind, void *text) MUST_CHECK;
extern const struct cli_option cli_sign_options[];
/* document: taken; its text is added. */
int cli_signed_show(struct cli *c, json_t *document, struct bytes note, const char *state);

/* "unsigned", "not-yet", "in-force", "expired". */
const char *cli_signed_state(bool complete, int64_t valid_from, int64_t valid_until);
/* An id is given by a prefix; a file that is called like one as ./1234. */
bool cli_looks_like_id(const char *text);
/* --title, where it is given. */
int cli_title(struct cli *c, char *title, size_t size) MUST_CHECK;
/* The newest card of a chain in a file. */
int cli_read_card(struct cli *c, const char *file, const struct card **card) MUST_CHECK;
