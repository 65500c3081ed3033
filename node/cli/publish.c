/* SPDX-License-Identifier: EUPL-1.2 */
#include "cli/publish.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "control/control.h"
#include "intake/intake.h"
#include "intel/guard.h"

#define SHOWN_MAX 10 /* refusals shown to people one by one */

/* --- what was asked for ----------------------------------------------------------------------- */

const char *publish_operator(struct cli *c)
{
	const char *given = cli_value(c, "--operator");
	const struct passwd *user;

	if (given)
		return given;
	user = getpwuid(getuid());
	return user ? arena_strdup(&c->arena, user->pw_name) : "";
}

static int lifted_read(struct publish *p)
{
	struct cli *c = p->cli;
	const char *rule;

	p->lifted = arena_alloc(&c->arena, (c->given_len + 1) * sizeof(*p->lifted));
	if (!p->lifted)
		return cli_fail_code(c, ENT_ENOMEM, c->command->name);
	while ((rule = cli_value_at(c, "--allow", p->lifted_len))) {
		if (!guard_liftable(rule))
			return cli_usage(c, "--allow: \"%s\" is no guard rail that can be lifted",
				rule);
		p->lifted[p->lifted_len++] = rule;
	}
	return 0;
}

int publish_init(struct publish *p, struct cli *c)
{
	int rc;

	*p = (struct publish){.cli = c};
	spool_init(&p->spool);
	p->rules = json_object();
	p->feeds = json_object();
	p->awaited = json_object();
	p->urgent = cli_has(c, "--urgent");
	p->strict = cli_has(c, "--strict");
	p->operator_name = publish_operator(c);
	p->receipts_timeout_s = PUBLISH_RECEIPTS_S;
	if ((rc = cli_number(c, "--receipts", 0, GOSSIP_PEERS_MAX, &p->receipts_wanted)) != 0 ||
		(rc = cli_number(c, "--receipts-timeout", 0, 86400, &p->receipts_timeout_s)) != 0)
		return rc;
	if (strlen(p->operator_name) > ACT_OPERATOR_MAX ||
		!text_utf8_valid(bytes_str(p->operator_name)))
		return cli_usage(c, "--operator: up to %u bytes of UTF-8 are wanted",
			ACT_OPERATOR_MAX);
	return lifted_read(p);
}

void publish_free(struct publish *p)
{
	spool_free(&p->spool);
	free(p->list);
	json_decref(p->rules);
	json_decref(p->feeds);
	json_decref(p->awaited);
	json_decref(p->unknown);
	for (size_t i = 0; i < p->inputs_len; i++)
		json_decref(p->inputs[i].unsent);
}

/* --- the account ------------------------------------------------------------------------------ */

static struct publish_refusal *refusal_push(struct publish *p)
{
	if (p->list_len == PUBLISH_LISTED_MAX)
		return NULL;
	if (p->list_len == p->list_cap) {
		size_t cap = p->list_cap ? 2 * p->list_cap : 64;
		struct publish_refusal *list = realloc(p->list, cap * sizeof(*list));

		if (!list)
			return NULL;
		p->list = list;
		p->list_cap = cap;
	}
	return &p->list[p->list_len++];
}

void publish_refuse(struct publish *p, const struct publish_input *input, unsigned line,
	struct bytes value, const char *rule, const char *reason)
{
	struct arena *a = &p->cli->arena;
	struct publish_refusal *r = refusal_push(p);

	p->refused++;
	json_object_set_new(p->rules, rule,
		json_integer(1 + json_integer_value(json_object_get(p->rules, rule))));
	if (r)
		*r = (struct publish_refusal){input, line, (const char *)arena_copy(a, value).data,
			arena_strdup(a, rule), reason ? arena_strdup(a, reason) : NULL};
}

void publish_refuse_unsent(struct publish *p, struct publish_input *input, unsigned line,
	struct bytes value, const char *rule, const char *reason)
{
	if (!input->unsent)
		input->unsent = json_object();
	json_object_set_new(input->unsent, rule,
		json_integer(1 + json_integer_value(json_object_get(input->unsent, rule))));
	publish_refuse(p, input, line, value, rule, reason);
}

