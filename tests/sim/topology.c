/* SPDX-License-Identifier: EUPL-1.2 */
#include "sim/topology.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "sim/random.h"

#define LEAST 3u /* links of a node */
#define MOST  6u
#define HUBS  4u
#define TRIES 200u /* partners looked at before a node is content with fewer links */

struct spot {
	unsigned degree;
	unsigned near[MOST]; /* the first neighbours */
};

struct draft {
	struct sim_random random;
	struct topology_link *links;
	size_t len, cap;
	struct spot *spots;
};

static void *need(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static unsigned below(struct draft *d, unsigned n)
{
	return sim_random_below(&d->random, n);
}

/* One of the two has no more neighbours than are remembered: only hubs have. */
static bool linked(const struct draft *d, unsigned a, unsigned b)
{
	const struct spot *s = &d->spots[a];

	if (s->degree > MOST)
		return linked(d, b, a);
	for (unsigned i = 0; i < s->degree; i++)
		if (s->near[i] == b)
			return true;
	return false;
}

static void near_add(struct spot *s, unsigned other)
{
	if (s->degree < MOST)
		s->near[s->degree] = other;
	s->degree++;
}

static void link_add(struct draft *d, unsigned a, unsigned b)
{
	if (a == b || linked(d, a, b))
		return;
	if (d->len == d->cap) {
		d->cap = d->cap ? d->cap * 2 : 256;
		d->links = need(realloc(d->links, d->cap * sizeof(*d->links)));
	}
	d->links[d->len++] = (struct topology_link){a < b ? a : b, a < b ? b : a};
	near_add(&d->spots[a], b);
	near_add(&d->spots[b], a);
}

/* --- the four --------------------------------------------------------------------------------- */

/* Among the n nodes from first on. */
static void sparse(struct draft *d, unsigned first, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		unsigned other = below(d, i);

		while (d->spots[first + other].degree >= MOST)
			other = below(d, i);
		link_add(d, first + i, first + other);
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned wanted = LEAST + below(d, MOST - LEAST);

		for (unsigned tries = TRIES; tries > 0; tries--) {
			unsigned other = first + below(d, n);

			if (d->spots[first + i].degree >= wanted)
				break;
			/* Those with few links are asked first, as they would ask later. */
			if (d->spots[other].degree < (tries > TRIES / 2 ? LEAST + 1 : MOST))
				link_add(d, first + i, other);
		}
	}
}

static void ring(struct draft *d, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned step = 1; step <= 2; step++)
			link_add(d, i, (i + step) % n);
}

static void hubs(struct draft *d, unsigned n)
{
	for (unsigned a = 0; a < HUBS; a++)
		for (unsigned b = a + 1; b < HUBS; b++)
			link_add(d, a, b);
	for (unsigned i = HUBS; i < n; i++) {
		unsigned hub = below(d, HUBS);

		link_add(d, i, hub);
		link_add(d, i, (hub + 1 + below(d, HUBS - 1)) % HUBS);
		if (i % 2)
			link_add(d, i, i - 1);
	}
}

static void camps(struct draft *d, unsigned n)
{
	unsigned half = (n + 1) / 2;

	sparse(d, 0, half);
	sparse(d, half, n - half);
	link_add(d, 0, half);
}

size_t topology_make(enum topology topology, unsigned nodes, uint64_t seed,
	struct topology_link **out)
{
	struct draft d = {.random = {seed}, .spots = need(calloc(nodes, sizeof(struct spot)))};

	assert(nodes >= 2 * HUBS);
	switch (topology) {
	case TOPOLOGY_SPARSE:
		sparse(&d, 0, nodes);
		break;
	case TOPOLOGY_RING:
		ring(&d, nodes);
		break;
	case TOPOLOGY_HUBS:
		hubs(&d, nodes);
		break;
	case TOPOLOGY_CAMPS:
		camps(&d, nodes);
		break;
	case TOPOLOGIES:
		abort();
	}
	free(d.spots);
	*out = d.links;
	return d.len;
}

const char *topology_name(enum topology topology)
{
	static const char *const names[] = {"sparse", "ring", "hubs", "camps"};

	return names[topology];
}
