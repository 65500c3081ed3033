/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The life of a node on its machine: what it finds on the disk when it starts, how it ends, and
 * what happens to the machine meanwhile.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "ledger/reading.h"
#include "sim/narrate.h"
#include "sim/watch.h"
#include "sim/world_impl.h"

#define SKEW_MS 400

/* --- logs ------------------------------------------------------------------------------------- */

struct world_log *node_log(struct world_node *n, const struct log_name *name)
{
	uint8_t key[LOG_NAME_BYTES];
	struct world_log *log;

	log_name_pack(key, name);
	log = map_get(&n->logs, key);
	if (log)
		return log;
	log = need(calloc(1, sizeof(*log)));
	log->name = *name;
	log->frontier.tree.end = UINT64_MAX; /* nowhere: the store says where */
	if (map_put(&n->logs, key, log) != 0)
		abort();
	return log;
}

static void logs_free(struct world_node *n)
{
	void *log;

	for (size_t at = 0; map_next(&n->logs, &at, NULL, &log);)
		free(log);
	map_free(&n->logs);
}

/* --- start: what lies on the disk ------------------------------------------------------------- */

static int load_origin(void *ctx, const struct store_origin *o)
{
	struct world_node *n = ctx;
	struct node_id none = {{0}};
	struct arena arena = {0};
	struct card_chain chain;

	if (card_chain_read(o->chain, "store", &arena, &chain, NULL) != 0 ||
		gossip_origin(n->gossip, &chain,
			node_id_eq(&o->introduced_by, &none) ? NULL : &o->introduced_by) != 0)
		narrate(n->world, "n%u does not take a pinned origin", n->index);
	else
		watch_accepted(n->world, n, &card_chain_last(&chain)->node);
	arena_free(&arena);
	return 0;
}

/* What was seen of its cards before the restart. */
static int load_rival(void *ctx, struct bytes text)
{
	struct world_node *n = ctx;
	struct arena arena = {0};
	struct card_chain chain;

	if (card_chain_read(text, "store", &arena, &chain, NULL) == 0)
		gossip_rival(n->gossip, &chain);
	arena_free(&arena);
	return 0;
}

static int load_receipt(void *ctx, const struct store_receipt *r)
{
	struct world_node *n = ctx;

	if (!r->differs)
		gossip_receipted(n->gossip, &r->node, &r->checkpoint, true);
	return 0;
}

static int load_witness(void *ctx, const struct store_witness *w)
{
	struct world_node *n = ctx;

	return gossip_witness(n->gossip, &w->checkpoint, w->rewritten);
}

struct load {
	struct world_node *node;
	struct store_reader *reader;
};

static int load_feed(void *ctx, const struct store_log *log)
{
	static const struct checkpoint none;
	struct load *load = ctx;
	struct world_node *n = load->node;
	struct bytes proof;
	int rc = 0;

	node_log(n, &log->name)->size = log->size;
	if (log->name.audience.kind == AUDIENCE_PROVENANCE)
		return 0;
	if (gossip_feed(n->gossip, &log->name, log->size, log->floor,
		    log->has_held ? &log->held : &none,
		    log->has_checkpoint ? &log->checkpoint : &none, log->frozen) != 0)
		narrate(n->world, "n%u has a feed of no known origin", n->index);
	if (store_split_get(load->reader, log->number, &proof) == 0)
		rc = gossip_split(n->gossip, proof);
	return rc == ENT_ENOTFOUND ? 0 : rc;
}

static int load_settled(void *ctx, const struct store_said *said)
{
	struct checkpoint good = {.log = said->old, .size = said->by.size, .root = said->by.root};
	struct world_node *n = ctx;

	gossip_settled(n->gossip, world_time(n), &good);
	return 0;
}

/* Of the provenance logs only that in use has cosignatures that still grow. */
static int load_receipts_of(void *ctx, const struct store_log *log)
{
	struct load *load = ctx;

	if (log->name.audience.kind == AUDIENCE_PROVENANCE &&
		!log_name_eq(&log->name, &load->node->provenance))
		return 0;
	return store_receipt_each(load->reader, &log->name, load_receipt, load->node);
}