/* In the order of the inputs: reading and judging each found their own. */
static int refusal_cmp(const void *a, const void *b)
{
	const struct publish_refusal *one = a, *other = b;

	if (one->input != other->input)
		return one->input < other->input ? -1 : 1;
	return (one->line > other->line) - (one->line < other->line);
}

static json_t *refusals_json(const struct publish *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->list_len; i++) {
		const struct publish_refusal *r = &p->list[i];
		struct buf place = buf_with_max(PATH_MAX + 32);

		buf_str(&place, r->input->name);
		if (r->line > 0)
			buf_printf(&place, ":%u", r->line);
		json_array_append_new(list,
			json_pack("{s:o, s:o, s:s, s:s*}", "input", cli_json_text(buf_view(&place)),
				"value", cli_json_text(bytes_str(r->value ? r->value : "")), "rule",
				r->rule, "reason", r->reason));
		buf_free(&place);
	}
	return list;
}

/* An input was read well or not at all, so nothing is left out of the sum. */
static uint64_t read_len(const struct publish *p)
{
	return p->published + p->unchanged + p->refused;
}

static json_t *account_json(struct publish *p, bool dry_run)
{
	json_t *feeds = json_array(), *size;
	const char *audience;

	json_object_foreach(p->feeds, audience, size) json_array_append_new(feeds,
		json_pack("{s:s, s:O}", "audience", audience, "size", size));
	return json_pack("{s:I, s:I, s:I, s:o, s:I, s:s?, s:o, s:b, s:o*, s:O*, s:o*}", "read",
		(json_int_t)read_len(p), "published", (json_int_t)p->published, "unchanged",
		(json_int_t)p->unchanged, "refused", refusals_json(p), "refused_count",
		(json_int_t)p->refused, "publication", p->id[0] ? p->id : NULL, "feeds", feeds,
		"dry_run", (int)dry_run, "receipts",
		p->receipts_wanted && !dry_run && !p->receipts_unknown
			? json_integer((json_int_t)p->receipts)
			: NULL,
		"unknown", p->unknown, "not_kept",
		p->not_kept ? json_integer((json_int_t)p->not_kept) : NULL);
}

static void print_refusals(struct publish *p)
{
	struct cli_table t;
	json_t *count;
	const char *rule;

	cli_table_init(&t, p->cli, "refused|value|rule|");
	for (size_t i = 0; i < p->list_len && i < SHOWN_MAX; i++) {
		const struct publish_refusal *r = &p->list[i];

		cli_table_cell(&t, CLI_DIM, r->line > 0 ? "%s:%u" : "%s", r->input->name, r->line);
		cli_table_cell(&t, CLI_PLAIN, "%s", r->value ? r->value : "");
		cli_table_cell(&t, CLI_BAD, "%s", r->rule);
		cli_table_cell(&t, CLI_DIM, "%s", r->reason ? r->reason : "");
	}
	cli_table_print(&t);
	if (p->refused <= SHOWN_MAX)
		return;
	printf("and %" PRIu64 " more; by rule:", p->refused - SHOWN_MAX);
	json_object_foreach(p->rules, rule, count)
		printf(" %s %" PRIi64, rule, (int64_t)json_integer_value(count));
	printf("\n");
}

static void print_account(struct publish *p, bool dry_run)
{
	const char *audience;
	json_t *size;

	printf("%s%s%" PRIu64 "%s, unchanged %" PRIu64 ", refused %s%" PRIu64 "%s, of %" PRIu64
	       " read\n",
		dry_run ? "would publish " : "published ", cli_paint(p->cli, CLI_GOOD),
		p->published, cli_paint(p->cli, CLI_PLAIN), p->unchanged,
		cli_paint(p->cli, p->refused ? CLI_BAD : CLI_PLAIN), p->refused,
		cli_paint(p->cli, CLI_PLAIN), read_len(p));
	if (p->id[0])
		printf("publication %s\n", p->id);
	json_object_foreach(p->feeds, audience, size) printf("feed %s: %" PRIi64 " entries\n",
		audience, (int64_t)json_integer_value(size));
	if (p->receipts_wanted && !dry_run && !p->receipts_unknown)
		printf("confirmed by %" PRIu64 " peer%s\n", p->receipts,
			p->receipts == 1 ? "" : "s");
	print_refusals(p);
}

