/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What came in a session and belongs into keys/: peers' newer cards, revocations. Where it cannot
 * be written (a full disk, a directory of somebody else) it is kept here and tried again: without
 * its file a restart brings back an agreement that is over, or shuts out a peer with new keys.
 * Meanwhile a revocation counts all the same.
 */
#include "app/impl.h"

#include <inttypes.h>
#include <stdlib.h>

#include "keys/file.h"

#define RETRY_MS     10000
#define ALARM_UNKEPT "key-file-unkept"

struct unkept {
	uint64_t agreement; /* whose revocation it is, else a card */
	struct node_id node;
	struct buf text;
	bool revocation;
};

static void path_of(const struct app *a, const struct unkept *u, char path[700])
{
	char id[NODE_ID_TEXT_SIZE];

	node_id_text(id, &u->node);
	if (u->revocation)
		snprintf(path, 700, "%s/agreements/%016" PRIx64 ".%s.revocation", a->keys_dir,
			u->agreement, id);
	else
		snprintf(path, 700, "%s/cards/%s.card", a->keys_dir, id);
}

/* Of what the alarm is: below keys/, for a long path would be cut. */
static const char *subject_of(const struct app *a, const char *path)
{
	return path + strlen(a->keys_dir) + 1;
}

static bool keeps(struct app *a, const struct unkept *u)
{
	struct err_text err;
	char path[700];

	path_of(a, u, path);
	if (file_write(path, buf_view(&u->text), 0644, &err) == 0) {
		app_alarm_end(a, ALARM_UNKEPT, subject_of(a, path));
		return true;
	}
	if (!app_alarm_stands(a, ALARM_UNKEPT, subject_of(a, path)))
		log_error("keys", "%s", err.text);
	app_alarm(a, ALARM_UNKEPT, "page", subject_of(a, path), err.text,
		"make room, or let the daemon write in keys/: it tries again, and a restart before "
		"that forgets what came");
	return false;
}

/* A card that somebody has placed by hand since may be newer. */
static bool is_wanted(const struct app *a, const struct unkept *u)
{
	const struct card_chain *known = keydir_chain(a->keys, &u->node);
	struct arena arena = {0};
	struct card_chain seen;
	bool wanted;

	if (u->revocation)
		return true;
	wanted = known && card_chain_read(buf_view(&u->text), "card", &arena, &seen, NULL) == 0 &&
		 card_chain_compare(known, &seen) == CARD_NEWER;
	arena_free(&arena);
	return wanted;
}

static void drop(struct app *a, size_t at)
{
	char path[700];

	path_of(a, &a->unkept[at], path);
	app_alarm_end(a, ALARM_UNKEPT, subject_of(a, path));
	buf_free(&a->unkept[at].text);
	a->unkept[at] = a->unkept[--a->unkept_len];
}

static size_t find(const struct app *a, const struct unkept *u)
{
	size_t i = 0;

	while (i < a->unkept_len && (a->unkept[i].revocation != u->revocation ||
					    a->unkept[i].agreement != u->agreement ||
					    !node_id_eq(&a->unkept[i].node, &u->node)))
		i++;
	return i;
}

static void keep(struct app *a, struct unkept *u, struct bytes text)
{
	size_t at = find(a, u);

	if (at < a->unkept_len)
		drop(a, at);
	u->text = buf_with_max(text.len);
	buf_bytes(&u->text, text);
	if (buf_failed(&u->text))
		abort();
	if (keeps(a, u)) {
		buf_free(&u->text);
		return;
	}
	a->unkept = realloc(a->unkept, (a->unkept_len + 1) * sizeof(*a->unkept));
	if (!a->unkept)
		abort();
	a->unkept[a->unkept_len++] = *u;
	a->unkept_ms = app_now(a).mono_ms;
}

void unkept_card(struct app *a, const struct node_id *node, struct bytes chain)
{
	struct unkept u = {.node = *node};

	keep(a, &u, chain);
}

void unkept_revocation(struct app *a, uint64_t agreement, const struct node_id *node,
	struct bytes note)
{
	struct unkept u = {.revocation = true, .agreement = agreement, .node = *node};

	keep(a, &u, note);
}

static void unkept_retry(struct app *a)
{
	bool kept = false;

	a->unkept_ms = app_now(a).mono_ms;
	for (size_t i = a->unkept_len; i-- > 0;) {
		bool wanted = is_wanted(a, &a->unkept[i]);

		if (wanted && !keeps(a, &a->unkept[i]))
			continue;
		kept |= wanted;
		drop(a, i);
	}
	if (kept)
		keys_touched(a);
}

void unkept_tick(struct app *a)
{
	if (a->unkept_len && app_now(a).mono_ms - a->unkept_ms >= RETRY_MS)
		unkept_retry(a);
}

static void agreement_drop(struct keydir *k, uint64_t id)
{
	size_t len = 0;

	for (size_t i = 0; i < k->agreements_len; i++) {
		if (k->agreements[i]->id == id)
			continue;
		k->agreements[len] = k->agreements[i];
		k->agreement_notes[len++] = k->agreement_notes[i];
	}
	k->agreements_len = len;
}

void unkept_count(const struct app *a, struct keydir *k)
{
	for (size_t i = 0; i < a->unkept_len; i++) {
		struct keydir_revocation *r = &k->revocations[k->revocations_len];
		struct bytes text = buf_view(&a->unkept[i].text);

		if (!a->unkept[i].revocation)
			continue;
		agreement_drop(k, a->unkept[i].agreement);
		if (k->revocations_len == AGREEMENTS_MAX ||
			revocation_read(text, "session", &r->revocation, NULL) != 0)
			continue;
		r->note = arena_copy(&k->arena, text);
		k->revocations_len += r->note.data != NULL;
	}
}

void unkept_close(struct app *a)
{
	unkept_retry(a);
	while (a->unkept_len)
		drop(a, a->unkept_len - 1);
	free(a->unkept);
}
