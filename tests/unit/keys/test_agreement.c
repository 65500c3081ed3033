/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit/keys/maker.h"

#include <stdlib.h>

#include "base/text.h"
#include "keys/words.h"

static struct maker fr, de, be;
static const struct maker *const both[] = {&fr, &de};
static const struct maker *const three[] = {&fr, &de, &be};
static struct arena arena;
static struct err_text err;
static struct agreement draft;

static int setup(void **state)
{
	(void)state;
	maker_init(&fr, 1, "fr");
	maker_init(&de, 2, "de");
	maker_init(&be, 3, "be");
	maker_draft(&draft, &arena, both, 2, ID);
	err.text[0] = '\0';
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	maker_free(&fr);
	maker_free(&de);
	maker_free(&be);
	arena_free(&arena);
	return 0;
}

static int parse(struct bytes note, struct agreement *a)
{
	return agreement_parse(note, "fr-de.agreement", &arena, a, &err);
}

static struct bytes text_of(const struct agreement *a)
{
	struct buf text = buf_with_max(NOTE_BYTES_MAX);
	struct bytes copy;

	agreement_text(&text, a);
	copy = arena_copy(&arena, buf_view(&text));
	buf_free(&text);
	return copy;
}

/* The draft's text with the first occurrence of from replaced. */
static struct bytes edited(const char *from, const char *to)
{
	struct bytes text = text_of(&draft), copy;
	struct buf out = buf_with_max(NOTE_BYTES_MAX);
	const uint8_t *at = memmem(text.data, text.len, from, strlen(from));

	if (!at)
		fail_msg("no \"%s\" in the text", from);
	buf_append(&out, text.data, (size_t)(at - text.data));
	buf_str(&out, to);
	buf_bytes(&out, bytes_skip(text, (size_t)(at - text.data) + strlen(from)));
	copy = arena_copy(&arena, buf_view(&out));
	buf_free(&out);
	return copy;
}

static void the_text_is_as_documented(void **state)
{
	struct bytes text;
	struct buf wanted = buf_with_max(NOTE_BYTES_MAX);
	char fr_id[NODE_ID_TEXT_SIZE], de_id[NODE_ID_TEXT_SIZE];
	char fr_key[NOTE_VKEY_TEXT_MAX], de_key[NOTE_VKEY_TEXT_MAX];
	(void)state;

	draft.parties[0].gives |= TLP_BIT(TLP_AMBER) | TLP_BIT(TLP_AMBER_STRICT);
	draft.parties[1].gives = 0;
	draft.parties[1].types = TYPE_BIT(TYPE_IPV4) | TYPE_BIT(TYPE_SHA256);
	draft.parties[1].introduces = true;
	draft.parties[1].quota_bytes_day = 1536 << 10;
	draft.parties[1].contact[0] = '\0';
	draft.has_psk = true;
	memset(draft.psk_id, 0xab, 8);
	draft.notes = bytes_str("note: first\nnote: second\n");
	node_id_text(fr_id, &fr.card.node);
	node_id_text(de_id, &de.card.node);
	note_key_text(fr_key, &fr.card.root);
	note_key_text(de_key, &de.card.root);
	buf_printf(&wanted,
		"entente/agreement/v1\n"
		"id: 0123456789abcdef\n"
		"serial: 1\n"
		"title: Exchange of cyber-threat intelligence\n"
		"legal: -\n"
		"party: fr %s %s\n"
		"party: de %s %s\n"
		"gives fr: clear green amber amber+strict\n"
		"gives de: none\n"
		"types fr: *\n"
		"types de: ipv4 sha256\n"
		"purposes: cyber-defence\n"
		"permitted-actions: externally-visible-direct-actions\n"
		"attribution: may\n"
		"affected-party-notifications: may\n"
		"unmodified-resale: must-not\n"
		"introduces: de\n"
		"quota fr: 5000000 records/day 4 GiB/day 100 origins\n"
		"quota de: 5000000 records/day 1536 KiB/day 100 origins\n"
		"retain: 365d\n"
		"erase-within: 72h\n"
		"recall-within: 15m\n"
		"after-end: erase 30d\n"
		"psk: abababababababab\n"
		"contact fr: soc@fr.example\n"
		"contact de: -\n"
		"valid: 2026-11-22T00:00:00Z 2027-11-22T00:00:00Z\n"
		"note: first\n"
		"note: second\n",
		fr_id, fr_key, de_id, de_key);
	text = text_of(&draft);
	buf_u8(&wanted, 0);
	assert_string_equal((const char *)text.data, (const char *)wanted.data);
	buf_free(&wanted);
}

