/* SPDX-License-Identifier: EUPL-1.2 */
#include "formats/stix_marking.h"

#include <stdlib.h>

#define TLP2_EXTENSION "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"

/* TLP 2.0 (OASIS common objects) and TLP 1.0 (STIX 2.1 section 7.2.1.4). */
static const struct {
	const char *id;
	enum tlp tlp;
} predefined[] = {
	{"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", TLP_CLEAR},
	{"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", TLP_GREEN},
	{"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", TLP_AMBER},
	{"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", TLP_AMBER_STRICT},
	{"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", TLP_RED},
	{"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", TLP_CLEAR},
	{"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da", TLP_GREEN},
	{"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82", TLP_AMBER},
	{"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed", TLP_RED},
};

static enum tlp predefined_tlp(const char *id)
{
	for (size_t i = 0; i < sizeof(predefined) / sizeof(predefined[0]); i++)
		if (strcmp(predefined[i].id, id) == 0)
			return predefined[i].tlp;
	return TLP_NONE;
}

bool stix_is_predefined(const char *id)
{
	return predefined_tlp(id) != TLP_NONE || strcmp(id, TLP2_EXTENSION) == 0;
}

void stix_markings_free(struct stix_markings *m)
{
	for (size_t i = 0; i < m->len; i++)
		free(m->items[i].id);
	free(m->items);
	*m = (struct stix_markings){0};
}

static const struct stix_marking *find(const struct stix_markings *m, const char *id)
{
	for (size_t i = 0; i < m->len; i++)
		if (strcmp(m->items[i].id, id) == 0)
			return &m->items[i];
	return NULL;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* What a definition says: the TLP 2.0 extension, or definition_type and definition. */
static void definition_read(struct stix_marking *m, const json_t *object)
{
	const json_t *extensions = json_object_get(object, "extensions");
	const json_t *definition = json_object_get(object, "definition");
	const char *type = text_of(object, "definition_type");
	const char *tlp2 = text_of(json_object_get(extensions, TLP2_EXTENSION), "tlp_2_0");

	if (tlp2)
		m->unknown = !tlp_parse(bytes_str(tlp2), &m->tlp);
	else if (type && strcmp(type, "tlp") == 0 && text_of(definition, "tlp"))
		m->unknown = !tlp_parse(bytes_str(text_of(definition, "tlp")), &m->tlp);
	else if (type && strcmp(type, "PAP") == 0 && text_of(definition, "PAP"))
		m->unknown = !pap_parse(bytes_str(text_of(definition, "PAP")), &m->pap);
	else
		m->unknown = !type || strcmp(type, "statement") != 0;
	/* A statement that carries an extension says more than the statement. */
	if (!tlp2 && json_object_size(extensions) > 0)
		m->unknown = true;
}

int stix_markings_learn(struct stix_markings *m, const char *id, const json_t *definition)
{
	struct stix_marking marking = {0}, *grown;

	if (stix_is_predefined(id) || find(m, id))
		return 0;
	if (m->len == STIX_MARKINGS_MAX)
		return ENT_ELIMIT;
	grown = reallocarray(m->items, m->len + 1, sizeof(*grown));
	if (!grown)
		return ENT_ENOMEM;
	m->items = grown;
	definition_read(&marking, definition);
	marking.id = strdup(id);
	if (!marking.id)
		return ENT_ENOMEM;
	grown[m->len++] = marking;
	return 0;
}

static void mark_add(const struct stix_markings *m, const char *id, struct stix_marks *marks)
{
	struct stix_marking marking = {.tlp = predefined_tlp(id)};

	if (marking.tlp == TLP_NONE) {
		const struct stix_marking *learnt = find(m, id);

		if (!learnt) {
			marks->undefined = id;
			return;
		}
		marking = *learnt;
	}
	if (marking.unknown)
		marks->unknown = id;
	if (marking.tlp > marks->tlp)
		marks->tlp = marking.tlp;
	if (marking.pap > marks->pap)
		marks->pap = marking.pap;
}

bool stix_marks_read(const struct stix_markings *m, const json_t *object, struct stix_marks *marks)
{
	const json_t *refs = json_object_get(object, "object_marking_refs");
	const json_t *granular = json_object_get(object, "granular_markings");
	const json_t *item;
	size_t i;

	*marks = (struct stix_marks){0};
	if ((refs && !json_is_array(refs)) || (granular && !json_is_array(granular)))
		return false;
	json_array_foreach(refs, i, item)
	{
		if (!json_is_string(item))
			return false;
		mark_add(m, json_string_value(item), marks);
	}
	/* A marking of a part holds for the whole: a record is shared whole or not at all. */
	json_array_foreach(granular, i, item)
	{
		const char *id = text_of(item, "marking_ref");

		if (id)
			mark_add(m, id, marks);
		else if (!text_of(item, "lang"))
			return false;
	}
	return true;
}
