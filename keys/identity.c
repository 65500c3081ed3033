/* SPDX-License-Identifier: EUPL-1.2 */
#include "keys/identity.h"

#include <stdio.h>
#include <sodium.h>

#include "keys/field.h"
#include "keys/secret.h"

#define NODE_DOMAIN       "entente/node/v1\n"
#define ROOT_PUBLIC_FIRST "entente/root/v1"

_Static_assert(crypto_kdf_KEYBYTES == 32 && crypto_kdf_CONTEXTBYTES == 8, "the node seed derives");
_Static_assert(crypto_sign_SEEDBYTES == 32 && crypto_sign_SECRETKEYBYTES == 64, "Ed25519");

/* Root opens a few times a year, so it may cost a second; node with every start of the daemon. */
static const struct secret_kind kind_root = {
	.name = "root",
	.len = 32,
	.has_public = true,
	.passes = crypto_pwhash_OPSLIMIT_MODERATE,
	.memory_bytes = crypto_pwhash_MEMLIMIT_MODERATE,
};
static const struct secret_kind kind_node = {
	.name = "node",
	.len = 64,
	.passes = crypto_pwhash_OPSLIMIT_INTERACTIVE,
	.memory_bytes = crypto_pwhash_MEMLIMIT_INTERACTIVE,
};

/* Guarded memory; that it is locked too is up to the machine (libsodium tries, and goes on). */
static uint8_t *guarded(size_t len)
{
	return sodium_init() < 0 ? NULL : sodium_malloc(len);
}

void identity_node_id(struct node_id *id, const uint8_t root_public[32])
{
	crypto_hash_sha256_state state;
	uint8_t hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const uint8_t *)NODE_DOMAIN, strlen(NODE_DOMAIN));
	crypto_hash_sha256_update(&state, root_public, 32);
	crypto_hash_sha256_final(&state, hash);
	memcpy(id->bytes, hash, NODE_ID_BYTES);
}

int root_key_generate(struct root_key *k, const struct env_rng *rng)
{
	uint8_t seed[32];

	k->secret = guarded(64);
	if (!k->secret)
		return ENT_ENOMEM;
	env_random(rng, seed, sizeof(seed));
	crypto_sign_seed_keypair(k->public_key, k->secret, seed);
	sodium_memzero(seed, sizeof(seed));
	return 0;
}

void root_key_free(struct root_key *k)
{
	sodium_free(k->secret);
	k->secret = NULL;
}

int root_key_write(const struct root_key *k, const char *path, struct bytes passphrase,
	struct err_text *err)
{
	/* libsodium's secret key is the seed and the public key behind it. */
	return secret_write(path, &kind_root, k->public_key, k->secret, passphrase, false, err);
}

int root_key_read(struct root_key *k, const char *path, struct bytes passphrase,
	struct err_text *err)
{
	uint8_t seed[32], public_key[32];
	int rc;

	k->secret = guarded(64);
	if (!k->secret)
		return err_set(err, ENT_ENOMEM, "%s: %s", path, err_sentence(ENT_ENOMEM));
	rc = secret_read(path, &kind_root, public_key, seed, passphrase, err);
	if (!rc) {
		crypto_sign_seed_keypair(k->public_key, k->secret, seed);
		if (memcmp(k->public_key, public_key, 32) != 0)
			rc = err_set(err, ENT_ECRYPTO, "%s: the public key is not the secret's",
				path);
	}
	sodium_memzero(seed, sizeof(seed));
	if (rc)
		root_key_free(k);
	return rc;
}

static int allocate(struct identity *id)
{
	memset(id, 0, sizeof(*id));
	id->seed = guarded(32);
	id->object_secret = guarded(32);
	id->log_secret = guarded(64);
	id->receipt_secret = guarded(64);
	id->witness_secret = guarded(64);
	id->transport_secret = guarded(32);
	if (id->seed && id->object_secret && id->log_secret && id->receipt_secret &&
		id->witness_secret && id->transport_secret)
		return 0;
	identity_free(id);
	return ENT_ENOMEM;
}

static void derive_ed25519(uint8_t public_key[32], uint8_t *secret, const uint8_t *node_seed,
	const char *context, uint64_t subkey)
{
	uint8_t seed[32];

	crypto_kdf_derive_from_key(seed, sizeof(seed), subkey, context, node_seed);
	crypto_sign_seed_keypair(public_key, secret, seed);
	sodium_memzero(seed, sizeof(seed));
}

static void derive_all(struct identity *id, uint64_t incarnation)
{
	id->incarnation = incarnation;
	derive_ed25519(id->log_public, id->log_secret, id->seed, "entlog__", incarnation);
	derive_ed25519(id->receipt_public, id->receipt_secret, id->seed, "entrcpt_", 0);
	derive_ed25519(id->witness_public, id->witness_secret, id->seed, "entwitn_", 0);
	crypto_kdf_derive_from_key(id->transport_secret, 32, 0, "enttrns_", id->seed);
	crypto_scalarmult_base(id->transport_public, id->transport_secret);
}

