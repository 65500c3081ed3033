/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "merkle/checkpoint.h"
#include "merkle/signed_text.h"

static uint8_t log_public[32], log_secret[64], witness_public[32], witness_secret[64];
static struct hash root8;

static int setup(void **state)
{
	uint8_t seed[32];

	(void)state;
	if (hash_init() < 0)
		return -1;
	for (uint8_t i = 0; i < 32; i++)
		seed[i] = i;
	crypto_sign_seed_keypair(log_public, log_secret, seed);
	for (uint8_t i = 0; i < 32; i++)
		seed[i] = (uint8_t)(0x20 + i);
	crypto_sign_seed_keypair(witness_public, witness_secret, seed);
	return text_base64_decode(bytes_str("XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg="),
		       root8.bytes, HASH_BYTES) == HASH_BYTES
		       ? 0
		       : -1;
}

static struct checkpoint signed_checkpoint(uint64_t size)
{
	struct checkpoint c = {.log = {.node = {"0123456789abcdef"},
				       .incarnation = 1700000000,
				       .audience = audience_of(AUDIENCE_GREEN)},
		.size = size,
		.root = root8};

	checkpoint_sign(&c, log_secret);
	return c;
}

/* Made elsewhere, with other code, under an origin line that is none of our logs'. */
static const char known_note[] =
	"entente.example/fr\n"
	"8\n"
	"XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n"
	"\n"
	"\xe2\x80\x94 entente.example/fr "
	"tSIu3xlwwUCn7Am3vB4ZTBvxA2kmBxPzKDieY0lG9i+VztXTFoAfDA0O2D6Tq+f6oyAAgAuGHsw9dWGN/"
	"EpnHihLFwg=\n"
	"\xe2\x80\x94 entente.example/be "
	"dYlBtgAAAABlU/EAJBDlZlr/qamafvwkr/qgbPy3LNb2ceWvHLPuxxpOwHH3lRlvEADBJxijD00utbcNDxGriwkp4H"
	"dE05TOHl/OBQ==\n";

static void known_answer_of_checkpoint_and_cosignature_holds(void **state)
{
	const char *log = "entente.example/fr", *witness = "entente.example/be";
	struct buf out = buf_with_max(4096);
	struct signed_text t;
	uint8_t key_id[4], signature[64], blob[8 + 64];

	(void)state;
	signed_text_checkpoint(&t, log, 8, &root8);
	crypto_sign_detached(signature, NULL, (const uint8_t *)t.data, t.len, log_secret);
	buf_bytes(&out, signed_text_view(&t));
	buf_str(&out, "\n");
	note_key_id(key_id, bytes_str(log), NOTE_TYPE_ED25519, log_public);
	note_signature_line(&out, bytes_str(log), key_id, BYTES_OF(signature));

	signed_text_cosignature(&t, 1700000000, log, 8, &root8);
	be64_put(blob, 1700000000);
	crypto_sign_detached(blob + 8, NULL, (const uint8_t *)t.data, t.len, witness_secret);
	note_key_id(key_id, bytes_str(witness), NOTE_TYPE_COSIGNATURE, witness_public);
	note_signature_line(&out, bytes_str(witness), key_id, BYTES_OF(blob));

	assert_false(buf_failed(&out));
	assert_bytes_equal(buf_view(&out), bytes_str(known_note));
	buf_free(&out);
}

static void text_is_origin_size_and_root(void **state)
{
	struct checkpoint c = signed_checkpoint(UINT64_MAX);
	struct buf out = buf_with_max(4096);

	(void)state;
	checkpoint_text(&out, &c.log, c.size, &c.root);
	assert_bytes_equal(buf_view(&out),
		bytes_str("entente/gaytemzugu3doobzmfrggzdfmy/1700000000/green\n"
			  "18446744073709551615\n"
			  "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n"));
	buf_free(&out);
}

static void the_longest_texts_fit(void **state)
{
	struct signed_text t;
	char origin[NOTE_NAME_MAX + 1];

	(void)state;
	memset(origin, 'x', NOTE_NAME_MAX);
	origin[NOTE_NAME_MAX] = '\0';
	signed_text_cosignature(&t, UINT64_MAX, origin, UINT64_MAX, &root8);
	assert_int_equal(t.len, SIGNED_TEXT_MAX);
}

