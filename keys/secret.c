/* SPDX-License-Identifier: EUPL-1.2 */
#include "keys/secret.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sodium.h>

#include "base/text.h"
#include "keys/field.h"
#include "keys/file.h"
#include "keys/identity.h"

#define FIRST_LINE     "entente/secret/v1 "
#define FILE_BYTES_MAX 1024
#define SEALED_MAX     (SECRET_MAX + crypto_aead_xchacha20poly1305_ietf_ABYTES)

/* What a file may ask of this machine before its passphrase is known to be right. */
#define PASSES_MAX       16u
#define MEMORY_BYTES_MAX ((size_t)1 << 30)

struct seal {
	bool sealed;
	uint32_t passes;
	size_t memory_bytes;
	uint8_t salt[crypto_pwhash_SALTBYTES];
	uint8_t nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES];
};

static int derive(uint8_t key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES], const struct seal *s,
	struct bytes passphrase)
{
	return crypto_pwhash(key, crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
		       (const char *)passphrase.data, passphrase.len, s->salt, s->passes,
		       s->memory_bytes, crypto_pwhash_ALG_ARGON2ID13) == 0
		       ? 0
		       : ENT_ENOMEM;
}

static void put_base64(struct buf *out, const char *key, struct bytes value)
{
	char base64[BASE64_TEXT_SIZE(SEALED_MAX)];

	text_base64_encode(base64, value);
	field_put(out, key, base64);
	sodium_memzero(base64, sizeof(base64));
}

/* All lines but the last. */
static void put_head(struct buf *out, const struct secret_kind *kind, const uint8_t *public_key,
	const struct seal *s)
{
	buf_printf(out, FIRST_LINE "%s\n", kind->name);
	if (kind->has_public)
		put_base64(out, "public", bytes_from(public_key, 32));
	if (!s->sealed) {
		field_put(out, "seal", "none");
		return;
	}
	buf_printf(out, "seal: argon2id %u %zu\n", s->passes, s->memory_bytes);
	put_base64(out, "salt", BYTES_OF(s->salt));
	put_base64(out, "nonce", BYTES_OF(s->nonce));
}

static int put_secret(struct buf *out, const struct secret_kind *kind, const uint8_t *secret,
	const struct seal *s, struct bytes passphrase)
{
	uint8_t key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES], sealed[SEALED_MAX];
	unsigned long long sealed_len;

	if (!s->sealed) {
		put_base64(out, "secret", bytes_from(secret, kind->len));
		return 0;
	}
	if (derive(key, s, passphrase) != 0)
		return ENT_ENOMEM;
	crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, &sealed_len, secret, kind->len,
		out->data, out->len, NULL, s->nonce, key);
	sodium_memzero(key, sizeof(key));
	put_base64(out, "secret", bytes_from(sealed, (size_t)sealed_len));
	return 0;
}

int secret_write(const char *path, const struct secret_kind *kind, const uint8_t *public_key,
	const uint8_t *secret, struct bytes passphrase, bool replace, struct err_text *err)
{
	/* With all its room from the start, so that growing leaves no copies behind. */
	struct buf out = {
		.data = malloc(FILE_BYTES_MAX), .cap = FILE_BYTES_MAX, .max = FILE_BYTES_MAX};
	struct seal s = {.sealed = passphrase.len > 0,
		.passes = kind->passes,
		.memory_bytes = kind->memory_bytes};
	int rc;

	assert(kind->len <= SECRET_MAX);
	if (!out.data || sodium_init() < 0)
		return err_set(err, ENT_ENOMEM, "%s: %s", path, err_sentence(ENT_ENOMEM));
	randombytes_buf(s.salt, sizeof(s.salt));
	randombytes_buf(s.nonce, sizeof(s.nonce));
	put_head(&out, kind, public_key, &s);
	rc = put_secret(&out, kind, secret, &s, passphrase);
	if (rc)
		err_set(err, rc, "%s: no %zu bytes of memory to seal it with", path,
			s.memory_bytes);
	else if (replace)
		rc = file_write(path, buf_view(&out), 0600, err);
	else
		rc = file_create(path, buf_view(&out), 0600, err);
	sodium_memzero(out.data, out.cap);
	buf_free(&out);
	return rc;
}

/*
 * Nobody but the owner may read or change it. One exception: systemd hands a credential to a
 * service as root's file with an access list, whose mask shows as a readable group.
 */
static bool mode_private(const struct stat *st)
{
	if ((st->st_mode & 077) == 0)
		return true;
	return st->st_uid == 0 && geteuid() != 0 && (st->st_mode & 077) == 040;
}

int secret_read_private(const char *path, uint8_t *text, size_t cap, size_t *len,
	struct err_text *err)
{
	struct stat st;
	int fd, rc;

