/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <stdio.h>
#include <unistd.h>

#include "keys/file.h"
#include "keys/pausefile.h"

static struct node_id node(unsigned number)
{
	struct node_id id = {{0}};

	id.bytes[0] = (uint8_t)(number >> 8);
	id.bytes[1] = (uint8_t)number;
	return id;
}

static int change_peer(struct pausefile *p, unsigned number, bool resume)
{
	struct pausefile_change change = {.resume = resume, .has_peer = true, .peer = node(number)};

	return pausefile_apply(p, &change);
}

static void what_is_paused_adds_up_and_is_resumed_by_part(void **state)
{
	struct pausefile_change out = {.out = true}, all = {.out = true, .in = true};
	struct pausefile p = {0};

	(void)state;
	assert_false(pausefile_any(&p));
	assert_int_equal(pausefile_apply(&p, &out), 0);
	assert_true(p.out && !p.in);
	assert_int_equal(change_peer(&p, 7, false), 0);
	assert_int_equal(change_peer(&p, 7, false), 0);
	assert_int_equal(p.peers_len, 1);
	out.resume = true;
	assert_int_equal(pausefile_apply(&p, &out), 0);
	assert_true(!p.out && pausefile_any(&p));
	assert_int_equal(change_peer(&p, 7, true), 0);
	assert_false(pausefile_any(&p));
	assert_int_equal(change_peer(&p, 7, false), 0);
	all.resume = true;
	assert_int_equal(pausefile_apply(&p, &all), 0);
	assert_false(pausefile_any(&p));
}

static void it_is_read_back_as_it_was_and_nothing_leaves_no_file(void **state)
{
	const char *dir = test_dir();
	struct pausefile p = {.out = true}, read;
	char path[600];

	(void)state;
	snprintf(path, sizeof(path), "%s/paused", dir);
	assert_int_equal(pausefile_read(&read, path, NULL), 0);
	assert_false(pausefile_any(&read));
	for (unsigned i = 20; i > 0; i -= 5)
		assert_int_equal(change_peer(&p, i, false), 0);
	assert_int_equal(pausefile_write(&p, path, NULL), 0);
	assert_int_equal(pausefile_read(&read, path, NULL), 0);
	assert_memory_equal(&read, &p, sizeof(p));
	p = (struct pausefile){0};
	assert_int_equal(pausefile_write(&p, path, NULL), 0);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(pausefile_write(&p, path, NULL), 0);
	test_dir_remove(dir);
}

static void holds_as_many_peers_as_there_can_be(void **state)
{
	struct buf text = buf_with_max(PAUSEFILE_BYTES_MAX);
	static struct pausefile p, read;

	(void)state;
	for (unsigned i = 0; i < GOSSIP_PEERS_MAX; i++)
		assert_int_equal(change_peer(&p, i, false), 0);
	assert_int_equal(change_peer(&p, GOSSIP_PEERS_MAX, false), ENT_ELIMIT);
	pausefile_print(&text, &p);
	assert_false(buf_failed(&text));
	assert_int_equal(pausefile_parse(&read, buf_view(&text), "paused", NULL), 0);
	assert_int_equal(read.peers_len, GOSSIP_PEERS_MAX);
	buf_free(&text);
}

static void refuses_every_other_spelling(void **state)
{
	static const char *const bad[] = {
		"",
		"entente/pause/v2\n",
		"entente/pause/v1",
		"entente/pause/v1\nin\nout\n",
		"entente/pause/v1\nout\nout\n",
		"entente/pause/v1\nout\n\n",
		"entente/pause/v1\npeer: aaaaaaaaaaaaaaaaaaaaaaaaa\n",
		"entente/pause/v1\npeer: aaaaaaaaaaaaaaaaaaaaaaaaaa",
		("entente/pause/v1\npeer: aaaaaaaaaaaaaaaaaaaaaaaaaa\npeer: "
		 "aaaaaaaaaaaaaaaaaaaaaaaaaa\n"),
		"entente/pause/v1\nall\n",
	};
	static struct pausefile p;
	struct err_text why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (pausefile_parse(&p, bytes_str(bad[i]), "paused", &why) != ENT_EINVALID)
			fail_msg("took \"%s\"", bad[i]);
		assert_false(pausefile_any(&p));
		assert_non_null(strstr(why.text, "paused: wanted"));
	}
	assert_int_equal(pausefile_parse(&p,
				 bytes_str("entente/pause/v1\nout\nin\n"
					   "peer: aaaaaaaaaaaaaaaaaaaaaaaaaa\n"),
				 "paused", &why),
		0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_paused_adds_up_and_is_resumed_by_part),
		cmocka_unit_test(it_is_read_back_as_it_was_and_nothing_leaves_no_file),
		cmocka_unit_test(holds_as_many_peers_as_there_can_be),
		cmocka_unit_test(refuses_every_other_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
