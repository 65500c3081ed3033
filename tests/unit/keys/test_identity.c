/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sodium.h>

#include "base/text.h"
#include "keys/file.h"
#include "keys/identity.h"

static char path[1100];
static const char *dir;
static struct err_text err;

static int setup(void **state)
{
	(void)state;
	dir = test_dir();
	snprintf(path, sizeof(path), "%s/x.key", dir);
	err.text[0] = '\0';
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_dir_remove(dir);
	return 0;
}

static void write_text(const char *text, mode_t mode)
{
	assert_int_equal(file_write(path, bytes_str(text), mode, &err), 0);
}

static void node_id_is_the_hash_of_the_first_root(void **state)
{
	static const char domain[] = "entente/node/v1\n";
	uint8_t input[sizeof(domain) - 1 + 32], hash[32];
	struct node_id id;
	(void)state;

	memcpy(input, domain, sizeof(domain) - 1);
	memset(input + sizeof(domain) - 1, 7, 32);
	crypto_hash_sha256(hash, input, sizeof(input));
	identity_node_id(&id, input + sizeof(domain) - 1);
	assert_memory_equal(id.bytes, hash, 16);
}

static void sealed_root_opens_with_its_passphrase_only(void **state)
{
	uint64_t seed = 1;
	struct env_rng rng = test_rng(&seed);
	struct root_key k, again;
	bool sealed = false;
	(void)state;

	assert_int_equal(root_key_generate(&k, &rng), 0);
	assert_int_equal(root_key_write(&k, path, bytes_str("correct horse"), &err), 0);
	assert_int_equal(secret_file_sealed(path, &sealed, &err), 0);
	assert_true(sealed);
	assert_int_equal(root_key_read(&again, path, bytes_str("correct horse"), &err), 0);
	assert_memory_equal(again.public_key, k.public_key, 32);
	assert_memory_equal(again.secret, k.secret, 64);
	root_key_free(&again);

	assert_int_equal(root_key_read(&again, path, bytes_str("correct"), &err), ENT_EPASSPHRASE);
	assert_null(again.secret);
	assert_int_equal(root_key_read(&again, path, BYTES_NONE, &err), ENT_EPASSPHRASE);
	root_key_free(&k);
}