/* Nodes with which there is an agreement. */
static size_t peers_len(struct cli *c)
{
	const struct keydir *k = &c->keydir;
	struct node_id seen[GOSSIP_PEERS_MAX];
	size_t len = 0;

	for (size_t i = 0; i < k->agreements_len; i++) {
		const struct agreement *a = k->agreements[i];

		if (!agreement_in_time(a, cli_now_s()))
			continue;
		for (size_t n = 0; n < a->parties_len && len < GOSSIP_PEERS_MAX; n++) {
			size_t at = 0;

			while (at < len && !node_id_eq(&seen[at], &a->parties[n].node))
				at++;
			if (at == len && !node_id_eq(&a->parties[n].node, &cli_own(c)->node))
				seen[len++] = a->parties[n].node;
		}
	}
	return len;
}

/* What was published stays published; but somebody wanted to be sure. */
static int print_unconfirmed(struct publish *p, int status)
{
	if (status != CLI_DONE || p->receipts >= p->receipts_wanted ||
		json_object_size(p->awaited) == 0)
		return status;
	if (p->receipts_unknown)
		return cli_fail(p->cli, CLI_NODE,
			"the node does not answer any more: whether %" PRIu64
			" peers have confirmed that they hold it is not known; what was published "
			"stays published",
			p->receipts_wanted);
	return cli_fail(p->cli, CLI_NODE,
		"%" PRIu64 " of %" PRIu64 " peers have confirmed within %" PRIu64
		" s that they hold it, and there are agreements with %zu; what was published stays "
		"published",
		p->receipts, p->receipts_wanted, p->receipts_timeout_s, peers_len(p->cli));
}

int publish_print(struct publish *p, bool dry_run)
{
	bool nothing_passed = p->published == 0 && p->unchanged == 0;
	int status = p->refused > 0 && (p->strict || nothing_passed) ? CLI_REFUSED : CLI_DONE;

	if (p->list_len > 0)
		qsort(p->list, p->list_len, sizeof(*p->list), refusal_cmp);
	if (p->cli->json)
		status = cli_json(p->cli, account_json(p, dry_run), status);
	else
		print_account(p, dry_run);
	return dry_run ? status : print_unconfirmed(p, status);
}

/* --- judging here ----------------------------------------------------------------------------- */

struct judgement {
	struct publish *publish;
	struct publish_input *input;
	struct intake intake;
	struct intake_seen seen;
	struct arena arena;
};

static void feed_count(struct judgement *j, struct audience audience)
{
	char text[AUDIENCE_TEXT_SIZE];
	json_t *feeds = j->publish->feeds, *size;
	struct log_name name = {j->intake.self, j->intake.incarnation, audience};
	struct store_reader *reader = j->publish->cli->reader;
	struct store_log log;

	audience_text(text, audience);
	size = json_object_get(feeds, text);
	if (!size) {
		uint64_t held = reader && store_log_get(reader, &name, &log) == 0 ? log.size : 0;

		json_object_set_new(feeds, text, json_integer((json_int_t)held));
		size = json_object_get(feeds, text);
	}
	json_integer_set(size, json_integer_value(size) + 1);
}

static int judge_claim(struct judgement *j, const struct intake_claim *c)
{
	struct publish *p = j->publish;
	struct intake_result result;
	int rc;

	arena_reset(&j->arena);
	rc = intake_judge(&j->intake, p->cli->reader, c, &j->arena, &result);
	if (rc != 0)
		return rc;
	switch (result.verdict) {
	case INTAKE_PUBLISH:
		p->published++;
		feed_count(j, result.audience);
		break;
	case INTAKE_UNCHANGED:
		p->unchanged++;
		break;
	case INTAKE_REFUSED:
		publish_refuse_unsent(p, j->input, c->line, c->value, result.rule, NULL);
		break;
	}
	return 0;
}

static int judge_batch(void *ctx, struct bytes batch)
{
	struct judgement *j = ctx;
	struct cursor in = cursor_of(batch);
	int rc = 0;

	while (rc == 0 && cursor_left(&in) > 0) {
		struct intake_claim c;

		rc = intake_claim_decode(&in, &c);
		if (rc == 0)
			rc = judge_claim(j, &c);
	}
	return rc;
}

