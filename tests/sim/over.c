/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * After the end of agreements (`after-end`): what the daemon remembers of those that were in force,
 * has its store keep, and gives its ledger every now and then. Here that lies beside the disk.
 */
#include <string.h>

#include "policy/bond.h"
#include "sim/world_impl.h"

#define LET_GO_MS 5000u /* the daemon does it every minute */

static struct policy_bond *bond_of(struct world_node *n, const struct agreement *a)
{
	for (size_t i = 0; i < n->bonds_len; i++)
		if (n->bonds[i].agreement == a->id && n->bonds[i].serial == a->serial)
			return &n->bonds[i];
	return NULL;
}

static void bond_begin(struct world_node *n, const struct agreement *a)
{
	struct policy_bond *b = bond_of(n, a);

	if (b && b->ended_s == 0)
		return;
	if (!b) {
		n->bonds = need(realloc(n->bonds, (n->bonds_len + 1) * sizeof(*n->bonds)));
		b = &n->bonds[n->bonds_len++];
	}
	policy_bond_of(b, a, &n->actor->node);
}

static bool in_force(const struct world_node *n, const struct policy_bond *b, int64_t now_s)
{
	for (size_t i = 0; i < n->counting_len; i++)
		if (n->counting[i]->id == b->agreement && n->counting[i]->serial == b->serial)
			return agreement_in_time(n->counting[i], now_s);
	return false;
}

void node_bonds(struct world_node *n)
{
	int64_t now_s = world_time(n).wall_ms / 1000;

	for (size_t i = 0; i < n->counting_len; i++)
		if (agreement_in_time(n->counting[i], now_s))
			bond_begin(n, n->counting[i]);
	for (size_t i = 0; i < n->bonds_len; i++)
		if (n->bonds[i].ended_s == 0 && !in_force(n, &n->bonds[i], now_s))
			n->bonds[i].ended_s = policy_bond_end(&n->bonds[i], now_s);
}

void node_let_go(struct world_node *n)
{
	struct ledger_retention *r;
	bool over = false;

	for (size_t i = 0; i < n->bonds_len; i++)
		over |= n->bonds[i].ended_s != 0;
	if (!over || n->clock->waiting_len || n->world->now_ms - n->let_go_ms < LET_GO_MS)
		return;
	n->let_go_ms = n->world->now_ms;
	r = need(calloc(1, sizeof(*r)));
	r->bonds = need(malloc(n->bonds_len * sizeof(*r->bonds)));
	memcpy(r->bonds, n->bonds, n->bonds_len * sizeof(*r->bonds));
	r->bonds_len = n->bonds_len;
	node_retain(n, r);
}
