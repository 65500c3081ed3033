/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include "base/bytes.h"
#include "keys/heard.h"

static struct heard h;

static struct node_id node(uint32_t number)
{
	struct node_id id = {{0}};

	be32_put(id.bytes, number);
	return id;
}

static void reads_back_what_it_writes(void **state)
{
	struct buf text = buf_with_max(1000);
	struct node_id a = node(1), b = node(2), c = node(3);

	(void)state;
	h.nodes_len = 0;
	assert_true(heard_named(&h, &a, 3));
	assert_true(heard_knows(&h, &b, UINT32_MAX));
	assert_true(heard_told(&h, &b, 7));
	heard_text(&text, &h);
	heard_read(&h, buf_view(&text));
	assert_int_equal(h.nodes_len, 2);
	assert_int_equal(heard_of(&h, &a).named, 3);
	assert_int_equal(heard_of(&h, &a).knows, 0);
	assert_int_equal(heard_of(&h, &b).knows, UINT32_MAX);
	assert_int_equal(heard_of(&h, &b).told, 7);
	assert_int_equal(heard_of(&h, &c).named, 0);
	buf_free(&text);
}

static void only_what_is_more_is_news(void **state)
{
	struct node_id a = node(1);

	(void)state;
	h.nodes_len = 0;
	assert_false(heard_named(&h, &a, 0));
	assert_true(heard_named(&h, &a, 2));
	assert_false(heard_named(&h, &a, 2));
	assert_false(heard_named(&h, &a, 1));
	assert_int_equal(heard_of(&h, &a).named, 2);
}

static void a_broken_file_costs_what_is_broken_of_it(void **state)
{
	(void)state;
	heard_read(&h,
		bytes_str("oxaxt7bgcd3bxaxftlry5ezk3a 1 2 3\n\nnonsense\n"
			  "oxaxt7bgcd3bxaxftlry5ezk3a 1 2\naaaqeayeaudaocajbifqydiob4 9 -1 0\n"
			  "aaaqeayeaudaocajbifqydiob4 4294967296 1 0\n"));
	assert_int_equal(h.nodes_len, 1);
	assert_int_equal(h.nodes[0].knows, 2);
}

static void holds_at_its_limit(void **state)
{
	struct node_id id;

	(void)state;
	h.nodes_len = 0;
	for (uint32_t i = 0; i <= HEARD_MAX; i++) {
		id = node(i);
		assert_int_equal(heard_named(&h, &id, 1), i < HEARD_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_back_what_it_writes),
		cmocka_unit_test(only_what_is_more_is_news),
		cmocka_unit_test(a_broken_file_costs_what_is_broken_of_it),
		cmocka_unit_test(holds_at_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
