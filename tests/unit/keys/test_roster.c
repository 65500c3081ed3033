/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit/keys/maker.h"

#include <stdlib.h>

#include "keys/file.h"
#include "keys/keydir.h"

static struct maker fr, de, be, lu;
static struct arena arena;
static struct err_text err;
static struct roster draft, r;
static const char *dir;

static struct roster_line line_of(const struct maker *m)
{
	struct roster_line line = {.node = m->card.node, .root = m->card.root};

	snprintf(line.name, sizeof(line.name), "%.63s", m->card.name);
	return line;
}

/* Two of three sign; lu is a member, and de too. */
static int setup(void **state)
{
	static struct roster_line signers[3], members[2];

	(void)state;
	maker_init(&fr, 1, "fr");
	maker_init(&de, 2, "de");
	maker_init(&be, 3, "be");
	maker_init(&lu, 4, "lu");
	signers[0] = line_of(&fr);
	signers[1] = line_of(&de);
	signers[2] = line_of(&be);
	members[0] = line_of(&lu);
	members[1] = line_of(&de);
	draft = (struct roster){.id = 0x5eed,
		.serial = 1,
		.title = "Those of the union",
		.threshold = 2,
		.signers = signers,
		.signers_len = 3,
		.members = members,
		.members_len = 2,
		.valid_from = NOW,
		.valid_until = NOW + YEAR};
	dir = test_dir();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	maker_free(&fr);
	maker_free(&de);
	maker_free(&be);
	maker_free(&lu);
	arena_free(&arena);
	test_dir_remove(dir);
	return 0;
}

static struct bytes text_of(const struct roster *from)
{
	struct buf text = buf_with_max(NOTE_BYTES_MAX);
	struct bytes copy;

	roster_text(&text, from);
	copy = arena_copy(&arena, buf_view(&text));
	buf_free(&text);
	return copy;
}

static struct bytes signed_by(struct bytes note, const struct maker *m)
{
	struct buf out = buf_with_max(NOTE_BYTES_MAX);
	struct bytes copy;

	assert_int_equal(roster_sign(&out, note, "r", &m->root, &err), 0);
	copy = arena_copy(&arena, buf_view(&out));
	buf_free(&out);
	return copy;
}

static int parse(struct bytes note)
{
	return roster_parse(note, "r", &arena, &r, &err);
}

static int install(struct bytes note)
{
	return keydir_install_roster(dir, note, "r", NOW + 1, &err);
}

static void reads_back_what_it_writes(void **state)
{
	(void)state;
	assert_int_equal(parse(text_of(&draft)), 0);
	assert_true(bytes_eq(text_of(&r), text_of(&draft)));
	assert_int_equal(r.signers_len, 3);
	assert_int_equal(r.members_len, 2);
	assert_false(roster_complete(&r));
	assert_true(roster_names(&r, &lu.card.node));
	assert_false(roster_names(&r, &fr.card.node));
}

static void counts_when_k_of_n_have_signed(void **state)
{
	struct bytes one = signed_by(text_of(&draft), &be), two = signed_by(one, &fr);
	struct keydir k;

	(void)state;
	assert_int_equal(parse(one), 0);
	assert_false(roster_complete(&r));
	assert_int_equal(install(one), ENT_ECRYPTO);
	assert_non_null(strstr(err.text, "wanted 2 of the 3"));
	/* Signing twice is signing once. */
	assert_int_equal(install(signed_by(one, &be)), ENT_ECRYPTO);
	assert_int_equal(parse(two), 0);
	assert_true(roster_complete(&r));
	assert_int_equal(install(two), 0);
	assert_int_equal(install(two), 0);
	assert_int_equal(keydir_read(&k, dir, NULL, &err), 0);
	assert_int_equal(k.rosters_len, 1);
	assert_non_null(keydir_roster(&k, 0x5eed));
	keydir_free(&k);
}

static void a_member_is_no_signer_and_a_forged_signature_sinks_the_file(void **state)
{
	struct buf out = buf_with_max(NOTE_BYTES_MAX);
	struct note_key key = fr.card.root;

	(void)state;
	assert_int_equal(roster_sign(&out, text_of(&draft), "r", &lu.root, &err), ENT_ECRYPTO);
	buf_reset(&out);
	assert_int_equal(note_sign_file(&out, signed_by(text_of(&draft), &de), "r", &key,
				 be.root.secret, &err),
		0);
	assert_int_equal(parse(buf_view(&out)), ENT_ECRYPTO);
	buf_free(&out);
}

static void only_the_former_signers_hand_the_list_on(void **state)
{
	struct bytes first = signed_by(signed_by(text_of(&draft), &fr), &de);
	struct roster_line mine[1] = {line_of(&lu)};
	struct roster next = draft;

	(void)state;
	assert_int_equal(install(first), 0);
	/* Somebody makes himself the only signer. */
	next.serial = 2;
	next.signers = mine;
	next.signers_len = next.threshold = 1;
	assert_int_equal(install(signed_by(text_of(&next), &lu)), ENT_ECRYPTO);
	/* Another text under the same serial; a lower one. */
	next = draft;
	next.members_len = 1;
	assert_int_equal(install(signed_by(signed_by(text_of(&next), &fr), &de)), ENT_EINVALID);
	next.serial = 2;
	assert_int_equal(install(signed_by(signed_by(text_of(&next), &fr), &be)), 0);
	assert_int_equal(install(first), ENT_EINVALID);
}

