/* SPDX-License-Identifier: EUPL-1.2 */
#include "merkle/checkpoint.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <sodium.h>

#include "base/text.h"
#include "merkle/signed_text.h"

_Static_assert(LOG_NAME_TEXT_SIZE <= NOTE_NAME_MAX, "an origin line is a key name");

/* --- the texts -------------------------------------------------------------------------------- */

static void text_make(struct signed_text *t, const char *head, const char *origin, uint64_t size,
	const struct hash *root)
{
	char base64[BASE64_TEXT_SIZE(HASH_BYTES)];
	int len;

	text_base64_encode(base64, BYTES_OF(root->bytes));
	len = snprintf(t->data, sizeof(t->data), "%s%s\n%" PRIu64 "\n%s\n", head, origin, size,
		base64);
	assert(len > 0 && (size_t)len < sizeof(t->data));
	t->len = (size_t)len;
}

void signed_text_checkpoint(struct signed_text *t, const char *origin, uint64_t size,
	const struct hash *root)
{
	text_make(t, "", origin, size, root);
}

void signed_text_cosignature(struct signed_text *t, uint64_t time, const char *origin,
	uint64_t size, const struct hash *root)
{
	char head[64];

	snprintf(head, sizeof(head), "cosignature/v1\ntime %" PRIu64 "\n", time);
	text_make(t, head, origin, size, root);
}

static void checkpoint_signed_text(struct signed_text *t, const struct log_name *log, uint64_t size,
	const struct hash *root)
{
	char origin[LOG_NAME_TEXT_SIZE];

	log_name_text(origin, log);
	signed_text_checkpoint(t, origin, size, root);
}

void checkpoint_text(struct buf *out, const struct log_name *log, uint64_t size,
	const struct hash *root)
{
	struct signed_text t;

	checkpoint_signed_text(&t, log, size, root);
	buf_bytes(out, signed_text_view(&t));
}

/* --- signatures ------------------------------------------------------------------------------- */

void checkpoint_sign(struct checkpoint *c, const uint8_t secret[64])
{
	struct signed_text t;

	assert(c->size > 0);
	checkpoint_signed_text(&t, &c->log, c->size, &c->root);
	crypto_sign_detached(c->signature, NULL, (const uint8_t *)t.data, t.len, secret);
}

int checkpoint_verify(const struct checkpoint *c, const uint8_t public_key[32])
{
	struct signed_text t;

	if (c->size == 0 || !public_key)
		return ENT_ECRYPTO;
	checkpoint_signed_text(&t, &c->log, c->size, &c->root);
	return crypto_sign_verify_detached(c->signature, (const uint8_t *)t.data, t.len,
		       public_key) == 0
		       ? 0
		       : ENT_ECRYPTO;
}

static void cosignature_signed_text(struct signed_text *t, const struct checkpoint *c,
	uint64_t time)
{
	char origin[LOG_NAME_TEXT_SIZE];

	log_name_text(origin, &c->log);
	signed_text_cosignature(t, time, origin, c->size, &c->root);
}

/* The format's bounds: a cosigner always says when, and others read the time as a signed number. */
static bool cosignature_time_valid(uint64_t time)
{
	return time > 0 && time <= INT64_MAX;
}

void cosignature_sign(struct cosignature *s, const struct checkpoint *c, uint64_t time,
	const uint8_t secret[64])
{
	struct signed_text t;

	assert(c->size > 0);
	assert(cosignature_time_valid(time));
	cosignature_signed_text(&t, c, time);
	s->time = time;
	crypto_sign_detached(s->signature, NULL, (const uint8_t *)t.data, t.len, secret);
}

int cosignature_verify(const struct cosignature *s, const struct checkpoint *c,
	const uint8_t public_key[32])
{
	struct signed_text t;

	if (c->size == 0 || !cosignature_time_valid(s->time))
		return ENT_ECRYPTO;
	cosignature_signed_text(&t, c, s->time);
	return crypto_sign_verify_detached(s->signature, (const uint8_t *)t.data, t.len,
		       public_key) == 0
		       ? 0
		       : ENT_ECRYPTO;
}

/* --- notes ------------------------------------------------------------------------------------ */

void checkpoint_note(struct buf *out, const struct checkpoint *c, const uint8_t public_key[32])
{
	char origin[LOG_NAME_TEXT_SIZE];
	uint8_t key_id[4];

	log_name_text(origin, &c->log);
	note_key_id(key_id, bytes_str(origin), NOTE_TYPE_ED25519, public_key);
	checkpoint_text(out, &c->log, c->size, &c->root);
	buf_str(out, "\n");
	note_signature_line(out, bytes_str(origin), key_id, BYTES_OF(c->signature));
}

/* The one line whose key name is the origin line; NULL when there is none or more. */
static const struct note_signature *own_signature(const struct note *note, struct bytes origin)
{
	const struct note_signature *own = NULL;

	for (size_t i = 0; i < note->signatures_len; i++) {
		if (!bytes_eq(note->signatures[i].name, origin))
			continue;
		if (own)
			return NULL;
		own = &note->signatures[i];
	}
	return own;
}

int checkpoint_parse(struct bytes text, struct checkpoint *c, struct note *note)
{
	const struct note_signature *own;
	struct bytes rest, origin, size, root;
	struct signed_text again;
	int rc = note_parse(text, "checkpoint", note, NULL);

	if (rc < 0)
		return rc;
	rest = note->text;
	if (!text_line_next(&rest, &origin) || !text_line_next(&rest, &size) ||
		!text_line_next(&rest, &root) || rest.len > 0)
		return ENT_EINVALID;
	if (!log_name_parse(origin, &c->log) || !text_u64_parse(size, &c->size) || c->size == 0)
		return ENT_EINVALID;
	if (text_base64_decode(root, c->root.bytes, HASH_BYTES) != HASH_BYTES)
		return ENT_EINVALID;
	own = own_signature(note, origin);
	if (!own || own->blob.len != CHECKPOINT_SIGNATURE_BYTES)
		return ENT_EINVALID;
	memcpy(c->signature, own->blob.data, CHECKPOINT_SIGNATURE_BYTES);
	/* The signature is over these bytes, but it will be checked over those made from the
	 * fields: a second spelling would be a different text under the same checkpoint. */
	checkpoint_signed_text(&again, &c->log, c->size, &c->root);
	return bytes_eq(signed_text_view(&again), note->text) ? 0 : ENT_EINVALID;
}

/* --- messages --------------------------------------------------------------------------------- */

void checkpoint_to_wire(struct wire_checkpoint *w, const struct checkpoint *c)
{
	w->present = true;
	w->size = c->size;
	memcpy(w->root, c->root.bytes, sizeof(w->root));
	memcpy(w->signature, c->signature, sizeof(w->signature));
}

void checkpoint_from_wire(struct checkpoint *c, const struct log_name *log,
	const struct wire_checkpoint *w)
{
	c->log = *log;
	c->size = w->size;
	memcpy(c->root.bytes, w->root, sizeof(c->root.bytes));
	memcpy(c->signature, w->signature, sizeof(c->signature));
}
