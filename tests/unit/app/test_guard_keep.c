/* SPDX-License-Identifier: EUPL-1.2 */
#include "app/guard_keep.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/file.h"
#include "lib/test.h"

static struct log_name feed(unsigned i)
{
	return (struct log_name){.node = {{(uint8_t)i, (uint8_t)(i >> 8)}},
		.incarnation = 1,
		.audience = audience_of(AUDIENCE_GREEN)};
}

static void set(struct guardfile *g, unsigned i, uint64_t size)
{
	struct log_name log = feed(i);
	struct hash root = {{(uint8_t)size}};

	assert_int_equal(guardfile_set(g, &log, size, &root), 0);
}

static void save(struct guard_keeper *k, const struct guardfile *g)
{
	struct err_text err;

	assert_int_equal(guard_keeper_save(k, g, &err), 0);
}

/* What it says of feed 0; all other feeds are as in g. */
static uint64_t said(struct bytes file, const struct guardfile *g)
{
	struct log_name log = feed(0);
	struct guardfile have;
	struct err_text err;
	uint64_t size;

	assert_int_equal(guardfile_parse(&have, file, "guard", &err), 0);
	assert_int_equal(have.feeds_len, g->feeds_len);
	for (size_t i = 1; i < g->feeds_len; i++) {
		const struct guardfile_feed *f = guardfile_find(&have, &g->feeds[i].log);

		assert_true(f && f->size == g->feeds[i].size);
	}
	size = guardfile_find(&have, &log)->size;
	assert_int_equal(guardfile_find(&have, &log)->root.bytes[0], (uint8_t)size);
	guardfile_free(&have);
	return size;
}

static void contents(const char *path, struct buf *out)
{
	struct err_text err;

	buf_reset(out);
	assert_int_equal(file_read(path, out, &err), 0);
}

static uint64_t saved(const char *path, const struct guardfile *g)
{
	struct buf file = buf_with_max(1u << 20);
	uint64_t size;

	contents(path, &file);
	size = said(buf_view(&file), g);
	buf_free(&file);
	return size;
}

static ino_t inode(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	return st.st_ino;
}

static const char *guard_path(const char *dir)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/guard", dir);
	return path;
}

static void what_was_saved_last_is_read(void **state)
{
	const char *dir = test_dir(), *path = guard_path(dir);
	struct guardfile g = {0};
	struct guard_keeper k;
	ino_t first = 0;

	(void)state;
	for (unsigned life = 0; life < 3; life++) {
		guard_keeper_init(&k, path);
		for (uint64_t size = 1 + 10 * life; size < 8 + 10 * life; size++) {
			set(&g, 0, size);
			set(&g, (unsigned)size, 5);
			save(&k, &g);
			assert_int_equal(saved(path, &g), size);
			if (size > 1 + 10 * life)
				assert_int_equal(inode(path), first);
			first = inode(path);
		}
		guard_keeper_close(&k);
	}
	guardfile_free(&g);
	test_dir_remove(dir);
}

/* Of the slot that is being written any part may be on the disk after a crash. */
static void a_write_cut_short_leaves_the_one_before(void **state)
{
	const char *dir = test_dir(), *path = guard_path(dir);
	struct buf before = buf_with_max(1u << 20), after = before, torn = before;
	struct guardfile g = {0};
	struct guard_keeper k;
	unsigned whole = 0;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		set(&g, i, 7);
	for (unsigned saves = 1; saves < 5; saves++) {
		size_t slot = saves % 2 ? GUARDFILE_SLOT_BYTES : 0;

		guard_keeper_init(&k, path);
		for (unsigned i = 1; i <= saves; i++) {
			set(&g, 0, i);
			save(&k, &g);
		}
		contents(path, &before);
		set(&g, 0, saves + 1);
		save(&k, &g);
		contents(path, &after);
		guard_keeper_close(&k);
		assert_int_equal(after.len, 2 * GUARDFILE_SLOT_BYTES);
		/* The other slot has not been touched. */
		assert_memory_equal(before.data + GUARDFILE_SLOT_BYTES - slot,
			after.data + GUARDFILE_SLOT_BYTES - slot, GUARDFILE_SLOT_BYTES);
		for (size_t cut = 0; cut <= GUARDFILE_SLOT_BYTES; cut += cut < 600 ? 1 : 512) {
			uint64_t have;

			buf_reset(&torn);
			buf_bytes(&torn, buf_view(&before));
			memcpy(torn.data + slot, after.data + slot, cut);
			have = said(buf_view(&torn), &g);
			assert_true(have == saves + 1 || have == saves);
			assert_true(cut > 100 || have == saves);
			whole += have == saves + 1;
		}
	}
	assert_true(whole > 4);
	guardfile_free(&g);
	buf_free(&before);
	buf_free(&after);
	buf_free(&torn);
	test_dir_remove(dir);
}

