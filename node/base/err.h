/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Error codes, one table for name and sentence. A fallible function returns 0 or a negative ENT_E…
 * and is marked MUST_CHECK. Codes of other libraries become ours in the folder that owns them.
 *
 * Where a person reads the error (config, keys, import) the function also takes a struct err_text,
 * owned by the caller: one line that names file, line, value seen and value wanted.
 */
#pragma once

#include <stddef.h>

#define MUST_CHECK        __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

#define ENT_ERRORS(X)                                                                              \
	X(NOMEM, 1, "out of memory")                                                               \
	X(INVALID, 2, "malformed input")                                                           \
	X(LIMIT, 3, "a limit is reached")                                                          \
	X(NOTFOUND, 4, "not found")                                                                \
	X(EXISTS, 5, "exists already")                                                             \
	X(CRYPTO, 6, "a signature, a key or a seal does not fit")                                  \
	X(PROOF, 7, "a proof does not lead to the signed root")                                    \
	X(DENIED, 8, "refused by policy")                                                          \
	X(GUARDED, 9, "refused by a guard rail")                                                   \
	X(IO, 10, "input or output failed")                                                        \
	X(FULL, 11, "no space left")                                                               \
	X(BUSY, 12, "busy, try again")                                                             \
	X(CLOSED, 13, "closed by the other side")                                                  \
	X(TIMEOUT, 14, "took too long")                                                            \
	X(VERSION, 15, "a version this program does not know")                                     \
	X(STATE, 16, "not possible in this state")                                                 \
	X(EXPIRED, 17, "outside its time of validity")                                             \
	X(MUTE, 18, "the node is mute: it signs nothing until it has its own entries back")        \
	X(CORRUPT, 19, "stored data does not match its hash")                                      \
	X(AGAIN, 20, "more input is needed")                                                       \
	X(USAGE, 21, "wrong usage")                                                                \
	X(PASSPHRASE, 22, "the passphrase does not open the file")

enum ent_err {
#define X(name, value, sentence) ENT_E##name = -(value),
	ENT_ERRORS(X)
#undef X
};

/* The sentence of a code; "no error" for 0, never NULL. */
const char *err_sentence(int code);

/* The code's name without prefix, e.g. "INVALID"; never NULL. */
const char *err_name(int code);

#define ERR_TEXT_MAX 512

struct err_text {
	char text[ERR_TEXT_MAX];
};

/* Writes one line into err (if not NULL; cut below ERR_TEXT_MAX, between characters) and returns
 * code. */
int err_set(struct err_text *err, int code, const char *format, ...) PRINTF_LIKE(3, 4);
