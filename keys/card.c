/* SPDX-License-Identifier: EUPL-1.2 */
#include "keys/card.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <sodium.h>

#include "base/arena.h"
#include "base/text.h"
#include "keys/field.h"
#include "keys/identity.h"

#define FIRST_LINE       "entente/card/v1"
#define TRANSPORT_PREFIX "x25519:"

void card_text(struct buf *out, const struct card *c)
{
	char base64[BASE64_TEXT_SIZE(32)], vkey[NOTE_VKEY_TEXT_MAX];

	buf_str(out, FIRST_LINE "\n");
	field_put_node(out, "node", &c->node);
	field_put(out, "name", c->name);
	field_put(out, "org", c->org);
	field_put_u64(out, "serial", c->serial);
	field_put_key(out, "root", &c->root);
	field_put_sha256(out, "next-root", c->next_root);
	for (size_t i = 0; i < c->logs_len; i++) {
		note_key_text(vkey, &c->logs[i].key);
		buf_printf(out, "log: %" PRIu64 " %s\n", c->logs[i].incarnation, vkey);
	}
	field_put_key(out, "receipt", &c->receipt);
	field_put_key(out, "witness", &c->witness);
	text_base64_encode(base64, BYTES_OF(c->transport));
	buf_printf(out, "transport: " TRANSPORT_PREFIX "%s\n", base64);
	for (size_t i = 0; i < c->endpoints_len; i++)
		field_put(out, "endpoint", c->endpoints[i]);
	for (size_t i = 0; i < c->contacts_len; i++)
		field_put(out, "contact", c->contacts[i]);
	field_put_valid(out, c->valid_from, c->valid_until);
	if (c->has_previous)
		field_put_sha256(out, "previous", c->previous);
}

int card_set_keys(struct card *c, const struct identity *id)
{
	identity_role_key(&c->receipt, &c->node, "receipt", NOTE_TYPE_COSIGNATURE,
		id->receipt_public);
	identity_role_key(&c->witness, &c->node, "witness", NOTE_TYPE_COSIGNATURE,
		id->witness_public);
	memcpy(c->transport, id->transport_public, 32);
	if (card_log_key(c, id->incarnation))
		return 0;
	if (c->logs_len == CARD_LOGS_MAX)
		return ENT_ELIMIT;
	c->logs[c->logs_len].incarnation = id->incarnation;
	identity_role_key(&c->logs[c->logs_len++].key, &c->node, "log", NOTE_TYPE_ED25519,
		id->log_public);
	return 0;
}

void card_next(struct card *next, const struct card *last)
{
	*next = *last;
	next->serial = last->serial + 1;
	next->has_previous = true;
	memcpy(next->previous, last->hash, 32);
}

/* --- one card --------------------------------------------------------------------------------- */

static int take_key(struct field_reader *r, const char *role, uint8_t type, const struct card *c,
	struct note_key *k)
{
	struct bytes value;
	int rc = field_take(r, role, &value);

	return rc ? rc : field_key(r, role, value, &c->node, role, type, k);
}

static int take_logs(struct field_reader *r, struct card *c)
{
	do {
		struct card_log *log = &c->logs[c->logs_len];
		struct bytes value, rest, number;
		int rc = field_take(r, "log", &value);

		if (rc)
			return rc;
		if (c->logs_len == CARD_LOGS_MAX)
			return field_refuse(r, "log", value, "at most %u of them", CARD_LOGS_MAX);
		rest = value;
		if (!text_word_next(&rest, &number) || !text_u64_parse(number, &log->incarnation) ||
			log->incarnation == 0 || rest.len < 2)
			return field_refuse(r, "log", value, "<incarnation> <verifier key>");
		if (c->logs_len && log->incarnation <= log[-1].incarnation)
			return field_refuse(r, "log", number, "an incarnation later than %" PRIu64,
				log[-1].incarnation);
		rc = field_key(r, "log", bytes_skip(rest, 1), &c->node, "log", NOTE_TYPE_ED25519,
			&log->key);
		if (rc)
			return rc;
		c->logs_len++;
	} while (field_next_is(r, "log"));
	return 0;
}