static void a_file_that_is_gone_or_another_is_made_anew(void **state)
{
	const char *dir = test_dir(), *path = guard_path(dir);
	struct guardfile g = {0};
	struct guard_keeper k;
	struct err_text err;
	char aside[300];

	(void)state;
	snprintf(aside, sizeof(aside), "%s/aside", dir);
	guard_keeper_init(&k, path);
	for (uint64_t size = 1; size < 12; size++) {
		set(&g, 0, size);
		save(&k, &g);
		assert_int_equal(saved(path, &g), size);
		if (size % 3 == 0)
			unlink(path);
		if (size % 5 == 0)
			assert_int_equal(rename(path, aside), 0);
	}
	assert_int_equal(rmdir(dir) == 0, false);
	unlink(path);
	unlink(aside);
	assert_int_equal(rmdir(dir), 0);
	assert_true(guard_keeper_save(&k, &g, &err) != 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	save(&k, &g);
	assert_int_equal(saved(path, &g), 11);
	guard_keeper_close(&k);
	guardfile_free(&g);
	test_dir_remove(dir);
}

static void more_feeds_than_a_slot_takes_are_a_file(void **state)
{
	const char *dir = test_dir(), *path = guard_path(dir);
	struct guardfile g = {0};
	struct buf text = buf_with_max(1u << 20);
	struct guard_keeper k;

	(void)state;
	guard_keeper_init(&k, path);
	for (unsigned i = 0; i < 300; i++) {
		set(&g, i, 3);
		if (i % 20)
			continue;
		set(&g, 0, 1000 + i);
		save(&k, &g);
		assert_int_equal(saved(path, &g), 1000 + i);
	}
	contents(path, &text);
	assert_memory_equal(text.data, "entente/", 8);
	guard_keeper_close(&k);
	guardfile_free(&g);
	buf_free(&text);
	test_dir_remove(dir);
}

static void what_a_longer_one_left_is_gone(void **state)
{
	const char *dir = test_dir(), *path = guard_path(dir);
	struct guardfile many = {0}, one = {0};
	struct buf text = buf_with_max(1u << 20);
	struct guard_keeper k;

	(void)state;
	for (unsigned i = 0; i < 60; i++)
		set(&many, i, 3);
	set(&one, 0, 4);
	guard_keeper_init(&k, path);
	for (unsigned i = 0; i < 3; i++)
		save(&k, &many);
	for (unsigned i = 0; i < 2; i++)
		save(&k, &one);
	contents(path, &text);
	assert_int_equal(text.len, 2 * GUARDFILE_SLOT_BYTES);
	for (size_t at = 512; at < GUARDFILE_SLOT_BYTES; at++)
		assert_int_equal(text.data[at] | text.data[GUARDFILE_SLOT_BYTES + at], 0);
	assert_int_equal(saved(path, &one), 4);
	guard_keeper_close(&k);
	guardfile_free(&many);
	guardfile_free(&one);
	buf_free(&text);
	test_dir_remove(dir);
}

static void lines_alone_are_read_and_rotten_slots_are_not(void **state)
{
	const char *dir = test_dir(), *path = guard_path(dir);
	struct buf text = buf_with_max(1u << 20);
	struct guardfile g = {0}, have;
	struct guard_keeper k;
	struct err_text err;

	(void)state;
	set(&g, 0, 9);
	guardfile_print(&text, &g);
	assert_int_equal(file_write(path, buf_view(&text), 0600, &err), 0);
	assert_int_equal(saved(path, &g), 9);
	guard_keeper_init(&k, path);
	save(&k, &g);
	contents(path, &text);
	text.data[5] ^= 1; /* the only slot that has been written */
	assert_int_equal(guardfile_parse(&have, buf_view(&text), path, &err), ENT_EINVALID);
	guard_keeper_close(&k);
	guardfile_free(&g);
	buf_free(&text);
	test_dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_saved_last_is_read),
		cmocka_unit_test(a_write_cut_short_leaves_the_one_before),
		cmocka_unit_test(a_file_that_is_gone_or_another_is_made_anew),
		cmocka_unit_test(more_feeds_than_a_slot_takes_are_a_file),
		cmocka_unit_test(what_a_longer_one_left_is_gone),
		cmocka_unit_test(lines_alone_are_read_and_rotten_slots_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
