/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What agreements say of the time after their end (policy/bond.h), for every version that was ever
 * in force here. The store has the texts and when each was over, so a restart remembers, whatever
 * has become of the files.
 */
#include "app/impl.h"

#include <inttypes.h>
#include <stdlib.h>

static struct policy_bond *bond_add(struct app *a)
{
	struct policy_bond *grown = realloc(a->bonds, (a->bonds_len + 1) * sizeof(*grown));

	if (!grown)
		abort();
	a->bonds = grown;
	return &a->bonds[a->bonds_len++];
}

static int bond_read(void *ctx, const struct store_agreement *kept)
{
	struct app *a = ctx;
	struct arena arena = {0};
	struct agreement g;
	struct err_text err;
	int rc = agreement_parse(kept->note, "store", &arena, &g, &err);

	if (rc == 0) {
		struct policy_bond *b = bond_add(a);

		policy_bond_of(b, &g, &a->self);
		b->ended_s = kept->ended_ms / 1000;
	} else {
		log_error("keys", "an agreement in the store does not read: %s", err.text);
	}
	arena_free(&arena);
	return rc == ENT_ENOMEM ? rc : 0;
}

int bonds_open(struct app *a)
{
	struct store_reader *r;
	int rc = store_reader_open(a->store, &r);

	if (rc != 0)
		return rc;
	rc = store_agreement_each(r, bond_read, a);
	store_reader_close(r);
	return rc;
}

void bonds_close(struct app *a)
{
	free(a->bonds);
}

static bool is_in_force(const struct app *a, const struct policy_bond *b)
{
	for (size_t i = 0; i < a->in_force_len; i++)
		if (a->in_force[i].id == b->agreement && a->in_force[i].serial == b->serial)
			return true;
	return false;
}

static struct policy_bond *bond_of(struct app *a, uint64_t id, uint32_t serial)
{
	for (size_t i = 0; i < a->bonds_len; i++)
		if (a->bonds[i].agreement == id && a->bonds[i].serial == serial)
			return &a->bonds[i];
	return NULL;
}

static void bond_begin(struct app *a, const struct in_force *f)
{
	struct policy_bond *b = bond_of(a, f->id, f->serial);

	if (b && b->ended_s == 0)
		return;
	for (size_t i = 0; i < a->keys->agreements_len; i++) {
		const struct agreement *g = a->keys->agreements[i];

		if (g->id != f->id || g->serial != f->serial)
			continue;
		if (!b)
			b = bond_add(a);
		policy_bond_of(b, g, &a->self);
		pipeline_agreement(a->pipeline, g->id, g->serial, 0, a->keys->agreement_notes[i]);
		return;
	}
}

void bonds_update(struct app *a)
{
	int64_t now_s = app_now(a).wall_ms / 1000;

	for (size_t i = 0; i < a->in_force_len; i++)
		bond_begin(a, &a->in_force[i]);
	/* When something ended is not said by a clock that is in doubt: it is once the time is
	 * confirmed, and nothing goes before. */
	for (size_t i = 0; i < a->bonds_len && !app_clock_doubted(a); i++) {
		struct policy_bond *b = &a->bonds[i];

		if (b->ended_s != 0 || is_in_force(a, b))
			continue;
		b->ended_s = policy_bond_end(b, now_s);
		pipeline_agreement(a->pipeline, b->agreement, b->serial, b->ended_s * 1000,
			BYTES_NONE);
	}
}

/* While it is not sure what time it is, nothing goes by it that does not come back. */
void bonds_give(const struct app *a, struct ledger_retention *r)
{
	bool over = false;

	for (size_t i = 0; i < a->bonds_len; i++)
		over |= a->bonds[i].ended_s != 0;
	if (!over || app_clock_doubted(a))
		return;
	r->bonds = malloc(a->bonds_len * sizeof(*r->bonds));
	if (!r->bonds)
		return; /* the next time */
	memcpy(r->bonds, a->bonds, a->bonds_len * sizeof(*r->bonds));
	r->bonds_len = a->bonds_len;
}
