/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The node's own keys: opening them, and their change while running (DESIGN 4).
 *
 * A card of our own that names another incarnation is told to every neighbour under the keys in
 * force; at the next tick the daemon stops as it stops on SIGTERM and starts again in the same
 * process, with the new seed. Whoever was away is still answered under the former key, and dialled
 * with it, until it has shown that it knows the new one: keys/heard says who has.
 */
#include "app/impl.h"

#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include "keys/file.h"
#include "keys/rotation.h"

#define HEARD_FILE "keys/heard"

/* --- opening ---------------------------------------------------------------------------------- */

/* The passphrase of node.key: a file, the environment's file, or the supervisor's credential. */
static int passphrase_read(const struct app *a, struct buf *out, struct err_text *err)
{
	const char *file = a->options->passphrase_file;
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	char path[512];

	if (!file)
		file = getenv("ENTENTE_PASSPHRASE_FILE");
	if (!file && credentials &&
		file_path(path, sizeof(path), credentials, "entente-passphrase") == 0 &&
		access(path, R_OK) == 0)
		file = path;
	if (!file)
		return 0;
	if (file_read(file, out, err) != 0)
		return ENT_EIO;
	while (out->len && (out->data[out->len - 1] == '\n' || out->data[out->len - 1] == '\r'))
		out->len--;
	return 0;
}

static void passphrase_free(struct buf *passphrase)
{
	if (passphrase->data)
		sodium_memzero(passphrase->data, passphrase->cap);
	buf_free(passphrase);
}

/* The keys that a card of ours names: of the seed that waits for it, or of node.key. */
static int identity_for(struct app *a, const struct card *own, struct identity *id,
	struct err_text *err)
{
	const struct card_log *log = &own->logs[own->logs_len - 1];
	struct buf passphrase = buf_with_max(4096);
	char next[600];
	const char *path = a->keys_file;
	int rc = passphrase_read(a, &passphrase, err);

	if (rotation_next_path(next, sizeof(next), a->keys_dir, log->incarnation) == 0 &&
		access(next, F_OK) == 0)
		path = next;
	if (rc == 0)
		rc = identity_read(id, path, buf_view(&passphrase), log->incarnation, err);
	passphrase_free(&passphrase);
	if (rc != 0)
		return rc;
	if (memcmp(id->log_public, log->key.public_key, 32) == 0 &&
		memcmp(id->transport_public, own->transport, 32) == 0 &&
		memcmp(id->receipt_public, own->receipt.public_key, 32) == 0 &&
		memcmp(id->witness_public, own->witness.public_key, 32) == 0)
		return 0;
	identity_free(id);
	return err_set(err, ENT_ECRYPTO, "%s: its keys are not those that own.card names", path);
}

/* Our key before the last change, while it may still be needed. */
static void former_open(struct app *a)
{
	struct buf passphrase = buf_with_max(4096);
	const struct card *since, *former = card_chain_former(&a->keys->own, &since);
	struct err_text err;
	char path[600];

	if (!former || rotation_former_path(path, sizeof(path), a->keys_dir) != 0 ||
		access(path, F_OK) != 0)
		return;
	if (passphrase_read(a, &passphrase, &err) == 0 &&
		rotation_former_read(a->keys_dir, buf_view(&passphrase),
			former->logs[former->logs_len - 1].incarnation, &a->former, &err) == 0) {
		a->has_former = memcmp(a->former.transport_public, former->transport, 32) == 0;
		if (!a->has_former)
			identity_free(&a->former);
	}
	if (!a->has_former)
		log_warn("keys", "%s is not the key before: peers that were away are not reached",
			path);
	passphrase_free(&passphrase);
}

static void heard_open(struct app *a)
{
	struct buf text = buf_with_max(HEARD_MAX * 64);
	struct err_text err;
	char path[600];

	snprintf(path, sizeof(path), "%s/" HEARD_FILE, a->options->home);
	if (file_read(path, &text, &err) == 0)
		heard_read(&a->heard, buf_view(&text));
	buf_free(&text);
}

static void heard_save(struct app *a)
{
	struct buf text = buf_with_max(HEARD_MAX * 64);
	struct err_text err;
	char path[600];

	snprintf(path, sizeof(path), "%s/" HEARD_FILE, a->options->home);
	heard_text(&text, &a->heard);
	if (file_write(path, buf_view(&text), 0600, &err) != 0)
		log_error("keys", "%s", err.text);
	buf_free(&text);
}

int rotation_open(struct app *a, struct err_text *err)
{
	const struct card *own = card_chain_last(&a->keys->own);
	bool changed;
	int rc = identity_for(a, own, &a->identity, err);

	if (rc == 0)
		rc = rotation_settle(a->keys_dir, own, &changed, err);
	if (rc != 0)
		return rc;
	a->self = own->node;
	heard_open(a);
	former_open(a);
	return 0;
}

