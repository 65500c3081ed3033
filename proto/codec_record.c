/* SPDX-License-Identifier: EUPL-1.2 */
#include "proto/codec_quick.h"

#include <pb_encode.h>

#include "record.pb.h"

/* --- indicator -------------------------------------------------------------------------------- */

static int references_check(const struct record_reference *refs, size_t len)
{
	int rc;

	if (len > RECORD_REFS_MAX)
		return ENT_ELIMIT;
	for (size_t i = 0; i < len; i++)
		if ((rc = codec_text_check(refs[i].source, RECORD_REF_FIELD_MAX)) != 0 ||
			(rc = codec_text_check(refs[i].external_id, RECORD_REF_FIELD_MAX)) != 0 ||
			(rc = codec_text_check(refs[i].url, RECORD_REF_FIELD_MAX)) != 0)
			return rc;
	return 0;
}

static int indicator_texts_check(const struct record_indicator *r)
{
	const struct {
		struct bytes text;
		size_t max;
	} texts[] = {
		{r->value, RECORD_VALUE_MAX},
		{r->name, RECORD_NAME_MAX},
		{r->description, RECORD_DESCRIPTION_MAX},
		{r->lang, RECORD_LANG_MAX},
		{r->rule, RECORD_RULE_MAX},
		{r->rule_language, RECORD_LABEL_MAX},
	};
	int rc;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if ((rc = codec_text_check(texts[i].text, texts[i].max)) != 0)
			return rc;
	if ((rc = codec_texts_check(r->labels, r->labels_len, RECORD_LABELS_MAX, RECORD_LABEL_MAX)))
		return rc;
	if ((rc = codec_texts_check(r->recipients, r->recipients_len, RECORD_RECIPIENTS_MAX,
		     RECORD_RECIPIENT_MAX)))
		return rc;
	return references_check(r->references, r->references_len);
}

static int indicator_check(const struct record_indicator *r)
{
	struct log_name derived;

	if (r->value.len == 0 || r->confidence > 100 || r->credibility > 6 || r->port > UINT16_MAX)
		return ENT_EINVALID;
	if (r->valid_from > RECORD_TIME_MAX_MS || r->valid_until > RECORD_TIME_MAX_MS ||
		r->first_seen > RECORD_TIME_MAX_MS || r->last_seen > RECORD_TIME_MAX_MS)
		return ENT_EINVALID;
	if (r->derived_log.len && !log_name_unpack(r->derived_log, &derived))
		return ENT_EINVALID;
	if (codec_fixed_check(r->derived_object, OBJECT_ID_BYTES) != 0)
		return ENT_EINVALID;
	return indicator_texts_check(r);
}

static bool reference_write(pb_ostream_t *stream, const void *items, size_t at)
{
	const struct record_reference *r = (const struct record_reference *)items + at;
	entente_Reference m = {
		.source = r->source,
		.external_id = r->external_id,
		.url = r->url,
	};

	return pb_encode_submessage(stream, entente_Reference_fields, &m);
}

static int references_decode(const struct codec_list *list, struct arena *a,
	struct record_indicator *r)
{
	const struct bytes *views = list->items;
	struct record_reference *refs;
	int rc;

	if (list->len == 0)
		return 0;
	refs = arena_alloc(a, list->len * sizeof(*refs));
	if (!refs)
		return ENT_ENOMEM;
	for (size_t i = 0; i < list->len; i++) {
		entente_Reference m = {0};

		if ((rc = codec_decode(entente_Reference_fields, &m, views[i], NULL)) != 0)
			return rc;
		refs[i] = (struct record_reference){m.source, m.external_id, m.url};
	}
	r->references = refs;
	r->references_len = list->len;
	return 0;
}

static const struct codec_shape indicator_shapes[] = {
	entente_Indicator_FIELDLIST(CODEC_SHAPE, entente_Indicator)};

