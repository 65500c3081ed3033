/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * entente publish: from files to own feeds. All input is read before anything goes out: a file that
 * is broken at its end must have published nothing. Of a long list it is enough to look whether it
 * can be read; its claims then go out while it is read, so that command and daemon work at the same
 * time. The daemon, or with --dry-run this command, judges each claim by itself.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/publish.h"
#include "formats/reader.h"
#include "keys/file.h"
#include "merkle/hash.h"

#define PROGRESS_EACH 8192u
#define DAY_MS        (86400ll * 1000)
#define DAYS_MAX      36500u
/* A shorter list is read before it can be worth while. */
#define STREAM_BYTES (1024 * 1024)

/* A list that is read while it is sent: what it was when it was looked at. */
struct stream {
	struct reading *reading;
	struct stat file;
	unsigned lines;
};

struct reading {
	struct publish publish;
	struct cli *cli;
	struct publish_input *input; /* at hand */

	/* what the options say of claims that do not say it themselves */
	enum tlp tlp;
	enum pap pap;
	uint64_t agreement;
	enum format format;
	uint64_t confidence, valid_days;
	bool has_confidence;
	const char *labels[RECORD_LABELS_MAX];
	size_t labels_len;
	struct bytes recipients[RECORD_RECIPIENTS_MAX];
	size_t recipients_len;
	int64_t now_ms; /* one for the whole run: repeats stay repeats */

	int fd;
	struct hash_running hash;
	struct buf body;
	struct buf bare; /* the last body whose claim said nothing but its value */
	uint64_t claims_len;
	bool may_stream;
	unsigned lines; /* of the list that is being sent; 0: it is not */
};

/* --- options ---------------------------------------------------------------------------------- */

static int marking_read(struct reading *r)
{
	struct cli *c = r->cli;
	const char *tlp = cli_value(c, "--tlp"), *pap = cli_value(c, "--pap");

	if (tlp && !tlp_parse(bytes_str(tlp), &r->tlp))
		return cli_usage(c,
			"--tlp: saw \"%s\", wanted clear, green, amber, amber+strict or red", tlp);
	if (pap && !pap_parse(bytes_str(pap), &r->pap))
		return cli_usage(c, "--pap: saw \"%s\", wanted clear, green, amber or red", pap);
	return 0;
}

static int audience_read(struct reading *r)
{
	struct cli *c = r->cli;
	const char *id = cli_value(c, "--agreement"), *to = cli_value(c, "--to");
	const struct agreement *a;
	int rc;

	if (id && to)
		return cli_usage(c, "--agreement and --to exclude each other");
	if (!id && !to)
		return 0;
	rc = id ? cli_find_agreement(c, id, &a) : cli_find_agreement_with(c, to, &a);
	if (rc == 0)
		r->agreement = a->id;
	return rc;
}

static int format_read(struct reading *r)
{
	struct cli *c = r->cli;
	const char *name = cli_value(c, "--format");

	r->format = FORMAT_AUTO;
	if (!name || format_parse(bytes_str(name), &r->format))
		return 0;
	if (strcmp(name, "misp") == 0)
		return cli_usage(c, "--format: this version does not read MISP events");
	return cli_usage(c, "--format: saw \"%s\", wanted auto, list, csv or stix", name);
}

static bool words_fit(const char *text, size_t max)
{
	size_t len = strlen(text);

	return len > 0 && len <= max && text_utf8_valid(bytes_str(text));
}

static int lists_read(struct reading *r)
{
	struct cli *c = r->cli;
	const char *text;

	while ((text = cli_value_at(c, "--label", r->labels_len))) {
		if (r->labels_len + 1 == RECORD_LABELS_MAX || !words_fit(text, RECORD_LABEL_MAX))
			return cli_usage(c,
				"--label: up to %u of at most %u bytes of UTF-8 are wanted",
				RECORD_LABELS_MAX - 1, RECORD_LABEL_MAX);
		r->labels[r->labels_len++] = text;
	}
	while ((text = cli_value_at(c, "--recipient", r->recipients_len))) {
		if (r->recipients_len + 1 == RECORD_RECIPIENTS_MAX ||
			!words_fit(text, RECORD_RECIPIENT_MAX))
			return cli_usage(c,
				"--recipient: up to %u of at most %u bytes of UTF-8 are "
				"wanted",
				RECORD_RECIPIENTS_MAX - 1, RECORD_RECIPIENT_MAX);
		r->recipients[r->recipients_len++] = bytes_str(text);
	}
	return 0;
}

static int options_read(struct reading *r)
{
	struct cli *c = r->cli;
	int rc;

	if ((rc = marking_read(r)) != 0 || (rc = format_read(r)) != 0 || (rc = lists_read(r)) != 0)
		return rc;
	r->has_confidence = cli_has(c, "--confidence");
	if ((rc = cli_number(c, "--confidence", 0, 100, &r->confidence)) != 0 ||
		(rc = cli_number(c, "--valid-days", 1, DAYS_MAX, &r->valid_days)) != 0)
		return rc;
	return audience_read(r);
}

