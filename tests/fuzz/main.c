/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Runs a fuzz target without a fuzzer: over the kept corpus, over each kept input cut and bent in
 * fixed ways, and over nothing at all. Arguments are files or folders; one that is not there counts
 * as an empty folder.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX (1u << 20)
#define BENT      64 /* variants of each input */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned inputs;

/* On the heap and of its exact size, so that a sanitiser sees any step beyond it. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	if (size)
		memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	inputs++;
}

static uint64_t next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static void run_bent(uint8_t *data, size_t size)
{
	uint64_t state = size;

	run(data, size);
	for (int i = 0; size && i < BENT; i++) {
		size_t at = next(&state) % size;
		uint8_t kept = data[at];

		run(data, at);
		data[at] ^= (uint8_t)(1u << (next(&state) % 8));
		run(data, size);
		data[at] = kept;
	}
}

static int run_file(const char *path)
{
	static uint8_t data[INPUT_MAX];
	FILE *f = fopen(path, "rb");
	size_t size;

	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	size = fread(data, 1, sizeof(data), f);
	fclose(f);
	run_bent(data, size);
	return 0;
}

static int run_folder(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int rc = 0;

	if (!d)
		return errno == ENOENT ? 0 : 1;
	while ((e = readdir(d))) {
		char file[4096];

		if (e->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		rc |= run_file(file);
	}
	closedir(d);
	return rc;
}

int main(int argc, char **argv)
{
	struct stat st;
	int rc = 0;

	run(NULL, 0);
	for (int i = 1; i < argc; i++) {
		bool file = stat(argv[i], &st) == 0 && S_ISREG(st.st_mode);

		rc |= file ? run_file(argv[i]) : run_folder(argv[i]);
	}
	printf("%s replay of %u inputs\n", rc ? "not ok" : "ok", inputs);
	return rc;
}
