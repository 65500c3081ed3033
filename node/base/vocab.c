/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/vocab.h"

#include <strings.h>

struct word {
	unsigned number;
	const char *text;
};

#define X(name, number, text) {number, text},
static const struct word tlps[] = {VOCAB_TLPS(X)};
static const struct word paps[] = {VOCAB_PAPS(X)};
static const struct word kinds[] = {VOCAB_KINDS(X)};
static const struct word types[] = {VOCAB_TYPES(X)};
#undef X

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *word_text(const struct word *table, size_t count, unsigned number)
{
	for (size_t i = 0; i < count; i++)
		if (table[i].number == number)
			return table[i].text;
	return "unknown";
}

static unsigned word_number(const struct word *table, size_t count, struct bytes text,
	bool any_case)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(table[i].text);

		if (text.len != len)
			continue;
		if (any_case ? strncasecmp(table[i].text, (const char *)text.data, len) == 0
			     : memcmp(table[i].text, text.data, len) == 0)
			return table[i].number;
	}
	return 0;
}

/* Drops a prefix such as "TLP:" in any case. */
static struct bytes drop_prefix(struct bytes text, const char *prefix)
{
	size_t len = strlen(prefix);

	if (text.len > len && strncasecmp((const char *)text.data, prefix, len) == 0)
		return bytes_skip(text, len);
	return text;
}

static bool is_white(struct bytes text)
{
	return text.len == 5 && strncasecmp((const char *)text.data, "white", 5) == 0;
}

const char *tlp_name(unsigned tlp)
{
	return tlp == TLP_NONE ? "none" : word_text(tlps, COUNT(tlps), tlp);
}

const char *pap_name(unsigned pap)
{
	return pap == PAP_NONE ? "none" : word_text(paps, COUNT(paps), pap);
}

const char *kind_name(unsigned kind)
{
	return word_text(kinds, COUNT(kinds), kind);
}

const char *type_name(unsigned type)
{
	return type == TYPE_NONE ? "none" : word_text(types, COUNT(types), type);
}

bool tlp_parse(struct bytes text, enum tlp *tlp)
{
	text = drop_prefix(text, "tlp:");
	*tlp = is_white(text) ? TLP_CLEAR : (enum tlp)word_number(tlps, COUNT(tlps), text, true);
	return *tlp != TLP_NONE;
}

bool pap_parse(struct bytes text, enum pap *pap)
{
	text = drop_prefix(text, "pap:");
	*pap = is_white(text) ? PAP_CLEAR : (enum pap)word_number(paps, COUNT(paps), text, true);
	return *pap != PAP_NONE;
}

bool kind_parse(struct bytes text, enum kind *kind)
{
	*kind = (enum kind)word_number(kinds, COUNT(kinds), text, false);
	return *kind != KIND_NONE;
}

bool type_parse(struct bytes text, enum type *type)
{
	*type = (enum type)word_number(types, COUNT(types), text, false);
	return *type != TYPE_NONE;
}
