/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * entente audit export: what an auditor needs of this node, as one file (docs/AUDIT.md). It is
 * written from one moment of the store, entry after entry, so memory stays flat, beside the daemon
 * or without it. Bodies leave only when they are asked for.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/version.h"
#include "cli/acts.h"
#include "cli/records.h"
#include "keys/file.h"
#include "merkle/proof.h"
#include "provenance/bundle.h"

#define OPENED_MAX    4096u
#define BATCH_ENTRIES 4096u
#define BATCH_BYTES   (1024u * 1024u)
#define FILES_MAX     16384u
#define RELAX_BYTES   (1024u * 1024u) /* of the bundle, between letting go of the store's pages */

/* A record whose salt and body are handed over. */
struct opened {
	struct log_name log;
	uint64_t index;
	bool used;
};

struct export
{
	struct cli *cli;
	int fd;
	const char *path;
	struct buf out; /* one frame at a time */
	struct hash digest;
	uint64_t bytes;
	struct node_id self;
	int64_t since_ms, until_ms;
	bool bodies;
	bool acts;                /* the logs of acts now, the feeds then */
	struct log_name acts_log; /* that in use */
	size_t opened_len;
	struct opened *opened;
	uint64_t logs, entries, acts_len;
};

/* --- the file --------------------------------------------------------------------------------- */

static int put(struct export *x, struct bytes data)
{
	x->bytes += data.len;
	while (data.len) {
		ssize_t n = write(x->fd, data.data, data.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(&x->cli->err, errno == ENOSPC ? ENT_EFULL : ENT_EIO,
				"cannot write: %s", strerror(errno));
		data = bytes_skip(data, (size_t)n);
	}
	return 0;
}

/* The frame that stands in out. */
static int flush_frame(struct export *x)
{
	int rc;

	if (buf_failed(&x->out))
		return ENT_ELIMIT;
	bundle_digest_add(&x->digest, buf_view(&x->out));
	rc = put(x, buf_view(&x->out));
	buf_reset(&x->out);
	return rc;
}

static int frame(struct export *x, enum bundle_frame kind, struct bytes payload)
{
	size_t at = bundle_begin(&x->out, kind);

	buf_bytes(&x->out, payload);
	bundle_end(&x->out, at);
	return flush_frame(x);
}

/* The digest covers all frames before it, and the frame itself has but one form. */
static int finish(struct export *x)
{
	size_t at = bundle_begin(&x->out, BUNDLE_END);

	buf_bytes(&x->out, BYTES_OF(x->digest.bytes));
	bundle_end(&x->out, at);
	return put(x, buf_view(&x->out));
}

/* --- what people signed ----------------------------------------------------------------------- */

static int put_chain(struct export *x, const struct node_id *introducer, struct bytes chain)
{
	size_t at = bundle_begin(&x->out, BUNDLE_CARDS);

	buf_bytes(&x->out, BYTES_OF(introducer->bytes));
	buf_bytes(&x->out, chain);
	bundle_end(&x->out, at);
	return flush_frame(x);
}

static int put_cards(struct export *x, const struct card_chain *chain)
{
	static const struct node_id nobody;
	struct buf text = buf_with_max(BUNDLE_FRAME_MAX);
	int rc;

	card_chain_write(&text, chain);
	rc = buf_failed(&text) ? ENT_ENOMEM : put_chain(x, &nobody, buf_view(&text));
	buf_free(&text);
	return rc;
}

static int put_origin(void *ctx, const struct store_origin *o)
{
	return put_chain(ctx, &o->introduced_by, o->chain);
}

static int put_all_cards(struct export *x)
{
	const struct keydir *keys = &x->cli->keydir;
	int rc = put_cards(x, &keys->own);

	for (size_t i = 0; rc == 0 && i < keys->chains_len; i++)
		rc = put_cards(x, &keys->chains[i]);
	return rc ? rc : store_origin_each(x->cli->reader, put_origin, x);
}

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len > end_len && name[0] != '.' && strcmp(name + len - end_len, end) == 0;
}

static int name_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of a directory with this end, sorted: a bundle of the same state is the same bytes. */
static int names_read(struct export *x, const char *dir, const char *end, char ***names,
	size_t *len)
{
	struct arena *a = &x->cli->arena;
	DIR *d = opendir(dir);
	struct dirent *e;

	*len = 0;
	if (!d)
		return errno == ENOENT ? 0 : ENT_EIO;
	*names = arena_alloc(a, FILES_MAX * sizeof(**names));
	while (*names && *len < FILES_MAX && (e = readdir(d)))
		if (ends_with(e->d_name, end))
			(*names)[(*len)++] = arena_strdup(a, e->d_name);
	closedir(d);
	if (!*names)
		return ENT_ENOMEM;
	qsort(*names, *len, sizeof(**names), name_cmp);
	return 0;
}

