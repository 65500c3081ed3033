/* SPDX-License-Identifier: EUPL-1.2 */
#include "sim/cast.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/random.h"

#define TEN_YEARS ((int64_t)3650 * 86400)

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

const struct actor *cast_actor(unsigned i)
{
	static struct actor cast[CAST_MAX];
	static bool made[CAST_MAX];

	if (i >= CAST_MAX)
		abort();
	if (!made[i]) {
		actor_make(&cast[i], i);
		made[i] = true;
	}
	return &cast[i];
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

struct card_chain cast_changed_card(unsigned i, bool next_root, uint64_t add, struct arena *arena)
{
	const struct actor *a = cast_actor(i);
	struct sim_random random = {0xc4a49e00u + i + (add << 32)};
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

static struct bytes sign_all(const struct agreement *a, unsigned parties, struct arena *arena)
{
	struct buf now = buf_with_max(NOTE_BYTES_MAX);
	struct bytes copy;

	agreement_text(&now, a);
	for (unsigned i = 0; i < CAST_MAX; i++) {
		struct buf next = buf_with_max(NOTE_BYTES_MAX);

		if (!(parties & (1u << i)))
			continue;
		must(agreement_sign(&next, buf_view(&now), "agreement", &cast_actor(i)->root,
			NULL));
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
	const struct actor *a = ctx;

	cosignature_sign(out, c, time, a->identity.receipt_secret);
}

static void sign_witness(void *ctx, const struct checkpoint *c, uint64_t time,
	struct cosignature *out)
{
	const struct actor *a = ctx;

	cosignature_sign(out, c, time, a->identity.witness_secret);
}

struct gossip_signer cast_signer(const struct actor *a)
{
	return (struct gossip_signer){(void *)(uintptr_t)a, sign_receipt, sign_witness};
}

struct bytes cast_revocation(uint64_t agreement, unsigned i, unsigned by, struct arena *arena)
{
	const struct revocation r = {agreement, cast_actor(i)->node, CAST_EPOCH + 1};
	struct buf text = buf_with_max(NOTE_BYTES_MAX), note = buf_with_max(NOTE_BYTES_MAX);
	struct bytes copy;

	revocation_text(&text, &r);
	must(note_sign_file(&note, buf_view(&text), "revocation",
		&card_chain_last(&cast_actor(i)->chain)->root, cast_actor(by)->root.secret, NULL));
	copy = arena_copy(arena, buf_view(&note));
	buf_free(&text);
	buf_free(&note);
	return copy;
}

const struct agreement *cast_agreement(const struct cast_terms *terms, struct arena *arena)
{
	const struct card *cards[CAST_MAX];
	struct agreement draft, *a = arena_alloc(arena, sizeof(*a));
	size_t len = 0;

	for (unsigned i = 0; i < CAST_MAX; i++)
		if (terms->parties & (1u << i))
			cards[len++] = card_chain_last(&cast_actor(i)->chain);
	must(agreement_draft(&draft, arena, cards, len, terms->id,
		terms->from ? terms->from : CAST_EPOCH,
		terms->until ? terms->until : CAST_EPOCH + TEN_YEARS, NULL));
	draft.serial = terms->serial;
	for (unsigned i = 0, party = 0; i < CAST_MAX; i++) {
		if (!(terms->parties & (1u << i)))
			continue;
		draft.parties[party].gives = terms->gives[i];
		draft.parties[party].introduces = terms->introduces & (1u << i);
		if (terms->quota_origins)
			draft.parties[party].quota_origins = terms->quota_origins;
		if (terms->quota_records)
			draft.parties[party].quota_records_day = terms->quota_records;
		if (terms->quota_bytes)
			draft.parties[party].quota_bytes_day = terms->quota_bytes;
		party++;
	}
	must(agreement_parse(sign_all(&draft, terms->parties, arena), "agreement", arena, a, NULL));
	if (!agreement_complete(a))
		must(ENT_ESTATE);
	return a;
}
