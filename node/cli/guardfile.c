/* SPDX-License-Identifier: EUPL-1.2 */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdarg.h>
#include <unistd.h>

#include "keys/file.h"
#include "ledger/guardfile.h"

static const char *said(struct cli *c, const char *format, ...) PRINTF_LIKE(2, 3);
static const char *said(struct cli *c, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return cli_clean(c, bytes_str(text));
}

static enum cli_guard_state compare(struct cli *c, const struct guardfile *guard, const char **text)
{
	const struct card *own = cli_own(c);
	uint64_t now = own ? own->logs[own->logs_len - 1].incarnation : 0;

	for (size_t i = 0; i < guard->feeds_len; i++) {
		const struct guardfile_feed *f = &guard->feeds[i];
		struct store_log held = {0};
		char name[LOG_NAME_TEXT_SIZE];

		/* Nothing is signed in a former incarnation any more. */
		if (f->log.incarnation != now ||
			(c->reader && store_log_get(c->reader, &f->log, &held) == 0 &&
				held.size >= f->size))
			continue;
		log_name_text(name, &f->log);
		*text = said(c, "%s: the store has %" PRIu64 " of %" PRIu64 " entries signed", name,
			held.size, f->size);
		return CLI_GUARD_BEHIND;
	}
	*text = said(c, "%zu feeds, none behind", guard->feeds_len);
	return CLI_GUARD_GOOD;
}

enum cli_guard_state cli_guard_check(struct cli *c, const char **text)
{
	const char *path = cli_path(c, "guard");
	struct buf data = buf_with_max(GUARDFILE_BYTES_MAX);
	enum cli_guard_state state = CLI_GUARD_BROKEN;
	struct guardfile guard = {0};
	struct err_text err;

	if (access(path, F_OK) != 0) {
		*text = said(c, "%s: there is none", path);
		return CLI_GUARD_NONE;
	}
	if (file_read(path, &data, &err) != 0 ||
		guardfile_parse(&guard, buf_view(&data), path, &err) != 0)
		*text = said(c, "%s", err.text);
	else
		state = compare(c, &guard, text);
	guardfile_free(&guard);
	buf_free(&data);
	return state;
}