/* The versions of keys/history with this end. */
static int put_history(struct export *x, const char *end, enum bundle_frame kind)
{
	const char *dir = cli_path(x->cli, "keys/history");
	char **names, path[PATH_MAX];
	size_t len;
	int rc = names_read(x, dir, end, &names, &len);

	for (size_t i = 0; rc == 0 && i < len; i++) {
		struct buf note = buf_with_max(NOTE_BYTES_MAX);

		if (file_path(path, sizeof(path), dir, names[i]) == 0 &&
			file_read_nofollow(path, &note, &x->cli->err) == 0)
			rc = frame(x, kind, buf_view(&note));
		else
			cli_note(x->cli, "%s cannot be read and is left out", path);
		buf_free(&note);
	}
	x->cli->err.text[0] = '\0';
	return rc;
}

/* What ever was in force, and what counts now: a broken file in keys/ is none of it. */
static int put_agreements(struct export *x)
{
	const struct keydir *keys = &x->cli->keydir;
	int rc = put_history(x, ".agreement", BUNDLE_AGREEMENT);

	for (size_t i = 0; rc == 0 && i < keys->agreements_len; i++)
		rc = frame(x, BUNDLE_AGREEMENT, keys->agreement_notes[i]);
	for (size_t i = 0; rc == 0 && i < keys->revocations_len; i++)
		rc = frame(x, BUNDLE_REVOCATION, keys->revocations[i].note);
	return rc;
}

static int put_rosters(struct export *x)
{
	const struct keydir *keys = &x->cli->keydir;
	int rc = put_history(x, ".roster", BUNDLE_ROSTER);

	for (size_t i = 0; rc == 0 && i < keys->rosters_len; i++)
		rc = frame(x, BUNDLE_ROSTER, keys->roster_notes[i]);
	return rc;
}

static int put_witness(void *ctx, const struct store_witness *w)
{
	struct export *x = ctx;
	struct bundle_witness b = {.flags = w->rewritten ? BUNDLE_FLAG_REWRITTEN : 0,
		.time = w->time,
		.checkpoint = w->checkpoint,
		.other = w->other};

	bundle_witness_put(&x->out, &b);
	return flush_frame(x);
}

/* --- logs ------------------------------------------------------------------------------------- */

/* The first index from low on that came at ms or later; times only go back where the clock did. */
static int index_since(struct export *x, const struct store_log *log, uint64_t low, uint64_t high,
	int64_t ms, uint64_t *index)
{
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		struct store_entry e;
		int rc = store_entry_get(x->cli->reader, log->number, middle, &e);

		if (rc != 0)
			return rc;
		if (e.received_ms < ms)
			low = middle + 1;
		else
			high = middle;
	}
	*index = low;
	return 0;
}

/* What stands behind the newest checkpoint is durable and will be signed, or is and the checkpoint
 * waits for the next commit: without it an own feed would seem cut, and what came would have come
 * by no act. What was not signed of a former log of acts stands in the next one again. */
static bool to_its_end(const struct export *x, const struct store_log *log)
{
	return node_id_eq(&log->name.node, &x->self) &&
	       (log->name.audience.kind != AUDIENCE_PROVENANCE ||
		       log_name_eq(&log->name, &x->acts_log));
}

/* Which entries go: all acts up to the end asked for, since what was open at its beginning follows
 * from those before it; of a feed what came in that time. */
static int log_scope(struct export *x, const struct store_log *log, struct bundle_log *b)
{
	uint64_t end = to_its_end(x, log) ? log->size : log->has_held ? log->held.size : log->floor;
	int rc = 0;

	if (end < log->floor)
		end = log->floor;
	b->from = log->floor;
	b->to = end;
	if (x->until_ms)
		rc = index_since(x, log, b->from, end, x->until_ms, &b->to);
	if (rc == 0 && x->since_ms && !x->acts)
		rc = index_since(x, log, b->from, b->to, x->since_ms, &b->from);
	return rc;
}

