/* SPDX-License-Identifier: EUPL-1.2 */
/* From what people write (names, prefixes) to ids, and back to names. */
#include "cli/cli.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"

#define NAMES_MAX (2u * GOSSIP_ORIGINS_MAX)

const struct card *cli_own(const struct cli *c)
{
	return c->keydir.own.cards_len ? card_chain_last(&c->keydir.own) : NULL;
}

const struct card_chain *cli_chain(struct cli *c, const struct node_id *node)
{
	const struct card_chain *known = keydir_chain(&c->keydir, node);
	struct store_origin origin;
	struct card_chain *chain;

	if (known && known->cards_len)
		return known;
	if (!c->reader || store_origin_get(c->reader, node, &origin) != 0)
		return NULL;
	chain = arena_alloc(&c->arena, sizeof(*chain));
	if (!chain || card_chain_read(origin.chain, "origin", &c->arena, chain, NULL) != 0)
		return NULL;
	return chain;
}

const struct card *cli_card(struct cli *c, const struct node_id *node)
{
	const struct card_chain *chain = cli_chain(c, node);

	return chain ? card_chain_last(chain) : NULL;
}

const char *cli_name(struct cli *c, const struct node_id *node)
{
	const char *name = c->names.key_len ? map_get(&c->names, node->bytes) : NULL;
	const struct card *card;
	char id[NODE_ID_TEXT_SIZE];

	if (name)
		return name;
	if (!c->names.key_len) {
		uint8_t key[16];

		cli_rng().fill(NULL, key, sizeof(key));
		map_init(&c->names, NODE_ID_BYTES, NAMES_MAX, key);
	}
	card = cli_card(c, node);
	node_id_text(id, node);
	name = cli_clean(c, bytes_str(card ? card->name : id));
	/* A cache: when it is full, names are looked up again. */
	if (map_put(&c->names, node->bytes, (void *)(uintptr_t)name) != 0)
		return name;
	return name;
}

/* --- every card ------------------------------------------------------------------------------- */

struct cards_walk {
	struct cli *cli;
	void (*visit)(void *ctx, const struct card *card);
	void *ctx;
	struct arena arena; /* of one chain at a time */
};

static int visit_origin(void *ctx, const struct store_origin *o)
{
	struct cards_walk *w = ctx;
	struct card_chain chain;

	if (keydir_chain(&w->cli->keydir, &o->node))
		return 0;
	arena_reset(&w->arena);
	if (card_chain_read(o->chain, "origin", &w->arena, &chain, NULL) == 0)
		w->visit(w->ctx, card_chain_last(&chain));
	return 0;
}

int cli_cards_each(struct cli *c, void (*visit)(void *ctx, const struct card *card), void *ctx)
{
	struct cards_walk w = {.cli = c, .visit = visit, .ctx = ctx};
	int rc = 0;

	if (cli_own(c))
		visit(ctx, cli_own(c));
	for (size_t i = 0; i < c->keydir.chains_len; i++)
		visit(ctx, card_chain_last(&c->keydir.chains[i]));
	if (c->reader)
		rc = store_origin_each(c->reader, visit_origin, &w);
	arena_free(&w.arena);
	return rc;
}

/* --- nodes ------------------------------------------------------------------------------------ */

struct node_search {
	const char *text;
	size_t names_len, prefixes_len;
	struct node_id by_name, by_prefix;
};

static void search_node(void *ctx, const struct card *card)
{
	struct node_search *s = ctx;
	char id[NODE_ID_TEXT_SIZE];

	node_id_text(id, &card->node);
	if (strcmp(card->name, s->text) == 0) {
		s->names_len++;
		s->by_name = card->node;
	}
	if (*s->text && strncmp(id, s->text, strlen(s->text)) == 0) {
		s->prefixes_len++;
		s->by_prefix = card->node;
	}
}

int cli_find_node(struct cli *c, const char *text, struct node_id *node)
{
	struct node_search s = {.text = text};
	int rc = cli_want_store(c);

	if (rc)
		return rc;
	if (node_id_parse(bytes_str(text), node))
		return 0;
	rc = cli_cards_each(c, search_node, &s);
	if (rc)
		return cli_fail(c, CLI_STORE, "cannot read the origins: %s", err_sentence(rc));
	if (s.names_len > 1)
		return cli_fail(c, CLI_INVALID, "%zu nodes are called %s: give the node id",
			s.names_len, text);
	if (!s.names_len && s.prefixes_len > 1)
		return cli_fail(c, CLI_INVALID, "%zu node ids start with %s: give more of it",
			s.prefixes_len, text);
	if (!s.names_len && !s.prefixes_len)
		return cli_fail(c, CLI_NOT, "no node is called %s and no node id starts so", text);
	*node = s.names_len ? s.by_name : s.by_prefix;
	return 0;
}

