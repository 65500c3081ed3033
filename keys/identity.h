/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A node's secrets: root, next root, node seed and object secret (PROTOCOL.md, "Keys").
 *
 * Secrets live in guarded memory (sodium_malloc, locked, wiped) and in files of mode 0600. A file is
 * sealed under a passphrase (Argon2id, XChaCha20-Poly1305) unless told otherwise. No secret goes to
 * a log, an argument vector or an error.
 *
 * The node seed derives, with crypto_kdf and one context each, the log, receipt, witness (Ed25519
 * seeds) and transport (X25519 scalar) keys. The subkey number is the incarnation's for the log key.
 */
#pragma once

#include "base/env.h"
#include "base/name.h"
#include "keys/note.h"

/* An Ed25519 key pair in guarded memory. */
struct root_key {
	uint8_t public_key[32];
	uint8_t *secret; /* 64 bytes, sodium_malloc */
};

/* What the daemon holds. */
struct identity {
	uint8_t *seed;          /* 32, node seed */
	uint8_t *object_secret; /* 32 */
	uint8_t *log_secret;    /* 64, of the incarnation in force */
	uint8_t *receipt_secret;
	uint8_t *witness_secret;
	uint8_t *transport_secret; /* 32 */
	uint64_t incarnation;
	uint8_t log_public[32], receipt_public[32], witness_public[32], transport_public[32];
};

/* SHA-256("entente/node/v1\n" || root public key), first 16 bytes. */
void identity_node_id(struct node_id *id, const uint8_t root_public[32]);

int root_key_generate(struct root_key *k, const struct env_rng *rng) MUST_CHECK;
void root_key_free(struct root_key *k);

/* passphrase empty: the file is not sealed. Written 0600, synced, never over an existing file. */
int root_key_write(const struct root_key *k, const char *path, struct bytes passphrase,
	struct err_text *err) MUST_CHECK;
/* Refuses a file that others may read. ENT_EPASSPHRASE when the passphrase does not open it. */
int root_key_read(struct root_key *k, const char *path, struct bytes passphrase,
	struct err_text *err) MUST_CHECK;
/* True if the file is sealed, so that the caller asks for the passphrase. */
int secret_file_sealed(const char *path, bool *sealed, struct err_text *err) MUST_CHECK;

/* Seed and object secret, fresh, and the derived keys of an incarnation. */
int identity_generate(struct identity *id, uint64_t incarnation, const struct env_rng *rng) MUST_CHECK;
int identity_write(const struct identity *id, const char *path, struct bytes passphrase,
	struct err_text *err) MUST_CHECK;
int identity_read(struct identity *id, const char *path, struct bytes passphrase, uint64_t incarnation,
	struct err_text *err) MUST_CHECK;
void identity_free(struct identity *id);

/* X25519 public keys of low order, refused wherever a card is read. */
bool identity_transport_weak(const uint8_t public_key[32]);