/* --- claims ----------------------------------------------------------------------------------- */

static bool label_known(const struct bytes *labels, size_t len, struct bytes label)
{
	for (size_t i = 0; i < len; i++)
		if (bytes_eq(labels[i], label))
			return true;
	return false;
}

/* What the options add to an indicator; what it says itself stays. NULL, or why it cannot. labels
 * is room for the result. */
static const char *indicator_complete(const struct reading *r, struct record_indicator *i,
	struct bytes labels[RECORD_LABELS_MAX])
{
	size_t len = i->labels_len;

	if (!i->has_confidence && r->has_confidence) {
		i->has_confidence = true;
		i->confidence = (uint32_t)r->confidence;
	}
	if (r->valid_days > 0 && i->valid_until == 0) {
		uint64_t now = (uint64_t)r->now_ms;

		if (i->valid_from == 0)
			i->valid_from = now;
		i->valid_until = (i->valid_from > now ? i->valid_from : now) +
				 r->valid_days * (uint64_t)DAY_MS;
	}
	if (i->recipients_len == 0) {
		i->recipients = r->recipients;
		i->recipients_len = r->recipients_len;
	}
	if (r->labels_len == 0)
		return NULL;
	for (size_t at = 0; at < len; at++)
		labels[at] = i->labels[at];
	for (size_t at = 0; at < r->labels_len; at++) {
		struct bytes label = bytes_str(r->labels[at]);

		if (label_known(labels, len, label))
			continue;
		if (len == RECORD_LABELS_MAX)
			return "more labels than a record takes";
		labels[len++] = label;
	}
	i->labels = labels;
	i->labels_len = len;
	return NULL;
}

/* Nothing but a value, as in a list. What lies between members may differ too: no harm done. */
static bool is_bare(const struct record_indicator *i)
{
	static const struct record_indicator none;
	const size_t at = offsetof(struct record_indicator, value), end = at + sizeof(i->value);

	return memcmp(i, &none, at) == 0 &&
	       memcmp((const uint8_t *)i + end, (const uint8_t *)&none + end, sizeof(none) - end) ==
		       0;
}

/* What the options add is the same for every value of a list: its body is made once, and then only
 * the value is looked at. */
static const char *indicator_make(struct reading *r, const struct record_indicator *said, int *rc)
{
	const bool bare = is_bare(said);
	struct bytes labels[RECORD_LABELS_MAX];
	struct record_indicator indicator;
	const char *reason;

	if (bare && r->bare.len > 0) {
		*rc = record_indicator_with_value(&r->body, buf_view(&r->bare), said->value);
		return NULL;
	}
	indicator = *said;
	reason = indicator_complete(r, &indicator, labels);
	if (reason)
		return reason;
	*rc = record_indicator_encode(&r->body, &indicator);
	if (*rc == 0 && bare)
		buf_bytes(&r->bare, buf_view(&r->body));
	return NULL;
}

static int object_make(struct reading *r, const struct record_object *said)
{
	struct record_object object = *said;

	if (object.recipients_len == 0) {
		object.recipients = r->recipients;
		object.recipients_len = r->recipients_len;
	}
	return record_object_encode(&r->body, &object);
}

/* The body of a claim into r->body. NULL, or why there is none. */
static const char *body_make(struct reading *r, const struct claim *claim)
{
	struct record_retraction retraction = {.reason = bytes_str("revoked")};
	const char *reason = NULL;
	int rc = 0;

	buf_reset(&r->body);
	switch (claim->kind) {
	case KIND_INDICATOR:
		reason = indicator_make(r, &claim->indicator, &rc);
		break;
	case KIND_OBJECT:
		rc = object_make(r, &claim->object);
		break;
	case KIND_RETRACTION:
		rc = record_retraction_encode(&r->body, &retraction);
		break;
	default:
		return "a kind that cannot be published from a file";
	}
	if (reason)
		return reason;
	if (rc == 0 && buf_failed(&r->body))
		rc = ENT_ELIMIT;
	return rc == 0 ? NULL : rc == ENT_ELIMIT ? "larger than a record may be" : err_sentence(rc);
}

static int on_refused(void *ctx, unsigned line, struct bytes seen, const char *rule,
	const char *reason)
{
	struct reading *r = ctx;

	publish_refuse_unsent(&r->publish, r->input, line, seen, rule, reason);
	return 0;
}