static void reads_back_what_it_writes(void **state)
{
	struct agreement a;
	(void)state;

	draft.parties[0].introduces = true;
	draft.parties[1].types = TYPE_BIT(TYPE_URL);
	draft.after_end_keep = true;
	draft.notes = bytes_str("note: x\n");
	snprintf(draft.legal, sizeof(draft.legal), "Treaty of 1963, article 4");
	assert_int_equal(parse(maker_agreement(&arena, &draft, both, 2), &a), 0);
	assert_true(agreement_complete(&a));
	assert_int_equal(a.id, ID);
	assert_string_equal(a.legal, draft.legal);
	assert_int_equal(a.parties_len, 2);
	assert_string_equal(a.parties[1].name, "de");
	assert_int_equal(a.parties[0].gives, TLP_BIT(TLP_CLEAR) | TLP_BIT(TLP_GREEN));
	assert_int_equal(a.parties[0].types, TYPE_BITS_ALL);
	assert_int_equal(a.parties[1].types, TYPE_BIT(TYPE_URL));
	assert_true(a.parties[0].introduces);
	assert_false(a.parties[1].introduces);
	assert_int_equal(a.parties[0].quota_bytes_day, (uint64_t)4 << 30);
	assert_int_equal(a.retain_s, 365 * 86400);
	assert_true(a.after_end_keep);
	assert_false(a.has_psk);
	assert_true(agreement_in_time(&a, NOW));
	assert_true(agreement_in_time(&a, NOW + YEAR - 1));
	assert_false(agreement_in_time(&a, NOW - 1));
	assert_false(agreement_in_time(&a, NOW + YEAR));
	assert_non_null(agreement_party_of(&a, &de.card.node));
	assert_null(agreement_party_of(&a, &be.card.node));
	assert_bytes_equal(text_of(&a), text_of(&draft));
}

