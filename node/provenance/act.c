/* SPDX-License-Identifier: EUPL-1.2 */
#include "provenance/act.h"

#include "base/vocab.h"
#include "merkle/hash.h"

const char *act_name(unsigned act)
{
	switch (act) {
#define X(name, number, text)                                                                      \
	case ACT_##name:                                                                           \
		return text;
		PROVENANCE_ACTS(X)
#undef X
	default:
		return "unknown";
	}
}

static bool act_known(unsigned act)
{
	switch (act) {
#define X(name, number, text) case ACT_##name:
		PROVENANCE_ACTS(X)
#undef X
		return true;
	default:
		return false;
	}
}

int act_entry(struct buf *out, const struct act_body *act, int64_t now_ms,
	const struct env_rng *rng)
{
	/* A provenance log is offered to nobody, so its marking is that of what stays in the
	 * house; an auditor sees a bundle because the operator made one. */
	struct entry_header header = {.version = ENTRY_VERSION,
		.kind = KIND_ACT,
		.tlp = TLP_AMBER_STRICT,
		.pap = PAP_RED,
		.type = TYPE_NONE,
		.time_ms = (uint64_t)now_ms};
	uint8_t leaf[ENTRY_HEADER_BYTES], salt[ENTRY_SALT_BYTES];
	struct buf body = buf_with_max(ENTRY_BODY_MAX);
	struct entry entry;
	struct hash commitment;
	uint8_t *room;
	int rc;

	if (!act_known(act->act) || now_ms < 0)
		return ENT_EINVALID;
	rc = act_body_encode(&body, act);
	if (rc == 0 && buf_failed(&body))
		rc = ENT_ENOMEM;
	if (rc != 0)
		goto out;

	env_random(rng, salt, sizeof(salt));
	hash_commitment(&commitment, BYTES_OF(salt), buf_view(&body));
	memcpy(header.commitment, commitment.bytes, sizeof(header.commitment));
	header.body_len = (uint16_t)body.len;
	entry_header_encode(leaf, &header);

	entry = (struct entry){
		.leaf = BYTES_OF(leaf), .salt = BYTES_OF(salt), .body = buf_view(&body)};
	room = buf_extend(out, entry_packed_len(&entry));
	if (!room) {
		rc = ENT_ENOMEM;
		goto out;
	}
	entry_pack(room, &entry);
out:
	buf_free(&body);
	return rc;
}