int publish_judge(struct publish *p)
{
	struct cli *c = p->cli;
	struct judgement j = {.publish = p};
	struct env_rng rng = cli_rng();
	struct guard *guard;
	const struct card *own;
	int rc = cli_want_store(c);

	if (rc != 0)
		return rc;
	if (c->reader && (rc = cli_await_index(c)) != 0)
		return rc;
	own = cli_own(c);
	if (!own)
		return cli_fail(c, CLI_STORE, "%s: this node has no card yet", c->home);
	rc = cli_guard_rails(c, &guard);
	if (rc != 0)
		return rc;
	intake_seen_init(&j.seen, SIZE_MAX, &rng);
	j.intake = (struct intake){.self = own->node,
		.incarnation = own->logs_len > 0 ? own->logs[own->logs_len - 1].incarnation : 0,
		.guard = guard,
		.agreements = (const struct agreement *const *)c->keydir.agreements,
		.agreements_len = c->keydir.agreements_len,
		.lifted = p->lifted,
		.seen = &j.seen,
		.now_ms = cli_now_ms()};
	for (size_t i = 0; rc == 0 && i < p->inputs_len; i++) {
		j.input = &p->inputs[i];
		rc = spool_each(&p->spool, j.input->claims, judge_batch, &j);
	}
	arena_free(&j.arena);
	intake_seen_free(&j.seen);
	guard_free(guard);
	return rc != 0 ? cli_fail_code(c, rc, c->command->name) : 0;
}

/* --- through the daemon ----------------------------------------------------------------------- */

static json_t *request_make(const struct publish *p, const struct publish_input *input, bool unsent)
{
	json_t *allow = json_array(), *request;

	for (size_t i = 0; i < p->lifted_len; i++)
		json_array_append_new(allow, json_string(p->lifted[i]));
	request = json_pack("{s:s, s:s, s:o, s:o, s:b, s:s}", "command", "publish", "operator",
		p->operator_name, "file", cli_json_text(bytes_str(input->name)), "allow", allow,
		"urgent", (int)p->urgent, "publication", p->id);
	if (p->takes_back)
		json_object_set_new(request, "takes_back", json_true());
	/* What could not even be read, for provenance. */
	if (input->unsent && unsent)
		json_object_set(request, "unsent", input->unsent);
	if (input->has_hash) {
		json_object_set_new(request, "file_hash", cli_json_hex(BYTES_OF(input->hash)));
		json_object_set_new(request, "file_salt", cli_json_hex(BYTES_OF(input->salt)));
	}
	return request;
}

static uint64_t number(const json_t *answer, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(answer, key));

	return n > 0 ? (uint64_t)n : 0;
}

static const char *member(const json_t *item, const char *key)
{
	const char *text = json_string_value(json_object_get(item, key));

	return text ? text : "";
}

static void answer_take(struct publish *p, const struct publish_input *input, const json_t *answer)
{
	const json_t *refused = json_object_get(answer, "refused");
	const json_t *feeds = json_object_get(answer, "feeds");
	const json_t *standing = json_object_get(answer, "standing");
	uint64_t refused_before = p->refused;

	p->published += number(answer, "published");
	p->unchanged += number(answer, "unchanged");
	for (size_t i = 0; i < json_array_size(refused); i++) {
		const json_t *item = json_array_get(refused, i);

		publish_refuse(p, input, (unsigned)number(item, "line"),
			bytes_str(member(item, "value")), member(item, "rule"), NULL);
	}
	/* The daemon lists no more than so many, and counts all. */
	p->refused = refused_before + number(answer, "refused_count");
	for (size_t i = 0; i < json_array_size(feeds); i++) {
		const json_t *feed = json_array_get(feeds, i);

		json_object_set(p->feeds, member(feed, "audience"), json_object_get(feed, "size"));
	}
	for (size_t i = 0; i < json_array_size(standing); i++)
		json_object_set_new(p->awaited, json_string_value(json_array_get(standing, i)),
			json_true());
}

void publish_unchanged(struct publish *p, const struct log_name *feed)
{
	char text[LOG_NAME_TEXT_SIZE];

	log_name_text(text, feed);
	json_object_set_new(p->awaited, text, json_true());
	p->unchanged++;
}