	*len = 0;
	rc = file_open(path, 0, &fd, &st, err);
	if (rc)
		return rc;
	if (!mode_private(&st)) {
		rc = err_set(err, ENT_EINVALID,
			"%s: saw mode %04o, wanted 0600: others may read it", path,
			(unsigned)st.st_mode & 07777);
		goto out;
	}
	while (*len < cap) {
		ssize_t got = read(fd, text + *len, cap - *len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			rc = err_set(err, ENT_EIO, "%s: cannot read: %s", path, strerror(errno));
		if (got <= 0)
			goto out;
		*len += (size_t)got;
	}
	rc = err_set(err, ENT_EINVALID, "%s: saw %zu bytes or more, wanted a secret", path, cap);
out:
	close(fd);
	return rc;
}

static int take_base64(struct field_reader *r, const char *key, uint8_t *out, size_t len)
{
	struct bytes text;
	int rc = field_take(r, key, &text);

	if (rc)
		return rc;
	if (text_base64_decode(text, out, len) != (int)len)
		return field_refuse(r, key, text, "the base64 of %zu bytes", len);
	return 0;
}

static int take_seal(struct field_reader *r, struct seal *s)
{
	struct bytes text, rest, word[3];
	uint64_t passes, memory;
	int rc = field_take(r, "seal", &text);

	if (rc)
		return rc;
	s->sealed = !bytes_eq_str(text, "none");
	if (!s->sealed)
		return 0;
	rest = text;
	for (int i = 0; i < 3; i++)
		if (!text_word_next(&rest, &word[i]))
			word[i] = BYTES_NONE;
	if (!bytes_eq_str(word[0], "argon2id") || !text_u64_parse(word[1], &passes) || passes < 1 ||
		passes > PASSES_MAX || !text_u64_parse(word[2], &memory) ||
		memory < crypto_pwhash_MEMLIMIT_MIN || memory > MEMORY_BYTES_MAX || rest.len)
		return field_error(r->err, r->file, r->line, "seal", text,
			"none, or argon2id with at most %u passes and %zu bytes", PASSES_MAX,
			MEMORY_BYTES_MAX);
	s->passes = (uint32_t)passes;
	s->memory_bytes = (size_t)memory;
	rc = take_base64(r, "salt", s->salt, sizeof(s->salt));
	if (rc)
		return rc;
	return take_base64(r, "nonce", s->nonce, sizeof(s->nonce));
}

static int take_head(struct field_reader *r, const struct secret_kind *kind, uint8_t *public_key,
	struct seal *s)
{
	char first[64];
	int rc;

	snprintf(first, sizeof(first), FIRST_LINE "%s", kind->name);
	rc = field_first(r, first);
	if (!rc && kind->has_public)
		rc = take_base64(r, "public", public_key, 32);
	if (!rc)
		rc = take_seal(r, s);
	return rc;
}

static int open_sealed(struct field_reader *r, const struct secret_kind *kind, const struct seal *s,
	struct bytes head, struct bytes passphrase, uint8_t *secret)
{
	uint8_t key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES], sealed[SEALED_MAX];
	size_t len = kind->len + crypto_aead_xchacha20poly1305_ietf_ABYTES;
	int rc = take_base64(r, "secret", sealed, len);

	if (rc)
		return rc;
	if (passphrase.len == 0)
		return err_set(r->err, ENT_EPASSPHRASE, "%s: sealed, wanted its passphrase",
			r->file);
	if (derive(key, s, passphrase) != 0)
		return err_set(r->err, ENT_ENOMEM, "%s: no %zu bytes of memory to open it with",
			r->file, s->memory_bytes);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(secret, NULL, NULL, sealed, len, head.data,
		    head.len, s->nonce, key) != 0)
		rc = err_set(r->err, ENT_EPASSPHRASE, "%s: %s", r->file,
			err_sentence(ENT_EPASSPHRASE));
	sodium_memzero(key, sizeof(key));
	return rc;
}

int secret_read(const char *path, const struct secret_kind *kind, uint8_t *public_key,
	uint8_t *secret, struct bytes passphrase, struct err_text *err)
{
	uint8_t text[FILE_BYTES_MAX];
	struct field_reader r = {.file = path, .secret = true, .err = err};
	struct bytes head;
	struct seal s;
	size_t len;
	int rc;

	assert(kind->len <= SECRET_MAX);
	if (sodium_init() < 0)
		return err_set(err, ENT_ENOMEM, "%s: %s", path, err_sentence(ENT_ENOMEM));
	rc = secret_read_private(path, text, sizeof(text), &len, err);
	if (rc)
		goto out;
	r.rest = bytes_from(text, len);
	rc = take_head(&r, kind, public_key, &s);
	if (rc)
		goto out;
	head = bytes_from(text, len - r.rest.len);
	if (s.sealed)
		rc = open_sealed(&r, kind, &s, head, passphrase, secret);
	else
		rc = take_base64(&r, "secret", secret, kind->len);
	if (!rc)
		rc = field_end(&r);
out:
	sodium_memzero(text, sizeof(text));
	return rc;
}

int secret_file_sealed(const char *path, bool *sealed, struct err_text *err)
{
	static const char unsealed[] = "\nseal: none\n";
	uint8_t text[FILE_BYTES_MAX];
	size_t len;
	int rc = secret_read_private(path, text, sizeof(text), &len, err);

	if (rc)
		return rc;
	if (!bytes_starts(bytes_from(text, len), FIRST_LINE))
		rc = err_set(err, ENT_EINVALID,
			"%s:1: saw something else, wanted " FIRST_LINE "...", path);
	*sealed = !memmem(text, len, unsealed, sizeof(unsealed) - 1);
	sodium_memzero(text, sizeof(text));
	return rc;
}
