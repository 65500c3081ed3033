/* SPDX-License-Identifier: EUPL-1.2 */
#include "keys/keydir.h"

#include <inttypes.h>
#include <stdio.h>
#include <sodium.h>
#include <unistd.h>

#include "base/text.h"
#include "keys/field.h"
#include "keys/file.h"
#include "keys/keydir_parts.h"
#include "keys/secret.h"

/* What is to be installed: everything is checked before anything is written. */
struct plan {
	struct keydir k;
	const char *dir;
	struct agreement agreement;
	const char *file;
	struct bytes note;
	size_t chains_len; /* to be written: those that are new here */
	struct card_chain chains[AGREEMENT_PARTIES_MAX];
};

static const struct card_chain *chain_of(const struct plan *p, const struct node_id *node)
{
	for (size_t i = 0; i < p->chains_len; i++)
		if (node_id_eq(&card_chain_last(&p->chains[i])->node, node))
			return &p->chains[i];
	return keydir_chain(&p->k, node);
}

static const struct card_chain *transport_other(const struct plan *p,
	const struct card_chain *chain)
{
	for (size_t i = 0; i < p->chains_len; i++)
		if (!node_id_eq(&card_chain_last(&p->chains[i])->node,
			    &card_chain_last(chain)->node) &&
			card_chain_same_transport(&p->chains[i], chain))
			return &p->chains[i];
	return keydir_transport_other(&p->k, chain);
}

static int plan_chain(struct plan *p, struct bytes text, const char *file, struct err_text *err)
{
	const struct card_chain *known, *other;
	const struct card *last;
	struct card_chain chain;
	char id[NODE_ID_TEXT_SIZE];
	int rc = card_chain_read(text, file, &p->k.arena, &chain, err);

	if (rc)
		return rc;
	last = card_chain_last(&chain);
	if (!agreement_party_of(&p->agreement, &last->node))
		return err_set(err, ENT_EINVALID,
			"%s: saw a card of %s, wanted one of a party of %s", file, last->name,
			p->file);
	known = chain_of(p, &last->node);
	switch (known ? card_chain_compare(known, &chain) : CARD_NEWER) {
	case CARD_SAME:
	case CARD_OLDER:
		return 0;
	case CARD_CONTRADICTS:
		return err_set(err, ENT_ESTATE,
			"%s: the cards of %s contradict those that are here", file, last->name);
	case CARD_NEWER:
		break;
	}
	other = transport_other(p, &chain);
	if (other) {
		node_id_text(id, &card_chain_last(other)->node);
		return err_set(err, ENT_EINVALID,
			"%s: transport: saw the key of %s, wanted one of its own", file, id);
	}
	if (known == &p->k.own)
		return err_set(err, ENT_ESTATE, "%s: saw a newer card of this node than own.card",
			file);
	/* Two files may bring two states of one node. */
	for (size_t i = 0; i < p->chains_len; i++)
		if (known == &p->chains[i]) {
			p->chains[i] = chain;
			return 0;
		}
	p->chains[p->chains_len++] = chain;
	return 0;
}

static bool is_revoked(const struct keydir *k, uint64_t id)
{
	for (size_t i = 0; i < k->revocations_len; i++)
		if (k->revocations[i].revocation.agreement == id)
			return true;
	for (size_t i = 0; i < k->ended_len; i++)
		if (k->ended[i] == id)
			return true;
	return false;
}

static int check_plan(struct plan *p, int64_t now_s, struct err_text *err)
{
	const struct agreement *a = &p->agreement;
	struct keydir_names history;
	bool known = false;
	int rc;

	rc = keydir_check_complete(a, &p->k.own, p->file, err);
	if (!rc)
		rc = keydir_names_read(&history, &p->k.arena, p->dir, "history", err);
	if (!rc)
		rc = keydir_check_history(&p->k, p->dir, &history, a, p->file, &known, err);
	if (!rc && keydir_agreement(&p->k, a->id))
		rc = keydir_check_version(keydir_agreement(&p->k, a->id), "the version in force", a,
			p->file, &known, err);
	for (size_t i = 0; !rc && i < a->parties_len; i++) {
		const struct card_chain *chain = chain_of(p, &a->parties[i].node);

		rc = chain ? keydir_check_root(a, i, chain, known, p->file, err)
			   : err_set(err, ENT_ENOTFOUND,
				     "%s:%u: party %s: saw no card of it, wanted one", p->file,
				     agreement_line_party(a, i), a->parties[i].name);
	}
	if (rc)
		return rc;
	if (is_revoked(&p->k, a->id))
		return err_set(err, ENT_ESTATE, "%s: agreement %016" PRIx64 " has been revoked",
			p->file, a->id);
	if (now_s >= a->valid_until) {
		char until[TEXT_TIME_SIZE];

		text_time_s(until, a->valid_until);
		return err_set(err, ENT_EEXPIRED,
			"%s:%u: valid: saw %s as its end, wanted a time to come", p->file,
			agreement_line_valid(a), until);
	}
	if (p->k.agreements_len >= AGREEMENTS_MAX && !keydir_agreement(&p->k, a->id))
		return err_set(err, ENT_ELIMIT, "%s: there are %u agreements already", p->dir,
			AGREEMENTS_MAX);
	return 0;
}

int keydir_write_below(const char *dir, const char *sub, const char *name, struct bytes data,
	struct err_text *err)
{
	char path[KEYDIR_PATH_MAX], sub_path[KEYDIR_PATH_MAX];
	int rc;

