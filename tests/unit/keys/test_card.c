/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit/keys/maker.h"

#include <stdlib.h>

#include "base/text.h"

static struct maker fr, de;
static struct arena arena;
static struct err_text err;

static int setup(void **state)
{
	(void)state;
	maker_init(&fr, 1, "fr");
	maker_init(&de, 2, "de");
	err.text[0] = '\0';
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	maker_free(&fr);
	maker_free(&de);
	arena_free(&arena);
	return 0;
}

/* A copy of the note with the first occurrence of from replaced, signed again by fr's root. */
static struct bytes edited(struct bytes note, const char *from, const char *to)
{
	struct buf text = buf_with_max(100000), out = buf_with_max(100000);
	struct bytes copy;
	struct note n;
	uint8_t *at;

	assert_int_equal(note_parse(note, "x", &n, &err), 0);
	at = memmem(n.text.data, n.text.len, from, strlen(from));
	assert_non_null(at);
	buf_append(&text, n.text.data, (size_t)(at - n.text.data));
	buf_str(&text, to);
	at += strlen(from);
	buf_append(&text, at, (size_t)(n.text.data + n.text.len - at));
	buf_bytes(&out, buf_view(&text));
	buf_str(&out, "\n");
	note_sign(&out, buf_view(&text), &fr.card.root, fr.root.secret);
	copy = arena_copy(&arena, buf_view(&out));
	buf_free(&text);
	buf_free(&out);
	return copy;
}

static void reads_back_what_it_writes(void **state)
{
	struct bytes note = maker_card(&arena, &fr.card, &fr.root);
	struct buf text = buf_with_max(100000);
	struct card c;
	(void)state;

	assert_int_equal(card_parse(note, "fr.card", &c, &err), 0);
	card_text(&text, &c);
	assert_int_equal(c.serial, 1);
	assert_string_equal(c.org, "CERT of fr");
	assert_string_equal(c.endpoints[0], "fr.example:7466");
	assert_memory_equal(c.transport, fr.id.transport_public, 32);
	assert_memory_equal(c.hash, fr.card.hash, 32);
	assert_non_null(card_log_key(&c, NOW));
	assert_memory_equal(card_log_key(&c, NOW)->public_key, fr.id.log_public, 32);
	assert_null(card_log_key(&c, NOW + 1));
	assert_memory_equal(note.data, text.data, text.len);
	buf_free(&text);
}

static void refuses_every_other_spelling(void **state)
{
	static const struct {
		const char *from, *to, *wanted;
	} cases[] = {
		{"entente/card/v1", "entente/card/v2",
			"fr.card:1: saw \"entente/card/v2\", wanted"},
		{"\nname: fr", "\nname:  fr", "fr.card:3: name: saw \"  fr\", wanted one space"},
		{"\nname: fr", "\nname: fr ", "fr.card:3: name: saw \" fr \", wanted one space"},
		{"\nname: fr", "\nname:fr", "fr.card:3: name: saw \"fr\", wanted one space"},
		{"\nname: fr", "\nname: FR", "fr.card:3: name: saw \"FR\", wanted a name"},
		{"\nname: fr", "\nname: none", "fr.card:3: name: saw \"none\", wanted a name"},
		/* A Cyrillic letter that looks like the Latin one. */
		{"\nname: fr", "\nname: f\xd0\xb3",
			"fr.card:3: name: saw \"f\\xd0\\xb3\", wanted a name"},
		{"\nname: fr\norg: CERT of fr", "\norg: CERT of fr\nname: fr",
			"fr.card:3: saw \"org: CERT of fr\", wanted name: ..."},
		{"\nname: fr", "\nname: fr\nname: fr",
			"fr.card:4: saw \"name: fr\", wanted org: ..."},
		{"\nname: fr", "\nname: fr\nmood: good",
			"fr.card:4: saw \"mood: good\", wanted org: ..."},
		{"org: CERT of fr", "org: CERT\xe2\x80\xae of fr",
			"fr.card:4: org: saw \"\\xe2\\x80\\xae\""},
		{"serial: 1", "serial: 01", "fr.card:5: serial: saw \"01\", wanted a number"},
		{"serial: 1", "serial: 0", "fr.card:5: serial: saw \"0\""},
		{"serial: 1", "serial: 4294967296", "fr.card:5: serial:"},
		{"next-root: sha256:", "next-root: sha512:", "fr.card:7: next-root:"},
		{"\nlog: 1795305600 ", "\nlog: 1795305600  ", "fr.card:8: log:"},
		{"\nlog: 1795305600 ", "\nlog: 01795305600 ", "fr.card:8: log:"},
		{"/receipt+", "/witness+", "fr.card:9: receipt:"},
		{"transport: x25519:", "transport: X25519:", "fr.card:11: transport:"},
		{"endpoint: fr.example:7466", "endpoint: fr.example", "fr.card:12: endpoint:"},
		{"contact: soc", "contact: \x7fsoc", "fr.card:13: contact:"},
		{"00:00:00Z ", "00:00:00.000Z ", "fr.card:14: valid:"},
		{"00:00:00Z ", "00:00:00Z  ", "fr.card:14:"},
		{"valid: 2026", "valid: 2028", "fr.card:14: valid:"},
		{"00:00:00Z\n", "00:00:00Z\nnote: hello\n",
			"fr.card:15: saw \"note: hello\", wanted the end"},
	};
	struct bytes note = maker_card(&arena, &fr.card, &fr.root);
	struct card c;
	(void)state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct bytes bad = edited(note, cases[i].from, cases[i].to);

		assert_int_equal(card_parse(bad, "fr.card", &c, &err), ENT_EINVALID);
		if (strncmp(err.text, cases[i].wanted, strlen(cases[i].wanted)) != 0)
			fail_msg("case %zu: %s", i, err.text);
	}
}

