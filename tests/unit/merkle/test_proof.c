/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/text.h"
#include "merkle/proof.h"
#include "unit/merkle/naive.h"

#define LEAVES 70

struct tree {
	struct hash leaves[LEAVES];
	uint64_t size;
};

static int setup(void **state)
{
	(void)state;
	return hash_init();
}

/* The store's side: it has perfect subtrees inside the tree and nothing else. */
static int subtree_of(void *ctx, unsigned level, uint64_t index, struct hash *hash)
{
	const struct tree *tree = ctx;

	assert_true((index + 1) << level <= tree->size);
	*hash = naive_root(tree->leaves + (index << level), 1ull << level);
	return 0;
}

static struct hash hash_hex(const char *hex)
{
	struct hash h;

	assert_int_equal(text_hex_decode(bytes_str(hex), h.bytes, HASH_BYTES), HASH_BYTES);
	return h;
}

/* The eight leaves that RFC 6962's own tests use, and everybody since. */
static struct tree known_tree(void)
{
	static const char *const data[] = {"", "00", "10", "2021", "3031", "40414243",
		"5051525354555657", "606162636465666768696a6b6c6d6e6f"};
	struct tree tree = {.size = 8};

	for (size_t i = 0; i < COUNT_OF(data); i++) {
		uint8_t leaf[16];
		int len = text_hex_decode(bytes_str(data[i]), leaf, sizeof(leaf));

		assert_true(len >= 0);
		hash_leaf(&tree.leaves[i], bytes_from(leaf, (size_t)len));
	}
	return tree;
}

static void known_roots_hold(void **state)
{
	static const char *const roots[] = {
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	};
	struct tree tree = known_tree();
	struct range r;

	(void)state;
	range_init(&r, 0);
	for (size_t n = 0; n < COUNT_OF(roots); n++) {
		struct hash want = hash_hex(roots[n]), got;

		range_root(&r, &got);
		assert_true(hash_eq(&want, &got));
		if (n < tree.size)
			range_append(&r, &tree.leaves[n]);
	}
}

static void assert_hashes(const struct proof *p, const char *const *want, size_t want_len)
{
	assert_int_equal(p->hashes_len, want_len);
	for (size_t i = 0; i < want_len; i++) {
		struct hash h = hash_hex(want[i]);

		assert_true(hash_eq(&p->hashes[i], &h));
	}
}

