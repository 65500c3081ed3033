/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What this place cannot do for now: a disk that is full, read-only or broken, a reader that keeps
 * the store from using its space again, a day's quota that is used up. The node refuses first: it
 * takes no entries and no publications, says so, and goes on by itself.
 *
 * Room is kept for what must always be possible: acts, retractions, what stops things. So refusing
 * begins before the disk is full. A write that fails is tried again and again with the acts that
 * wait (ledger.h); a failed sync may be, too, since every attempt writes all of its pages anew
 * (STORE.md, "A failed sync"). Only a store that LMDB itself has given up is opened anew, by ending
 * with status 5: the supervisor starts the daemon again.
 */
#include "app/impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "base/text.h"

#define ROOM_BYTES       (32ull << 20) /* refuse below this, */
#define ROOM_AGAIN_BYTES (48ull << 20) /* take again above that */
#define WELL_MS          2000u         /* after the last failure */
#define PINNED_COMMITS   1000u
#define PINNED_MS        10000u /* the same reader is seen so long */
/* A reader that keeps so much, and this part of the store, from being used again is ended. */
#define PINNED_BYTES      (1ull << 30)
#define PINNED_SHARE      8u
#define PINNED_LOOK_BYTES (1ull << 16)

static const char *const make_room =
	"make room on the disk or repair it; the node goes on by itself";

/* --- room ------------------------------------------------------------------------------------- */

