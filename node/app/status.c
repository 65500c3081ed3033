/* SPDX-License-Identifier: EUPL-1.2 */
/* What `status` tells while the daemon runs (CLI.md, "entente: the node"). */
#include "app/impl.h"

#include "base/text.h"
#include "control/document.h"

static json_t *time_json(int64_t ms)
{
	char text[TEXT_TIME_SIZE];

	text_time_ms(text, ms);
	return json_string(text);
}

const char *status_name(struct app *a, const struct node_id *node)
{
	const struct card_chain *chain = keydir_chain(a->keys, node);

	return chain ? card_chain_last(chain)->name : gossip_name(a->gossip, node);
}

static json_t *peer_json(struct app *a, const struct card *card)
{
	static const char *const states[] = {
		[NET_DOWN] = "down",
		[NET_CONNECTING] = "connecting",
		[NET_CONNECTED] = "connected",
		[NET_REFUSED] = "refused",
	};
	struct net_peer_info info = {.state = NET_DOWN};
	struct gossip_peer_view view;
	char id[NODE_ID_TEXT_SIZE], agreement[AUDIENCE_TEXT_SIZE];
	json_t *agreements = json_array();

	net_peer_info(a->net, &card->node, &info);
	gossip_peer_view(a->gossip, &card->node, &view);
	for (size_t i = 0; i < view.agreements_len; i++) {
		audience_text(agreement, audience_agreement(view.agreements[i]->id));
		json_array_append_new(agreements, json_string(agreement));
	}
	node_id_text(id, &card->node);
	return json_pack("{s:s,s:s,s:s,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:b,s:s}", "node", id,
		"name", card->name, "state", states[info.state], "since",
		info.since_ms ? time_json((int64_t)info.since_ms) : json_null(), "agreements",
		agreements, "lag_entries", (json_int_t)view.lag_entries, "received_entries",
		(json_int_t)view.received_entries, "sent_entries", (json_int_t)view.sent_entries,
		"received_bytes", (json_int_t)info.bytes_in, "sent_bytes",
		(json_int_t)info.bytes_out, "data_bytes", (json_int_t)view.data_bytes,
		"redundant_bytes", (json_int_t)view.redundant_bytes, "over_quota", view.over_quota,
		"last_error", info.last_error);
}

static json_t *peers_json(struct app *a)
{
	json_t *peers = json_array();

	for (size_t i = 0; i < a->keys->chains_len; i++) {
		const struct card *card = card_chain_last(&a->keys->chains[i]);

		if (policy_joined(a->shared.agreements, a->shared.agreements_len, &a->self,
			    &card->node, app_now(a).wall_ms / 1000))
			json_array_append_new(peers, peer_json(a, card));
	}
	return peers;
}

struct feeds_walk {
	struct app *app;
	struct store_reader *reader;
	json_t *feeds;
	size_t left_off;
};

/* About 400 bytes each: an answer is to stay below CONTROL_MESSAGE_MAX. Whoever wants all of them
 * reads the store. */
#define STATUS_FEEDS_MAX 4096u

static int feed_json(void *ctx, const struct store_log *log)
{
	struct feeds_walk *w = ctx;

	if (log->name.audience.kind == AUDIENCE_PROVENANCE)
		return 0;
	if (json_array_size(w->feeds) == STATUS_FEEDS_MAX) {
		w->left_off++;
		return 0;
	}
	json_array_append_new(w->feeds,
		document_feed(w->reader, log, status_name(w->app, &log->name.node)));
	return 0;
}

static json_t *alarms_json(const struct app *a)
{
	json_t *alarms = json_array();

	for (size_t i = 0; i < a->alarms_len; i++) {
		const struct alarm *al = &a->alarms[i];

		json_array_append_new(alarms,
			json_pack("{s:i,s:s,s:s,s:o,s:s,s:s,s:s}", "id", (int)al->id, "rule",
				al->rule, "severity", al->severity, "since",
				time_json(al->since_ms), "subject", al->subject, "text", al->text,
				"do", al->what_to_do));
	}
	return alarms;
}

json_t *status_document(struct app *a)
{
	const struct card *own = card_chain_last(&a->keys->own);
	struct feeds_walk walk = {.app = a, .feeds = json_array()};
	struct store_counts counts = {0};
	struct net_stats net;
	struct store_reader *r;
	char id[NODE_ID_TEXT_SIZE];

	if (store_reader_open(a->store, &r) == 0) {
		walk.reader = r;
		if (store_log_each(r, feed_json, &walk) != 0 || store_counts(r, &counts) != 0)
			log_warn("app", "the store could not be read for status");
		store_reader_close(r);
	}
	net_stats(a->net, &net);
	node_id_text(id, &a->self);
	return json_pack("{s:{s:s,s:s,s:s,s:I},s:b,s:b,s:o,s:I,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:I,"
			 "s:I,s:o,s:o,s:o,s:I}",
		"node", "id", id, "name", own->name, "org", own->org, "incarnation",
		(json_int_t)a->identity.incarnation, "ready", 1, "mute", a->mute, "recovery",
		a->mute ? recover_json(a) : json_null(), "uptime_s",
		(json_int_t)((uv_now(&a->loop) - a->started_ms) / 1000), "peers", peers_json(a),
		"feeds", walk.feeds, "records", (json_int_t)counts.records, "values",
		(json_int_t)counts.values, "hidden", (json_int_t)counts.hidden, "disk_bytes",
		(json_int_t)store_disk_bytes(a->store), "received_bytes", (json_int_t)net.bytes_in,
		"sent_bytes", (json_int_t)net.bytes_out, "strangers", (json_int_t)net.strangers,
		"alarms", alarms_json(a), "paused", stop_json(a), "refuses",
		place_refuses(a) ? json_string(place_refuses(a)) : json_null(), "feeds_left_off",
		(json_int_t)walk.left_off);
}

/* Can what stands in the log below size be looked up? What has come since, in this log or another,
 * is not waited for: where something always comes it would never be over. */
static bool indexed_up_to(struct store_reader *r, const struct store_log *log, uint64_t size)
{
	uint64_t position = store_index_position(r);
	struct store_entry e;

	if (position == store_arrival_last(r))
		return true;
	return size > 0 && store_entry_get(r, log->number, size - 1, &e) == 0 &&
	       position >= e.place.arrival;
}

void waited_open(struct app *a, struct waited *w)
{
	memset(&w->log, 0, sizeof(w->log));
	w->known = false;
	if (store_reader_open(a->store, &w->reader) != 0)
		w->reader = NULL;
	gossip_counts(a->gossip, &w->counts);
}

void waited_close(struct waited *w)
{
	if (w->reader)
		store_reader_close(w->reader);
}

bool waited_holds(struct waited *w, const struct log_name *feed, uint64_t size, uint64_t peers,
	bool indexed)
{
	if (w->counts.sessions_greeted < peers)
		return false;
	if (!feed)
		return true;
	if (!w->reader)
		return false;
	/* Many wait for the same feed. */
	if (!log_name_eq(&w->log.name, feed))
		w->known = store_log_get(w->reader, feed, &w->log) == 0;
	w->log.name = *feed;
	return w->known && w->log.size >= size &&
	       (!indexed || indexed_up_to(w->reader, &w->log, size));
}
