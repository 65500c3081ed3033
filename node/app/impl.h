/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside of the daemon:
 *
 *     app.c       start and stop
 *     alarms.c    what somebody should look at, and until when
 *     clock.c     the wall clock when it steps
 *     rotation.c  the node's own keys: opening, changing, the former ones
 *     keys.c      the keys directory: reading, watching, what comes into force and ends
 *     unkept.c    what belongs there and cannot be written yet
 *     rosters.c   which rosters count
 *     exchange.c  the engine between network and pipeline
 *     recover.c   mute and not: what the engine decides about signing, carried out and told
 *     compact.c   when erased bytes go from the files
 *     requests.c  what commands ask on the control socket
 *     status.c    what they are told
 *     stop.c      the stop button
 *     entering.c  acts of commands that do the thing themselves
 *     queries.c   what analysts have asked
 *     place.c     what this place cannot do for now
 *     memory.c    what is given back after a load
 */
#pragma once

#include <uv.h>

#include "app/app.h"
#include "app/pipeline.h"
#include "app/wake.h"
#include "base/conf.h"
#include "base/map.h"
#include "control/control.h"
#include "gossip/engine.h"
#include "keys/pausefile.h"
#include "keys/heard.h"
#include "net/net.h"
#include "policy/clock.h"
#include "provenance/act.h"

#define APP_ALARMS_MAX 128u
/* Alarms that peers can raise at will, each an entry of the provenance log: so many in a minute,
 * and as many that page somebody. */
#define PEER_ALARMS_MAX 32u
/* While the store fails acts wait in memory. With so many of them the node talks to nobody until
 * they are written. */
#define ACTS_WAITING_MAX 16384u
/* That some were passed over is shown for an hour. */
#define ALARM_FLOOD_MS 3600000u
#define APP_TICK_MS    200u
/* Keys are read again so long after the last sign of change, and at least so often. */
#define KEYS_SETTLE_MS 150u
#define KEYS_RESCAN_MS 30000u
/* Retention looks at some thousand entries so often. */
#define RETAIN_MS 2000u

struct alarm {
	uint32_t id;
	const char *rule;     /* static */
	const char *severity; /* page, today, info */
	int64_t since_ms;
	bool unsure;    /* its cause is being looked for again */
	bool of_others; /* app_alarm_of_others */
	char subject[160];
	char text[320];
	const char *what_to_do; /* static */
};

/* An alarm that stands and whose act is entered; it may be raised anew while it stands. */
struct alarm_entered {
	const char *rule; /* static */
	char subject[160];
};

/* A card that is in force, and of which an act tells. */
struct card_told {
	struct node_id node;
	uint8_t hash[32];
};

struct in_force {
	uint64_t id;
	uint32_t serial;
	uint8_t hash[32];
};

struct waiter;
struct hold_request;

struct app {
	const struct app_options *options;
	uv_loop_t loop;
	struct wake wake;
	uv_timer_t tick, settle;
	uv_signal_t terminate, interrupt, hangup;
	uv_fs_event_t watch[5]; /* of keys/ */
	int handles_open;
	bool stopping;
	int status;

	char keys_dir[512], data_dir[512], run_dir[512], keys_file[512];
	struct conf conf;
	char bound[64];
	struct env_rng rng;
	struct identity identity;
	struct identity former; /* before the last change of keys; empty unless has_former */
	bool has_former;
	bool turnover; /* new keys of our own: start again at the next tick */
	bool restart;  /* stopping, to start again */
	struct heard heard;
	struct node_id self;
	struct log_name provenance, former_provenance;
	bool begin_provenance; /* it begins with this start */
	unsigned acts_later;   /* times that it had to begin behind one of a life that is lost */

	struct keydir *keys;
	const struct agreement **counted; /* those of keys that do not wait for the operator */
	struct pipeline_keys shared;
	struct card_told *cards_told;
	size_t cards_told_len;
	char by[ACT_OPERATOR_MAX + 1]; /* who has asked for what is being done; empty: nobody */
	struct in_force *in_force;
	size_t in_force_len;
	struct in_force *rosters; /* of which an act tells */
	size_t rosters_len;
	const struct roster **rosters_list; /* the same, as the engine has them */
	const struct keydir *rosters_of;    /* where these lie */
	struct policy_bond *bonds;          /* of what is, or was, in force */
	size_t bonds_len;
	uint64_t keys_read_ms;
	struct unkept *unkept; /* files that could not be written */
	size_t unkept_len;
	uint64_t unkept_ms;

