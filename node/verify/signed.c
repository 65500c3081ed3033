/* SPDX-License-Identifier: EUPL-1.2 */
/* Whose signature is whose: every key comes from a chain of cards, and every chain from its root,
 * which the node id is the hash of. */
#include <inttypes.h>

#include "keys/words.h"
#include "verify/verify.h"

#define WORD_BREAKS " \t\r\n,-"

/* --- as they are read ------------------------------------------------------------------------- */

int signed_cards(struct audit *a, struct bytes payload, const struct node_id *shown_by)
{
	struct bytes text = arena_copy(&a->arena, payload);
	struct card_chain chain;
	struct err_text err = {0};
	struct party *p;

	if (!text.data)
		return ENT_ENOMEM;
	if (card_chain_read(text, "cards", &a->arena, &chain, &err) != 0) {
		FOUND(a, FOUND_CHAIN_BROKEN, shown_by, "%s", err.text);
		return 0;
	}
	p = party_need(a, &card_chain_last(&chain)->node);
	if (p->chain.cards_len == 0) {
		p->chain = chain;
		return 0;
	}
	switch (card_chain_compare(&p->chain, &chain)) {
	case CARD_NEWER:
		p->chain = chain;
		break;
	case CARD_CONTRADICTS:
		FOUND(a, FOUND_CHAINS_CONTRADICT, &p->node, "the one that %s shows is another",
			party_name(a, shown_by));
		break;
	case CARD_SAME:
	case CARD_OLDER:
		break;
	}
	return 0;
}

static void text_add(struct audit *a, const struct text *t)
{
	struct text *copy = need(arena_alloc(&a->arena, sizeof(*copy)));

	a->texts = grow(a->texts, &a->texts_cap, a->texts_len, sizeof(struct text *));
	*copy = *t;
	a->texts[a->texts_len++] = copy;
}

int signed_agreement(struct audit *a, struct bytes payload, const struct node_id *shown_by)
{
	struct text t = {.note = arena_copy(&a->arena, payload)};
	struct err_text err = {0};
	struct text *known;

	if (a->texts_len == AUDIT_TEXTS_MAX)
		return err_set(&a->err, ENT_ELIMIT, "more than %u agreements", AUDIT_TEXTS_MAX);
	if (!t.note.data)
		return ENT_ENOMEM;
	if (agreement_parse(t.note, "agreement", &a->arena, &t.agreement, &err) != 0) {
		FOUND(a, FOUND_AGREEMENT_BROKEN, shown_by, "%s", err.text);
		return 0;
	}
	t.good = agreement_complete(&t.agreement);
	known = (struct text *)text_find(a, t.agreement.hash);
	if (!t.good && (!known || !known->good))
		FOUND(a, FOUND_AGREEMENT_BROKEN, shown_by,
			"agreement %016" PRIx64
			" (serial %u) bears the signatures of %zu of %zu parties",
			t.agreement.id, t.agreement.serial, t.agreement.signatures_valid,
			t.agreement.parties_len);
	if (!known)
		text_add(a, &t);
	else if (t.good)
		*known = t;
	return 0;
}

int signed_revocation(struct audit *a, struct bytes payload, const struct node_id *shown_by)
{
	struct revoking r = {arena_copy(&a->arena, payload), *shown_by};

	if (a->revocations_len == AUDIT_TEXTS_MAX)
		return err_set(&a->err, ENT_ELIMIT, "more than %u revocations", AUDIT_TEXTS_MAX);
	if (!r.note.data)
		return ENT_ENOMEM;
	a->revocations = grow(a->revocations, &a->revocations_cap, a->revocations_len,
		sizeof(*a->revocations));
	a->revocations[a->revocations_len++] = r;
	return 0;
}

/* --- when all is read ------------------------------------------------------------------------- */

bool chain_has_root(const struct card_chain *chain, const struct note_key *root)
{
	for (size_t i = 0; i < chain->cards_len; i++)
		if (memcmp(chain->cards[i].root.public_key, root->public_key, 32) == 0)
			return true;
	return false;
}

static void text_check(struct audit *a, struct text *t)
{
	const struct agreement *g = &t->agreement;

	for (size_t i = 0; i < g->parties_len; i++) {
		const struct card_chain *chain = chain_of(a, &g->parties[i].node);

		if (!chain || chain_has_root(chain, &g->parties[i].root))
			continue;
		FOUND(a, FOUND_AGREEMENT_ROOT, &g->parties[i].node,
			"agreement %016" PRIx64 " (serial %u)", g->id, g->serial);
		t->good = false;
	}
	for (size_t i = 0; i < a->texts_len; i++) {
		const struct text *o = a->texts[i];

		if (o == t)
			break;
		if (o->good && t->good && o->agreement.id == g->id &&
			o->agreement.serial == g->serial)
			FOUND(a, FOUND_AGREEMENT_TWO, NULL,
				"agreement %016" PRIx64
				" (serial %u), signed by all its parties twice",
				g->id, g->serial);
	}
}

