/* SPDX-License-Identifier: EUPL-1.2 */
/* The federations that are simulated at size are as they are said to be. */
#include <stdlib.h>

#include "lib/test.h"
#include "sim/topology.h"

struct shape {
	unsigned least, most; /* links of a node */
	unsigned reached;     /* from node 0 */
	size_t links;
};

static void shape_of(enum topology t, unsigned nodes, uint64_t seed, struct shape *s)
{
	struct topology_link *links;
	unsigned *degree = calloc(nodes, sizeof(*degree));
	bool *reached = calloc(nodes, sizeof(*reached)), more = true;

	assert_non_null(degree);
	assert_non_null(reached);
	*s = (struct shape){.least = nodes, .links = topology_make(t, nodes, seed, &links)};
	reached[0] = true;
	while (more) {
		more = false;
		for (size_t i = 0; i < s->links; i++) {
			const struct topology_link *l = &links[i];

			if (reached[l->a] == reached[l->b])
				continue;
			reached[l->a] = reached[l->b] = more = true;
		}
	}
	for (size_t i = 0; i < s->links; i++) {
		assert_true(links[i].a < links[i].b && links[i].b < nodes);
		degree[links[i].a]++;
		degree[links[i].b]++;
	}
	for (unsigned i = 0; i < nodes; i++) {
		s->least = degree[i] < s->least ? degree[i] : s->least;
		s->most = degree[i] > s->most ? degree[i] : s->most;
		s->reached += reached[i];
	}
	free(links);
	free(degree);
	free(reached);
}

static void every_topology_is_of_one_piece(void **state)
{
	struct shape s;

	(void)state;
	for (int t = 0; t < TOPOLOGIES; t++)
		for (uint64_t seed = 1; seed <= 20; seed++) {
			shape_of((enum topology)t, 43, seed, &s);
			assert_int_equal(s.reached, 43);
		}
}

static void a_sparse_one_has_three_to_six_links_each(void **state)
{
	struct shape s;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		shape_of(TOPOLOGY_SPARSE, 43, seed, &s);
		assert_in_range(s.least, 3, 6);
		assert_in_range(s.most, 3, 6);
	}
	shape_of(TOPOLOGY_SPARSE, 10000, 1, &s);
	assert_in_range(s.least, 3, 6);
	assert_in_range(s.most, 3, 6);
	assert_int_equal(s.reached, 10000);
}

static void camps_are_joined_by_one_link(void **state)
{
	struct topology_link *links;
	size_t len = topology_make(TOPOLOGY_CAMPS, 43, 1, &links), across = 0;

	(void)state;
	for (size_t i = 0; i < len; i++)
		across += links[i].a < 22 && links[i].b >= 22;
	free(links);
	assert_int_equal(across, 1);
}

static void one_seed_gives_one_list(void **state)
{
	struct topology_link *a, *b;
	size_t len = topology_make(TOPOLOGY_SPARSE, 100, 7, &a);

	(void)state;
	assert_int_equal(topology_make(TOPOLOGY_SPARSE, 100, 7, &b), len);
	assert_memory_equal(a, b, len * sizeof(*a));
	free(a);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_topology_is_of_one_piece),
		cmocka_unit_test(a_sparse_one_has_three_to_six_links_each),
		cmocka_unit_test(camps_are_joined_by_one_link),
		cmocka_unit_test(one_seed_gives_one_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
