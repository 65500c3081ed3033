/* SPDX-License-Identifier: EUPL-1.2 */
/* Two cards that name the same transport key. */
#include "unit/keys/maker.h"

#include <stdlib.h>
#include <unistd.h>

#include "keys/file.h"
#include "keys/keydir.h"

static struct maker fr, de, be;
static struct arena arena;
static struct err_text err;
static struct bytes fr_chain, de_chain, be_chain;
static const char *dir;
static struct keydir k;

static void put(const char *name, struct bytes data)
{
	char path[1200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(file_write(path, data, 0644, &err), 0);
}

static void make_dir(const char *name)
{
	char path[1200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(file_directory(path, 0700, &err), 0);
}

static void remove_name(const char *name)
{
	char path[1200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(unlink(path), 0);
}

static const char *card_name(const struct maker *m)
{
	static char name[64];
	char node[NODE_ID_TEXT_SIZE];

	node_id_text(node, &m->card.node);
	snprintf(name, sizeof(name), "cards/%s.card", node);
	return name;
}

static int setup(void **state)
{
	(void)state;
	maker_init(&fr, 1, "fr");
	maker_init(&de, 2, "de");
	maker_init(&be, 3, "be");
	fr_chain = maker_card(&arena, &fr.card, &fr.root);
	de_chain = maker_card(&arena, &de.card, &de.root);
	be_chain = maker_card(&arena, &be.card, &be.root);
	memset(&k, 0, sizeof(k));
	dir = test_dir();
	make_dir("cards");
	put("own.card", fr_chain);
	put(card_name(&de), de_chain);
	put(card_name(&be), be_chain);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	maker_free(&fr);
	maker_free(&de);
	maker_free(&be);
	keydir_free(&k);
	arena_free(&arena);
	test_dir_remove(dir);
	return 0;
}

/* Reads the directory again on top of what was there, as the daemon does. */
static void read_again(void)
{
	struct keydir now;

	assert_int_equal(keydir_read(&now, dir, &k, &err), 0);
	keydir_free(&k);
	k = now;
}

static void expect_problem(const char *words)
{
	for (size_t i = 0; i < k.problems_len; i++)
		if (strstr(k.problems[i].error.text, words))
			return;
	fail_msg("no problem \"%s\" of %zu: %s", words, k.problems_len,
		k.problems_len ? k.problems[0].error.text : "");
}

static void a_transport_key_is_one_nodes_only(void **state)
{
	struct card next = de.card;
	struct card_chain chain;
	struct buf text = buf_with_max(NOTE_BYTES_MAX);
	struct bytes forged[2], notes, own;
	(void)state;

	read_again();
	assert_int_equal(k.problems_len, 0);
	assert_int_equal(k.chains_len, 2);
	/* de's second card names the key of be. */
	card_next(&next, &de.card);
	memcpy(next.transport, be.card.transport, sizeof(next.transport));
	forged[0] = de_chain;
	forged[1] = maker_card(&arena, &next, &de.root);
	assert_int_equal(card_chain_parse(forged, 2, "de", &arena, &chain, &err), 0);
	assert_ptr_equal(keydir_transport_other(&k, &chain), keydir_chain(&k, &be.card.node));
	card_chain_write(&text, &chain);
	notes = arena_copy(&arena, buf_view(&text));
	put(card_name(&de), notes);
	for (int i = 0; i < 2; i++) {
		read_again();
		assert_int_equal(k.problems_len, 1);
		expect_problem("transport: saw the key of ");
		assert_int_equal(keydir_chain(&k, &de.card.node)->cards_len, 1);
		assert_int_equal(keydir_chain(&k, &be.card.node)->cards_len, 1);
	}
	/* Without a card of before there is none. */
	remove_name(card_name(&de));
	read_again();
	put(card_name(&de), notes);
	read_again();
	expect_problem("transport: saw the key of ");
	assert_null(keydir_chain(&k, &de.card.node));
	/* At a start both stay, and it is told. */
	keydir_free(&k);
	assert_int_equal(keydir_read(&k, dir, NULL, &err), 0);
	assert_int_equal(k.problems_len, 1);
	assert_int_equal(k.chains_len, 2);
	/* The node's own key is nobody else's either. */
	remove_name(card_name(&be));
	memcpy(next.transport, fr.card.transport, sizeof(next.transport));
	forged[1] = maker_card(&arena, &next, &de.root);
	assert_int_equal(card_chain_parse(forged, 2, "de", &arena, &chain, &err), 0);
	buf_reset(&text);
	card_chain_write(&text, &chain);
	own = arena_copy(&arena, buf_view(&text));
	put(card_name(&de), own);
	keydir_free(&k);
	assert_int_equal(keydir_read(&k, dir, NULL, &err), 0);
	expect_problem("transport: saw the key of ");
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_transport_key_is_one_nodes_only, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
