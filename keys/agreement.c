/* SPDX-License-Identifier: EUPL-1.2 */
#include "keys/agreement.h"

#include <inttypes.h>
#include <stdio.h>
#include <sodium.h>

#include "base/arena.h"
#include "base/text.h"
#include "keys/amount.h"
#include "keys/card.h"
#include "keys/field.h"
#include "keys/identity.h"
#include "keys/words.h"

#define FIRST_LINE   "entente/agreement/v1"
#define WORDS_DOMAIN "entente/words/1\n"
#define WORDS_COUNT  8
#define NOTHING      "-"

#define TLPS_WANTED  "clear, green, amber, amber+strict, red or none"

/* A key with the name of a party behind it, e.g. "gives fr". */
#define KEY_MAX (16 + PARTY_NAME_MAX)

static const char *key_of(char out[KEY_MAX], const char *key, const struct agreement_party *p)
{
	snprintf(out, KEY_MAX, "%s %s", key, p->name);
	return out;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* The names of the bits set, or none. */
static void put_set(struct buf *out, uint32_t set, unsigned numbers_end,
	const char *(*name_of)(unsigned))
{
	if (set == 0)
		buf_str(out, " none");
	for (unsigned i = 1; i < numbers_end; i++)
		if (set & (1u << i))
			buf_printf(out, " %s", name_of(i));
	buf_str(out, "\n");
}

static void put_duration(struct buf *out, const char *key, int64_t seconds)
{
	char text[AMOUNT_TEXT_SIZE];

	amount_duration_text(text, seconds);
	field_put(out, key, text);
}

static void put_introduces(struct buf *out, const struct agreement *a)
{
	bool any = false;

	buf_str(out, "introduces:");
	for (size_t i = 0; i < a->parties_len; i++)
		if (a->parties[i].introduces) {
			buf_printf(out, " %s", a->parties[i].name);
			any = true;
		}
	buf_str(out, any ? "\n" : " none\n");
}

static void put_parties(struct buf *out, const struct agreement *a)
{
	for (size_t i = 0; i < a->parties_len; i++) {
		const struct agreement_party *p = &a->parties[i];
		char node[NODE_ID_TEXT_SIZE], vkey[NOTE_VKEY_TEXT_MAX];

		node_id_text(node, &p->node);
		note_key_text(vkey, &p->root);
		buf_printf(out, "party: %s %s %s\n", p->name, node, vkey);
	}
	for (size_t i = 0; i < a->parties_len; i++) {
		buf_printf(out, "gives %s:", a->parties[i].name);
		put_set(out, a->parties[i].gives, TLP_RED + 1, tlp_name);
	}
	for (size_t i = 0; i < a->parties_len; i++) {
		buf_printf(out, "types %s:", a->parties[i].name);
		if (a->parties[i].types == TYPE_BITS_ALL)
			buf_str(out, " *\n");
		else
			put_set(out, a->parties[i].types, TYPE_COUNT, type_name);
	}
}

static void put_quotas(struct buf *out, const struct agreement *a)
{
	for (size_t i = 0; i < a->parties_len; i++) {
		const struct agreement_party *p = &a->parties[i];
		char size[AMOUNT_TEXT_SIZE];

		amount_bytes_text(size, p->quota_bytes_day);
		buf_printf(out, "quota %s: %" PRIu64 " records/day %s/day %" PRIu64 " origins\n",
			p->name, p->quota_records_day, size, p->quota_origins);
	}
}

void agreement_text(struct buf *out, const struct agreement *a)
{
	char key[KEY_MAX], text[AMOUNT_TEXT_SIZE];

	buf_str(out, FIRST_LINE "\n");
	field_put_id(out, "id", a->id);
	field_put_u64(out, "serial", a->serial);
	field_put(out, "title", a->title);
	field_put(out, "legal", a->legal[0] ? a->legal : NOTHING);
	put_parties(out, a);
	field_put(out, "purposes", a->purposes);
	field_put(out, "permitted-actions", a->permitted_actions);
	field_put(out, "attribution", a->attribution);
	field_put(out, "affected-party-notifications", a->affected_party_notifications);
	field_put(out, "unmodified-resale", a->unmodified_resale);
	put_introduces(out, a);
	put_quotas(out, a);
	put_duration(out, "retain", a->retain_s);
	put_duration(out, "erase-within", a->erase_within_s);
	put_duration(out, "recall-within", a->recall_within_s);
	if (a->after_end_keep) {
		field_put(out, "after-end", "keep");
	} else {
		amount_duration_text(text, a->after_end_erase_s);
		buf_printf(out, "after-end: erase %s\n", text);
	}
	if (a->has_psk)
		field_put_id(out, "psk", be64_get(a->psk_id));
	else
		field_put(out, "psk", "none");
	for (size_t i = 0; i < a->parties_len; i++)
		field_put(out, key_of(key, "contact", &a->parties[i]),
			a->parties[i].contact[0] ? a->parties[i].contact : NOTHING);
	field_put_valid(out, a->valid_from, a->valid_until);
	buf_bytes(out, a->notes);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Text that may be "-" for nothing. */
static int take_optional(struct field_reader *r, const char *key, char *out, size_t cap)
{
	int rc = field_text(r, key, out, cap);

	if (!rc && strcmp(out, NOTHING) == 0)
		out[0] = '\0';
	return rc;
}

/* One word of a list that ends in NULL. */
static int take_choice(struct field_reader *r, const char *key, char *out, size_t cap,
	const char *const *choices)
{
	char wanted[200];
	struct bytes value;
	size_t at = 0;
	int rc = field_take(r, key, &value);

	if (rc)
		return rc;
	for (size_t i = 0; choices[i]; i++) {
		if (bytes_eq_str(value, choices[i])) {
			snprintf(out, cap, "%s", choices[i]);
			return 0;
		}
		at += (size_t)snprintf(wanted + at, sizeof(wanted) - at, "%s%s",
			i ? ", " : "one of ", choices[i]);
	}
	return field_refuse(r, key, value, "%s", wanted);
}

static int take_purposes(struct field_reader *r, struct agreement *a)
{
	static const char *const purposes[] = {
		"cyber-defence", "law-enforcement", "victim-notification"};
	struct bytes rest, word;
	unsigned seen = 0;
	int rc = field_text(r, "purposes", a->purposes, sizeof(a->purposes));

	if (rc)
		return rc;
	rest = bytes_str(a->purposes);
	while (text_word_next(&rest, &word)) {
		unsigned i = 0;

		while (i < 3 && !bytes_eq_str(word, purposes[i]))
			i++;
		if (i == 3 || (seen & (1u << i)))
			return field_refuse(r, "purposes", word,
				"cyber-defence, law-enforcement, victim-notification, each once");
		seen |= 1u << i;
	}
	if (strstr(a->purposes, "  "))
		return field_refuse(r, "purposes", bytes_str(a->purposes),
			"one space between words");
	return 0;
}

static int take_party(struct field_reader *r, struct agreement *a)
{
	struct agreement_party *p = &a->parties[a->parties_len];
	struct bytes value, rest, name, node;
	int rc = field_take(r, "party", &value);

	if (rc)
		return rc;
	rest = value;
	if (!text_word_next(&rest, &name) || !text_word_next(&rest, &node) || rest.len < 2)
		return field_refuse(r, "party", value, "<name> <node id> <root verifier key>");
	if (!field_name_valid(name))
		return field_refuse(r, "party", name,
			"a name of 1 to 63 characters a-z, 0-9 and \"-\", such as fr");
	memcpy(p->name, name.data, name.len);
	if (!node_id_parse(node, &p->node))
		return field_refuse(r, "party", node, "a node id of 26 base32 characters");
	rc = field_key(r, "party", bytes_skip(rest, 1), &p->node, "root", NOTE_TYPE_ED25519,
		&p->root);
	if (rc)
		return rc;
	for (const struct agreement_party *q = a->parties; q < p; q++) {
		if (strcmp(q->name, p->name) == 0)
			return field_refuse(r, "party", name, "a name of its own for each party");
		if (node_id_eq(&q->node, &p->node))
			return field_refuse(r, "party", node, "each node once");
		if (memcmp(q->root.public_key, p->root.public_key, 32) == 0)
			return field_refuse(r, "party", bytes_skip(rest, 1),
				"a root of its own for each party");
	}
	a->parties_len++;
	return 0;
}

static size_t count_parties(struct bytes rest)
{
	struct bytes line;
	size_t count = 0;

	while (text_line_next(&rest, &line))
		count += bytes_starts(line, "party:");
	return count;
}

static int take_parties(struct field_reader *r, struct arena *arena, struct agreement *a)
{
	size_t count = count_parties(r->rest);

	if (count < 2 || count > AGREEMENT_PARTIES_MAX)
		return err_set(r->err, ENT_EINVALID,
			"%s:%u: party: saw %zu of them, wanted 2 to %u", r->file, r->line + 1,
			count, AGREEMENT_PARTIES_MAX);
	a->parties = arena_alloc(arena, count * sizeof(*a->parties));
	if (!a->parties)
		return err_set(r->err, ENT_ENOMEM, "%s: %s", r->file, err_sentence(ENT_ENOMEM));
	while (a->parties_len < count) {
		int rc = take_party(r, a);

		if (rc)
			return rc;
	}
	return 0;
}

static int take_gives(struct field_reader *r, struct agreement_party *p)
{
	char key[KEY_MAX];
	struct bytes rest, word;
	int rc = field_take(r, key_of(key, "gives", p), &rest);

	if (rc || bytes_eq_str(rest, "none"))
		return rc;
	while (text_word_next(&rest, &word)) {
		enum tlp tlp;

		if (!tlp_parse(word, &tlp))
			return field_refuse(r, key, word, TLPS_WANTED);
		p->gives |= TLP_BIT(tlp);
	}
	return 0;
}

static int take_types(struct field_reader *r, struct agreement_party *p)
{
	char key[KEY_MAX];
	struct bytes rest, word;
	int rc = field_take(r, key_of(key, "types", p), &rest);

	if (rc || bytes_eq_str(rest, "none"))
		return rc;
	if (bytes_eq_str(rest, "*")) {
		p->types = TYPE_BITS_ALL;
		return 0;
	}
	while (text_word_next(&rest, &word)) {
		enum type type;

		if (!type_parse(word, &type))
			return field_refuse(r, key, word,
				"*, none or types such as ipv4 domain url sha256");
		p->types |= TYPE_BIT(type);
	}
	return 0;
}

static int take_introduces(struct field_reader *r, struct agreement *a)
{
	struct bytes rest, word;
	int rc = field_take(r, "introduces", &rest);

	if (rc || bytes_eq_str(rest, "none"))
		return rc;
	while (text_word_next(&rest, &word)) {
		size_t i = 0;

		while (i < a->parties_len && !bytes_eq_str(word, a->parties[i].name))
			i++;
		if (i == a->parties_len)
			return field_refuse(r, "introduces", word, "none, or names of parties");
		a->parties[i].introduces = true;
	}
	return 0;
}

bool agreement_quota_parse(struct bytes text, struct agreement_party *p)
{
	struct bytes w[6] = {BYTES_NONE};
	size_t day = strlen("/day");

	for (int i = 0; i < 6; i++)
		if (!text_word_next(&text, &w[i]))
			w[i] = BYTES_NONE;
	return text.len == 0 && text_u64_parse(w[0], &p->quota_records_day) &&
	       bytes_eq_str(w[1], "records/day") && w[3].len > day &&
	       bytes_eq_str(bytes_skip(w[3], w[3].len - day), "/day") &&
	       amount_bytes_parse(w[2], bytes_from(w[3].data, w[3].len - day),
		       &p->quota_bytes_day) &&
	       text_u64_parse(w[4], &p->quota_origins) && bytes_eq_str(w[5], "origins");
}

static int take_quota(struct field_reader *r, struct agreement_party *p)
{
	char key[KEY_MAX];
	struct bytes value;
	int rc = field_take(r, key_of(key, "quota", p), &value);

	if (rc)
		return rc;
	if (!agreement_quota_parse(value, p))
		return field_refuse(r, key, value,
			"such as 5000000 records/day 4 GiB/day 100 origins");
	return 0;
}

static int take_duration(struct field_reader *r, const char *key, int64_t *seconds)
{
	struct bytes value;
	int rc = field_take(r, key, &value);

	if (rc)
		return rc;
	if (!amount_duration_parse(value, seconds))
		return field_refuse(r, key, value, "a duration such as 365d, 72h, 15m or 30s");
	return 0;
}

static int take_after_end(struct field_reader *r, struct agreement *a)
{
	static const char erase[] = "erase ";
	struct bytes value;
	int rc = field_take(r, "after-end", &value);

	if (rc)
		return rc;
	a->after_end_keep = bytes_eq_str(value, "keep");
	if (a->after_end_keep)
		return 0;
	if (!bytes_starts(value, erase) ||
		!amount_duration_parse(bytes_skip(value, sizeof(erase) - 1), &a->after_end_erase_s))
		return field_refuse(r, "after-end", value, "keep, or such as erase 30d");
	return 0;
}

static int take_psk(struct field_reader *r, struct agreement *a)
{
	struct bytes value;
	int rc = field_take(r, "psk", &value);

	if (rc)
		return rc;
	a->has_psk = !bytes_eq_str(value, "none");
	if (a->has_psk && text_hex_decode(value, a->psk_id, sizeof(a->psk_id)) != sizeof(a->psk_id))
		return field_refuse(r, "psk", value, "none, or an id of 16 lower-case hex digits");
	return 0;
}

static int take_notes(struct field_reader *r, struct arena *arena, struct agreement *a)
{
	struct bytes start = r->rest;
	char text[AGREEMENT_FIELD_MAX];
	int rc;

	while (field_next_is(r, "note")) {
		rc = field_text(r, "note", text, sizeof(text));
		if (rc)
			return rc;
	}
	rc = field_end(r);
	if (rc)
		return rc;
	a->notes = arena_copy(arena, start);
	if (!a->notes.data)
		return err_set(r->err, ENT_ENOMEM, "%s: %s", r->file, err_sentence(ENT_ENOMEM));
	return 0;
}

static int take_terms(struct field_reader *r, struct agreement *a)
{
	/* FIRST IEP 2.0. */
	static const char *const actions[] = {"none", "contact-for-instruction",
		"internally-visible-actions", "externally-visible-indirect-actions",
		"externally-visible-direct-actions", NULL};
	static const char *const may_must[] = {"may", "must", "must-not", NULL};
	static const char *const may[] = {"may", "must-not", NULL};
	int rc = take_purposes(r, a);

	if (!rc)
		rc = take_choice(r, "permitted-actions", a->permitted_actions,
			sizeof(a->permitted_actions), actions);
	if (!rc)
		rc = take_choice(r, "attribution", a->attribution, sizeof(a->attribution),
			may_must);
	if (!rc)
		rc = take_choice(r, "affected-party-notifications", a->affected_party_notifications,
			sizeof(a->affected_party_notifications), may);
	if (!rc)
		rc = take_choice(r, "unmodified-resale", a->unmodified_resale,
			sizeof(a->unmodified_resale), may);
	return rc ? rc : take_introduces(r, a);
}

static int take_head(struct field_reader *r, struct arena *arena, struct agreement *a)
{
	int rc = field_first(r, FIRST_LINE);

	if (!rc)
		rc = field_id(r, "id", &a->id);
	if (!rc)
		rc = field_u32(r, "serial", &a->serial);
	if (!rc)
		rc = field_text(r, "title", a->title, sizeof(a->title));
	if (!rc)
		rc = take_optional(r, "legal", a->legal, sizeof(a->legal));
	if (!rc)
		rc = take_parties(r, arena, a);
	for (size_t i = 0; !rc && i < a->parties_len; i++)
		rc = take_gives(r, &a->parties[i]);
	for (size_t i = 0; !rc && i < a->parties_len; i++)
		rc = take_types(r, &a->parties[i]);
	return rc;
}

static int take_times(struct field_reader *r, struct agreement *a)
{
	int rc = take_duration(r, "retain", &a->retain_s);

	if (!rc)
		rc = take_duration(r, "erase-within", &a->erase_within_s);
	if (!rc)
		rc = take_duration(r, "recall-within", &a->recall_within_s);
	return rc ? rc : take_after_end(r, a);
}

static int take_fields(struct field_reader *r, struct arena *arena, struct agreement *a)
{
	char key[KEY_MAX];
	int rc = take_head(r, arena, a);

	if (!rc)
		rc = take_terms(r, a);
	for (size_t i = 0; !rc && i < a->parties_len; i++)
		rc = take_quota(r, &a->parties[i]);
	if (!rc)
		rc = take_times(r, a);
	if (!rc)
		rc = take_psk(r, a);
	for (size_t i = 0; !rc && i < a->parties_len; i++)
		rc = take_optional(r, key_of(key, "contact", &a->parties[i]), a->parties[i].contact,
			sizeof(a->parties[i].contact));
	if (!rc)
		rc = field_valid(r, &a->valid_from, &a->valid_until);
	return rc ? rc : take_notes(r, arena, a);
}

/* Five lines in front of the parties; then a line of each party, its gives and its types, six
 * lines, its quota, five lines, its contact. */
unsigned agreement_line_party(const struct agreement *a, size_t party)
{
	(void)a;
	return (unsigned)(6 + party);
}

unsigned agreement_line_valid(const struct agreement *a)
{
	return (unsigned)(5 + 3 * a->parties_len + 6 + a->parties_len + 5 + a->parties_len + 1);
}

unsigned agreement_line_signatures(const struct agreement *a)
{
	unsigned line = agreement_line_valid(a) + 2;

	for (size_t i = 0; i < a->notes.len; i++)
		line += a->notes.data[i] == '\n';
	return line;
}

static int check_signatures(const struct note *n, const char *file, struct agreement *a,
	struct err_text *err)
{
	for (size_t i = 0; i < a->parties_len; i++) {
		struct agreement_party *p = &a->parties[i];
		int rc = note_verify(n, &p->root);

		if (rc < 0)
			return err_set(err, rc,
				"%s:%u: saw a signature of party %s that does not hold, wanted one "
				"of "
				"its root over this text",
				file, note_key_line(n, &p->root), p->name);
		p->signed_by = rc == 1;
		a->signatures_valid += p->signed_by;
	}
	return 0;
}

int agreement_parse(struct bytes input, const char *file, struct arena *arena, struct agreement *a,
	struct err_text *err)
{
	struct field_reader r = {.file = file ? file : "agreement", .err = err};
	struct buf again = buf_with_max(NOTE_BYTES_MAX);
	struct note n;
	int rc;

	memset(a, 0, sizeof(*a));
	rc = note_parse_draft(input, r.file, &n, err);
	if (rc)
		return rc;
	r.rest = n.text;
	rc = take_fields(&r, arena, a);
	if (rc)
		return rc;
	agreement_text(&again, a);
	rc = field_same(n.text, &again, r.file, err);
	buf_free(&again);
	if (rc)
		return rc;
	crypto_hash_sha256(a->hash, n.text.data, n.text.len);
	return check_signatures(&n, r.file, a, err);
}

bool agreement_copy(struct agreement *to, const struct agreement *from, struct arena *arena)
{
	*to = *from;
	to->parties = arena_alloc(arena, from->parties_len * sizeof(*to->parties));
	to->notes = arena_copy(arena, from->notes);
	if (!to->parties || !to->notes.data)
		return false;
	memcpy(to->parties, from->parties, from->parties_len * sizeof(*to->parties));
	return true;
}

int agreement_sign(struct buf *out, struct bytes input, const char *file,
	const struct root_key *root, struct err_text *err)
{
	struct arena arena = {0};
	const struct agreement_party *own = NULL;
	struct agreement a;
	int rc;

	file = file ? file : "agreement";
	rc = agreement_parse(input, file, &arena, &a, err);
	if (rc)
		goto out;
	for (size_t i = 0; i < a.parties_len; i++)
		if (memcmp(a.parties[i].root.public_key, root->public_key, 32) == 0)
			own = &a.parties[i];
	if (own)
		rc = note_sign_file(out, input, file, &own->root, root->secret, err);
	else
		rc = err_set(err, ENT_ECRYPTO, "%s: the root key given is no party's root", file);
out:
	arena_free(&arena);
	return rc;
}

/* --- drafts, sets, fingerprints --------------------------------------------------------------- */

static int draft_party(struct agreement *a, const struct card *c, struct err_text *err)
{
	struct agreement_party *p = &a->parties[a->parties_len];

	if (!field_name_valid(bytes_str(c->name)))
		return field_error(err, "card", 0, "name", bytes_str(c->name), "a name such as fr");
	for (const struct agreement_party *q = a->parties; q < p; q++)
		if (node_id_eq(&q->node, &c->node) || strcmp(q->name, c->name) == 0)
			return field_error(err, "cards", 0, "name", bytes_str(c->name),
				"cards of different nodes with different names");
	snprintf(p->name, sizeof(p->name), "%.63s", c->name);
	p->node = c->node;
	p->root = c->root;
	p->gives = TLP_BIT(TLP_CLEAR) | TLP_BIT(TLP_GREEN);
	p->types = TYPE_BITS_ALL;
	p->quota_records_day = 5000000;
	p->quota_bytes_day = (uint64_t)4 << 30;
	p->quota_origins = 100;
	if (c->contacts_len)
		snprintf(p->contact, sizeof(p->contact), "%s", c->contacts[0]);
	a->parties_len++;
	return 0;
}

int agreement_draft(struct agreement *a, struct arena *arena, const struct card *const *cards,
	size_t cards_len, uint64_t id, int64_t from, int64_t until, struct err_text *err)
{
	*a = (struct agreement){
		.id = id,
		.serial = 1,
		.title = "Exchange of cyber-threat intelligence",
		.purposes = "cyber-defence",
		.permitted_actions = "externally-visible-direct-actions",
		.attribution = "may",
		.affected_party_notifications = "may",
		.unmodified_resale = "must-not",
		.retain_s = 365 * 86400,
		.erase_within_s = 72 * 3600,
		.recall_within_s = 15 * 60,
		.after_end_erase_s = 30 * 86400,
		.valid_from = from,
		.valid_until = until,
	};
	if (cards_len < 2 || cards_len > AGREEMENT_PARTIES_MAX)
		return err_set(err, ENT_EINVALID, "saw %zu cards, wanted 2 to %u", cards_len,
			AGREEMENT_PARTIES_MAX);
	a->parties = arena_alloc(arena, cards_len * sizeof(*a->parties));
	if (!a->parties)
		return err_set(err, ENT_ENOMEM, "%s", err_sentence(ENT_ENOMEM));
	for (size_t i = 0; i < cards_len; i++) {
		int rc = draft_party(a, cards[i], err);

		if (rc)
			return rc;
	}
	return 0;
}

const struct agreement_party *agreement_party_of(const struct agreement *a,
	const struct node_id *node)
{
	for (size_t i = 0; i < a->parties_len; i++)
		if (node_id_eq(&a->parties[i].node, node))
			return &a->parties[i];
	return NULL;
}

bool agreement_same_parties(const struct agreement *a, const struct agreement *b)
{
	if (a->parties_len != b->parties_len)
		return false;
	for (size_t i = 0; i < a->parties_len; i++)
		if (!agreement_party_of(b, &a->parties[i].node))
			return false;
	return true;
}

void agreement_words(const struct agreement *a, struct buf *out)
{
	crypto_hash_sha256_state state;
	uint8_t hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const uint8_t *)WORDS_DOMAIN, strlen(WORDS_DOMAIN));
	crypto_hash_sha256_update(&state, a->hash, sizeof(a->hash));
	for (size_t i = 0; i < a->parties_len; i++)
		crypto_hash_sha256_update(&state, a->parties[i].root.public_key, 32);
	crypto_hash_sha256_final(&state, hash);
	for (size_t i = 0; i < WORDS_COUNT; i++) {
		if (i)
			buf_str(out, " ");
		buf_str(out, words[hash[i]]);
	}
}