static void refuses_a_card_not_signed_by_its_root(void **state)
{
	struct bytes note = maker_card(&arena, &fr.card, &fr.root);
	struct buf draft = buf_with_max(100000);
	bool is_signed = true;
	struct card c;
	(void)state;

	((uint8_t *)(uintptr_t)note.data)[note.len - 6] ^= 1;
	assert_int_equal(card_parse(note, "fr.card", &c, &err), ENT_ECRYPTO);
	card_text(&draft, &fr.card);
	assert_int_equal(card_draft_parse(buf_view(&draft), "fr.card", &c, &is_signed, &err), 0);
	assert_false(is_signed);
	buf_str(&draft, "\n");
	assert_int_equal(card_draft_parse(buf_view(&draft), "fr.card", &c, &is_signed, &err), 0);
	assert_false(is_signed);
	note_sign(&draft, bytes_from(draft.data, draft.len - 1), &de.card.root, de.root.secret);
	assert_int_equal(card_parse(buf_view(&draft), "fr.card", &c, &err), ENT_ECRYPTO);
	buf_free(&draft);
}

static void a_first_card_must_own_its_node_id(void **state)
{
	struct bytes note;
	struct card c;
	(void)state;

	fr.card.node.bytes[0] ^= 1;
	identity_role_key(&fr.card.root, &fr.card.node, "root", NOTE_TYPE_ED25519,
		fr.root.public_key);
	fr.card.logs_len = 0;
	assert_int_equal(card_set_keys(&fr.card, &fr.id), 0);
	note = maker_card(&arena, &fr.card, &fr.root);
	assert_int_equal(card_parse(note, "fr.card", &c, &err), ENT_EINVALID);
	assert_non_null(strstr(err.text, "fr.card:2: node: saw"));
}

static void refuses_one_key_in_two_roles(void **state)
{
	struct card c;
	(void)state;

	identity_role_key(&fr.card.receipt, &fr.card.node, "receipt", NOTE_TYPE_COSIGNATURE,
		fr.id.witness_public);
	assert_int_equal(card_parse(maker_card(&arena, &fr.card, &fr.root), "f", &c, &err),
		ENT_EINVALID);
	identity_role_key(&fr.card.receipt, &fr.card.node, "receipt", NOTE_TYPE_COSIGNATURE,
		fr.card.root.public_key);
	assert_int_equal(card_parse(maker_card(&arena, &fr.card, &fr.root), "f", &c, &err),
		ENT_EINVALID);
	assert_int_equal(card_set_keys(&fr.card, &fr.id), 0);
	maker_hash(fr.card.next_root, &fr.root);
	assert_int_equal(card_parse(maker_card(&arena, &fr.card, &fr.root), "f", &c, &err),
		ENT_EINVALID);
}

static void refuses_a_weak_transport_key(void **state)
{
	struct card c;
	(void)state;

	memset(fr.card.transport, 0, 32);
	assert_int_equal(card_parse(maker_card(&arena, &fr.card, &fr.root), "f", &c, &err),
		ENT_EINVALID);
	assert_non_null(strstr(err.text, "low order"));
}

