/* SPDX-License-Identifier: EUPL-1.2 */
/* A node is told what others have for its card, and did not get from it. */
#include "unit/gossip/forks.h"

static struct card_chain changed(struct probe *p, unsigned actor, uint64_t keys)
{
	return cast_changed_card(actor, false, keys, &p->arena);
}

static unsigned told(const struct probe *p, uint32_t session, const struct card_chain *chain)
{
	unsigned times = 0;

	for (size_t i = 0; i < p->said_len; i++)
		times += p->said[i].type == WIRE_CARDS && p->said_to[i] == session &&
			 p->said[i].cards.cards_len == chain->cards_len &&
			 bytes_eq(p->said[i].cards.cards[chain->cards_len - 1],
				 chain->notes[chain->cards_len - 1]);
	return times;
}

/* A copy from before its last change of keys; others went by the newer card meanwhile. */
static void whoever_comes_with_an_older_card_of_its_own_is_told_the_newer(void **state)
{
	struct card_chain newer;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	fourth_comes(&p);
	newer = changed(&p, PEER, 7);
	probe_hear_cards(&p, 2, &newer);
	assert_int_equal(told(&p, 1, &newer), 0); /* it is its own */
	for (unsigned i = 0; i < 2; i++)
		probe_hear_cards(&p, 1, &cast_actor(PEER)->chain);
	assert_int_equal(told(&p, 1, &newer), 1);
	assert_int_equal(p.closed, 0);
	assert_null(p.alarm);
	probe_free(&p);
}

/* Two cards of one node are around, and it is the one to be asked about it. */
static void whose_cards_contradict_each_other_is_told_the_other(void **state)
{
	struct card_chain own, other;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	fourth_comes(&p);
	own = changed(&p, PEER, 7);
	other = changed(&p, PEER, 8);
	probe_hear_cards(&p, 1, &own);
	probe_forget(&p);
	probe_hear_cards(&p, 2, &other);
	assert_string_equal(p.alarm, "card-contradiction");
	assert_int_equal(told(&p, 1, &other), 1);
	probe_free(&p);
}

static void a_card_of_this_node_that_it_did_not_make_is_an_alarm(void **state)
{
	struct card_chain newer, forged;
	struct probe p;

	(void)state;
	probe_greeted(&p);
	fourth_comes(&p);
	newer = changed(&p, SELF, 7);
	probe_hear_cards(&p, 1, &cast_actor(SELF)->chain);
	assert_null(p.alarm);
	probe_hear_cards(&p, 1, &newer);
	assert_string_equal(p.alarm, "own-card");
	assert_true(node_id_eq(&p.alarm_peer, &cast_actor(SELF)->node));
	probe_forget(&p);
	probe_hear_cards(&p, 1, &newer); /* once a session */
	assert_null(p.alarm);
	/* The card that is in force here stays so, and others may have the former one still. */
	assert_int_equal(gossip_origin(p.g, &newer, NULL), 0);
	probe_actions(&p);
	probe_hear_cards(&p, 2, &cast_actor(SELF)->chain);
	assert_null(p.alarm);
	forged = changed(&p, SELF, 8);
	probe_hear_cards(&p, 2, &forged);
	assert_string_equal(p.alarm, "own-card");
	assert_null(p.mute);
	assert_int_equal(p.closed, 0);
	probe_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_comes_with_an_older_card_of_its_own_is_told_the_newer),
		cmocka_unit_test(whose_cards_contradict_each_other_is_told_the_other),
		cmocka_unit_test(a_card_of_this_node_that_it_did_not_make_is_an_alarm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
