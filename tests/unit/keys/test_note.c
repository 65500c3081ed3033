/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sodium.h>

#include "base/text.h"
#include "keys/note.h"

#define DASH "\xe2\x80\x94 "

/* The first three and their spoilt forms: transparency-dev/formats (log/note_test.go), C2SP
 * signed-note.md and the Go sumdb/note example; Apache-2.0. */
#define SUM_VKEY "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
#define SUM_LINE                                                                                   \
	DASH "sum.golang.org Az3grsLX85Gz+s1SiTbgkuqxgItqFq7gsMUEyVnrsa9LM7Us9S+1xbFIGu95949rj4"   \
	     "nPRYfvimWEPWL+o3GeoWwOoAw=\n"
#define SUM_NOTE                                                                                   \
	"go.sum database tree\n6476701\nmb8QLQIs0Z0yP5Cstq6guj87oXWeC9gEM8oVikmm9Wk=\n\n" SUM_LINE
#define C2SP_VKEY "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
#define C2SP_TEXT "This is an example message.\n"
#define C2SP_BASE64                                                                                \
	"Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72Ine"  \
	"yaQM="
#define C2SP_NOTE C2SP_TEXT "\n" DASH "example.com/foo " C2SP_BASE64 "\n"
#define GO_VKEY   "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define GO_NOTE                                                                                    \
	"If you think cryptography is the answer to your problem,\n"                               \
	"then you don't know what your problem is.\n\n" DASH                                       \
	"PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngo"   \
	"tpRZb6KE6RyyBwJnAM=\n"

static int parse(const char *text, struct note *n, struct err_text *err)
{
	err->text[0] = '\0';
	return note_parse(bytes_str(text), "x.note", n, err);
}

static void verifies_published_notes_and_no_others(void **state)
{
	static const struct {
		const char *vkey, *note;
		int verdict;
	} cases[] = {
		{SUM_VKEY, SUM_NOTE, 1},
		{C2SP_VKEY, C2SP_NOTE, 1},
		{GO_VKEY, GO_NOTE, 1},
		{GO_VKEY, SUM_NOTE, 0},
		{SUM_VKEY,
			"go.sum database "
			"tree\n6476702\nmb8QLQIs0Z0yP5Cstq6guj87oXWeC9gEM8oVikmm9Wk=\n\n" SUM_LINE,
			ENT_ECRYPTO},
	};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err_text err;
		struct note_key key;
		struct note n;

		assert_int_equal(note_key_parse(bytes_str(cases[i].vkey), &key), 0);
		assert_int_equal(parse(cases[i].note, &n, &err), 0);
		assert_int_equal(note_verify(&n, &key), cases[i].verdict);
	}
}

static void vkeys_round_trip(void **state)
{
	static const char *const vkeys[] = {SUM_VKEY, C2SP_VKEY, GO_VKEY,
		"entente.example/fr+b5222edf+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(vkeys); i++) {
		char text[NOTE_VKEY_TEXT_MAX];
		struct note_key key;

		assert_int_equal(note_key_parse(bytes_str(vkeys[i]), &key), 0);
		note_key_text(text, &key);
		assert_string_equal(text, vkeys[i]);
	}
}

static void refuses_bad_vkeys(void **state)
{
	static const char *const bad[] = {
		"",
		"sum.golang.org",
		"+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
		"sum.golang.org+033de0af+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8", /* other id
											 */
		"sum.golang.org+033DE0AE+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
		"sum golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
		"sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuA==",
		"sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8\n",
		"sum.golang.org+033de0ae+",
		"sum.golang.org+033de0ae",
	};
	struct note_key key;
	(void)state;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(note_key_parse(bytes_str(bad[i]), &key), ENT_EINVALID);
	assert_int_equal(note_key_parse(BYTES_NONE, &key), ENT_EINVALID);
}

