/* SPDX-License-Identifier: EUPL-1.2 */
/* Witnesses: both sides of it, and owners and witnesses that lie. */
#include "unit/gossip/acts.h"

/* The same with PEER, which has shown a log of so many acts. */
static struct sim_log *sees(struct probe *p, uint32_t count)
{
	struct sim_log *log;

	acquainted(p);
	log = acts_grow(p, &p->theirs, PEER, START, count);
	greets(p, 1, &log->complete);
	return log;
}

/* Or which has shown it before the engine began. */
static struct sim_log *has_seen(struct probe *p, uint32_t count)
{
	struct sim_log *log;

	acquainted(p);
	log = acts_grow(p, &p->theirs, PEER, START, count);
	assert_int_equal(gossip_witness(p->g, &log->complete, false), 0);
	return log;
}

static struct sim_log *remembers(struct probe *p, uint32_t count)
{
	struct sim_log *log = sees(p, count);

	remember(p, true);
	return log;
}

static void assert_witnessed(const struct probe *p, const struct sim_log *log, uint64_t size)
{
	const struct wire_message *m = probe_last(p, WIRE_WITNESS);
	struct cosignature s;
	struct checkpoint c;

	assert_non_null(m);
	assert_true(log_name_eq(&m->witness.log, &log->name));
	assert_int_equal(m->witness.size, size);
	sim_log_sign(log, size, &cast_actor(PEER)->identity, &c);
	assert_memory_equal(m->witness.root, c.root.bytes, HASH_BYTES);
	s = cosignature_from_wire(m->witness.time, m->witness.signature);
	assert_int_equal(cosignature_verify(&s, &c,
				 card_chain_last(&cast_actor(SELF)->chain)->witness.public_key),
		0);
}

struct sim_tree {
	const struct sim_log *log;
};

static int sim_subtree(void *ctx, unsigned level, uint64_t index, struct hash *hash)
{
	const struct sim_tree *t = ctx;
	struct range r;

	sim_log_range(t->log, index << level, (index + 1) << level, &r);
	*hash = r.hashes[0];
	return 0;
}

static void proves(struct probe *p, uint32_t session, const struct sim_log *log, uint64_t first,
	uint64_t second)
{
	struct sim_tree tree = {log};
	struct proof proof;
	struct wire_message m = {
		.type = WIRE_PROOF, .proof = {.feed = log->name, .first = first, .second = second}};

	assert_int_equal(proof_split_build(&proof, first, second, sim_subtree, &tree), 0);
	m.proof.hashes = (const uint8_t(*)[32])proof.hashes;
	m.proof.hashes_len = proof.hashes_len;
	probe_hear(p, session, &m);
}

/* --- as a witness ----------------------------------------------------------------------------- */

static void cosigns_what_it_sees_first_once_it_is_remembered(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = sees(&p, 5);
	assert_null(probe_last(&p, WIRE_WITNESS));
	assert_int_equal(p.kept_len, 1);
	assert_int_equal(p.kept[0].checkpoint.size, 5);
	remember(&p, true);
	assert_witnessed(&p, log, 5);
	probe_free(&p);
}

static void says_nothing_when_it_could_not_remember(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = sees(&p, 5);
	remember(&p, false);
	assert_null(probe_last(&p, WIRE_WITNESS));
	/* Nor does it think later that it had. */
	greets(&p, 2, &log->complete);
	assert_int_equal(p.kept_len, 1);
	probe_free(&p);
}

static void cosigns_growth_only_when_it_is_proved(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	for (uint64_t first = 1; first <= 9; first++) {
		log = remembers(&p, (uint32_t)first);
		acts_grow(&p, &p.theirs, PEER, START, 4);
		greets(&p, 2, &log->complete);
		assert_null(probe_last(&p, WIRE_WITNESS));
		assert_int_equal(p.kept_len, 0);
		assert_int_equal(probe_last(&p, WIRE_PROOF_WANT)->proof_want.first, first);
		assert_int_equal(probe_last(&p, WIRE_PROOF_WANT)->proof_want.second, first + 4);
		proves(&p, 2, log, first, first + 4);
		assert_null(probe_last(&p, WIRE_WITNESS));
		remember(&p, true);
		assert_witnessed(&p, log, first + 4);
		assert_int_equal(p.closed, 0);
		probe_free(&p);
	}
}