static int take_transport(struct field_reader *r, struct card *c)
{
	struct bytes value;
	int rc = field_take(r, "transport", &value);

	if (rc)
		return rc;
	if (!bytes_starts(value, TRANSPORT_PREFIX) ||
		text_base64_decode(bytes_skip(value, strlen(TRANSPORT_PREFIX)), c->transport, 32) !=
			32)
		return field_refuse(r, "transport", value,
			TRANSPORT_PREFIX " and the base64 of 32 bytes");
	if (identity_transport_weak(c->transport))
		return field_refuse(r, "transport", value, "a key that is no point of low order");
	return 0;
}

bool card_endpoint_valid(const char *text)
{
	char host[CARD_FIELD_MAX];
	const char *colon = strrchr(text, ':');
	struct in6_addr address;
	uint64_t port;
	size_t len;

	if (!colon || colon == text || strlen(text) >= sizeof(host) ||
		!text_u64_parse(bytes_str(colon + 1), &port) || port < 1 || port > 65535)
		return false;
	len = (size_t)(colon - text);
	if (text[0] == '[') {
		if (len < 4 || text[len - 1] != ']')
			return false;
		memcpy(host, text + 1, len - 2);
		host[len - 2] = '\0';
		return inet_pton(AF_INET6, host, &address) == 1;
	}
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
			c != '.' && c != '-' && c != '_')
			return false;
	}
	return text[0] != '-' && text[0] != '.';
}

static int take_endpoints(struct field_reader *r, struct card *c)
{
	while (field_next_is(r, "endpoint")) {
		char text[CARD_FIELD_MAX];
		int rc = field_text(r, "endpoint", text, sizeof(text));

		if (rc)
			return rc;
		if (!card_endpoint_valid(text))
			return field_refuse(r, "endpoint", bytes_str(text),
				"host:port or [IPv6 address]:port with a port from 1 to 65535");
		if (c->endpoints_len == CARD_ENDPOINTS_MAX)
			return field_refuse(r, "endpoint", bytes_str(text), "at most %u of them",
				CARD_ENDPOINTS_MAX);
		memcpy(c->endpoints[c->endpoints_len++], text, sizeof(text));
	}
	return 0;
}

static int take_contacts(struct field_reader *r, struct card *c)
{
	while (field_next_is(r, "contact")) {
		char text[CARD_FIELD_MAX];
		int rc = field_text(r, "contact", text, sizeof(text));

		if (rc)
			return rc;
		if (c->contacts_len == CARD_CONTACTS_MAX)
			return field_refuse(r, "contact", bytes_str(text), "at most %u of them",
				CARD_CONTACTS_MAX);
		memcpy(c->contacts[c->contacts_len++], text, sizeof(text));
	}
	return 0;
}

static int take_fields(struct field_reader *r, struct card *c)
{
	int rc = field_first(r, FIRST_LINE);

	if (!rc)
		rc = field_node(r, "node", &c->node);
	if (!rc)
		rc = field_name(r, "name", c->name, sizeof(c->name));
	if (!rc)
		rc = field_text(r, "org", c->org, sizeof(c->org));
	if (!rc)
		rc = field_u32(r, "serial", &c->serial);
	if (!rc)
		rc = take_key(r, "root", NOTE_TYPE_ED25519, c, &c->root);
	if (!rc)
		rc = field_sha256(r, "next-root", c->next_root);
	if (!rc)
		rc = take_logs(r, c);
	if (!rc)
		rc = take_key(r, "receipt", NOTE_TYPE_COSIGNATURE, c, &c->receipt);
	if (!rc)
		rc = take_key(r, "witness", NOTE_TYPE_COSIGNATURE, c, &c->witness);
	if (!rc)
		rc = take_transport(r, c);
	if (!rc)
		rc = take_endpoints(r, c);
	if (!rc)
		rc = take_contacts(r, c);
	if (!rc)
		rc = field_valid(r, &c->valid_from, &c->valid_until);
	if (rc)
		return rc;
	c->has_previous = field_next_is(r, "previous");
	if (c->has_previous)
		rc = field_sha256(r, "previous", c->previous);
	return rc ? rc : field_end(r);
}

