/* SPDX-License-Identifier: EUPL-1.2 */
#include "sim/cast.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "sim/random.h"

/* Of so many actors cards may change, and have so many keys and roots. */
#define CAST_LATER_ACTORS 64u
#define CAST_LATER        16u

#define TEN_YEARS         ((int64_t)3650 * 86400)

/* What fails here is the simulation itself, never the code under test. */
static void must(int rc)
{
	if (rc == 0)
		return;
	fprintf(stderr, "sim: the cast cannot be made: %s\n", err_sentence(rc));
	abort();
}

static void root_hash(uint8_t out[32], const struct root_key *root)
{
	crypto_hash_sha256(out, root->public_key, 32);
}

static struct bytes card_note(struct arena *arena, const struct card *c,
	const struct root_key *root)
{
	struct buf text = buf_with_max(NOTE_BYTES_MAX), note = buf_with_max(NOTE_BYTES_MAX);
	struct bytes copy;

	card_text(&text, c);
	must(card_sign(&note, buf_view(&text), "card", root, NULL));
	copy = arena_copy(arena, buf_view(&note));
	buf_free(&text);
	buf_free(&note);
	return copy;
}

static void actor_make(struct actor *a, unsigned i)
{
	struct sim_random random = {0x5eed0000u + i};
	struct env_rng rng = sim_random_env(&random);
	struct card card = {.serial = 1};
	struct bytes note;

	must(root_key_generate(&a->root, &rng));
	must(root_key_generate(&a->next_root, &rng));
	a->number = i;
	must(identity_generate(&a->identity, CAST_EPOCH, &rng));
	identity_node_id(&a->node, a->root.public_key);
	card.node = a->node;
	snprintf(card.name, sizeof(card.name), "n%u", i);
	snprintf(card.org, sizeof(card.org), "CERT of n%u", i);
	identity_role_key(&card.root, &a->node, "root", NOTE_TYPE_ED25519, a->root.public_key);
	root_hash(card.next_root, &a->next_root);
	must(card_set_keys(&card, &a->identity));
	card.valid_from = CAST_EPOCH;
	card.valid_until = CAST_EPOCH + TEN_YEARS;
	note = card_note(&a->arena, &card, &a->root);
	must(card_chain_parse(&note, 1, "cast", &a->arena, &a->chain, NULL));
}

/* --- the cast --------------------------------------------------------------------------------- */

static struct actor *cast[CAST_MAX];
static struct map cast_by_id;

const struct actor *cast_actor(unsigned i)
{
	static const uint8_t hash_key[16];
	struct actor *a;

	assert(i < CAST_MAX);
	if (cast[i])
		return cast[i];
	a = calloc(1, sizeof(*a));
	if (!a)
		abort();
	actor_make(a, i);
	if (!cast_by_id.key_len)
		map_init(&cast_by_id, NODE_ID_BYTES, CAST_MAX, hash_key);
	must(map_put(&cast_by_id, a->node.bytes, a));
	cast[i] = a;
	return a;
}

const struct actor *cast_actor_of(const struct node_id *id)
{
	return cast_by_id.key_len ? map_get(&cast_by_id, id->bytes) : NULL;
}

struct card_chain cast_next_card(unsigned i, bool other, struct arena *arena)
{
	const struct actor *a = cast_actor(i);
	struct bytes notes[2] = {a->chain.notes[0]};
	struct card_chain chain;
	struct card next;

	card_next(&next, card_chain_last(&a->chain));
	snprintf(next.org, sizeof(next.org), "%s of n%u", other ? "Another CERT" : "The CERT", i);
	notes[1] = card_note(arena, &next, &a->root);
	must(card_chain_parse(notes, 2, "cast", arena, &chain, NULL));
	return chain;
}

struct card_chain cast_rival_card(unsigned i, bool next_root, uint64_t add, uint64_t keys,
	struct arena *arena)
{
	const struct actor *a = cast_actor(i);
	struct sim_random random = {0xc4a49e00u + i + (keys << 32)};
	struct env_rng rng = sim_random_env(&random);
	struct bytes notes[2] = {a->chain.notes[0]};
	struct card_chain chain;
	struct root_key fresh;
	struct identity id;
	struct card next;

	card_next(&next, card_chain_last(&a->chain));
	must(identity_generate(&id, CAST_EPOCH + add, &rng));
	must(card_set_keys(&next, &id));
	identity_free(&id);
	if (next_root) {
		must(root_key_generate(&fresh, &rng));
		identity_role_key(&next.root, &a->node, "root", NOTE_TYPE_ED25519,
			a->next_root.public_key);
		root_hash(next.next_root, &fresh);
		root_key_free(&fresh);
	}
	notes[1] = card_note(arena, &next, next_root ? &a->next_root : &a->root);
	must(card_chain_parse(notes, 2, "cast", arena, &chain, NULL));
	return chain;
}