static int log_begin(struct export *x, const struct store_log *log, struct bundle_log *b)
{
	struct store_tree tree = {x->cli->reader, log->number};
	int rc;

	*b = (struct bundle_log){.name = log->name, .size = log->size, .floor = log->floor};
	if (log->frozen)
		b->flags |= BUNDLE_FLAG_FROZEN;
	if (log->has_held && log->held.size >= log->floor) {
		b->flags |= BUNDLE_FLAG_SIGNED;
		b->checkpoint = log->held;
	}
	rc = log_scope(x, log, b);
	if (rc == 0)
		rc = proof_range_build(&b->left, 0, b->from, store_tree_subtree, &tree);
	if (rc == 0)
		rc = proof_range_build(&b->right, b->to,
			b->checkpoint.size > b->to ? b->checkpoint.size : b->to, store_tree_subtree,
			&tree);
	if (rc != 0)
		return rc;
	bundle_log_put(&x->out, b);
	return flush_frame(x);
}

static int put_cosignature(void *ctx, const struct store_receipt *r)
{
	struct export *x = ctx;
	struct bundle_cosignature b = {.node = r->node,
		.flags = r->differs ? BUNDLE_FLAG_DIFFERS : 0,
		.checkpoint = r->checkpoint,
		.cosignature = r->cosignature};

	bundle_cosignature_put(&x->out, &b);
	return flush_frame(x);
}

static int put_split(struct export *x, const struct store_log *log)
{
	struct bytes proof;
	int rc = store_split_get(x->cli->reader, log->number, &proof);

	return rc == ENT_ENOTFOUND ? 0 : rc ? rc : frame(x, BUNDLE_SPLIT, proof);
}

static bool is_opened(struct export *x, const struct log_name *log, uint64_t index)
{
	for (size_t i = 0; i < x->opened_len; i++)
		if (x->opened[i].index == index && log_name_eq(&x->opened[i].log, log))
			return x->opened[i].used = true;
	return false;
}

static void put_entry(struct export *x, const struct bundle_log *b, const struct store_entry *e)
{
	buf_bytes(&x->out, e->entry.leaf);
	if (e->entry.erased) {
		buf_u8(&x->out, ENTRY_STATE_ERASED);
	} else if (x->acts || x->bodies || is_opened(x, &b->name, e->index)) {
		buf_u8(&x->out, ENTRY_STATE_PRESENT);
		buf_bytes(&x->out, e->entry.salt);
		buf_bytes(&x->out, e->entry.body);
	} else {
		buf_u8(&x->out, BUNDLE_STATE_KEPT);
	}
}

/* Entries that came together, in one frame; *at moves behind them. */
static int put_batch(struct export *x, const struct store_log *log, const struct bundle_log *b,
	uint64_t *at)
{
	struct bundle_entries head = {.first = *at};
	size_t begun = bundle_begin(&x->out, BUNDLE_ENTRIES);
	uint8_t *room = buf_extend(&x->out, BUNDLE_ENTRIES_BYTES);
	struct store_entry e;
	int rc = 0;

	if (!room)
		return ENT_ENOMEM;
	/* The bundle's bytes may move while they grow: the place is found again below. */
	while (*at < b->to && head.count < BATCH_ENTRIES && x->out.len < BATCH_BYTES) {
		rc = store_entry_get(x->cli->reader, log->number, *at, &e);
		if (rc != 0)
			return rc;
		if (head.count == 0) {
			head.via = e.via;
			head.received_ms = e.received_ms;
		} else if (!node_id_eq(&head.via, &e.via) || head.received_ms != e.received_ms) {
			break;
		}
		put_entry(x, b, &e);
		head.count++;
		(*at)++;
	}
	if (buf_failed(&x->out))
		return ENT_ELIMIT;
	bundle_entries_head(x->out.data + begun + BUNDLE_HEAD_BYTES, &head);
	bundle_end(&x->out, begun);
	*(x->acts ? &x->acts_len : &x->entries) += head.count;
	cli_progress(x->cli, "%" PRIu64 " entries", x->entries + x->acts_len);
	if (x->bytes / RELAX_BYTES != (x->bytes + x->out.len) / RELAX_BYTES)
		store_reader_relax(x->cli->reader);
	return flush_frame(x);
}