/* No key serves two roles: a signature made in one must mean nothing in another. */
static int check_roles(const struct card *c, const char *file, struct err_text *err)
{
	const struct note_key *keys[3 + CARD_LOGS_MAX] = {&c->root, &c->receipt, &c->witness};
	uint8_t hash[32];
	size_t len = 3;

	for (size_t i = 0; i < c->logs_len; i++)
		keys[len++] = &c->logs[i].key;
	for (size_t i = 0; i < len; i++) {
		crypto_hash_sha256(hash, keys[i]->public_key, 32);
		if (memcmp(hash, c->next_root, 32) == 0)
			return field_error(err, file, 0, "next-root", bytes_str(keys[i]->name),
				"the hash of a key of its own");
		for (size_t k = 0; k < i; k++)
			if (memcmp(keys[i]->public_key, keys[k]->public_key, 32) == 0)
				return field_error(err, file, 0, strrchr(keys[i]->name, '/') + 1,
					bytes_str("the same key again"),
					"a key of its own for every role");
	}
	return 0;
}

/* Everything but the signature. */
static int parse_text(struct bytes text, const char *file, struct card *c, struct err_text *err)
{
	struct field_reader r = {.rest = text, .file = file, .err = err};
	struct buf again = buf_with_max(NOTE_BYTES_MAX);
	struct node_id node;
	int rc;

	memset(c, 0, sizeof(*c));
	rc = take_fields(&r, c);
	if (rc)
		return rc;
	card_text(&again, c);
	rc = field_same(text, &again, file, err);
	buf_free(&again);
	if (rc)
		return rc;
	rc = check_roles(c, file, err);
	if (rc)
		return rc;
	crypto_hash_sha256(c->hash, text.data, text.len);
	identity_node_id(&node, c->root.public_key);
	if (!c->has_previous && !node_id_eq(&node, &c->node)) {
		char seen[NODE_ID_TEXT_SIZE], wanted[NODE_ID_TEXT_SIZE];

		node_id_text(seen, &c->node);
		node_id_text(wanted, &node);
		return field_error(err, file, 2, "node", bytes_str(seen),
			"%s, which follows from the root of this first card", wanted);
	}
	return 0;
}

int card_draft_parse(struct bytes input, const char *file, struct card *c, bool *is_signed,
	struct err_text *err)
{
	struct note n;
	int rc;

	file = file ? file : "card";
	if (input.len > CARD_BYTES_MAX)
		return err_set(err, ENT_ELIMIT, "%s: saw a card of %zu bytes, wanted at most %u",
			file, input.len, CARD_BYTES_MAX);
	rc = note_parse_draft(input, file, &n, err);
	if (!rc)
		rc = parse_text(n.text, file, c, err);
	if (rc)
		return rc;
	rc = note_verify(&n, &c->root);
	if (rc < 0)
		return err_set(err, rc,
			"%s:%u: saw a signature of %s that does not hold, wanted one over this "
			"text",
			file, note_key_line(&n, &c->root), c->root.name);
	*is_signed = rc == 1;
	return 0;
}

int card_parse(struct bytes note, const char *file, struct card *c, struct err_text *err)
{
	bool is_signed;
	int rc = card_draft_parse(note, file, c, &is_signed, err);

	if (rc || is_signed)
		return rc;
	return err_set(err, ENT_ECRYPTO, "%s: saw no signature of %s, wanted one",
		file ? file : "card", c->root.name);
}

int card_sign(struct buf *out, struct bytes input, const char *file, const struct root_key *root,
	struct err_text *err)
{
	bool is_signed;
	struct card c;
	int rc = card_draft_parse(input, file, &c, &is_signed, err);

	if (rc)
		return rc;
	if (memcmp(c.root.public_key, root->public_key, 32) != 0)
		return err_set(err, ENT_ECRYPTO, "%s: the root key given is not the card's root",
			file);
	return note_sign_file(out, input, file, &c.root, root->secret, err);
}

const struct note_key *card_log_key(const struct card *c, uint64_t incarnation)
{
	for (size_t i = 0; i < c->logs_len; i++)
		if (c->logs[i].incarnation == incarnation)
			return &c->logs[i].key;
	return NULL;
}

/* --- chains ----------------------------------------------------------------------------------- */

static bool log_eq(const struct card_log *a, const struct card_log *b)
{
	return a->incarnation == b->incarnation &&
	       memcmp(a->key.public_key, b->key.public_key, 32) == 0;
}

static bool root_eq(const struct card *a, const struct card *b)
{
	return memcmp(a->root.public_key, b->root.public_key, 32) == 0;
}

static int check_link(const struct card *before, const struct card *c, const char *file,
	struct err_text *err)
{
	uint8_t hash[32];