	if (file_path(sub_path, sizeof(sub_path), dir, sub) != 0 ||
		file_path(path, sizeof(path), sub_path, name) != 0)
		return err_set(err, ENT_ELIMIT, "%s: the path is too long", dir);
	rc = file_directory(sub_path, 0700, err);
	return rc ? rc : file_write(path, data, 0644, err);
}

int keydir_remember(const char *dir, const struct agreement *a, struct bytes note,
	struct err_text *err)
{
	char name[64];

	snprintf(name, sizeof(name), "%016" PRIx64 ".%u.agreement", a->id, a->serial);
	return keydir_write_below(dir, "history", name, note, err);
}

static int write_chains(const struct plan *p, struct err_text *err)
{
	char name[64], node[NODE_ID_TEXT_SIZE];
	int rc = 0;

	for (size_t i = 0; !rc && i < p->chains_len; i++) {
		struct buf text = buf_with_max(KEYDIR_CHAIN_MAX);

		node_id_text(node, &card_chain_last(&p->chains[i])->node);
		snprintf(name, sizeof(name), "%s.card", node);
		card_chain_write(&text, &p->chains[i]);
		rc = buf_failed(&text)
			     ? err_set(err, ENT_ENOMEM, "%s: %s", name, err_sentence(ENT_ENOMEM))
			     : keydir_write_below(p->dir, "cards", name, buf_view(&text), err);
		buf_free(&text);
	}
	return rc;
}

/* A version that history has and agreements/ has not keeps the one before it from coming into force
 * again: where it cannot be placed it is not remembered either. */
static int write_plan(const struct plan *p, struct err_text *err)
{
	char name[64], version[64], path[KEYDIR_PATH_MAX];
	int rc = write_chains(p, err);
	bool was_there;

	snprintf(name, sizeof(name), "%016" PRIx64 ".agreement", p->agreement.id);
	snprintf(version, sizeof(version), "history/%016" PRIx64 ".%u.agreement", p->agreement.id,
		p->agreement.serial);
	if (!rc && file_path(path, sizeof(path), p->dir, version) != 0)
		rc = err_set(err, ENT_ELIMIT, "%s: the path is too long", p->dir);
	if (rc)
		return rc;
	was_there = access(path, F_OK) == 0;
	rc = keydir_remember(p->dir, &p->agreement, p->note, err);
	if (!rc)
		rc = keydir_write_below(p->dir, "agreements", name, p->note, err);
	if (rc && !was_there)
		unlink(path);
	return rc;
}

int keydir_install(const char *dir, struct bytes agreement_note, const char *agreement_file,
	const struct bytes *chain_texts, const char *const *chain_files, size_t chains_len,
	int64_t now_s, struct err_text *err)
{
	struct plan p = {.dir = dir, .file = agreement_file, .note = agreement_note};
	int rc;

	rc = keydir_read(&p.k, dir, NULL, err);
	if (rc)
		return rc;
	if (p.k.unlisted.text[0]) {
		*err = p.k.unlisted;
		keydir_free(&p.k);
		return ENT_EIO;
	}
	rc = agreement_parse(agreement_note, agreement_file, &p.k.arena, &p.agreement, err);
	for (size_t i = 0; !rc && i < chains_len; i++)
		rc = plan_chain(&p, chain_texts[i], chain_files[i], err);
	if (!rc)
		rc = check_plan(&p, now_s, err);
	if (!rc)
		rc = write_plan(&p, err);
	keydir_free(&p.k);
	return rc;
}

/* --- pre-shared keys -------------------------------------------------------------------------- */

#define PSK_TEXT_LEN (BASE64_TEXT_SIZE(32) - 1 + 1) /* with its LF */

static int psk_path(char path[KEYDIR_PATH_MAX], const char *dir, const uint8_t id[8],
	struct err_text *err)
{
	int len = snprintf(path, KEYDIR_PATH_MAX, "%s/psk/%016" PRIx64, dir, be64_get(id));

	if (len < 0 || len >= KEYDIR_PATH_MAX)
		return err_set(err, ENT_ELIMIT, "%s: the path is too long", dir);
	return 0;
}

int keydir_psk(const char *dir, const uint8_t id[8], uint8_t out[32], struct err_text *err)
{
	uint8_t text[PSK_TEXT_LEN + 2];
	char path[KEYDIR_PATH_MAX];
	size_t len = 0;
	int rc;

	rc = psk_path(path, dir, id, err);
	if (!rc)
		rc = secret_read_private(path, text, sizeof(text), &len, err);
	if (!rc && (len != PSK_TEXT_LEN || text[len - 1] != '\n' ||
			   text_base64_decode(bytes_from(text, len - 1), out, 32) != 32))
		rc = err_set(err, ENT_EINVALID, "%s: wanted 32 bytes as one line of base64", path);
	sodium_memzero(text, sizeof(text));
	return rc;
}

int keydir_psk_write(const char *dir, const uint8_t id[8], const uint8_t psk[32],
	struct err_text *err)
{
	char path[KEYDIR_PATH_MAX], text[PSK_TEXT_LEN + 1];
	int rc;

	if (file_path(path, sizeof(path), dir, "psk") != 0)
		return err_set(err, ENT_ELIMIT, "%s: the path is too long", dir);
	rc = file_directory(path, 0700, err);
	if (!rc)
		rc = psk_path(path, dir, id, err);
	if (rc)
		return rc;
	text_base64_encode(text, bytes_from(psk, 32));
	text[PSK_TEXT_LEN - 1] = '\n';
	rc = file_create(path, bytes_from(text, PSK_TEXT_LEN), 0600, err);
	sodium_memzero(text, sizeof(text));
	return rc;
}