static void remembers_over_a_restart(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = has_seen(&p, 5);
	acts_grow(&p, &p.theirs, PEER, START, 3);
	greets(&p, 1, &log->complete);
	assert_int_equal(probe_last(&p, WIRE_PROOF_WANT)->proof_want.first, 5);
	probe_free(&p);
}

/* DESIGN 4: with new keys since, it would be taken for a forger; also where a greeting is answered
 * at once. The heads come last: an old copy that has them all signs its acts again. */
static void shows_its_card_before_it_witnesses_and_its_heads_behind(void **state)
{
	size_t card = SIZE_MAX, witness = SIZE_MAX, heads = SIZE_MAX;
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = has_seen(&p, 5);
	greets(&p, 1, &log->complete);
	for (size_t i = p.said_len; i-- > 0;) {
		if (p.said[i].type == WIRE_CARDS)
			card = i;
		if (p.said[i].type == WIRE_WITNESS)
			witness = i;
		if (p.said[i].type == WIRE_HEADS)
			heads = i;
	}
	assert_true(witness != SIZE_MAX && card < witness);
	assert_true(heads != SIZE_MAX && witness < heads);
	probe_free(&p);
}

/* The same again costs no memory and no proof; a smaller one is told what there was. */
static void tells_who_shows_less_what_it_remembers(void **state)
{
	struct checkpoint less;
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = remembers(&p, 5);
	greets(&p, 2, &log->complete);
	assert_int_equal(p.kept_len, 0);
	assert_witnessed(&p, log, 5);
	sim_log_sign(log, 3, &cast_actor(PEER)->identity, &less);
	greets(&p, 3, &less);
	assert_int_equal(p.kept_len, 0);
	assert_witnessed(&p, log, 5);
	probe_free(&p);
}

static void a_new_log_is_witnessed_anew_and_the_old_one_reported(void **state)
{
	struct sim_log *old, *new;
	struct probe p;

	(void)state;
	old = remembers(&p, 5);
	new = acts_grow(&p, &p.theirs, PEER, START + 100, 2);
	greets(&p, 2, &new->complete);
	assert_witnessed(&p, old, 5);
	remember(&p, true);
	assert_witnessed(&p, new, 2);
	/* An old log that comes back is not cosigned; its owner hears of the later one. */
	acts_grow(&p, &p.theirs, PEER, START, 1);
	greets(&p, 3, &old->complete);
	assert_int_equal(p.kept_len, 0);
	assert_witnessed(&p, new, 2);
	assert_int_equal(probe_count(&p, WIRE_WITNESS), 1);
	probe_free(&p);
}

/* Two histories of one log, at equal and unequal sizes, powers of two among them. */
static void two_histories_are_kept_as_evidence_and_end_it(void **state)
{
	static const struct {
		uint32_t first, second;
	} sizes[] = {{5, 5}, {5, 8}, {4, 8}, {1, 2}, {8, 9}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		struct sim_store other = {0};
		struct sim_log *log, *forged;
		struct probe p;

		log = remembers(&p, sizes[i].first);
		forged = acts_grow(&p, &other, PEER, START, sizes[i].second);
		greets(&p, 2, &forged->complete);
		if (sizes[i].second > sizes[i].first)
			proves(&p, 2, forged, sizes[i].first, sizes[i].second);
		assert_string_equal(p.alarm, "provenance-rewritten");
		assert_int_equal(p.kept_len, 1);
		assert_true(p.kept[0].rewritten);
		assert_int_equal(p.kept[0].checkpoint.size, sizes[i].first);
		assert_memory_equal(&p.kept[0].other.root, &forged->complete.root, HASH_BYTES);
		assert_null(probe_last(&p, WIRE_WITNESS));
		/* From then on nothing of this log is cosigned, the honest part neither. */
		greets(&p, 3, &log->complete);
		assert_string_equal(p.alarm, "provenance-rewritten");
		assert_null(probe_last(&p, WIRE_WITNESS));
		sim_store_free(&other);
		probe_free(&p);
	}
}