static int indicator_encode(struct buf *out, const struct record_indicator *r, bool quick)
{
	const entente_Indicator m = {
		.value = r->value,
		.has_confidence = r->has_confidence,
		.confidence = r->confidence,
		.credibility = r->credibility,
		.valid_from = r->valid_from,
		.valid_until = r->valid_until,
		.first_seen = r->first_seen,
		.last_seen = r->last_seen,
		.labels = {.items = r->labels, .len = r->labels_len},
		.references = {.items = r->references,
			.len = r->references_len,
			.write = reference_write},
		.name = r->name,
		.description = r->description,
		.lang = r->lang,
		.rule = r->rule,
		.rule_language = r->rule_language,
		.derived_log = r->derived_log,
		.derived_object = r->derived_object,
		.port = r->port,
		.recipients = {.items = r->recipients, .len = r->recipients_len},
	};
	int rc = indicator_check(r);

	if (rc || (quick && codec_quick_encode(indicator_shapes,
				    sizeof(indicator_shapes) / sizeof(indicator_shapes[0]), &m,
				    ENTRY_BODY_MAX, out)))
		return rc;
	return codec_encode(out, entente_Indicator_fields, &m, ENTRY_BODY_MAX);
}

int record_indicator_encode(struct buf *out, const struct record_indicator *r)
{
	return indicator_encode(out, r, true);
}

int record_indicator_with_value(struct buf *out, struct bytes body, struct bytes value)
{
	int rc = value.len > 0 ? codec_text_check(value, RECORD_VALUE_MAX) : ENT_EINVALID;

	if (rc != 0)
		return rc;
	return codec_quick_first(body, value, ENTRY_BODY_MAX, out) ? 0 : ENT_ELIMIT;
}

int record_indicator_encode_slowly(struct buf *out, const struct record_indicator *r)
{
	return indicator_encode(out, r, false);
}

static int indicator_decode(struct bytes body, struct arena *a, struct record_indicator *r,
	bool quick)
{
	static const entente_Indicator empty = {
		.labels = {.max = RECORD_LABELS_MAX},
		.references = {.max = RECORD_REFS_MAX},
		.recipients = {.max = RECORD_RECIPIENTS_MAX},
	};
	entente_Indicator m = empty;
	int rc;

	if (body.len > ENTRY_BODY_MAX)
		return ENT_ELIMIT;
	if (!quick ||
		!codec_quick(indicator_shapes,
			sizeof(indicator_shapes) / sizeof(indicator_shapes[0]), &m, body, a)) {
		m = empty;
		if ((rc = codec_decode(entente_Indicator_fields, &m, body, a)) != 0)
			return rc;
	}
	*r = (struct record_indicator){
		.value = m.value,
		.has_confidence = m.has_confidence,
		.confidence = m.confidence,
		.credibility = m.credibility,
		.valid_from = m.valid_from,
		.valid_until = m.valid_until,
		.first_seen = m.first_seen,
		.last_seen = m.last_seen,
		.labels = m.labels.items,
		.labels_len = m.labels.len,
		.name = m.name,
		.description = m.description,
		.lang = m.lang,
		.rule = m.rule,
		.rule_language = m.rule_language,
		.derived_log = m.derived_log,
		.derived_object = m.derived_object,
		.port = m.port,
		.recipients = m.recipients.items,
		.recipients_len = m.recipients.len,
	};
	if ((rc = references_decode(&m.references, a, r)) != 0)
		return rc;
	return indicator_check(r);
}

int record_indicator_decode(struct bytes body, struct arena *a, struct record_indicator *r)
{
	return indicator_decode(body, a, r, true);
}

int record_indicator_decode_slowly(struct bytes body, struct arena *a, struct record_indicator *r)
{
	return indicator_decode(body, a, r, false);
}

/* --- object ----------------------------------------------------------------------------------- */

static int object_check(const struct record_object *r)
{
	int rc;

	if (r->stix_id.len == 0 || r->stix_type.len == 0 || r->json.len == 0)
		return ENT_EINVALID;
	if ((rc = codec_text_check(r->stix_id, RECORD_STIX_ID_MAX)) != 0 ||
		(rc = codec_text_check(r->stix_type, RECORD_STIX_TYPE_MAX)) != 0 ||
		(rc = codec_text_check(r->json, ENTRY_BODY_MAX)) != 0)
		return rc;
	return codec_texts_check(r->recipients, r->recipients_len, RECORD_RECIPIENTS_MAX,
		RECORD_RECIPIENT_MAX);
}

