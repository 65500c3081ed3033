/* SPDX-License-Identifier: EUPL-1.2 */
/* What commands ask on the control socket. */
#include "app/impl.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"

/* Of refusals in an answer, which is to stay below CONTROL_MESSAGE_MAX; all are counted. */
#define ANSWER_BYTES        (CONTROL_MESSAGE_MAX - 512u * 1024u)
#define BATCHES_WAITING_MAX (CONTROL_BATCHES_AHEAD + 1)

/* A command that waits for a state of things. */
struct waiter {
	struct waiter *next;
	struct control_client *client;
	bool has_feed;
	struct log_name feed;
	uint64_t size, peers, receipts, until_ms;
	bool durable; /* and need not be found yet */
	bool bare;    /* only for receipts of what was published a moment ago; told how many came */
};

/* A publication under way. The client may go; the publication then ends with what it had. */
struct request {
	struct app *app;
	struct control_client *client;
	struct publication *pub;
	bool takes_back;                         /* it is a retraction, an erasure */
	bool ended;                              /* the command has sent all */
	bool handed_over;                        /* and the pipeline has it */
	struct buf waiting[BATCHES_WAITING_MAX]; /* before the first seal is allowed */
	size_t waiting_len;
	struct request *next;
};

static struct request *requests; /* of the one loop of this process */

/* --- publish ---------------------------------------------------------------------------------- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static int lifted_read(struct publication *pub, const json_t *allow)
{
	size_t len = json_array_size(allow);

	if (len == 0)
		return 0;
	if (len > PUBLICATION_RULES_MAX)
		return ENT_ELIMIT;
	pub->lifted = calloc(len + 1, sizeof(*pub->lifted));
	if (!pub->lifted)
		return ENT_ENOMEM;
	for (size_t i = 0; i < len; i++) {
		const char *rule = json_string_value(json_array_get(allow, i));

		if (!rule || !guard_liftable(rule))
			return ENT_EDENIED;
		pub->lifted[i] = strdup(rule);
	}
	return 0;
}

/* What the command itself refused, and could not read above all, never comes here; provenance has
 * its number all the same. */
static void unsent_read(struct publication *pub, json_t *unsent)
{
	const char *rule;
	json_t *count;

	json_object_foreach(unsent, rule, count)
	{
		char *name;

		if (pub->rules_len >= PUBLICATION_UNSENT_MAX)
			return;
		name = pub->unsent[pub->rules_len];
		if (json_integer_value(count) <= 0 || strlen(rule) > ACT_RULE_MAX)
			continue;
		memcpy(name, rule, strlen(rule) + 1);
		pub->rules[pub->rules_len++] = (struct publication_rule){
			.name = name, .count = (uint64_t)json_integer_value(count)};
	}
}

static struct publication *publication_read(const struct app *a, const json_t *q, int *rc)
{
	struct publication *pub = publication_new();
	struct bytes hash = bytes_str(text_of(q, "file_hash")),
		     salt = bytes_str(text_of(q, "file_salt"));
	struct bytes id = bytes_str(text_of(q, "publication"));
	struct bytes who =
		text_utf8_prefix(bytes_str(text_of(q, "operator")), sizeof(pub->operator_name) - 1);

	if (!pub)
		abort();
	memcpy(pub->operator_name, who.data, who.len);
	pub->urgent = json_is_true(json_object_get(q, "urgent"));
	pub->has_file = text_hex_decode(hash, pub->file_hash, sizeof(pub->file_hash)) ==
				(int)sizeof(pub->file_hash) &&
			text_hex_decode(salt, pub->file_salt, sizeof(pub->file_salt)) ==
				(int)sizeof(pub->file_salt);
	if (text_hex_decode(id, pub->id, sizeof(pub->id)) != (int)sizeof(pub->id))
		env_random(&a->rng, pub->id, sizeof(pub->id));
	unsent_read(pub, json_object_get(q, "unsent"));
	*rc = lifted_read(pub, json_object_get(q, "allow"));
	return pub;
}