/* The engine has seen 8 acts; four more, proven in session 1, are with the writer. */
static struct sim_log *is_remembering(struct probe *p, struct gossip_action *kept)
{
	struct sim_log *log = has_seen(p, 8);

	acts_grow(p, &p->theirs, PEER, START, 4);
	greets(p, 1, &log->complete);
	proves(p, 1, log, 8, 12);
	assert_int_equal(p->kept_len, 1);
	*kept = p->kept[0];
	return log;
}

static void lands(struct probe *p, const struct gossip_action *kept, bool durable)
{
	gossip_witnessed(p->g, probe_time(p), kept->session, &kept->checkpoint, durable);
	probe_actions(p);
}

/* Another history of the log, with the same first `keep` acts. */
static struct sim_log *acts_fork(struct probe *p, struct sim_store *to, const struct sim_log *log,
	uint64_t keep, uint32_t count)
{
	struct sim_log *fork = sim_store_need(to, &log->name);

	sim_log_append(fork, sim_log_entries(log, 0, keep), (uint32_t)keep);
	return acts_grow(p, to, PEER, START, count);
}

/* Both have dialled, and one session is replaced while the writer has what was proven in it. */
static void the_next_session_waits_for_what_is_being_remembered(void **state)
{
	(void)state;
	for (int durable = 0; durable <= 1; durable++) {
		struct gossip_action kept;
		struct sim_log *log;
		struct probe p;

		log = is_remembering(&p, &kept);
		greets(&p, 2, &log->complete);
		assert_null(probe_last(&p, WIRE_PROOF_WANT));
		assert_int_equal(p.kept_len, 0);
		probe_tick(&p, 61000);
		lands(&p, &kept, durable);
		if (!durable) {
			assert_null(probe_last(&p, WIRE_WITNESS));
			proves(&p, 2, log, 8, 12);
			remember(&p, true);
		}
		assert_witnessed(&p, log, 12);
		probe_tick(&p, 61000);
		assert_null(p.alarm);
		probe_free(&p);
	}
}

/* But an owner that was restored is to know before it has all the heads. */
static void who_shows_less_is_told_so_at_once(void **state)
{
	struct gossip_action kept;
	struct checkpoint c;
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = is_remembering(&p, &kept);
	sim_log_sign(log, 5, &cast_actor(PEER)->identity, &c);
	greets(&p, 2, &c);
	assert_witnessed(&p, log, 8);
	lands(&p, &kept, true);
	assert_int_equal(probe_count(&p, WIRE_WITNESS), 1);
	probe_free(&p);
}

static void of_two_histories_at_the_same_time_both_are_evidence(void **state)
{
	static const uint32_t more[] = {4, 5}; /* as large as the other, and larger */

	(void)state;
	for (size_t i = 0; i < COUNT_OF(more); i++) {
		struct sim_store other = {0};
		struct gossip_action kept;
		struct sim_log *log, *fork;
		struct probe p;

		log = is_remembering(&p, &kept);
		fork = acts_fork(&p, &other, log, 8, more[i]);
		greets(&p, 2, &fork->complete);
		lands(&p, &kept, true);
		if (more[i] > 4)
			proves(&p, 2, fork, 12, 8 + more[i]);
		assert_string_equal(p.alarm, "provenance-rewritten");
		assert_int_equal(p.kept_len, 1);
		assert_true(p.kept[0].rewritten);
		assert_int_equal(p.kept[0].checkpoint.size, 12);
		assert_memory_equal(&p.kept[0].other.root, &fork->complete.root, HASH_BYTES);
		assert_null(probe_last(&p, WIRE_WITNESS));
		sim_store_free(&other);
		probe_free(&p);
	}
}