static int on_claim(void *ctx, const struct claim *claim)
{
	struct reading *r = ctx;
	const char *reason = body_make(r, claim);
	struct intake_claim c = {.line = claim->line,
		.kind = (uint8_t)claim->kind,
		.tlp = (uint8_t)(claim->tlp != TLP_NONE ? claim->tlp : r->tlp),
		.pap = (uint8_t)(claim->pap != PAP_NONE ? claim->pap : r->pap),
		.type = (uint8_t)claim->type,
		.flags = r->publish.urgent ? ENTRY_FLAG_URGENT : 0,
		.agreement = r->agreement,
		.value = claim->value,
		.body = buf_view(&r->body)};

	if (reason)
		return on_refused(r, claim->line, claim->seen, "unreadable", reason);
	if (++r->claims_len % PROGRESS_EACH != 0)
		return spool_add(&r->publish.spool, &c);
	if (r->lines > 0)
		cli_progress(r->cli, "%s: line %u of %u", r->input->name, claim->line, r->lines);
	else
		cli_progress(r->cli, "%s: %llu read", r->input->name,
			(unsigned long long)r->claims_len);
	return spool_add(&r->publish.spool, &c);
}

/* --- inputs ----------------------------------------------------------------------------------- */

static ssize_t next_piece(void *ctx, void *out, size_t cap)
{
	struct reading *r = ctx;
	ssize_t got;

	do {
		got = read(r->fd, out, cap);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_set(&r->cli->err, ENT_EIO, "%s: cannot be read: %s", r->input->name,
			strerror(errno));
	hash_update(&r->hash, bytes_from(out, (size_t)got));
	return got;
}

/* Provenance records the file by a salted hash: who holds the file can prove that it was this one,
 * and nobody can tell from the log which file it might have been. */
static void salted_begin(struct reading *r)
{
	hash_begin(&r->hash);
	hash_update(&r->hash, BYTES_OF(r->input->salt));
}

static void salted_end(struct reading *r)
{
	struct hash hash;

	hash_end(&r->hash, &hash);
	memcpy(r->input->hash, hash.bytes, sizeof(hash.bytes));
	r->input->has_hash = true;
}

static int input_open(struct reading *r, struct stat *st)
{
	int rc;

	r->fd = STDIN_FILENO;
	if (strcmp(r->input->name, "-") == 0)
		return 0;
	rc = file_open(r->input->name, 0, &r->fd, st, &r->cli->err);
	/* Not "not found": there is no answer to a question here, only a file that is missing. */
	return rc == ENT_ENOTFOUND ? ENT_EIO : rc;
}

static void input_close(struct reading *r)
{
	if (r->fd != STDIN_FILENO)
		close(r->fd);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* For stream_input: reads a list that was found readable. */
static int stream_read(void *ctx, struct publish_input *input)
{
	struct stream *s = ctx;
	struct reading *r = s->reading;
	struct reader_source source = {next_piece, r};
	struct reader_sink sink = {on_claim, on_refused, r};
	uint8_t looked_at[HASH_BYTES];
	struct stat now = {0};
	int rc;

	r->input = input;
	r->lines = s->lines;
	memcpy(looked_at, input->hash, sizeof(looked_at));
	rc = input_open(r, &now);
	if (rc != 0)
		return rc;
	salted_begin(r);
	if (same_file(&now, &s->file))
		rc = reader_run(FORMAT_LIST, &source, input->name, &sink, &r->cli->err);
	else
		rc = ENT_EINVALID;
	input_close(r);
	salted_end(r);
	if (rc == ENT_EINVALID || (rc == 0 && memcmp(looked_at, input->hash, HASH_BYTES) != 0))
		rc = err_set(&r->cli->err, ENT_EIO, "%s: it has changed while it was read",
			input->name);
	r->lines = 0;
	return rc;
}

/* Whether the input is a long list; then it is found readable, and streamed. 1, 0 or an error. */
static int stream_prepare(struct reading *r, const struct stat *file)
{
	struct reader_source source = {next_piece, r};
	struct reader_outlook outlook;
	struct stream *s;
	int rc;

	if (!r->may_stream || r->fd == STDIN_FILENO || !S_ISREG(file->st_mode) ||
		file->st_size < STREAM_BYTES)
		return 0;
	salted_begin(r);
	rc = reader_look(r->format, &source, r->input->name, &outlook, &r->cli->err);
	if (rc != 0)
		return rc;
	if (outlook.format != FORMAT_LIST)
		return lseek(r->fd, 0, SEEK_SET) == 0 ? 0 : ENT_EIO;
	salted_end(r);
	s = arena_alloc(&r->cli->arena, sizeof(*s));
	if (!s)
		return ENT_ENOMEM;
	*s = (struct stream){.reading = r, .file = *file, .lines = outlook.lines};
	r->input->read = stream_read;
	r->input->ctx = s;
	return 1;
}

static int input_spool(struct reading *r)
{
	struct reader_source source = {next_piece, r};
	struct reader_sink sink = {on_claim, on_refused, r};
	int rc = spool_mark(&r->publish.spool, &r->input->claims.from);

	salted_begin(r);
	if (rc == 0)
		rc = reader_run(r->format, &source, r->input->name, &sink, &r->cli->err);
	if (rc == 0)
		rc = spool_mark(&r->publish.spool, &r->input->claims.to);
	salted_end(r);
	return rc;
}

static int input_read(struct reading *r)
{
	struct env_rng rng = cli_rng();
	struct stat file = {0};
	int rc = input_open(r, &file);

	if (rc != 0)
		return rc;
	env_random(&rng, r->input->salt, sizeof(r->input->salt));
	rc = stream_prepare(r, &file);
	if (rc == 0)
		rc = input_spool(r);
	input_close(r);
	return rc < 0 ? rc : 0;
}

static int inputs_read(struct reading *r)
{
	struct cli *c = r->cli;
	struct publish *p = &r->publish;

	p->inputs = arena_alloc(&c->arena, c->args_len * sizeof(*p->inputs));
	if (!p->inputs)
		return cli_fail_code(c, ENT_ENOMEM, "publish");
	for (size_t i = 0; i < c->args_len; i++) {
		int rc;

		r->input = &p->inputs[i];
		r->input->name = c->args[i];
		rc = input_read(r);
		if (rc != 0)
			return cli_fail_code(c, rc, r->input->name);
		p->inputs_len++;
	}
	cli_progress(c, NULL);
	return 0;
}

/* --- the command ------------------------------------------------------------------------------ */

/* With --strict one refusal keeps everything back, so it is looked for before anything goes out.
 * The daemon judges again: a judgement made here binds nobody. */
static int strict_check(struct publish *p)
{
	int rc = publish_judge(p);

	if (p->refused > 0)
		p->unchanged += p->published; /* nothing of it is changed */
	else
		p->unchanged = 0;
	p->published = 0;
	json_object_clear(p->feeds);
	return rc;
}

static int publish_run(struct reading *r)
{
	struct publish *p = &r->publish;
	bool dry_run = cli_has(r->cli, "--dry-run");
	int rc;

	r->may_stream = !dry_run && !p->strict;
	rc = inputs_read(r);
	if (rc == 0 && p->strict)
		rc = strict_check(p);
	if (rc == 0 && p->strict && p->refused > 0)
		rc = dry_run ? 0 : publish_tell_refused(p);
	else if (rc == 0)
		rc = dry_run ? publish_judge(p) : publish_send(p);
	return rc != 0 ? rc : publish_print(p, dry_run);
}

static int run(struct cli *c)
{
	struct reading r = {.cli = c,
		.now_ms = cli_now_ms(),
		.body = buf_with_max(ENTRY_BODY_MAX),
		.bare = buf_with_max(ENTRY_BODY_MAX)};
	int rc = publish_init(&r.publish, c);

	if (rc == 0)
		rc = options_read(&r);
	if (rc == 0)
		rc = publish_run(&r);
	publish_free(&r.publish);
	buf_free(&r.body);
	buf_free(&r.bare);
	return rc;
}

static const struct cli_option options[] = {
	{"--tlp", "TLP", false, "marks what carries no marking itself"},
	{"--pap", "PAP", false, "the same for PAP"},
	{"--agreement", "ID", false, "into the feed of this agreement, whatever the marking"},
	{"--to", "NAME", false, "into the feed of the two-party agreement with this node"},
	{"--format", "FORMAT", false, "auto (default), list, csv or stix"},
	{"--label", "LABEL", true, "adds a label to every indicator"},
	{"--confidence", "N", false, "0 to 100, where the input says none"},
	{"--valid-days", "N", false, "valid until N days from now, where the input does not say"},
	{"--recipient", "WHO", true, "the people a RED record is for, where the input names none"},
	{"--urgent", NULL, false, "sent before everything else"},
	{"--dry-run", NULL, false, "says what would happen; needs no daemon"},
	{"--strict", NULL, false, "publishes nothing when anything is refused"},
	PUBLISH_RECEIPTS_OPTIONS,
	{"--operator", "NAME", false, "who publishes, for provenance; default: the login name"},
	{"--allow", "RULE", true, "lifts one guard rail for this call"},
	{0},
};

const struct cli_command cmd_publish = {
	.name = "publish",
	.usage = "[--tlp TLP] [--to NAME | --agreement ID] [options] FILE...",
	.summary = "publishes the indicators and objects of files into own feeds",
	.example = "entente publish --tlp green --label phishing domains.txt\n"
		   "entente publish --tlp green --receipts 2 domains.txt\n"
		   "entente publish --to de --tlp amber --dry-run report.json\n",
	.options = options,
	.args_min = 1,
	.args_max = -1,
	.run = run,
};
