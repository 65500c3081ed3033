/* SPDX-License-Identifier: EUPL-1.2 */
/* The rosters of a keys directory. */
#include "keys/keydir.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "keys/field.h"
#include "keys/keydir_parts.h"

#define ROSTER_END ".roster"

const struct roster *keydir_roster(const struct keydir *k, uint64_t id)
{
	for (size_t i = 0; i < k->rosters_len; i++)
		if (k->rosters[i]->id == id)
			return k->rosters[i];
	return NULL;
}

static int check_complete(const struct roster *r, const char *file, struct err_text *err)
{
	if (roster_complete(r))
		return 0;
	return err_set(err, ENT_ECRYPTO,
		"%s: signatures: saw those of %zu signers, wanted %u of the %zu", file,
		r->signatures_valid, r->threshold, r->signers_len);
}

/* Parses into the next place; what fails leaves it free. */
static int take(struct keydir *k, struct bytes note, const char *path, struct err_text *err)
{
	struct roster *r = arena_alloc(&k->arena, sizeof(*r));
	struct bytes copy = arena_copy(&k->arena, note);

	if (!r || !copy.data)
		return err_set(err, ENT_ENOMEM, "%s: %s", path, err_sentence(ENT_ENOMEM));
	k->rosters[k->rosters_len] = r;
	k->roster_notes[k->rosters_len] = copy;
	return roster_parse(copy, path, &k->arena, r, err);
}

/* A broken file changes nothing: the former version stays. */
static void keep(struct keydir *k, const struct keydir *former, uint64_t id)
{
	for (size_t i = 0; former && i < former->rosters_len; i++)
		if (former->rosters[i]->id == id &&
			take(k, former->roster_notes[i], "roster", NULL) == 0)
			k->rosters_len++;
}

static void read_one(struct keydir *k, const char *dir, const struct keydir *former,
	const char *name, uint64_t id)
{
	const struct roster *before = former ? keydir_roster(former, id) : NULL;
	struct buf text = buf_with_max(NOTE_BYTES_MAX);
	char path[KEYDIR_PATH_MAX];
	struct err_text error;
	int rc = keydir_read_below(path, dir, "rosters", name, &text, &error);

	if (!rc)
		rc = take(k, buf_view(&text), path, &error);
	if (!rc && k->rosters[k->rosters_len]->id != id)
		rc = err_set(&error, ENT_EINVALID, "%s:2: id: saw another than in the file's name",
			path);
	if (!rc)
		rc = check_complete(k->rosters[k->rosters_len], path, &error);
	if (!rc && before)
		rc = roster_follows(before, k->rosters[k->rosters_len], buf_view(&text), path,
			&error);
	buf_free(&text);
	if (!rc) {
		k->rosters_len++;
	} else if (rc != ENT_ENOTFOUND) {
		keydir_add_problem(k, path, &error);
		keep(k, former, id);
	}
}

int keydir_read_rosters(struct keydir *k, const char *dir, const struct keydir *former)
{
	struct keydir_names names;
	struct err_text error;
	char path[KEYDIR_PATH_MAX];
	uint64_t id;
	bool keeps = !keydir_names_known(k, &names, dir, "rosters") && former;

	/* One place more: each file is parsed into it before it counts. */
	k->rosters = arena_alloc(&k->arena, (ROSTERS_MAX + 1) * sizeof(*k->rosters));
	k->roster_notes = arena_alloc(&k->arena, (ROSTERS_MAX + 1) * sizeof(*k->roster_notes));
	if (!k->rosters || !k->roster_notes)
		return ENT_ENOMEM;
	for (size_t i = 0; keeps && i < former->rosters_len; i++)
		keep(k, former, former->rosters[i]->id);
	for (size_t i = 0; i < names.len; i++) {
		snprintf(path, sizeof(path), "%s/rosters/%s", dir, names.list[i]);
		if (!keydir_name_id(names.list[i], ROSTER_END, &id)) {
			field_error(&error, path, 0, "name", bytes_str(names.list[i]),
				"<16 hex>" ROSTER_END);
			keydir_add_problem(k, path, &error);
		} else if (k->rosters_len == ROSTERS_MAX) {
			err_set(&error, ENT_ELIMIT, "%s: there are %u rosters already", path,
				ROSTERS_MAX);
			keydir_add_problem(k, path, &error);
		} else {
			read_one(k, dir, former, names.list[i], id);
		}
	}
	return 0;
}

int keydir_remember_roster(const char *dir, const struct roster *r, struct bytes note,
	struct err_text *err)
{
	char name[64];

	snprintf(name, sizeof(name), "%016" PRIx64 ".%u" ROSTER_END, r->id, r->serial);
	return keydir_write_below(dir, "history", name, note, err);
}

static int check_install(struct keydir *k, struct bytes note, const char *file, int64_t now_s,
	struct roster *r, struct err_text *err)
{
	const struct roster *before;
	int rc = roster_parse(note, file, &k->arena, r, err);

	if (!rc)
		rc = check_complete(r, file, err);
	if (rc)
		return rc;
	before = keydir_roster(k, r->id);
	if (!before && k->rosters_len == ROSTERS_MAX)
		return err_set(err, ENT_ELIMIT, "%s: there are %u rosters already", file,
			ROSTERS_MAX);
	if (now_s >= r->valid_until)
		return err_set(err, ENT_EEXPIRED, "%s: valid: saw an end that is past", file);
	return before ? roster_follows(before, r, note, file, err) : 0;
}

int keydir_install_roster(const char *dir, struct bytes note, const char *file, int64_t now_s,
	struct err_text *err)
{
	struct keydir k;
	struct roster r;
	char name[64];
	int rc = keydir_read(&k, dir, NULL, err);

	if (rc)
		return rc;
	if (k.unlisted.text[0]) {
		*err = k.unlisted;
		keydir_free(&k);
		return ENT_EIO;
	}
	rc = check_install(&k, note, file, now_s, &r, err);
	if (!rc)
		rc = keydir_remember_roster(dir, &r, note, err);
	snprintf(name, sizeof(name), "%016" PRIx64 ROSTER_END, rc ? 0 : r.id);
	keydir_free(&k);
	return rc ? rc : keydir_write_below(dir, "rosters", name, note, err);
}