static void a_file_placed_by_hand_follows_the_same_rules_while_running(void **state)
{
	struct bytes first = signed_by(signed_by(text_of(&draft), &fr), &de);
	struct keydir before, now;
	char path[1200];

	(void)state;
	assert_int_equal(install(first), 0);
	assert_int_equal(keydir_read(&before, dir, NULL, &err), 0);
	snprintf(path, sizeof(path), "%s/rosters/0000000000005eed.roster", dir);
	assert_int_equal(file_write(path, bytes_str("broken\n"), 0644, &err), 0);
	assert_int_equal(keydir_read(&now, dir, &before, &err), 0);
	assert_int_equal(now.rosters_len, 1);
	assert_true(now.problems_len > 0);
	keydir_free(&now);
	keydir_free(&before);
}

static void refuses_what_makes_no_sense(void **state)
{
	static struct roster_line twice[2];
	struct roster bad;

	(void)state;
	bad = draft;
	bad.threshold = 4;
	assert_int_equal(parse(text_of(&bad)), ENT_EINVALID);
	bad.threshold = 0;
	assert_int_equal(parse(text_of(&bad)), ENT_EINVALID);
	bad = draft;
	bad.signers_len = 0;
	assert_int_equal(parse(text_of(&bad)), ENT_EINVALID);
	twice[0] = twice[1] = line_of(&lu);
	bad = draft;
	bad.members = twice;
	assert_int_equal(parse(text_of(&bad)), ENT_EINVALID);
	snprintf(twice[1].name, sizeof(twice[1].name), "lu2");
	assert_int_equal(parse(text_of(&bad)), ENT_EINVALID);
}

static void holds_as_many_members_as_it_says(void **state)
{
	struct roster_line *many = calloc(ROSTER_MEMBERS_MAX + 1, sizeof(*many));
	struct roster big = draft;

	(void)state;
	for (uint32_t i = 0; i <= ROSTER_MEMBERS_MAX; i++) {
		uint8_t key[32] = {1};

		be32_put(key, i + 1);
		snprintf(many[i].name, sizeof(many[i].name), "m%u", i);
		identity_node_id(&many[i].node, key);
		identity_role_key(&many[i].root, &many[i].node, "root", NOTE_TYPE_ED25519, key);
	}
	big.members = many;
	big.members_len = ROSTER_MEMBERS_MAX;
	assert_int_equal(parse(text_of(&big)), 0);
	big.members_len++;
	assert_int_equal(parse(text_of(&big)), ENT_EINVALID);
	big.members_len = 0;
	big.signers = many;
	big.signers_len = ROSTER_SIGNERS_MAX;
	assert_int_equal(parse(text_of(&big)), 0);
	big.signers_len++;
	assert_int_equal(parse(text_of(&big)), ENT_EINVALID);
	free(many);
}

static void a_node_reads_so_many_rosters(void **state)
{
	struct roster one = draft;

	(void)state;
	one.threshold = 1;
	for (one.id = 1; one.id <= ROSTERS_MAX + 1; one.id++)
		assert_int_equal(install(signed_by(text_of(&one), &fr)),
			one.id <= ROSTERS_MAX ? 0 : ENT_ELIMIT);
	/* A later serial of one that is here has its place. */
	one.id = 1;
	one.serial = 2;
	assert_int_equal(install(signed_by(text_of(&one), &fr)), 0);
}

static void lists_a_node_under_any_root_of_its_chain(void **state)
{
	struct bytes notes[2] = {maker_card(&arena, &lu.card, &lu.root)};
	struct card_chain chain;
	struct card rotated;

	(void)state;
	assert_int_equal(parse(text_of(&draft)), 0);
	maker_rotate(&rotated, &lu.card, &lu.next_root, &be.next_root);
	notes[1] = maker_card(&arena, &rotated, &lu.next_root);
	for (size_t len = 1; len <= 2; len++) {
		assert_int_equal(card_chain_parse(notes, len, "c", &arena, &chain, &err), 0);
		assert_true(roster_lists(&r, &chain));
	}
	r.members[0].root = be.card.root;
	assert_false(roster_lists(&r, &chain));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(reads_back_what_it_writes),
		T(counts_when_k_of_n_have_signed),
		T(a_member_is_no_signer_and_a_forged_signature_sinks_the_file),
		T(only_the_former_signers_hand_the_list_on),
		T(a_file_placed_by_hand_follows_the_same_rules_while_running),
		T(refuses_what_makes_no_sense),
		T(holds_as_many_members_as_it_says),
		T(a_node_reads_so_many_rosters),
		T(lists_a_node_under_any_root_of_its_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
