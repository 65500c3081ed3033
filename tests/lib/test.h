/* SPDX-License-Identifier: EUPL-1.2 */
/* What every unit test needs: cmocka with its includes in their order, and the test data. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/bytes.h"
#include "base/env.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A whole file, NUL behind it; the caller frees data. Fails the test when it cannot be read. */
struct bytes test_file(const char *path);

/* The path of a file of the shared data set (ENTENTE_SHARED, else ../shared), e.g.
 * "vectors/note/notes.json"; NULL when the set is not there, so that the test can skip(). */
const char *test_shared(const char *name);

/* A fresh directory under TMPDIR, removed with everything in it by test_dir_remove. */
const char *test_dir(void);
void test_dir_remove(const char *dir);

/* A random source that gives the same bytes for the same seed. */
struct env_rng test_rng(uint64_t *seed);

#define assert_bytes_equal(a, b)                                                                   \
	do {                                                                                       \
		struct bytes bytes_a_ = (a), bytes_b_ = (b);                                       \
		assert_int_equal(bytes_a_.len, bytes_b_.len);                                      \
		assert_memory_equal(bytes_a_.data, bytes_b_.data, bytes_a_.len);                   \
	} while (0)
