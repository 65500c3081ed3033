/* SPDX-License-Identifier: EUPL-1.2 */
/* Two cards that name the same transport key. */
#include "unit/keys/place.h"

static int setup(void **state)
{
	(void)state;
	place_init();
	put(card_name(&be), be_chain);
	return 0;
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
		cmocka_unit_test_setup_teardown(a_transport_key_is_one_nodes_only, setup,
			place_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