static void tells_endpoints_from_other_text(void **state)
{
	static const char *const good[] = {"a.example:1", "192.0.2.1:65535", "[2001:db8::1]:7466"};
	static const char *const bad[] = {"", ":1", "a", "a:", "a:0", "a:65536", "a:01",
		"2001:db8::1:7466", "[2001:db8::1]", "[]:1", "[192.0.2.1]:1", "a b:1", "-a:1",
		"a/b:1", "[fe80::1%eth0]:1"};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(good); i++)
		assert_true(card_endpoint_valid(good[i]));
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (card_endpoint_valid(bad[i]))
			fail_msg("took %s", bad[i]);
}

static void holds_at_its_limits(void **state)
{
	struct card *c = &fr.card;
	struct card read;
	(void)state;

	for (c->endpoints_len = 0; c->endpoints_len < CARD_ENDPOINTS_MAX; c->endpoints_len++)
		snprintf(c->endpoints[c->endpoints_len], CARD_FIELD_MAX, "h:%zu",
			c->endpoints_len + 1);
	for (c->contacts_len = 0; c->contacts_len < CARD_CONTACTS_MAX; c->contacts_len++)
		snprintf(c->contacts[c->contacts_len], CARD_FIELD_MAX, "desk %zu",
			c->contacts_len + 1);
	while (c->logs_len < CARD_LOGS_MAX) {
		identity_rotate(&fr.id, fr.id.incarnation + 1, &fr.rng);
		assert_int_equal(card_set_keys(c, &fr.id), 0);
	}
	assert_int_equal(card_parse(maker_card(&arena, c, &fr.root), "f", &read, &err), 0);
	assert_int_equal(read.logs_len, CARD_LOGS_MAX);
	identity_rotate(&fr.id, fr.id.incarnation + 1, &fr.rng);
	assert_int_equal(card_set_keys(c, &fr.id), ENT_ELIMIT);
	assert_int_equal(card_parse(edited(maker_card(&arena, c, &fr.root), "endpoint: h:1\n",
					    "endpoint: h:1\nendpoint: h:9\n"),
				 "f", &read, &err),
		ENT_EINVALID);
	assert_non_null(strstr(err.text, "at most 8"));
	assert_int_equal(card_parse(edited(maker_card(&arena, c, &fr.root), "contact: desk 1\n",
					    "contact: desk 1\ncontact: desk 9\n"),
				 "f", &read, &err),
		ENT_EINVALID);
	assert_non_null(strstr(err.text, "at most 8"));
}

/* --- chains ----------------------------------------------------------------------------------- */

static int chain_of(struct card_chain *chain, const struct bytes *notes, size_t len)
{
	return card_chain_parse(notes, len, "fr.card", &arena, chain, &err);
}

static void a_chain_goes_through_a_file_and_back(void **state)
{
	struct buf file = buf_with_max(100000), again = buf_with_max(100000);
	struct card_chain chain, read;
	struct bytes notes[2];
	struct card second;
	(void)state;

	notes[0] = maker_card(&arena, &fr.card, &fr.root);
	card_next(&second, &fr.card);
	notes[1] = maker_card(&arena, &second, &fr.root);
	assert_int_equal(chain_of(&chain, notes, 2), 0);
	card_chain_write(&file, &chain);
	assert_int_equal(card_chain_read(buf_view(&file), "fr.card", &arena, &read, &err), 0);
	assert_int_equal(read.cards_len, 2);
	assert_int_equal(card_chain_last(&read)->serial, 2);
	card_chain_write(&again, &read);
	assert_bytes_equal(buf_view(&again), buf_view(&file));
	assert_int_equal(card_chain_compare(&chain, &read), CARD_SAME);

	assert_int_equal(card_chain_read(BYTES_NONE, "f", &arena, &read, &err), ENT_EINVALID);
	buf_str(&file, CARD_SEPARATOR "\n");
	assert_int_equal(card_chain_read(buf_view(&file), "fr.card", &arena, &read, &err),
		ENT_EINVALID);
	buf_free(&file);
	buf_free(&again);
}