struct card_chain cast_changed_card(unsigned i, bool next_root, uint64_t add, struct arena *arena)
{
	return cast_rival_card(i, next_root, add, add, arena);
}

/* --- changes of cards ------------------------------------------------------------------------- */

/* Of a number beyond the first: what an actor has had made since. */
struct later {
	bool there;
	struct identity keys;
	struct root_key root;
};

static struct later *later_of(unsigned actor, unsigned number)
{
	static struct later all[CAST_LATER_ACTORS][CAST_LATER];
	struct later *l;
	struct sim_random random = {0x1a7e4000u + actor + ((uint64_t)number << 32)};
	struct env_rng rng = sim_random_env(&random);

	assert(actor < CAST_LATER_ACTORS && number < CAST_LATER);
	l = &all[actor][number];
	if (!l->there) {
		must(identity_generate(&l->keys, CAST_EPOCH + number, &rng));
		must(root_key_generate(&l->root, &rng));
		l->there = true;
	}
	return l;
}

const struct identity *cast_keys(unsigned actor, unsigned keys)
{
	return keys ? &later_of(actor, keys)->keys : &cast_actor(actor)->identity;
}

static const struct root_key *root_of(unsigned actor, unsigned root)
{
	const struct actor *a = cast_actor(actor);

	return root == 0 ? &a->root : root == 1 ? &a->next_root : &later_of(actor, root)->root;
}

struct guise cast_guise(unsigned actor)
{
	return (struct guise){.actor = actor, .chain = cast_actor(actor)->chain};
}

const struct guise *cast_follow(const struct guise *g, unsigned keys, bool rotates,
	struct arena *arena)
{
	struct guise *next = arena_alloc(arena, sizeof(*next));
	const struct card *last = card_chain_last(&g->chain);
	struct bytes notes[CARD_CHAIN_MAX];
	const struct root_key *root;
	struct card card;

	assert(g->chain.cards_len < CARD_CHAIN_MAX);
	*next = (struct guise){g->actor, keys, g->root + rotates, g, {0}};
	root = root_of(g->actor, next->root);
	card_next(&card, last);
	snprintf(card.org, sizeof(card.org), "CERT of n%u, card %u", g->actor, card.serial);
	if (keys != g->keys)
		must(card_set_keys(&card, cast_keys(g->actor, keys)));
	if (rotates) {
		identity_role_key(&card.root, &last->node, "root", NOTE_TYPE_ED25519,
			root->public_key);
		root_hash(card.next_root, root_of(g->actor, next->root + 1));
	}
	memcpy(notes, g->chain.notes, g->chain.cards_len * sizeof(notes[0]));
	notes[g->chain.cards_len] = card_note(arena, &card, root);
	must(card_chain_parse(notes, g->chain.cards_len + 1, "cast", arena, &next->chain, NULL));
	return next;
}

/* --- rosters ---------------------------------------------------------------------------------- */

static size_t lines_of(uint64_t actors, struct roster_line *lines)
{
	size_t len = 0;

	for (unsigned i = 0; i < 64; i++)
		if (actors & cast_bit(i)) {
			lines[len] = (struct roster_line){.node = cast_actor(i)->node,
				.root = card_chain_last(&cast_actor(i)->chain)->root};
			snprintf(lines[len++].name, sizeof(lines[0].name), "n%u", i);
		}
	return len;
}

const struct roster *cast_roster(const struct cast_list *list, struct arena *arena)
{
	struct roster_line signers[64], members[64];
	struct roster draft = {.id = list->id,
		.serial = list->serial,
		.title = "Some of us",
		.threshold = list->threshold,
		.signers = signers,
		.signers_len = lines_of(list->signers, signers),
		.members = members,
		.members_len = lines_of(list->members, members),
		.valid_from = list->from,
		.valid_until = list->until};
	struct roster *r = arena_alloc(arena, sizeof(*r));
	struct buf now = buf_with_max(NOTE_BYTES_MAX);

	roster_text(&now, &draft);
	for (uint32_t i = 0; i < list->threshold; i++) {
		struct buf next = buf_with_max(NOTE_BYTES_MAX);

		must(roster_sign(&next, buf_view(&now), "roster",
			&cast_actor_of(&signers[i].node)->root, NULL));
		buf_free(&now);
		now = next;
	}
	must(roster_parse(arena_copy(arena, buf_view(&now)), "roster", arena, r, NULL));
	buf_free(&now);
	if (!roster_complete(r))
		must(ENT_ESTATE);
	return r;
}

