/* SPDX-License-Identifier: EUPL-1.2 */
#include "intel/suffix.h"

#include "base/text.h"
#include "intel/value_parts.h"

#include <libpsl.h>
#include <stdio.h>
#include <stdlib.h>

#define RULES_MIN   1000
#define FILTER_BITS (1u << 18) /* 32 KiB for some 10,000 rules: 4 of 100 are looked up in vain */

struct suffixes {
	psl_ctx_t *list;
	uint8_t *may; /* FILTER_BITS; NULL: there is no filter */
};

/* --- the filter ------------------------------------------------------------------------------- */

/* FNV-1a from the end on, so that a parent is hashed on the way. */
static uint32_t hash_more(uint32_t hash, uint8_t byte)
{
	return (hash ^ byte) * 0x01000193u;
}

#define HASH_FIRST 0x811c9dc5u

static uint32_t bit_of(uint32_t hash)
{
	return (hash ^ hash >> 15) % FILTER_BITS;
}

static bool may_be(const uint8_t *may, uint32_t hash)
{
	return may[bit_of(hash) / 8] >> bit_of(hash) % 8 & 1;
}

/* A rule without its mark: "*.ck" and "!www.ck" stand for "ck" and "www.ck". */
static void filter_put(uint8_t *may, struct bytes rule)
{
	uint32_t hash = HASH_FIRST;

	if (rule.len > 0 && rule.data[0] == '!')
		rule = bytes_skip(rule, 1);
	if (rule.len > 1 && rule.data[0] == '*' && rule.data[1] == '.')
		rule = bytes_skip(rule, 2);
	while (rule.len > 0)
		hash = hash_more(hash, rule.data[--rule.len]);
	may[bit_of(hash) / 8] |= (uint8_t)(1u << bit_of(hash) % 8);
}

/* Can a rule be about the name? It says the name itself, or its parent with a star. A name of one
 * label always may; one that is written in another script may stand in the list in that. */
static bool filter_has(const uint8_t *may, struct bytes name)
{
	uint32_t hash = HASH_FIRST, parent = HASH_FIRST;
	bool labels = false;

	if (memmem(name.data, name.len, "xn--", 4))
		return true;
	for (size_t i = name.len; i-- > 0;) {
		if (name.data[i] == '.') {
			parent = hash;
			labels = true;
		}
		hash = hash_more(hash, name.data[i]);
	}
	return !labels || may_be(may, hash) || may_be(may, parent);
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* A rule a line, up to the first blank; // begins a comment. */
static void filter_fill(uint8_t *may, struct bytes text)
{
	struct bytes line;

	while (text_line_next(&text, &line)) {
		size_t len = 0;

		while (line.len > 0 && is_blank(line.data[0]))
			line = bytes_skip(line, 1);
		while (len < line.len && !is_blank(line.data[len]))
			len++;
		if (len > 0 && !bytes_starts(line, "//"))
			filter_put(may, bytes_from(line.data, len));
	}
}

/* --- the list --------------------------------------------------------------------------------- */

bool suffixes_text_path(char *path, size_t cap)
{
	static const char compiled[] = ".dafsa";
	const char *dist = psl_dist_filename();
	size_t len = dist ? strlen(dist) : 0, base = len - strlen(compiled);

	if (len < sizeof(compiled) || len >= cap || strcmp(dist + base, compiled) != 0)
		return false;
	(void)snprintf(path, cap, "%.*s.dat", (int)base, dist);
	return true;
}

int64_t suffixes_built_in_time(void)
{
	return psl_builtin_file_time();
}

/* NULL when that is no such text, or has far fewer rules than libpsl has itself. */
static psl_ctx_t *list_of(struct bytes text)
{
	FILE *file = fmemopen((void *)(uintptr_t)text.data, text.len, "r");
	psl_ctx_t *list = file ? psl_load_fp(file) : NULL;

	if (file)
		(void)fclose(file);
	if (psl_suffix_count(list) >= RULES_MIN &&
		psl_suffix_count(list) >= psl_suffix_count(psl_builtin()) / 10 * 9)
		return list;
	psl_free(list);
	return NULL;
}

int suffixes_new(struct suffixes **s, struct bytes text)
{
	*s = calloc(1, sizeof(**s));
	if (!*s)
		return ENT_ENOMEM;
	if (text.len > 0)
		(*s)->list = list_of(text);
	if ((*s)->list && ((*s)->may = calloc(1, FILTER_BITS / 8)))
		filter_fill((*s)->may, text);
	else if (!(*s)->list)
		(*s)->list = psl_latest(NULL);
	if ((*s)->list)
		return 0;
	free(*s);
	*s = NULL;
	return ENT_ENOTFOUND;
}

void suffixes_free(struct suffixes *s)
{
	if (!s)
		return;
	psl_free(s->list);
	free(s->may);
	free(s);
}

bool suffixes_have(const struct suffixes *s, struct bytes name)
{
	char text[VALUE_DOMAIN_MAX + 1];

	if (name.len >= sizeof(text) || (s->may && !filter_has(s->may, name)))
		return false;
	memcpy(text, name.data, name.len);
	text[name.len] = '\0';
	return psl_is_public_suffix(s->list, text);
}