static void refuses_broken_links(void **state)
{
	struct bytes notes[2] = {maker_card(&arena, &fr.card, &fr.root)};
	struct card_chain chain;
	struct card c;
	(void)state;

	card_next(&c, &fr.card);
	c.serial = 1;
	notes[1] = maker_card(&arena, &c, &fr.root);
	assert_int_equal(chain_of(&chain, notes, 2), ENT_EINVALID);
	assert_non_null(strstr(err.text, "serial: saw 1 after 1, wanted a higher one"));

	card_next(&c, &fr.card);
	c.previous[0] ^= 1;
	notes[1] = maker_card(&arena, &c, &fr.root);
	assert_int_equal(chain_of(&chain, notes, 2), ENT_EINVALID);
	assert_non_null(strstr(err.text, "previous"));

	card_next(&c, &fr.card);
	identity_rotate(&fr.id, NOW, &fr.rng);
	identity_role_key(&c.logs[0].key, &c.node, "log", NOTE_TYPE_ED25519, fr.id.log_public);
	notes[1] = maker_card(&arena, &c, &fr.root);
	assert_int_equal(chain_of(&chain, notes, 2), ENT_EINVALID);
	assert_non_null(strstr(err.text, "log: saw incarnation"));

	/* The old root may not move the commitment, and no other root may step in. */
	card_next(&c, &fr.card);
	maker_hash(c.next_root, &de.root);
	notes[1] = maker_card(&arena, &c, &fr.root);
	assert_int_equal(chain_of(&chain, notes, 2), ENT_EINVALID);
	assert_non_null(strstr(err.text, "next-root"));
	maker_rotate(&c, &fr.card, &de.root, &de.next_root);
	notes[1] = maker_card(&arena, &c, &de.root);
	assert_int_equal(chain_of(&chain, notes, 2), ENT_EINVALID);
	assert_non_null(strstr(err.text, "wanted the next root"));

	notes[1] = maker_card(&arena, &de.card, &de.root);
	assert_int_equal(chain_of(&chain, notes, 2), ENT_EINVALID);
	assert_int_equal(chain_of(&chain, notes + 1, 1), 0);
	card_next(&c, &fr.card);
	notes[0] = maker_card(&arena, &c, &fr.root);
	assert_int_equal(chain_of(&chain, notes, 1), ENT_EINVALID);
	assert_int_equal(chain_of(&chain, notes, 0), ENT_EINVALID);
}

static void the_next_root_takes_over(void **state)
{
	struct bytes notes[3] = {maker_card(&arena, &fr.card, &fr.root)};
	struct card_chain chain;
	struct root_key third;
	struct card c, after;
	(void)state;

	assert_int_equal(root_key_generate(&third, &fr.rng), 0);
	maker_rotate(&c, &fr.card, &fr.next_root, &third);
	identity_rotate(&fr.id, NOW + 5, &fr.rng);
	assert_int_equal(card_set_keys(&c, &fr.id), 0);
	notes[1] = maker_card(&arena, &c, &fr.next_root);
	card_next(&after, &c);
	notes[2] = maker_card(&arena, &after, &fr.next_root);
	assert_int_equal(chain_of(&chain, notes, 3), 0);
	assert_int_equal(card_chain_last(&chain)->logs_len, 2);
	root_key_free(&third);
}

static void compares_chains(void **state)
{
	struct bytes first[4] = {maker_card(&arena, &fr.card, &fr.root)}, other[4] = {first[0]};
	struct card_chain one, longer, fork, rotated;
	struct card c, d;
	(void)state;

	card_next(&c, &fr.card);
	first[1] = maker_card(&arena, &c, &fr.root);
	assert_int_equal(chain_of(&one, first, 1), 0);
	assert_int_equal(chain_of(&longer, first, 2), 0);
	assert_int_equal(card_chain_compare(&one, &longer), CARD_NEWER);
	assert_int_equal(card_chain_compare(&longer, &one), CARD_OLDER);

	/* Two cards of one root for one place. */
	card_next(&d, &fr.card);
	snprintf(d.org, sizeof(d.org), "Somebody else");
	other[1] = maker_card(&arena, &d, &fr.root);
	assert_int_equal(chain_of(&fork, other, 2), 0);
	assert_int_equal(card_chain_compare(&longer, &fork), CARD_CONTRADICTS);

	/* Theft: the thief signed on (one card, then two), the owner rotates from before. */
	maker_rotate(&d, &fr.card, &fr.next_root, &de.next_root);
	other[1] = maker_card(&arena, &d, &fr.next_root);
	assert_int_equal(chain_of(&rotated, other, 2), 0);
	assert_int_equal(card_chain_compare(&longer, &rotated), CARD_NEWER);
	assert_int_equal(card_chain_compare(&rotated, &longer), CARD_OLDER);
	card_next(&d, &c);
	first[2] = maker_card(&arena, &d, &fr.root);
	assert_int_equal(chain_of(&longer, first, 3), 0);
	assert_int_equal(card_chain_compare(&longer, &rotated), CARD_NEWER);
	assert_int_equal(card_chain_compare(&rotated, &longer), CARD_OLDER);

	/* The next root itself signed twice: nobody can tell which is good. */
	maker_rotate(&d, &c, &fr.next_root, &de.next_root);
	first[2] = maker_card(&arena, &d, &fr.next_root);
	assert_int_equal(chain_of(&longer, first, 3), 0);
	assert_int_equal(card_chain_compare(&longer, &rotated), CARD_CONTRADICTS);
	assert_int_equal(card_chain_compare(&rotated, &longer), CARD_CONTRADICTS);

	/* Two first cards. */
	snprintf(fr.card.org, sizeof(fr.card.org), "Somebody else");
	other[0] = maker_card(&arena, &fr.card, &fr.root);
	assert_int_equal(chain_of(&fork, other, 1), 0);
	assert_int_equal(card_chain_compare(&one, &fork), CARD_CONTRADICTS);
}

