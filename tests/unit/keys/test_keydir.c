/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit/keys/place.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

static const struct maker *const both[] = {&fr, &de};
static const struct maker *const others[] = {&fr, &be};
static struct agreement draft;

static bool exists(const char *name)
{
	char path[1200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

#define FILE_NAME "agreements/0123456789abcdef.agreement"

static size_t verified;

/* In the place of libsodium's. */
int crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *m,
	unsigned long long len, const unsigned char *key)
{
	int (*real)(const unsigned char *, const unsigned char *, unsigned long long,
		const unsigned char *) =
		(int (*)(const unsigned char *, const unsigned char *, unsigned long long,
			const unsigned char *))dlsym(RTLD_NEXT, "crypto_sign_verify_detached");

	verified++;
	return real(sig, m, len, key);
}

static int listing_ends = -1; /* after so many names */

struct dirent *readdir(DIR *d)
{
	struct dirent *(*real)(DIR *) = (struct dirent * (*)(DIR *)) dlsym(RTLD_NEXT, "readdir");

	if (listing_ends >= 0 && listing_ends-- == 0) {
		listing_ends = 1;
		errno = EIO;
		return NULL;
	}
	return real(d);
}

static int setup(void **state)
{
	(void)state;
	place_init();
	maker_draft(&draft, &arena, both, 2, ID);
	make_dir("agreements");
	make_dir("history");
	return 0;
}

static struct bytes version(uint32_t serial)
{
	draft.serial = serial;
	return maker_agreement(&arena, &draft, both, 2);
}

static void reads_own_card_peers_and_agreements(void **state)
{
	(void)state;

	put(FILE_NAME, version(1));
	read_again();
	assert_int_equal(k.problems_len, 0);
	assert_int_equal(k.own.cards_len, 1);
	assert_int_equal(k.chains_len, 1);
	assert_int_equal(k.agreements_len, 1);
	assert_non_null(keydir_agreement(&k, ID));
	assert_null(keydir_agreement(&k, ID + 1));
	assert_bytes_equal(k.agreement_notes[0], version(1));
	assert_ptr_equal(keydir_chain(&k, &fr.card.node), &k.own);
	assert_ptr_equal(keydir_chain(&k, &de.card.node), &k.chains[0]);
	assert_null(keydir_chain(&k, &be.card.node));
}

/* How many signatures reading again verifies. */
static size_t verifies(void)
{
	verified = 0;
	read_again();
	return verified;
}

static void what_was_read_before_is_not_verified_again(void **state)
{
	struct buf forged = buf_with_max(NOTE_BYTES_MAX);
	(void)state;

	put(FILE_NAME, version(1));
	put("history/0123456789abcdef.1.agreement", version(1));
	assert_int_equal(verifies(),
		2 + 2); /* two cards; the agreement once, though it lies twice */
	assert_int_equal(verifies(), 0);
	assert_int_equal(k.problems_len, 0);
	assert_int_equal(k.agreements_len, 1);
	assert_true(agreement_complete(k.agreements[0]));
	assert_true(agreement_party_of(k.agreements[0], &de.card.node) != NULL);
	assert_ptr_equal(keydir_chain(&k, &de.card.node), &k.chains[0]);
	put(FILE_NAME, version(2));
	assert_int_equal(verifies(), 2);
	assert_int_equal(keydir_agreement(&k, ID)->serial, 2);
	/* What does not hold is looked at each time, and what was in force is not. */
	buf_bytes(&forged, version(3));
	forged.data[forged.len - 10] ^= 1;
	put(FILE_NAME, buf_view(&forged));
	buf_free(&forged);
	for (int i = 0; i < 2; i++) {
		assert_in_range(verifies(), 1, 2);
		assert_int_equal(k.problems_len, 1);
		assert_int_equal(keydir_agreement(&k, ID)->serial, 2);
	}
	/* What was not read meanwhile is forgotten: the card, and history behind a broken file. */
	remove_name(card_name(&de));
	read_again();
	put(card_name(&de), de_chain);
	put(FILE_NAME, version(2));
	assert_int_equal(verifies(), 1 + 2);
	assert_int_equal(k.problems_len, 0);
}

static void an_empty_directory_is_no_problem_and_a_missing_one_is(void **state)
{
	const char *empty = test_dir();
	(void)state;

	assert_int_equal(keydir_read(&k, empty, NULL, &err), 0);
	assert_int_equal(k.problems_len, 0);
	assert_int_equal(k.own.cards_len, 0);
	test_dir_remove(empty);
	keydir_free(&k);
	assert_int_equal(keydir_read(&k, "/nonexistent/keys", NULL, &err), ENT_ENOTFOUND);
}

static void removing_a_file_ends_it_here(void **state)
{
	(void)state;

	put(FILE_NAME, version(1));
	read_again();
	remove_name(FILE_NAME);
	remove_name(card_name(&de));
	read_again();
	assert_int_equal(k.agreements_len, 0);
	assert_int_equal(k.chains_len, 0);
	assert_int_equal(k.problems_len, 0);
}

static void a_broken_file_keeps_the_last_version(void **state)
{
	struct bytes good = version(2);
	(void)state;

	put(FILE_NAME, good);
	read_again();
	/* Half written: cut anywhere at all. */
	for (size_t len = 0; len < good.len; len += 97) {
		put(FILE_NAME, bytes_from(good.data, len));
		read_again();
		assert_int_equal(k.agreements_len, 1);
		assert_int_equal(k.problems_len, 1);
	}
	put("own.card", bytes_str("nonsense\n"));
	put(card_name(&de), BYTES_NONE);
	read_again();
	assert_int_equal(k.problems_len, 3);
	assert_int_equal(k.own.cards_len, 1);
	assert_int_equal(k.chains_len, 1);
	assert_int_equal(keydir_agreement(&k, ID)->serial, 2);
	put(FILE_NAME, good);
	put("own.card", fr_chain);
	put(card_name(&de), de_chain);
	read_again();
	assert_int_equal(k.problems_len, 0);
	assert_bytes_equal(k.agreement_notes[0], good);
}

static void a_new_serial_replaces_and_an_old_one_does_not(void **state)
{
	(void)state;

	put(FILE_NAME, version(1));
	read_again();
	put(FILE_NAME, version(2));
	read_again();
	assert_int_equal(k.problems_len, 0);
	assert_int_equal(keydir_agreement(&k, ID)->serial, 2);
	put(FILE_NAME, version(1));
	read_again();
	expect_problem("agreement:3: serial: saw 1, wanted 2 or higher: see the version in force");
	assert_int_equal(keydir_agreement(&k, ID)->serial, 2);
	/* The same serial under another text. */
	snprintf(draft.title, sizeof(draft.title), "Something else");
	put(FILE_NAME, version(2));
	read_again();
	expect_problem("serial: saw 2 under another text");
	assert_string_not_equal(keydir_agreement(&k, ID)->title, "Something else");
}

static void history_binds_after_a_restart_too(void **state)
{
	struct bytes second = version(2);
	(void)state;

	put("history/0123456789abcdef.2.agreement", second);
	put(FILE_NAME, version(1));
	read_again();
	expect_problem("serial: saw 1, wanted 2 or higher: see ");
	assert_int_equal(k.agreements_len, 0);
	put(FILE_NAME, second);
	read_again();
	assert_int_equal(k.agreements_len, 1);
	assert_int_equal(k.problems_len, 0);
}

static void an_id_is_bound_to_its_parties(void **state)
{
	struct bytes stolen;
	(void)state;

	put("history/0123456789abcdef.1.agreement", version(1));
	maker_draft(&draft, &arena, others, 2, ID);
	draft.serial = 7;
	stolen = maker_agreement(&arena, &draft, others, 2);
	put(FILE_NAME, stolen);
	read_again();
	expect_problem("agreement:2: id: saw 0123456789abcdef with other parties than in ");
	assert_int_equal(k.agreements_len, 0);
}

static void a_broken_history_file_is_reported_and_passed_over(void **state)
{
	(void)state;

	put("history/0123456789abcdef.1.agreement", bytes_str("half a li"));
	put("history/0123456789abcdef.3.agreement", version(3));
	put(FILE_NAME, version(2));
	read_again();
	expect_problem("history/0123456789abcdef.1.agreement");
	expect_problem("serial: saw 2, wanted 3");
}

static void refuses_what_is_incomplete_or_for_others(void **state)
{
	(void)state;

	put(FILE_NAME, maker_agreement(&arena, &draft, both, 1));
	read_again();
	expect_problem(":29: signatures: saw none of party de, wanted one of every party");
	maker_draft(&draft, &arena, (const struct maker *const[]){&de, &be}, 2, ID);
	put(FILE_NAME, maker_agreement(&arena, &draft, (const struct maker *const[]){&de, &be}, 2));
	read_again();
	expect_problem(":6: party: saw ");
	remove_name("own.card");
	keydir_free(&k);
	read_again();
	expect_problem("this node has no card yet");
	assert_int_equal(k.agreements_len, 0);
}

static void refuses_wrong_names(void **state)
{
	(void)state;

	put("agreements/0123456789abcdee.agreement", version(1));
	put("agreements/0123456789ABCDEF.agreement", version(1));
	put("agreements/fr-de.agreement", version(1));
	put("agreements/README", bytes_str("hello\n"));
	put("agreements/.0123456789abcdef.agreement.swp", bytes_str("\n"));
	put("cards/de.card", de_chain);
	put(card_name(&be), de_chain);
	read_again();
	assert_int_equal(k.agreements_len, 0);
	assert_int_equal(k.problems_len, 6);
	expect_problem("agreement:2: id: saw 0123456789abcdef, wanted 0123456789abcdee as in the "
		       "file's");
	expect_problem("name: saw \"0123456789ABCDEF.agreement\", wanted <16 hex>.agreement");
	expect_problem("name: saw \"README\"");
	expect_problem("name: saw \"de.card\", wanted <node id>.card");
	expect_problem("node: saw another node than in the file's name");
}

static void refuses_symbolic_links_and_other_kinds(void **state)
{
	char target[1200], path[1200];
	(void)state;

	put("elsewhere", version(1));
	snprintf(target, sizeof(target), "%s/elsewhere", dir);
	snprintf(path, sizeof(path), "%s/%s", dir, FILE_NAME);
	assert_int_equal(symlink(target, path), 0);
	read_again();
	expect_problem("saw a symbolic link, wanted a regular file");
	assert_int_equal(k.agreements_len, 0);
	assert_int_equal(unlink(path), 0);
	/* Swapped while running: what was in force stays. */
	put(FILE_NAME, version(1));
	read_again();
	assert_int_equal(k.agreements_len, 1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(target, path), 0);
	read_again();
	assert_int_equal(k.agreements_len, 1);
	assert_int_equal(k.problems_len, 1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	read_again();
	expect_problem("wanted a regular file");
	assert_int_equal(k.agreements_len, 1);
}

static void refuses_files_beyond_their_limit(void **state)
{
	struct buf big = buf_with_max(10 * NOTE_BYTES_MAX);
	(void)state;

	while (big.len <= NOTE_BYTES_MAX)
		buf_str(&big, "note: and so on\n");
	put(FILE_NAME, buf_view(&big));
	read_again();
	expect_problem("saw more than 65536 bytes");
	buf_free(&big);
}

static void reads_no_more_agreements_than_the_limit(void **state)
{
	char name[64];
	(void)state;

	/* Empty files do: each is looked at, and counts. */
	for (unsigned i = 0; i < 10 * AGREEMENTS_MAX; i++) {
		char path[1200];
		FILE *f;

		snprintf(name, sizeof(name), "agreements/%016x.agreement", i);
		snprintf(path, sizeof(path), "%s/%s", dir, name);
		f = fopen(path, "w");
		assert_non_null(f);
		fclose(f);
	}
	put("agreements/0000000000000000.agreement", (draft.id = 0, version(1)));
	read_again();
	assert_int_equal(k.agreements_len, 1);
	assert_int_equal(k.problems_len, KEYDIR_PROBLEMS_MAX);
}

/* The chain with a card by de's next root, which names a third. */
static void next_root_signs(struct buf *text, struct card *c, struct root_key *third)
{
	struct bytes notes[2] = {de_chain, BYTES_NONE};
	struct card_chain chain;

	assert_int_equal(root_key_generate(third, &de.rng), 0);
	maker_rotate(c, &de.card, &de.next_root, third);
	notes[1] = maker_card(&arena, c, &de.next_root);
	assert_int_equal(card_chain_parse(notes, 2, "f", &arena, &chain, &err), 0);
	card_chain_write(text, &chain);
}

static void next_root_is_used(const struct root_key *third)
{
	root_key_free(&de.root);
	de.root = de.next_root;
	de.next_root = *third;
}

static void a_new_text_wants_the_roots_in_force(void **state)
{
	struct buf text = buf_with_max(100000);
	struct bytes old = version(1);
	struct root_key third;
	struct card c;
	(void)state;

	put(FILE_NAME, old);
	read_again();
	assert_int_equal(keydir_remember(dir, k.agreements[0], old, &err), 0);
	next_root_signs(&text, &c, &third);
	put(card_name(&de), buf_view(&text));
	/* What history knows goes on under the former root, also after a restart. */
	read_again();
	assert_int_equal(k.problems_len, 0);
	assert_int_equal(k.agreements_len, 1);
	keydir_free(&k);
	read_again();
	assert_int_equal(k.problems_len, 0);
	assert_int_equal(k.agreements_len, 1);
	/* A new serial under it is what a thief would sign. */
	put(FILE_NAME, version(2));
	read_again();
	expect_problem("party de: saw the root ");
	assert_int_equal(keydir_agreement(&k, ID)->serial, 1);
	/* The owner's next root does. */
	draft.parties[1].root = c.root;
	next_root_is_used(&third);
	put(FILE_NAME, version(2));
	read_again();
	assert_int_equal(k.problems_len, 0);
	assert_int_equal(keydir_agreement(&k, ID)->serial, 2);
	buf_free(&text);
}

static void the_newest_card_stands_and_contradictions_are_told(void **state)
{
	struct buf text = buf_with_max(100000);
	struct bytes notes[2] = {de_chain, BYTES_NONE};
	struct card_chain chain;
	struct card c;
	(void)state;

	card_next(&c, &de.card);
	notes[1] = maker_card(&arena, &c, &de.root);
	assert_int_equal(card_chain_parse(notes, 2, "f", &arena, &chain, &err), 0);
	card_chain_write(&text, &chain);
	put(card_name(&de), buf_view(&text));
	read_again();
	assert_int_equal(k.chains[0].cards_len, 2);
	put(card_name(&de), de_chain);
	read_again();
	assert_int_equal(k.problems_len, 0);
	assert_int_equal(k.chains[0].cards_len, 2);
	snprintf(de.card.org, sizeof(de.card.org), "Somebody else");
	put(card_name(&de), maker_card(&arena, &de.card, &de.root));
	read_again();
	expect_problem("saw cards that contradict those in force");
	assert_int_equal(k.chains[0].cards_len, 2);
	buf_free(&text);
}

static uint64_t revoked = ID;

static struct bytes revocation_of(const struct maker *m)
{
	struct revocation r = {.agreement = revoked, .node = m->card.node, .time = NOW};
	struct buf text = buf_with_max(1000), note = buf_with_max(2000);
	struct bytes copy;

	revocation_text(&text, &r);
	assert_int_equal(note_sign_file(&note, buf_view(&text), "r", &m->card.root, m->root.secret,
				 &err),
		0);
	copy = arena_copy(&arena, buf_view(&note));
	buf_free(&text);
	buf_free(&note);
	return copy;
}

static void a_revocation_ends_the_agreement(void **state)
{
	char node[NODE_ID_TEXT_SIZE], name[128];
	struct bytes note = version(1);
	(void)state;

	node_id_text(node, &de.card.node);
	snprintf(name, sizeof(name), "agreements/0123456789abcdef.%s.revocation", node);
	put(FILE_NAME, note);
	read_again();
	/* A stranger's word, or a broken one, ends nothing. */
	put(name, revocation_of(&be));
	read_again();
	assert_int_equal(k.agreements_len, 1);
	assert_int_equal(k.problems_len, 1);
	put(name, revocation_of(&fr));
	read_again();
	expect_problem("node: saw another node than in the file's name");
	assert_int_equal(k.agreements_len, 1);

	put(name, revocation_of(&de));
	read_again();
	assert_int_equal(k.agreements_len, 0);
	assert_int_equal(k.problems_len, 0);
	assert_int_equal(k.revocations_len, 1);
	assert_int_equal(k.revocations[0].revocation.agreement, ID);
	/* It can still be passed on when only history knows the agreement. */
	remove_name(FILE_NAME);
	put("history/0123456789abcdef.1.agreement", note);
	read_again();
	assert_int_equal(k.revocations_len, 1);
	assert_bytes_equal(k.revocations[0].note, revocation_of(&de));
	/* And nothing brings the id back. */
	assert_int_equal(keydir_install(dir, version(2), "new", NULL, NULL, 0, NOW, &err),
		ENT_ESTATE);
}

/* It would come into force again. */
static void a_revocation_that_breaks_later_counts_all_the_same(void **state)
{
	char node[NODE_ID_TEXT_SIZE], name[128];
	(void)state;

	node_id_text(node, &de.card.node);
	snprintf(name, sizeof(name), "agreements/0123456789abcdef.%s.revocation", node);
	put(FILE_NAME, version(1));
	put(name, revocation_of(&de));
	read_again();
	put(name, bytes_str("half of i"));
	read_again();
	read_again();
	assert_int_equal(k.problems_len, 1);
	assert_int_equal(k.agreements_len, 0);
	assert_int_equal(k.revocations_len, 1);
	assert_bytes_equal(k.revocations[0].note, revocation_of(&de));
	/* The operator's word. */
	remove_name(name);
	read_again();
	assert_int_equal(k.agreements_len, 1);
	assert_int_equal(k.revocations_len, 0);
}

/* Its party has moved to a next root since the agreement was made, and the card that names that one
 * is gone: it would come into force again at the next start. */
static void a_revocation_counts_when_the_card_of_its_root_is_gone(void **state)
{
	struct buf chain_text = buf_with_max(100000);
	char node[NODE_ID_TEXT_SIZE], name[128];
	struct bytes text = version(1), next = version(2);
	struct root_key third;
	struct card c;
	(void)state;

	node_id_text(node, &de.card.node);
	snprintf(name, sizeof(name), "agreements/0123456789abcdef.%s.revocation", node);
	next_root_signs(&chain_text, &c, &third);
	put(FILE_NAME, text);
	put("history/0123456789abcdef.1.agreement", text);
	put(card_name(&de), buf_view(&chain_text));
	de.card.root = c.root;
	next_root_is_used(&third);
	put(name, revocation_of(&de));
	read_again();
	assert_int_equal(k.problems_len, 0);
	assert_int_equal(k.agreements_len, 0);
	assert_int_equal(k.revocations_len, 1);
	/* The daemon knows it still, */
	remove_name(card_name(&de));
	read_again();
	assert_int_equal(k.agreements_len, 0);
	assert_int_equal(k.revocations_len, 1);
	/* and one that starts anew cannot pass it on, but goes by it: without the card, */
	keydir_free(&k);
	read_again();
	assert_int_equal(k.agreements_len, 0);
	expect_problem("no card here names");
	assert_int_equal(k.revocations_len, 0);
	/* with an older one, */
	put(card_name(&de), de_chain);
	keydir_free(&k);
	read_again();
	assert_int_equal(k.agreements_len, 0);
	expect_problem("no card here names");
	/* and a next version is not taken for one that would count, */
	assert_int_equal(keydir_install(dir, text, "fr-de", NULL, NULL, 0, NOW, &err), ENT_ESTATE);
	assert_non_null(strstr(err.text, "revoked"));
	assert_int_equal(keydir_install(dir, next, "fr-de", NULL, NULL, 0, NOW, &err), ENT_ESTATE);
	assert_false(exists("history/0123456789abcdef.2.agreement"));
	/* and where another party has revoked as well it passes that on. */
	node_id_text(node, &fr.card.node);
	snprintf(name, sizeof(name), "agreements/0123456789abcdef.%s.revocation", node);
	put(name, revocation_of(&fr));
	keydir_free(&k);
	read_again();
	assert_int_equal(k.agreements_len, 0);
	assert_int_equal(k.revocations_len, 1);
	remove_name(name);
	put(card_name(&de), buf_view(&chain_text));
	keydir_free(&k);
	read_again();
	assert_int_equal(k.problems_len, 0);
	assert_int_equal(k.agreements_len, 0);
	assert_int_equal(k.revocations_len, 1);
	buf_free(&chain_text);
}

static void put_unsynced(const char *name, struct bytes data)
{
	char path[1200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data.data, 1, data.len, f), data.len);
	fclose(f);
}

static void a_revocation_behind_the_limit_counts(void **state)
{
	char node[NODE_ID_TEXT_SIZE], name[128];
	(void)state;

	node_id_text(node, &de.card.node);
	for (unsigned i = 0; i <= AGREEMENTS_MAX; i++) {
		bool last = i == AGREEMENTS_MAX;

		draft.id = revoked = i;
		snprintf(name, sizeof(name), "%s/%016x%s.agreement",
			last ? "agreements" : "history", i, last ? "" : ".1");
		put_unsynced(name, version(1));
		snprintf(name, sizeof(name), "agreements/%016x.%s.revocation", i, node);
		put_unsynced(name, revocation_of(&de));
	}
	revoked = ID;
	read_again();
	assert_int_equal(k.revocations_len, AGREEMENTS_MAX);
	assert_int_equal(k.agreements_len, 0);
	assert_int_equal(k.problems_len, 1);
	expect_problem("saw 1025 revocations");
}

/* --- folders that cannot be listed ------------------------------------------------------------ */

static int install(struct bytes note, const struct bytes *chains, size_t len)
{
	static const char *const files[] = {"one.card", "two.card", "three.card"};

	return keydir_install(dir, note, "fr-de.agreement", chains, files, len, NOW, &err);
}

/* Commands read what there is; the daemon does not begin so. */
static void expect_unlisted(const char *folder)
{
	struct keydir fresh;

	assert_int_equal(keydir_read(&fresh, dir, NULL, &err), 0);
	assert_non_null(strstr(fresh.unlisted.text, folder));
	keydir_free(&fresh);
}

static void what_cannot_be_listed_has_not_ended(void **state)
{
	static const char *const folders[] = {"cards", "history", "agreements", "rosters"};
	char node[NODE_ID_TEXT_SIZE], name[128], path[1200], aside[1300];
	(void)state;

	node_id_text(node, &de.card.node);
	snprintf(name, sizeof(name), "agreements/00000000000000aa.%s.revocation", node);
	put(FILE_NAME, version(1));
	draft.id = 0xaa;
	put("agreements/00000000000000aa.agreement", version(1));
	revoked = 0xaa;
	put(name, revocation_of(&de));
	revoked = ID;
	make_dir("rosters");
	read_again();
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, folders[i]);
		snprintf(aside, sizeof(aside), "%s.aside", path);
		assert_int_equal(rename(path, aside), 0);
		put(folders[i], BYTES_NONE); /* opendir: ENOTDIR, as others for root too */
		expect_unlisted(folders[i]);
		assert_int_equal(install(version(2), NULL, 0), ENT_EIO);
		read_again();
		read_again();
		expect_problem(folders[i]);
		assert_int_equal(k.chains_len, 1);
		assert_int_equal(k.agreements_len, 1);
		assert_int_equal(k.agreements[0]->id, ID);
		assert_int_equal(k.revocations_len, 1);
		remove_name(folders[i]);
		assert_int_equal(rename(aside, path), 0);
	}
	/* One that breaks off in the middle is none either. */
	listing_ends = 1;
	expect_unlisted("cards");
	read_again();
	listing_ends = -1;
	assert_int_equal(k.chains_len, 1);
	assert_int_equal(k.agreements_len, 1);
	assert_int_equal(k.revocations_len, 1);
	read_again();
	assert_int_equal(k.problems_len, 0);
}