static int put_log(void *ctx, const struct store_log *log)
{
	struct export *x = ctx;
	bool acts = log->name.audience.kind == AUDIENCE_PROVENANCE;
	struct bundle_log b;
	uint64_t at;
	int rc;

	if (acts != x->acts)
		return 0;
	rc = log_begin(x, log, &b);
	if (rc == 0)
		rc = store_receipt_each(x->cli->reader, &log->name, put_cosignature, x);
	if (rc == 0)
		rc = put_split(x, log);
	for (at = b.from; rc == 0 && at < b.to;)
		rc = put_batch(x, log, &b, &at);
	x->logs++;
	return rc;
}

/* --- as a whole ------------------------------------------------------------------------------- */

static int put_all(struct export *x)
{
	struct bundle_about about = {.node = x->self,
		.made_ms = cli_now_ms(),
		.since_ms = x->since_ms,
		.until_ms = x->until_ms,
		.software = bytes_str("entente " ENTENTE_VERSION)};
	struct store_log newest;
	int rc;

	about.flags = (uint8_t)((x->bodies ? BUNDLE_FLAG_BODIES : 0) |
				(x->opened_len ? BUNDLE_FLAG_OPENED : 0));
	rc = acts_log_newest(x->cli, &newest);
	if (rc == 0)
		x->acts_log = newest.name;
	else if (rc != ENT_ENOTFOUND)
		return rc;
	bundle_digest_begin(&x->digest);
	bundle_about_put(&x->out, &about);
	rc = put(x, bytes_str(BUNDLE_MAGIC));
	if (rc == 0)
		rc = flush_frame(x);
	if (rc == 0)
		rc = put_all_cards(x);
	if (rc == 0)
		rc = put_agreements(x);
	if (rc == 0)
		rc = put_rosters(x);
	if (rc == 0)
		rc = store_witness_each(x->cli->reader, put_witness, x);
	x->acts = true;
	if (rc == 0)
		rc = store_log_each(x->cli->reader, put_log, x);
	x->acts = false;
	if (rc == 0)
		rc = store_log_each(x->cli->reader, put_log, x);
	return rc ? rc : finish(x);
}

/* The act stands before the file does. It names the file as it is: sha256sum tells the same. */
static int enter(struct export *x, const char *path)
{
	struct cli_export e = {.what = x->bodies       ? "audit bundle, with bodies"
				       : x->opened_len ? "audit bundle, records opened"
						       : "audit bundle",
		.count = x->opened_len};
	uint8_t hash[32];
	int rc = cli_file_hash(path, hash);

	e.hash = hash;
	if (rc == 0)
		cli_exported(x->cli, &e);
	return rc;
}

/* Through a temporary beside it: what stands under the name is whole. */
static int write_bundle(struct export *x)
{
	struct cli *c = x->cli;
	char temporary[PATH_MAX];
	const char *slash = strrchr(x->path, '/');
	int dir_len = slash ? (int)(slash - x->path) + 1 : 0;
	int rc;

	if ((size_t)snprintf(temporary, sizeof(temporary), "%.*s.%s.%ld", dir_len, x->path,
		    x->path + dir_len, (long)getpid()) >= sizeof(temporary))
		return cli_fail(c, CLI_STORE, "%s: the path is too long", x->path);
	x->fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (x->fd < 0)
		return cli_fail(c, CLI_STORE, "%s: cannot create: %s", x->path, strerror(errno));
	rc = put_all(x);
	cli_progress(c, NULL);
	if (rc == 0 && fsync(x->fd) != 0)
		rc = errno == ENOSPC ? ENT_EFULL : ENT_EIO;
	if (close(x->fd) != 0 && rc == 0)
		rc = ENT_EIO;
	if (rc == 0)
		rc = enter(x, temporary);
	if (rc == 0 && rename(temporary, x->path) != 0)
		rc = ENT_EIO;
	if (rc != 0)
		unlink(temporary);
	return rc ? cli_fail(c, CLI_STORE, "%s: %s", x->path,
			    c->err.text[0] ? c->err.text : err_sentence(rc))
		  : 0;
}

/* --- what is asked for ------------------------------------------------------------------------ */

static int time_option(struct cli *c, const char *option, int64_t *ms)
{
	const char *given = cli_value(c, option);

	if (given && !text_time_parse(bytes_str(given), ms))
		return cli_usage(c,
			"%s: \"%s\" is no time such as 2026-11-22 or "
			"2026-11-22T08:30:00Z",
			option, given);
	return 0;
}

