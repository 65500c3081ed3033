/* SPDX-License-Identifier: EUPL-1.2 */
#include "proto/codec_impl.h"

#include "provenance.pb.h"

static int act_check(const struct act_body *act)
{
	int rc;

	if (act->act == 0 || codec_fixed_check(act->session, ACT_ID_BYTES) != 0 ||
		codec_fixed_check(act->salt, ACT_ID_BYTES) != 0 ||
		codec_fixed_check(act->root, 32) != 0 || codec_fixed_check(act->hash, 32) != 0)
		return ENT_EINVALID;
	if (act->publication.len && (act->publication.len < ACT_PUBLICATION_MIN ||
					    act->publication.len > ACT_PUBLICATION_MAX))
		return ENT_EINVALID;
	if (act->terms_len > WIRE_AGREEMENTS_MAX)
		return ENT_ELIMIT;
	if ((rc = codec_text_check(act->rule, ACT_RULE_MAX)) != 0 ||
		(rc = codec_text_check(act->operator_name, ACT_OPERATOR_MAX)) != 0)
		return rc;
	return codec_text_check(act->text, ACT_TEXT_MAX);
}

int act_body_encode(struct buf *out, const struct act_body *act)
{
	uint8_t log[LOG_NAME_BYTES];
	entente_Act m = {
		.act = act->act,
		.session = act->session,
		.terms = codec_agreements_list(act->terms, act->terms_len),
		.from = act->from,
		.to = act->to,
		.root = act->root,
		.rule = act->rule,
		.operator_name = act->operator_name,
		.hash = act->hash,
		.salt = act->salt,
		.count = act->count,
		.publication = act->publication,
		.text = act->text,
		.serial = act->serial,
	};
	struct log_name check;
	int rc = act_check(act);

	if (rc != 0)
		return rc;
	if (act->has_peer)
		m.peer = BYTES_OF(act->peer.bytes);
	if (act->has_log) {
		log_name_pack(log, &act->log);
		m.log = BYTES_OF(log);
		if (!log_name_unpack(m.log, &check))
			return ENT_EINVALID;
	}
	return codec_encode(out, entente_Act_fields, &m, ENTRY_BODY_MAX);
}

int act_body_decode(struct bytes body, struct arena *a, struct act_body *act)
{
	entente_Act m = {.terms = {.max = WIRE_AGREEMENTS_MAX}};
	int rc;

	if (body.len > ENTRY_BODY_MAX)
		return ENT_ELIMIT;
	if ((rc = codec_decode(entente_Act_fields, &m, body, a)) != 0)
		return rc;
	*act = (struct act_body){
		.act = m.act,
		.has_peer = m.peer.len > 0,
		.session = m.session,
		.has_log = m.log.len > 0,
		.from = m.from,
		.to = m.to,
		.root = m.root,
		.rule = m.rule,
		.operator_name = m.operator_name,
		.hash = m.hash,
		.salt = m.salt,
		.count = m.count,
		.publication = m.publication,
		.text = m.text,
		.serial = m.serial,
	};
	if (codec_fixed_check(m.peer, NODE_ID_BYTES) != 0)
		return ENT_EINVALID;
	if (act->has_peer)
		memcpy(act->peer.bytes, m.peer.data, NODE_ID_BYTES);
	if (act->has_log && !log_name_unpack(m.log, &act->log))
		return ENT_EINVALID;
	if ((rc = codec_agreements_decode(&m.terms, a, &act->terms, &act->terms_len)) != 0)
		return rc;
	return act_check(act);
}