static int engine_open(struct world_node *n)
{
	struct gossip_config config = {.self = n->actor->node,
		.rng = sim_random_env(&n->random),
		.store = ledger_reads(n->store),
		.signer = cast_signer(n->identity),
		.software = "sim",
		.ingest_max = n->world->ingest_max};
	struct load load = {.node = n};
	struct store_reader *r;
	int rc = gossip_new(&n->gossip, &config);

	if (rc == 0)
		rc = gossip_origin(n->gossip, &n->guise->chain, NULL);
	if (rc == 0)
		rc = store_reader_open(n->store, &r);
	if (rc != 0)
		return rc;
	load.reader = r;
	rc = store_origin_each(r, load_origin, n);
	for (size_t i = 0; i < n->agreements_len; i++)
		for (size_t k = 0; k < n->agreements[i]->parties_len && rc == 0; k++) {
			const struct actor *a = cast_actor_of(&n->agreements[i]->parties[k].node);

			watch_accepted(n->world, n, &a->node);
			rc = gossip_origin(n->gossip, &a->chain, NULL);
		}
	if (rc == 0)
		rc = store_rival_each(r, load_rival, n);
	if (rc == 0)
		rc = store_log_each(r, load_feed, &load);
	if (rc == 0)
		rc = store_succession_each(r, load_settled, n);
	if (rc == 0)
		rc = store_log_each(r, load_receipts_of, &load);
	if (rc == 0)
		rc = store_witness_each(r, load_witness, n);
	store_reader_close(r);
	node_roster(n, true);
	return rc;
}

/* As long as it is mute it remembers whom it had agreements with when it was left. */
void node_left(struct world_node *n)
{
	struct node_id node;

	for (size_t at = 0; gossip_recovery_former(n->gossip, &at, &node);)
		n->left_with |= world_party_bit(cast_actor_of(&node));
}

void node_recovered(struct world_node *n)
{
	struct world_recovered *kept = n->recovered;
	struct gossip_recovered r;

	gossip_recovered(n->gossip, &r);
	if (!r.since_s)
		return;
	if (!kept)
		kept = n->recovered = need(calloc(1, sizeof(*kept)));
	kept->since_s = r.since_s;
	kept->agreements_len = r.agreements_len;
	if (kept->agreements_len > WORLD_RECOVERED_MAX)
		abort();
	memcpy(kept->agreements, r.agreements, r.agreements_len * sizeof(r.agreements[0]));
}

static void recovered_put(struct world_recovered **to, const struct world_recovered *from)
{
	free(*to);
	*to = NULL;
	if (!from)
		return;
	*to = need(malloc(sizeof(**to)));
	**to = *from;
}

/* Whether this is an old copy, and when it may sign, is the engine's to decide. */
static int recovery_open(struct world_node *n)
{
	struct gossip_guard guard = {0};
	struct gossip_guard_feed *feeds;
	struct gossip_recovery_view view;
	struct bytes text;
	bool there = disk_guard_read(n->disk, &text);
	int rc = there ? guardfile_parse(&n->guard, text, "guard", NULL) : 0;

	if (rc != 0)
		return rc;
	guard.feeds_len = n->guard.feeds_len;
	guard.feeds = feeds = need(calloc(n->guard.feeds_len + 1, sizeof(*feeds)));
	for (size_t i = 0; i < n->guard.feeds_len; i++)
		feeds[i] = (struct gossip_guard_feed){
			n->guard.feeds[i].log, n->guard.feeds[i].size, n->guard.feeds[i].root};
	if (n->recovered)
		gossip_recovered_before(n->gossip,
			&(struct gossip_recovered){n->recovered->since_s, n->recovered->agreements,
				n->recovered->agreements_len});
	rc = gossip_recover_start(n->gossip, world_time(n), there ? &guard : NULL);
	free(feeds);
	for (unsigned i = 0; i < n->world->nodes_len && i < 64; i++)
		if ((n->joined | n->left_with) & cast_bit(i))
			gossip_recover_former(n->gossip, &cast_actor(i)->node);
	gossip_recovery_view(n->gossip, &view);
	n->mute = view.state != RECOVERY_GOES_ON && !n->shameless;
	n->left_with = 0;
	if (n->mute)
		node_left(n);
	return rc;
}

void node_provenance_name(struct world_node *n)
{
	uint64_t former = n->provenance.audience.id;
	uint64_t now = (uint64_t)(world_time(n).wall_ms / 1000);

	n->provenance = (struct log_name){n->actor->node, n->identity->incarnation,
		{AUDIENCE_PROVENANCE, now > former ? now : former + 1}};
}

/* The log of acts goes on where it was; the first start, an old copy and a new incarnation begin a
 * new one. */
