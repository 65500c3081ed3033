/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A node's secrets: root, next root, node seed and object secret (PROTOCOL.md, "Keys").
 *
 * Secrets live in guarded memory (sodium_malloc; locked where the machine allows, wiped) and in
 * files of mode 0600. A file is sealed under a passphrase unless told otherwise. No secret goes to
 * a log, an argument vector or an error.
 *
 * The node seed derives, with crypto_kdf, the seeds of the Ed25519 keys log, receipt and witness
 * and the X25519 scalar transport. Contexts: "entlog__", "entrcpt_", "entwitn_", "enttrns_". The
 * subkey number is the incarnation's for the log key, 0 for the others.
 *
 * A secret file is text, one field a line:
 *
 *     entente/secret/v1 root                 or node
 *     public: <base64>                       root only: its public key
 *     seal: argon2id <passes> <bytes>        or none
 *     salt: <base64, 16 bytes>               sealed files only
 *     nonce: <base64, 24 bytes>              sealed files only
 *     secret: <base64>                       root: seed, 32 bytes; node: seed and object secret, 64
 *
 * Sealed: the key is Argon2id's of passphrase and salt, the cipher XChaCha20-Poly1305 with all
 * lines above "secret" as additional data.
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
int identity_generate(struct identity *id, uint64_t incarnation,
	const struct env_rng *rng) MUST_CHECK;
int identity_write(const struct identity *id, const char *path, struct bytes passphrase,
	struct err_text *err) MUST_CHECK;
int identity_read(struct identity *id, const char *path, struct bytes passphrase,
	uint64_t incarnation, struct err_text *err) MUST_CHECK;
/* A new seed for a new incarnation; the object secret stays. */
void identity_rotate(struct identity *id, uint64_t incarnation, const struct env_rng *rng);
/* Like identity_write, over a file that is there. */
int identity_replace(const struct identity *id, const char *path, struct bytes passphrase,
	struct err_text *err) MUST_CHECK;
void identity_free(struct identity *id);

/* X25519 public keys of low order, refused wherever a card is read. */
bool identity_transport_weak(const uint8_t public_key[32]);

/* The verifier key entente/<node id>/<role>. */
void identity_role_key(struct note_key *k, const struct node_id *node, const char *role,
	uint8_t type, const uint8_t public_key[32]);

/*
 * What a node needs of a root that is kept elsewhere, as a file:
 *
 *     entente/root/v1
 *     root: <vkey>                    names the node id, which follows from it
 *     next-root: sha256:<hex>         SHA-256 of the next root's public key
 */
void root_public_text(struct buf *out, const uint8_t root_public[32], const uint8_t next_root[32]);
int root_public_parse(struct bytes text, const char *file, uint8_t root_public[32],
	uint8_t next_root[32], struct err_text *err) MUST_CHECK;