static int open_one(struct export *x, struct records *r, const char *text)
{
	struct cli *c = x->cli;
	struct record_claims claims = {0};
	struct record_target target;
	int rc;

	if (record_target_parse(&target, bytes_str(text), &c->err) != 0)
		return cli_fail(c, CLI_INVALID,
			"--open: \"%s\" is neither a value nor an object "
			"id: %s",
			text, c->err.text);
	rc = records_by_target(r, &target, &claims);
	if (rc != 0)
		return cli_fail_code(c, rc, text);
	if (claims.len == 0)
		return cli_fail(c, CLI_NOT, "--open: nothing is known of \"%s\" here", text);
	for (size_t i = 0; i < claims.len; i++) {
		if (x->opened_len == OPENED_MAX)
			return cli_fail(c, CLI_INVALID, "--open: more than %u records", OPENED_MAX);
		x->opened[x->opened_len++] = (struct opened){
			.log = claims.list[i].log, .index = claims.list[i].entry.index};
	}
	return 0;
}

static int open_all(struct export *x)
{
	struct cli *c = x->cli;
	struct records records;
	const char *text;
	int rc;

	if (!cli_value(c, "--open"))
		return cli_need_store(c);
	rc = records_open(&records, c);
	x->opened = arena_alloc(&c->arena, OPENED_MAX * sizeof(*x->opened));
	if (rc == 0 && !x->opened)
		return cli_fail_code(c, ENT_ENOMEM, "--open");
	for (size_t i = 0; rc == 0 && (text = cli_value_at(c, "--open", i)); i++)
		rc = open_one(x, &records, text);
	return rc;
}

static int print_done(const struct export *x)
{
	struct cli *c = x->cli;

	for (size_t i = 0; i < x->opened_len; i++)
		if (!x->opened[i].used)
			cli_note(c, "a record that was to be opened lies outside the time asked "
				    "for, or is not signed yet");
	if (c->json)
		return cli_json(c,
			json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "file", x->path, "bytes",
				(json_int_t)x->bytes, "logs", (json_int_t)x->logs, "acts",
				(json_int_t)x->acts_len, "entries", (json_int_t)x->entries,
				"opened", (json_int_t)x->opened_len),
			CLI_DONE);
	printf("%s: %" PRIu64 " acts, %" PRIu64 " entries of %" PRIu64 " logs, %s, %" PRIu64
	       " bytes\n",
		x->path, x->acts_len, x->entries, x->logs,
		x->bodies       ? "with all bodies"
		: x->opened_len ? "single records opened"
				: "without bodies",
		x->bytes);
	return CLI_DONE;
}

static int run(struct cli *c)
{
	struct export x = {.cli = c,
		.path = cli_value(c, "-o"),
		.bodies = cli_has(c, "--with-bodies"),
		.out = buf_with_max(BUNDLE_FRAME_MAX)};
	int rc;

	if (!x.path || strcmp(x.path, "-") == 0)
		return cli_usage(c, "-o BUNDLE is wanted");
	if ((rc = time_option(c, "--since", &x.since_ms)) != 0 ||
		(rc = time_option(c, "--until", &x.until_ms)) != 0)
		return rc;
	if (x.until_ms && x.since_ms >= x.until_ms)
		return cli_usage(c, "--since lies behind --until");
	if ((rc = open_all(&x)) != 0)
		return rc;
	if (!cli_own(c))
		return cli_fail(c, CLI_STORE, "%s: this node has no card yet", c->home);
	x.self = cli_own(c)->node;
	rc = write_bundle(&x);
	buf_free(&x.out);
	return rc ? rc : print_done(&x);
}

static const struct cli_option options[] = {
	{"-o", "BUNDLE", false, "the file to write"},
	{"--since", "T", false, "only what came from then on; acts before it stay in"},
	{"--until", "T", false, "only what came, and was done, before then"},
	{"--open", "VALUE|OBJECT-ID", true, "hand over salt and body of this record"},
	{"--with-bodies", NULL, false, "hand over every body: the auditor then needs clearance"},
	CLI_OPERATOR,
	{NULL, NULL, false, NULL},
};

const struct cli_command cmd_audit_export = {
	.name = "audit export",
	.usage = "[--since T] [--until T] [--open VALUE|OBJECT-ID]... [--with-bodies] "
		 "[--operator NAME] -o BUNDLE",
	.summary = "what an auditor needs of this node, in one file for entente-audit",
	.example = "entente audit export -o fr.audit\n"
		   "entente audit export --since 2026-01-01 --open evil.example -o fr.audit\n",
	.options = options,
	.args_min = 0,
	.args_max = 0,
	.run = run,
};
