/* SPDX-License-Identifier: EUPL-1.2 */
#include "app/guard_keep.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/file.h"
#include "store/slot.h"
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

	assert_int_equal(guard_keeper_save(k, g, BYTES_NONE, &err), 0);
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
		guard_keeper_init(&k, path, NULL);
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
		size_t slot = saves % 2 ? SLOT_BYTES : 0;

		guard_keeper_init(&k, path, NULL);
		for (unsigned i = 1; i <= saves; i++) {
			set(&g, 0, i);
			save(&k, &g);
		}
		contents(path, &before);
		set(&g, 0, saves + 1);
		save(&k, &g);
		contents(path, &after);
		guard_keeper_close(&k);
		assert_int_equal(after.len, 2 * SLOT_BYTES);
		/* The other slot has not been touched. */
		assert_memory_equal(before.data + SLOT_BYTES - slot, after.data + SLOT_BYTES - slot,
			SLOT_BYTES);
		for (size_t cut = 0; cut <= SLOT_BYTES; cut += cut < 600 ? 1 : 512) {
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
	guard_keeper_init(&k, path, NULL);
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
	assert_true(guard_keeper_save(&k, &g, BYTES_NONE, &err) != 0);
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
	guard_keeper_init(&k, path, NULL);
	for (unsigned i = 0; i < 900; i++) {
		set(&g, i, 3);
		if (i % 60)
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
	guard_keeper_init(&k, path, NULL);
	for (unsigned i = 0; i < 3; i++)
		save(&k, &many);
	for (unsigned i = 0; i < 2; i++)
		save(&k, &one);
	contents(path, &text);
	assert_int_equal(text.len, 2 * SLOT_BYTES);
	for (size_t at = 512; at < SLOT_BYTES; at++)
		assert_int_equal(text.data[at] | text.data[SLOT_BYTES + at], 0);
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
	guard_keeper_init(&k, path, NULL);
	save(&k, &g);
	contents(path, &text);
	text.data[5] ^= 1; /* the only slot that has been written */
	assert_int_equal(guardfile_parse(&have, buf_view(&text), path, &err), ENT_EINVALID);
	guard_keeper_close(&k);
	guardfile_free(&g);
	buf_free(&text);
	test_dir_remove(dir);
}

/* --- the journal ------------------------------------------------------------------------------ */

static void redo_of(uint8_t *out, size_t len, uint64_t seed)
{
	struct env_rng rng = test_rng(&seed);

	env_random(&rng, out, len);
}

static void a_redo_goes_under_both_names(void **state)
{
	const char *dir = test_dir(), *path = guard_path(dir);
	char journal[300], aside[300];
	struct buf file = buf_with_max(1u << 20);
	struct guardfile g = {0};
	struct guard_keeper k;
	struct err_text err;
	uint8_t redo[9000];
	struct slot slot;

	(void)state;
	snprintf(journal, sizeof(journal), "%s/journal", dir);
	snprintf(aside, sizeof(aside), "%s/aside", dir);
	guard_keeper_init(&k, path, journal);
	assert_false(guard_keeper_journals(&k));
	set(&g, 0, 1);
	assert_true(guard_keeper_save(&k, &g, BYTES_OF(redo), &err) != 0);
	for (unsigned i = 2; i < 20; i++) {
		size_t len = 1 + i * 977 % sizeof(redo);

		if (!guard_keeper_journals(&k))
			save(&k, &g);
		assert_true(guard_keeper_journals(&k));
		assert_int_equal(inode(path), inode(journal));
		set(&g, 0, i);
		redo_of(redo, len, i);
		assert_int_equal(guard_keeper_save(&k, &g, bytes_from(redo, len), &err), 0);
		contents(journal, &file);
		assert_true(slot_newest(buf_view(&file), &slot));
		assert_bytes_equal(slot.redo, bytes_from(redo, len));
		assert_int_equal(said(buf_view(&file), &g), i);
		if (i % 5 == 0)
			assert_int_equal(rename(i % 2 ? path : journal, aside), 0);
	}
	guard_keeper_close(&k);
	guardfile_free(&g);
	buf_free(&file);
	test_dir_remove(dir);
}

static void wiped_it_has_nothing_of_any_redo(void **state)
{
	const char *dir = test_dir(), *path = guard_path(dir);
	struct buf file = buf_with_max(1u << 20);
	struct guardfile g = {0};
	struct guard_keeper k;
	struct err_text err;
	char journal[300];
	uint8_t redo[20000];

	(void)state;
	snprintf(journal, sizeof(journal), "%s/journal", dir);
	guard_keeper_init(&k, path, journal);
	set(&g, 0, 1);
	save(&k, &g);
	memset(redo, 0xee, sizeof(redo));
	for (unsigned i = 0; i < 5; i++) {
		for (unsigned n = 0; n < i; n++)
			assert_int_equal(guard_keeper_save(&k, &g,
						 bytes_from(redo, sizeof(redo) - 5000 * n), &err),
				0);
		assert_int_equal(guard_keeper_wipe(&k, &g, &err), 0);
		contents(path, &file);
		assert_null(memchr(file.data, 0xee, file.len));
		assert_int_equal(said(buf_view(&file), &g), 1);
		assert_true(guard_keeper_journals(&k));
	}
	guard_keeper_close(&k);
	guardfile_free(&g);
	buf_free(&file);
	test_dir_remove(dir);
}

/* The name of the journal lies where no other name of the guard can be. */
static void where_it_cannot_be_linked_there_is_no_journal(void **state)
{
	const char *dir = test_dir(), *path = guard_path(dir);
	struct guardfile g = {0};
	struct guard_keeper k;
	char journal[300];

	(void)state;
	snprintf(journal, sizeof(journal), "%s/none/journal", dir);
	guard_keeper_init(&k, path, journal);
	for (unsigned i = 1; i < 4; i++) {
		set(&g, 0, i);
		save(&k, &g);
		assert_false(guard_keeper_journals(&k));
		assert_true(k.alone);
		assert_int_equal(saved(path, &g), i);
	}
	guard_keeper_close(&k);
	guardfile_free(&g);
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
		cmocka_unit_test(a_redo_goes_under_both_names),
		cmocka_unit_test(wiped_it_has_nothing_of_any_redo),
		cmocka_unit_test(where_it_cannot_be_linked_there_is_no_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
