/* SPDX-License-Identifier: EUPL-1.2 */
#include "formats/stix_object.h"

#include "base/text.h"
#include "formats/stix_pattern.h"

struct indicator_reading {
	struct reading *r;
	const struct stix_source *s;
	struct claim claim; /* what its values have in common */
	struct labels labels;
	struct record_reference *references;
	const char *fault_rule, *fault;
};

static int refuse(struct reading *r, const struct stix_source *s, const char *rule, const char *why)
{
	return reading_refuse(r, s->line, bytes_from(s->id.text, s->id.len), rule, why);
}

static void fault_set(struct indicator_reading *i, const char *rule, const char *why)
{
	if (i->fault_rule)
		return;
	i->fault_rule = rule;
	i->fault = why;
}

static struct bytes text_of(const json_t *object, const char *key)
{
	const json_t *text = json_object_get(object, key);

	return bytes_from(json_string_value(text), json_string_length(text));
}

static bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* --- what an indicator says besides its pattern ----------------------------------------------- */

static void time_read(struct indicator_reading *i, const char *key, uint64_t *into)
{
	const json_t *text = json_object_get(i->s->json, key);
	int64_t ms;

	if (!text || json_is_null(text))
		return;
	if (!json_is_string(text) || !text_time_parse(text_of(i->s->json, key), &ms))
		fault_set(i, "unreadable", "a time that is none: RFC 3339 is wanted");
	else
		*into = (uint64_t)ms;
}

static void confidence_read(struct indicator_reading *i)
{
	const json_t *number = json_object_get(i->s->json, "confidence");
	json_int_t confidence = json_integer_value(number);

	if (!number || json_is_null(number))
		return;
	if (!json_is_integer(number) || confidence < 0 || confidence > 100) {
		fault_set(i, "unreadable", "a confidence is a number from 0 to 100");
		return;
	}
	i->claim.indicator.has_confidence = true;
	i->claim.indicator.confidence = (uint32_t)confidence;
}

static int words_read(struct indicator_reading *i, const char *key)
{
	const json_t *words = json_object_get(i->s->json, key), *word;
	size_t at;
	int ret = 0;

	if (words && !json_is_null(words) && !json_is_array(words))
		fault_set(i, "unreadable", "labels and indicator types are lists of words");
	json_array_foreach(words, at, word)
	{
		if (!json_is_string(word))
			fault_set(i, "unreadable", "labels and indicator types are lists of words");
		ret = labels_add(&i->labels, &i->r->arena,
			bytes_from(json_string_value(word), json_string_length(word)));
		if (ret)
			return ret;
	}
	return 0;
}

/* The prefix and the parts, with a colon between them; the last may be empty. */
static struct bytes label_join(struct arena *a, const char *prefix, struct bytes one,
	struct bytes two)
{
	size_t len = strlen(prefix), all = len + one.len + (two.len ? 1 + two.len : 0);
	uint8_t *text = arena_alloc(a, all + 1);

	if (!text)
		return BYTES_NONE;
	memcpy(text, prefix, len);
	memcpy(text + len, one.data, one.len);
	if (two.len) {
		text[len + one.len] = ':';
		memcpy(text + len + one.len + 1, two.data, two.len);
	}
	return bytes_from(text, all);
}

/* "kill-chain:<chain>:<phase>" */
static int phases_read(struct indicator_reading *i)
{
	const json_t *phases = json_object_get(i->s->json, "kill_chain_phases"), *phase;
	size_t at;

	json_array_foreach(phases, at, phase)
	{
		struct bytes chain = text_of(phase, "kill_chain_name");
		struct bytes name = text_of(phase, "phase_name"), label;
		int ret;

		if (chain.len == 0 || name.len == 0) {
			fault_set(i, "unreadable", "a kill chain phase without chain or phase");
			return 0;
		}
		label = label_join(&i->r->arena, "kill-chain:", chain, name);
		ret = label.data ? labels_add(&i->labels, &i->r->arena, label) : ENT_ENOMEM;
		if (ret)
			return ret;
	}
	return 0;
}

static int references_read(struct indicator_reading *i)
{
	const json_t *list = json_object_get(i->s->json, "external_references"), *item;
	size_t at, len = json_array_size(list);

	if (len == 0)
		return 0;
	if (len > RECORD_REFS_MAX) {
		fault_set(i, "unreadable", "too large: more references than a record has");
		return 0;
	}
	i->references = arena_alloc(&i->r->arena, len * sizeof(*i->references));
	if (!i->references)
		return ENT_ENOMEM;
	json_array_foreach(list, at, item)
	{
		i->references[at] = (struct record_reference){
			.source = text_of(item, "source_name"),
			.external_id = text_of(item, "external_id"),
			.url = text_of(item, "url"),
		};
	}
	i->claim.indicator.references = i->references;
	i->claim.indicator.references_len = len;
	return 0;
}