/* FORMATS 3: the log key is the one of seed 00..1f, the witness's that of 20..3f. */
static void known_answer_of_our_own_log_key(void **state)
{
	static const char text[] = "entente.example/fr\n8\n"
				   "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n";
	static const char wanted[] = DASH "entente.example/fr "
					  "tSIu3xlwwUCn7Am3vB4ZTBvxA2kmBxPzKDieY0lG9i+"
					  "VztXTFoAfDA0O2D6Tq+f6oyAAgAuGHsw9dWGN/EpnHi"
					  "hLFwg=\n";
	uint8_t seed[32], public_key[32], secret[64];
	struct buf out = buf_with_max(1000);
	char hex[HEX_TEXT_SIZE(4)];
	struct note_key key;
	(void)state;

	for (int i = 0; i < 32; i++)
		seed[i] = (uint8_t)i;
	crypto_sign_seed_keypair(public_key, secret, seed);
	assert_int_equal(note_key_init(&key, "entente.example/fr", NOTE_TYPE_ED25519, public_key),
		0);
	text_hex_encode(hex, BYTES_OF(key.id));
	assert_string_equal(hex, "b5222edf");
	note_sign(&out, bytes_str(text), &key, secret);
	assert_bytes_equal(buf_view(&out), bytes_str(wanted));
	buf_free(&out);

	for (int i = 0; i < 32; i++)
		seed[i] = (uint8_t)(32 + i);
	crypto_sign_seed_keypair(public_key, secret, seed);
	assert_int_equal(note_key_init(&key, "entente.example/be", NOTE_TYPE_COSIGNATURE,
				 public_key),
		0);
	text_hex_encode(hex, BYTES_OF(key.id));
	assert_string_equal(hex, "758941b6");
}

static void refuses_what_is_no_note_and_says_where(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{"", "x.note:1: saw none, wanted a line end"},
		{"text", "x.note:1: saw \"t\", wanted a line end"},
		{"text\n",
			"x.note:2: saw none, wanted an empty line and at least one signature line"},
		{"text\n\n", "x.note:3: saw none, wanted at least one signature line"},
		{"a\r\nb\n\n" DASH "x AAAAAAA=\n", "x.note:1: saw \"\\x0d\", wanted no control"},
		{"a\n\tb\n\n" DASH "x AAAAAAA=\n", "x.note:2: saw \"\\x09\", wanted no control"},
		{"a\nb\xff\n\n" DASH "x AAAAAAA=\n", "x.note:2: saw \"b\\xff\", wanted UTF-8"},
		{"a\n\n- x AAAAAAA=\n",
			"x.note:3: signature: saw \"- x AAAAAAA=\", wanted an em dash"},
		{"a\n\n" DASH "x\n", "x.note:3: signature:"},
		{"a\n\n" DASH "x+y AAAAAAA=\n", "x.note:3: signature:"},
		{"a\n\n" DASH "x\xc2\xa0y AAAAAAA=\n", "x.note:3: signature:"},
		{"a\n\n" DASH "x\xe3\x80\x80y AAAAAAA=\n", "x.note:3: signature:"},
		{"a\n\n" DASH " AAAAAAA=\n", "x.note:3: signature:"},
		{"a\n\n" DASH "x \n", "x.note:3: signature: saw \"\", wanted the base64"},
		{"a\n\n" DASH "x AAAA\n", "x.note:3: signature:"},
		{"a\n\n" DASH "x AAAAAAA\n", "x.note:3: signature:"},   /* no padding */
		{"a\n\n" DASH "x AAAAAAB=\n", "x.note:3: signature:"},  /* a stray bit */
		{"a\n\n" DASH "x AAAAAAA= \n", "x.note:3: signature:"}, /* a space behind it */
		{"a\n\n" DASH "x  AAAAAAA=\n", "x.note:3: signature:"},
		{"a\n\n" DASH "x AAAAAAA=\n" DASH "x AAAAAAE=\n",
			"x.note:4: signature: saw \"x\", wanted one line for each key (see line "
			"3)"},
		{"a\n\n" DASH "x AAAAAAA=", "x.note:3: saw \"=\", wanted a line end"},
		{"a\n\n" DASH "x AAAAAAA=\n\n",
			"x.note:5: saw none, wanted at least one signature"},
	};
	struct err_text err;
	struct note n;
	(void)state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(parse(cases[i].text, &n, &err), ENT_EINVALID);
		if (strncmp(err.text, cases[i].wanted, strlen(cases[i].wanted)) != 0)
			fail_msg("case %zu: \"%s\"", i, err.text);
	}
	assert_int_equal(note_parse(bytes_from("a\0b\n\n", 5), "x.note", &n, &err), ENT_EINVALID);
}

