/* SPDX-License-Identifier: EUPL-1.2 */
/* Who has agreements with whom, in federations of any size: the same four as those of real daemons
 * (tests/integration/topology.py). One seed gives one list of links. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum topology {
	TOPOLOGY_SPARSE, /* a random tree, then random links: three to five each, six at most */
	TOPOLOGY_RING,   /* everybody with the two before and the two behind: the longest paths */
	TOPOLOGY_HUBS,   /* four large ones, each with each; the others with two of them each */
	TOPOLOGY_CAMPS,  /* two sparse halves, joined by one link between their first nodes */
	TOPOLOGIES,
};

struct topology_link {
	unsigned a, b; /* a < b */
};

/* At least eight nodes. Gives how many links; *out is the caller's to free. */
size_t topology_make(enum topology topology, unsigned nodes, uint64_t seed,
	struct topology_link **out);

const char *topology_name(enum topology topology);