int identity_generate(struct identity *id, uint64_t incarnation, const struct env_rng *rng)
{
	int rc = allocate(id);

	if (rc)
		return rc;
	env_random(rng, id->seed, 32);
	env_random(rng, id->object_secret, 32);
	derive_all(id, incarnation);
	return 0;
}

void identity_rotate(struct identity *id, uint64_t incarnation, const struct env_rng *rng)
{
	env_random(rng, id->seed, 32);
	derive_all(id, incarnation);
}

static int write_node(const struct identity *id, const char *path, struct bytes passphrase,
	bool replace, struct err_text *err)
{
	uint8_t secret[64];
	int rc;

	memcpy(secret, id->seed, 32);
	memcpy(secret + 32, id->object_secret, 32);
	rc = secret_write(path, &kind_node, NULL, secret, passphrase, replace, err);
	sodium_memzero(secret, sizeof(secret));
	return rc;
}

int identity_write(const struct identity *id, const char *path, struct bytes passphrase,
	struct err_text *err)
{
	return write_node(id, path, passphrase, false, err);
}

int identity_replace(const struct identity *id, const char *path, struct bytes passphrase,
	struct err_text *err)
{
	return write_node(id, path, passphrase, true, err);
}

int identity_read(struct identity *id, const char *path, struct bytes passphrase,
	uint64_t incarnation, struct err_text *err)
{
	uint8_t secret[64];
	int rc = allocate(id);

	if (rc)
		return err_set(err, rc, "%s: %s", path, err_sentence(rc));
	rc = secret_read(path, &kind_node, NULL, secret, passphrase, err);
	if (!rc) {
		memcpy(id->seed, secret, 32);
		memcpy(id->object_secret, secret + 32, 32);
		derive_all(id, incarnation);
	} else {
		identity_free(id);
	}
	sodium_memzero(secret, sizeof(secret));
	return rc;
}

void identity_free(struct identity *id)
{
	sodium_free(id->seed);
	sodium_free(id->object_secret);
	sodium_free(id->log_secret);
	sodium_free(id->receipt_secret);
	sodium_free(id->witness_secret);
	sodium_free(id->transport_secret);
	memset(id, 0, sizeof(*id));
}

void root_public_text(struct buf *out, const uint8_t root_public[32], const uint8_t next_root[32])
{
	struct node_id node;
	struct note_key key;

	identity_node_id(&node, root_public);
	identity_role_key(&key, &node, "root", NOTE_TYPE_ED25519, root_public);
	buf_str(out, ROOT_PUBLIC_FIRST "\n");
	field_put_key(out, "root", &key);
	field_put_sha256(out, "next-root", next_root);
}

int root_public_parse(struct bytes text, const char *file, uint8_t root_public[32],
	uint8_t next_root[32], struct err_text *err)
{
	struct field_reader r = {.rest = text, .file = file, .err = err};
	struct note_key key;
	struct node_id node;
	struct bytes value;
	int rc;

	rc = field_first(&r, ROOT_PUBLIC_FIRST);
	if (!rc)
		rc = field_take(&r, "root", &value);
	if (rc)
		return rc;
	if (note_key_parse(value, &key) != 0)
		return field_refuse(&r, "root", value, "a verifier key <name>+<key id>+<base64>");
	identity_node_id(&node, key.public_key);
	rc = field_key(&r, "root", value, &node, "root", NOTE_TYPE_ED25519, &key);
	if (!rc)
		rc = field_sha256(&r, "next-root", next_root);
	if (!rc)
		rc = field_end(&r);
	if (rc)
		return rc;
	memcpy(root_public, key.public_key, 32);
	return 0;
}

void identity_role_key(struct note_key *k, const struct node_id *node, const char *role,
	uint8_t type, const uint8_t public_key[32])
{
	char id[NODE_ID_TEXT_SIZE];

	memset(k, 0, sizeof(*k));
	node_id_text(id, node);
	snprintf(k->name, sizeof(k->name), "entente/%s/%s", id, role);
	k->type = type;
	memcpy(k->public_key, public_key, 32);
	note_key_id(k->id, bytes_str(k->name), type, public_key);
}

/*
 * A point of low order times any clamped scalar is zero, which libsodium reports; clamping makes
 * every scalar a multiple of the cofactor 8.
 */
bool identity_transport_weak(const uint8_t public_key[32])
{
	static const uint8_t scalar[32] = {8};
	uint8_t shared[32];

	return crypto_scalarmult(shared, scalar, public_key) != 0;
}