/* --- installing ------------------------------------------------------------------------------- */

static void installs_agreement_and_cards(void **state)
{
	struct bytes chains[2];
	(void)state;

	remove_name(card_name(&de));
	chains[0] = de_chain;
	chains[1] = fr_chain;
	assert_int_equal(install(version(1), chains, 2), 0);
	assert_true(exists(card_name(&de)));
	assert_true(exists("history/0123456789abcdef.1.agreement"));
	read_again();
	assert_int_equal(k.problems_len, 0);
	assert_int_equal(k.agreements_len, 1);
	assert_int_equal(install(version(1), chains, 2), 0);
	assert_int_equal(install(version(2), NULL, 0), 0);
	assert_int_equal(install(version(1), NULL, 0), ENT_EINVALID);
}

static void nothing_is_written_unless_everything_holds(void **state)
{
	struct bytes de_other, chains[2];
	struct maker other;
	(void)state;

	remove_name(card_name(&de));
	assert_int_equal(install(version(1), NULL, 0), ENT_ENOTFOUND);
	assert_non_null(strstr(err.text, "party de: saw no card of it"));
	chains[0] = be_chain;
	assert_int_equal(install(version(1), chains, 1), ENT_EINVALID);
	assert_non_null(strstr(err.text, "one.card: saw a card of be, wanted one of a party"));
	chains[0] = de_chain;
	assert_int_equal(install(maker_agreement(&arena, &draft, both, 1), chains, 1), ENT_ECRYPTO);
	/* Two first cards of one node. */
	maker_init(&other, 2, "de");
	snprintf(other.card.org, sizeof(other.card.org), "Somebody else");
	de_other = maker_card(&arena, &other.card, &other.root);
	maker_free(&other);
	chains[1] = de_other;
	assert_int_equal(install(version(1), chains, 2), ENT_ESTATE);
	assert_non_null(strstr(err.text, "two.card: the cards of de contradict"));
	draft.valid_from = NOW - YEAR;
	draft.valid_until = NOW;
	assert_int_equal(install(version(1), chains, 1), ENT_EEXPIRED);
	assert_false(exists(card_name(&de)));
	assert_false(exists(FILE_NAME));
	assert_false(exists("history/0123456789abcdef.1.agreement"));
	draft.valid_until = NOW + 1;
	assert_int_equal(install(version(1), chains, 1), 0);
}