/* One input on its way to the daemon. The call begins with the first claim. */
struct sending {
	struct publish *publish;
	struct publish_input *input;
	struct control_call *call; /* or NULL */
	int rc;                    /* of the call */
	int status;                /* when no daemon is there, which is said already */
};

/* unsent: what was refused here is known by now. */
static int call_begin(struct sending *s, bool unsent)
{
	struct cli *c = s->publish->cli;

	s->rc = control_call_open(&s->call, cli_path(c, "run/control.sock"),
		request_make(s->publish, s->input, unsent), &c->err);
	if (s->rc == 0)
		control_call_patience(s->call, CLI_SILENT_MS, cli_patience, c);
	else
		s->status = cli_fail(c, CLI_NODE, "%s: the node does not answer: %s", c->home,
			s->rc == ENT_ECLOSED ? "start it with entented"
			: c->err.text[0]     ? c->err.text
					     : err_sentence(s->rc));
	return s->rc;
}

static int send_batch(void *ctx, struct bytes batch)
{
	struct sending *s = ctx;

	if (!s->call && call_begin(s, !s->input->read) != 0)
		return s->rc;
	s->input->sent = true;
	s->rc = control_call_batch(s->call, batch);
	return s->rc;
}

/* What the daemon says at the end. The call's own failures: the node went away, or has said earlier
 * why it refuses. */
static int call_end(struct sending *s)
{
	struct cli *c = s->publish->cli;
	json_t *answer = NULL;
	int rc = s->rc;

	if (rc == 0)
		rc = control_call_end(s->call);
	if (rc == 0 || rc == ENT_ESTATE)
		rc = control_call_answer(s->call, &answer, 0);
	if (rc == ENT_ETIMEOUT)
		return cli_fail(c, CLI_NODE,
			"%s: the node runs and does not answer: how much of it is published is not "
			"known; say the same again when it answers, and what it took is unchanged",
			s->input->name);
	if (rc != 0)
		return cli_fail(c, rc == ENT_EIO ? CLI_STORE : CLI_NODE,
			"%s: the node did not finish: %s; what it took stays published",
			s->input->name, err_sentence(rc));
	rc = cli_call_status(c, answer);
	if (rc == 0)
		answer_take(s->publish, s->input, answer);
	json_decref(answer);
	return rc;
}

/* claims: of it; else only what was refused here is told. */
static int send_input(struct publish *p, struct publish_input *input, bool claims)
{
	struct sending s = {.publish = p, .input = input};
	int rc = 0;

	if (!claims)
		rc = call_begin(&s, true);
	else
		rc = spool_each(&p->spool, input->claims, send_batch, &s);
	if (rc != 0 && s.rc == 0)
		s.rc = rc;
	rc = s.call ? call_end(&s) : s.status;
	control_call_close(s.call);
	return rc;
}

/*
 * Claims go out while the input is read: it was found readable a moment ago. Where it is not so any
 * more somebody has written to it meanwhile.
 */
static int stream_input(struct publish *p, struct publish_input *input)
{
	struct sending s = {.publish = p, .input = input};
	uint64_t end;
	int rc;

	spool_pass(&p->spool, send_batch, &s);
	rc = input->read(input->ctx, input);
	if (rc == 0)
		rc = spool_mark(&p->spool, &end);
	spool_pass(&p->spool, NULL, NULL);
	if (rc == 0 || s.rc != 0)
		rc = s.call ? call_end(&s) : s.status;
	else if (!s.call)
		rc = cli_fail_code(p->cli, rc, input->name);
	else
		rc = cli_fail(p->cli, CLI_STORE, "%s; what the node took of it stays published",
			p->cli->err.text[0] ? p->cli->err.text : err_sentence(rc));
	control_call_close(s.call);
	return rc;
}

/* How many peers hold the feed up to there, after waiting for as many as are wanted. Where the node
 * goes away meanwhile that is unknown; the account of what was published is owed all the same. */