static void publish_begin(struct app *a, struct control_client *c, const json_t *q)
{
	/* What takes back is never refused for want of room. */
	bool takes_back = json_is_true(json_object_get(q, "takes_back"));
	struct request *r;
	struct publication *pub;
	int rc;

	if (a->mute) {
		control_fail(c, 4, "%s", err_sentence(ENT_EMUTE));
		return;
	}
	if (place_refuses(a) && !takes_back) {
		control_fail(c, 5, "the node takes nothing for now: %s", place_refuses(a));
		return;
	}
	pub = publication_read(a, q, &rc);
	if (rc != 0) {
		publication_free(pub);
		control_fail(c, 2, "allow names a rule that is not lifted");
		return;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		abort();
	r->app = a;
	r->client = c;
	r->takes_back = takes_back;
	r->pub = pub;
	pub->user = r;
	r->next = requests;
	requests = r;
	control_client_attach(c, r);
}

/* Hands over what waited for the first seal. */
static void request_go(struct request *r)
{
	for (size_t i = 0; i < r->waiting_len; i++) {
		pipeline_publish_batch(r->app->pipeline, r->pub, buf_view(&r->waiting[i]));
		buf_free(&r->waiting[i]);
	}
	r->waiting_len = 0;
	if (r->ended && !r->handed_over) {
		r->handed_over = true;
		pipeline_publish_end(r->app->pipeline, r->pub);
	}
}

static void request_end(struct request *r)
{
	if (r->ended)
		return;
	r->ended = true;
	if (r->app->sealing)
		request_go(r);
}

/* The command is answered before its end; what it has handed over is published all the same. */
static void request_cut(struct request *r)
{
	control_client_attach(r->client, NULL);
	r->client = NULL;
	request_end(r);
}

static void on_batch(void *ctx, struct control_client *c, struct bytes claims, bool last)
{
	struct app *a = ctx;
	struct request *r = control_client_user(c);

	if (!r || r->ended) {
		control_fail(c, 2, "a batch without a publish request");
		return;
	}
	/* A long list does not take the room that is kept for what takes back. */
	place_look(a);
	if (place_refuses(a) && !r->takes_back) {
		request_cut(r);
		control_fail(c, 5,
			"not all was published: %s; the same file again later goes on where it "
			"stopped",
			place_refuses(a));
		return;
	}
	if (a->sealing && last) {
		r->ended = r->handed_over = true;
		pipeline_publish_last(a->pipeline, r->pub, claims);
		return;
	}
	if (a->sealing) {
		pipeline_publish_batch(a->pipeline, r->pub, claims);
		return;
	}
	if (r->waiting_len == BATCHES_WAITING_MAX) {
		request_cut(r);
		control_fail(c, 2, "more batches than may be unanswered");
		return;
	}
	r->waiting[r->waiting_len] = buf_with_max(CONTROL_MESSAGE_MAX);
	buf_bytes(&r->waiting[r->waiting_len++], claims);
}

static void on_end(void *ctx, struct control_client *c)
{
	struct request *r = control_client_user(c);

	(void)ctx;
	if (r)
		request_end(r);
}

void requests_taken(struct app *a, struct publication *pub)
{
	struct request *r = pub->user;

	(void)a;
	if (r->client)
		control_taken(r->client);
}

/* As jansson writes it: quotes, backslashes and control characters are escaped. */
static size_t json_text_bytes(const char *text)
{
	size_t bytes = 2;

	for (; *text; text++)
		bytes += (unsigned char)*text < 0x20 ? 6 : *text == '"' || *text == '\\' ? 2 : 1;
	return bytes;
}

static json_t *published_answer(const struct publication *pub)
{
	json_t *refused = json_array(), *feeds = json_array(), *standing = json_array();
	char id[HEX_TEXT_SIZE(PUBLICATION_ID_BYTES)];
	size_t bytes = 0, listed = 0;

	for (; listed < pub->refusals_len && bytes < ANSWER_BYTES; listed++) {
		const struct publication_refusal *f = &pub->refusals[listed];

		bytes += 64 + strlen(f->rule) + (f->value ? json_text_bytes(f->value) : 0);
	}
	for (size_t i = 0; i < listed; i++) {
		const struct publication_refusal *f = &pub->refusals[i];
		json_t *value = json_string(f->value ? f->value : "");

		json_array_append_new(refused,
			json_pack("{s:i,s:o,s:s}", "line", (int)f->line, "value",
				value ? value : json_string("?"), "rule", f->rule));
	}
	for (size_t i = 0; i < pub->feeds_len; i++) {
		char audience[AUDIENCE_TEXT_SIZE];

		audience_text(audience, pub->feeds[i].audience);
		json_array_append_new(feeds, json_pack("{s:s,s:I}", "audience", audience, "size",
						     (json_int_t)pub->feeds[i].size));
	}
	for (size_t i = 0; i < pub->standing_len; i++) {
		char feed[LOG_NAME_TEXT_SIZE];

		log_name_text(feed, &pub->standing[i]);
		json_array_append_new(standing, json_string(feed));
	}
	text_hex_encode(id, BYTES_OF(pub->id));
	return json_pack("{s:b,s:I,s:I,s:o,s:I,s:s,s:o,s:o}", "ok", 1, "published",
		(json_int_t)pub->published, "unchanged", (json_int_t)pub->unchanged, "refused",
		refused, "refused_count", (json_int_t)pub->refused, "publication", id, "feeds",
		feeds, "standing", standing);
}

static void request_free(struct request *r)
{
	publication_free(r->pub);
	for (size_t i = 0; i < r->waiting_len; i++)
		buf_free(&r->waiting[i]);
	free(r);
}

static int failure_status(int code)
{
	if (code == ENT_EMUTE)
		return 4;
	return code == ENT_EINVALID ? 6 : 5;
}

void requests_published(struct app *a, struct publication *pub)
{
	struct request *r = pub->user, **at = &requests;
	int code = pub->code;

	(void)a;
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	if (r->client) {
		control_client_attach(r->client, NULL);
		if (code == 0)
			control_answer(r->client, published_answer(pub));
		else
			control_fail(r->client, failure_status(code), "not all was published: %s",
				code == ENT_EBUSY
					? "the index is being rebuilt, or fails, and does not show "
					  "all that can be taken back: try again"
					: err_sentence(code));
	}
	request_free(r);
}

void requests_close(struct app *a)
{
	(void)a;
	while (requests) {
		struct request *r = requests;

		requests = r->next;
		request_free(r);
	}
}

/* --- wait ------------------------------------------------------------------------------------- */

static bool feed_named(struct app *a, const char *text, struct log_name *name)
{
	const char *slash = strrchr(text, '/');
	const struct card_chain *chain;
	const struct card *card;

	/* An origin line, or NODE/AUDIENCE for the node's newest incarnation. */
	if (log_name_parse(bytes_str(text), name))
		return true;
	if (!slash || !node_id_parse(bytes_from(text, (size_t)(slash - text)), &name->node) ||
		!audience_parse(bytes_str(slash + 1), &name->audience))
		return false;
	chain = keydir_chain(a->keys, &name->node);
	if (chain) {
		card = card_chain_last(chain);
		name->incarnation = card->logs[card->logs_len - 1].incarnation;
		return true;
	}
	return gossip_incarnation(a->gossip, &name->node, &name->incarnation);
}

static void wait_begin(struct app *a, struct control_client *c, const json_t *q)
{
	struct waiter *w = calloc(1, sizeof(*w));
	const char *feed = text_of(q, "feed");

	if (!w)
		abort();
	if (*feed && !feed_named(a, feed, &w->feed)) {
		/* Not known yet is no error: it is what the command waits for. */
		free(w);
		control_fail(c, 1, "no such feed is known here: %s", feed);
		return;
	}
	w->has_feed = *feed != '\0';
	w->client = c;
	w->size = (uint64_t)json_integer_value(json_object_get(q, "size"));
	w->peers = (uint64_t)json_integer_value(json_object_get(q, "peers"));
	w->receipts = (uint64_t)json_integer_value(json_object_get(q, "receipts"));
	w->bare = json_is_true(json_object_get(q, "bare"));
	w->durable = json_is_true(json_object_get(q, "durable"));
	w->until_ms =
		uv_now(&a->loop) + (uint64_t)json_integer_value(json_object_get(q, "timeout_ms"));
	w->next = a->waiters;
	a->waiters = w;
	requests_tick(a);
}

static uint64_t receipts_of(struct app *a, const struct waiter *w)
{
	return w->has_feed ? gossip_receipts(a->gossip, &w->feed, w->size) : 0;
}

static bool waiter_done(struct app *a, struct waited *now, const struct waiter *w)
{
	return receipts_of(a, w) >= w->receipts &&
	       (w->bare || waited_holds(now, w->has_feed ? &w->feed : NULL, w->size, w->peers,
				   !w->durable));
}

static void waiters_tick(struct app *a)
{
	struct waiter **at = &a->waiters;
	struct waited now;

	waited_open(a, &now);
	while (*at) {
		struct waiter *w = *at;
		bool done = waiter_done(a, &now, w);

		if (!done && uv_now(&a->loop) < w->until_ms) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		control_client_attach(w->client, NULL);
		if (done || w->bare)
			control_answer(w->client, json_pack("{s:b, s:I}", "ok", 1, "receipts",
							  (json_int_t)receipts_of(a, w)));
		else
			control_fail(w->client, 1, "it has not happened in time");
		free(w);
	}
	waited_close(&now);
}

void requests_tick(struct app *a)
{
	for (struct request *r = requests; r && a->sealing; r = r->next)
		if (r->waiting_len || (r->ended && !r->handed_over))
			request_go(r);
	if (a->waiters)
		waiters_tick(a);
}

/* --- reindex ---------------------------------------------------------------------------------- */

/* One at a time, whether or not its command still waits. */
static void reindex_begin(struct app *a, struct control_client *c, const json_t *q)
{
	if (a->reindex_asked) {
		control_fail(c, 4, "the index is being rebuilt already");
		return;
	}
	a->reindexing = c;
	a->reindex_asked = true;
	app_operator(a->reindex_by, q);
	pipeline_reindex(a->pipeline, &a->reindexing);
}

void requests_reindexed(struct app *a, const void *user, int code)
{
	struct control_client *c = a->reindexing;

	if (user != &a->reindexing) {
		app_tended(a, ACT_REINDEXED, "recovery", "", code);
		return;
	}
	app_tended(a, ACT_REINDEXED, "asked", a->reindex_by, code);
	a->reindex_asked = false;
	a->reindexing = NULL;
	if (!c)
		return;
	if (code == 0)
		control_answer(c, json_pack("{s:b}", "ok", 1));
	else
		control_fail(c, 5, "%s", err_sentence(code));
}

/* --- all of them ------------------------------------------------------------------------------ */

static void on_request(void *ctx, struct control_client *c, const json_t *q)
{
	struct app *a = ctx;
	const char *command = text_of(q, "command");

	if (a->stopping) {
		control_fail(c, 4, "the node is stopping");
	} else if (strcmp(command, "status") == 0) {
		control_answer(c, json_pack("{s:b,s:o}", "ok", 1, "status", status_document(a)));
	} else if (strcmp(command, "publish") == 0) {
		publish_begin(a, c, q);
	} else if (strcmp(command, "wait") == 0) {
		wait_begin(a, c, q);
	} else if (strcmp(command, "recover") == 0) {
		recover_request(a, c, q);
	} else if (strcmp(command, "reload") == 0) {
		app_operator(a->by, q);
		keys_reload(a);
		a->by[0] = '\0';
		control_answer(c, json_pack("{s:b}", "ok", 1));
	} else if (strcmp(command, "clock-confirm") == 0) {
		char who[ACT_OPERATOR_MAX + 1];

		app_operator(who, q);
		control_answer(c, json_pack("{s:b, s:I}", "ok", 1, "waited",
					  (json_int_t)app_clock_confirmed(a, who)));
	} else if (strcmp(command, "compact") == 0) {
		compact_request(a, c, q);
	} else if (strcmp(command, "reindex") == 0) {
		reindex_begin(a, c, q);
	} else if (stop_request(a, c, command, q) || entering_request(a, c, command, q)) {
		return;
	} else if (strcmp(command, "stop") == 0) {
		control_answer(c, json_pack("{s:b}", "ok", 1));
		app_stop(a, 0);
	} else {
		struct bytes shown = text_utf8_prefix(bytes_str(command), 40);

		control_fail(c, 2, "unknown request \"%.*s\"", (int)shown.len,
			(const char *)shown.data);
	}
}

static void on_gone(void *ctx, struct control_client *c)
{
	struct app *a = ctx;
	struct request *r = control_client_user(c);

	stop_gone(a, c);
	entering_gone(a, c);
	compact_gone(a, c);
	if (a->reindexing == c)
		a->reindexing = NULL;
	for (struct waiter **at = &a->waiters; *at; at = &(*at)->next) {
		struct waiter *w = *at;

		if (w->client == c) {
			*at = w->next;
			free(w);
			return;
		}
	}
	if (r) {
		/* What was handed over is published; the rest of the file is not. */
		r->client = NULL;
		request_end(r);
	}
}

const struct control_ops requests_ops = {
	.request = on_request,
	.batch = on_batch,
	.end = on_end,
	.gone = on_gone,
};
