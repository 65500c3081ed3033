/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <stdio.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/file.h"

static char path[1100];
static const char *dir;
static struct err_text err;

static int setup(void **state)
{
	(void)state;
	dir = test_dir();
	snprintf(path, sizeof(path), "%s/x", dir);
	err.text[0] = '\0';
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_dir_remove(dir);
	return 0;
}

static size_t names_in(const char *where)
{
	DIR *d = opendir(where);
	size_t count = 0;

	assert_non_null(d);
	while (readdir(d))
		count++;
	closedir(d);
	return count - 2;
}

static void writes_whole_files_and_leaves_nothing_beside_them(void **state)
{
	struct buf out = buf_with_max(100);
	struct stat st;
	(void)state;

	assert_int_equal(file_create(path, bytes_str("one"), 0640, &err), 0);
	assert_int_equal(file_create(path, bytes_str("two"), 0640, &err), ENT_EEXISTS);
	assert_int_equal(file_read(path, &out, &err), 0);
	assert_bytes_equal(buf_view(&out), bytes_str("one"));
	buf_reset(&out);
	assert_int_equal(file_write(path, bytes_str("two"), 0600, &err), 0);
	assert_int_equal(file_read(path, &out, &err), 0);
	assert_bytes_equal(buf_view(&out), bytes_str("two"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(names_in(dir), 1);
	buf_free(&out);
}

static void reads_no_more_than_its_bound(void **state)
{
	struct buf out = buf_with_max(5);
	(void)state;

	assert_int_equal(file_write(path, bytes_str("12345"), 0600, &err), 0);
	assert_int_equal(file_read(path, &out, &err), 0);
	assert_int_equal(file_write(path, bytes_str("123456"), 0600, &err), 0);
	buf_reset(&out);
	assert_int_equal(file_read(path, &out, &err), ENT_ELIMIT);
	assert_non_null(strstr(err.text, path));
	buf_free(&out);
}

static void reads_regular_files_only(void **state)
{
	struct buf out = buf_with_max(100);
	char link_path[1200];
	(void)state;

	assert_int_equal(file_read(dir, &out, &err), ENT_EINVALID);
	assert_non_null(strstr(err.text, "saw a directory, wanted a regular file"));
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(file_read(path, &out, &err), ENT_EINVALID); /* and does not wait */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(file_read("/dev/zero", &out, &err), ENT_EINVALID);

	assert_int_equal(file_write(path, bytes_str("x"), 0600, &err), 0);
	snprintf(link_path, sizeof(link_path), "%s/link", dir);
	assert_int_equal(symlink(path, link_path), 0);
	assert_int_equal(file_read(link_path, &out, &err), 0);
	assert_int_equal(file_read_nofollow(link_path, &out, &err), ENT_EINVALID);
	assert_non_null(strstr(err.text, "symbolic link"));
	buf_free(&out);
}

static void names_the_file_that_is_not_there(void **state)
{
	struct buf out = buf_with_max(100);
	char wanted[1200];
	(void)state;

	snprintf(wanted, sizeof(wanted), "%s: cannot open: No such file or directory", path);
	assert_int_equal(file_read(path, &out, &err), ENT_ENOTFOUND);
	assert_string_equal(err.text, wanted);
	snprintf(path, sizeof(path), "%s/none/x", dir);
	assert_int_equal(file_write(path, bytes_str("x"), 0600, &err), ENT_ENOTFOUND);
	buf_free(&out);
}

static void refuses_paths_that_do_not_fit(void **state)
{
	char out[8];
	(void)state;

	assert_int_equal(file_path(out, sizeof(out), "abc", "def"), 0);
	assert_string_equal(out, "abc/def");
	assert_int_equal(file_path(out, sizeof(out), "abc", "defg"), ENT_ELIMIT);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(writes_whole_files_and_leaves_nothing_beside_them),
		T(reads_no_more_than_its_bound),
		T(reads_regular_files_only),
		T(names_the_file_that_is_not_there),
		T(refuses_paths_that_do_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
