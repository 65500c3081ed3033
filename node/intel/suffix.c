/* SPDX-License-Identifier: EUPL-1.2 */
#include "intel/suffix.h"

#include <libpsl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "intel/value_parts.h"

#define FILE_BYTES_MAX (4u << 20) /* the list has 54 KB */
#define RULES_MAX      (1u << 17) /* and 9,600 rules */
#define STEPS_MAX      (1u << 22) /* offsets looked at: a graph that leads in circles is none */

/* Bits for each rule, two of one word: a name that is none is asked about once in fifty times. */
#define RULE_WORDS     2048u
#define WILDCARD_WORDS 64u

struct suffixes {
	psl_ctx_t *list;
	bool known; /* every rule is below */
	uint64_t rules[RULE_WORDS];
	uint64_t wildcards[WILDCARD_WORDS]; /* what stands behind "*." */
};

/* --- names that may be there ------------------------------------------------------------------ */

static uint64_t name_hash(struct bytes name)
{
	uint64_t hash = name.len, word;

	for (; name.len >= sizeof(word); name = bytes_skip(name, sizeof(word))) {
		memcpy(&word, name.data, sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 32;
	}
	word = 0;
	if (name.len > 0)
		memcpy(&word, name.data, name.len);
	hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 32;
}

static uint64_t bits_of(uint64_t hash)
{
	return UINT64_C(1) << (hash >> 40 & 63) | UINT64_C(1) << (hash >> 50 & 63);
}

static void set_add(uint64_t *words, size_t words_len, struct bytes name)
{
	uint64_t hash = name_hash(name);

	words[hash % words_len] |= bits_of(hash);
}

static bool set_may_have(const uint64_t *words, size_t words_len, struct bytes name)
{
	uint64_t hash = name_hash(name);

	return (~words[hash % words_len] & bits_of(hash)) == 0;
}

/* --- the list --------------------------------------------------------------------------------- */

/*
 * The graph (Chromium's DAFSA) is a node: offsets, each of one to three bytes, added up from where
 * the node begins, the last with its upper bit set. An offset leads to the bytes of a label's part,
 * whose last one has its upper bit set; behind it a node begins. Or the part ends with a byte of
 * 128 to 159: then what has been passed is a rule.
 */
struct graph {
	const uint8_t *bytes;
	size_t len;
	struct suffixes *to;
	unsigned rules, steps;
	char name[VALUE_DOMAIN_MAX + 3]; /* what has been passed, behind "-." */
};

#define NAME_AT 2u /* in graph.name */

static bool is_rule_end(uint8_t byte)
{
	return (byte & 0xe0) == 0x80;
}

/* The offset at *at, which moves on; *last: there are no more in its node. */
static bool offset_read(const struct graph *g, size_t *at, size_t *offset, bool *last)
{
	const uint8_t *p = g->bytes + *at;
	size_t len;

	if (*at >= g->len || g->len - *at < 3)
		return false;
	*last = p[0] & 0x80;
	switch (p[0] & 0x60) {
	case 0x60:
		*offset = (size_t)(p[0] & 0x1f) << 16 | (size_t)p[1] << 8 | p[2];
		len = 3;
		break;
	case 0x40:
		*offset = (size_t)(p[0] & 0x1f) << 8 | p[1];
		len = 2;
		break;
	default:
		*offset = p[0] & 0x3f;
		len = 1;
		break;
	}
	*at += len;
	return true;
}

/* libpsl says of any name right below a rule whether there is a wildcard; if "-" were a rule there,
 * libpsl would be asked a little more often than it must be. */
static bool rule_take(struct graph *g, size_t len)
{
	struct bytes name = bytes_from(g->name + NAME_AT, len);

	if (++g->rules > RULES_MAX)
		return false;
	set_add(g->to->rules, RULE_WORDS, name);
	g->name[NAME_AT + len] = '\0';
	if (psl_is_public_suffix(g->to->list, g->name))
		set_add(g->to->wildcards, WILDCARD_WORDS, name);
	return true;
}

/* A part of a label, and the rule that ends with it or what goes on behind it. */
static bool node_take(struct graph *g, size_t node, size_t len);

static bool part_take(struct graph *g, size_t at, size_t len)
{
	for (;; at++) {
		uint8_t byte;

		if (at >= g->len)
			return false;
		byte = g->bytes[at];
		if (is_rule_end(byte))
			return rule_take(g, len);
		if (len == VALUE_DOMAIN_MAX)
			return false;
		g->name[NAME_AT + len++] = (char)(byte & 0x7f);
		if (byte & 0x80)
			return node_take(g, at + 1, len);
	}
}

/* As deep as a rule is long. */
static bool node_take(struct graph *g, size_t node, size_t len)
{
	size_t at = node, child = node, offset;
	bool last = false;

	while (!last) {
		if (++g->steps > STEPS_MAX || !offset_read(g, &at, &offset, &last))
			return false;
		child += offset;
		if (!part_take(g, child, len))
			return false;
	}
	return true;
}

/* --- loading ---------------------------------------------------------------------------------- */

static size_t file_read(FILE *f, uint8_t *out, size_t cap)
{
	size_t len = fread(out, 1, cap, f);

	return ferror(f) || len == cap ? 0 : len;
}

/*
 * Takes the rules from the bytes that libpsl then reads of the same open file: a file that is
 * replaced meanwhile makes no difference.
 */
static void rules_take(struct suffixes *s, const uint8_t *bytes, size_t len)
{
	static const char head[] = ".DAFSA@PSL_0   \n";
	struct graph g = {.to = s, .name = "-."};

	if (len <= sizeof(head) - 1 || memcmp(bytes, head, sizeof(head) - 1) != 0)
		return;
	g.bytes = bytes + sizeof(head) - 1;
	g.len = len - (sizeof(head) - 1);
	s->known = node_take(&g, 0, 0);
}

/* libpsl has chosen the system's file: the same again, of which the rules are known. */
static void file_take(struct suffixes *s, FILE *f, uint8_t *room)
{
	size_t len = file_read(f, room, FILE_BYTES_MAX);
	psl_ctx_t *list;

	if (len == 0 || fseek(f, 0, SEEK_SET) != 0)
		return;
	list = psl_load_fp(f);
	if (!list)
		return;
	psl_free(s->list);
	s->list = list;
	rules_take(s, room, len);
}

int suffixes_new(struct suffixes **out)
{
	struct suffixes *s = calloc(1, sizeof(*s));
	uint8_t *room = malloc(FILE_BYTES_MAX);
	FILE *f = NULL;

	*out = NULL;
	if (s && room)
		s->list = psl_latest(NULL);
	if (!s || !room || !s->list) {
		int rc = s && room ? ENT_ENOTFOUND : ENT_ENOMEM;

		free(room);
		free(s);
		return rc;
	}
	if (s->list != psl_builtin() && (f = fopen(psl_dist_filename(), "re"))) {
		file_take(s, f, room);
		fclose(f);
	}
	free(room);
	*out = s;
	return 0;
}

void suffixes_free(struct suffixes *s)
{
	if (!s)
		return;
	psl_free(s->list);
	free(s);
}

/* --- asking ----------------------------------------------------------------------------------- */

bool suffixes_listed(const struct suffixes *s, struct bytes name)
{
	char text[VALUE_DOMAIN_MAX + 1];

	if (name.len >= sizeof(text))
		return false;
	if (name.len)
		memcpy(text, name.data, name.len);
	text[name.len] = '\0';
	return psl_is_public_suffix(s->list, text);
}

/* A rule says something of a name if it is the name itself, or "*." and what stands behind the
 * name's first label. A name of one label is a suffix by itself. */
bool suffixes_may_have(const struct suffixes *s, struct bytes name)
{
	const uint8_t *dot = name.len ? memchr(name.data, '.', name.len) : NULL;

	if (!s->known || !dot || dot == name.data)
		return true;
	return set_may_have(s->rules, RULE_WORDS, name) ||
	       set_may_have(s->wildcards, WILDCARD_WORDS,
		       bytes_skip(name, (size_t)(dot - name.data) + 1));
}

bool suffixes_have(const struct suffixes *s, struct bytes name)
{
	return suffixes_may_have(s, name) && suffixes_listed(s, name);
}