	struct store *store;
	struct guardfile guard;
	char guard_path[512], journal_path[512];
	struct pipeline *pipeline;
	struct gossip *gossip;
	struct net *net;
	struct control *control;
	struct map sessions; /* u32 id -> struct net_session */

	bool has_guard;      /* there was one at the start */
	bool history_unkept; /* not all that is in force is in keys/history yet */
	bool left_unkept;    /* whom it waits for is not in its file yet: tried again */
	uint64_t left_ms;
	struct buf known;  /* what is kept of what a restored node remembers */
	bool known_unkept; /* and it is behind: tried again */
	uint64_t known_ms;
	bool recover_begun; /* whom it goes on without has been read */
	bool mute;
	uint64_t started_ms; /* monotonic */
	struct clock_watch clock;
	bool clock_unsaved; /* what waits is not in its file yet: tried again */
	uint64_t clock_saved_ms;
	bool clock_doubted; /* until the operator has confirmed it */
	bool clock_stepped; /* what is in force is to be looked at anew */
	bool sealing;       /* the first seal may happen */
	bool compacting;
	bool compact_again; /* asked for while one was under way */
	uint64_t compact_retry_ms;
	struct control_client *compact_client; /* who asked for it, and waits */
	uint64_t retained_ms;                  /* retention was asked for last */
	bool choked;                           /* too many acts wait for the store */
	struct alarm alarms[APP_ALARMS_MAX];
	size_t alarms_len;
	uint32_t alarm_id;
	struct alarm_entered alarms_entered[APP_ALARMS_MAX];
	size_t alarms_entered_len;
	uint64_t settled_look_ms; /* whether a cause of theirs is settled */
	uint64_t peer_alarms_ms;  /* a window of a minute, */
	unsigned peer_alarms[2];  /* and how many in it; [1]: that page somebody */
	uint64_t alarm_flood_ms;  /* when there were more of them last; 0: never */
	struct waiter *waiters;
	struct pausefile pause;
	struct hold_request *holds;
	struct entering *entering; /* commands that wait for their act */
	struct {
		size_t under_way; /* acts of the file that are not durable yet */
		uint64_t size;
		bool unread; /* not all of it was understood */
	} waiting;
	struct {
		const char *why;    /* static: nothing is taken because of it; NULL */
		bool short_of_room; /* little is left of the disk */
		bool failing;       /* the last write failed, */
		uint64_t failed_ms; /* and when one did */
		uint64_t looked_ms;
		int pinned_by; /* a process whose reader is old, */
		uint64_t pinned_ms;
		int pinned_pid; /* the oldest reader, */
		uint64_t pinned_txn, stands_ms;
		bool unended; /* which could not be ended */
	} place;
	struct control_client *reindexing;
	struct {
		uint64_t looked_ms;
		uint64_t arrival; /* newest then */
		uint64_t trimmed; /* and when memory was given back last */
	} memory;
	bool reindex_asked, compact_asked; /* by whom: */
	char reindex_by[ACT_OPERATOR_MAX + 1], compact_by[ACT_OPERATOR_MAX + 1];
	struct {
		bool renamed;   /* read it at the next tick */
		bool under_way; /* its acts are not durable yet */
		bool unread;    /* and not all of it was understood */
		bool unreadable;
		uint64_t looked_ms, taken_ms;
	} queries;
};

/* --- app.c ------------------------------------------------------------------------------------ */
struct gossip_time app_now(const struct app *a);
void app_stop(struct app *a, int status);
/* A new provenance log, which cites the one in use. */
void app_provenance_anew(struct app *a);
void app_enter(struct app *a, const struct act_body *act);

/* --- alarms.c --------------------------------------------------------------------------------- */
/* An alarm that stands already (same rule and subject) is not added again. */
void app_alarm(struct app *a, const char *rule, const char *severity, const char *subject,
	const char *text, const char *what_to_do);
/* One that a peer or an origin has caused: where there are too many it gives way to all others. */
void app_alarm_of_others(struct app *a, const char *rule, const char *severity, const char *subject,
	const char *text, const char *what_to_do);
bool app_alarm_stands(const struct app *a, const char *rule, const char *subject);
void app_alarm_clear(struct app *a, const char *rule);
/* Around a look at all causes of a rule: an alarm that is raised again in between goes on as it
 * was, under its id and since when it stood; the others end. */
