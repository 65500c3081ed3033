/* SPDX-License-Identifier: EUPL-1.2 */
/* How long what came under agreements may be held when they are over. */
#include "lib/test.h"
#include "policy/bond.h"

#define DAY 86400

static const struct audience clear = {AUDIENCE_CLEAR, 0}, green = {AUDIENCE_GREEN, 0},
			     of_one = {AUDIENCE_AGREEMENT, 1};

static struct policy_bond bond(uint64_t id, uint32_t gives, int64_t ended_s, int64_t erase_s)
{
	return (struct policy_bond){.agreement = id,
		.serial = 1,
		.gives = gives,
		.ended_s = ended_s,
		.erase_s = erase_s};
}

static bool over(const struct policy_bond *b, size_t len, struct audience a, int64_t now_s)
{
	uint64_t ids[POLICY_OVER_MAX];
	size_t ids_len;

	return policy_over(b, len, a, now_s, ids, &ids_len);
}

static void bodies_go_when_the_time_after_the_end_has_come(void **state)
{
	struct policy_bond b = bond(1, TLP_BIT(TLP_CLEAR), 1000, 30 * DAY);

	(void)state;
	assert_false(over(&b, 1, clear, 1000 + 30 * DAY - 1));
	assert_true(over(&b, 1, clear, 1000 + 30 * DAY));
	assert_true(over(&b, 1, of_one, 1000 + 30 * DAY));
	b.ended_s = 0;
	assert_false(over(&b, 1, clear, 1000 + 30 * DAY));
	assert_false(over(&b, 1, of_one, 1000 + 30 * DAY));
}

static void nothing_goes_that_no_agreement_bore(void **state)
{
	struct policy_bond b = bond(1, TLP_BIT(TLP_CLEAR), 1000, DAY);
	const struct audience of_two = {AUDIENCE_AGREEMENT, 2}, local = {AUDIENCE_LOCAL, 0};

	(void)state;
	assert_false(over(&b, 1, green, 1000 + DAY));
	assert_false(over(&b, 1, of_two, 1000 + DAY));
	assert_false(over(&b, 1, local, 1000 + DAY));
	assert_false(over(NULL, 0, clear, 1000 + DAY));
}

static void another_agreement_that_gives_it_lets_it_be_held(void **state)
{
	struct policy_bond b[2] = {bond(1, TLP_BIT(TLP_CLEAR) | TLP_BIT(TLP_GREEN), 1000, DAY),
		bond(2, TLP_BIT(TLP_CLEAR), 0, DAY)};

	(void)state;
	assert_false(over(b, 2, clear, 1000 + DAY));
	assert_true(over(b, 2, green, 1000 + DAY));
	assert_true(over(b, 2, of_one, 1000 + DAY));
	/* It ends later, and its own time counts. */
	b[1].ended_s = 1000 + 10 * DAY;
	assert_false(over(b, 2, clear, 1000 + 11 * DAY - 1));
	assert_true(over(b, 2, clear, 1000 + 11 * DAY));
}

static void keep_goes_before_erase(void **state)
{
	struct policy_bond b[2] = {
		bond(1, TLP_BIT(TLP_CLEAR), 1000, DAY), bond(2, TLP_BIT(TLP_CLEAR), 1000, DAY)};

	(void)state;
	b[1].keep = true;
	assert_false(over(b, 2, clear, 1000 + 1000 * DAY));
	assert_true(over(b, 2, of_one, 1000 + DAY));
}

static void the_last_version_has_the_word_and_the_widest_says_what_came(void **state)
{
	struct policy_bond b[2] = {
		bond(1, TLP_BIT(TLP_GREEN), 1000, 10 * DAY), bond(1, TLP_BIT(TLP_CLEAR), 0, DAY)};

	(void)state;
	b[1].serial = 2;
	/* Replaced by a narrower one that is in force. */
	assert_false(over(b, 2, green, 1000 + 100 * DAY));
	b[1].ended_s = 2000;
	assert_false(over(b, 2, green, 2000 + DAY - 1));
	assert_true(over(b, 2, green, 2000 + DAY));
	b[1].keep = true;
	assert_false(over(b, 2, green, 2000 + 100 * DAY));
}

static void who_says_so_is_named_in_order(void **state)
{
	struct policy_bond b[3] = {bond(7, TLP_BIT(TLP_CLEAR), 1000, DAY),
		bond(3, TLP_BIT(TLP_CLEAR), 1000, DAY), bond(7, TLP_BIT(TLP_CLEAR), 1000, DAY)};
	uint64_t ids[POLICY_OVER_MAX];
	size_t len;

	(void)state;
	b[2].serial = 2;
	assert_true(policy_over(b, 3, clear, 1000 + DAY, ids, &len));
	assert_int_equal(len, 2);
	assert_int_equal(ids[0], 3);
	assert_int_equal(ids[1], 7);
}

static void an_end_that_is_noticed_late_leaves_a_day(void **state)
{
	struct policy_bond b = bond(1, TLP_BIT(TLP_CLEAR), 0, 30 * DAY);

	(void)state;
	b.valid_until = 1000 * DAY;
	/* In time, or revoked before. */
	assert_int_equal(policy_bond_end(&b, 1000 * DAY + 1), 1000 * DAY);
	assert_int_equal(policy_bond_end(&b, 900 * DAY), 900 * DAY);
	/* Ten years later, or by a clock that says so. */
	assert_int_equal(policy_bond_end(&b, 4650 * DAY), 4650 * DAY + DAY - 30 * DAY);
	b.erase_s = 60;
	assert_int_equal(policy_bond_end(&b, 4650 * DAY), 4650 * DAY);
	b.keep = true;
	assert_int_equal(policy_bond_end(&b, 4650 * DAY), 1000 * DAY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_go_when_the_time_after_the_end_has_come),
		cmocka_unit_test(nothing_goes_that_no_agreement_bore),
		cmocka_unit_test(another_agreement_that_gives_it_lets_it_be_held),
		cmocka_unit_test(keep_goes_before_erase),
		cmocka_unit_test(the_last_version_has_the_word_and_the_widest_says_what_came),
		cmocka_unit_test(who_says_so_is_named_in_order),
		cmocka_unit_test(an_end_that_is_noticed_late_leaves_a_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