static void a_secret_file_is_written_once_and_private(void **state)
{
	uint64_t seed = 1;
	struct env_rng rng = test_rng(&seed);
	struct root_key k, other, again;
	struct stat st;
	(void)state;

	assert_int_equal(root_key_generate(&k, &rng), 0);
	assert_int_equal(root_key_generate(&other, &rng), 0);
	assert_int_equal(root_key_write(&k, path, BYTES_NONE, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(root_key_write(&other, path, BYTES_NONE, &err), ENT_EEXISTS);
	assert_int_equal(root_key_read(&again, path, BYTES_NONE, &err), 0);
	assert_memory_equal(again.secret, k.secret, 64);
	root_key_free(&again);

	for (mode_t mode = 0604; mode <= 0644; mode += 040) {
		assert_int_equal(chmod(path, mode), 0);
		assert_int_equal(root_key_read(&again, path, BYTES_NONE, &err), ENT_EINVALID);
		assert_non_null(strstr(err.text, "wanted 0600"));
	}
	root_key_free(&k);
	root_key_free(&other);
}

static void a_node_key_gives_the_same_keys_again(void **state)
{
	uint64_t seed = 2;
	struct env_rng rng = test_rng(&seed);
	struct identity id, again;
	(void)state;

	assert_int_equal(identity_generate(&id, 1700000000, &rng), 0);
	assert_int_equal(identity_write(&id, path, bytes_str("p"), &err), 0);
	assert_int_equal(identity_read(&again, path, bytes_str("p"), 1700000000, &err), 0);
	assert_memory_equal(again.object_secret, id.object_secret, 32);
	assert_memory_equal(again.log_secret, id.log_secret, 64);
	assert_memory_equal(again.transport_secret, id.transport_secret, 32);
	assert_memory_equal(again.receipt_public, id.receipt_public, 32);
	assert_memory_equal(again.witness_public, id.witness_public, 32);
	identity_free(&again);

	/* Another incarnation of the same seed differs in its log key alone. */
	assert_int_equal(identity_read(&again, path, bytes_str("p"), 1700000001, &err), 0);
	assert_memory_not_equal(again.log_public, id.log_public, 32);
	assert_memory_equal(again.receipt_public, id.receipt_public, 32);
	assert_memory_equal(again.transport_public, id.transport_public, 32);
	identity_free(&again);
	identity_free(&id);
}

static void keys_of_different_roles_differ(void **state)
{
	uint64_t seed = 3;
	struct env_rng rng = test_rng(&seed);
	struct identity id;
	(void)state;

	assert_int_equal(identity_generate(&id, 0, &rng), 0);
	assert_memory_not_equal(id.log_public, id.receipt_public, 32);
	assert_memory_not_equal(id.log_public, id.witness_public, 32);
	assert_memory_not_equal(id.receipt_public, id.witness_public, 32);
	assert_memory_not_equal(id.transport_secret, id.log_secret, 32);
	identity_free(&id);
}

/* The derivation is a format: whoever restores a seed with another program gets these keys. */
static void known_answer_of_the_derivation(void **state)
{
	uint8_t seed[32], key_seed[32], public_key[32], secret[64];
	struct identity id;
	char text[256], base64[BASE64_TEXT_SIZE(64)];
	uint8_t both[64] = {0};
	(void)state;

	for (int i = 0; i < 32; i++)
		both[i] = seed[i] = (uint8_t)i;
	text_base64_encode(base64, BYTES_OF(both));
	snprintf(text, sizeof(text), "entente/secret/v1 node\nseal: none\nsecret: %s\n", base64);
	write_text(text, 0600);
	assert_int_equal(identity_read(&id, path, BYTES_NONE, 1700000000, &err), 0);
	crypto_kdf_derive_from_key(key_seed, 32, 1700000000, "entlog__", seed);
	crypto_sign_seed_keypair(public_key, secret, key_seed);
	assert_memory_equal(id.log_public, public_key, 32);
	crypto_kdf_derive_from_key(key_seed, 32, 0, "enttrns_", seed);
	crypto_scalarmult_base(public_key, key_seed);
	assert_memory_equal(id.transport_public, public_key, 32);
	text_base64_encode(base64, BYTES_OF(id.receipt_public));
	assert_string_equal(base64, "JkIsJOi5kfl7VvFyy+7dBCHhQcFGkabsHxcolCIGI5Q=");
	identity_free(&id);
}

static void rotation_keeps_the_object_secret(void **state)
{
	uint64_t seed = 4;
	struct env_rng rng = test_rng(&seed);
	struct identity id, again;
	uint8_t object[32], transport[32];
	(void)state;

	assert_int_equal(identity_generate(&id, 1, &rng), 0);
	assert_int_equal(identity_write(&id, path, BYTES_NONE, &err), 0);
	memcpy(object, id.object_secret, 32);
	memcpy(transport, id.transport_public, 32);
	identity_rotate(&id, 2, &rng);
	assert_memory_equal(id.object_secret, object, 32);
	assert_memory_not_equal(id.transport_public, transport, 32);
	assert_int_equal(identity_write(&id, path, BYTES_NONE, &err), ENT_EEXISTS);
	assert_int_equal(identity_replace(&id, path, BYTES_NONE, &err), 0);
	assert_int_equal(identity_read(&again, path, BYTES_NONE, 2, &err), 0);
	assert_memory_equal(again.log_secret, id.log_secret, 64);
	identity_free(&again);
	identity_free(&id);
}

static void refuses_broken_secret_files_without_showing_them(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{"", ":1: saw none, wanted entente/secret/v1 node"},
		{"entente/secret/v1 root\n", "wanted entente/secret/v1 node"},
		{"entente/secret/v1 node\nsecret: c2VjcmV0\n",
			":2: saw \"(not shown)\", wanted seal: ..."},
		{"entente/secret/v1 node\nseal: none\nsecret: c2VjcmV0\n",
			":3: secret: saw \"(not shown)\", wanted the base64 of 64 bytes"},
		{"entente/secret/v1 node\nseal: scrypt 1 8192\n", "wanted none, or argon2id"},
		/* A file may not ask for more than the machine has. */
		{"entente/secret/v1 node\nseal: argon2id 1 99999999999\n",
			"wanted none, or argon2id"},
		{"entente/secret/v1 node\nseal: argon2id 4000000 8192\n",
			"wanted none, or argon2id"},
		{"entente/secret/v1 node\nseal: argon2id 1 8192 1\n", "wanted none, or argon2id"},
	};
	struct identity id;
	(void)state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		write_text(cases[i].text, 0600);
		assert_int_equal(identity_read(&id, path, BYTES_NONE, 0, &err), ENT_EINVALID);
		if (!strstr(err.text, cases[i].wanted))
			fail_msg("case %zu: %s", i, err.text);
		assert_null(strstr(err.text, "c2VjcmV0"));
		assert_null(id.seed);
	}
}