static int ledger_open(struct world_node *n)
{
	struct ledger_config config = {.store = n->store,
		.identity = n->identity,
		.self = n->actor->node,
		.guard = &n->guard,
		.mute = n->mute,
		.rng = sim_random_env(&n->random),
		.ops = node_ledger_ops(n)};
	struct store_reader *r;
	struct store_log log;
	struct bytes value;
	bool known;
	int rc = store_reader_open(n->store, &r);

	if (rc != 0)
		return rc;
	known = store_meta_get(r, LEDGER_META_PROVENANCE, &value) == 0 &&
		log_name_parse(value, &n->provenance);
	config.begin_provenance =
		!known || n->mute || n->provenance.incarnation != n->identity->incarnation;
	if (!config.begin_provenance && store_log_get(r, &n->provenance, &log) == 0 &&
		log.has_held) {
		watch_acts_found(n->world, n, &log.held);
		gossip_provenance(n->gossip, &log.held);
	}
	store_reader_close(r);
	if (config.begin_provenance) {
		if (known)
			config.former = n->provenance;
		node_provenance_name(n);
	}
	config.provenance = n->provenance;
	return ledger_new(&n->ledger, &config);
}

/* --- start and end ---------------------------------------------------------------------------- */

static void program_free(struct world_node *n)
{
	struct ledger_item *next;

	for (struct ledger_item *i = n->to_write; i; i = next) {
		next = i->next;
		ledger_item_free(i);
	}
	n->to_write = NULL;
	n->to_write_end = &n->to_write;
	while (n->publications_len > 0)
		publication_free(n->publications[--n->publications_len]);
	gossip_free(n->gossip);
	ledger_free(n->ledger);
	guardfile_free(&n->guard);
	disk_store_close(n->store);
	logs_free(n);
	n->gossip = NULL;
	n->ledger = NULL;
	n->store = NULL;
}

/* What was brought until now is not counted any more. */
static void day_begins(struct world_node *n)
{
	for (size_t i = 0; i < n->peers_len; i++)
		n->peers[i].brought_today = (struct world_amount){0};
}

void node_down(struct world_node *n)
{
	narrate(n->world, "n%u is down", n->index);
	day_begins(n);
	net_node_down(n);
	n->up = n->dying = false;
	n->dies_at = -1;
	n->life++;
	n->acts_later = 0;
	program_free(n);
	n->deaths++;
	if (n->back_ms)
		event_of_node(n, EVENT_START, n->world->now_ms + n->back_ms);
}

static int program_start(struct world_node *n)
{
	static const uint8_t hash_key[16];
	struct env_rng rng = sim_random_env(&n->random);
	int rc;

	map_init(&n->logs, LOG_NAME_BYTES, SIZE_MAX, hash_key);
	n->mute = n->dying = n->journals = false;
	n->writes_at_ms = n->work_ms = n->write_ms = n->news_ms = 0;
	n->provenance = (struct log_name){0};
	n->identity = cast_keys(n->actor->number, n->guise->keys);
	rc = disk_store_open(n->disk, &rng, &n->store);
	if (rc == 0)
		rc = engine_open(n);
	if (rc == 0)
		rc = recovery_open(n);
	if (rc == 0)
		rc = ledger_open(n);
	return rc;
}

/* What a crash left unsigned is signed, as far as that may be now. */
void node_on_start(struct world_node *n)
{
	int rc;

	if (n->up || n->stopped)
		return;
	disk_revive(n->disk);
	rc = program_start(n);
	if (rc != 0) {
		world_fail(n->world, "n%u does not start: %s", n->index, err_sentence(rc));
		program_free(n);
		return;
	}
	n->up = true;
	narrate(n->world, "n%u is up%s", n->index, n->mute ? ", mute" : "");
	watch_up(n->world, n);
	if (n->stopped_out || n->stopped_in || n->stopped_with)
		node_pause(n);
	node_agreements(n);
	node_recover(n);
}

void node_init(struct world *w, unsigned index, const struct guise *guise, struct disk *disk)
{
	static const struct bytes empty;
	struct world_node *n = &w->nodes[index];
	struct bytes guard;

	assert(index == w->nodes_len && index < WORLD_NODES_MAX);
	w->nodes_len++;
	n->world = w;
	n->index = index;
	n->actor = cast_actor(guise->actor);
	n->guise = guise;
	n->disk = disk;
	n->random.state = sim_random_u64(&w->random);
	n->skew_ms = (int64_t)sim_random_below(&w->random, 2 * SKEW_MS) - SKEW_MS;
	n->dies_at = -1;
	n->to_write_end = &n->to_write;
	n->clock = need(calloc(1, sizeof(*n->clock)));
	/* As `entente init` leaves it. */
	if (!disk_guard_read(disk, &guard) && disk_guard_write(disk, empty, empty) != 0)
		abort();
	node_on_start(n);
	event_of_node(n, EVENT_TICK, w->now_ms + sim_random_below(&w->random, TICK_MS));
}