/* Both have been asked already when the first answers. */
static void two_sessions_cannot_prove_two_histories_from_one_act(void **state)
{
	struct sim_store other = {0};
	struct sim_log *log, *fork;
	struct probe p;

	(void)state;
	log = has_seen(&p, 8);
	fork = acts_fork(&p, &other, log, 8, 5);
	acts_grow(&p, &p.theirs, PEER, START, 4);
	for (uint32_t session = 1; session <= 2; session++) {
		probe_open(&p, session, PEER);
		hello_with(&p, session, session == 1 ? &log->complete : &fork->complete);
	}
	assert_int_equal(probe_count(&p, WIRE_PROOF_WANT), 2);
	proves(&p, 1, log, 8, 12);
	proves(&p, 2, fork, 8, 13);
	assert_int_equal(p.kept_len, 1);
	remember(&p, true);
	assert_witnessed(&p, log, 12);
	assert_int_equal(probe_last(&p, WIRE_PROOF_WANT)->proof_want.first, 12);
	proves(&p, 2, fork, 12, 13);
	assert_string_equal(p.alarm, "provenance-rewritten");
	sim_store_free(&other);
	probe_free(&p);
}

static void what_was_rewritten_stays_so_when_the_writer_is_late(void **state)
{
	struct sim_store other = {0};
	struct gossip_action kept;
	struct sim_log *log, *fork;
	struct probe p;

	(void)state;
	log = is_remembering(&p, &kept);
	fork = acts_fork(&p, &other, log, 4, 4);
	greets(&p, 2, &fork->complete);
	assert_string_equal(p.alarm, "provenance-rewritten");
	lands(&p, &kept, true);
	greets(&p, 3, &log->complete);
	assert_string_equal(p.alarm, "provenance-rewritten");
	assert_null(probe_last(&p, WIRE_WITNESS));
	sim_store_free(&other);
	probe_free(&p);
}

/* It is shown under keys whose card is on its way, by the peer as by others. */
static void a_log_is_looked_at_whoever_brings_the_card(void **state)
{
	struct sim_random random = {0xc4a49e00u + PEER + ((uint64_t)100 << 32)};
	struct log_name acts = {
		cast_actor(PEER)->node, CAST_EPOCH + 100, {AUDIENCE_PROVENANCE, START + 500}};
	struct env_rng rng = sim_random_env(&random), own;
	struct cast_terms terms = probe_terms(THIRD);
	struct card_chain chain;
	struct identity id;
	struct sim_log *log;
	struct probe p;

	(void)state;
	acquainted(&p);
	probe_agree(&p, &terms);
	own = sim_random_env(&p.random);
	assert_int_equal(identity_generate(&id, acts.incarnation, &rng), 0);
	chain = cast_changed_card(PEER, false, 100, &p.arena);
	log = sim_store_need(&p.theirs, &acts);
	sim_log_publish(log, &id, 5, 10, &own);
	probe_open(&p, 2, THIRD);
	probe_hear_hello(&p, 2, SESSION_CREDIT_BYTES);
	probe_open(&p, 1, PEER);
	hello_with(&p, 1, &log->complete);
	probe_forget(&p);
	probe_hear_cards(&p, 2, &chain);
	probe_hear_cards(&p, 1, &chain);
	assert_int_equal(p.closed, 0);
	assert_int_equal(p.kept_len, 1);
	identity_free(&id);
	probe_free(&p);
}

static void blames_a_checkpoint_that_is_not_the_peers_own(void **state)
{
	struct sim_log *log;
	struct checkpoint c;
	struct probe p;

	(void)state;
	acquainted(&p);
	log = acts_grow(&p, &p.theirs, THIRD, START, 5);
	greets(&p, 1, &log->complete);
	assert_blamed(&p, 1, PEER);
	probe_free(&p);

	acquainted(&p);
	log = acts_grow(&p, &p.theirs, PEER, START, 5);
	c = log->complete;
	c.signature[3] ^= 1;
	greets(&p, 1, &c);
	assert_blamed(&p, 1, PEER);
	assert_int_equal(p.kept_len, 0);
	probe_free(&p);
}

static void blames_a_proof_that_leads_nowhere(void **state)
{
	static const uint8_t hashes[3][32] = {{1}, {2}, {3}};
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = has_seen(&p, 5);
	acts_grow(&p, &p.theirs, PEER, START, 3);
	greets(&p, 1, &log->complete);
	struct wire_message m = {.type = WIRE_PROOF,
		.proof = {.feed = log->name,
			.first = 5,
			.second = 8,
			.hashes = hashes,
			.hashes_len = 3}};
	probe_hear(&p, 1, &m);
	assert_blamed(&p, 1, PEER);
	assert_int_equal(p.kept_len, 0);
	probe_free(&p);
}

