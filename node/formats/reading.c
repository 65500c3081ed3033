/* SPDX-License-Identifier: EUPL-1.2 */
#include "formats/reading.h"

#include <strings.h>

#define TAG_AND_LENGTH 8 /* bytes that protobuf adds to a field, at the most */

int reading_refuse(struct reading *r, unsigned line, struct bytes seen, const char *rule,
	const char *reason)
{
	char seen_room[RECORD_VALUE_MAX], reason_room[ERR_TEXT_MAX];
	struct bytes shown =
		value_printable(bytes_str(reason), reason_room, sizeof(reason_room) - 1);

	if (shown.data == (const uint8_t *)reason_room) {
		reason_room[shown.len] = '\0';
		reason = reason_room;
	}
	seen = value_printable(seen, seen_room, sizeof(seen_room));
	return r->sink->refused(r->sink->ctx, line, seen, rule, reason);
}

static size_t fields_len(const struct bytes *fields, size_t len)
{
	size_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += fields[i].len + TAG_AND_LENGTH;
	return sum;
}

static bool indicator_fits(const struct record_indicator *i)
{
	size_t sum = 256; /* the numbers and times */

	if (i->value.len > RECORD_VALUE_MAX || i->name.len > RECORD_NAME_MAX ||
		i->description.len > RECORD_DESCRIPTION_MAX || i->lang.len > RECORD_LANG_MAX)
		return false;
	if (i->labels_len > RECORD_LABELS_MAX || i->references_len > RECORD_REFS_MAX)
		return false;
	for (size_t k = 0; k < i->labels_len; k++)
		if (i->labels[k].len > RECORD_LABEL_MAX)
			return false;
	for (size_t k = 0; k < i->references_len; k++) {
		const struct record_reference *f = &i->references[k];

		if (f->source.len > RECORD_REF_FIELD_MAX || f->url.len > RECORD_REF_FIELD_MAX ||
			f->external_id.len > RECORD_REF_FIELD_MAX)
			return false;
		sum += f->source.len + f->external_id.len + f->url.len + 4 * TAG_AND_LENGTH;
	}
	sum += i->value.len + i->name.len + i->description.len + i->lang.len;
	return sum + fields_len(i->labels, i->labels_len) <= ENTRY_BODY_MAX;
}

static bool object_fits(const struct record_object *o)
{
	return o->stix_id.len <= RECORD_STIX_ID_MAX && o->stix_type.len <= RECORD_STIX_TYPE_MAX &&
	       o->stix_id.len + o->stix_type.len + o->json.len + 4 * TAG_AND_LENGTH <=
		       ENTRY_BODY_MAX;
}

int reading_claim(struct reading *r, struct claim *claim)
{
	bool fits = claim->kind == KIND_OBJECT ? object_fits(&claim->object)
					       : indicator_fits(&claim->indicator);
	char room[RECORD_VALUE_MAX];

	if (!fits)
		return reading_refuse(r, claim->line, claim->seen, "unreadable", "too large");
	claim->seen = value_printable(claim->seen, room, sizeof(room));
	return r->sink->claim(r->sink->ctx, claim);
}

void claim_value_set(struct claim *claim, const struct value *v)
{
	claim->type = v->type;
	claim->value = bytes_from(v->text, v->len);
	claim->indicator.value = claim->value;
	if (v->port)
		claim->indicator.port = v->port;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct bytes text_trim(struct bytes t)
{
	while (t.len && is_space(t.data[0]))
		t.data++, t.len--;
	while (t.len && is_space(t.data[t.len - 1]))
		t.len--;
	return t;
}

static bool starts_any_case(struct bytes t, const char *prefix)
{
	size_t len = strlen(prefix);

	return t.len > len && strncasecmp((const char *)t.data, prefix, len) == 0;
}

int labels_add(struct labels *l, struct arena *a, struct bytes label)
{
	enum tlp tlp;
	enum pap pap;

	label = text_trim(label);
	if (label.len == 0)
		return 0;
	if (starts_any_case(label, "tlp:")) {
		l->unknown_marking |= !tlp_parse(label, &tlp);
		l->tlp = tlp_stricter(l->tlp, tlp);
		return 0;
	}
	if (starts_any_case(label, "pap:")) {
		l->unknown_marking |= !pap_parse(label, &pap);
		l->pap = pap_stricter(l->pap, pap);
		return 0;
	}
	for (size_t i = 0; i < l->len; i++)
		if (bytes_eq(l->items[i], label))
			return 0;
	if (l->len == RECORD_LABELS_MAX) {
		l->too_many = true;
		return 0;
	}
	if (!l->items)
		l->items = arena_alloc(a, RECORD_LABELS_MAX * sizeof(*l->items));
	if (!l->items)
		return ENT_ENOMEM;
	l->items[l->len++] = label;
	return 0;
}