static int confirm_feed(struct publish *p, const char *feed, int64_t size, int64_t until_ms,
	uint64_t *receipts)
{
	struct cli *c = p->cli;
	int64_t left = until_ms - cli_now_ms();
	json_t *answer;
	int rc;

	left = left > 0 ? left : 0;
	rc = cli_call_quiet(c,
		json_pack("{s:s, s:s, s:I, s:I, s:b, s:I}", "command", "wait", "feed", feed, "size",
			(json_int_t)size, "receipts", (json_int_t)p->receipts_wanted, "bare", 1,
			"timeout_ms", (json_int_t)left),
		(uint64_t)left + 10000, &answer);
	if (rc != 0) {
		c->err.text[0] = '\0';
		p->receipts_unknown = true;
		return 0;
	}
	rc = cli_call_status(c, answer);
	*receipts = number(answer, "receipts");
	json_decref(answer);
	return rc;
}

/* How far the own feeds go: what is unchanged stands somewhere below. What was published now goes
 * as far as the daemon has said. */
static int awaited_sizes(struct publish *p)
{
	struct cli *c = p->cli;
	const struct card *own = cli_own(c);
	struct log_name name;
	char text[LOG_NAME_TEXT_SIZE];
	struct store_log log;
	const char *key;
	json_t *size;
	void *next;
	int rc = cli_reader_renew(c);

	json_object_foreach_safe(p->awaited, next, key, size)
	{
		if (rc != 0)
			return rc;
		if (c->reader && log_name_parse(bytes_str(key), &name) &&
			store_log_get(c->reader, &name, &log) == 0)
			json_object_set_new(p->awaited, key, json_integer((json_int_t)log.size));
		else /* nothing of it was ever said */
			json_object_del(p->awaited, key);
	}
	name = (struct log_name){
		.node = own->node, .incarnation = own->logs[own->logs_len - 1].incarnation};
	json_object_foreach(p->feeds, key, size)
	{
		if (!audience_parse(bytes_str(key), &name.audience))
			continue;
		log_name_text(text, &name);
		json_object_set(p->awaited, text, size);
	}
	return rc;
}

static int confirm(struct publish *p)
{
	int64_t until_ms = cli_now_ms() + (int64_t)p->receipts_timeout_s * 1000;
	uint64_t least = UINT64_MAX, receipts = 0;
	struct cli *c = p->cli;
	const char *feed;
	json_t *size;
	int rc = cli_need_keydir(c);

	if (rc != 0 || !cli_own(c) || (rc = awaited_sizes(p)) != 0)
		return rc;
	json_object_foreach(p->awaited, feed, size)
	{
		rc = confirm_feed(p, feed, json_integer_value(size), until_ms, &receipts);
		if (rc != 0 || p->receipts_unknown)
			return rc;
		least = receipts < least ? receipts : least;
	}
	p->receipts = least == UINT64_MAX ? 0 : least;
	return 0;
}

static bool any_sent(const struct publish *p)
{
	for (size_t i = 0; i < p->inputs_len; i++)
		if (p->inputs[i].sent)
			return true;
	return false;
}

static void id_make(struct publish *p)
{
	struct env_rng rng = cli_rng();
	uint8_t id[8];

	env_random(&rng, id, sizeof(id));
	text_hex_encode(p->id, BYTES_OF(id));
}

/* Says what was refused here, of inputs whose claims did not carry it. */
static int tell_inputs(struct publish *p)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < p->inputs_len; i++)
		if (p->inputs[i].unsent && (p->inputs[i].read || !p->inputs[i].sent))
			rc = send_input(p, &p->inputs[i], false);
	return rc;
}

int publish_send(struct publish *p)
{
	int rc = 0;

	id_make(p);
	for (size_t i = 0; rc == 0 && i < p->inputs_len; i++) {
		struct publish_input *input = &p->inputs[i];

		if (input->read)
			rc = stream_input(p, input);
		else if (input->claims.from != input->claims.to)
			rc = send_input(p, input, true);
	}
	if (rc == 0)
		rc = any_sent(p) ? tell_inputs(p) : publish_tell_refused(p);
	return rc == 0 && p->receipts_wanted ? confirm(p) : rc;
}

/* It is refused all the same where no daemon could enter it. */
int publish_tell_refused(struct publish *p)
{
	int rc;

	id_make(p);
	p->cli->quiet = true;
	rc = tell_inputs(p);
	p->cli->quiet = false;
	p->cli->err.text[0] = '\0';
	/* Without a claim there is nothing that could be taken back under it. */
	p->id[0] = '\0';
	if (rc != 0)
		cli_note(p->cli, "the node does not answer: the refusal is not in provenance");
	return 0;
}
