/* SPDX-License-Identifier: EUPL-1.2 */
#include "keys/keydir.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include "base/text.h"
#include "keys/field.h"
#include "keys/file.h"
#include "keys/keydir_parts.h"

#define CARD_END       ".card"
#define AGREEMENT_END  ".agreement"
#define REVOCATION_END ".revocation"
#define ID_LEN         16 /* hex digits */

void keydir_add_problem(struct keydir *k, const char *file, const struct err_text *error)
{
	struct keydir_problem *p;

	if (k->problems_len == KEYDIR_PROBLEMS_MAX)
		return;
	if (!k->problems)
		k->problems = arena_alloc(&k->arena, KEYDIR_PROBLEMS_MAX * sizeof(*k->problems));
	if (!k->problems)
		return;
	p = &k->problems[k->problems_len++];
	snprintf(p->file, sizeof(p->file), "%s", file);
	p->error = *error;
}

/* --- names ------------------------------------------------------------------------------------ */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int collect(struct keydir_names *names, struct arena *arena, DIR *d, const char *path,
	struct err_text *err)
{
	struct dirent *entry;

	while ((errno = 0, entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		if (names->len == KEYDIR_NAMES_MAX)
			return err_set(err, ENT_ELIMIT, "%s: saw more than %u files, wanted fewer",
				path, KEYDIR_NAMES_MAX);
		names->list[names->len] = arena_strdup(arena, entry->d_name);
		if (!names->list[names->len])
			return err_set(err, ENT_ENOMEM, "%s: %s", path, err_sentence(ENT_ENOMEM));
		names->len++;
	}
	if (errno != 0)
		return err_set(err, ENT_EIO, "%s: cannot read: %s", path, strerror(errno));
	return 0;
}

int keydir_names_read(struct keydir_names *names, struct arena *arena, const char *dir,
	const char *sub, struct err_text *err)
{
	char path[KEYDIR_PATH_MAX];
	DIR *d;
	int rc;

	*names = (struct keydir_names){0};
	if (file_path(path, sizeof(path), dir, sub) != 0)
		return err_set(err, ENT_ELIMIT, "%s: the path is too long", dir);
	d = opendir(path);
	if (!d && errno == ENOENT)
		return 0;
	if (!d)
		return err_set(err, ENT_EIO, "%s: cannot read: %s", path, strerror(errno));
	names->list = arena_alloc(arena, KEYDIR_NAMES_MAX * sizeof(*names->list));
	rc = names->list ? collect(names, arena, d, path, err)
			 : err_set(err, ENT_ENOMEM, "%s: %s", path, err_sentence(ENT_ENOMEM));
	closedir(d);
	if (names->len)
		qsort(names->list, names->len, sizeof(*names->list), compare_names);
	return rc;
}

bool keydir_names_known(struct keydir *k, struct keydir_names *names, const char *dir,
	const char *sub)
{
	struct err_text error;

	if (keydir_names_read(names, &k->arena, dir, sub, &error) == 0)
		return true;
	keydir_add_problem(k, sub, &error);
	if (!k->unlisted.text[0])
		k->unlisted = error;
	names->len = 0;
	return false;
}

/* The part of a name before the ending; false when the name has another ending. */
static bool name_stem(const char *name, const char *end, struct bytes *stem)
{
	size_t len = strlen(name), end_len = strlen(end);

	if (len <= end_len || strcmp(name + len - end_len, end) != 0)
		return false;
	*stem = bytes_from(name, len - end_len);
	return true;
}

static bool id_parse(struct bytes text, uint64_t *id)
{
	uint8_t raw[8];

	if (text.len != ID_LEN || text_hex_decode(text, raw, sizeof(raw)) != sizeof(raw))
		return false;
	*id = be64_get(raw);
	return true;
}

int keydir_read_below(char path[KEYDIR_PATH_MAX], const char *dir, const char *sub,
	const char *name, struct buf *out, struct err_text *err)
{
	int len = snprintf(path, KEYDIR_PATH_MAX, "%s/%s%s%s", dir, sub, *sub ? "/" : "", name);

	if (len < 0 || len >= KEYDIR_PATH_MAX)
		return err_set(err, ENT_ELIMIT, "%s: the path is too long", dir);
	return file_read_nofollow(path, out, err);
}

bool keydir_name_id(const char *name, const char *end, uint64_t *id)
{
	struct bytes stem;

	return name_stem(name, end, &stem) && id_parse(stem, id);
}

/* --- what was read before --------------------------------------------------------------------- */

/*
 * Signatures cost a hundred times what the rest does, and nearly always a directory is read again
 * whose files are as they were: with a thousand agreements that held the daemon up for most of a
 * second. What a file says, and whether it is signed, follows from its bytes alone.
 */
static int parse_agreement(struct keydir *k, struct bytes note, const char *path,
	struct agreement **out, struct err_text *err)
{
	const struct agreement *before = NULL;
	struct agreement *a;
	uint8_t hash[32];
	int rc = 0;