/* FORMATS, T13: whatever is not the one spelling is refused, with the place and what was wanted. */
static void refuses_every_other_spelling(void **state)
{
	static const struct {
		const char *from, *to, *wanted;
	} cases[] = {
		{"agreement/v1", "agreement/v2", ":1: saw"},
		{"\nid: 01", "\nid: 0A", ":2: id: saw \"0A23456789abcdef\", wanted 16 lower-case"},
		{"serial: 1\n", "serial: 1\nserial: 1\n",
			":4: saw \"serial: 1\", wanted title: ..."},
		{"serial: 1\n", "serial: 0\n", ":3: serial: saw \"0\", wanted a number from 1"},
		{"serial: 1\n", "mood: good\nserial: 1\n",
			":3: saw \"mood: good\", wanted serial: ..."},
		{"serial: 1\n", "note: early\nserial: 1\n",
			":3: saw \"note: early\", wanted serial: ..."},
		{"legal: -\n", "", ":5: saw \"party: fr "},
		{"legal: -", "legal: -\r", ":5: saw \"\\x0d\", wanted no control"},
		{"legal: -", "legal: - ", ":5: legal: saw \" - \", wanted one space"},
		{"legal: -", "legal:  -", ":5: legal: saw \"  -\", wanted one space"},
		{"legal: -", "legal:\t-", ":5: saw \"\\x09\", wanted no control"},
		{"legal: -", "legal: ", ":5: legal: saw \" \", wanted one space"},
		{"legal: -", "Legal: -", ":5: saw \"Legal: -\", wanted legal: ..."},
		{"legal: -",
			"legal: a\xe2\x80\xad"
			"b",
			":5: legal: saw \"\\xe2\\x80\\xad\", wanted only"},
		{"legal: -",
			"legal: a\xe2\x80\x8b"
			"b",
			":5: legal: saw \"\\xe2\\x80\\x8b\", wanted only"},
		/* Look-alike names: Cyrillic er, full width, capitals, a hyphen in front. */
		{"party: fr ", "party: f\xd1\x80 ",
			":6: party: saw \"f\\xd1\\x80\", wanted a name"},
		{"party: fr ", "party: \xef\xbd\x86r ", ":6: party:"},
		{"party: fr ", "party: FR ", ":6: party: saw \"FR\""},
		{"party: fr ", "party: -fr ", ":6: party: saw \"-fr\""},
		{"party: fr ", "party: none ", ":6: party: saw \"none\""},
		{"party: fr ", "party:  fr ", ":6: party:"},
		{"party: fr ", "party: de ", ":7: party: saw \"de\", wanted a name of its own"},
		{"gives fr: clear green", "gives fr: clear gren",
			":8: gives fr: saw \"gren\", wanted clear, green, amber, amber+strict, red "
			"or none"},
		{"gives fr: clear green", "gives fr: green clear",
			":8: saw \"gives fr: green clear\", wanted \"gives fr: clear green\""},
		{"gives fr: clear green", "gives fr: clear clear green", ":8: saw"},
		{"gives fr: clear green", "gives fr: CLEAR green", ":8: saw"},
		{"gives fr: clear green", "gives fr: tlp:clear green", ":8: saw"},
		{"gives fr: clear green", "gives fr: white green", ":8: saw"},
		{"gives fr: clear green", "gives fr: clear none", ":8: gives fr: saw \"none\""},
		{"gives fr: clear green", "gives fr: clear  green", ":8: saw"},
		{"gives fr: clear green\ngives de: clear green\n",
			"gives de: clear green\ngives fr: clear green\n",
			":8: saw \"gives de: clear green\", wanted gives fr: ..."},
		{"gives de:", "gives be:",
			":9: saw \"gives be: clear green\", wanted gives de: ..."},
		{"types fr: *", "types fr: ipv5",
			":10: types fr: saw \"ipv5\", wanted *, none or types"},
		{"types fr: *", "types fr: sha256 ipv4", ":10: saw"},
		{"types fr: *", "types fr: * ipv4", ":10: types fr: saw \"*\""},
		{"purposes: cyber-defence", "purposes: spying", ":12: purposes: saw \"spying\""},
		{"purposes: cyber-defence", "purposes: cyber-defence cyber-defence",
			":12: purposes:"},
		{"purposes: cyber-defence", "purposes: cyber-defence  law-enforcement",
			":12: purposes:"},
		{"externally-visible-direct-actions", "hack-back",
			":13: permitted-actions: saw \"hack-back\", wanted one of none, "
			"contact-for"},
		{"attribution: may", "attribution: perhaps",
			":14: attribution: saw \"perhaps\", wanted one of may, must, must-not"},
		{"notifications: may", "notifications: must", ":15: affected-party-notifications:"},
		{"introduces: none", "introduces: it", ":17: introduces: saw \"it\""},
		{"introduces: none", "introduces: de fr", ":17: saw"},
		{"5000000 records", "05000000 records", ":18: quota fr:"},
		{"5000000 records", "-1 records", ":18: quota fr:"},
		{"5000000 records", "18446744073709551616 records", ":18: quota fr:"},
		{"4 GiB/day", "4096 MiB/day", ":18: saw"},
		{"4 GiB/day", "4 GB/day", ":18: quota fr:"},
		{"4 GiB/day", "99999999999999 GiB/day", ":18: quota fr:"},
		{"100 origins\nquota", "100 origins now\nquota", ":18: quota fr:"},
		{"retain: 365d", "retain: 8760h",
			":20: saw \"retain: 8760h\", wanted \"retain: 365d\""},
		{"retain: 365d", "retain: 0d", ":20: retain: saw \"0d\", wanted a duration"},
		{"retain: 365d", "retain: 36501d", ":20: retain:"},
		{"retain: 365d", "retain: 99999999999999999999d", ":20: retain:"},
		{"retain: 365d", "retain: d", ":20: retain:"},
		{"erase-within: 72h", "erase-within: 3d", ":21: saw"},
		{"recall-within: 15m", "recall-within: 900s", ":22: saw"},
		{"after-end: erase 30d", "after-end: forget", ":23: after-end: saw \"forget\""},
		{"psk: none", "psk: 1", ":24: psk:"},
		{"contact fr:", "contact be:", ":25: saw"},
		{"2026-11-22T00:00:00Z", "2026-11-22", ":27: valid:"},
		{"2026-11-22T00:00:00Z", "2026-11-22T00:00:00+00:00", ":27: valid:"},
		{"2026-11-22T00:00:00Z", "2026-02-30T00:00:00Z", ":27: valid:"},
		{"2027-11-22T00:00:00Z", "2026-11-22T00:00:00Z", ":27: valid:"},
		{"2027-11-22T00:00:00Z\n", "2027-11-22T00:00:00Z\nfoo: bar\n",
			":28: saw \"foo: bar\", wanted the end"},
		{"2027-11-22T00:00:00Z\n", "2027-11-22T00:00:00Z\nnote: a\n\nnote: b\n", ":30:"},
	};
	struct agreement a;
	(void)state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char wanted[200];

		snprintf(wanted, sizeof(wanted), "fr-de.agreement%s", cases[i].wanted);
		if (parse(edited(cases[i].from, cases[i].to), &a) != ENT_EINVALID)
			fail_msg("case %zu: taken, or another code: %s", i, err.text);
		if (strncmp(err.text, wanted, strlen(wanted)) != 0)
			fail_msg("case %zu: %s", i, err.text);
	}
}