int record_object_encode(struct buf *out, const struct record_object *r)
{
	const entente_Object m = {
		.stix_id = r->stix_id,
		.stix_type = r->stix_type,
		.json = r->json,
		.recipients = {.items = r->recipients, .len = r->recipients_len},
	};
	int rc = object_check(r);

	return rc ? rc : codec_encode(out, entente_Object_fields, &m, ENTRY_BODY_MAX);
}

static const struct codec_shape object_shapes[] = {
	entente_Object_FIELDLIST(CODEC_SHAPE, entente_Object)};

static int object_decode(struct bytes body, struct arena *a, struct record_object *r, bool quick)
{
	static const entente_Object empty = {.recipients = {.max = RECORD_RECIPIENTS_MAX}};
	entente_Object m = empty;
	int rc;

	if (body.len > ENTRY_BODY_MAX)
		return ENT_ELIMIT;
	if (!quick || !codec_quick(object_shapes, sizeof(object_shapes) / sizeof(object_shapes[0]),
			      &m, body, a)) {
		m = empty;
		if ((rc = codec_decode(entente_Object_fields, &m, body, a)) != 0)
			return rc;
	}
	*r = (struct record_object){
		.stix_id = m.stix_id,
		.stix_type = m.stix_type,
		.json = m.json,
		.recipients = m.recipients.items,
		.recipients_len = m.recipients.len,
	};
	return object_check(r);
}

int record_object_decode(struct bytes body, struct arena *a, struct record_object *r)
{
	return object_decode(body, a, r, true);
}

int record_object_decode_slowly(struct bytes body, struct arena *a, struct record_object *r)
{
	return object_decode(body, a, r, false);
}

/* --- retraction, erasure, succession ---------------------------------------------------------- */

int record_retraction_encode(struct buf *out, const struct record_retraction *r)
{
	const entente_Retraction m = {.reason = r->reason};
	int rc = codec_text_check(r->reason, RECORD_REASON_MAX);

	return rc ? rc : codec_encode(out, entente_Retraction_fields, &m, ENTRY_BODY_MAX);
}

int record_retraction_decode(struct bytes body, struct record_retraction *r)
{
	entente_Retraction m = {0};
	int rc;

	if (body.len > ENTRY_BODY_MAX)
		return ENT_ELIMIT;
	if ((rc = codec_decode(entente_Retraction_fields, &m, body, NULL)) != 0)
		return rc;
	*r = (struct record_retraction){.reason = m.reason};
	return codec_text_check(r->reason, RECORD_REASON_MAX);
}

int record_erasure_encode(struct buf *out, const struct record_erasure *r)
{
	const entente_Erasure m = {.reason = r->reason, .now = r->now};
	int rc = codec_text_check(r->reason, RECORD_REASON_MAX);

	return rc ? rc : codec_encode(out, entente_Erasure_fields, &m, ENTRY_BODY_MAX);
}

int record_erasure_decode(struct bytes body, struct record_erasure *r)
{
	entente_Erasure m = {0};
	int rc;

	if (body.len > ENTRY_BODY_MAX)
		return ENT_ELIMIT;
	if ((rc = codec_decode(entente_Erasure_fields, &m, body, NULL)) != 0)
		return rc;
	*r = (struct record_erasure){.reason = m.reason, .now = m.now};
	return codec_text_check(r->reason, RECORD_REASON_MAX);
}

int record_succession_encode(struct buf *out, const struct record_succession *r)
{
	uint8_t old_log[LOG_NAME_BYTES];
	const entente_Succession m = {
		.old_log = BYTES_OF(old_log),
		.size = r->size,
		.root = BYTES_OF(r->root),
	};
	struct log_name check;

	log_name_pack(old_log, &r->old_log);
	if (!log_name_unpack(m.old_log, &check))
		return ENT_EINVALID;
	return codec_encode(out, entente_Succession_fields, &m, ENTRY_BODY_MAX);
}

int record_succession_decode(struct bytes body, struct record_succession *r)
{
	entente_Succession m = {0};
	int rc;

	if (body.len > ENTRY_BODY_MAX)
		return ENT_ELIMIT;
	if ((rc = codec_decode(entente_Succession_fields, &m, body, NULL)) != 0)
		return rc;
	if (m.root.len != sizeof(r->root) || !log_name_unpack(m.old_log, &r->old_log))
		return ENT_EINVALID;
	r->size = m.size;
	memcpy(r->root, m.root.data, sizeof(r->root));
	return 0;
}