void node_free(struct world_node *n)
{
	if (n->up)
		program_free(n);
	free(n->publications);
	free(n->clock);
	free(n->peers);
	free(n->bonds);
	free(n->revocations);
	free(n->terms);
	free(n->acts);
	disk_free(n->disk);
	disk_free(n->backup);
	free(n->recovered);
	free(n->recovered_then);
}

/* --- faults of the machine -------------------------------------------------------------------- */

void world_kill(struct world *w, unsigned node, uint64_t back_ms)
{
	struct world_node *n = &w->nodes[node];

	if (!n->up)
		return;
	n->back_ms = back_ms;
	disk_kill(n->disk);
	node_down(n);
}

void world_kill_at(struct world *w, unsigned node, enum ledger_step step, uint64_t back_ms)
{
	w->nodes[node].dies_at = (int)step;
	w->nodes[node].back_ms = back_ms;
}

void world_start(struct world *w, unsigned node)
{
	event_of_node(&w->nodes[node], EVENT_START, w->now_ms);
}

void world_health(struct world *w, unsigned node, enum disk_health health)
{
	narrate(w, "n%u's disk: %d", node, (int)health);
	disk_health_set(w->nodes[node].disk, health);
}

void world_clock(struct world *w, unsigned node, int64_t skew_ms)
{
	struct world_node *n = &w->nodes[node];
	int64_t step_ms = skew_ms - n->skew_ms;

	narrate(w, "n%u's clock is off by %lld ms", node, (long long)skew_ms);
	node_clock(n); /* it has looked at the clock until now */
	if (step_ms >= CLOCK_STEP_MS || step_ms <= -CLOCK_STEP_MS)
		for (size_t i = 0; i < n->agreements_len; i++)
			n->waits[i] |= !world_in_force(n, i);
	n->skew_ms = skew_ms;
	n->stepped_ms = w->now_ms;
	day_begins(n);
	node_clock(n);
}

void world_clock_confirm(struct world *w, unsigned node)
{
	struct world_node *n = &w->nodes[node];

	memset(n->waits, 0, sizeof(n->waits));
	clock_confirm(n->clock);
	node_agreements(n);
}

void world_backup(struct world *w, unsigned node)
{
	struct world_node *n = &w->nodes[node];

	disk_free(n->backup);
	n->backup = disk_copy(n->disk);
	n->joined_then = n->joined | n->left_with;
	recovered_put(&n->recovered_then, n->recovered);
	watch_backed_up(w, n);
}

void world_restore(struct world *w, unsigned node, enum world_guard guard, uint64_t back_ms)
{
	struct world_node *n = &w->nodes[node];
	struct bytes text;

	assert(n->backup);
	if (n->up)
		world_kill(w, node, 0);
	if (guard == GUARD_LOST) {
		disk_guard_remove(n->backup);
	} else if (guard == GUARD_OF_TODAY) {
		disk_guard_remove(n->backup);
		if (disk_guard_read(n->disk, &text) &&
			disk_guard_write(n->backup, text, BYTES_NONE) != 0)
			abort();
	}
	narrate(w, "n%u is restored", node);
	disk_free(n->disk);
	n->disk = n->backup;
	n->backup = NULL;
	n->joined = n->known = n->joined_then;
	n->left_with = 0;
	recovered_put(&n->recovered, n->recovered_then);
	watch_restored(w, n, guard);
	watch_acts_restored(n);
	event_of_node(n, EVENT_START, w->now_ms + back_ms);
}

unsigned world_clone(struct world *w, unsigned node)
{
	struct world_node *n = &w->nodes[node], *clone;
	unsigned index = w->nodes_len;

	assert(!n->twin);
	narrate(w, "n%u gets a clone, n%u", node, index);
	node_init(w, index, n->guise, disk_copy(n->disk));
	clone = &w->nodes[index];
	watch_cloned(w, n, clone);
	n->twin = clone;
	clone->twin = n;
	recovered_put(&clone->recovered, n->recovered);
	w->twins = true;
	for (size_t i = 0; i < n->revocations_len; i++)
		node_revoked(clone, &n->revocations[i]);
	for (size_t i = 0; i < n->agreements_len; i++)
		world_place(w, index, n->agreements[i]);
	return index;
}

void world_hide(struct world *w, unsigned node, unsigned actor)
{
	struct world_peer *p = net_peer(&w->nodes[node], actor);

	p->cut = true;
	net_abandon(p->session);
}