static void root_taken(struct audit *a, const struct party *p)
{
	char root[NOTE_VKEY_TEXT_MAX];

	note_key_text(root, &p->chain.cards[0].root);
	FOUND(a, FOUND_ROOT_TAKEN, &p->node, "compare it: %s", root);
}

/* Are these the words of an agreement (agreement_words), as people write them: in any case, with
 * any spaces, commas or hyphens between? Without one: can they be of any? */
static bool root_words(const char *text, const struct agreement *a)
{
	struct buf own = buf_with_max(1024), given = buf_with_max(1024);
	bool same = true;
	size_t count;

	for (count = 0; same && *(text += strspn(text, WORD_BREAKS)); count++) {
		size_t len = strcspn(text, WORD_BREAKS), at = given.len;

		for (size_t i = 0; i < len; i++)
			buf_u8(&given, (uint8_t)(text[i] | 0x20));
		buf_u8(&given, 0);
		same = false;
		for (size_t i = 0; !buf_failed(&given) && i < WORDS_LEN; i++)
			same |= strcmp(words[i], (const char *)given.data + at) == 0;
		if (same)
			given.data[given.len - 1] = ' ';
		text += len;
	}
	same &= count == 8;
	if (a)
		agreement_words(a, &own);
	if (same && a)
		same = bytes_eq(buf_view(&own), bytes_from(given.data, given.len - 1));
	buf_free(&own);
	buf_free(&given);
	return same;
}

bool root_form(const char *text)
{
	struct note_key key;

	return note_key_parse(bytes_str(text), &key) == 0 || root_words(text, NULL);
}

/* The words bind the text, which names the nodes by the hashes of their first roots. */
static bool parties_pin(struct audit *a, const char *given)
{
	bool there = false;

	for (size_t i = 0; i < a->texts_len; i++) {
		const struct agreement *g = &a->texts[i]->agreement;

		if (!a->texts[i]->good || !root_words(given, g))
			continue;
		there = true;
		for (size_t j = 0; j < g->parties_len; j++) {
			struct party *p = party_get(a, &g->parties[j].node);

			if (p && p->chain.cards_len &&
				chain_has_root(&p->chain, &g->parties[j].root))
				p->pinned = true;
		}
	}
	return there;
}

static bool party_pin(struct audit *a, const struct note_key *root)
{
	bool there = false;

	for (size_t i = 0; i < a->parties.count; i++) {
		struct party *p = a->party_list[i];

		if (!p->chain.cards_len ||
			memcmp(p->chain.cards[0].root.public_key, root->public_key, 32) != 0)
			continue;
		p->pinned = there = true;
	}
	return there;
}

static void roots_check(struct audit *a)
{
	for (size_t i = 0; i < a->roots_len; i++) {
		const char *given = a->roots[i];
		struct note_key key;

		if (note_key_parse(bytes_str(given), &key) != 0 ? !parties_pin(a, given)
								: !party_pin(a, &key))
			FOUND(a, FOUND_ROOT_OTHER, NULL, "no node or agreement here has it: %s",
				given);
	}
	for (size_t i = 0; i < a->bundles_len; i++) {
		struct party *p = party_need(a, &a->bundles[i].about.node);

		if (p->chain.cards_len == 0)
			FOUND(a, FOUND_NO_CARD, &p->node, "%s has no card of its own node",
				a->bundles[i].path);
		else if (!p->pinned && p->account == &a->bundles[i].account)
			root_taken(a, p);
	}
}

/* By any version of its agreement: the parties are the same in all. When it counted stands in the
 * acts. */
static void revocation_check(struct audit *a, const struct revoking *shown)
{
	struct err_text err = {0};
	struct revocation r = {0};
	bool known = false;

	if (revocation_read(shown->note, "revocation", &r, &err) != 0) {
		FOUND(a, FOUND_REVOCATION_BROKEN, &shown->shown_by, "%s", err.text);
		return;
	}
	for (size_t i = 0; i < a->texts_len; i++) {
		const struct agreement *g = &a->texts[i]->agreement;

		if (!a->texts[i]->good || g->id != r.agreement)
			continue;
		known = true;
		if (revocation_parse(shown->note, "revocation", g, chain_of(a, &r.node), &r,
			    &err) == 0)
			return;
	}
	/* Of an agreement that is not here nothing can be said. */
	if (known)
		found(a, FOUND_REVOCATION_BROKEN, &shown->shown_by, NULL, 0, 0, r.time * 1000,
			"of agreement %016" PRIx64 ": %s", r.agreement, err.text);
}

const struct note_key *log_key(const struct audit *a, const struct log_name *log)
{
	const struct card_chain *chain = chain_of(a, &log->node);

	return chain ? card_log_key(card_chain_last(chain), log->incarnation) : NULL;
}