/* --- a card of our own with other keys -------------------------------------------------------- */

bool rotation_wanted(const struct app *a, const struct card *own)
{
	return own->logs[own->logs_len - 1].incarnation != a->identity.incarnation ||
	       memcmp(own->transport, a->identity.transport_public, 32) != 0;
}

int rotation_check(struct app *a, const struct card *own, struct err_text *err)
{
	struct identity id = {0};
	int rc = identity_for(a, own, &id, err);

	identity_free(&id);
	return rc;
}

/* The neighbours have the news before the farewell. */
void rotation_turnover(struct app *a)
{
	uint32_t serial = card_chain_last(&a->keys->own)->serial;
	size_t at = 0;
	void *s;

	while (map_next(&a->sessions, &at, NULL, &s))
		heard_told(&a->heard, net_session_peer(s), serial);
	heard_save(a);
}

/* The first start under other keys is entered, once. */
void rotation_started(struct app *a)
{
	const struct card *own = card_chain_last(&a->keys->own), *since;
	uint32_t named = heard_of(&a->heard, &a->self).named;
	struct act_body act = {.act = ACT_KEYS_CHANGED,
		.serial = own->serial,
		.has_log = true,
		.log = {a->self, a->identity.incarnation, audience_of(AUDIENCE_CLEAR)}};

	act.hash = BYTES_OF(own->hash);
	if (!heard_named(&a->heard, &a->self, own->serial))
		return;
	if (card_chain_former(&a->keys->own, &since) && named && named < since->serial) {
		app_enter(a, &act);
		log_notice("keys", "new keys are in use card=%u incarnation=%llu", own->serial,
			(unsigned long long)a->identity.incarnation);
	}
	heard_save(a);
}

/* --- who knows -------------------------------------------------------------------------------- */

bool rotation_admits(const struct app *a, const struct card_chain *chain,
	const uint8_t transport[32])
{
	const struct node_id *node = &card_chain_last(chain)->node;

	return card_chain_transport(chain, transport, heard_of(&a->heard, node).named,
		       app_now(a).wall_ms / 1000) != CARD_KEY_NONE;
}

void rotation_named(struct app *a, const struct node_id *peer, uint32_t serial)
{
	bool named = heard_named(&a->heard, peer, serial);
	bool told = heard_told(&a->heard, peer, card_chain_last(&a->keys->own)->serial);

	/* Our own chain follows HELLO: next time the peer is met under the new key. */
	net_peer_knows(a->net, peer, false);
	if (named || told)
		heard_save(a);
}

/* Tells the network who knows our key in force, and ends the former one when it has had its time.
 * first: after the start, when what peers were told says what to try. */
void rotation_review(struct app *a, bool first)
{
	const struct card *since, *former = card_chain_former(&a->keys->own, &since);
	bool needed = false;
	struct err_text err;

	if (!a->has_former || !former)
		return;
	for (size_t i = 0; i < a->keys->chains_len; i++) {
		const struct node_id *node = &card_chain_last(&a->keys->chains[i])->node;
		bool sure = heard_of(&a->heard, node).knows >= since->serial;

		needed |= !sure && keys_joined(a, node);
		if (sure || (first && heard_of(&a->heard, node).told >= since->serial))
			net_peer_knows(a->net, node, sure);
	}
	if (needed && app_now(a).wall_ms / 1000 < since->valid_from + CARD_FORMER_S)
		return;
	net_former_drop(a->net);
	identity_free(&a->former);
	a->has_former = false;
	if (rotation_former_wipe(a->keys_dir, &err) != 0)
		log_error("keys", "%s", err.text);
	else
		log_notice("keys", "the former seed is wiped: %s",
			needed ? "its thirty days are over" : "every peer knows the new keys");
}

void rotation_opened(struct app *a, struct net_session *s)
{
	if (net_session_former(s) || !heard_knows(&a->heard, net_session_peer(s),
					     card_chain_last(&a->keys->own)->serial))
		return;
	heard_save(a);
	rotation_review(a, false);
}

/* Whoever came in under a key that its cards no longer admit was let in by mistake: by a card of a
 * stolen root, say, that a later one has beaten. */
void rotation_sessions(struct app *a)
{
	size_t at = 0;
	void *value;

	while (map_next(&a->sessions, &at, NULL, &value)) {
		struct net_session *s = value;
		const struct card_chain *chain = keydir_chain(a->keys, net_session_peer(s));

		/* A session that stands under the key before the change may go on. */
		if (chain && card_chain_transport(chain, net_session_remote(s), 0, INT64_MIN) ==
				     CARD_KEY_NONE)
			net_close(s, BYE_ENDED, "its card names another transport key");
	}
}