	if (!node_id_eq(&before->node, &c->node))
		return err_set(err, ENT_EINVALID,
			"%s: saw cards of two nodes, wanted one node's chain", file);
	if (c->serial <= before->serial)
		return err_set(err, ENT_EINVALID,
			"%s: serial: saw %u after %u, wanted a higher one", file, c->serial,
			before->serial);
	if (!c->has_previous || memcmp(c->previous, before->hash, 32) != 0)
		return err_set(err, ENT_EINVALID,
			"%s: card %u: previous: wanted the hash of card %u, which stands before it",
			file, c->serial, before->serial);
	if (root_eq(before, c)) {
		/* The commitment is what survives the theft of root: the thief cannot move it. */
		if (memcmp(before->next_root, c->next_root, 32) != 0)
			return err_set(err, ENT_EINVALID,
				"%s: card %u: next-root: saw another one under the same root, "
				"wanted that of "
				"card %u",
				file, c->serial, before->serial);
	} else {
		crypto_hash_sha256(hash, c->root.public_key, 32);
		if (memcmp(before->next_root, hash, 32) != 0)
			return err_set(err, ENT_EINVALID,
				"%s: card %u: root: saw another root, wanted the next root that "
				"card %u names",
				file, c->serial, before->serial);
	}
	if (c->logs_len < before->logs_len)
		return err_set(err, ENT_EINVALID,
			"%s: card %u: log: saw %zu incarnations, wanted at least %zu", file,
			c->serial, c->logs_len, before->logs_len);
	for (size_t i = 0; i < before->logs_len; i++)
		if (!log_eq(&before->logs[i], &c->logs[i]))
			return err_set(err, ENT_EINVALID,
				"%s: card %u: log: saw incarnation %" PRIu64
				" changed, wanted it as in card %u",
				file, c->serial, c->logs[i].incarnation, before->serial);
	return 0;
}

int card_chain_parse(const struct bytes *notes, size_t notes_len, const char *file, struct arena *a,
	struct card_chain *chain, struct err_text *err)
{
	file = file ? file : "card chain";
	*chain = (struct card_chain){.arena = a};
	if (notes_len == 0)
		return err_set(err, ENT_EINVALID, "%s: saw no card, wanted at least one", file);
	if (notes_len > CARD_CHAIN_MAX)
		return err_set(err, ENT_ELIMIT, "%s: saw %zu cards, wanted at most %u", file,
			notes_len, CARD_CHAIN_MAX);
	chain->cards = arena_alloc(a, notes_len * sizeof(*chain->cards));
	chain->notes = arena_alloc(a, notes_len * sizeof(*chain->notes));
	if (!chain->cards || !chain->notes)
		return err_set(err, ENT_ENOMEM, "%s: %s", file, err_sentence(ENT_ENOMEM));
	for (size_t i = 0; i < notes_len; i++) {
		struct card *c = &chain->cards[i];
		char place[512];
		int rc;

		/* Lines are counted from the begin of each card. */
		if (i == 0)
			snprintf(place, sizeof(place), "%s", file);
		else
			snprintf(place, sizeof(place), "%s (card %zu)", file, i + 1);
		rc = card_parse(notes[i], place, c, err);
		if (rc)
			return rc;
		if (i == 0 && c->has_previous)
			return err_set(err, ENT_EINVALID,
				"%s: previous: saw one in the first card, wanted the chain from "
				"the first root on",
				file);
		rc = i ? check_link(c - 1, c, file, err) : 0;
		if (rc)
			return rc;
		chain->notes[i] = arena_copy(a, notes[i]);
		if (!chain->notes[i].data)
			return err_set(err, ENT_ENOMEM, "%s: %s", file, err_sentence(ENT_ENOMEM));
	}
	chain->cards_len = notes_len;
	return 0;
}

bool card_chain_copy(struct card_chain *to, const struct card_chain *from, struct arena *a)
{
	size_t len = from->cards_len;

	*to = (struct card_chain){.cards_len = len, .arena = a};
	to->cards = arena_alloc(a, len * sizeof(*to->cards));
	to->notes = arena_alloc(a, len * sizeof(*to->notes));
	if (!to->cards || !to->notes)
		return false;
	memcpy(to->cards, from->cards, len * sizeof(*to->cards));
	for (size_t i = 0; i < len; i++) {
		to->notes[i] = arena_copy(a, from->notes[i]);
		if (!to->notes[i].data)
			return false;
	}
	return true;
}

