/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/bond.h"

#include <string.h>

void policy_bond_of(struct policy_bond *b, const struct agreement *a, const struct node_id *self)
{
	*b = (struct policy_bond){.agreement = a->id,
		.serial = a->serial,
		.valid_until = a->valid_until,
		.keep = a->after_end_keep,
		.erase_s = a->after_end_erase_s};
	memcpy(b->hash, a->hash, sizeof(b->hash));
	for (size_t i = 0; i < a->parties_len; i++)
		if (!node_id_eq(&a->parties[i].node, self))
			b->gives |= a->parties[i].gives;
}

int64_t policy_bond_end(const struct policy_bond *b, int64_t now_s)
{
	int64_t grace_s = b->erase_s < POLICY_BOND_GRACE_S ? b->erase_s : POLICY_BOND_GRACE_S;
	int64_t end_s = b->valid_until < now_s ? b->valid_until : now_s;

	return b->keep || end_s + b->erase_s >= now_s + grace_s ? end_s
								: now_s + grace_s - b->erase_s;
}

/* Any version counts: what came under a wide one is not let go of by a narrower one. */
static bool bears(const struct policy_bond *b, struct audience audience)
{
	if (audience.kind == AUDIENCE_AGREEMENT)
		return b->agreement == audience.id;
	if (audience.kind == AUDIENCE_CLEAR)
		return b->gives & TLP_BIT(TLP_CLEAR);
	return audience.kind == AUDIENCE_GREEN && (b->gives & TLP_BIT(TLP_GREEN));
}

/* Has the time come of the agreement whose bond this is? Its last version has the word. */
static bool has_come(const struct policy_bond *bonds, size_t len, uint64_t id, int64_t now_s)
{
	const struct policy_bond *last = NULL;
	int64_t ended_s = 0;

	for (size_t i = 0; i < len; i++) {
		const struct policy_bond *b = &bonds[i];

		if (b->agreement != id)
			continue;
		if (b->ended_s == 0)
			return false;
		if (b->ended_s > ended_s)
			ended_s = b->ended_s;
		if (!last || b->serial > last->serial)
			last = b;
	}
	return last && !last->keep && now_s - ended_s >= last->erase_s;
}

static void id_add(uint64_t ids[POLICY_OVER_MAX], size_t *len, uint64_t id)
{
	size_t at = 0;

	while (at < *len && ids[at] < id)
		at++;
	if ((at < *len && ids[at] == id) || *len == POLICY_OVER_MAX)
		return;
	for (size_t i = *len; i > at; i--)
		ids[i] = ids[i - 1];
	ids[at] = id;
	(*len)++;
}

bool policy_over(const struct policy_bond *bonds, size_t bonds_len, struct audience audience,
	int64_t now_s, uint64_t ids[POLICY_OVER_MAX], size_t *ids_len)
{
	*ids_len = 0;
	for (size_t i = 0; i < bonds_len; i++) {
		if (!bears(&bonds[i], audience))
			continue;
		if (!has_come(bonds, bonds_len, bonds[i].agreement, now_s)) {
			*ids_len = 0;
			return false;
		}
		id_add(ids, ids_len, bonds[i].agreement);
	}
	return *ids_len > 0;
}
