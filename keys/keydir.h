/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The keys directory of a node: what it knows of itself, of other nodes' cards and of agreements.
 *
 *     keys/root.key  keys/next-root.key  keys/node.key     secrets (0600)
 *     keys/own.card                                        own chain
 *     keys/cards/<node id>.card                            direct peers' chains, placed by people
 *     keys/agreements/<id>.agreement                       complete agreements
 *     keys/agreements/<id>.<node id>.revocation
 *     keys/rosters/<id>.roster                             rosters that the operator has accepted
 *     keys/psk/<id>                                        pre-shared keys (0600)
 *     keys/history/<id>.<serial>.agreement                 every version ever in force, kept for
 * binding
 *     keys/history/<id>.<serial>.roster                    likewise, for auditors
 *
 * Reading never changes anything. A broken file keeps the last valid version in force (the caller
 * passes the former state) and yields an alarm. An id is bound to its set of parties for ever
 * (history); a lower serial than history knows is refused.
 */
#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "keys/agreement.h"
#include "keys/card.h"
#include "keys/roster.h"

#define KEYDIR_CARDS_MAX    1024u  /* chains in cards/; each direct peer has one */
#define KEYDIR_NAMES_MAX    16384u /* names looked at in one directory */
#define KEYDIR_PROBLEMS_MAX 64u    /* reported at once; the first are enough to act on */

struct keydir_problem {
	char file[512];
	struct err_text error;
};

struct keydir_revocation {
	struct revocation revocation;
	struct bytes note; /* as read, to pass it on */
};

struct keydir {
	struct arena arena;    /* of everything below */
	struct card_chain own; /* cards_len 0: no card yet */
	size_t chains_len;
	struct card_chain *chains; /* peers' chains */
	size_t agreements_len;
	/* Complete, this node a party, not revoked; in time or not. */
	struct agreement **agreements;
	struct bytes *agreement_notes; /* as read, parallel to agreements */
	size_t rosters_len;            /* complete; in time or not */
	struct roster **rosters;
	struct bytes *roster_notes; /* as read, parallel to rosters */
	size_t revocations_len;
	struct keydir_revocation
		*revocations; /* valid ones, of agreements this node knows or knew */
	/* Agreements that others end: by a root that is not known here, or behind the limit. */
	size_t ended_len;
	uint64_t *ended;
	size_t problems_len;
	struct keydir_problem *problems; /* KEYDIR_PROBLEMS_MAX at the most */
	/* SHA-256 of a file's bytes -> what was read from them and verified. */
	struct map agreements_read, chains_read;
	struct err_text unlisted;    /* why a folder could not be listed, or has too many names */
	const struct keydir *former; /* while it is read: the state before */
};

/*
 * Reads the directory afresh. former (may be NULL) is the state before: what it had stays in force
 * where the new file is broken or the folder cannot be listed, and its cards where they are newer;
 * what was revoked stays so. Cards and agreements, those of history too, whose bytes it has seen
 * are not verified again. The former state may be freed afterwards. Only regular files count, no
 * symbolic links; names that begin with a dot are not looked at. A file whose id is not the one in
 * its name is broken. Of more than AGREEMENTS_MAX
 * agreements the first by name are read.
 *
 * An agreement that history does not know must be signed by the roots of the cards now in force (as
 * far as cards are here); one that it knows, by any root of their chains. So whoever takes an
 * agreement up that keydir_install did not bring calls keydir_remember.
 *
 * ENT_EIO or ENT_ENOTFOUND when the directory itself cannot be read. Where a folder in it could not
 * be listed unlisted says why; without a former state what is missing then need not be over.
 */
int keydir_read(struct keydir *k, const char *dir, const struct keydir *former,
	struct err_text *err) MUST_CHECK;
void keydir_free(struct keydir *k);

/* Own and peers' chains by node id; NULL when unknown. */
const struct card_chain *keydir_chain(const struct keydir *k, const struct node_id *node);
const struct agreement *keydir_agreement(const struct keydir *k, uint64_t id);
/*
 * The chain of another node that names a transport key of this one, in force or former; NULL: none.
 * Who comes in is known by that key alone, and it stands in every card for anybody to copy: so a
 * card counts here only while its key is nobody else's.
 */
const struct card_chain *keydir_transport_other(const struct keydir *k,
	const struct card_chain *chain);
/* The own chain stays what it was, as where own.card is broken: a problem of that file. */
void keydir_keep_own(struct keydir *k, const struct keydir *former, const char *dir,
	const struct err_text *why);

/* Installs a complete roster, after checking that it may follow the one of its id that is here. */
int keydir_install_roster(const char *dir, struct bytes note, const char *file, int64_t now_s,
	struct err_text *err) MUST_CHECK;
const struct roster *keydir_roster(const struct keydir *k, uint64_t id);
/* Writes a version that comes into force to history. */
int keydir_remember_roster(const char *dir, const struct roster *r, struct bytes note,
	struct err_text *err) MUST_CHECK;

/* The PSK of an id into out; 0, ENT_ENOTFOUND, ENT_EINVALID (mode, length). The file holds its 32
 * bytes as one line of base64. */
int keydir_psk(const char *dir, const uint8_t id[8], uint8_t out[32],
	struct err_text *err) MUST_CHECK;
/* Never over one that is there: ENT_EEXISTS. */
int keydir_psk_write(const char *dir, const uint8_t id[8], const uint8_t psk[32],
	struct err_text *err) MUST_CHECK;

/*
 * Installs a complete agreement with the chains of its other parties (in any order; those that the
 * directory has may be left out), after checking all: signatures of all roots in force, this node a
 * party, id binding, serial not lower than known, not revoked, not expired. Nothing is written
 * unless everything holds. Cards are written first, then history, then the agreement; where that
 * fails it is taken out of history again. The file names are for errors. ENT_EINVALID, ENT_ECRYPTO
 * (a signature, a root), ENT_ENOTFOUND (a party's card), ENT_ESTATE (no own card; revoked;
 * contradicting cards), ENT_EEXPIRED, ENT_ELIMIT, ENT_EIO.
 */
int keydir_install(const char *dir, struct bytes agreement_note, const char *agreement_file,
	const struct bytes *chain_texts, const char *const *chain_files, size_t chains_len,
	int64_t now_s, struct err_text *err) MUST_CHECK;

/* Writes a version that comes into force to history, unless it is there. */
int keydir_remember(const char *dir, const struct agreement *a, struct bytes note,
	struct err_text *err) MUST_CHECK;