static void signature_holds_for_its_checkpoint_only(void **state)
{
	struct checkpoint c = signed_checkpoint(8), other;

	(void)state;
	assert_int_equal(checkpoint_verify(&c, log_public), 0);
	assert_int_equal(checkpoint_verify(&c, witness_public), ENT_ECRYPTO);
	assert_int_equal(checkpoint_verify(&c, NULL), ENT_ECRYPTO);
	other = c;
	other.size++;
	assert_int_equal(checkpoint_verify(&other, log_public), ENT_ECRYPTO);
	other = c;
	other.root.bytes[31] ^= 1;
	assert_int_equal(checkpoint_verify(&other, log_public), ENT_ECRYPTO);
	other = c;
	other.log.incarnation++;
	assert_int_equal(checkpoint_verify(&other, log_public), ENT_ECRYPTO);
	other = c;
	other.log.audience = audience_of(AUDIENCE_CLEAR);
	assert_int_equal(checkpoint_verify(&other, log_public), ENT_ECRYPTO);
	for (size_t i = 0; i < sizeof(c.signature); i++) {
		other = c;
		other.signature[i] ^= 1;
		assert_int_equal(checkpoint_verify(&other, log_public), ENT_ECRYPTO);
	}
}

/* Even under a signature that is right for the text. */
static void size_zero_never_verifies(void **state)
{
	struct checkpoint c = signed_checkpoint(8);
	struct buf text = buf_with_max(4096);
	struct cosignature s = {.time = 1};

	(void)state;
	c.size = 0;
	checkpoint_text(&text, &c.log, 0, &c.root);
	crypto_sign_detached(c.signature, NULL, text.data, text.len, log_secret);
	assert_int_equal(checkpoint_verify(&c, log_public), ENT_ECRYPTO);
	assert_int_equal(cosignature_verify(&s, &c, witness_public), ENT_ECRYPTO);
	buf_free(&text);
}

static void cosignature_binds_time_and_checkpoint(void **state)
{
	struct checkpoint c = signed_checkpoint(8), other = c;
	struct cosignature s, changed;

	(void)state;
	cosignature_sign(&s, &c, 1700000000, witness_secret);
	assert_int_equal(s.time, 1700000000);
	assert_int_equal(cosignature_verify(&s, &c, witness_public), 0);
	assert_int_equal(cosignature_verify(&s, &c, log_public), ENT_ECRYPTO);
	changed = s;
	changed.time++;
	assert_int_equal(cosignature_verify(&changed, &c, witness_public), ENT_ECRYPTO);
	other.size = 7;
	assert_int_equal(cosignature_verify(&s, &other, witness_public), ENT_ECRYPTO);
	cosignature_sign(&s, &c, INT64_MAX, witness_secret);
	assert_int_equal(cosignature_verify(&s, &c, witness_public), 0);
}

static void cosignature_without_a_time_is_refused(void **state)
{
	static const uint64_t times[] = {0, (uint64_t)INT64_MAX + 1, UINT64_MAX};
	struct checkpoint c = signed_checkpoint(8);
	char origin[LOG_NAME_TEXT_SIZE];

	(void)state;
	log_name_text(origin, &c.log);
	for (size_t i = 0; i < COUNT_OF(times); i++) {
		struct cosignature s = {.time = times[i]};
		struct signed_text t;

		signed_text_cosignature(&t, times[i], origin, c.size, &c.root);
		crypto_sign_detached(s.signature, NULL, (const uint8_t *)t.data, t.len,
			witness_secret);
		assert_int_equal(cosignature_verify(&s, &c, witness_public), ENT_ECRYPTO);
	}
}

static void wire_form_keeps_everything_but_the_name(void **state)
{
	struct checkpoint c = signed_checkpoint(8), back;
	struct wire_checkpoint w;

	(void)state;
	checkpoint_to_wire(&w, &c);
	assert_true(w.present);
	checkpoint_from_wire(&back, &c.log, &w);
	assert_int_equal(checkpoint_verify(&back, log_public), 0);
	assert_true(log_name_eq(&back.log, &c.log));
}

/* --- notes ------------------------------------------------------------------------------------ */

static struct buf note_of(const struct checkpoint *c)
{
	struct buf out = buf_with_max(8192);

	checkpoint_note(&out, c, log_public);
	assert_false(buf_failed(&out));
	return out;
}

static void note_reads_back_and_verifies(void **state)
{
	struct checkpoint c = signed_checkpoint(8), back;
	struct buf text = note_of(&c);
	struct note note;
	struct note_key key;
	char origin[LOG_NAME_TEXT_SIZE];

	(void)state;
	assert_int_equal(checkpoint_parse(buf_view(&text), &back, &note), 0);
	assert_true(log_name_eq(&back.log, &c.log));
	assert_int_equal(back.size, 8);
	assert_int_equal(checkpoint_verify(&back, log_public), 0);
	log_name_text(origin, &c.log);
	assert_int_equal(note_key_init(&key, origin, NOTE_TYPE_ED25519, log_public), 0);
	assert_int_equal(note_verify(&note, &key), 1);
	buf_free(&text);
}

