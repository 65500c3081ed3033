/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include "merkle/range.h"
#include "unit/merkle/naive.h"

#define LEAVES 130

static struct hash leaves[LEAVES];

static int setup(void **state)
{
	(void)state;
	if (hash_init() < 0)
		return -1;
	naive_leaves(leaves, LEAVES, 0);
	return 0;
}

static struct range range_of(uint64_t begin, uint64_t end)
{
	struct range r;

	range_init(&r, begin);
	while (r.end < end)
		range_append(&r, &leaves[r.end]);
	return r;
}

static void assert_range_equal(const struct range *a, const struct range *b)
{
	assert_int_equal(a->begin, b->begin);
	assert_int_equal(a->end, b->end);
	assert_int_equal(a->hashes_len, b->hashes_len);
	assert_memory_equal(a->hashes, b->hashes, a->hashes_len * sizeof(a->hashes[0]));
}

static void roots_are_those_of_rfc_6962(void **state)
{
	struct range r;
	struct hash want, got;

	(void)state;
	range_init(&r, 0);
	for (uint64_t size = 0; size <= LEAVES; size++) {
		want = naive_root(leaves, size);
		range_root(&r, &got);
		assert_true(hash_eq(&want, &got));
		assert_int_equal(r.hashes_len, __builtin_popcountll(size));
		if (size < LEAVES)
			range_append(&r, &leaves[size]);
	}
}

/* Every hash of every range is the perfect subtree that the decomposition says stands there. */
static void every_range_holds_its_decomposition(void **state)
{
	(void)state;
	for (uint64_t begin = 0; begin <= LEAVES; begin++) {
		for (uint64_t end = begin; end <= LEAVES; end++) {
			struct range r = range_of(begin, end);
			uint64_t at = begin;

			assert_int_equal(r.hashes_len, range_hashes_count(begin, end));
			for (unsigned i = 0; i < r.hashes_len; i++) {
				unsigned level;
				uint64_t index;
				struct hash want;

				range_subtree(begin, end, i, &level, &index);
				assert_int_equal(index << level, at);
				want = naive_root(leaves + at, 1ull << level);
				assert_true(hash_eq(&want, &r.hashes[i]));
				at += 1ull << level;
			}
			assert_int_equal(at, end);
		}
	}
}

/* Canonical: no two neighbours could be one subtree, so there is one form for each range. */
static void decomposition_is_the_shortest(void **state)
{
	(void)state;
	for (uint64_t begin = 0; begin < LEAVES; begin++) {
		for (uint64_t end = begin; end <= LEAVES; end++) {
			unsigned before = 0, level = 0;
			uint64_t index_before = 0, index = 0;

			for (unsigned i = 0; i < range_hashes_count(begin, end); i++) {
				range_subtree(begin, end, i, &level, &index);
				if (i > 0 && level == before)
					assert_false(index == index_before + 1 && (index & 1));
				before = level;
				index_before = index;
			}
		}
	}
}

static void touching_ranges_merge_into_the_whole(void **state)
{
	(void)state;
	for (uint64_t begin = 0; begin <= 40; begin++) {
		for (uint64_t middle = begin; middle <= 70; middle++) {
			for (uint64_t end = middle; end <= LEAVES; end += 1 + end % 3) {
				struct range left = range_of(begin, middle);
				struct range right = range_of(middle, end);
				struct range whole = range_of(begin, end);

				assert_int_equal(range_merge(&left, &right), 0);
				assert_range_equal(&left, &whole);
			}
		}
	}
}

static void random_cuts_merge_into_the_root(void **state)
{
	uint64_t seed = 1;
	struct env_rng rng = test_rng(&seed);

	(void)state;
	for (unsigned round = 0; round < 500; round++) {
		uint64_t size = env_random_u64(&rng) % (LEAVES + 1);
		struct hash want = naive_root(leaves, size), got;
		struct range r;

		range_init(&r, 0);
		while (r.end < size) {
			uint64_t to = r.end + 1 + env_random_u64(&rng) % (size - r.end);
			struct range part = range_of(r.end, to);

			assert_int_equal(range_merge(&r, &part), 0);
		}
		range_root(&r, &got);
		assert_true(hash_eq(&want, &got));
	}
}

static void merge_refuses_a_gap_and_an_overlap(void **state)
{
	struct range r = range_of(0, 10), gap = range_of(11, 20), overlap = range_of(9, 20);
	struct range before = r;

	(void)state;
	assert_int_equal(range_merge(&r, &gap), ENT_EINVALID);
	assert_int_equal(range_merge(&r, &overlap), ENT_EINVALID);
	assert_range_equal(&r, &before);
}

struct seen {
	uint8_t times[8][LEAVES];
	unsigned level_last;
	uint64_t begin;
};

static void see(void *ctx, unsigned level, uint64_t index, const struct hash *hash)
{
	struct seen *seen = ctx;
	struct hash want = naive_root(leaves + (index << level), 1ull << level);

	assert_true(hash_eq(hash, &want));
	assert_true((index << level) >= seen->begin);
	assert_true(level == 0 || level == seen->level_last + 1);
	seen->level_last = level;
	seen->times[level][index]++;
}