void app_alarm_review(struct app *a, const char *rule);
void app_alarm_reviewed(struct app *a, const char *rule);
void app_alarm_end(struct app *a, const char *rule, const char *subject);
void app_alarm_split(struct app *a, const struct log_name *feed);
void alarms_tick(struct app *a);
/* Its act is entered already, by who raised it. */
void alarm_entered(struct app *a, const char *rule, const char *subject);

/* --- unkept.c --------------------------------------------------------------------------------- */
/* Writes the file, now or as soon as that works. */
void unkept_card(struct app *a, const struct node_id *node, struct bytes chain);
void unkept_revocation(struct app *a, uint64_t agreement, const struct node_id *node,
	struct bytes note);
void unkept_tick(struct app *a);
/* Lets count what is revoked and has no file yet. */
void unkept_count(const struct app *a, struct keydir *k);
void unkept_close(struct app *a);

/* --- keys.c ----------------------------------------------------------------------------------- */
int keys_open(struct app *a, struct err_text *err) MUST_CHECK;
void keys_reload(struct app *a);
void history_unkept(struct app *a, const char *why); /* it is tried again */
void keys_touched(struct app *a);                    /* soon: more changes may follow */
void keys_card_seen(struct app *a, const struct node_id *node, struct bytes chain);
/* A revocation came in a session, verified: it goes where one that was handed over would lie. */
void keys_revoked(struct app *a, uint64_t agreement, const struct node_id *node, struct bytes note);
void keys_tick(struct app *a);
void keys_watch(struct app *a);
void keys_close(struct app *a);
/* Is there an agreement in force with that node? */
bool keys_joined(const struct app *a, const struct node_id *peer);
/* An act has told of the newest card of that node. */
void card_entered(struct app *a, const struct node_id *node, struct bytes hash);
bool keys_authorize(struct app *a, const uint8_t transport_key[32], struct node_id *peer,
	uint8_t psk[32]);
/* Enters that an agreement or a roster, as what says, has come into force or ended. */
void in_force_enter(struct app *a, enum act act, const char *what, const struct in_force *f,
	const char *rule);
/* Is the very text among them? */
bool in_force_listed(const struct in_force *list, size_t len, const struct in_force *one);

/* --- rosters.c -------------------------------------------------------------------------------- */
/* After keys were read, and as time passes. */
void rosters_update(struct app *a);
void rosters_close(struct app *a);
void roster_remember(struct app *a, size_t at); /* in keys/history */

/* --- bonds.c ---------------------------------------------------------------------------------- */
/* What the store has of agreements that were in force. */
int bonds_open(struct app *a) MUST_CHECK;
void bonds_close(struct app *a);
/* After a look at what is in force. */
void bonds_update(struct app *a);
/* What has ended, for what is done after it. */
void bonds_give(const struct app *a, struct ledger_retention *r);

/* --- clock.c ---------------------------------------------------------------------------------- */
int app_clock_open(struct app *a, struct err_text *err) MUST_CHECK;
void app_clock_tick(struct app *a);
void app_clock_look(struct app *a);
/* It has stepped, and the operator has not said that the time is right. */
bool app_clock_doubted(const struct app *a);
/* The operator's word; how many agreements had waited for it. */
size_t app_clock_confirmed(struct app *a, const char *operator_name);

/* --- rotation.c ------------------------------------------------------------------------------- */
int rotation_open(struct app *a, struct err_text *err) MUST_CHECK;
void rotation_started(struct app *a);
/* Does this card of ours name other keys than those in use; and are they here? */
bool rotation_wanted(const struct app *a, const struct card *own);
int rotation_check(struct app *a, const struct card *own, struct err_text *err) MUST_CHECK;
/* May the node with these cards come in under that transport key? */
bool rotation_admits(const struct app *a, const struct card_chain *chain,
	const uint8_t transport[32]);
void rotation_opened(struct app *a, struct net_session *s);
void rotation_named(struct app *a, const struct node_id *peer, uint32_t serial);
void rotation_review(struct app *a, bool first);
void rotation_turnover(struct app *a);
void rotation_sessions(struct app *a);

/* --- exchange.c ------------------------------------------------------------------------------- */
int exchange_open(struct app *a, struct err_text *err) MUST_CHECK;
void exchange_actions(struct app *a);
void exchange_events(struct app *a);
void exchange_tick(struct app *a);
extern const struct net_ops exchange_net_ops;

/* --- left.c ----------------------------------------------------------------------------------- */
/* Behind the start of the engine's recovery. */
int left_open(struct app *a, struct err_text *err) MUST_CHECK;
/* As long as it is mute, over restarts. */
void left_keep(struct app *a);
void left_tick(struct app *a);
void left_forget(struct app *a);

