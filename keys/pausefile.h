/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The stop button as it lies on disk: file `paused` in the node's directory, so that what was
 * stopped stays so over a restart, and can be stopped while the daemon is down. No file: nothing is
 * paused.
 *
 *     entente/pause/v1
 *     out                     no entries are sent,
 *     in                      none are taken,
 *     peer: <node id>         neither with this peer; any number of lines, in order of node id
 *
 * The daemon writes it while it runs, the command `pause` otherwise. One spelling, as with all
 * files here.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/name.h"
#include "proto/limits.h"

#define PAUSEFILE_NAME      "paused"
#define PAUSEFILE_PEERS_MAX GOSSIP_PEERS_MAX
#define PAUSEFILE_BYTES_MAX (64u * PAUSEFILE_PEERS_MAX)

struct pausefile {
	bool out, in;
	size_t peers_len;
	struct node_id peers[PAUSEFILE_PEERS_MAX]; /* sorted */
};

/* ENT_EINVALID with the file's name and what was wanted. */
int pausefile_parse(struct pausefile *p, struct bytes text, const char *name,
	struct err_text *err) MUST_CHECK;
void pausefile_print(struct buf *out, const struct pausefile *p);

/* What `pause` and `resume` are given. */
struct pausefile_change {
	bool resume;
	bool out, in; /* both: all of it; resuming both, single peers too */
	bool has_peer;
	struct node_id peer;
};
/* ENT_ELIMIT: too many peers. */
int pausefile_apply(struct pausefile *p, const struct pausefile_change *change) MUST_CHECK;
bool pausefile_any(const struct pausefile *p);

/* No file is no error. */
int pausefile_read(struct pausefile *p, const char *path, struct err_text *err) MUST_CHECK;
/* Removes the file when nothing is paused. */
int pausefile_write(const struct pausefile *p, const char *path, struct err_text *err) MUST_CHECK;
