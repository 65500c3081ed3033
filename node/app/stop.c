/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The stop button (keys/pausefile.h; OPERATING.md): pausing and resuming, and values held back from
 * exports. What is asked takes effect first and is made durable then: it must work on a full disk.
 */
#include "app/impl.h"

#include <stdlib.h>

#include "base/text.h"
#include "intel/value.h"
#include "keys/file.h"

static const char *const pause_help = "entente resume, when it may go on";

static void pause_path(const struct app *a, char out[600])
{
	snprintf(out, 600, "%s/" PAUSEFILE_NAME, a->options->home);
}

static void pause_alarm(struct app *a)
{
	const struct pausefile *p = &a->pause;
	char text[160];

	app_alarm_clear(a, "paused");
	if (!pausefile_any(p))
		return;
	snprintf(text, sizeof(text), "stopped by an operator:%s%s%s%s", p->out ? " sending" : "",
		p->out && p->in ? " and" : "", p->in ? " taking" : "",
		!p->peers_len     ? ""
		: p->out || p->in ? "; both with single peers"
				  : " both with single peers");
	app_alarm(a, "paused", "info", a->options->home, text, pause_help);
}

/* Tells the engine; its sessions stop in here. */
static void pause_apply(struct app *a)
{
	const struct gossip_pause pause = {.out = a->pause.out,
		.in = a->pause.in,
		.peers = a->pause.peers,
		.peers_len = a->pause.peers_len};

	if (gossip_pause(a->gossip, app_now(a), &pause) != 0)
		abort(); /* a few hundred bytes */
	exchange_actions(a);
	pause_alarm(a);
}

static const char *change_text(const struct pausefile_change *change)
{
	if (change->has_peer)
		return "all exchange";
	if (change->out && change->in)
		return "all exchange";
	return change->out ? "sending" : "taking";
}

static void change_enter(struct app *a, const struct pausefile_change *change, const char *who)
{
	struct act_body act = {.act = change->resume ? ACT_RESUMED : ACT_PAUSED,
		.text = bytes_str(change_text(change)),
		.has_peer = change->has_peer,
		.peer = change->peer,
		.operator_name = bytes_str(who)};

	app_enter(a, &act);
}

/* What stood when the daemon stopped stands again, and is entered again. */
static void pause_enter(struct app *a)
{
	const struct pausefile *p = &a->pause;
	struct pausefile_change change = {.out = p->out, .in = p->in};

	if (p->out || p->in)
		change_enter(a, &change, "");
	for (size_t i = 0; i < p->peers_len; i++) {
		change = (struct pausefile_change){.has_peer = true, .peer = p->peers[i]};
		change_enter(a, &change, "");
	}
}

void stop_open(struct app *a)
{
	struct err_text err;
	char path[600];

	pause_path(a, path);
	if (pausefile_read(&a->pause, path, &err) != 0) {
		/* Whoever pressed the button wanted less to go, not more. */
		log_error("stop", "%s: everything is paused", err.text);
		a->pause = (struct pausefile){.out = true, .in = true};
	}
	pause_apply(a);
	pause_enter(a);
}

json_t *stop_json(const struct app *a)
{
	json_t *peers = json_array();

	for (size_t i = 0; i < a->pause.peers_len; i++) {
		char id[NODE_ID_TEXT_SIZE];

		node_id_text(id, &a->pause.peers[i]);
		json_array_append_new(peers, json_string(id));
	}
	return json_pack("{s:b, s:b, s:o}", "out", a->pause.out, "in", a->pause.in, "peers", peers);
}

static const char *text_of(const json_t *q, const char *key)
{
	const char *text = json_string_value(json_object_get(q, key));

	return text ? text : "";
}

void app_operator(char out[ACT_OPERATOR_MAX + 1], const json_t *q)
{
	struct bytes who = text_utf8_prefix(bytes_str(text_of(q, "operator")), ACT_OPERATOR_MAX);

	memcpy(out, who.data, who.len);
	out[who.len] = '\0';
}

static void pause_request(struct app *a, struct control_client *c, const json_t *q, bool resume)
{
	struct pausefile_change change = {.resume = resume,
		.out = json_is_true(json_object_get(q, "out")),
		.in = json_is_true(json_object_get(q, "in"))};
	char who[ACT_OPERATOR_MAX + 1], path[600];
	const char *peer = text_of(q, "peer");
	struct err_text err;

	change.has_peer = *peer != '\0';
	if (change.has_peer && !node_id_parse(bytes_str(peer), &change.peer)) {
		control_fail(c, 2, "peer: a node id is wanted");
		return;
	}
	if (pausefile_apply(&a->pause, &change) != 0) {
		control_fail(c, 6, "more than %u peers would be paused: pause all",
			PAUSEFILE_PEERS_MAX);
		return;
	}
	pause_apply(a);
	app_operator(who, q);
	change_enter(a, &change, who);
	pause_path(a, path);
	if (pausefile_write(&a->pause, path, &err) != 0)
		control_fail(c, 5, "it is so now, and will be forgotten by a restart: %s",
			err.text);
	else
		control_answer(c, json_pack("{s:b, s:o}", "ok", 1, "paused", stop_json(a)));
}

/* --- hold ------------------------------------------------------------------------------------- */

/* A command that waits for its value to be held; it may be gone before. */
struct hold_request {
	struct hold_request *next;
	struct control_client *client;
};

static void hold_request(struct app *a, struct control_client *c, const json_t *q, bool remove)
{
	struct ledger_hold hold = {.remove = remove};
	struct hold_request *r;
	struct err_text why;
	struct value v;

	if (value_parse(&v, bytes_str(text_of(q, "value")), TYPE_NONE, &why) != 0) {
		control_fail(c, 6, "%s", why.text);
		return;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		abort();
	r->client = c;
	r->next = a->holds;
	a->holds = r;
	hold.type = v.type;
	hold.user = r;
	app_operator(hold.operator_name, q);
	pipeline_hold(a->pipeline, &hold, bytes_from(v.text, v.len));
}

static void hold_forget(struct app *a, struct hold_request *r)
{
	struct hold_request **at = &a->holds;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	free(r);
}

void stop_held(struct app *a, void *user, int code)
{
	struct hold_request *r = user;

	if (!r->client)
		;
	else if (code == 0)
		control_answer(r->client, json_pack("{s:b}", "ok", 1));
	else if (code == ENT_ENOTFOUND)
		control_fail(r->client, 1, "it is not held back");
	else
		control_fail(r->client, 5, "nothing was changed: %s", err_sentence(code));
	hold_forget(a, r);
}

void stop_gone(struct app *a, const struct control_client *c)
{
	for (struct hold_request *r = a->holds; r; r = r->next)
		if (r->client == c)
			r->client = NULL;
}

void stop_close(struct app *a)
{
	while (a->holds)
		hold_forget(a, a->holds);
}

bool stop_request(struct app *a, struct control_client *c, const char *command, const json_t *q)
{
	if (strcmp(command, "pause") == 0)
		pause_request(a, c, q, false);
	else if (strcmp(command, "resume") == 0)
		pause_request(a, c, q, true);
	else if (strcmp(command, "hold") == 0)
		hold_request(a, c, q, false);
	else if (strcmp(command, "unhold") == 0)
		hold_request(a, c, q, true);
	else
		return false;
	return true;
}
