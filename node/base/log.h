/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One line per event on stderr: level, group, words, then key=value. Journal priority prefixes when
 * stderr is not a terminal, so that the supervisor sorts. Thread-safe; saves and restores errno.
 * Indicator content never goes through here, only identifiers. Provenance is for proof and lives
 * elsewhere.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/* LOG_NOTHING is for log_level_set alone. */
enum log_level { LOG_NOTHING = -1, LOG_ERROR, LOG_WARN, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

void log_level_set(enum log_level level);
bool log_level_parse(const char *name, enum log_level *level);
bool log_enabled(enum log_level level);
void log_line(enum log_level level, const char *group, const char *format, ...) PRINTF_LIKE(3, 4);

#define log_error(group, ...)  log_line(LOG_ERROR, group, __VA_ARGS__)
#define log_warn(group, ...)   log_line(LOG_WARN, group, __VA_ARGS__)
#define log_notice(group, ...) log_line(LOG_NOTICE, group, __VA_ARGS__)
#define log_info(group, ...)   log_line(LOG_INFO, group, __VA_ARGS__)
#define log_debug(group, ...)  log_line(LOG_DEBUG, group, __VA_ARGS__)