	crypto_hash_sha256(hash, note.data, note.len);
	*out = map_get(&k->agreements_read, hash);
	if (*out)
		return 0;
	a = arena_alloc(&k->arena, sizeof(*a));
	if (!a)
		return err_set(err, ENT_ENOMEM, "%s: %s", path, err_sentence(ENT_ENOMEM));
	if (k->former)
		before = map_get(&k->former->agreements_read, hash);
	if (!before)
		rc = agreement_parse(note, path, &k->arena, a, err);
	else if (!agreement_copy(a, before, &k->arena))
		rc = err_set(err, ENT_ENOMEM, "%s: %s", path, err_sentence(ENT_ENOMEM));
	/* Beyond the map's bound it is verified each time. */
	if (rc == 0 && map_put(&k->agreements_read, hash, a) == ENT_ENOMEM)
		rc = err_set(err, ENT_ENOMEM, "%s: %s", path, err_sentence(ENT_ENOMEM));
	*out = a;
	return rc;
}

static int parse_chain(struct keydir *k, struct bytes text, const char *path,
	struct card_chain *chain, struct err_text *err)
{
	const struct card_chain *before = NULL;
	struct card_chain *kept;
	uint8_t hash[32];
	int rc = 0;

	crypto_hash_sha256(hash, text.data, text.len);
	if (k->former)
		before = map_get(&k->former->chains_read, hash);
	if (!before)
		rc = card_chain_read(text, path, &k->arena, chain, err);
	else if (!card_chain_copy(chain, before, &k->arena))
		rc = err_set(err, ENT_ENOMEM, "%s: %s", path, err_sentence(ENT_ENOMEM));
	/* By itself, since another chain may come to stand in the place of this one. */
	if (rc != 0)
		return rc;
	kept = arena_alloc(&k->arena, sizeof(*kept));
	if (kept)
		*kept = *chain;
	if (!kept || map_put(&k->chains_read, hash, kept) == ENT_ENOMEM)
		return err_set(err, ENT_ENOMEM, "%s: %s", path, err_sentence(ENT_ENOMEM));
	return 0;
}

/* --- cards ------------------------------------------------------------------------------------ */

void keydir_keep_chain(struct keydir *k, struct card_chain *to, const struct card_chain *from)
{
	struct card_chain copy;

	if (from && from->cards_len && card_chain_copy(&copy, from, &k->arena))
		*to = copy;
}

/*
 * The newest of what the file says and what was known, which for a peer may have come in a session
 * since. Chains that contradict are a problem, and what was known stays; so is an older card of
 * this node itself, which only a restore brings about.
 */
static void settle_chain(struct keydir *k, struct card_chain *chain,
	const struct card_chain *former, const char *path)
{
	enum card_relation relation;
	struct err_text error;

	if (!former || !former->cards_len)
		return;
	relation = card_chain_compare(former, chain);
	if (relation == CARD_SAME || relation == CARD_NEWER)
		return;
	if (relation == CARD_CONTRADICTS)
		err_set(&error, ENT_EINVALID, "%s: saw cards that contradict those in force", path);
	else
		err_set(&error, ENT_EINVALID, "%s: saw serial %u, wanted %u, which is in force",
			path, card_chain_last(chain)->serial, card_chain_last(former)->serial);
	if (relation == CARD_CONTRADICTS || chain == &k->own)
		keydir_add_problem(k, path, &error);
	keydir_keep_chain(k, chain, former);
}

static int read_chain(struct keydir *k, const char *dir, const char *sub, const char *name,
	char path[KEYDIR_PATH_MAX], struct card_chain *chain, struct err_text *err)
{
	struct buf text = buf_with_max(KEYDIR_CHAIN_MAX);
	int rc = keydir_read_below(path, dir, sub, name, &text, err);

	if (!rc)
		rc = parse_chain(k, buf_view(&text), path, chain, err);
	buf_free(&text);
	return rc;
}

static void read_own(struct keydir *k, const char *dir, const struct keydir *former)
{
	const struct card_chain *known = former ? &former->own : NULL;
	char path[KEYDIR_PATH_MAX];
	struct err_text error;
	int rc = read_chain(k, dir, "", "own" CARD_END, path, &k->own, &error);

	if (!rc) {
		settle_chain(k, &k->own, known, path);
		return;
	}
	k->own = (struct card_chain){0};
	keydir_keep_chain(k, &k->own, known);
	if (rc != ENT_ENOTFOUND || k->own.cards_len)
		keydir_add_problem(k, path, &error);
}

static void read_peer(struct keydir *k, const char *dir, const char *name,
	const struct keydir *former)
{
	struct card_chain *chain = &k->chains[k->chains_len];
	const struct card_chain *known;
	struct err_text error;
	char path[KEYDIR_PATH_MAX];
	struct node_id node;
	struct bytes stem;
	int rc;

	snprintf(path, sizeof(path), "%s/cards/%s", dir, name);
	if (!name_stem(name, CARD_END, &stem) || !node_id_parse(stem, &node)) {
		field_error(&error, path, 0, "name", bytes_str(name), "<node id>" CARD_END);
		keydir_add_problem(k, path, &error);
		return;
	}
	known = former ? keydir_chain(former, &node) : NULL;
	rc = read_chain(k, dir, "cards", name, path, chain, &error);
	if (!rc && !node_id_eq(&card_chain_last(chain)->node, &node))
		rc = err_set(&error, ENT_EINVALID,
			"%s:2: node: saw another node than in the file's name", path);
	if (!rc && k->own.cards_len && node_id_eq(&node, &card_chain_last(&k->own)->node))
		rc = err_set(&error, ENT_EINVALID, "%s: saw this node's own card, wanted a peer's",
			path);
	if (rc) {
		keydir_add_problem(k, path, &error);
		*chain = (struct card_chain){0};
		keydir_keep_chain(k, chain, known);
	} else {
		settle_chain(k, chain, known, path);
	}
	k->chains_len += chain->cards_len > 0;
}

static void keep_chains(struct keydir *k, const struct keydir *former)
{
	for (size_t i = 0; i < former->chains_len; i++) {
		keydir_keep_chain(k, &k->chains[k->chains_len], &former->chains[i]);
		k->chains_len += k->chains[k->chains_len].cards_len > 0;
	}
}

static int read_cards(struct keydir *k, const char *dir, const struct keydir *former)
{
	struct keydir_names names;
	struct err_text error;
	size_t len, places;
	bool keeps = !keydir_names_known(k, &names, dir, "cards") && former;

	len = names.len < KEYDIR_CARDS_MAX ? names.len : KEYDIR_CARDS_MAX;
	if (names.len > len) {
		err_set(&error, ENT_ELIMIT, "%s/cards: saw %zu files, wanted at most %u", dir,
			names.len, KEYDIR_CARDS_MAX);
		keydir_add_problem(k, "cards", &error);
	}
	places = keeps ? former->chains_len : len;
	k->chains = arena_alloc(&k->arena, (places + 1) * sizeof(*k->chains));
	if (!k->chains)
		return ENT_ENOMEM;
	if (keeps)
		keep_chains(k, former);
	for (size_t i = 0; i < len; i++)
		read_peer(k, dir, names.list[i], former);
	return 0;
}

void keydir_keep_own(struct keydir *k, const struct keydir *former, const char *dir,
	const struct err_text *why)
{
	char path[KEYDIR_PATH_MAX];

	snprintf(path, sizeof(path), "%s/own" CARD_END, dir);
	keydir_add_problem(k, path, why);
	keydir_keep_chain(k, &k->own, &former->own);
}

/* --- history ---------------------------------------------------------------------------------- */

int keydir_check_version(const struct agreement *before, const char *place,
	const struct agreement *a, const char *file, bool *known, struct err_text *err)
{
	if (!agreement_same_parties(before, a))
		return err_set(err, ENT_EINVALID,
			"%s:2: id: saw %016" PRIx64
			" with other parties than in %s, wanted a new id: an id is "
			"bound to its parties",
			file, a->id, place);
	if (a->serial < before->serial)
		return err_set(err, ENT_EINVALID,
			"%s:3: serial: saw %u, wanted %u or higher: see %s", file, a->serial,
			before->serial, place);
	if (a->serial > before->serial)
		return 0;
	if (memcmp(a->hash, before->hash, sizeof(a->hash)) != 0)
		return err_set(err, ENT_EINVALID,
			"%s:3: serial: saw %u under another text than in %s, wanted a higher "
			"serial",
			file, a->serial, place);
	*known = true;
	return 0;
}

/* One version out of history; NULL with a problem when it is broken. */
static struct agreement *read_version(struct keydir *k, const char *dir, const char *name,
	uint64_t id, char path[KEYDIR_PATH_MAX])
{
	struct agreement *a = NULL;
	struct buf text = buf_with_max(NOTE_BYTES_MAX);
	struct err_text error;
	int rc;

	rc = keydir_read_below(path, dir, "history", name, &text, &error);
	if (!rc)
		rc = parse_agreement(k, buf_view(&text), path, &a, &error);
	if (!rc && a->id != id)
		rc = err_set(&error, ENT_EINVALID,
			"%s:2: id: saw another id than in the file's name", path);
	if (rc)
		keydir_add_problem(k, path, &error);
	buf_free(&text);
	return rc ? NULL : a;
}

/* They are sorted. */
static size_t first_from(const struct keydir_names *names, const char *prefix)
{
	size_t low = 0, high = names->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(names->list[middle], prefix) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The next version of an id from *at on, NULL at the end. Rosters have ids of their own. */
static struct agreement *next_version(struct keydir *k, const char *dir,
	const struct keydir_names *history, uint64_t id, size_t *at, char path[KEYDIR_PATH_MAX])
{
	char prefix[ID_LEN + 2];
	struct bytes stem;

	snprintf(prefix, sizeof(prefix), "%016" PRIx64 ".", id);
	if (*at == 0)
		*at = first_from(history, prefix);
	while (*at < history->len) {
		const char *name = history->list[(*at)++];
		struct agreement *a;

		if (strncmp(name, prefix, ID_LEN + 1) != 0)
			break;
		if (!name_stem(name, AGREEMENT_END, &stem))
			continue;
		a = read_version(k, dir, name, id, path);
		if (a)
			return a;
	}
	return NULL;
}

int keydir_check_history(struct keydir *k, const char *dir, const struct keydir_names *history,
	const struct agreement *a, const char *file, bool *known, struct err_text *err)
{
	const struct agreement *before;
	char path[KEYDIR_PATH_MAX];
	size_t at = 0;

	while ((before = next_version(k, dir, history, a->id, &at, path))) {
		int rc = keydir_check_version(before, path, a, file, known, err);

		if (rc)
			return rc;
	}
	return 0;
}

/* --- agreements ------------------------------------------------------------------------------- */

int keydir_check_root(const struct agreement *a, size_t party, const struct card_chain *chain,
	bool any_root, const char *file, struct err_text *err)
{
	const struct agreement_party *p = &a->parties[party];
	char seen[NOTE_VKEY_TEXT_MAX];

	for (size_t i = any_root ? 0 : chain->cards_len - 1; i < chain->cards_len; i++)
		if (memcmp(chain->cards[i].root.public_key, p->root.public_key, 32) == 0)
			return 0;
	note_key_text(seen, &p->root);
	return err_set(err, ENT_ECRYPTO,
		"%s:%u: party %s: saw the root %s, wanted that of its card %u", file,
		agreement_line_party(a, party), p->name, seen, card_chain_last(chain)->serial);
}

int keydir_check_complete(const struct agreement *a, const struct card_chain *own, const char *file,
	struct err_text *err)
{
	for (size_t i = 0; i < a->parties_len; i++)
		if (!a->parties[i].signed_by)
			return err_set(err, ENT_ECRYPTO,
				"%s:%u: signatures: saw none of party %s, wanted one of every "
				"party",
				file, agreement_line_signatures(a), a->parties[i].name);
	if (!own->cards_len)
		return err_set(err, ENT_ESTATE, "%s: this node has no card yet", file);
	if (!agreement_party_of(a, &card_chain_last(own)->node)) {
		char id[NODE_ID_TEXT_SIZE], first[NODE_ID_TEXT_SIZE];

		node_id_text(id, &card_chain_last(own)->node);
		node_id_text(first, &a->parties[0].node);
		return err_set(err, ENT_EINVALID,
			"%s:%u: party: saw %s %s and %zu more, wanted this node, %s, among them",
			file, agreement_line_party(a, 0), a->parties[0].name, first,
			a->parties_len - 1, id);
	}
	return 0;
}

/* Where one agreement is read. */
struct place {
	struct keydir *k;
	const char *dir;
	const struct keydir *former;
	struct keydir_names history;
};

static int check_agreement(struct place *in, const struct agreement *a, uint64_t id,
	const char *path, struct err_text *err)
{
	const struct agreement *before = in->former ? keydir_agreement(in->former, id) : NULL;
	bool known = false;
	int rc;

	if (a->id != id)
		return err_set(err, ENT_EINVALID,
			"%s:2: id: saw %016" PRIx64 ", wanted %016" PRIx64 " as in the file's name",
			path, a->id, id);
	rc = keydir_check_complete(a, &in->k->own, path, err);
	if (!rc)
		rc = keydir_check_history(in->k, in->dir, &in->history, a, path, &known, err);
	if (!rc && before)
		rc = keydir_check_version(before, "the version in force", a, path, &known, err);
	for (size_t i = 0; !rc && i < a->parties_len; i++) {
		const struct card_chain *chain = keydir_chain(in->k, &a->parties[i].node);

		if (chain)
			rc = keydir_check_root(a, i, chain, known, path, err);
	}
	return rc;
}

/* Parses into the next place; what fails leaves it free. */
static int take_agreement(struct keydir *k, struct bytes note, const char *path,
	struct err_text *err)
{
	struct bytes copy = arena_copy(&k->arena, note);

	if (!copy.data)
		return err_set(err, ENT_ENOMEM, "%s: %s", path, err_sentence(ENT_ENOMEM));
	k->agreement_notes[k->agreements_len] = copy;
	return parse_agreement(k, copy, path, &k->agreements[k->agreements_len], err);
}

/* The former version of an id stays in force until its own end. */
static void keep_agreement(struct place *in, uint64_t id)
{
	const struct keydir *former = in->former;

	for (size_t i = 0; former && i < former->agreements_len; i++)
		if (former->agreements[i]->id == id &&
			take_agreement(in->k, former->agreement_notes[i], "agreement", NULL) == 0)
			in->k->agreements_len++;
}

static void read_agreement(struct place *in, const char *name, uint64_t id)
{
	struct buf text = buf_with_max(NOTE_BYTES_MAX);
	struct keydir *k = in->k;
	char path[KEYDIR_PATH_MAX];
	struct err_text error;
	int rc;

	rc = keydir_read_below(path, in->dir, "agreements", name, &text, &error);
	if (!rc)
		rc = take_agreement(k, buf_view(&text), path, &error);
	buf_free(&text);
	if (!rc)
		rc = check_agreement(in, k->agreements[k->agreements_len], id, path, &error);
	if (!rc) {
		k->agreements_len++;
		return;
	}
	/* Gone between listing and opening: the operator has just removed it. */
	if (rc == ENT_ENOTFOUND)
		return;
	keydir_add_problem(k, path, &error);
	keep_agreement(in, id);
}

/* --- revocations ------------------------------------------------------------------------------ */

/*
 * Tries the version in force, then those of history: a revocation bears the root that its party
 * had in one of them, or has now. ENT_ENOTFOUND when this node knows no such agreement. *strange:
 * it is of one, and of a party of it, by a root that neither names, nor a card here.
 */
static int verify_revocation(struct place *in, struct bytes note, uint64_t id, const char *path,
	struct revocation *r, bool *strange, struct err_text *err)
{
	const struct agreement *a = keydir_agreement(in->k, id);
	char version_path[KEYDIR_PATH_MAX];
	const struct card_chain *chain;
	int rc = revocation_read(note, path, r, err);
	size_t at = 0;

	if (rc)
		return rc;
	chain = keydir_chain(in->k, &r->node);
	rc = ENT_ENOTFOUND;
	if (!a)
		a = next_version(in->k, in->dir, &in->history, id, &at, version_path);
	for (; a; a = next_version(in->k, in->dir, &in->history, id, &at, version_path)) {
		rc = revocation_parse(note, path, a, chain, r, err);
		if (rc == 0)
			return 0;
		/* Of a known agreement, but not by a root that is known. */
		*strange |= rc == ENT_ENOTFOUND;
		if (rc == ENT_ENOTFOUND)
			rc = ENT_ECRYPTO;
	}
	return rc;
}

static void drop_agreement(struct keydir *k, uint64_t id)
{
	for (size_t i = 0; i < k->agreements_len; i++) {
		if (k->agreements[i]->id != id)
			continue;
		k->agreements_len--;
		memmove(&k->agreements[i], &k->agreements[i + 1],
			(k->agreements_len - i) * sizeof(*k->agreements));
		memmove(&k->agreement_notes[i], &k->agreement_notes[i + 1],
			(k->agreements_len - i) * sizeof(*k->agreement_notes));
		return;
	}
}

/* What was over stays so, whatever becomes of the file, unless it is removed. */
static void keep_revocation(struct place *in, const struct keydir_revocation *from)
{
	struct keydir *k = in->k;
	struct keydir_revocation *to = &k->revocations[k->revocations_len];

	if (k->revocations_len == AGREEMENTS_MAX)
		return;
	to->note = arena_copy(&k->arena, from->note);
	if (to->note.data && revocation_read(to->note, "revocation", &to->revocation, NULL) == 0)
		k->revocations_len++;
}

static void keep_revocation_of(struct place *in, uint64_t id, const struct node_id *node)
{
	const struct keydir *former = in->former;

	for (size_t i = 0; former && i < former->revocations_len; i++)
		if (former->revocations[i].revocation.agreement == id &&
			node_id_eq(&former->revocations[i].revocation.node, node))
			keep_revocation(in, &former->revocations[i]);
}

static void read_revocation(struct place *in, const char *name, uint64_t id,
	const struct node_id *node)
{
	struct keydir_revocation *r = &in->k->revocations[in->k->revocations_len];
	struct buf text = buf_with_max(NOTE_BYTES_MAX);
	char path[KEYDIR_PATH_MAX];
	struct err_text error;
	bool strange = false;
	int rc;

	rc = keydir_read_below(path, in->dir, "agreements", name, &text, &error);
	/* Gone between listing and opening. */
	if (rc == ENT_ENOTFOUND)
		return;
	if (!rc)
		rc = verify_revocation(in, buf_view(&text), id, path, &r->revocation, &strange,
			&error);
	if ((!rc || strange) && !node_id_eq(&r->revocation.node, node)) {
		strange = false;
		rc = err_set(&error, ENT_EINVALID,
			"%s:3: node: saw another node than in the file's name", path);
	}
	/* It was verified when it came here, by a card that is gone or older now. */
	if (rc && strange) {
		in->k->ended[in->k->ended_len++] = id;
		err_set(&error, rc,
			"%s: saw the signature of a root that no card here names, wanted its "
			"party's newest card in cards/: until then the agreement does not count, "
			"and nobody is told that it is over",
			path);
	}
	if (!rc && in->k->revocations_len == AGREEMENTS_MAX) {
		in->k->ended[in->k->ended_len++] = id;
	} else if (!rc) {
		r->note = arena_copy(&in->k->arena, buf_view(&text));
		in->k->revocations_len += r->note.data != NULL;
	} else {
		if (rc != ENT_ENOTFOUND)
			keydir_add_problem(in->k, path, &error);
		keep_revocation_of(in, id, node);
	}
	buf_free(&text);
}

/* <id>.<node id>.revocation */
static bool revocation_name(const char *name, uint64_t *id, struct node_id *node)
{
	struct bytes stem;

	return name_stem(name, REVOCATION_END, &stem) && stem.len > ID_LEN + 1 &&
	       id_parse(bytes_from(stem.data, ID_LEN), id) && stem.data[ID_LEN] == '.' &&
	       node_id_parse(bytes_skip(stem, ID_LEN + 1), node);
}

/* --- the directory ---------------------------------------------------------------------------- */

/* After all agreements, since a revocation is checked against the one it ends. Behind the limit one
 * ends an agreement that is here all the same. */
static void read_revocations(struct place *in, const struct keydir_names *names)
{
	struct err_text error;
	struct node_id node;
	size_t seen = 0;
	uint64_t id;

	for (size_t i = 0; i < names->len; i++) {
		if (!revocation_name(names->list[i], &id, &node))
			continue;
		seen++;
		if (in->k->revocations_len < AGREEMENTS_MAX || keydir_agreement(in->k, id))
			read_revocation(in, names->list[i], id, &node);
	}
	if (seen <= AGREEMENTS_MAX)
		return;
	err_set(&error, ENT_ELIMIT,
		"%s/agreements: saw %zu revocations, wanted at most %u: the others are not passed "
		"on",
		in->dir, seen, AGREEMENTS_MAX);
	keydir_add_problem(in->k, "agreements", &error);
}

static void sort_out(struct place *in, const struct keydir_names *names)
{
	struct keydir *k = in->k;
	char path[KEYDIR_PATH_MAX];
	struct err_text error;
	struct node_id node;
	struct bytes stem;
	size_t seen = 0;
	uint64_t id;

	for (size_t i = 0; i < names->len; i++) {
		const char *name = names->list[i];

		if (name_stem(name, AGREEMENT_END, &stem) && id_parse(stem, &id)) {
			if (seen++ < AGREEMENTS_MAX)
				read_agreement(in, name, id);
		} else if (!revocation_name(name, &id, &node)) {
			snprintf(path, sizeof(path), "%s/agreements/%s", in->dir, name);
			field_error(&error, path, 0, "name", bytes_str(name),
				"<16 hex>" AGREEMENT_END " or <16 hex>.<node id>" REVOCATION_END);
			keydir_add_problem(k, path, &error);
		}
	}
	if (seen > AGREEMENTS_MAX) {
		err_set(&error, ENT_ELIMIT, "%s/agreements: saw %zu agreements, wanted at most %u",
			in->dir, seen, AGREEMENTS_MAX);
		keydir_add_problem(k, "agreements", &error);
	}
	read_revocations(in, names);
	for (size_t i = 0; i < k->revocations_len; i++)
		drop_agreement(k, k->revocations[i].revocation.agreement);
	for (size_t i = 0; i < k->ended_len; i++)
		drop_agreement(k, k->ended[i]);
}

static void keep_agreements(struct place *in)
{
	const struct keydir *former = in->former;

	for (size_t i = 0; i < former->agreements_len; i++)
		keep_agreement(in, former->agreements[i]->id);
	for (size_t i = 0; i < former->revocations_len; i++)
		keep_revocation(in, &former->revocations[i]);
}

static int read_agreements(struct keydir *k, const char *dir, const struct keydir *former)
{
	struct place in = {.k = k, .dir = dir, .former = former};
	struct keydir_names names;
	bool listed;

	/* Without it the versions in force are known still. */
	(void)keydir_names_known(k, &in.history, dir, "history");
	listed = keydir_names_known(k, &names, dir, "agreements");
	/* One place more: each file is parsed into it before it counts. */
	k->agreements = arena_alloc(&k->arena, (AGREEMENTS_MAX + 1) * sizeof(*k->agreements));
	k->agreement_notes =
		arena_alloc(&k->arena, (AGREEMENTS_MAX + 1) * sizeof(*k->agreement_notes));
	k->revocations = arena_alloc(&k->arena, (AGREEMENTS_MAX + 1) * sizeof(*k->revocations));
	k->ended = arena_alloc(&k->arena, (names.len + 1) * sizeof(*k->ended));
	if (!k->agreements || !k->agreement_notes || !k->revocations || !k->ended)
		return ENT_ENOMEM;
	if (!listed && former)
		keep_agreements(&in);
	else
		sort_out(&in, &names);
	return 0;
}

int keydir_read(struct keydir *k, const char *dir, const struct keydir *former,
	struct err_text *err)
{
	/* No peer chooses these hashes, and the files are few. */
	static const uint8_t hash_key[16];
	DIR *d = opendir(dir);
	int rc;

	memset(k, 0, sizeof(*k));
	map_init(&k->agreements_read, 32, KEYDIR_NAMES_MAX, hash_key);
	map_init(&k->chains_read, 32, KEYDIR_CARDS_MAX + 1, hash_key);
	if (!d)
		return err_set(err, errno == ENOENT ? ENT_ENOTFOUND : ENT_EIO,
			"%s: cannot read: %s", dir, strerror(errno));
	closedir(d);
	k->former = former;
	read_own(k, dir, former);
	rc = read_cards(k, dir, former);
	if (!rc)
		keydir_check_transports(k, dir, former);
	if (!rc)
		rc = read_agreements(k, dir, former);
	if (!rc)
		rc = keydir_read_rosters(k, dir, former);
	k->former = NULL;
	if (rc) {
		keydir_free(k);
		return err_set(err, rc, "%s: %s", dir, err_sentence(rc));
	}
	return 0;
}

void keydir_free(struct keydir *k)
{
	map_free(&k->agreements_read);
	map_free(&k->chains_read);
	arena_free(&k->arena);
	memset(k, 0, sizeof(*k));
}

const struct card_chain *keydir_chain(const struct keydir *k, const struct node_id *node)
{
	if (k->own.cards_len && node_id_eq(&card_chain_last(&k->own)->node, node))
		return &k->own;
	for (size_t i = 0; i < k->chains_len; i++)
		if (node_id_eq(&card_chain_last(&k->chains[i])->node, node))
			return &k->chains[i];
	return NULL;
}

const struct agreement *keydir_agreement(const struct keydir *k, uint64_t id)
{
	for (size_t i = 0; i < k->agreements_len; i++)
		if (k->agreements[i]->id == id)
			return k->agreements[i];
	return NULL;
}
