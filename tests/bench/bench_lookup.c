/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: store */
/*
 * Look-ups by value in the store of a node, in this process, beside its daemon.
 *
 *     bench_lookup <data directory> <how many> <list of values>...
 *
 * Values are drawn at random from the lists, and every one of them must be found. They are asked
 * for twice: at first whatever is mapped is mapped anew, the second time it is warm. Prints one
 * JSON object, CPU microseconds a look-up; ends with 1 when a value was not found.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "intel/value.h"
#include "merkle/hash.h"
#include "store/store.h"

#define LINE_MAX_BYTES 1024

static void check(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "bench_lookup: %s: %s\n", what, err_sentence(rc));
	exit(1);
}

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The line behind a random place of the file: longer lines before it make a line likelier, which
 * does no harm here. */
static void draw(FILE *list, uint64_t bytes, struct value *v)
{
	char line[LINE_MAX_BYTES];
	struct err_text err;
	uint64_t at;

	do {
		randombytes_buf(&at, sizeof(at));
		check(fseeko(list, (off_t)(at % bytes), SEEK_SET) == 0 ? 0 : ENT_EIO, "list");
	} while (!fgets(line, sizeof(line), list) || !fgets(line, sizeof(line), list));
	check(value_parse(v, bytes_from(line, strcspn(line, "\n")), TYPE_NONE, &err), "value");
}

/* Values one behind the other, each behind its type and length. */
static void draw_all(struct buf *out, char **paths, size_t paths_len, size_t count)
{
	FILE **lists = calloc(paths_len, sizeof(FILE *));
	uint64_t *bytes = calloc(paths_len, sizeof(*bytes));

	check(lists && bytes ? 0 : ENT_ENOMEM, "lists");
	for (size_t i = 0; i < paths_len; i++) {
		struct stat st;

		lists[i] = fopen(paths[i], "r");
		check(lists[i] && fstat(fileno(lists[i]), &st) == 0 ? 0 : ENT_EIO, paths[i]);
		bytes[i] = (uint64_t)st.st_size;
	}
	for (size_t i = 0; i < count; i++) {
		uint32_t list = randombytes_uniform((uint32_t)paths_len);
		struct value v;

		draw(lists[list], bytes[list], &v);
		buf_u8(out, (uint8_t)v.type);
		buf_u16(out, (uint16_t)v.len);
		buf_append(out, v.text, v.len);
	}
	check(buf_failed(out) ? ENT_ENOMEM : 0, "values");
	for (size_t i = 0; i < paths_len; i++)
		fclose(lists[i]);
	free(lists);
	free(bytes);
}

static int count_one(void *ctx, const struct store_entry *e)
{
	(void)e;
	++*(uint64_t *)ctx;
	return 0;
}

/* How many were found. */
static uint64_t look_up(struct store *s, struct bytes values, size_t count, double *us)
{
	struct cursor c = cursor_of(values);
	uint64_t found = 0;
	double from = cpu();

	for (size_t i = 0; i < count; i++) {
		enum type type = (enum type)cursor_u8(&c);
		struct bytes value = cursor_bytes(&c, cursor_u16(&c));
		struct store_reader *r;
		uint64_t claims = 0;

		check(store_reader_open(s, &r), "reader");
		check(store_find_value(r, type, value, count_one, &claims), "find");
		store_reader_close(r);
		found += claims > 0;
	}
	*us = (cpu() - from) / (double)count * 1e6;
	return found;
}

int main(int argc, char **argv)
{
	struct buf values = buf_with_max(SIZE_MAX);
	struct err_text err;
	struct store *s;
	uint64_t found;
	double first, warm;
	size_t count;

	if (argc < 4) {
		fprintf(stderr, "usage: bench_lookup <data directory> <how many> <list>...\n");
		return 2;
	}
	check(hash_init(), "hash");
	count = (size_t)strtoull(argv[2], NULL, 10);
	draw_all(&values, argv + 3, (size_t)argc - 3, count);
	check(store_open(&s, argv[1], STORE_READ, &err), err.text);
	found = look_up(s, buf_view(&values), count, &first);
	found += look_up(s, buf_view(&values), count, &warm);
	store_close(s);
	buf_free(&values);
	printf("{\"asked\": %zu, \"found\": %" PRIu64 ", \"first_us\": %.3f, \"warm_us\": %.3f}\n",
		2 * count, found, first, warm);
	return found == 2 * count ? 0 : 1;
}
