/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The disk of a simulated node. On it lie the two environments of the store and the guard file.
 * disk.c stands in for LMDB itself: the node's own store (node/store) runs on it unchanged, by the
 * functions of lmdb.h that it calls.
 *
 * A transaction becomes durable as a whole when its commit syncs, and not before: a machine that
 * dies loses what was not synced, or does not, and what the journal beside the guard tells of is
 * done again when the store is opened. Until disk_revive every access fails then, so whatever the
 * dead process still tries comes to nothing.
 *
 * Rows never change once written, so copies share them: a backup of a disk costs little.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/env.h"
#include "store/store.h"

enum disk_health {
	DISK_WELL,
	DISK_FULL,     /* a write finds no room */
	DISK_MAP_FULL, /* nor does the map of LMDB */
	DISK_NO_SYNC,  /* fsync gives EIO */
	DISK_DEAD,     /* the machine is down */
};

struct disk;

struct disk *disk_new(void);
/* All that is durable, as a backup takes it. */
struct disk *disk_copy(const struct disk *d);
void disk_free(struct disk *d);

/* The machine dies, and comes back with what had been synced. */
void disk_kill(struct disk *d);
void disk_revive(struct disk *d);
/* Well or ill; a dead one stays dead. */
void disk_health_set(struct disk *d, enum disk_health health);
enum disk_health disk_health(const struct disk *d);

/* The store on it, as store_open gives it; close with disk_store_close. One at a time. */
int disk_store_open(struct disk *d, const struct env_rng *rng, struct store **out) MUST_CHECK;
void disk_store_close(struct store *s);

/* The guard file with its redo: replaced as a whole, durable when 0 comes back, and perhaps when
 * the sync failed. */
int disk_guard_write(struct disk *d, struct bytes text, struct bytes redo) MUST_CHECK;
bool disk_guard_read(const struct disk *d, struct bytes *text);
void disk_guard_remove(struct disk *d);

size_t disk_bytes(const struct disk *d);
uint64_t disk_commits(const struct disk *d);