/* The newest card under whose key the cosignature holds; its serial, 0 for none. */
static uint32_t cosigner_serial(struct audit *a, const struct claim *k)
{
	const struct card_chain *chain = chain_of(a, &k->by);
	struct cosignature s = {.time = k->time};
	bool acts = k->checkpoint.log.audience.kind == AUDIENCE_PROVENANCE;

	memcpy(s.signature, k->cosignature, sizeof(s.signature));
	for (size_t i = chain ? chain->cards_len : 0; i-- > 0;) {
		const struct card *card = &chain->cards[i];
		const struct note_key *key = acts ? &card->witness : &card->receipt;

		if (i + 1 < chain->cards_len &&
			memcmp(key->public_key,
				(acts ? card[1].witness : card[1].receipt).public_key, 32) == 0)
			continue;
		a->signatures++;
		if (cosignature_verify(&s, &k->checkpoint, key->public_key) == 0)
			return card->serial;
	}
	return 0;
}

static bool same_checkpoint(const struct claim *x, const struct claim *y)
{
	return memcmp(x->log, y->log, LOG_NAME_BYTES) == 0 &&
	       x->checkpoint.size == y->checkpoint.size &&
	       hash_eq(&x->checkpoint.root, &y->checkpoint.root) &&
	       memcmp(x->checkpoint.signature, y->checkpoint.signature, 64) == 0;
}

static void claim_check(struct audit *a, struct claim *k, const struct claim *before)
{
	const struct node_id *shown_by = &a->bundles[k->bundle].about.node;
	const struct checkpoint *c = &k->checkpoint;
	const struct note_key *key = log_key(a, &c->log);

	if (before && same_checkpoint(k, before)) {
		k->signed_by_log = before->signed_by_log;
	} else if (!key) {
		found(a, FOUND_NO_CARD, &c->log.node, &c->log, 0, c->size, 0, "in the bundle of %s",
			party_name(a, shown_by));
	} else {
		a->signatures++;
		k->signed_by_log = checkpoint_verify(c, key->public_key) == 0;
		if (!k->signed_by_log && c->log.audience.kind == AUDIENCE_PROVENANCE &&
			node_id_eq(&c->log.node, shown_by))
			a->bundles[k->bundle].doubtful = true;
		if (!k->signed_by_log)
			found(a, FOUND_CHECKPOINT_BAD, shown_by, &c->log, 0, c->size, 0,
				"of size %" PRIu64, c->size);
	}
	if (k->time == 0 || k->witness)
		return;
	k->serial = cosigner_serial(a, k);
	if (k->serial == 0)
		found(a, chain_of(a, &k->by) ? FOUND_COSIGNATURE_BAD : FOUND_NO_CARD, shown_by,
			&c->log, 0, c->size,
			(int64_t)(k->time % (RECORD_TIME_MAX_MS / 1000)) * 1000,
			"said to be of %s, for size %" PRIu64, party_name(a, &k->by), c->size);
}

/* Two roots for one size, both under the log's own key: nobody else can have made them. */
static void claims_differ(struct audit *a, const struct claim *k, const struct claim *before)
{
	const struct checkpoint *c = &k->checkpoint;

	if (!k->signed_by_log || !before->signed_by_log ||
		memcmp(k->log, before->log, LOG_NAME_BYTES) != 0 ||
		c->size != before->checkpoint.size || hash_eq(&c->root, &before->checkpoint.root))
		return;
	found(a, c->log.audience.kind == AUDIENCE_PROVENANCE ? FOUND_REWRITTEN : FOUND_SPLIT_VIEW,
		&c->log.node, &c->log, 0, c->size, 0, "two roots for size %" PRIu64, c->size);
}

/* Proven by itself, also where neither history is here as far as the proof reaches. */
static void splits_check(struct audit *a)
{
	for (size_t i = 0; i < a->splits_len; i++) {
		const struct split *s = a->splits[i];
		const struct note_key *key = log_key(a, &s->first.log);

		a->signatures += 2;
		if (key && split_verify(s, key->public_key) == 0)
			found(a, FOUND_SPLIT_VIEW, &s->first.log.node, &s->first.log, s->first.size,
				s->second.size, 0, "%s", "the proof is here");
	}
}

void signed_check(struct audit *a)
{
	roots_check(a);
	for (size_t i = 0; i < a->texts_len; i++)
		text_check(a, a->texts[i]);
	rosters_check(a);
	for (size_t i = 0; i < a->revocations_len; i++)
		revocation_check(a, &a->revocations[i]);
	for (size_t i = 0; i < a->claims_len; i++) {
		struct claim *before = i ? &a->claims[i - 1] : NULL;

		claim_check(a, &a->claims[i], before);
		if (before)
			claims_differ(a, &a->claims[i], before);
	}
	splits_check(a);
}
