/* SPDX-License-Identifier: EUPL-1.2 */
/* What the engine reads of the truth while it runs, each answer in a transaction of its own. */
#pragma once

#include "gossip/engine.h"
#include "store/store.h"

/* Borrows the store, which must be open as long as the engine reads. */
struct gossip_store ledger_reads(struct store *s);
