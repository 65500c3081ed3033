/* SPDX-License-Identifier: EUPL-1.2 */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/text.h"
#include "keys/file.h"

#define GUARD_BYTES_MAX (4096u * 256u)

/* <origin line> <size> <base64 root> */
static bool line_parse(struct bytes line, struct log_name *log, uint64_t *size)
{
	struct bytes name, number, root;
	uint8_t raw[32];

	return text_word_next(&line, &name) && text_word_next(&line, &number) &&
	       text_word_next(&line, &root) && line.len == 0 && log_name_parse(name, log) &&
	       text_u64_parse(number, size) && text_base64_decode(root, raw, sizeof(raw)) == 32;
}

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

static enum cli_guard_state check_lines(struct cli *c, struct bytes rest, const char *path,
	const char **text)
{
	struct bytes line;
	unsigned number = 0;

	while (text_line_next(&rest, &line)) {
		struct store_log held = {0};
		struct log_name log;
		uint64_t size;

		number++;
		if (!line_parse(line, &log, &size)) {
			*text = said(c, "%s:%u: wanted an origin line, a size and a root", path,
				number);
			return CLI_GUARD_BROKEN;
		}
		if (c->reader && store_log_get(c->reader, &log, &held) == 0 && held.size >= size)
			continue;
		*text = said(c, "%.*s: the store has %" PRIu64 " of %" PRIu64 " entries signed",
			(int)(line.len < 96 ? line.len : 96), (const char *)line.data, held.size,
			size);
		return CLI_GUARD_BEHIND;
	}
	*text = said(c, "%u feeds, none behind", number);
	return CLI_GUARD_GOOD;
}

enum cli_guard_state cli_guard_check(struct cli *c, const char **text)
{
	const char *path = cli_path(c, "guard");
	struct buf data = buf_with_max(GUARD_BYTES_MAX);
	enum cli_guard_state state;
	struct err_text err;

	if (access(path, F_OK) != 0) {
		*text = said(c, "%s: there is none", path);
		return CLI_GUARD_NONE;
	}
	if (file_read(path, &data, &err) != 0) {
		*text = said(c, "%s", err.text);
		state = CLI_GUARD_BROKEN;
	} else {
		state = check_lines(c, buf_view(&data), path, text);
	}
	buf_free(&data);
	return state;
}
