/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit/keys/maker.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/file.h"
#include "keys/rotation.h"

#define SECRET "a passphrase"

static struct maker fr;
static struct err_text err;
static const char *dir;
static struct identity old;

static const char *path(const char *name)
{
	static char out[1200];

	snprintf(out, sizeof(out), "%s/%s", dir, name);
	return out;
}

static int setup(void **state)
{
	(void)state;
	maker_init(&fr, 1, "fr");
	dir = test_dir();
	assert_int_equal(identity_write(&fr.id, path("node.key"), bytes_str(SECRET), &err), 0);
	assert_int_equal(identity_read(&old, path("node.key"), bytes_str(SECRET), NOW, &err), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	identity_free(&old);
	maker_free(&fr);
	test_dir_remove(dir);
	return 0;
}

/* A seed for a later card waits; whose card it is, in c. */
static void wait_for(struct card *c, uint64_t incarnation)
{
	char next[1200];

	card_next(c, &fr.card);
	identity_rotate(&fr.id, incarnation, &fr.rng);
	assert_int_equal(card_set_keys(c, &fr.id), 0);
	assert_int_equal(rotation_next_path(next, sizeof(next), dir, incarnation), 0);
	assert_int_equal(identity_write(&fr.id, next, bytes_str(SECRET), &err), 0);
}

static void assert_key(const char *name, uint64_t incarnation, const uint8_t transport[32])
{
	struct identity id;

	assert_int_equal(identity_read(&id, path(name), bytes_str(SECRET), incarnation, &err), 0);
	assert_memory_equal(id.transport_public, transport, 32);
	identity_free(&id);
}

static void without_a_card_that_names_it_a_seed_waits(void **state)
{
	struct card next;
	bool changed;

	(void)state;
	assert_int_equal(rotation_settle(dir, &fr.card, &changed, &err), 0);
	assert_false(changed);
	wait_for(&next, NOW + 9);
	assert_int_equal(rotation_settle(dir, &fr.card, &changed, &err), 0);
	assert_false(changed);
	assert_key("node.key", NOW, old.transport_public);
}

static void the_card_makes_the_seed_that_waited_the_one_in_use(void **state)
{
	struct identity former;
	struct card next;
	struct stat st;
	bool changed;

	(void)state;
	wait_for(&next, NOW + 9);
	assert_int_equal(rotation_settle(dir, &next, &changed, &err), 0);
	assert_true(changed);
	assert_key("node.key", NOW + 9, fr.id.transport_public);
	assert_memory_equal(fr.id.object_secret, old.object_secret, 32);
	assert_int_equal(stat(path("former.key"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(rotation_former_read(dir, bytes_str(SECRET), NOW, &former, &err), 0);
	assert_memory_equal(former.transport_public, old.transport_public, 32);
	assert_memory_equal(former.log_public, old.log_public, 32);
	identity_free(&former);
	/* Once more changes nothing: the former seed is not lost. */
	assert_int_equal(rotation_settle(dir, &next, &changed, &err), 0);
	assert_false(changed);
	assert_key("former.key", NOW, old.transport_public);
}

/* The former seed was written, then the machine stopped. */
static void what_a_crash_has_cut_short_is_finished(void **state)
{
	struct card next;
	bool changed;

	(void)state;
	wait_for(&next, NOW + 9);
	assert_int_equal(identity_write(&old, path("former.key"), bytes_str(SECRET), &err), 0);
	assert_int_equal(rotation_settle(dir, &next, &changed, &err), 0);
	assert_true(changed);
	assert_key("node.key", NOW + 9, fr.id.transport_public);
	assert_key("former.key", NOW, old.transport_public);
}

static void seeds_of_drafts_that_were_overtaken_go(void **state)
{
	struct card next;
	bool changed;

	(void)state;
	wait_for(&next, NOW + 8);
	wait_for(&next, NOW + 10);
	wait_for(&next, NOW + 9);
	assert_int_equal(rotation_settle(dir, &next, &changed, &err), 0);
	assert_true(changed);
	assert_true(access(path("next-1795305608.key"), F_OK) != 0);
	assert_int_equal(access(path("next-1795305610.key"), F_OK), 0);
}

static void a_former_seed_is_wiped(void **state)
{
	struct identity former;
	char from[1200];
	struct card next;
	bool changed;

	(void)state;
	assert_int_equal(rotation_former_wipe(dir, &err), 0);
	wait_for(&next, NOW + 9);
	assert_int_equal(rotation_settle(dir, &next, &changed, &err), 0);
	/* Another name for the same bytes shows what is left of them. */
	snprintf(from, sizeof(from), "%s", path("former.key"));
	assert_int_equal(link(from, path("kept")), 0);
	assert_int_equal(rotation_former_wipe(dir, &err), 0);
	assert_int_equal(rotation_former_read(dir, bytes_str(SECRET), NOW, &former, &err),
		ENT_ENOTFOUND);
	assert_int_not_equal(identity_read(&former, path("kept"), bytes_str(SECRET), NOW, &err), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(without_a_card_that_names_it_a_seed_waits),
		T(the_card_makes_the_seed_that_waited_the_one_in_use),
		T(what_a_crash_has_cut_short_is_finished),
		T(seeds_of_drafts_that_were_overtaken_go),
		T(a_former_seed_is_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
