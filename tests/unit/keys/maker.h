/* SPDX-License-Identifier: EUPL-1.2 */
/* Nodes with their keys and cards, and agreements between them, for the tests of this folder. */
#pragma once

#include "lib/test.h"

#include <stdio.h>
#include <sodium.h>

#include "base/arena.h"
#include "keys/agreement.h"
#include "keys/card.h"
#include "keys/identity.h"

#define NOW  1795305600 /* 2026-11-22T00:00:00Z */
#define YEAR ((int64_t)365 * 86400)

struct maker {
	uint64_t seed;
	struct env_rng rng;
	struct root_key root, next_root;
	struct identity id;
	struct card card; /* the first, unsigned */
};

static inline void maker_hash(uint8_t out[32], const struct root_key *k)
{
	crypto_hash_sha256(out, k->public_key, 32);
}

static inline void maker_init(struct maker *m, uint64_t seed, const char *name)
{
	struct card *c = &m->card;

	m->seed = seed;
	m->rng = test_rng(&m->seed);
	assert_int_equal(root_key_generate(&m->root, &m->rng), 0);
	assert_int_equal(root_key_generate(&m->next_root, &m->rng), 0);
	assert_int_equal(identity_generate(&m->id, NOW, &m->rng), 0);
	memset(c, 0, sizeof(*c));
	identity_node_id(&c->node, m->root.public_key);
	snprintf(c->name, sizeof(c->name), "%s", name);
	snprintf(c->org, sizeof(c->org), "CERT of %s", name);
	c->serial = 1;
	identity_role_key(&c->root, &c->node, "root", NOTE_TYPE_ED25519, m->root.public_key);
	maker_hash(c->next_root, &m->next_root);
	assert_int_equal(card_set_keys(c, &m->id), 0);
	snprintf(c->endpoints[c->endpoints_len++], CARD_FIELD_MAX, "%s.example:7466", name);
	snprintf(c->contacts[c->contacts_len++], CARD_FIELD_MAX, "soc@%s.example", name);
	c->valid_from = NOW;
	c->valid_until = NOW + YEAR;
}

static inline void maker_free(struct maker *m)
{
	root_key_free(&m->root);
	root_key_free(&m->next_root);
	identity_free(&m->id);
}

/* The card's note, signed whatever it says; its hash is put into the card. */
static inline struct bytes maker_card(struct arena *a, struct card *c, const struct root_key *root)
{
	struct buf text = buf_with_max(NOTE_BYTES_MAX), note = buf_with_max(NOTE_BYTES_MAX);
	struct err_text err;
	struct bytes copy;

	card_text(&text, c);
	crypto_hash_sha256(c->hash, text.data, text.len);
	assert_int_equal(note_sign_file(&note, buf_view(&text), "card", &c->root, root->secret,
				 &err),
		0);
	copy = arena_copy(a, buf_view(&note));
	buf_free(&text);
	buf_free(&note);
	return copy;
}

/* The card behind last that takes the next root into use and commits to another. */
static inline void maker_rotate(struct card *next, const struct card *last,
	const struct root_key *root, const struct root_key *next_root)
{
	card_next(next, last);
	identity_role_key(&next->root, &next->node, "root", NOTE_TYPE_ED25519, root->public_key);
	maker_hash(next->next_root, next_root);
}

/* A complete agreement between two nodes, as a file. */
static inline struct bytes maker_agreement(struct arena *arena, const struct agreement *a,
	const struct maker *const *makers, size_t makers_len)
{
	struct buf now = buf_with_max(NOTE_BYTES_MAX);
	struct err_text err;
	struct bytes copy;

	agreement_text(&now, a);
	for (size_t i = 0; i < makers_len; i++) {
		struct buf next = buf_with_max(NOTE_BYTES_MAX);

		assert_int_equal(agreement_sign(&next, buf_view(&now), "agreement",
					 &makers[i]->root, &err),
			0);
		buf_free(&now);
		now = next;
	}
	copy = arena_copy(arena, buf_view(&now));
	buf_free(&now);
	return copy;
}

#define ID 0x0123456789abcdefu

static inline void maker_draft(struct agreement *a, struct arena *arena,
	const struct maker *const *makers, size_t makers_len, uint64_t id)
{
	const struct card *cards[AGREEMENT_PARTIES_MAX];
	struct err_text err;

	for (size_t i = 0; i < makers_len; i++)
		cards[i] = &makers[i]->card;
	assert_int_equal(agreement_draft(a, arena, cards, makers_len, id, NOW, NOW + YEAR, &err),
		0);
}
