/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What commands have done while the daemon did not run, and what is to be entered among the acts at
 * its next start: under the home, one JSON document a line, each a request of `exported`,
 * `reindexed` or `compacted`.
 *
 * And what analysts have asked, which commands answer from the store without the daemon: a line a
 * command, appended when it is done. The daemon adds the lines up (app/queries.c).
 *
 *     find 3                                      so many values
 *     find 1 MS SALT HASH OPERATOR                with log-queries full
 *
 * Salt (16 bytes) and hash are hex; hash is SHA-256(salt || what was asked, by line feeds).
 */
#pragma once

#define WAITING_NAME      "data/exported.waiting"
#define WAITING_BYTES_MAX (1024u * 1024u)

#define QUERIES_NAME      "data/queries"
#define QUERIES_TAKEN     "data/queries.taken"
/* A reader is always soon done with it; while no daemon runs queries are no longer counted behind
 * this size. Lines of the long form are written up to the second: some thousand acts at a time. */
#define QUERIES_BYTES_MAX (4u * 1024u * 1024u)
#define QUERIES_FULL_MAX  (512u * 1024u)
