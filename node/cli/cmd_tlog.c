/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * entente tlog export: a log as static tiles (c2sp.org/tlog-tiles), as tools for transparency logs
 * read them. What a tile of entries has are the leaves, 64 bytes each; salts and bodies lie outside
 * the tree and stay here.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/acts.h"
#include "cli/copy.h"
#include "keys/file.h"
#include "merkle/proof.h"
#include "merkle/range.h"
#include "proto/entry.h"

#define TILE_HASHES 256u
#define LEVELS_MAX  8u /* 2^64 leaves */
#define READ_BYTES  (1024u * 1024u)

/* The tile at hand. Where the log begins at a floor single hashes in front of it are not here any
 * more; then the tile is not laid out, and what it gives to the level above follows from whole. */
struct level {
	uint64_t number;
	size_t len;
	bool whole_known; /* every hash is */
	struct hash hashes[TILE_HASHES];
	struct range whole;
};

struct tiles {
	struct cli *cli;
	const char *dir;
	struct buf entries; /* of the tile at hand */
	uint64_t files, left_out;
	struct level levels[LEVELS_MAX];
};

/* --- files ------------------------------------------------------------------------------------ */

static int make_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int failed;

		*slash = '\0';
		failed = mkdir(path, 0755) != 0 && errno != EEXIST;
		*slash = '/';
		if (failed)
			return ENT_EIO;
	}
	return 0;
}

/* 1234067 is x001/x234/067. */
static void number_text(struct buf *out, uint64_t number)
{
	if (number >= 1000) {
		uint64_t above = number / 1000;
		uint64_t groups[8];
		size_t len = 0;

		for (; above; above /= 1000)
			groups[len++] = above % 1000;
		while (len)
			buf_printf(out, "x%03" PRIu64 "/", groups[--len]);
	}
	buf_printf(out, "%03" PRIu64, number % 1000);
}

static int tile_put(struct tiles *t, const char *level, uint64_t number, size_t width,
	struct bytes data)
{
	struct buf path = buf_with_max(PATH_MAX);
	int rc;

	buf_printf(&path, "%s/tile/%s/", t->dir, level);
	number_text(&path, number);
	if (width < TILE_HASHES)
		buf_printf(&path, ".p/%zu", width);
	buf_u8(&path, 0);
	rc = buf_failed(&path) ? ENT_ELIMIT : make_parents((char *)path.data);
	if (rc == 0)
		rc = file_write((const char *)path.data, data, 0644, &t->cli->err);
	buf_free(&path);
	t->files++;
	return rc;
}

/* --- tiles ------------------------------------------------------------------------------------ */

static int level_put(struct tiles *t, unsigned level)
{
	struct level *l = &t->levels[level];
	char name[8];

	if (!l->whole_known) {
		t->left_out++;
		return 0;
	}
	snprintf(name, sizeof(name), "%u", level);
	return tile_put(t, name, l->number, l->len,
		bytes_from(l->hashes, l->len * sizeof(l->hashes[0])));
}

static void level_begin(struct level *l, uint64_t number)
{
	l->number = number;
	l->len = 0;
	l->whole_known = true;
	range_init(&l->whole, 0);
}

/* The tiles that a log is in the middle of at its floor. Of the hashes in front there are those of
 * the compact range: of a digit of the floor, in base 256, one for each of its bits. */
static int levels_begin(struct tiles *t, uint64_t floor, const struct range *left)
{
	size_t at = 0;
	int rc = 0;

	for (unsigned level = LEVELS_MAX; level-- > 0 && rc == 0;) {
		struct level *l = &t->levels[level];
		size_t digit = (floor >> (8 * level)) % TILE_HASHES;
		size_t bits = range_hashes_count(0, digit);

		level_begin(l, level + 1 < LEVELS_MAX ? floor >> (8 * (level + 1)) : 0);
		l->len = digit;
		l->whole_known = digit <= 1;
		if (digit == 1)
			l->hashes[0] = left->hashes[at];
		rc = range_set(&l->whole, 0, digit, left->hashes + at, bits);
		at += bits;
	}
	return rc;
}