/* --- agreements ------------------------------------------------------------------------------- */

bool cli_agreement_id(const char *text, uint64_t *id)
{
	uint8_t raw[8];

	if (text_hex_decode(bytes_str(text), raw, sizeof(raw)) != (int)sizeof(raw))
		return false;
	*id = be64_get(raw);
	return true;
}

void cli_agreement_text(char out[17], uint64_t id)
{
	snprintf(out, 17, "%016" PRIx64, id);
}

int cli_find_agreement(struct cli *c, const char *prefix, const struct agreement **a)
{
	size_t found = 0;
	int rc = cli_need_keydir(c);

	if (rc)
		return rc;
	for (size_t i = 0; i < c->keydir.agreements_len; i++) {
		char id[17];

		cli_agreement_text(id, c->keydir.agreements[i]->id);
		if (*prefix && strncmp(id, prefix, strlen(prefix)) == 0) {
			*a = c->keydir.agreements[i];
			found++;
		}
	}
	if (found == 0)
		return cli_fail(c, CLI_NOT,
			"no agreement here has an id that starts with %s: see entente agreement "
			"list",
			prefix);
	if (found > 1)
		return cli_fail(c, CLI_INVALID, "%zu agreement ids start with %s: give more of it",
			found, prefix);
	return 0;
}

int cli_find_agreement_with(struct cli *c, const char *name, const struct agreement **a)
{
	struct node_id node;
	size_t found = 0;
	int rc = cli_find_node(c, name, &node);

	if (rc)
		return rc;
	for (size_t i = 0; i < c->keydir.agreements_len; i++) {
		const struct agreement *at = c->keydir.agreements[i];

		if (at->parties_len == 2 && agreement_party_of(at, &node) &&
			agreement_in_time(at, cli_now_s())) {
			*a = at;
			found++;
		}
	}
	if (found == 0)
		return cli_fail(c, CLI_REFUSED, "no two-party agreement with %s is in force", name);
	if (found > 1)
		return cli_fail(c, CLI_INVALID,
			"%zu two-party agreements with %s are in force: name one with --agreement "
			"ID",
			found, name);
	return 0;
}

/* --- feeds ------------------------------------------------------------------------------------ */

int cli_find_audience(struct cli *c, const char *text, struct audience *a)
{
	const struct agreement *agreement;
	int rc;

	if (audience_parse(bytes_str(text), a))
		return 0;
	rc = cli_find_agreement(c, text, &agreement);
	if (!rc)
		*a = audience_agreement(agreement->id);
	return rc;
}

static int newest_incarnation(void *ctx, const struct store_log *log)
{
	struct log_name *feed = ctx;

	if (node_id_eq(&log->name.node, &feed->node) &&
		audience_eq(log->name.audience, feed->audience) &&
		log->name.incarnation > feed->incarnation)
		feed->incarnation = log->name.incarnation;
	return 0;
}

int cli_find_feed(struct cli *c, const char *text, struct log_name *feed)
{
	const char *slash = strchr(text, '/');
	const struct card *card;
	char *origin;
	int rc = cli_want_store(c);

	if (rc || log_name_parse(bytes_str(text), feed))
		return rc;
	if (!slash || slash == text || !slash[1])
		return cli_fail(c, CLI_INVALID,
			"saw \"%s\", wanted ORIGIN/AUDIENCE, for example fr/clear", text);
	origin = arena_strdup(&c->arena, text);
	if (!origin)
		return cli_fail(c, CLI_STORE, "%s", err_sentence(ENT_ENOMEM));
	origin[slash - text] = '\0';
	memset(feed, 0, sizeof(*feed));
	rc = cli_find_node(c, origin, &feed->node);
	if (!rc)
		rc = cli_find_audience(c, slash + 1, &feed->audience);
	if (rc)
		return rc;
	/* The newest that has entries here; a new incarnation's feed need not exist yet. */
	if (c->reader)
		rc = store_log_each(c->reader, newest_incarnation, feed);
	if (rc)
		return cli_fail(c, CLI_STORE, "cannot read the store: %s", err_sentence(rc));
	card = feed->incarnation ? NULL : cli_card(c, &feed->node);
	if (card)
		feed->incarnation = card->logs[card->logs_len - 1].incarnation;
	if (!feed->incarnation)
		return cli_fail(c, CLI_NOT, "no feed %s is known here", text);
	return 0;
}