static void passes_over_proofs_that_it_did_not_ask_for(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = remembers(&p, 5);
	probe_forget(&p);
	acts_grow(&p, &p.theirs, PEER, START, 3);
	proves(&p, 1, log, 5, 8);
	assert_silence(&p);
	assert_int_equal(p.kept_len, 0);
	probe_free(&p);
}

static void a_peer_that_does_not_prove_its_log_is_alarmed(void **state)
{
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = has_seen(&p, 5);
	acts_grow(&p, &p.theirs, PEER, START, 3);
	greets(&p, 1, &log->complete);
	probe_tick(&p, 30000);
	assert_null(p.alarm);
	probe_tick(&p, 40000);
	assert_string_equal(p.alarm, "provenance-unproven");
	probe_free(&p);
}

static void blames_a_flood_of_wants(void **state)
{
	struct wire_message m = {.type = WIRE_WITNESS_WANT};
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = remembers(&p, 5);
	acts_grow(&p, &p.theirs, PEER, START, 3);
	m.witness_want.log = log->name;
	checkpoint_to_wire(&m.witness_want.checkpoint, &log->complete);
	probe_tick(&p, GOSSIP_WITNESS_MS);
	probe_forget(&p);
	probe_hear(&p, 1, &m);
	assert_int_equal(p.closed, 0);
	assert_non_null(probe_last(&p, WIRE_PROOF_WANT));
	probe_tick(&p, GOSSIP_WITNESS_MS / 2 - 1000);
	probe_forget(&p);
	probe_hear(&p, 1, &m);
	assert_blamed(&p, 1, PEER);
	probe_free(&p);
}

/* --- as an owner ------------------------------------------------------------------------------ */

/* A log of so many acts of its own, shown to PEER in a session. */
static struct sim_log *shows(struct probe *p, uint32_t count)
{
	struct sim_log *log;

	acquainted(p);
	log = acts_grow(p, &p->store, SELF, START, count);
	probe_open(p, 1, PEER);
	probe_hear_hello(p, 1, SESSION_CREDIT_BYTES);
	return log;
}

static void keeps_a_cosignature_of_what_it_has_shown(void **state)
{
	struct wire_message m;
	struct sim_log *log;
	struct probe p;

	(void)state;
	acquainted(&p);
	log = acts_grow(&p, &p.store, SELF, START, 5);
	probe_open(&p, 1, PEER);
	assert_true(probe_last(&p, WIRE_HELLO)->hello.has_provenance);
	assert_int_equal(probe_last(&p, WIRE_HELLO)->hello.provenance.size, 5);
	probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
	probe_forget(&p);
	m = witness_by(PEER, &log->complete);
	probe_hear(&p, 1, &m);
	assert_int_equal(p.kept_len, 1);
	assert_int_equal(p.kept[0].type, GOSSIP_RECEIPT);
	assert_int_equal(p.kept[0].checkpoint.size, 5);
	assert_int_equal(p.act, ACT_WITNESSED);
	probe_free(&p);
}