/* The same node twice under two names, or the same root for two nodes. */
static void refuses_one_party_twice(void **state)
{
	struct agreement a;
	(void)state;

	draft.parties[1].node = draft.parties[0].node;
	draft.parties[1].root = draft.parties[0].root;
	assert_int_equal(parse(text_of(&draft), &a), ENT_EINVALID);
	assert_non_null(strstr(err.text, ":7: party: saw"));
	assert_non_null(strstr(err.text, "wanted each node once"));
	draft.parties[1].node = de.card.node;
	identity_role_key(&draft.parties[1].root, &de.card.node, "root", NOTE_TYPE_ED25519,
		fr.root.public_key);
	assert_int_equal(parse(text_of(&draft), &a), ENT_EINVALID);
	assert_non_null(strstr(err.text, "wanted a root of its own"));
	/* A root that bears another node's name, or another role's. */
	draft.parties[1].root = be.card.root;
	assert_int_equal(parse(text_of(&draft), &a), ENT_EINVALID);
	draft.parties[1].root = de.card.logs[0].key;
	assert_int_equal(parse(text_of(&draft), &a), ENT_EINVALID);
}

static void wants_two_to_sixty_four_parties(void **state)
{
	static struct agreement_party many[AGREEMENT_PARTIES_MAX + 1];
	struct agreement a;
	(void)state;

	for (size_t i = 0; i < COUNT_OF(many); i++) {
		many[i] = draft.parties[0];
		snprintf(many[i].name, sizeof(many[i].name), "p%zu", i);
		many[i].node.bytes[0] = (uint8_t)i;
		fr.root.public_key[0] = (uint8_t)i;
		identity_role_key(&many[i].root, &many[i].node, "root", NOTE_TYPE_ED25519,
			fr.root.public_key);
	}
	draft.parties = many;
	for (size_t len = 0; len <= COUNT_OF(many); len++) {
		draft.parties_len = len;
		assert_int_equal(parse(text_of(&draft), &a),
			len < 2 || len > AGREEMENT_PARTIES_MAX ? ENT_EINVALID : 0);
	}
	assert_non_null(strstr(err.text, "saw 65 of them, wanted 2 to 64"));
}

static void tells_who_has_signed(void **state)
{
	struct bytes text = text_of(&draft), note;
	struct buf with_end = buf_with_max(NOTE_BYTES_MAX);
	struct agreement a;
	(void)state;

	assert_int_equal(parse(text, &a), 0);
	assert_int_equal(a.signatures_valid, 0);
	assert_false(agreement_complete(&a));
	buf_bytes(&with_end, text);
	buf_str(&with_end, "\n");
	assert_int_equal(parse(buf_view(&with_end), &a), 0);
	assert_int_equal(a.signatures_valid, 0);
	note = maker_agreement(&arena, &draft, both + 1, 1);
	assert_int_equal(parse(note, &a), 0);
	assert_int_equal(a.signatures_valid, 1);
	assert_false(a.parties[0].signed_by);
	assert_true(a.parties[1].signed_by);
	assert_false(agreement_complete(&a));
	buf_free(&with_end);
}