int card_chain_read(struct bytes text, const char *file, struct arena *a, struct card_chain *chain,
	struct err_text *err)
{
	struct bytes notes[CARD_CHAIN_MAX], rest = text, line;
	const uint8_t *start = text.data;
	size_t len = 0;

	if (text.len == 0)
		return card_chain_parse(NULL, 0, file, a, chain, err);
	while (text_line_next(&rest, &line)) {
		if (!bytes_eq_str(line, CARD_SEPARATOR))
			continue;
		if (len + 1 >= CARD_CHAIN_MAX)
			return err_set(err, ENT_ELIMIT, "%s: saw more than %u cards", file,
				CARD_CHAIN_MAX);
		notes[len++] = bytes_from(start, (size_t)(line.data - start));
		start = rest.data;
	}
	notes[len++] = bytes_from(start, (size_t)(text.data + text.len - start));
	return card_chain_parse(notes, len, file, a, chain, err);
}

void card_chain_write(struct buf *out, const struct card_chain *chain)
{
	for (size_t i = 0; i < chain->cards_len; i++) {
		if (i)
			buf_str(out, CARD_SEPARATOR "\n");
		buf_bytes(out, chain->notes[i]);
	}
}

static bool transport_eq(const struct card *a, const uint8_t transport[32])
{
	return sodium_memcmp(a->transport, transport, 32) == 0;
}

const struct card *card_chain_former(const struct card_chain *chain, const struct card **since)
{
	const struct card *last = card_chain_last(chain);

	for (size_t i = chain->cards_len - 1; i-- > 0;) {
		if (transport_eq(&chain->cards[i], last->transport))
			continue;
		*since = &chain->cards[i + 1];
		return &chain->cards[i];
	}
	return NULL;
}

enum card_key card_chain_transport(const struct card_chain *chain, const uint8_t transport[32],
	uint32_t named, int64_t now_s)
{
	const struct card *since, *former = card_chain_former(chain, &since);

	if (transport_eq(card_chain_last(chain), transport))
		return CARD_KEY_CURRENT;
	if (!former || !transport_eq(former, transport) || named >= since->serial ||
		now_s >= since->valid_from + CARD_FORMER_S)
		return CARD_KEY_NONE;
	return CARD_KEY_FORMER;
}

bool card_chain_same_transport(const struct card_chain *a, const struct card_chain *b)
{
	const struct card *since, *of_a[] = {card_chain_last(a), card_chain_former(a, &since)};
	const struct card *of_b[] = {card_chain_last(b), card_chain_former(b, &since)};

	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; k < 2; k++)
			if (of_a[i] && of_b[k] && transport_eq(of_a[i], of_b[k]->transport))
				return true;
	return false;
}

/* True if every card from index on stands under the same root as the one before index. */
static bool all_under_old_root(const struct card_chain *chain, size_t index)
{
	for (size_t i = index; i < chain->cards_len; i++)
		if (!root_eq(&chain->cards[index - 1], &chain->cards[i]))
			return false;
	return true;
}

size_t card_chain_shared(const struct card_chain *a, const struct card_chain *b)
{
	size_t i = 0;

	while (i < a->cards_len && i < b->cards_len &&
		memcmp(a->cards[i].hash, b->cards[i].hash, 32) == 0)
		i++;
	return i;
}

enum card_relation card_chain_compare(const struct card_chain *known, const struct card_chain *seen)
{
	size_t shorter = known->cards_len < seen->cards_len ? known->cards_len : seen->cards_len;
	size_t i = card_chain_shared(known, seen);
	bool known_rotates, seen_rotates;

	if (i == shorter && known->cards_len == seen->cards_len)
		return CARD_SAME;
	if (i == shorter)
		return known->cards_len < seen->cards_len ? CARD_NEWER : CARD_OLDER;
	if (i == 0)
		return CARD_CONTRADICTS;
	/* They part behind a common card. A card of the next root that it names beats whatever the
	 * old root signed behind it: the thief of a root has no next root. */
	known_rotates = !root_eq(&known->cards[i - 1], &known->cards[i]);
	seen_rotates = !root_eq(&seen->cards[i - 1], &seen->cards[i]);
	if (seen_rotates && all_under_old_root(known, i))
		return CARD_NEWER;
	if (known_rotates && all_under_old_root(seen, i))
		return CARD_OLDER;
	return CARD_CONTRADICTS;
}