static void a_former_transport_key_is_honoured_until_the_new_serial_is_named(void **state)
{
	struct bytes notes[3] = {maker_card(&arena, &fr.card, &fr.root)};
	const int64_t before_end = NOW + CARD_FORMER_S - 1;
	const struct card *since;
	struct card_chain chain;
	struct card c, d;
	uint8_t old[32], current[32], stranger[32] = {9};
	(void)state;

	memcpy(old, fr.id.transport_public, 32);
	assert_int_equal(chain_of(&chain, notes, 1), 0);
	assert_null(card_chain_former(&chain, &since));
	assert_int_equal(card_chain_transport(&chain, old, 0, NOW), CARD_KEY_CURRENT);
	card_next(&c, &fr.card);
	identity_rotate(&fr.id, NOW + 5, &fr.rng);
	memcpy(current, fr.id.transport_public, 32);
	assert_int_equal(card_set_keys(&c, &fr.id), 0);
	notes[1] = maker_card(&arena, &c, &fr.root);
	/* A renewal later does not make the time longer. */
	card_next(&d, &c);
	d.valid_from += CARD_FORMER_S;
	notes[2] = maker_card(&arena, &d, &fr.root);
	for (size_t len = 2; len <= 3; len++) {
		assert_int_equal(chain_of(&chain, notes, len), 0);
		assert_ptr_equal(card_chain_former(&chain, &since), &chain.cards[0]);
		assert_int_equal(since->serial, 2);
		assert_int_equal(card_chain_transport(&chain, current, 2, NOW), CARD_KEY_CURRENT);
		assert_int_equal(card_chain_transport(&chain, old, 1, NOW), CARD_KEY_FORMER);
		assert_int_equal(card_chain_transport(&chain, old, 2, NOW), CARD_KEY_NONE);
		assert_int_equal(card_chain_transport(&chain, old, 1, before_end), CARD_KEY_FORMER);
		assert_int_equal(card_chain_transport(&chain, old, 1, before_end + 1),
			CARD_KEY_NONE);
		assert_int_equal(card_chain_transport(&chain, stranger, 0, NOW), CARD_KEY_NONE);
	}
}

static void refuses_chains_beyond_the_limit(void **state)
{
	struct buf file = buf_with_max(100000);
	struct card_chain chain;
	(void)state;

	for (unsigned i = 0; i < CARD_CHAIN_MAX; i++)
		buf_str(&file, CARD_SEPARATOR "\n");
	assert_int_equal(card_chain_read(buf_view(&file), "f", &arena, &chain, &err), ENT_ELIMIT);
	buf_free(&file);
}

static void signs_drafts_with_the_right_root_only(void **state)
{
	struct buf draft = buf_with_max(100000), out = buf_with_max(100000);
	struct card c;
	(void)state;

	card_text(&draft, &fr.card);
	assert_int_equal(card_sign(&out, buf_view(&draft), "f", &de.root, &err), ENT_ECRYPTO);
	assert_int_equal(out.len, 0);
	assert_int_equal(card_sign(&out, buf_view(&draft), "f", &fr.root, &err), 0);
	assert_int_equal(card_parse(buf_view(&out), "f", &c, &err), 0);
	buf_free(&draft);
	buf_free(&out);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(reads_back_what_it_writes),
		T(refuses_every_other_spelling),
		T(refuses_a_card_not_signed_by_its_root),
		T(a_first_card_must_own_its_node_id),
		T(refuses_one_key_in_two_roles),
		T(refuses_a_weak_transport_key),
		T(tells_endpoints_from_other_text),
		T(holds_at_its_limits),
		T(a_chain_goes_through_a_file_and_back),
		T(refuses_broken_links),
		T(the_next_root_takes_over),
		T(compares_chains),
		T(a_former_transport_key_is_honoured_until_the_new_serial_is_named),
		T(refuses_chains_beyond_the_limit),
		T(signs_drafts_with_the_right_root_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