static void known_proofs_are_built(void **state)
{
	struct tree tree = known_tree();
	struct proof p;

	(void)state;
	tree.size = 8;
	assert_int_equal(proof_inclusion_build(&p, 5, 8, subtree_of, &tree), 0);
	assert_hashes(&p,
		(const char *[]){"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
			"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
			"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
		3);
	assert_int_equal(proof_inclusion_build(&p, 2, 3, subtree_of, &tree), 0);
	assert_hashes(&p,
		(const char *[]){
			"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
		1);
	assert_int_equal(proof_consistency_build(&p, 6, 8, subtree_of, &tree), 0);
	assert_hashes(&p,
		(const char *[]){"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
			"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
			"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
		3);
	assert_int_equal(proof_consistency_build(&p, 4, 8, subtree_of, &tree), 0);
	assert_hashes(&p,
		(const char *[]){
			"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"},
		1);
	assert_int_equal(proof_consistency_build(&p, 2, 5, subtree_of, &tree), 0);
	assert_hashes(&p,
		(const char *[]){"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"},
		2);
	tree.size = 7;
	assert_int_equal(proof_consistency_build(&p, 3, 7, subtree_of, &tree), 0);
	assert_hashes(&p,
		(const char *[]){"0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
			"07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
			"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
			"837dbb152e9b079010717e84e865da4ebc0fa198a806d59d31bf15accef22d0e"},
		4);
}

static void every_inclusion_proof_verifies_for_its_place_only(void **state)
{
	struct tree tree = {0};
	struct proof p;

	(void)state;
	naive_leaves(tree.leaves, LEAVES, 0);
	for (uint64_t size = 1; size <= LEAVES; size++) {
		struct hash root = naive_root(tree.leaves, size);

		tree.size = size;
		for (uint64_t i = 0; i < size; i++) {
			const struct hash *leaf = &tree.leaves[i];

			assert_int_equal(proof_inclusion_build(&p, i, size, subtree_of, &tree), 0);
			assert_int_equal(proof_inclusion_verify(i, size, leaf, p.hashes,
						 p.hashes_len, &root),
				0);
			for (uint64_t j = 0; j <= size; j++)
				assert_int_equal(proof_inclusion_verify(j, size, leaf, p.hashes,
							 p.hashes_len, &root),
					j == i ? 0 : ENT_EPROOF);
			if (p.hashes_len > 0)
				assert_int_equal(proof_inclusion_verify(i, size, leaf, p.hashes,
							 p.hashes_len - 1, &root),
					ENT_EPROOF);
			p.hashes[p.hashes_len] = root;
			assert_int_equal(proof_inclusion_verify(i, size, leaf, p.hashes,
						 p.hashes_len + 1, &root),
				ENT_EPROOF);
		}
		assert_int_equal(proof_inclusion_build(&p, size, size, subtree_of, &tree),
			ENT_EINVALID);
	}
}

static void every_consistency_proof_verifies_and_no_changed_one(void **state)
{
	struct tree tree = {0};
	struct proof p;

	(void)state;
	naive_leaves(tree.leaves, LEAVES, 0);
	for (uint64_t n = 0; n <= LEAVES; n++) {
		struct hash root = naive_root(tree.leaves, n);

		tree.size = n;
		for (uint64_t m = 0; m <= n; m++) {
			struct hash old = naive_root(tree.leaves, m);

			assert_int_equal(proof_consistency_build(&p, m, n, subtree_of, &tree), 0);
			assert_int_equal(proof_consistency_verify(m, n, p.hashes, p.hashes_len,
						 &old, &root),
				0);
			for (size_t i = 0; i < p.hashes_len; i++) {
				p.hashes[i].bytes[n % 32] ^= 1;
				assert_int_equal(proof_consistency_verify(m, n, p.hashes,
							 p.hashes_len, &old, &root),
					ENT_EPROOF);
				p.hashes[i].bytes[n % 32] ^= 1;
			}
			if (p.hashes_len > 0)
				assert_int_equal(proof_consistency_verify(m, n, p.hashes,
							 p.hashes_len - 1, &old, &root),
					ENT_EPROOF);
			p.hashes[p.hashes_len] = root;
			assert_int_equal(proof_consistency_verify(m, n, p.hashes, p.hashes_len + 1,
						 &old, &root),
				ENT_EPROOF);
			if (m > 0 && m < n)
				assert_int_equal(proof_consistency_verify(m, n, p.hashes,
							 p.hashes_len, &root, &root),
					ENT_EPROOF);
		}
		assert_int_equal(proof_consistency_build(&p, n + 1, n, subtree_of, &tree),
			ENT_EINVALID);
		assert_int_equal(proof_consistency_verify(n + 1, n, NULL, 0, &root, &root),
			ENT_EPROOF);
	}
}

static void empty_tree_is_consistent_with_anything_and_needs_no_hash(void **state)
{
	struct hash a = {{1}}, b = {{2}};

	(void)state;
	assert_int_equal(proof_consistency_verify(0, 9, NULL, 0, &a, &b), 0);
	assert_int_equal(proof_consistency_verify(0, 9, &a, 1, &a, &b), ENT_EPROOF);
	assert_int_equal(proof_consistency_verify(9, 9, NULL, 0, &a, &b), ENT_EPROOF);
	assert_int_equal(proof_consistency_verify(9, 9, NULL, 0, &a, &a), 0);
	assert_int_equal(proof_consistency_verify(9, 9, &a, 1, &a, &a), ENT_EPROOF);
}

static void huge_numbers_and_long_proofs_are_only_refused(void **state)
{
	static struct hash hashes[1000];
	struct hash h = {{1}};

	(void)state;
	for (size_t len = 0; len <= COUNT_OF(hashes); len += 1 + len / 8) {
		assert_int_equal(proof_inclusion_verify(0, 0, &h, hashes, len, &h), ENT_EPROOF);
		assert_int_equal(proof_inclusion_verify(UINT64_MAX - 1, UINT64_MAX, &h, hashes, len,
					 &h),
			ENT_EPROOF);
		assert_int_equal(proof_consistency_verify(1ull << 63, UINT64_MAX, hashes, len, &h,
					 &h),
			ENT_EPROOF);
		assert_int_equal(proof_split_verify(UINT64_MAX - 1, UINT64_MAX, hashes, len, &h,
					 &h),
			ENT_EPROOF);
		assert_int_equal(proof_split_verify(0, 5, hashes, len, &h, &h), ENT_EPROOF);
		assert_int_equal(proof_split_verify(5, 5, hashes, len, &h, &h), ENT_EPROOF);
	}
}

/* Sizes 0 and equal sizes have proofs of their own kind; one hash must not pass for one. */
static void split_needs_two_sizes(void **state)
{
	struct hash a = {{1}}, b = {{2}};

	(void)state;
	assert_int_equal(proof_split_verify(0, 1, &b, 1, &a, &b), ENT_EPROOF);
	assert_int_equal(proof_split_verify(1, 1, &b, 1, &a, &b), ENT_EPROOF);
	assert_int_equal(proof_split_verify(2, 1, &b, 1, &a, &b), ENT_EPROOF);
	assert_int_equal(proof_split_verify(1, 2, NULL, 0, &a, &b), ENT_EPROOF);
}

/* All pairs m < n <= 65: every fork is proved, no honest log ever can be. */
static void every_fork_is_proved(void **state)
{
	struct tree honest = {0}, forked;
	struct proof p;

	(void)state;
	naive_leaves(honest.leaves, LEAVES, 0);
	for (uint64_t n = 2; n <= 65; n++) {
		for (uint64_t m = 1; m < n; m++) {
			const uint64_t changed[] = {0, m / 2, m - 1};
			struct hash old = naive_root(honest.leaves, m);

			for (size_t c = 0; c < COUNT_OF(changed); c++) {
				struct hash root;

				forked = honest;
				forked.size = n;
				forked.leaves[changed[c]].bytes[0] ^= 1;
				root = naive_root(forked.leaves, n);
				assert_int_equal(proof_split_build(&p, m, n, subtree_of, &forked),
					0);
				assert_true(p.hashes_len <= 65);
				assert_int_equal(proof_split_verify(m, n, p.hashes, p.hashes_len,
							 &old, &root),
					0);
				p.hashes[p.hashes_len - 1].bytes[5] ^= 1;
				assert_int_equal(proof_split_verify(m, n, p.hashes, p.hashes_len,
							 &old, &root),
					ENT_EPROOF);
			}
		}
	}
}

static void no_honest_extension_is_ever_a_fork(void **state)
{
	struct tree honest = {0};
	struct proof p;

	(void)state;
	naive_leaves(honest.leaves, LEAVES, 0);
	for (uint64_t n = 2; n <= 65; n++) {
		struct hash root = naive_root(honest.leaves, n);

		honest.size = n;
		for (uint64_t m = 1; m < n; m++) {
			struct hash old = naive_root(honest.leaves, m);

			assert_int_equal(proof_split_build(&p, m, n, subtree_of, &honest), 0);
			assert_int_equal(proof_split_verify(m, n, p.hashes, p.hashes_len, &old,
						 &root),
				ENT_EPROOF);
			for (size_t i = 0; i < p.hashes_len; i++) {
				p.hashes[i].bytes[m % 32] ^= 0x40;
				assert_int_equal(proof_split_verify(m, n, p.hashes, p.hashes_len,
							 &old, &root),
					ENT_EPROOF);
				p.hashes[i].bytes[m % 32] ^= 0x40;
			}
			/* The plain consistency proof of a power of two lacks the seed. */
			assert_int_equal(proof_split_verify(m, n, p.hashes + 1, p.hashes_len - 1,
						 &old, &root),
				ENT_EPROOF);
		}
	}
}

static void ranges_are_built_from_stored_subtrees(void **state)
{
	struct tree tree = {.size = LEAVES};

	(void)state;
	naive_leaves(tree.leaves, LEAVES, 0);
	for (uint64_t begin = 0; begin <= LEAVES; begin++) {
		for (uint64_t end = begin; end <= LEAVES; end++) {
			struct range want, got;

			range_init(&want, begin);
			while (want.end < end)
				range_append(&want, &tree.leaves[want.end]);
			assert_int_equal(proof_range_build(&got, begin, end, subtree_of, &tree), 0);
			assert_int_equal(got.hashes_len, want.hashes_len);
			assert_memory_equal(got.hashes, want.hashes,
				want.hashes_len * sizeof(want.hashes[0]));
		}
	}
}

static int subtree_missing(void *ctx, unsigned level, uint64_t index, struct hash *hash)
{
	int *left = ctx;

	(void)level, (void)index;
	memset(hash, 0, sizeof(*hash));
	return (*left)-- > 0 ? 0 : ENT_EIO;
}

static void an_error_of_the_store_passes_through(void **state)
{
	struct proof p;
	struct range r;

	(void)state;
	for (int i = 0; i < 4; i++) {
		int left = i;

		assert_int_equal(proof_inclusion_build(&p, 21, 43, subtree_missing, &left),
			ENT_EIO);
		left = i;
		assert_int_equal(proof_consistency_build(&p, 21, 43, subtree_missing, &left),
			ENT_EIO);
		left = i;
		assert_int_equal(proof_split_build(&p, 21, 43, subtree_missing, &left), ENT_EIO);
		left = i;
		assert_int_equal(proof_range_build(&r, 21, 43, subtree_missing, &left), ENT_EIO);
	}
}

/* --- vectors of transparency-dev/merkle
 * ----------------------------------------------------------- */

/* False for what has not the length of a hash: no message or file of ours could carry it. */
static bool hash_of_vector(const json_t *value, struct hash *h)
{
	const char *text = json_is_string(value) ? json_string_value(value) : "";

	return text_base64_decode(bytes_str(text), h->bytes, HASH_BYTES) == HASH_BYTES;
}

/* Integers are read as reals, since 2^64 - 1 occurs and jansson's own are signed. */
static uint64_t number_of_vector(const json_t *test, const char *key)
{
	double value = json_number_value(json_object_get(test, key));

	return value >= 18446744073709551615.0 ? UINT64_MAX : (uint64_t)value;
}

static int verify_vector(const json_t *test)
{
	const bool inclusion =
		!strcmp(json_string_value(json_object_get(test, "kind")), "inclusion");
	const json_t *list = json_object_get(test, "proof");
	struct hash hashes[PROOF_HASHES_MAX], one, two;
	size_t len = json_array_size(list);

	assert_true(len <= COUNT_OF(hashes));
	for (size_t i = 0; i < len; i++)
		if (!hash_of_vector(json_array_get(list, i), &hashes[i]))
			return ENT_EINVALID;
	if (!hash_of_vector(json_object_get(test, inclusion ? "leafHash" : "root1"), &one) ||
		!hash_of_vector(json_object_get(test, inclusion ? "root" : "root2"), &two))
		return ENT_EINVALID;
	if (inclusion)
		return proof_inclusion_verify(number_of_vector(test, "leafIdx"),
			number_of_vector(test, "treeSize"), &one, hashes, len, &two);
	return proof_consistency_verify(number_of_vector(test, "size1"),
		number_of_vector(test, "size2"), hashes, len, &one, &two);
}

static void public_vectors_hold(void **state)
{
	json_t *tests = json_load_file("tests/data/vectors/merkle/proofs.json",
		JSON_DECODE_INT_AS_REAL, NULL);
	size_t i;
	const json_t *test;

	(void)state;
	assert_int_equal(json_array_size(tests), 96);
	json_array_foreach(tests, i, test)
	{
		bool refused = json_is_true(json_object_get(test, "wantErr"));

		if ((verify_vector(test) != 0) != refused)
			fail_msg("%s", json_string_value(json_object_get(test, "file")));
	}
	json_decref(tests);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_roots_hold),
		cmocka_unit_test(known_proofs_are_built),
		cmocka_unit_test(every_inclusion_proof_verifies_for_its_place_only),
		cmocka_unit_test(every_consistency_proof_verifies_and_no_changed_one),
		cmocka_unit_test(empty_tree_is_consistent_with_anything_and_needs_no_hash),
		cmocka_unit_test(huge_numbers_and_long_proofs_are_only_refused),
		cmocka_unit_test(split_needs_two_sizes),
		cmocka_unit_test(every_fork_is_proved),
		cmocka_unit_test(no_honest_extension_is_ever_a_fork),
		cmocka_unit_test(ranges_are_built_from_stored_subtrees),
		cmocka_unit_test(an_error_of_the_store_passes_through),
		cmocka_unit_test(public_vectors_hold),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
