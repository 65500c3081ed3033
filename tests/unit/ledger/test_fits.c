/* SPDX-License-Identifier: EUPL-1.2 */
/* One signature covers so many own entries and bytes, and no more. */
#include "lib/test.h"

#include "ledger/ledger.h"
#include "proto/limits.h"

static struct ledger *empty_ledger(void)
{
	static const struct ledger_config config;
	struct ledger *l;

	assert_int_equal(ledger_new(&l, &config), 0);
	return l;
}

static struct ledger_item *own(uint32_t count, size_t bytes)
{
	struct ledger_item *i = ledger_item_new(LEDGER_OWN);

	i->count = count;
	i->data.max = 2 * BATCH_BYTES_MAX;
	memset(buf_extend(&i->data, bytes), 0, bytes);
	return i;
}

static bool fits(const struct ledger *l, uint32_t count, size_t bytes)
{
	struct ledger_item *i = own(count, bytes);
	bool fitted = ledger_fits(l, i);

	ledger_item_free(i);
	return fitted;
}

static void a_group_stays_within_what_one_signature_covers(void **state)
{
	struct ledger *l = empty_ledger();
	struct ledger_item *act = ledger_item_new(LEDGER_ACT);

	(void)state;
	/* Whatever comes first fits: nothing is to stand for ever. */
	assert_true(fits(l, 2 * BATCH_ENTRIES_MAX, BATCH_BYTES_MAX + 1));
	ledger_put(l, own(BATCH_ENTRIES_MAX - 1, BATCH_BYTES_MAX - 100));
	assert_true(fits(l, 1, 100));
	assert_false(fits(l, 2, 1));
	assert_false(fits(l, 1, 101));
	assert_true(ledger_fits(l, act));
	ledger_item_free(act);
	ledger_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_stays_within_what_one_signature_covers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