static void splits_at_the_last_empty_line(void **state)
{
	struct err_text err;
	struct note n;
	(void)state;

	assert_int_equal(parse("a\n\nb\n\n" DASH "x AAAAAAA=\n", &n, &err), 0);
	assert_bytes_equal(n.text, bytes_str("a\n\nb\n"));
	assert_int_equal(n.signatures_len, 1);
	assert_int_equal(n.signatures[0].line, 5);
	assert_int_equal(n.signatures[0].blob.len, 1);
}

static void text_with_signatures(struct buf *out, size_t count)
{
	buf_str(out, "a\n\n");
	for (size_t i = 0; i < count; i++) {
		uint8_t id[4] = {0, 0, 0, (uint8_t)i};

		note_signature_line(out, bytes_str("x"), id, BYTES_OF(id));
	}
}

static void takes_eighty_signatures_and_no_more(void **state)
{
	struct buf out = buf_with_max(10000);
	struct err_text err;
	struct note n;
	(void)state;

	text_with_signatures(&out, NOTE_SIGNATURES_MAX);
	assert_int_equal(note_parse(buf_view(&out), "x.note", &n, &err), 0);
	assert_int_equal(n.signatures_len, NOTE_SIGNATURES_MAX);
	buf_reset(&out);
	text_with_signatures(&out, NOTE_SIGNATURES_MAX + 1);
	assert_int_equal(note_parse(buf_view(&out), "x.note", &n, &err), ENT_ELIMIT);
	buf_free(&out);
}

static void drops_signatures_of_kinds_it_does_not_know(void **state)
{
	struct buf out = buf_with_max(10000);
	char base64[BASE64_TEXT_SIZE(2428)];
	uint8_t payload[2428] = {9, 9, 9, 9};
	struct err_text err;
	struct note_key key;
	struct note n;
	(void)state;

	text_base64_encode(base64, BYTES_OF(payload));
	buf_printf(&out, "%s\n%sexample.com/pq %s\n%sexample.com/foo %s\n", C2SP_TEXT, DASH, base64,
		DASH, C2SP_BASE64);
	assert_int_equal(note_parse(buf_view(&out), "x.note", &n, &err), 0);
	assert_int_equal(n.signatures_len, 1);
	assert_int_equal(note_key_parse(bytes_str(C2SP_VKEY), &key), 0);
	assert_int_equal(note_verify(&n, &key), 1);
	buf_free(&out);
}

static void refuses_a_note_beyond_its_limit(void **state)
{
	struct buf out = buf_with_max(2 * NOTE_BYTES_MAX);
	struct err_text err;
	struct note n;
	(void)state;

	while (out.len < NOTE_BYTES_MAX)
		buf_str(&out, "line\n");
	buf_printf(&out, "\n%sx AAAAAAA=\n", DASH);
	assert_int_equal(note_parse(buf_view(&out), "x.note", &n, &err), ENT_ELIMIT);
	buf_free(&out);
}