static void proves_its_growth_to_whom_it_has_shown_it_and_to_nobody_else(void **state)
{
	struct wire_message want = {.type = WIRE_PROOF_WANT};
	struct sim_log *log;
	struct hash first, second;
	struct wire_proof *proof;
	struct hash hashes[PROOF_HASHES_MAX];
	struct checkpoint was;
	struct probe p;

	(void)state;
	log = shows(&p, 9);
	acts_grow(&p, &p.store, SELF, START, 2);
	probe_forget(&p);
	want.proof_want.feed = log->name;
	want.proof_want.first = 4;
	want.proof_want.second = 11; /* not shown to it */
	probe_hear(&p, 1, &want);
	want.proof_want.second = 9;
	want.proof_want.feed = acts_name(SELF, START + 1); /* does not exist */
	probe_hear(&p, 1, &want);
	want.proof_want.feed = acts_name(PEER, START);
	probe_hear(&p, 1, &want);
	assert_silence(&p);
	want.proof_want.feed = log->name;
	probe_hear(&p, 1, &want);
	assert_non_null(probe_last(&p, WIRE_PROOF));
	proof = (struct wire_proof *)(uintptr_t)&probe_last(&p, WIRE_PROOF)->proof;
	for (size_t i = 0; i < proof->hashes_len; i++)
		memcpy(hashes[i].bytes, proof->hashes[i], HASH_BYTES);
	assert_int_equal(proof_roots(4, 9, hashes, proof->hashes_len, &first, &second), 0);
	sim_log_sign(log, 4, &cast_actor(SELF)->identity, &was);
	assert_true(hash_eq(&first, &was.root));
	assert_memory_equal(second.bytes, proof->checkpoint.root, HASH_BYTES);
	probe_free(&p);
}

/* Long sessions: growth is shown after five minutes, and a cosignature alone is no growth. */
static void shows_growth_again_and_does_not_go_round_in_circles(void **state)
{
	struct wire_message m;
	struct sim_log *log;
	struct probe p;

	(void)state;
	log = shows(&p, 5);
	m = witness_by(PEER, &log->complete);
	probe_hear(&p, 1, &m);
	acts_grow(&p, &p.store, SELF, START, 1); /* that is the act witnessed */
	probe_forget(&p);
	probe_tick(&p, 6 * MINUTES);
	assert_null(probe_last(&p, WIRE_WITNESS_WANT));
	acts_grow(&p, &p.store, SELF, START, 1);
	probe_tick(&p, 1000);
	assert_int_equal(probe_count(&p, WIRE_WITNESS_WANT), 1);
	assert_int_equal(probe_last(&p, WIRE_WITNESS_WANT)->witness_want.checkpoint.size, 7);
	probe_forget(&p);
	acts_grow(&p, &p.store, SELF, START, 1);
	probe_tick(&p, 4 * MINUTES);
	assert_null(probe_last(&p, WIRE_WITNESS_WANT));
	probe_tick(&p, 2 * MINUTES);
	assert_int_equal(probe_count(&p, WIRE_WITNESS_WANT), 1);
	probe_free(&p);
}

static void enters_what_a_witness_has_and_it_has_not(void **state)
{
	struct sim_store lost = {0};
	struct sim_log *log, *more;
	struct wire_message m;
	struct checkpoint part;
	struct probe p;

	(void)state;
	acquainted(&p);
	/* The former log, of which the peer has seen more than this restored copy holds. */
	more = acts_grow(&p, &lost, SELF, START - 50, 9);
	log = acts_grow(&p, &p.store, SELF, START, 5);
	probe_open(&p, 1, PEER);
	probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
	probe_forget(&p);
	m = witness_by(PEER, &more->complete);
	probe_hear(&p, 1, &m);
	assert_int_equal(p.act, ACT_WITNESS_REPORT);
	assert_string_equal(p.alarm, "provenance-behind");
	assert_int_equal(p.kept_len, 0);
	/* What it has is no news. */
	gossip_closed(p.g, probe_time(&p), 1, "over");
	probe_actions(&p);
	probe_open(&p, 2, PEER);
	probe_hear_hello(&p, 2, SESSION_CREDIT_BYTES);
	probe_forget(&p);
	sim_log_sign(log, 3, &cast_actor(SELF)->identity, &part);
	m = witness_by(PEER, &part);
	probe_hear(&p, 2, &m);
	assert_silence(&p);
	/* Nor is what was entered already. */
	m = witness_by(PEER, &more->complete);
	probe_hear(&p, 2, &m);
	assert_silence(&p);
	sim_store_free(&lost);
	probe_free(&p);
}