/* --- known.c ---------------------------------------------------------------------------------- */
/* Before the start of the engine's recovery. */
int known_open(struct app *a, struct err_text *err) MUST_CHECK;
void known_keep(struct app *a);
void known_tick(struct app *a);
void known_close(struct app *a);

/* --- recover.c -------------------------------------------------------------------------------- */
int recover_open(struct app *a, struct err_text *err) MUST_CHECK;
/* Behind the agreements: whom the operator has given up already. */
void recover_started(struct app *a);
void recover_action(struct app *a, const struct gossip_action *action);
void recover_event(struct app *a, const struct pipeline_event *e);
json_t *recover_json(struct app *a);
void recover_request(struct app *a, struct control_client *c, const json_t *q);

/* --- compact.c -------------------------------------------------------------------------------- */
void compact_tick(struct app *a);
void compact_request(struct app *a, struct control_client *c, const json_t *q);
void compact_gone(struct app *a, const struct control_client *c);
void compact_done(struct app *a, int code);

/* --- requests.c ------------------------------------------------------------------------------- */
extern const struct control_ops requests_ops;
void requests_tick(struct app *a);
void requests_published(struct app *a, struct publication *pub);
void requests_taken(struct app *a, struct publication *pub);
/* user: of pipeline_reindex. */
void requests_reindexed(struct app *a, const void *user, int code);
void requests_close(struct app *a); /* at stop: every client is gone, the pipeline stands */

/* --- status.c --------------------------------------------------------------------------------- */
json_t *status_document(struct app *a);
/* The name on a node's card; "" when it is unknown. */
const char *status_name(struct app *a, const struct node_id *node);

/* What those who wait are held against: the store is asked once for all of them. */
struct waited {
	struct store_reader *reader; /* NULL: the store cannot be read now */
	struct gossip_counts counts;
	struct store_log log; /* asked for last; */
	bool known;           /* it has one of that name */
};
void waited_open(struct app *a, struct waited *w);
void waited_close(struct waited *w);
/* Is the feed (NULL: none is waited for) durable here up to size and, if that is wanted, found, and
 * are so many peers connected? */
bool waited_holds(struct waited *w, const struct log_name *feed, uint64_t size, uint64_t peers,
	bool indexed);

/* --- stop.c ----------------------------------------------------------------------------------- */
void stop_open(struct app *a); /* when no session can have begun */
json_t *stop_json(const struct app *a);
/* False: not one of its commands. */
bool stop_request(struct app *a, struct control_client *c, const char *command, const json_t *q);
void stop_held(struct app *a, void *user, int code);
void stop_gone(struct app *a, const struct control_client *c);
void stop_close(struct app *a);
/* Who asks, as the request says; cut to what an act takes. */
void app_operator(char out[ACT_OPERATOR_MAX + 1], const json_t *q);

/* --- entering.c ------------------------------------------------------------------------------- */
/* False: not one of its commands. */
bool entering_request(struct app *a, struct control_client *c, const char *command,
	const json_t *q);
void entered_for(struct app *a, void *user); /* the act is durable */
void entering_gone(struct app *a, const struct control_client *c);
void entering_open(struct app *a);   /* what was done while the daemon did not run */
void waiting_entered(struct app *a); /* one of these */
void entering_close(struct app *a);
/* Renames a file that commands have written and that is not all entered, and logs where it is. */
int app_put_aside(const struct app *a, const char *path, const char *why);
/* Enters how something ended that was done to the store, why and for whom. */
void app_tended(struct app *a, enum act act, const char *rule, const char *who, int code);

/* --- queries.c -------------------------------------------------------------------------------- */
void queries_open(struct app *a);
void queries_tick(struct app *a);
void queries_entered(struct app *a); /* the acts are durable */
void queries_stop(struct app *a);    /* before the pipeline ends, */
void queries_close(struct app *a);   /* and behind it */

/* --- place.c ---------------------------------------------------------------------------------- */
#define PLACE_DAY_MS ((int64_t)86400000)
int place_quotas_load(struct app *a, struct store_reader *r) MUST_CHECK;
void place_trouble(struct app *a, int code); /* a write has failed */
void place_well(struct app *a);              /* one has not */
/* Looks whether there is room, which else the next tick does. */
void place_look(struct app *a);
const char *place_refuses(const struct app *a); /* why nothing is taken; NULL */
void place_tick(struct app *a);

/* --- memory.c --------------------------------------------------------------------------------- */
void memory_open(void); /* before there are threads */
void memory_tick(struct app *a);
