/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A large federation falls into two halves, each of which goes on, and becomes one again (T33).
 * ENTENTE_LONG=1 plays it with a thousand nodes.
 */
#include "unit/gossip/shapes.h"

#include <stdlib.h>

#include "sim/topology.h"

#define NODES      120u
#define NODES_LONG 1000u
#define HEALED_MS  10000u /* until everything said in either half is everywhere */

static struct world *federation(unsigned nodes, struct topology_link **links, size_t *links_len)
{
	uint32_t gives = TLP_BIT(TLP_CLEAR) | TLP_BIT(TLP_GREEN);
	struct world *w = world_new(1);

	world_nodes(w, nodes);
	*links_len = topology_make(TOPOLOGY_SPARSE, nodes, 1, links);
	for (size_t i = 0; i < *links_len; i++) {
		struct cast_terms terms = {.id = i + 1, .serial = 1, .quota_origins = nodes};
		struct cast_party parties[2] = {
			{(*links)[i].a, gives, true}, {(*links)[i].b, gives, true}};
		const struct agreement *a = cast_agreement_of(&terms, parties, 2, &w->agreements);

		world_place(w, (*links)[i].a, a);
		world_place(w, (*links)[i].b, a);
	}
	return w;
}

/* The links between the two halves. */
static size_t part(struct world *w, const struct topology_link *links, size_t len, bool cut)
{
	size_t across = 0;

	for (size_t i = 0; i < len; i++)
		if ((links[i].a < w->nodes_len / 2) != (links[i].b < w->nodes_len / 2)) {
			world_cut(w, links[i].a, links[i].b, cut);
			across++;
		}
	return across;
}

static bool everywhere(const struct world *w, const struct log_name *feed, uint64_t size)
{
	for (unsigned i = 0; i < w->nodes_len; i++)
		if (world_held(w, i, feed) < size)
			return false;
	return true;
}

static void two_halves_go_on_and_become_one_again(void **state)
{
	unsigned nodes = getenv("ENTENTE_LONG") ? NODES_LONG : NODES;
	unsigned origins[] = {0, nodes / 4, nodes / 2, nodes - 1};
	struct log_name feeds[COUNT_OF(origins)];
	struct topology_link *links;
	struct world *w;
	uint64_t healed;
	size_t len;

	(void)state;
	w = federation(nodes, &links, &len);
	world_run(w, 3000);
	for (size_t i = 0; i < COUNT_OF(origins); i++) {
		feeds[i] = world_feed(w, origins[i], CLEAR);
		world_publish(w, origins[i], CLEAR, 5, 200);
	}
	world_run(w, 10000);
	for (size_t i = 0; i < COUNT_OF(origins); i++)
		assert_true(everywhere(w, &feeds[i], 5));
	assert_true(part(w, links, len, true) > 0);
	world_run(w, 2000);
	for (size_t i = 0; i < COUNT_OF(origins); i++)
		world_publish(w, origins[i], CLEAR, 20, 200);
	world_run(w, 10000);
	for (size_t i = 0; i < COUNT_OF(origins); i++)
		for (unsigned n = 0; n < nodes; n++)
			/* The own half may be of several pieces. */
			if ((n < nodes / 2) != (origins[i] < nodes / 2))
				assert_int_equal(world_held(w, n, &feeds[i]), 5);
	part(w, links, len, false);
	healed = w->now_ms;
	for (size_t i = 0; i < COUNT_OF(origins); i++)
		while (!everywhere(w, &feeds[i], 25) && w->now_ms < healed + HEALED_MS)
			world_run(w, 100);
	for (size_t i = 0; i < COUNT_OF(origins); i++)
		assert_true(everywhere(w, &feeds[i], 25));
	assert_true(world_redundancy(w) <= 2);
	for (unsigned n = 0; n < nodes; n++) {
		assert_int_equal(w->nodes[n].punishes, 0);
		assert_int_equal(w->nodes[n].alarms_len, 0);
	}
	assert_world(w);
	free(links);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_halves_go_on_and_become_one_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