static int context_read(struct indicator_reading *i)
{
	struct record_indicator *record = &i->claim.indicator;
	const json_t *json = i->s->json;
	int ret;

	i->claim.line = i->s->line;
	i->claim.kind = is_true(json, "revoked") ? KIND_RETRACTION : KIND_INDICATOR;
	record->name = text_of(json, "name");
	record->description = text_of(json, "description");
	record->lang = text_of(json, "lang");
	time_read(i, "valid_from", &record->valid_from);
	time_read(i, "valid_until", &record->valid_until);
	confidence_read(i);
	if ((ret = words_read(i, "labels")) != 0 || (ret = words_read(i, "indicator_types")) != 0 ||
		(ret = phases_read(i)) != 0 || (ret = references_read(i)) != 0)
		return ret;
	i->claim.tlp = tlp_stricter(i->s->marks.tlp, i->labels.tlp);
	i->claim.pap = pap_stricter(i->s->marks.pap, i->labels.pap);
	if (i->labels.unknown_marking)
		fault_set(i, "unmarked", "a marking that is not known");
	if (i->labels.too_many)
		fault_set(i, "unreadable", "too large: more labels than a record has");
	if (record->valid_from && record->valid_until && record->valid_until <= record->valid_from)
		fault_set(i, "unreadable", "ends before it is valid");
	return 0;
}

/* --- claims ----------------------------------------------------------------------------------- */

/* An address or a name, whatever the reference is said to be. */
static int network_parse(struct value *v, struct bytes text, struct err_text *err)
{
	static const unsigned network = TYPE_BIT(TYPE_IPV4) | TYPE_BIT(TYPE_IPV6) |
					TYPE_BIT(TYPE_IPV4_NET) | TYPE_BIT(TYPE_IPV6_NET) |
					TYPE_BIT(TYPE_DOMAIN);
	int ret = value_parse(v, text, TYPE_NONE, err);

	if (!ret && !(network & TYPE_BIT(v->type)))
		return err_set(err, ENT_EINVALID, "neither an address nor a name");
	return ret;
}

/* The labels of the object and the name of the file, in a list of their own. */
static int file_labels(struct indicator_reading *i, struct labels *labels, struct bytes file_name)
{
	struct bytes label = label_join(&i->r->arena, "file-name:", file_name, BYTES_NONE);
	const struct bytes *shared = labels->items;

	labels->items = arena_alloc(&i->r->arena, RECORD_LABELS_MAX * sizeof(*labels->items));
	if (!label.data || !labels->items)
		return ENT_ENOMEM;
	if (labels->len)
		memcpy(labels->items, shared, labels->len * sizeof(*shared));
	return labels_add(labels, &i->r->arena, label);
}

static int value_claim(struct indicator_reading *i, const struct pattern_value *value)
{
	struct claim claim = i->claim;
	struct labels labels = i->labels;
	struct err_text reason = {""};
	struct value v;
	int ret;

	ret = value->want ? value_parse(&v, value->text, value->want, &reason)
			  : network_parse(&v, value->text, &reason);
	if (ret)
		return reading_refuse(i->r, i->s->line, value->text, "unreadable", reason.text);
	ret = value->file_name.len ? file_labels(i, &labels, value->file_name) : 0;
	if (ret)
		return ret;
	if (labels.too_many)
		return refuse(i->r, i->s, "unreadable", "too large: more labels than a record has");
	claim.seen = value->text;
	claim.indicator.port = value->port;
	claim.indicator.labels = labels.items;
	claim.indicator.labels_len = labels.len;
	claim_value_set(&claim, &v);
	return reading_claim(i->r, &claim);
}

/* The object as it is, or its retraction. */
static int object_claim(struct reading *r, const struct stix_source *s, enum tlp tlp, enum pap pap)
{
	struct bytes id = bytes_from(s->id.text, s->id.len);
	struct claim claim = {
		.line = s->line,
		.kind = is_true(s->json, "revoked") ? KIND_RETRACTION : KIND_OBJECT,
		.type = TYPE_STIX,
		.tlp = tlp,
		.pap = pap,
		.value = id,
		.seen = id,
		.indicator.value = id,
		.object = {.stix_id = id, .stix_type = s->type, .json = s->raw},
	};

	return reading_claim(r, &claim);
}

/* Labels of any object may carry its marking. */
static int carried_read(struct reading *r, const struct stix_source *s)
{
	struct indicator_reading i = {.r = r, .s = s};
	int ret;

	ret = words_read(&i, "labels");
	if (ret)
		return ret;
	if (i.labels.unknown_marking)
		return refuse(r, s, "unmarked", "a marking that is not known");
	return object_claim(r, s, tlp_stricter(s->marks.tlp, i.labels.tlp),
		pap_stricter(s->marks.pap, i.labels.pap));
}

static int indicator_read(struct reading *r, const struct stix_source *s)
{
	struct bytes pattern_type = text_of(s->json, "pattern_type");
	struct bytes text = text_of(s->json, "pattern");
	struct indicator_reading i = {.r = r, .s = s};
	struct err_text reason = {""};
	struct pattern pattern;
	int ret;

	/* STIX 2.0 has no pattern type; rules of YARA and the like are carried as they are. */
	if (pattern_type.len && !bytes_eq_str(pattern_type, "stix"))
		return carried_read(r, s);
	if (text.len == 0)
		return refuse(r, s, "unreadable", "an indicator without a pattern");
	ret = pattern_read(&pattern, text, &r->arena, &reason);
	if (ret == ENT_EINVALID)
		return refuse(r, s, "unreadable", reason.text);
	if (ret)
		return ret;
	if (!pattern.simple)
		return carried_read(r, s);
	ret = context_read(&i);
	if (ret)
		return ret;
	if (i.fault_rule)
		return refuse(r, s, i.fault_rule, i.fault);
	for (const struct pattern_value *v = pattern.values; v && !ret; v = v->next)
		ret = value_claim(&i, v);
	return ret;
}

int stix_object_read(struct reading *r, const struct stix_source *s)
{
	return bytes_eq_str(s->type, "indicator") ? indicator_read(r, s) : carried_read(r, s);
}