/* A full tile gives one hash to the level above; a partial one none. */
static int hash_add(struct tiles *t, const struct hash *hash)
{
	struct hash up = *hash;

	for (unsigned level = 0; level < LEVELS_MAX; level++) {
		struct level *l = &t->levels[level];
		int rc;

		l->hashes[l->len++] = up;
		range_append(&l->whole, &up);
		if (l->len < TILE_HASHES)
			return 0;
		rc = level_put(t, level);
		if (rc != 0)
			return rc;
		range_root(&l->whole, &up);
		level_begin(l, l->number + 1);
	}
	return ENT_ELIMIT;
}

static int leaf_add(struct tiles *t, struct bytes leaf)
{
	uint64_t number = t->levels[0].number;
	struct hash hash;
	int rc;

	buf_u16(&t->entries, (uint16_t)leaf.len);
	buf_bytes(&t->entries, leaf);
	hash_leaf(&hash, leaf);
	rc = hash_add(t, &hash);
	if (rc != 0 || t->levels[0].number == number)
		return rc;
	rc = buf_failed(&t->entries)
		     ? ENT_ENOMEM
		     : tile_put(t, "entries", number, TILE_HASHES, buf_view(&t->entries));
	buf_reset(&t->entries);
	return rc;
}

static int partial_put(struct tiles *t)
{
	const struct level *l = &t->levels[0];
	int rc = l->len == 0 ? 0 : tile_put(t, "entries", l->number, l->len, buf_view(&t->entries));

	for (unsigned level = 0; rc == 0 && level < LEVELS_MAX; level++)
		if (t->levels[level].len)
			rc = level_put(t, level);
	return rc;
}

static int leaves_put(struct tiles *t, const struct store_log *log, uint64_t size)
{
	struct buf run = buf_with_max(READ_BYTES + ENTRY_PACKED_MAX);
	int rc = 0;

	for (uint64_t at = log->floor; rc == 0 && at < size;) {
		struct cursor c;
		uint32_t count;

		buf_reset(&run);
		rc = store_run_read(t->cli->reader, &log->name, at, size, READ_BYTES, &run, &count);
		c = cursor_of(buf_view(&run));
		for (uint32_t i = 0; rc == 0 && i < count; i++, at++) {
			struct entry e;

			rc = entry_next(&c, &e);
			if (rc == 0)
				rc = leaf_add(t, e.leaf);
		}
		cli_progress(t->cli, "%" PRIu64 " of %" PRIu64 " entries", at, size);
	}
	cli_progress(t->cli, NULL);
	buf_free(&run);
	return rc ? rc : partial_put(t);
}

/* --- the command ------------------------------------------------------------------------------ */

static int print_done(const struct tiles *t, const struct store_log *log,
	const struct checkpoint *c)
{
	if (t->cli->json)
		return cli_json(t->cli,
			json_pack("{s:s, s:I, s:o, s:I, s:I, s:I}", "directory", t->dir, "size",
				(json_int_t)c->size, "root",
				cli_json_base64(BYTES_OF(c->root.bytes)), "files",
				(json_int_t)t->files + (log->floor ? 2 : 1), "floor",
				(json_int_t)log->floor, "left_out", (json_int_t)t->left_out),
			CLI_DONE);
	printf("%s: %" PRIu64 " entries in %" PRIu64 " tiles\n", t->dir, c->size - log->floor,
		t->files);
	if (log->floor)
		printf("it begins at entry %" PRIu64
		       " here: no tile stands for what lies before, and %" PRIu64
		       " tiles that would span it are left out; %s/floor has the hashes in front\n",
			log->floor, t->left_out, t->dir);
	return CLI_DONE;
}

static void enter(struct tiles *t, const struct store_log *log, struct bytes note, uint64_t size)
{
	struct cli_export e = {.what = "tiles", .count = size, .log = &log->name};
	struct hash hash;

	hash_sha256(&hash, note);
	e.hash = hash.bytes;
	cli_exported(t->cli, &e);
}

static const struct cli_option options[] = {
	CLI_OPERATOR,
	{NULL, NULL, false, NULL},
};