static void a_third_signature_counts_for_nothing(void **state)
{
	struct bytes note = maker_agreement(&arena, &draft, both, 2);
	struct buf out = buf_with_max(NOTE_BYTES_MAX);
	struct agreement a;
	(void)state;

	assert_int_equal(note_sign_file(&out, note, "f", &be.card.root, be.root.secret, &err), 0);
	assert_int_equal(parse(buf_view(&out), &a), 0);
	assert_int_equal(a.signatures_valid, 2);
	buf_reset(&out);
	note = maker_agreement(&arena, &draft, both, 1);
	assert_int_equal(note_sign_file(&out, note, "f", &be.card.root, be.root.secret, &err), 0);
	assert_int_equal(parse(buf_view(&out), &a), 0);
	assert_false(agreement_complete(&a));
	buf_free(&out);
}

static void one_bad_signature_of_a_party_sinks_the_file(void **state)
{
	struct bytes note = maker_agreement(&arena, &draft, both, 2), other;
	struct buf out = buf_with_max(NOTE_BYTES_MAX);
	struct agreement a;
	struct note n;
	(void)state;

	/* de's line as it stands, fr's line from an agreement with another serial. */
	draft.serial = 2;
	other = maker_agreement(&arena, &draft, both, 1);
	assert_int_equal(note_parse(note, "f", &n, &err), 0);
	buf_bytes(&out, n.text);
	buf_str(&out, "\n");
	note_signature_line(&out, n.signatures[1].name, n.signatures[1].key_id,
		n.signatures[1].blob);
	assert_int_equal(note_parse(other, "f", &n, &err), 0);
	note_signature_line(&out, n.signatures[0].name, n.signatures[0].key_id,
		n.signatures[0].blob);
	assert_int_equal(parse(buf_view(&out), &a), ENT_ECRYPTO);
	assert_non_null(strstr(err.text, "a signature of party fr that does not hold"));
	buf_free(&out);
}

