/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which rosters count: what comes into force and what ends is entered, and the engine gets those
 * only of which an act tells. So no origin is taken by a roster that no act has named before.
 */
#include "app/impl.h"

#include <stdlib.h>

static const char *why_ended(const struct app *a, const struct in_force *f)
{
	const struct roster *r = keydir_roster(a->keys, f->id);

	if (!r)
		return "removed";
	return memcmp(r->hash, f->hash, sizeof(f->hash)) == 0 ? "expired" : "replaced";
}

static struct in_force in_force_of(const struct roster *r)
{
	struct in_force f = {.id = r->id, .serial = r->serial};

	memcpy(f.hash, r->hash, sizeof(f.hash));
	return f;
}

/* A file that somebody placed by hand is kept like one that `roster accept` installed: an auditor
 * wants the text by which an origin was taken, years later. */
void roster_remember(struct app *a, size_t at)
{
	struct err_text err;

	if (keydir_remember_roster(a->keys_dir, a->keys->rosters[at], a->keys->roster_notes[at],
		    &err) != 0)
		history_unkept(a, err.text);
}

static void begin(struct app *a, size_t at)
{
	struct in_force f = in_force_of(a->keys->rosters[at]);

	roster_remember(a, at);
	in_force_enter(a, ACT_ROSTER_IN_FORCE, "roster", &f, "");
}

void rosters_update(struct app *a)
{
	size_t room = a->keys->rosters_len + 1, len = 0;
	const struct roster **list = calloc(room, sizeof(struct roster *));
	struct in_force *now = calloc(room, sizeof(*now));
	int64_t now_s = app_now(a).wall_ms / 1000;
	bool changed = list && a->rosters_of != a->keys;

	if (!list || !now)
		abort();
	for (size_t i = 0; i < a->keys->rosters_len; i++)
		if (roster_in_time(a->keys->rosters[i], now_s)) {
			list[len] = a->keys->rosters[i];
			now[len++] = in_force_of(a->keys->rosters[i]);
		}
	for (size_t i = 0; i < a->rosters_len; i++)
		if (!in_force_listed(now, len, &a->rosters[i])) {
			in_force_enter(a, ACT_ROSTER_ENDED, "roster", &a->rosters[i],
				why_ended(a, &a->rosters[i]));
			changed = true;
		}
	for (size_t i = 0; i < a->keys->rosters_len; i++) {
		struct in_force f = in_force_of(a->keys->rosters[i]);

		if (in_force_listed(now, len, &f) &&
			!in_force_listed(a->rosters, a->rosters_len, &f)) {
			begin(a, i);
			changed = true;
		}
	}
	free(a->rosters);
	a->rosters = now;
	a->rosters_len = len;
	if (!changed) {
		free(list);
		return;
	}
	gossip_rosters(a->gossip, app_now(a), (const struct roster *const *)list, len);
	free(a->rosters_list);
	a->rosters_list = list;
	a->rosters_of = a->keys;
}

void rosters_close(struct app *a)
{
	free(a->rosters);
	free(a->rosters_list);
}
