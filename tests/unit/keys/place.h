/* SPDX-License-Identifier: EUPL-1.2 */
/* A keys directory of fr, with cards of de and be to put there, for tests. */
#pragma once

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

/* With own card and de's. */
static void place_init(void)
{
	maker_init(&fr, 1, "fr");
	maker_init(&de, 2, "de");
	maker_init(&be, 3, "be");
	fr_chain = maker_card(&arena, &fr.card, &fr.root);
	de_chain = maker_card(&arena, &de.card, &de.root);
	be_chain = maker_card(&arena, &be.card, &be.root);
	memset(&k, 0, sizeof(k));
	err.text[0] = '\0';
	dir = test_dir();
	make_dir("cards");
	put("own.card", fr_chain);
	put(card_name(&de), de_chain);
}

static int place_free(void **state)
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