void world_confirm(struct world *w, unsigned node)
{
	struct world_node *n = &w->nodes[node];

	if (!n->up)
		return;
	if (gossip_recover_confirm(n->gossip, world_time(n)) == 0)
		narrate(w, "n%u: its operator says that it runs once", node);
	for (unsigned i = 0; i < 64; i++) {
		if (!(n->left_with & ~n->joined & cast_bit(i)) ||
			gossip_recover_without(n->gossip, world_time(n), &cast_actor(i)->node) != 0)
			continue;
		narrate(w, "n%u: its operator gives n%u up", node, i);
		watch_gives_up(w, n);
	}
}

void world_stop(struct world *w, unsigned node)
{
	world_kill(w, node, 0);
	w->nodes[node].stopped = true;
}

void world_card(struct world *w, unsigned node, bool keys, bool rotates, uint64_t back_ms)
{
	struct world_node *n = &w->nodes[node];

	n->guise = cast_follow(n->guise, n->guise->keys + keys, rotates, &w->agreements);
	narrate(w, "n%u has a new card, %u%s%s", node, card_chain_last(&n->guise->chain)->serial,
		keys ? ", new keys" : "", rotates ? ", another root" : "");
	if (!n->up)
		return;
	if (gossip_origin(n->gossip, &n->guise->chain, NULL) != 0)
		world_fail(w, "n%u does not take its own card", node);
	node_actions(n);
	if (keys)
		world_kill(w, node, back_ms);
}

void world_roster(struct world *w, unsigned node, const struct roster *roster)
{
	struct world_node *n = &w->nodes[node];

	n->roster = roster;
	if (!n->up)
		return;
	node_roster(n, true);
	node_actions(n);
}

void node_pause(struct world_node *n)
{
	struct node_id peers[64];
	struct gossip_pause pause = {.out = n->stopped_out, .in = n->stopped_in, .peers = peers};

	for (unsigned i = 0; i < 64; i++)
		if (n->stopped_with & cast_bit(i))
			peers[pause.peers_len++] = cast_actor(i)->node;
	if (gossip_pause(n->gossip, world_time(n), &pause) != 0)
		abort();
	node_actions(n);
}

void world_pause(struct world *w, unsigned node, bool out, bool in, uint64_t with)
{
	struct world_node *n = &w->nodes[node];

	if (n->stopped_out == out && n->stopped_in == in && n->stopped_with == with)
		return;
	narrate(w, "n%u stops%s%s, with %" PRIx64, node, out ? " sending" : "", in ? " taking" : "",
		with);
	n->stopped_out = out;
	n->stopped_in = in;
	n->stopped_with = with;
	if (n->up)
		node_pause(n);
}

/* --- what it has had before ------------------------------------------------------------------- */

static int implant(struct world_node *n, const struct sim_log *story,
	const struct card_chain *chain)
{
	struct store_run run = {.log = story->name,
		.count = (uint32_t)story->size,
		.entries = sim_log_entries(story, 0, story->size)};
	struct buf text = buf_with_max(CARD_CHAIN_MAX * (CARD_BYTES_MAX + 8));
	struct node_id none = {{0}};
	struct store_txn *txn;
	struct store_log log;
	struct range tree;
	int rc = store_begin(n->store, &txn);

	if (rc != 0)
		return rc;
	card_chain_write(&text, chain);
	sim_log_range(story, 0, story->size, &tree);
	run.tree = &tree;
	rc = store_txn_log(txn, &story->name, true, &log);
	if (rc == 0)
		rc = store_append(txn, &run);
	if (rc == 0)
		rc = store_checkpoint_put(txn, &story->complete);
	if (rc == 0)
		rc = store_origin_put(txn, &story->name.node, buf_view(&text), &none, 0);
	buf_free(&text);
	if (rc == 0)
		return store_commit(txn);
	store_abort(txn);
	return rc;
}

void world_implant(struct world *w, unsigned node, const struct sim_log *story)
{
	const struct actor *origin = cast_actor_of(&story->name.node);

	world_kill(w, node, 0);
	disk_revive(w->nodes[node].disk);
	if (disk_store_open(w->nodes[node].disk, &(struct env_rng){0}, &w->nodes[node].store) !=
			0 ||
		implant(&w->nodes[node], story, &origin->chain) != 0)
		abort();
	disk_store_close(w->nodes[node].store);
	node_on_start(&w->nodes[node]);
}

bool world_proof(struct world *w, unsigned node, const struct log_name *feed, struct buf *proof)
{
	struct store_reader *r;
	struct store_log log;
	struct bytes stored;
	bool there;

	if (store_reader_open(w->nodes[node].store, &r) != 0)
		return false;
	there = store_log_get(r, feed, &log) == 0 && log.frozen &&
		store_split_get(r, log.number, &stored) == 0;
	if (there)
		buf_bytes(proof, stored);
	store_reader_close(r);
	return there;
}