static void installs_the_newest_card_of_several(void **state)
{
	struct bytes notes[2] = {de_chain, BYTES_NONE}, chains[3];
	struct buf text = buf_with_max(100000);
	struct card_chain chain;
	struct card c;
	(void)state;

	card_next(&c, &de.card);
	notes[1] = maker_card(&arena, &c, &de.root);
	assert_int_equal(card_chain_parse(notes, 2, "f", &arena, &chain, &err), 0);
	card_chain_write(&text, &chain);
	remove_name(card_name(&de));
	chains[0] = de_chain;
	chains[1] = buf_view(&text);
	chains[2] = de_chain;
	assert_int_equal(install(version(1), chains, 3), 0);
	read_again();
	assert_int_equal(keydir_chain(&k, &de.card.node)->cards_len, 2);
	buf_free(&text);
}

/* --- pre-shared keys -------------------------------------------------------------------------- */

static void pre_shared_keys_are_private_and_whole(void **state)
{
	uint8_t id[8] = {0xab, 0xcd}, psk[32] = {1, 2, 3}, read[32];
	char path[1200];
	(void)state;

	assert_int_equal(keydir_psk(dir, id, read, &err), ENT_ENOTFOUND);
	assert_int_equal(keydir_psk_write(dir, id, psk, &err), 0);
	assert_int_equal(keydir_psk_write(dir, id, psk, &err), ENT_EEXISTS);
	assert_int_equal(keydir_psk(dir, id, read, &err), 0);
	assert_memory_equal(read, psk, 32);
	snprintf(path, sizeof(path), "%s/psk/abcd000000000000", dir);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(keydir_psk(dir, id, read, &err), ENT_EINVALID);
	assert_int_equal(file_write(path, bytes_str("AQIDBA==\n"), 0600, &err), 0);
	assert_int_equal(keydir_psk(dir, id, read, &err), ENT_EINVALID);
	assert_null(strstr(err.text, "AQIDBA"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, place_free)
	const struct CMUnitTest tests[] = {
		T(reads_own_card_peers_and_agreements),
		T(what_was_read_before_is_not_verified_again),
		T(an_empty_directory_is_no_problem_and_a_missing_one_is),
		T(removing_a_file_ends_it_here),
		T(a_broken_file_keeps_the_last_version),
		T(a_new_serial_replaces_and_an_old_one_does_not),
		T(history_binds_after_a_restart_too),
		T(an_id_is_bound_to_its_parties),
		T(a_broken_history_file_is_reported_and_passed_over),
		T(refuses_what_is_incomplete_or_for_others),
		T(refuses_wrong_names),
		T(refuses_symbolic_links_and_other_kinds),
		T(refuses_files_beyond_their_limit),
		T(reads_no_more_agreements_than_the_limit),
		T(a_new_text_wants_the_roots_in_force),
		T(the_newest_card_stands_and_contradictions_are_told),
		T(a_revocation_ends_the_agreement),
		T(a_revocation_that_breaks_later_counts_all_the_same),
		T(a_revocation_counts_when_the_card_of_its_root_is_gone),
		T(a_revocation_behind_the_limit_counts),
		T(what_cannot_be_listed_has_not_ended),
		T(installs_agreement_and_cards),
		T(nothing_is_written_unless_everything_holds),
		T(installs_the_newest_card_of_several),
		T(pre_shared_keys_are_private_and_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
