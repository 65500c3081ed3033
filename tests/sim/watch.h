/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The watcher of a world: knows every keys directory, clock and store, and holds what happens
 * against DESIGN 14, without asking the code under test:
 *
 *     I2   held sizes only grow, and each entry is stored once
 *     I3   what is stored is, byte for byte, what its origin said
 *     I4   nothing of a feed is said to a node that is not entitled to it
 *     I10  nothing is said under an agreement that has ended
 *     I12  what is sent lies in a sending that the provenance log has
 *     I5   after healing, whatever may arrive has arrived (watch_settled)
 */
#pragma once

#include "sim/world.h"

/* A correct node is about to say this from that end. */
void watch_said(struct world *w, struct world_session *s, unsigned end,
	const struct wire_message *m);
/* It arrives at that end. */
void watch_heard(struct world *w, struct world_session *s, unsigned end,
	const struct wire_message *m);
/* An act goes to the provenance log; and an opened sending stands there durably. */
void watch_act(struct world *w, struct world_session *s, unsigned end, const struct act_body *act);
void watch_durable(struct world *w, struct world_session *s, unsigned end,
	const struct log_name *feed);
/* A run was accepted at that end to be verified; and stored by the node. */
void watch_taken(struct world *w, struct world_session *s, unsigned end,
	const struct ingest_job *job);
void watch_stored(struct world *w, struct world_node *n, const struct sim_log *log);
/* An origin was accepted; introducer all zero: none was needed. */
void watch_pinned(struct world *w, struct world_node *n, const struct node_id *origin,
	const struct node_id *introducer);

/* Fails the world unless everything that permitted paths lead to has arrived; to be asked when
 * links are whole and agreements have not changed for a while. */
void watch_settled(struct world *w);
/* Fails the world unless every sending of sessions that are over is closed. */
void watch_closed(struct world *w);
