/* SPDX-License-Identifier: EUPL-1.2 */
/* Secret files, in the form that identity.h shows. For this folder only. */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"

#define SECRET_MAX 64 /* bytes of the longest secret: node seed and object secret */

struct secret_kind {
	const char *name; /* behind "entente/secret/v1 " */
	size_t len;       /* bytes of the secret */
	bool has_public;  /* the file names a public key */
	unsigned passes;  /* cost of Argon2id when a file is written */
	size_t memory_bytes;
};

/* passphrase empty: not sealed. Mode 0600; ENT_EEXISTS unless replace. */
int secret_write(const char *path, const struct secret_kind *kind, const uint8_t *public_key,
	const uint8_t *secret, struct bytes passphrase, bool replace,
	struct err_text *err) MUST_CHECK;

/* Refuses a file that others may read. ENT_EPASSPHRASE when the passphrase does not open it; one
 * that is not needed is ignored. */
int secret_read(const char *path, const struct secret_kind *kind, uint8_t *public_key,
	uint8_t *secret, struct bytes passphrase, struct err_text *err) MUST_CHECK;

/* Reads a file that nobody but its owner may read, of fewer than cap bytes; the caller wipes it. */
int secret_read_private(const char *path, uint8_t *text, size_t cap, size_t *len,
	struct err_text *err) MUST_CHECK;