static void signs_a_draft_in_place_and_replaces_its_own_line_only(void **state)
{
	uint8_t public_a[32], secret_a[64], public_b[32], secret_b[64], seed[32] = {1};
	struct buf one = buf_with_max(4000), two = buf_with_max(4000), three = buf_with_max(4000);
	struct note_key a, b;
	struct err_text err;
	struct note n;
	(void)state;

	crypto_sign_seed_keypair(public_a, secret_a, seed);
	seed[0] = 2;
	crypto_sign_seed_keypair(public_b, secret_b, seed);
	assert_int_equal(note_key_init(&a, "x/a", NOTE_TYPE_ED25519, public_a), 0);
	assert_int_equal(note_key_init(&b, "x/b", NOTE_TYPE_ED25519, public_b), 0);

	assert_int_equal(note_sign_file(&one, bytes_str("text\n"), "f", &a, secret_a, &err), 0);
	assert_int_equal(note_sign_file(&two, buf_view(&one), "f", &b, secret_b, &err), 0);
	assert_int_equal(note_sign_file(&three, buf_view(&two), "f", &a, secret_a, &err), 0);
	assert_int_equal(two.len, three.len);
	assert_int_equal(note_parse(buf_view(&three), "f", &n, &err), 0);
	assert_int_equal(n.signatures_len, 2);
	assert_bytes_equal(n.signatures[0].name, bytes_str("x/b"));
	assert_int_equal(note_verify(&n, &a), 1);
	assert_int_equal(note_verify(&n, &b), 1);

	/* The same draft with its empty line gives the same file. */
	buf_reset(&two);
	assert_int_equal(note_sign_file(&two, bytes_str("text\n\n"), "f", &a, secret_a, &err), 0);
	assert_bytes_equal(buf_view(&one), buf_view(&two));
	buf_free(&one);
	buf_free(&two);
	buf_free(&three);
}

static void a_cosigners_key_never_verifies_a_plain_signature(void **state)
{
	struct err_text err;
	struct note_key key;
	struct note n;
	(void)state;

	assert_int_equal(note_key_parse(bytes_str(C2SP_VKEY), &key), 0);
	key.type = NOTE_TYPE_COSIGNATURE;
	assert_int_equal(parse(C2SP_NOTE, &n, &err), 0);
	assert_int_equal(note_verify(&n, &key), ENT_ECRYPTO);
}

static void another_key_of_the_same_name_is_unknown(void **state)
{
	uint8_t public_key[32], secret[64], seed[32] = {3};
	struct buf out = buf_with_max(4000);
	struct note_key key, other;
	struct err_text err;
	struct note n;
	(void)state;

	crypto_sign_seed_keypair(public_key, secret, seed);
	assert_int_equal(note_key_parse(bytes_str(C2SP_VKEY), &key), 0);
	assert_int_equal(note_key_init(&other, key.name, NOTE_TYPE_ED25519, public_key), 0);
	buf_str(&out, C2SP_TEXT "\n");
	note_sign(&out, bytes_str(C2SP_TEXT), &other, secret);
	assert_int_equal(note_parse(buf_view(&out), "f", &n, &err), 0);
	assert_int_equal(note_verify(&n, &key), 0);
	buf_str(&out, DASH "example.com/foo " C2SP_BASE64 "\n");
	assert_int_equal(note_parse(buf_view(&out), "f", &n, &err), 0);
	assert_int_equal(note_verify(&n, &key), 1);
	assert_int_equal(note_verify(&n, &other), 1);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verifies_published_notes_and_no_others),
		cmocka_unit_test(vkeys_round_trip),
		cmocka_unit_test(refuses_bad_vkeys),
		cmocka_unit_test(known_answer_of_our_own_log_key),
		cmocka_unit_test(refuses_what_is_no_note_and_says_where),
		cmocka_unit_test(splits_at_the_last_empty_line),
		cmocka_unit_test(takes_eighty_signatures_and_no_more),
		cmocka_unit_test(drops_signatures_of_kinds_it_does_not_know),
		cmocka_unit_test(refuses_a_note_beyond_its_limit),
		cmocka_unit_test(signs_a_draft_in_place_and_replaces_its_own_line_only),
		cmocka_unit_test(another_key_of_the_same_name_is_unknown),
		cmocka_unit_test(a_cosigners_key_never_verifies_a_plain_signature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