/* --- agreements ------------------------------------------------------------------------------- */

static struct bytes sign_all(const struct agreement *a, const struct cast_party *parties,
	size_t parties_len, struct arena *arena)
{
	struct buf now = buf_with_max(NOTE_BYTES_MAX);
	struct bytes copy;

	agreement_text(&now, a);
	for (size_t i = 0; i < parties_len; i++) {
		struct buf next = buf_with_max(NOTE_BYTES_MAX);

		must(agreement_sign(&next, buf_view(&now), "agreement",
			&cast_actor(parties[i].actor)->root, NULL));
		buf_free(&now);
		now = next;
	}
	copy = arena_copy(arena, buf_view(&now));
	buf_free(&now);
	return copy;
}

static void sign_receipt(void *ctx, const struct checkpoint *c, uint64_t time,
	struct cosignature *out)
{
	const struct identity *id = ctx;

	cosignature_sign(out, c, time, id->receipt_secret);
}

static void sign_witness(void *ctx, const struct checkpoint *c, uint64_t time,
	struct cosignature *out)
{
	const struct identity *id = ctx;

	cosignature_sign(out, c, time, id->witness_secret);
}

struct gossip_signer cast_signer(const struct identity *id)
{
	return (struct gossip_signer){(void *)(uintptr_t)id, sign_receipt, sign_witness};
}

static struct bytes revocation_note(uint64_t agreement, const struct card *party,
	const struct root_key *root, struct arena *arena)
{
	const struct revocation r = {agreement, party->node, CAST_EPOCH + 1};
	struct buf text = buf_with_max(NOTE_BYTES_MAX), note = buf_with_max(NOTE_BYTES_MAX);
	struct bytes copy;

	revocation_text(&text, &r);
	must(note_sign_file(&note, buf_view(&text), "revocation", &party->root, root->secret,
		NULL));
	copy = arena_copy(arena, buf_view(&note));
	buf_free(&text);
	buf_free(&note);
	return copy;
}

struct bytes cast_revocation(uint64_t agreement, unsigned i, unsigned by, struct arena *arena)
{
	return revocation_note(agreement, card_chain_last(&cast_actor(i)->chain),
		&cast_actor(by)->root, arena);
}

struct bytes cast_revocation_by(uint64_t agreement, const struct guise *party, struct arena *arena)
{
	return revocation_note(agreement, card_chain_last(&party->chain),
		root_of(party->actor, party->root), arena);
}

const struct agreement *cast_agreement_of(const struct cast_terms *terms,
	const struct cast_party *parties, size_t parties_len, struct arena *arena)
{
	const struct card *cards[CAST_TERMS_MAX];
	struct agreement draft, *a = arena_alloc(arena, sizeof(*a));

	assert(parties_len <= CAST_TERMS_MAX);
	for (size_t i = 0; i < parties_len; i++)
		cards[i] = card_chain_last(&cast_actor(parties[i].actor)->chain);
	must(agreement_draft(&draft, arena, cards, parties_len, terms->id,
		terms->from ? terms->from : CAST_EPOCH,
		terms->until ? terms->until : CAST_EPOCH + TEN_YEARS, NULL));
	draft.serial = terms->serial;
	draft.after_end_keep = terms->erase_s < 0;
	if (terms->erase_s > 0)
		draft.after_end_erase_s = terms->erase_s;
	for (size_t i = 0; i < parties_len; i++) {
		draft.parties[i].gives = parties[i].gives;
		draft.parties[i].introduces = parties[i].introduces;
		if (terms->quota_origins)
			draft.parties[i].quota_origins = terms->quota_origins;
		if (terms->quota_records)
			draft.parties[i].quota_records_day = terms->quota_records;
		if (terms->quota_bytes)
			draft.parties[i].quota_bytes_day = terms->quota_bytes;
	}
	must(agreement_parse(sign_all(&draft, parties, parties_len, arena), "agreement", arena, a,
		NULL));
	if (!agreement_complete(a))
		must(ENT_ESTATE);
	return a;
}

const struct agreement *cast_agreement(const struct cast_terms *terms, struct arena *arena)
{
	struct cast_party parties[CAST_TERMS_MAX];
	size_t len = 0;

	for (unsigned i = 0; i < CAST_TERMS_MAX; i++)
		if (terms->parties & cast_bit(i))
			parties[len++] = (struct cast_party){
				i, terms->gives[i], terms->introduces & cast_bit(i)};
	return cast_agreement_of(terms, parties, len, arena);
}