/* A log that begins in the middle of a session: both the old and the new one are answered for. */
static void takes_two_answers_for_each_log_that_it_shows(void **state)
{
	struct sim_log *before, *log;
	struct wire_message m;
	struct probe p;

	(void)state;
	before = shows(&p, 5);
	m = witness_by(PEER, &before->complete);
	probe_hear(&p, 1, &m);
	probe_hear(&p, 1, &m);
	log = acts_grow(&p, &p.store, SELF, START + 100, 3);
	probe_forget(&p);
	probe_tick(&p, 6 * MINUTES);
	assert_int_equal(probe_count(&p, WIRE_WITNESS_WANT), 1);
	probe_forget(&p);
	m = witness_by(PEER, &before->complete);
	probe_hear(&p, 1, &m);
	assert_int_equal(p.closed, 0);
	m = witness_by(PEER, &log->complete);
	probe_hear(&p, 1, &m);
	assert_int_equal(p.kept_len, 1);
	assert_int_equal(p.kept[0].checkpoint.size, 3);
	assert_int_equal(p.closed, 0);
	probe_hear(&p, 1, &m);
	assert_blamed(&p, 1, PEER);
	probe_free(&p);
}

static void blames_cosignatures_that_are_forged_or_unasked(void **state)
{
	struct wire_message m[4];
	struct sim_log *log, *theirs;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct probe p;

		acquainted(&p);
		log = acts_grow(&p, &p.store, SELF, START, 5);
		theirs = acts_grow(&p, &p.theirs, THIRD, START, 5);
		probe_open(&p, 1, PEER);
		probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
		probe_forget(&p);
		m[0] = witness_by(THIRD, &log->complete);
		m[1] = witness_by(PEER, &log->complete);
		m[1].witness.time++;
		m[2] = witness_by(PEER, &theirs->complete); /* not our log */
		/* More than it has ever signed: nobody makes it begin a new log by a lie. */
		m[3] = witness_by(PEER, &log->complete);
		m[3].witness.log_signature[0] ^= 1;
		if (i < 4)
			probe_hear(&p, 1, &m[i]);
		/* One for HELLO, one for what it remembers, and no third. */
		m[0] = witness_by(PEER, &log->complete);
		for (int k = 0; i == 4 && k < 3; k++) {
			assert_int_equal(p.closed, 0);
			probe_hear(&p, 1, &m[0]);
		}
		assert_blamed(&p, 1, PEER);
		probe_free(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cosigns_what_it_sees_first_once_it_is_remembered),
		cmocka_unit_test(shows_its_card_before_it_witnesses_and_its_heads_behind),
		cmocka_unit_test(says_nothing_when_it_could_not_remember),
		cmocka_unit_test(cosigns_growth_only_when_it_is_proved),
		cmocka_unit_test(remembers_over_a_restart),
		cmocka_unit_test(tells_who_shows_less_what_it_remembers),
		cmocka_unit_test(a_new_log_is_witnessed_anew_and_the_old_one_reported),
		cmocka_unit_test(two_histories_are_kept_as_evidence_and_end_it),
		cmocka_unit_test(the_next_session_waits_for_what_is_being_remembered),
		cmocka_unit_test(who_shows_less_is_told_so_at_once),
		cmocka_unit_test(of_two_histories_at_the_same_time_both_are_evidence),
		cmocka_unit_test(two_sessions_cannot_prove_two_histories_from_one_act),
		cmocka_unit_test(what_was_rewritten_stays_so_when_the_writer_is_late),
		cmocka_unit_test(a_log_is_looked_at_whoever_brings_the_card),
		cmocka_unit_test(blames_a_checkpoint_that_is_not_the_peers_own),
		cmocka_unit_test(blames_a_proof_that_leads_nowhere),
		cmocka_unit_test(passes_over_proofs_that_it_did_not_ask_for),
		cmocka_unit_test(a_peer_that_does_not_prove_its_log_is_alarmed),
		cmocka_unit_test(blames_a_flood_of_wants),
		cmocka_unit_test(keeps_a_cosignature_of_what_it_has_shown),
		cmocka_unit_test(proves_its_growth_to_whom_it_has_shown_it_and_to_nobody_else),
		cmocka_unit_test(shows_growth_again_and_does_not_go_round_in_circles),
		cmocka_unit_test(enters_what_a_witness_has_and_it_has_not),
		cmocka_unit_test(takes_two_answers_for_each_log_that_it_shows),
		cmocka_unit_test(blames_cosignatures_that_are_forged_or_unasked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
