/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static _Atomic int level_now = LOG_INFO;

static const struct {
	const char *name;
	int priority; /* syslog(3) number, read by the journal */
} levels[] = {
	[LOG_ERROR] = {"error", 3},
	[LOG_WARN] = {"warn", 4},
	[LOG_NOTICE] = {"notice", 5},
	[LOG_INFO] = {"info", 6},
	[LOG_DEBUG] = {"debug", 7},
};

void log_level_set(enum log_level level)
{
	atomic_store_explicit(&level_now, (int)level, memory_order_relaxed);
}

bool log_level_parse(const char *name, enum log_level *level)
{
	for (unsigned i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(levels[i].name, name) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

bool log_enabled(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&level_now, memory_order_relaxed);
}

void log_line(enum log_level level, const char *group, const char *format, ...)
{
	int saved = errno;
	char line[1024];
	va_list args;
	int len = 0;

	if (!log_enabled(level))
		return;
	if (!isatty(STDERR_FILENO))
		len = snprintf(line, sizeof(line), "<%d>", levels[level].priority);
	len += snprintf(line + len, sizeof(line) - (size_t)len, "%-6s %-8s ", levels[level].name,
		group);
	va_start(args, format);
	len += vsnprintf(line + len, sizeof(line) - (size_t)len - 1, format, args);
	va_end(args);
	if (len > (int)sizeof(line) - 2)
		len = (int)sizeof(line) - 2;
	/* Whatever a peer put into a field stays on this one line. */
	for (int i = 0; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)len) < 0) {
		/* stderr is gone: there is nobody left to tell. */
	}
	errno = saved;
}
