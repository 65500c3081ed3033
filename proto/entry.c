/* SPDX-License-Identifier: EUPL-1.2 */
#include "proto/entry.h"

_Static_assert(ENTRY_HEADER_BYTES == 8 + 8 + OBJECT_ID_BYTES + 32, "the header's fields fill it");
_Static_assert(ENTRY_BODY_MAX <= UINT16_MAX, "the body length field holds the limit");

void entry_header_encode(uint8_t out[ENTRY_HEADER_BYTES], const struct entry_header *h)
{
	out[0] = h->version;
	out[1] = h->kind;
	out[2] = h->tlp;
	out[3] = h->pap;
	out[4] = h->type;
	out[5] = h->flags;
	be16_put(out + 6, h->body_len);
	be64_put(out + 8, h->time_ms);
	memcpy(out + 16, h->object, OBJECT_ID_BYTES);
	memcpy(out + 32, h->commitment, 32);
}

void entry_header_decode(struct bytes leaf, struct entry_header *h)
{
	const uint8_t *p = leaf.data;

	h->version = p[0];
	h->kind = p[1];
	h->tlp = p[2];
	h->pap = p[3];
	h->type = p[4];
	h->flags = p[5];
	h->body_len = be16_get(p + 6);
	h->time_ms = be64_get(p + 8);
	memcpy(h->object, p + 16, OBJECT_ID_BYTES);
	memcpy(h->commitment, p + 32, 32);
}

int entry_next(struct cursor *c, struct entry *entry)
{
	uint16_t body_len;
	uint8_t state;

	entry->leaf = cursor_bytes(c, ENTRY_HEADER_BYTES);
	state = cursor_u8(c);
	if (!cursor_ok(c) || state > ENTRY_STATE_ERASED)
		return ENT_EINVALID;
	body_len = be16_get(entry->leaf.data + 6);
	if (body_len > ENTRY_BODY_MAX)
		return ENT_EINVALID;
	entry->erased = state == ENTRY_STATE_ERASED;
	entry->salt = entry->body = BYTES_NONE;
	if (entry->erased)
		return 0;
	entry->salt = cursor_bytes(c, ENTRY_SALT_BYTES);
	entry->body = cursor_bytes(c, body_len);
	return cursor_ok(c) ? 0 : ENT_EINVALID;
}

size_t entry_packed_len(const struct entry *entry)
{
	return ENTRY_HEADER_BYTES + 1 + entry->salt.len + entry->body.len;
}

void entry_pack(uint8_t *out, const struct entry *entry)
{
	memcpy(out, entry->leaf.data, ENTRY_HEADER_BYTES);
	out += ENTRY_HEADER_BYTES;
	*out++ = entry->erased ? ENTRY_STATE_ERASED : ENTRY_STATE_PRESENT;
	if (entry->erased)
		return;
	memcpy(out, entry->salt.data, ENTRY_SALT_BYTES);
	if (entry->body.len)
		memcpy(out + ENTRY_SALT_BYTES, entry->body.data, entry->body.len);
}
