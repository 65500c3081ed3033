/* SPDX-License-Identifier: EUPL-1.2 */
/* The words of a pattern. Private to stix_pattern*.c. */
#pragma once

#include "base/bytes.h"

enum token {
	TOKEN_END,
	TOKEN_BAD,
	TOKEN_WORD,        /* letters, digits, underscores */
	TOKEN_HYPHEN_WORD, /* a word with hyphens: an object type only */
	TOKEN_STRING,      /* text without its quotes, still escaped */
	TOKEN_INTEGER,
	TOKEN_FLOAT,
	TOKEN_HEX,
	TOKEN_BINARY,
	TOKEN_TIME,
	TOKEN_OPERATOR, /* = == != <> < <= > >= */
	TOKEN_MARK,     /* one of ( ) [ ] : . , * */
};

struct lexer {
	struct bytes all;
	size_t at; /* behind the token */
	enum token token;
	struct bytes text; /* of the token */
};

void lexer_next(struct lexer *l);

static inline bool lexer_is(const struct lexer *l, enum token token, const char *text)
{
	return l->token == token && bytes_eq_str(l->text, text);
}
