/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What is left of an agreement when it is over: how long this node may hold what it got under it
 * (`after-end`, PROTOCOL.md, "After the end"). A bond is what a version of an agreement that was in
 * force here says of that; it outlives the file, and the agreement.
 */
#pragma once

#include <stdbool.h>

#include "base/name.h"
#include "base/vocab.h"
#include "keys/agreement.h"

struct policy_bond {
	uint64_t agreement;
	uint32_t serial;
	uint32_t gives;      /* TLP_BIT of what others let pass to this node */
	int64_t valid_until; /* s */
	int64_t ended_s;     /* when this version was over here; 0: it is in force */
	bool keep;
	uint8_t hash[32]; /* of its text */
	int64_t erase_s;  /* when not keep */
};

/* In force; of an agreement to which self is party. */
void policy_bond_of(struct policy_bond *b, const struct agreement *a, const struct node_id *self);

/*
 * When a version that is found out of force now was over: by its time, or now. Where that is
 * noticed late (this node was off, or the clock is wrong) it counts so that there is a day left
 * before anything goes, or all the time of the agreement where that is shorter.
 */
#define POLICY_BOND_GRACE_S 86400
int64_t policy_bond_end(const struct policy_bond *b, int64_t now_s);

/* At most so many are named. */
#define POLICY_OVER_MAX 64u

/*
 * Must the bodies of others' feeds of this audience go? Yes when every agreement under which this
 * node got them or may hold them is over, the last version of each says erase, and the time of each
 * has come: then ids has the agreements, ascending. What no bond bears stays: it came before bonds
 * were kept, or it is nobody's.
 */
bool policy_over(const struct policy_bond *bonds, size_t bonds_len, struct audience audience,
	int64_t now_s, uint64_t ids[POLICY_OVER_MAX], size_t *ids_len);
