/* SPDX-License-Identifier: EUPL-1.2 */
/* Logs of acts that are shown, and what is said of them. */
#pragma once

#include "unit/gossip/probe.h"

#define START   ((uint64_t)CAST_EPOCH)
#define MINUTES 60000u

static inline struct log_name acts_name(unsigned actor, uint64_t start)
{
	return probe_name(actor, (struct audience){AUDIENCE_PROVENANCE, start});
}

/* A log of acts grows; in the store that the engine reads when it is its own. */
static inline struct sim_log *acts_grow(struct probe *p, struct sim_store *store, unsigned actor,
	uint64_t start, uint32_t count)
{
	struct log_name name = acts_name(actor, start);
	struct sim_log *log = sim_store_need(store, &name);
	struct env_rng rng = sim_random_env(&p->random);

	sim_log_publish(log, &cast_actor(actor)->identity, count, 10, &rng);
	if (actor == SELF)
		gossip_provenance(p->g, &log->complete);
	return log;
}

static inline void hello_with(struct probe *p, uint32_t session, const struct checkpoint *c)
{
	struct wire_agreement list[8];
	struct wire_message m = {.type = WIRE_HELLO,
		.hello = {.version = WIRE_VERSION,
			.agreements = list,
			.agreements_len = p->agreements_len,
			.credit = SESSION_CREDIT_BYTES,
			.software = bytes_str("probe"),
			.has_provenance = true,
			.provenance_log = c->log}};

	for (size_t i = 0; i < p->agreements_len; i++) {
		list[i] = (struct wire_agreement){
			.id = p->agreements[i]->id, .serial = p->agreements[i]->serial};
		memcpy(list[i].hash, p->agreements[i]->hash, sizeof(list[i].hash));
	}
	checkpoint_to_wire(&m.hello.provenance, c);
	probe_hear(p, session, &m);
}

/* An engine with an agreement and no session. */
static inline void acquainted(struct probe *p)
{
	struct cast_terms terms = probe_terms(PEER);

	probe_init(p);
	probe_agree(p, &terms);
}

/* The next session of PEER, which shows this checkpoint. */
static inline void greets(struct probe *p, uint32_t session, const struct checkpoint *c)
{
	if (session > 1) {
		gossip_closed(p->g, probe_time(p), session - 1, "over");
		probe_actions(p);
	}
	probe_open(p, session, PEER);
	probe_forget(p);
	hello_with(p, session, c);
}

/* What the engine wants remembered becomes durable, or cannot be stored. */
static inline void remember(struct probe *p, bool durable)
{
	struct gossip_action kept[8];
	size_t len = 0;

	for (size_t i = 0; i < p->kept_len; i++)
		if (p->kept[i].type == GOSSIP_WITNESS && !p->kept[i].rewritten)
			kept[len++] = p->kept[i];
	p->kept_len = 0;
	for (size_t i = 0; i < len; i++)
		gossip_witnessed(p->g, probe_time(p), kept[i].session, &kept[i].checkpoint,
			durable);
	probe_actions(p);
}

static inline struct wire_message witness_by(unsigned actor, const struct checkpoint *c)
{
	struct wire_message m = {.type = WIRE_WITNESS,
		.witness = {.log = c->log, .size = c->size, .time = START + 7}};
	struct cosignature s;

	cosignature_sign(&s, c, m.witness.time, cast_actor(actor)->identity.witness_secret);
	memcpy(m.witness.root, c->root.bytes, HASH_BYTES);
	memcpy(m.witness.signature, s.signature, sizeof(s.signature));
	memcpy(m.witness.log_signature, c->signature, sizeof(c->signature));
	return m;
}
