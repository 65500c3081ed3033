/* SPDX-License-Identifier: EUPL-1.2 */
/* The transport keys of a keys directory: each is one node's only. */
#include "keys/keydir.h"

#include <stdio.h>

#include "keys/keydir_parts.h"

const struct card_chain *keydir_transport_other(const struct keydir *k,
	const struct card_chain *chain)
{
	const struct node_id *node = &card_chain_last(chain)->node;

	for (size_t i = 0; i <= k->chains_len; i++) {
		const struct card_chain *other = i < k->chains_len ? &k->chains[i] : &k->own;

		if (other->cards_len && !node_id_eq(&card_chain_last(other)->node, node) &&
			card_chain_same_transport(other, chain))
			return other;
	}
	return NULL;
}

/* The chain as it was a moment ago? */
static bool is_former(const struct card_chain *chain, const struct keydir *former)
{
	const struct card_chain *known = keydir_chain(former, &card_chain_last(chain)->node);

	return known && memcmp(card_chain_last(known)->hash, card_chain_last(chain)->hash, 32) == 0;
}

/* Takes the keys of the chain, or gives the chain that has one of them already. */
static const struct card_chain *transports_take(struct map *taken, struct card_chain *chain)
{
	const struct card *since, *named[2] = {0};

	if (!chain->cards_len)
		return NULL;
	named[0] = card_chain_last(chain);
	named[1] = card_chain_former(chain, &since);
	for (size_t i = 0; i < 2; i++) {
		const struct card_chain *by = named[i] ? map_get(taken, named[i]->transport) : NULL;

		if (by && by != chain)
			return by;
	}
	for (size_t i = 0; i < 2; i++)
		if (named[i] && map_put(taken, named[i]->transport, chain) != 0)
			break; /* no memory: the next time */
	return NULL;
}

/* Of two that name the same key the one that has come to it since is refused; at a start nobody can
 * tell which that is, and both stay. */
static void check_transport(struct keydir *k, struct map *taken, struct card_chain *chain,
	const char *dir, const struct keydir *former)
{
	const struct card_chain *by = transports_take(taken, chain), *known;
	char path[KEYDIR_PATH_MAX], id[NODE_ID_TEXT_SIZE], others[NODE_ID_TEXT_SIZE];
	struct err_text error;

	if (!by)
		return;
	node_id_text(id, &card_chain_last(chain)->node);
	node_id_text(others, &card_chain_last(by)->node);
	snprintf(path, sizeof(path), "%s/cards/%s.card", dir, id);
	err_set(&error, ENT_EINVALID, "%s: transport: saw the key of %s, wanted one of its own",
		path, others);
	keydir_add_problem(k, path, &error);
	if (!former)
		return;
	known = keydir_chain(former, &card_chain_last(chain)->node);
	*chain = (struct card_chain){0};
	keydir_keep_chain(k, chain, known);
	(void)transports_take(taken, chain);
}

void keydir_check_transports(struct keydir *k, const char *dir, const struct keydir *former)
{
	static const uint8_t hash_key[16];
	struct map taken;
	size_t len = 0;

	map_init(&taken, 32, 2 * (k->chains_len + 1), hash_key);
	(void)transports_take(&taken, &k->own);
	for (size_t i = 0; former && i < k->chains_len; i++)
		if (is_former(&k->chains[i], former))
			(void)transports_take(&taken, &k->chains[i]);
	for (size_t i = 0; i < k->chains_len; i++)
		if (!former || !is_former(&k->chains[i], former))
			check_transport(k, &taken, &k->chains[i], dir, former);
	map_free(&taken);
	for (size_t i = 0; i < k->chains_len; i++)
		if (k->chains[i].cards_len)
			k->chains[len++] = k->chains[i];
	k->chains_len = len;
}