/* Where a log begins at a floor its compact range lies beside the tiles: with it they lead to the
 * root, also where a tile of a higher level spans the floor and cannot be laid out. */
static int floor_put(struct tiles *t, const struct store_log *log)
{
	struct store_tree tree = {t->cli->reader, log->number};
	struct buf text = buf_with_max(16384);
	char path[PATH_MAX];
	struct range left;
	int rc = proof_range_build(&left, 0, log->floor, store_tree_subtree, &tree);

	if (rc == 0)
		rc = levels_begin(t, log->floor, &left);
	if (rc != 0 || log->floor == 0)
		return rc;
	buf_printf(&text, "entente/floor/v1\nfloor: %" PRIu64 "\n", log->floor);
	for (unsigned i = 0; i < left.hashes_len; i++) {
		char hash[BASE64_TEXT_SIZE(32)];

		text_base64_encode(hash, BYTES_OF(left.hashes[i].bytes));
		buf_printf(&text, "hash: %s\n", hash);
	}
	rc = file_path(path, sizeof(path), t->dir, "floor");
	if (rc == 0)
		rc = file_write(path, buf_view(&text), 0644, &t->cli->err);
	buf_free(&text);
	return rc;
}

static int export_log(struct tiles *t, const struct store_log *log)
{
	struct cli *c = t->cli;
	struct buf note = buf_with_max(NOTE_BYTES_MAX);
	struct checkpoint used;
	char path[PATH_MAX];
	int rc = checkpoint_of(c, log, &used, &note);

	if (rc != 0)
		goto out;
	if (log->floor > used.size || used.size > log->size) {
		rc = cli_fail(c, CLI_NOT,
			"%s: what its checkpoint covers is not all here: it %s %" PRIu64,
			c->args[0], log->floor > used.size ? "begins at" : "ends at",
			log->floor > used.size ? log->floor : log->size);
		goto out;
	}
	if (mkdir(t->dir, 0755) != 0 &&
		(errno != EEXIST || rmdir(t->dir) != 0 || mkdir(t->dir, 0755) != 0)) {
		rc = cli_fail(c, CLI_INVALID, "%s: %s; wanted a new or an empty directory", t->dir,
			strerror(errno));
		goto out;
	}
	rc = floor_put(t, log);
	if (rc == 0)
		rc = leaves_put(t, log, used.size);
	if (rc == 0)
		enter(t, log, buf_view(&note), used.size);
	/* Last, so that whoever sees it finds every tile that it needs. */
	if (rc == 0)
		rc = file_path(path, sizeof(path), t->dir, "checkpoint");
	if (rc == 0)
		rc = file_write(path, buf_view(&note), 0644, &c->err);
	if (rc != 0)
		copy_remove(
			t->dir); /* half a log is none, and would be in the way of a whole one */
	rc = rc ? cli_fail_code(c, rc, t->dir) : print_done(t, log, &used);
out:
	buf_free(&note);
	return rc;
}

static int run(struct cli *c)
{
	struct tiles *t = arena_alloc(&c->arena, sizeof(*t));
	struct store_log log;
	int rc;

	if (!t)
		return cli_fail_code(c, ENT_ENOMEM, "tlog export");
	t->cli = c;
	t->dir = c->args[1];
	t->entries = buf_with_max((size_t)TILE_HASHES * (2 + ENTRY_HEADER_BYTES));
	rc = cli_need_store(c);
	if (rc == 0)
		rc = checkpoint_log(c, &log);
	if (rc == 0)
		rc = export_log(t, &log);
	buf_free(&t->entries);
	return rc;
}

const struct cli_command cmd_tlog_export = {
	.name = "tlog export",
	.usage = "ORIGIN/AUDIENCE|ORIGIN/provenance DIR [--operator NAME]",
	.options = options,
	.summary = "a log as static tiles with its checkpoint, for tools of transparency logs",
	.example = "entente tlog export fr/clear /srv/www/fr-clear\n",
	.args_min = 2,
	.args_max = 2,
	.run = run,
};