static void a_changed_cost_does_not_open_a_sealed_file(void **state)
{
	uint64_t seed = 5;
	struct env_rng rng = test_rng(&seed);
	struct buf text = buf_with_max(2000);
	struct identity id, again;
	char *passes;
	(void)state;

	assert_int_equal(identity_generate(&id, 1, &rng), 0);
	assert_int_equal(identity_write(&id, path, bytes_str("p"), &err), 0);
	assert_int_equal(file_read(path, &text, &err), 0);
	buf_u8(&text, 0);
	passes = strstr((char *)text.data, "argon2id 2 ");
	assert_non_null(passes);
	passes[9] = '1';
	assert_int_equal(file_write(path, bytes_from(text.data, text.len - 1), 0600, &err), 0);
	assert_int_equal(identity_read(&again, path, bytes_str("p"), 1, &err), ENT_EPASSPHRASE);
	identity_free(&id);
	buf_free(&text);
}

static void knows_weak_transport_keys(void **state)
{
	/* The points of low order, canonical and not (Bernstein's list for X25519). */
	static const char *const weak[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	uint64_t seed = 6;
	struct env_rng rng = test_rng(&seed);
	struct identity id;
	uint8_t key[32];
	(void)state;

	for (size_t i = 0; i < COUNT_OF(weak); i++) {
		assert_int_equal(text_hex_decode(bytes_str(weak[i]), key, 32), 32);
		assert_true(identity_transport_weak(key));
	}
	assert_int_equal(identity_generate(&id, 1, &rng), 0);
	assert_false(identity_transport_weak(id.transport_public));
	identity_free(&id);
}

static void a_root_kept_elsewhere_is_named_by_a_file(void **state)
{
	uint64_t seed = 7;
	struct env_rng rng = test_rng(&seed);
	struct buf text = buf_with_max(1000);
	uint8_t next[32] = {9}, public_again[32], next_again[32];
	struct root_key k;
	(void)state;

	assert_int_equal(root_key_generate(&k, &rng), 0);
	root_public_text(&text, k.public_key, next);
	assert_int_equal(root_public_parse(buf_view(&text), "f", public_again, next_again, &err),
		0);
	assert_memory_equal(public_again, k.public_key, 32);
	assert_memory_equal(next_again, next, 32);
	text.data[30] = text.data[30] == 'a' ? 'b' : 'a'; /* another node's name */
	assert_int_equal(root_public_parse(buf_view(&text), "f", public_again, next_again, &err),
		ENT_EINVALID);
	root_key_free(&k);
	buf_free(&text);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(node_id_is_the_hash_of_the_first_root),
		T(sealed_root_opens_with_its_passphrase_only),
		T(a_secret_file_is_written_once_and_private),
		T(a_node_key_gives_the_same_keys_again),
		T(keys_of_different_roles_differ),
		T(known_answer_of_the_derivation),
		T(rotation_keeps_the_object_secret),
		T(refuses_broken_secret_files_without_showing_them),
		T(a_changed_cost_does_not_open_a_sealed_file),
		T(knows_weak_transport_keys),
		T(a_root_kept_elsewhere_is_named_by_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
