/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Recursive descent over the grammar of STIX 2.1, section 9:
 *
 *     pattern     = chain(FOLLOWEDBY) of chain(OR) of chain(AND) of observation
 *     observation = ( "[" comparison "]" | "(" pattern ")" ) qualifier*
 *     qualifier   = WITHIN number SECONDS | REPEATS integer TIMES | START time STOP time
 *     comparison  = chain(OR) of chain(AND) of test
 *     test        = "(" comparison ")" | [NOT] EXISTS path | path [NOT] operator constant(s)
 *     path        = type ":" key ( "." key | "[" index "]" )*
 *
 * Every function leaves the lexer on the first token it did not take, and gives NULL or false after
 * it has set the error.
 */
#include "formats/stix_pattern_impl.h"
#include "formats/stix_pattern_lex.h"

#define PATTERN_PATH_MAX 1024 /* bytes of a path */

struct parser {
	struct lexer lexer;
	struct arena *arena;
	struct err_text *err;
	int error;
	unsigned depth;
	bool plain;
};

static bool fail(struct parser *p, const char *wanted)
{
	if (p->error)
		return false;
	p->error = err_set(p->err, ENT_EINVALID, "the pattern breaks off at byte %zu: wanted %s",
		p->lexer.at - p->lexer.text.len, wanted);
	return false;
}

static void *alloc(struct parser *p, size_t len)
{
	void *room = arena_alloc(p->arena, len);

	if (!room)
		p->error = ENT_ENOMEM;
	return room;
}

static bool is_mark(const struct parser *p, const char *mark)
{
	return lexer_is(&p->lexer, TOKEN_MARK, mark);
}

static bool is_keyword(const struct parser *p, const char *word)
{
	return lexer_is(&p->lexer, TOKEN_WORD, word);
}

static bool mark_take(struct parser *p, const char *mark, const char *wanted)
{
	if (!is_mark(p, mark))
		return fail(p, wanted);
	lexer_next(&p->lexer);
	return true;
}

static bool keyword_take(struct parser *p, const char *word)
{
	if (!is_keyword(p, word))
		return fail(p, word);
	lexer_next(&p->lexer);
	return true;
}

static bool token_take(struct parser *p, enum token token, const char *wanted)
{
	if (p->lexer.token != token)
		return fail(p, wanted);
	lexer_next(&p->lexer);
	return true;
}