static void signing_again_replaces_and_strangers_cannot_sign(void **state)
{
	struct bytes note = maker_agreement(&arena, &draft, both, 2);
	struct buf out = buf_with_max(NOTE_BYTES_MAX);
	(void)state;

	assert_int_equal(agreement_sign(&out, note, "f", &fr.root, &err), 0);
	assert_int_equal(out.len, note.len);
	buf_reset(&out);
	assert_int_equal(agreement_sign(&out, note, "f", &be.root, &err), ENT_ECRYPTO);
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

static void parties_are_compared_as_a_set(void **state)
{
	static const struct maker *const turned[] = {&de, &fr};
	static const struct maker *const others[] = {&fr, &be};
	struct agreement a;
	(void)state;

	maker_draft(&a, &arena, turned, 2, 7);
	assert_true(agreement_same_parties(&draft, &a));
	maker_draft(&a, &arena, others, 2, ID);
	assert_false(agreement_same_parties(&draft, &a));
	maker_draft(&a, &arena, three, 3, ID);
	assert_false(agreement_same_parties(&draft, &a));
	assert_false(agreement_same_parties(&a, &draft));
}

static void drafts_want_different_nodes_and_names(void **state)
{
	const struct card *cards[2] = {&fr.card, &fr.card};
	struct agreement a;
	(void)state;

	assert_int_equal(agreement_draft(&a, &arena, cards, 2, 1, 1, 2, &err), ENT_EINVALID);
	assert_int_equal(agreement_draft(&a, &arena, cards, 1, 1, 1, 2, &err), ENT_EINVALID);
	cards[1] = &de.card;
	snprintf(de.card.name, sizeof(de.card.name), "fr");
	assert_int_equal(agreement_draft(&a, &arena, cards, 2, 1, 1, 2, &err), ENT_EINVALID);
}

static void words_cover_the_text_and_come_from_a_list_without_repeats(void **state)
{
	struct buf one = buf_with_max(1000), two = buf_with_max(1000);
	struct agreement a;
	unsigned spaces = 0;
	(void)state;

	for (size_t i = 0; i < WORDS_LEN; i++) {
		size_t len = strlen(words[i]);

		assert_true(len >= 4 && len <= 9);
		assert_int_equal(strspn(words[i], "abcdefghijklmnopqrstuvwxyz"), len);
		if (i)
			assert_true(strcmp(words[i - 1], words[i]) < 0);
	}
	assert_int_equal(parse(text_of(&draft), &a), 0);
	agreement_words(&a, &one);
	for (size_t i = 0; i < one.len; i++)
		spaces += one.data[i] == ' ';
	assert_int_equal(spaces, 7);
	draft.serial = 2;
	assert_int_equal(parse(text_of(&draft), &a), 0);
	agreement_words(&a, &two);
	assert_false(bytes_eq(buf_view(&one), buf_view(&two)));
	buf_free(&one);
	buf_free(&two);
}

static void a_party_alone_revokes(void **state)
{
	struct revocation r = {.agreement = ID, .node = de.card.node, .time = NOW}, read;
	struct buf text = buf_with_max(1000), note = buf_with_max(1000);
	struct agreement a;
	(void)state;

	assert_int_equal(parse(text_of(&draft), &a), 0);
	revocation_text(&text, &r);
	assert_int_equal(note_sign_file(&note, buf_view(&text), "r", &de.card.root, de.root.secret,
				 &err),
		0);
	assert_int_equal(revocation_parse(buf_view(&note), "r", &a, NULL, &read, &err), 0);
	assert_int_equal(read.time, NOW);
	a.id++;
	assert_int_equal(revocation_parse(buf_view(&note), "r", &a, NULL, &read, &err),
		ENT_EINVALID);
	a.id--;
	/* Nobody revokes in another's name. */
	buf_reset(&note);
	assert_int_equal(note_sign_file(&note, buf_view(&text), "r", &fr.card.root, fr.root.secret,
				 &err),
		0);
	assert_int_equal(revocation_parse(buf_view(&note), "r", &a, NULL, &read, &err),
		ENT_ENOTFOUND);
	buf_reset(&text);
	buf_reset(&note);
	r.node = be.card.node;
	revocation_text(&text, &r);
	assert_int_equal(note_sign_file(&note, buf_view(&text), "r", &be.card.root, be.root.secret,
				 &err),
		0);
	assert_int_equal(revocation_parse(buf_view(&note), "r", &a, NULL, &read, &err),
		ENT_EINVALID);
	buf_free(&text);
	buf_free(&note);
}

/* Under a root that came after the agreement, and has gone since. */
static void what_was_revoked_stays_so_when_roots_change(void **state)
{
	struct revocation r = {.agreement = ID, .node = fr.card.node, .time = NOW}, read;
	struct buf text = buf_with_max(1000), note = buf_with_max(1000);
	struct bytes notes[3] = {maker_card(&arena, &fr.card, &fr.root)};
	struct root_key third, fourth;
	struct card second, last;
	struct card_chain chain;
	struct agreement a;
	(void)state;

	assert_int_equal(parse(text_of(&draft), &a), 0);
	assert_int_equal(root_key_generate(&third, &fr.rng), 0);
	assert_int_equal(root_key_generate(&fourth, &fr.rng), 0);
	maker_rotate(&second, &fr.card, &fr.next_root, &third);
	notes[1] = maker_card(&arena, &second, &fr.next_root);
	maker_rotate(&last, &second, &third, &fourth);
	notes[2] = maker_card(&arena, &last, &third);
	revocation_text(&text, &r);
	assert_int_equal(note_sign_file(&note, buf_view(&text), "r", &second.root,
				 fr.next_root.secret, &err),
		0);
	for (size_t cards = 1; cards <= 3; cards++) {
		assert_int_equal(card_chain_parse(notes, cards, "c", &arena, &chain, &err), 0);
		assert_int_equal(revocation_parse(buf_view(&note), "r", &a, &chain, &read, &err),
			cards == 1 ? ENT_ENOTFOUND : 0);
	}
	root_key_free(&third);
	root_key_free(&fourth);
	buf_free(&text);
	buf_free(&note);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_text_is_as_documented),
		T(reads_back_what_it_writes),
		T(refuses_every_other_spelling),
		T(refuses_one_party_twice),
		T(wants_two_to_sixty_four_parties),
		T(tells_who_has_signed),
		T(a_third_signature_counts_for_nothing),
		T(one_bad_signature_of_a_party_sinks_the_file),
		T(signing_again_replaces_and_strangers_cannot_sign),
		T(parties_are_compared_as_a_set),
		T(drafts_want_different_nodes_and_names),
		T(words_cover_the_text_and_come_from_a_list_without_repeats),
		T(what_was_revoked_stays_so_when_roots_change),
		T(a_party_alone_revokes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
