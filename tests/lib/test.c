/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ftw.h>
#include <unistd.h>

struct bytes test_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	long len;

	if (!f)
		fail_msg("cannot open %s", path);
	fseek(f, 0, SEEK_END);
	len = ftell(f);
	rewind(f);
	data = malloc((size_t)len + 1);
	assert_non_null(data);
	assert_int_equal(fread(data, 1, (size_t)len, f), len);
	data[len] = 0;
	fclose(f);
	return bytes_from(data, (size_t)len);
}

const char *test_shared(const char *name)
{
	static char path[1024];
	const char *root = getenv("ENTENTE_SHARED");

	snprintf(path, sizeof(path), "%s/data/%s", root ? root : "../shared", name);
	return access(path, R_OK) == 0 ? path : NULL;
}

const char *test_dir(void)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = malloc(1024);

	assert_non_null(dir);
	snprintf(dir, 1024, "%s/entente-test-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
	return dir;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

void test_dir_remove(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free((void *)(uintptr_t)dir);
}

static void seeded_fill(void *ctx, void *out, size_t len)
{
	uint64_t *state = ctx;
	uint8_t *p = out;

	for (size_t i = 0; i < len; i++) {
		uint64_t z = (*state += 0x9e3779b97f4a7c15u);

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
		p[i] = (uint8_t)(z ^ (z >> 31));
	}
}

struct env_rng test_rng(uint64_t *seed)
{
	return (struct env_rng){seeded_fill, seed};
}