static void appends_report_every_perfect_subtree_once(void **state)
{
	static const uint64_t begins[] = {0, 1, 2, 3, 8, 37, 64};

	(void)state;
	for (size_t b = 0; b < COUNT_OF(begins); b++) {
		struct seen seen = {.begin = begins[b]};
		struct range r;

		range_init(&r, begins[b]);
		while (r.end < LEAVES)
			range_append_visit(&r, &leaves[r.end], see, &seen);
		for (unsigned level = 0; level < 8; level++)
			for (uint64_t i = 0; i < LEAVES; i++)
				assert_int_equal(seen.times[level][i],
					(i << level) >= begins[b] && ((i + 1) << level) <= LEAVES);
	}
}

struct told {
	struct seen seen;
	uint64_t end; /* of the leaves that it may have heard of */
};

/* Children before parents, whichever way they come. */
static void hear(void *ctx, unsigned level, uint64_t index, const struct hash *hash)
{
	struct told *t = ctx;
	struct hash want = naive_root(leaves + (index << level), 1ull << level);

	assert_true(hash_eq(hash, &want));
	assert_true((index + 1) << level <= t->end);
	for (uint64_t child = 2 * index; level > 0 && child < 2 * index + 2; child++)
		assert_int_equal(t->seen.times[level - 1][child], 1);
	t->seen.times[level][index]++;
}

static void many_leaves_give_what_each_gives(void **state)
{
	(void)state;
	for (uint64_t begin = 0; begin < LEAVES; begin += begin < 9 ? 1 : 13) {
		for (uint64_t cut = begin; cut <= LEAVES; cut++) {
			struct told told = {.end = cut};
			struct range want = range_of(begin, LEAVES), r;

			range_init(&r, begin);
			range_append_all(&r, leaves + begin, cut - begin, hear, &told);
			told.end = LEAVES;
			range_append_all(&r, leaves + cut, LEAVES - cut, hear, &told);
			assert_range_equal(&r, &want);
			for (unsigned level = 0; level < 8; level++)
				for (uint64_t i = 0; i < LEAVES; i++)
					assert_int_equal(told.seen.times[level][i],
						(i << level) >= begin &&
							((i + 1) << level) <= LEAVES);
		}
	}
}

static void set_takes_exactly_the_hashes_of_the_decomposition(void **state)
{
	struct range whole = range_of(5, 77), r;

	(void)state;
	assert_int_equal(range_set(&r, 5, 77, whole.hashes, whole.hashes_len), 0);
	assert_range_equal(&r, &whole);
	assert_int_equal(range_set(&r, 5, 77, whole.hashes, whole.hashes_len - 1), ENT_EINVALID);
	assert_int_equal(range_set(&r, 5, 77, whole.hashes, whole.hashes_len + 1), ENT_EINVALID);
	assert_int_equal(range_set(&r, 77, 5, whole.hashes, whole.hashes_len), ENT_EINVALID);
	assert_int_equal(range_set(&r, 9, 9, NULL, 0), 0);
	assert_int_equal(r.hashes_len, 0);
}

static void holds_the_largest_numbers(void **state)
{
	struct range r;
	struct hash hashes[RANGE_HASHES_MAX] = {0};
	unsigned level;
	uint64_t index;

	(void)state;
	assert_int_equal(range_hashes_count(0, UINT64_MAX), 64);
	assert_int_equal(range_hashes_count(1, UINT64_MAX), 126);
	assert_int_equal(range_hashes_count(0, 1ull << 63), 1);
	range_subtree(0, UINT64_MAX, 0, &level, &index);
	assert_int_equal(level, 63);
	range_subtree(1, UINT64_MAX, 125, &level, &index);
	assert_int_equal(level, 0);
	assert_int_equal(index, UINT64_MAX - 1);
	assert_int_equal(range_set(&r, 0, UINT64_MAX - 1, hashes, 63), 0);
	range_append(&r, &leaves[0]);
	assert_int_equal(r.hashes_len, 64);
	range_init(&r, (1ull << 63) - 1);
	range_append(&r, &leaves[0]);
	range_append(&r, &leaves[1]);
	assert_int_equal(r.hashes_len, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roots_are_those_of_rfc_6962),
		cmocka_unit_test(every_range_holds_its_decomposition),
		cmocka_unit_test(decomposition_is_the_shortest),
		cmocka_unit_test(touching_ranges_merge_into_the_whole),
		cmocka_unit_test(random_cuts_merge_into_the_root),
		cmocka_unit_test(merge_refuses_a_gap_and_an_overlap),
		cmocka_unit_test(appends_report_every_perfect_subtree_once),
		cmocka_unit_test(many_leaves_give_what_each_gives),
		cmocka_unit_test(set_takes_exactly_the_hashes_of_the_decomposition),
		cmocka_unit_test(holds_the_largest_numbers),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