static bool room_is_short(const struct app *a)
{
	uint64_t wanted = a->place.short_of_room ? ROOM_AGAIN_BYTES : ROOM_BYTES;
	struct statvfs fs;

	return statvfs(a->data_dir, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < wanted;
}

/* Written as soon as anything can be: by that the store shows that it is well. */
static void trouble_enter(struct app *a, const char *why)
{
	struct act_body act = {
		.act = ACT_ALARM, .rule = bytes_str("store-trouble"), .text = bytes_str(why)};

	app_enter(a, &act);
}

static void refuse(struct app *a, const char *why)
{
	app_alarm(a, "store-trouble", "page", a->data_dir, why, make_room);
	if (a->place.why)
		return;
	log_error("place", "nothing is taken for now: %s", why);
	a->place.why = why;
	gossip_refuse(a->gossip, app_now(a), true);
	exchange_actions(a);
	trouble_enter(a, why);
}

static void accept_again(struct app *a)
{
	log_notice("place", "entries are taken again");
	a->place.why = NULL;
	app_alarm_clear(a, "store-trouble");
	gossip_refuse(a->gossip, app_now(a), false);
	exchange_actions(a);
}

void place_trouble(struct app *a, int code)
{
	/* What the former trouble entered is written: nothing may wait to be written now. */
	if (a->place.why && !a->place.failing)
		trouble_enter(a, err_sentence(code));
	a->place.failing = true;
	a->place.failed_ms = uv_now(&a->loop);
	refuse(a, err_sentence(code));
	if (!store_given_up(a->store) || a->stopping)
		return;
	log_error("place",
		"the store could not write the page that commits; it must be opened anew");
	app_stop(a, 5);
}

void place_well(struct app *a)
{
	a->place.failing = false;
}

const char *place_refuses(const struct app *a)
{
	return a->place.why;
}

void place_look(struct app *a)
{
	a->place.short_of_room = room_is_short(a);
	if (a->place.short_of_room)
		refuse(a, "less than 32 MiB are free");
	else if (a->place.why && !a->place.failing &&
		 uv_now(&a->loop) - a->place.failed_ms >= WELL_MS)
		accept_again(a);
}

/* --- readers that stand still ----------------------------------------------------------------- */

/* For tests: ENTENTE_PINNED_BYTES sets the first of the two. */
static uint64_t pinned_max(const struct app *a)
{
	const char *text = getenv("ENTENTE_PINNED_BYTES");
	uint64_t least = PINNED_BYTES, share;

	if (text && text_u64_parse(bytes_str(text), &least))
		return least;
	share = store_disk_bytes(a->store) / PINNED_SHARE;
	return share > least ? share : least;
}

static void pin_alarm(struct app *a, const struct store_pin *pin, const char *severity,
	const char *then)
{
	char text[200];

	snprintf(text, sizeof(text),
		"process %d reads the store since %" PRIu64 " commits: %" PRIu64
		" MB of it cannot be used again, and the file grows%s",
		pin->pid, pin->behind, pin->bytes >> 20, then);
	app_alarm(a, "store-pinned", severity, a->data_dir, text, "end or continue that process");
}

/* No read that goes on takes so long on a disk that takes as much: it stands still, or what it says
 * is not taken. */
static void pin_end(struct app *a, const struct store_pin *pin)
{
	int rc = store_reader_end(a->store, pin);
	char text[200];
	struct act_body act = {.act = ACT_ALARM, .rule = bytes_str("reader-ended")};

	if (rc == ENT_ENOTFOUND)
		return;
	if (rc != 0) {
		if (!a->place.unended)
			app_alarm_clear(a, "store-pinned");
		a->place.unended = true;
		pin_alarm(a, pin, "page",
			rc == ENT_ESTATE ? "; it runs in another PID namespace, and only there "
					   "can it be ended"
					 : "; the daemon may not end it");
		return;
	}
	snprintf(text, sizeof(text),
		"process %d was ended: its reader stood still for %" PRIu64
		" commits and kept %" PRIu64 " MB of the store from being used again",
		pin->pid, pin->behind, pin->bytes >> 20);
	log_warn("place", "%s", text);
	act.text = bytes_str(text);
	app_enter(a, &act);
}

static void watch_readers(struct app *a)
{
	uint64_t now = uv_now(&a->loop);
	struct store_pin pin;

	store_oldest_reader(a->store, &pin);
	if (pin.pid == 0 || pin.txn != a->place.pinned_txn || pin.pid != a->place.pinned_pid) {
		a->place.pinned_txn = pin.txn;
		a->place.pinned_pid = pin.pid;
		a->place.stands_ms = now;
		a->place.unended = false;
	} else if (now - a->place.stands_ms >= PINNED_MS && pin.bytes >= PINNED_LOOK_BYTES &&
		   pin.bytes >= pinned_max(a)) {
		pin_end(a, &pin);
	}
	if (pin.pid == 0 || pin.behind < PINNED_COMMITS || pin.pid != a->place.pinned_by) {
		a->place.pinned_by = pin.behind < PINNED_COMMITS ? 0 : pin.pid;
		a->place.pinned_ms = now;
		if (!a->place.unended)
			app_alarm_clear(a, "store-pinned");
		return;
	}
	if (now - a->place.pinned_ms >= PINNED_MS)
		pin_alarm(a, &pin, "today", "");
}

/* --- quotas ----------------------------------------------------------------------------------- */

static void watch_quota_of(struct app *a, const struct card *card)
{
	struct gossip_peer_view v;
	char id[NODE_ID_TEXT_SIZE];

	gossip_peer_view(a->gossip, &card->node, &v);
	node_id_text(id, &card->node);
	if (v.over_quota)
		app_alarm(a, "over-quota", "today", id,
			"what the agreements let it bring in a day is used up; its feeds wait "
			"until "
			"midnight UTC",
			"if it is to bring more, agree on more (agreement draft --amend)");
	else
		app_alarm_end(a, "over-quota", id);
}

static void watch_quotas(struct app *a)
{
	struct gossip_counts counts;
	char text[120];

	for (size_t i = 0; i < a->keys->chains_len; i++)
		watch_quota_of(a, card_chain_last(&a->keys->chains[i]));
	gossip_counts(a->gossip, &counts);
	if (counts.origins_over_quota == 0) {
		app_alarm_end(a, "over-quota", "introduced origins");
		return;
	}
	snprintf(text, sizeof(text),
		"feeds of %zu introduced origins wait until midnight UTC: they have brought what "
		"their introducer may",
		counts.origins_over_quota);
	app_alarm(a, "over-quota", "today", "introduced origins", text,
		"look for the act over-quota in entente log, and at the introducer");
}

static int count_received(void *ctx, const struct store_received *received)
{
	struct app *a = ctx;
	struct gossip_time now = app_now(a);

	/* Own entries that were given back do not count. */
	if (!node_id_eq(&received->log->node, &a->self) &&
		received->received_ms / PLACE_DAY_MS == now.wall_ms / PLACE_DAY_MS)
		gossip_taken_today(a->gossip, now, &received->via, &received->log->node,
			received->count, received->bytes);
	return 0;
}

int place_quotas_load(struct app *a, struct store_reader *r)
{
	int64_t now_ms = app_now(a).wall_ms;

	return store_received_since(r, now_ms - now_ms % PLACE_DAY_MS, count_received, a);
}

void place_tick(struct app *a)
{
	uint64_t now = uv_now(&a->loop);

	if (now - a->place.looked_ms < 1000)
		return;
	a->place.looked_ms = now;
	place_look(a);
	watch_readers(a);
	watch_quotas(a);
}
