/* SPDX-License-Identifier: EUPL-1.2 */
/* The samples in keys/examples are what other implementations are held against. */
#include "lib/test.h"

#include <stdlib.h>

#include "base/arena.h"
#include "keys/agreement.h"
#include "keys/card.h"

static struct arena arena;
static struct err_text err;

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static void read_chain(const char *path, struct card_chain *chain)
{
	struct bytes text = test_file(path);

	if (card_chain_read(text, path, &arena, chain, &err) != 0)
		fail_msg("%s", err.text);
	free((void *)(uintptr_t)text.data);
}

static void samples_verify_and_belong_together(void **state)
{
	static const char path[] = "keys/examples/fr-de.agreement";
	struct bytes text = test_file(path), readme = test_file("keys/examples/README.md");
	struct buf words = buf_with_max(200);
	struct card_chain fr, de;
	struct agreement a;
	(void)state;

	read_chain("keys/examples/fr.card", &fr);
	read_chain("keys/examples/de.card", &de);
	assert_int_equal(fr.cards_len, 1);
	assert_int_equal(de.cards_len, 2);
	assert_memory_not_equal(de.cards[0].root.public_key, de.cards[1].root.public_key, 32);
	assert_int_equal(card_chain_last(&de)->logs_len, 2);

	if (agreement_parse(text, path, &arena, &a, &err) != 0)
		fail_msg("%s", err.text);
	assert_true(agreement_complete(&a));
	assert_memory_equal(a.parties[0].root.public_key, fr.cards[0].root.public_key, 32);
	assert_memory_equal(a.parties[1].root.public_key, de.cards[1].root.public_key, 32);
	agreement_words(&a, &words);
	assert_non_null(memmem(readme.data, readme.len, words.data, words.len));
	buf_free(&words);
	free((void *)(uintptr_t)text.data);
	free((void *)(uintptr_t)readme.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(samples_verify_and_belong_together, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
