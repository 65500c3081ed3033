/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The daemon: wiring, start and stop. One loop thread drives net, control and the engine; the
 * pipeline's threads do the heavy work behind it (pipeline.h).
 *
 * Start: home and configuration, node key, keys directory, store, guard file; then threads, engine,
 * control socket, listener; then ready. Stop (SIGTERM, SIGINT): listener and sessions with
 * farewell, control, then the pipeline finishes what is queued.
 */
#pragma once

#include "base/err.h"
#include "base/log.h"

struct app_options {
	const char *home;
	const char *listen;          /* NULL: as configured */
	const char *passphrase_file; /* NULL: none, or as the environment says */
	bool has_log_level;
	enum log_level log_level;
};

/* Runs until it is told to stop. Gives the process's exit status. */
int app_run(const struct app_options *options);