static void cosignatures_stay_in_the_note(void **state)
{
	struct checkpoint c = signed_checkpoint(8), back;
	struct buf text = note_of(&c);
	struct cosignature s;
	struct note note;
	uint8_t key_id[4], blob[8 + 64];
	struct bytes witness = bytes_str("entente/gaytemzugu3doobzmfrggzdfmy/witness");

	(void)state;
	cosignature_sign(&s, &c, 1700000000, witness_secret);
	be64_put(blob, s.time);
	memcpy(blob + 8, s.signature, 64);
	note_key_id(key_id, witness, NOTE_TYPE_COSIGNATURE, witness_public);
	note_signature_line(&text, witness, key_id, BYTES_OF(blob));
	assert_int_equal(checkpoint_parse(buf_view(&text), &back, &note), 0);
	assert_int_equal(note.signatures_len, 2);
	assert_bytes_equal(note.signatures[1].blob, BYTES_OF(blob));
	buf_free(&text);
}

static void assert_refused(const char *origin, const char *rest, unsigned own_lines,
	size_t blob_len)
{
	static const uint8_t key_id[4] = {1}, blob[76];
	struct buf out = buf_with_max(8192);
	struct checkpoint c;
	struct note note;

	buf_printf(&out, "%s\n%s\n", origin, rest);
	for (unsigned i = 0; i < own_lines; i++) {
		const uint8_t id[4] = {(uint8_t)i};

		note_signature_line(&out, bytes_str(origin), id, bytes_from(blob, blob_len));
	}
	note_signature_line(&out, bytes_str("somebody"), key_id, BYTES_OF(blob));
	assert_false(buf_failed(&out));
	if (checkpoint_parse(buf_view(&out), &c, &note) != ENT_EINVALID)
		fail_msg("taken: %.*s", (int)out.len, (const char *)out.data);
	buf_free(&out);
}

#define ORIGIN "entente/gaytemzugu3doobzmfrggzdfmy/1700000000/green"
#define ROOT   "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg="

static void second_spellings_are_refused(void **state)
{
	static const char *const texts[] = {
		"08\n" ROOT "\n",
		"+8\n" ROOT "\n",
		" 8\n" ROOT "\n",
		"8 \n" ROOT "\n",
		"0x8\n" ROOT "\n",
		"-8\n" ROOT "\n",
		"0\n" ROOT "\n",
		"\n" ROOT "\n",
		"18446744073709551616\n" ROOT "\n",
		"8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg\n",  /* no padding */
		"8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz-Nw7_RgQyg=\n", /* URL alphabet */
		"8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyh=\n", /* trailing bits */
		"8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQw==\n", /* 31 bytes */
		"8\n" ROOT "\nextension\n",
		"8\n" ROOT "\n\n",
		"8\n",
		"",
	};
	static const char *const origins[] = {
		"entente/gaytemzugu3doobzmfrggzdfmy/01700000000/green",
		"entente/GAYTEMZUGU3DOOBZMFRGGZDFMY/1700000000/green",
		"entente/gaytemzugu3doobzmfrggzdfmy/1700000000/amber",
		"entente/gaytemzugu3doobzmfrggzdfmy/1700000000/green/",
		"entente.example/fr",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		assert_refused(ORIGIN, texts[i], 1, 64);
	for (size_t i = 0; i < COUNT_OF(origins); i++)
		assert_refused(origins[i], "8\n" ROOT "\n", 1, 64);
}

static void exactly_one_signature_of_the_log_is_wanted(void **state)
{
	(void)state;
	assert_refused(ORIGIN, "8\n" ROOT "\n", 0, 64);
	assert_refused(ORIGIN, "8\n" ROOT "\n", 2, 64);
	assert_refused(ORIGIN, "8\n" ROOT "\n", 1, 63);
	assert_refused(ORIGIN, "8\n" ROOT "\n", 1, 72);
}

static void every_cut_of_a_note_is_refused(void **state)
{
	struct checkpoint c = signed_checkpoint(8), back;
	struct buf text = note_of(&c);
	struct note note;

	(void)state;
	for (size_t len = 0; len < text.len; len++)
		assert_int_equal(checkpoint_parse(bytes_from(text.data, len), &back, &note),
			ENT_EINVALID);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answer_of_checkpoint_and_cosignature_holds),
		cmocka_unit_test(text_is_origin_size_and_root),
		cmocka_unit_test(the_longest_texts_fit),
		cmocka_unit_test(signature_holds_for_its_checkpoint_only),
		cmocka_unit_test(size_zero_never_verifies),
		cmocka_unit_test(cosignature_binds_time_and_checkpoint),
		cmocka_unit_test(cosignature_without_a_time_is_refused),
		cmocka_unit_test(wire_form_keeps_everything_but_the_name),
		cmocka_unit_test(note_reads_back_and_verifies),
		cmocka_unit_test(cosignatures_stay_in_the_note),
		cmocka_unit_test(second_spellings_are_refused),
		cmocka_unit_test(exactly_one_signature_of_the_log_is_wanted),
		cmocka_unit_test(every_cut_of_a_note_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