static bool is_reserved(struct bytes word)
{
	static const char *const words[] = {"AND", "OR", "NOT", "FOLLOWEDBY", "LIKE", "MATCHES",
		"ISSUPERSET", "ISSUBSET", "EXISTS", "LAST", "IN", "START", "STOP", "SECONDS",
		"WITHIN", "REPEATS", "TIMES", "true", "false"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (bytes_eq_str(word, words[i]))
			return true;
	return false;
}

static bool enter(struct parser *p)
{
	if (p->depth == PATTERN_DEPTH_MAX)
		return fail(p, "fewer parentheses in each other");
	p->depth++;
	return true;
}

/* --- paths and constants ---------------------------------------------------------------------- */

struct path_text {
	uint8_t data[PATTERN_PATH_MAX];
	size_t len;
};

static bool path_put(struct parser *p, struct path_text *path)
{
	struct bytes text = p->lexer.text;

	if (text.len > sizeof(path->data) - path->len)
		return fail(p, "a shorter path");
	memcpy(path->data + path->len, text.data, text.len);
	path->len += text.len;
	lexer_next(&p->lexer);
	return true;
}

/* A key: a word, or anything in quotes. */
static bool path_key(struct parser *p, struct path_text *path)
{
	bool word = p->lexer.token == TOKEN_WORD && !is_reserved(p->lexer.text);

	if (!word && p->lexer.token != TOKEN_STRING)
		return fail(p, "a property");
	return path_put(p, path);
}

static bool path_step(struct parser *p, struct path_text *path)
{
	bool index = is_mark(p, "[");

	if (!path_put(p, path))
		return false;
	if (!index)
		return path_key(p, path);
	if (!is_mark(p, "*") && p->lexer.token != TOKEN_INTEGER)
		return fail(p, "an index or *");
	if (!path_put(p, path))
		return false;
	return is_mark(p, "]") ? path_put(p, path) : fail(p, "]");
}

static bool path_read(struct parser *p, struct bytes *out)
{
	bool word = p->lexer.token == TOKEN_WORD && !is_reserved(p->lexer.text);
	struct path_text path;

	path.len = 0;
	if (!word && p->lexer.token != TOKEN_HYPHEN_WORD)
		return fail(p, "an object type");
	if (!path_put(p, &path))
		return false;
	if (!is_mark(p, ":"))
		return fail(p, ":");
	if (!path_put(p, &path) || !path_key(p, &path))
		return false;
	while (is_mark(p, ".") || is_mark(p, "["))
		if (!path_step(p, &path))
			return false;
	*out = arena_copy(p->arena, bytes_from(path.data, path.len));
	if (!out->data)
		p->error = ENT_ENOMEM;
	return out->data;
}

static struct bytes unescape(struct parser *p, struct bytes text)
{
	uint8_t *room;
	size_t n = 0;

	if (!memchr(text.data, '\\', text.len))
		return text;
	room = alloc(p, text.len);
	if (!room)
		return BYTES_NONE;
	for (size_t i = 0; i < text.len; i++) {
		bool escape = text.data[i] == '\\' && i + 1 < text.len &&
			      (text.data[i + 1] == '\\' || text.data[i + 1] == '\'');

		i += escape;
		room[n++] = text.data[i];
	}
	return bytes_from(room, n);
}

static struct pattern_constant *constant_read(struct parser *p)
{
	bool boolean = is_keyword(p, "true") || is_keyword(p, "false");
	struct pattern_constant *c;

	if (!boolean && (p->lexer.token < TOKEN_STRING || p->lexer.token > TOKEN_TIME)) {
		fail(p, "a constant");
		return NULL;
	}
	c = alloc(p, sizeof(*c));
	if (!c)
		return NULL;
	if (p->lexer.token == TOKEN_STRING)
		c->text = unescape(p, p->lexer.text);
	else if (p->lexer.token == TOKEN_INTEGER)
		c->text = p->lexer.text;
	lexer_next(&p->lexer);
	return p->error ? NULL : c;
}

static bool set_read(struct parser *p, struct pattern_constant **constants)
{
	if (!mark_take(p, "(", "("))
		return false;
	if (is_mark(p, ")")) {
		lexer_next(&p->lexer);
		return true;
	}
	for (;;) {
		*constants = constant_read(p);
		if (!*constants)
			return false;
		constants = &(*constants)->next;
		if (!is_mark(p, ","))
			return mark_take(p, ")", ", or )");
		lexer_next(&p->lexer);
	}
}

/* --- comparisons ------------------------------------------------------------------------------ */

static struct pattern_node *comparison(struct parser *p);

/* Behind the path: operator and what it compares with. */
static bool test_operator(struct parser *p, struct pattern_node *test)
{
	static const char *const text_operators[] = {"LIKE", "MATCHES", "ISSUPERSET", "ISSUBSET"};
	bool negated = is_keyword(p, "NOT");

	if (negated)
		lexer_next(&p->lexer);
	if (is_keyword(p, "IN")) {
		lexer_next(&p->lexer);
		test->op = negated ? OP_OTHER : OP_IN;
		return set_read(p, &test->constants);
	}
	test->op = OP_OTHER;
	for (size_t i = 0; i < sizeof(text_operators) / sizeof(text_operators[0]); i++) {
		if (!is_keyword(p, text_operators[i]))
			continue;
		if (!negated && strcmp(text_operators[i], "ISSUBSET") == 0)
			test->op = OP_SUBSET;
		lexer_next(&p->lexer);
		if (p->lexer.token != TOKEN_STRING)
			return fail(p, "a string");
		test->constants = constant_read(p);
		return test->constants;
	}
	if (p->lexer.token != TOKEN_OPERATOR)
		return fail(p, "an operator");
	if (!negated && p->lexer.text.data[0] == '=')
		test->op = OP_EQUAL;
	lexer_next(&p->lexer);
	test->constants = constant_read(p);
	return test->constants;
}

static struct pattern_node *parenthesised(struct parser *p)
{
	struct pattern_node *inner;

	if (!enter(p))
		return NULL;
	lexer_next(&p->lexer);
	inner = comparison(p);
	if (!inner || !mark_take(p, ")", ")"))
		return NULL;
	p->depth--;
	return inner;
}

static struct pattern_node *test(struct parser *p)
{
	struct pattern_node *node;
	bool negated;

	if (is_mark(p, "("))
		return parenthesised(p);
	node = alloc(p, sizeof(*node));
	if (!node)
		return NULL;
	negated = is_keyword(p, "NOT");
	if (negated)
		lexer_next(&p->lexer);
	if (negated || is_keyword(p, "EXISTS")) {
		node->op = OP_OTHER;
		return keyword_take(p, "EXISTS") && path_read(p, &node->path) ? node : NULL;
	}
	return path_read(p, &node->path) && test_operator(p, node) ? node : NULL;
}

/* One or more of part, joined by a keyword; one alone stands for itself. */
static struct pattern_node *chain(struct parser *p, const char *keyword, enum pattern_kind kind,
	struct pattern_node *(*part)(struct parser *p))
{
	struct pattern_node *first = part(p), *node, **last;

	if (!first || !is_keyword(p, keyword))
		return first;
	node = alloc(p, sizeof(*node));
	if (!node)
		return NULL;
	node->kind = kind;
	node->children = first;
	last = &first->next;
	while (is_keyword(p, keyword)) {
		lexer_next(&p->lexer);
		*last = part(p);
		if (!*last)
			return NULL;
		last = &(*last)->next;
	}
	return node;
}

static struct pattern_node *comparison_and(struct parser *p)
{
	return chain(p, "AND", PATTERN_AND, test);
}

static struct pattern_node *comparison(struct parser *p)
{
	return chain(p, "OR", PATTERN_OR, comparison_and);
}

/* --- observations ----------------------------------------------------------------------------- */

static struct pattern_node *followed(struct parser *p);

static bool number_take(struct parser *p)
{
	bool number = p->lexer.token == TOKEN_INTEGER || p->lexer.token == TOKEN_FLOAT;

	if (!number || p->lexer.text.data[0] == '-')
		return fail(p, "a number");
	lexer_next(&p->lexer);
	return true;
}

/* The qualifier that stands here: 1, 2 or 4, or 0 when none does; negative when it is broken. */
static int qualifier(struct parser *p)
{
	bool whole;

	if (is_keyword(p, "WITHIN")) {
		lexer_next(&p->lexer);
		return number_take(p) && keyword_take(p, "SECONDS") ? 1 : -1;
	}
	if (is_keyword(p, "REPEATS")) {
		lexer_next(&p->lexer);
		whole = p->lexer.token != TOKEN_FLOAT && number_take(p);
		return whole && keyword_take(p, "TIMES") ? 2 : -1;
	}
	if (is_keyword(p, "START")) {
		lexer_next(&p->lexer);
		return token_take(p, TOKEN_TIME, "a time") && keyword_take(p, "STOP") &&
				       token_take(p, TOKEN_TIME, "a time")
			       ? 4
			       : -1;
	}
	return 0;
}

/* An observation has each qualifier once; what stands in parentheses may have more. */
static bool qualifiers(struct parser *p, bool once)
{
	int seen = 0, found;

	while ((found = qualifier(p)) > 0) {
		if (once && (seen & found))
			return fail(p, "every qualifier once");
		seen |= found;
		p->plain = false;
	}
	return found == 0 || fail(p, "a number");
}

static struct pattern_node *observation(struct parser *p)
{
	struct pattern_node *node;

	if (is_mark(p, "[")) {
		lexer_next(&p->lexer);
		node = comparison(p);
		if (!node || !mark_take(p, "]", "]"))
			return NULL;
		return qualifiers(p, true) ? node : NULL;
	}
	if (!is_mark(p, "(")) {
		fail(p, "[ or (");
		return NULL;
	}
	if (!enter(p))
		return NULL;
	lexer_next(&p->lexer);
	node = followed(p);
	if (!node || !mark_take(p, ")", ")"))
		return NULL;
	p->depth--;
	return qualifiers(p, false) ? node : NULL;
}

/* Observations that must all be made, or in turn, say more than their values. */
static struct pattern_node *observed_together(struct parser *p)
{
	struct pattern_node *first = observation(p);
	struct pattern_node *node = first;

	while (node && is_keyword(p, "AND")) {
		p->plain = false;
		lexer_next(&p->lexer);
		node = observation(p);
	}
	return node ? first : NULL;
}

static struct pattern_node *alternatives(struct parser *p)
{
	return chain(p, "OR", PATTERN_OR, observed_together);
}

static struct pattern_node *followed(struct parser *p)
{
	struct pattern_node *first = alternatives(p);
	struct pattern_node *node = first;

	while (node && is_keyword(p, "FOLLOWEDBY")) {
		p->plain = false;
		lexer_next(&p->lexer);
		node = alternatives(p);
	}
	return node ? first : NULL;
}

int pattern_parse(struct pattern_tree *tree, struct bytes text, struct arena *a,
	struct err_text *err)
{
	struct parser p = {.lexer = {.all = text}, .arena = a, .err = err, .plain = true};

	lexer_next(&p.lexer);
	tree->observations = followed(&p);
	if (!p.error && p.lexer.token != TOKEN_END)
		fail(&p, "the end");
	tree->plain = p.plain;
	return p.error;
}
