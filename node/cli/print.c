/* SPDX-License-Identifier: EUPL-1.2 */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

/* --- errors ----------------------------------------------------------------------------------- */

int cli_fail(struct cli *c, int status, const char *format, ...)
{
	char text[2 * ERR_TEXT_MAX];
	va_list args;

	if (c->quiet)
		return status;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	cli_progress(c, NULL);
	fprintf(stderr, "entente: %s\n", cli_clean(c, bytes_str(text)));
	if (c->json && !c->printed && status != CLI_USAGE)
		return cli_json(c,
			json_pack("{s:o, s:i}", "error", cli_json_text(bytes_str(text)), "status",
				status),
			status);
	return status;
}

int cli_status_of(int code)
{
	switch (code) {
	case 0:
		return CLI_DONE;
	case ENT_ENOTFOUND:
	case ENT_ETIMEOUT:
		return CLI_NOT;
	case ENT_EUSAGE:
		return CLI_USAGE;
	case ENT_EDENIED:
	case ENT_EGUARDED:
		return CLI_REFUSED;
	case ENT_ECLOSED:
	case ENT_EMUTE:
	case ENT_EBUSY:
		return CLI_NODE;
	case ENT_EIO:
	case ENT_EFULL:
	case ENT_ENOMEM:
	case ENT_ECORRUPT:
		return CLI_STORE;
	default:
		return CLI_INVALID;
	}
}

int cli_fail_code(struct cli *c, int code, const char *what)
{
	if (c->err.text[0])
		return cli_fail(c, cli_status_of(code), "%s", c->err.text);
	return cli_fail(c, cli_status_of(code), "%s: %s", what, err_sentence(code));
}

void cli_note(struct cli *c, const char *format, ...)
{
	va_list args;

	cli_progress(c, NULL);
	fprintf(stderr, "entente: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static int unwritten(void)
{
	fprintf(stderr, "entente: cannot write to standard output\n");
	return CLI_STORE;
}

static int print_json(struct cli *c, json_t *document, size_t flags)
{
	bool good = document && json_dumpf(document, stdout, flags) == 0 && putchar('\n') != EOF;

	json_decref(document);
	c->printed = true;
	return good ? 0 : unwritten();
}

int cli_json(struct cli *c, json_t *document, int status)
{
	int rc = print_json(c, document, isatty(STDOUT_FILENO) ? JSON_INDENT(2) : JSON_COMPACT);

	if (rc == 0 && fflush(stdout) != 0)
		rc = unwritten();
	return rc ? rc : status;
}

int cli_json_line(struct cli *c, json_t *document)
{
	return print_json(c, document, JSON_COMPACT);
}

/* The length of the UTF-8 character at the begin of text; 0 when it is none. */
static size_t character_len(struct bytes text)
{
	for (size_t len = 1; len <= 4 && len <= text.len; len++)
		if (text_utf8_valid(bytes_from(text.data, len)))
			return len;
	return 0;
}

json_t *cli_json_text(struct bytes text)
{
	struct buf out = buf_with_max(4 * text.len + 4);
	json_t *string;

	if (text.len == 0)
		return json_string("");
	if (text_utf8_valid(text))
		return json_stringn((const char *)text.data, text.len);
	while (text.len) {
		size_t len = character_len(text);

		if (len)
			buf_append(&out, text.data, len);
		else
			buf_str(&out, "\xef\xbf\xbd");
		text = bytes_skip(text, len ? len : 1);
	}
	string = json_stringn((const char *)out.data, out.len);
	buf_free(&out);
	return string;
}

json_t *cli_json_node(const struct node_id *id)
{
	char text[NODE_ID_TEXT_SIZE];

	node_id_text(text, id);
	return json_string(text);
}

static json_t *json_coded(struct bytes b, size_t size, void (*encode)(char *out, struct bytes b))
{
	char *text = malloc(size);
	json_t *string;

	if (!text)
		return NULL;
	encode(text, b);
	string = json_string(text);
	free(text);
	return string;
}

json_t *cli_json_hex(struct bytes b)
{
	return json_coded(b, HEX_TEXT_SIZE(b.len), text_hex_encode);
}

json_t *cli_json_base64(struct bytes b)
{
	return json_coded(b, BASE64_TEXT_SIZE(b.len), text_base64_encode);
}

json_t *cli_json_time_s(int64_t seconds)
{
	char text[TEXT_TIME_SIZE];

	if (!seconds)
		return json_null();
	text_time_s(text, seconds);
	return json_string(text);
}

/* --- text for people -------------------------------------------------------------------------- */

/* Characters that control a terminal or turn the order of what is read: C0, DEL, C1, U+200B..F,
 * U+2028..E, U+2060..F and U+FEFF. */
static bool character_hidden(const uint8_t *p, size_t len)
{
	if (len == 1)
		return p[0] < 0x20 || p[0] == 0x7f;
	if (len == 2)
		return p[0] == 0xc2 && p[1] < 0xa0;
	if (len != 3)
		return false;
	if (p[0] == 0xe2 && p[1] == 0x80)
		return (p[2] >= 0x8b && p[2] <= 0x8f) || (p[2] >= 0xa8 && p[2] <= 0xae);
	return (p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa0 && p[2] <= 0xaf) ||
	       (p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf);
}

const char *cli_clean(struct cli *c, struct bytes text)
{
	char *clean = arena_alloc(&c->arena, text.len + 1);
	size_t at = 0;

	if (!clean)
		return "";
	while (text.len) {
		size_t len = character_len(text);

		if (len && !character_hidden(text.data, len)) {
			memcpy(clean + at, text.data, len);
			at += len;
		} else {
			clean[at++] = '?';
		}
		text = bytes_skip(text, len ? len : 1);
	}
	clean[at] = '\0';
	return clean;
}

const char *cli_paint(const struct cli *c, enum cli_color color)
{
	static const char *const codes[] = {
		[CLI_PLAIN] = "\x1b[0m",
		[CLI_GOOD] = "\x1b[32m",
		[CLI_WARN] = "\x1b[33m",
		[CLI_BAD] = "\x1b[31m",
		[CLI_DIM] = "\x1b[2m",
	};

	return c->color ? codes[color] : "";
}

void cli_table_init(struct cli_table *t, struct cli *c, const char *titles)
{
	struct bytes rest = bytes_str(titles);

	*t = (struct cli_table){.cli = c, .columns_len = 1};
	for (const char *p = titles; *p; p++)
		t->columns_len += *p == '|';
	for (size_t i = 0; i < t->columns_len; i++) {
		size_t len = 0;

		while (len < rest.len && rest.data[len] != '|')
			len++;
		cli_table_cell(t, CLI_DIM, "%.*s", (int)len, (const char *)rest.data);
		rest = bytes_skip(rest, len + 1);
	}
}

void cli_table_cell(struct cli_table *t, enum cli_color color, const char *format, ...)
{
	char text[1024];
	va_list args;

	if (t->cells_len == t->cells_cap) {
		size_t cap = t->cells_cap ? 2 * t->cells_cap : 64;
		const char **cells = realloc(t->cells, cap * sizeof(*cells));
		enum cli_color *colors;

		if (!cells)
			return;
		t->cells = cells;
		colors = realloc(t->colors, cap * sizeof(*colors));
		if (!colors)
			return;
		t->colors = colors;
		t->cells_cap = cap;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	t->cells[t->cells_len] = cli_clean(t->cli, bytes_str(text));
	t->colors[t->cells_len++] = color;
}

/* Columns on a terminal: characters, not bytes. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static bool is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

static void print_cell(const struct cli_table *t, size_t at, size_t width, bool last)
{
	const char *text = t->cells[at];
	bool right = is_number(text);
	int pad = (int)(width - width_of(text));
	bool painted = t->colors[at] != CLI_PLAIN;

	printf("%*s%s%s%s", right ? pad : 0, "", painted ? cli_paint(t->cli, t->colors[at]) : "",
		text, painted ? cli_paint(t->cli, CLI_PLAIN) : "");
	if (last)
		putchar('\n');
	else
		printf("%*s", (right ? 0 : pad) + 2, "");
}

void cli_table_print(struct cli_table *t)
{
	size_t rows = t->cells_len / t->columns_len;
	size_t *widths = calloc(t->columns_len, sizeof(*widths));

	for (size_t i = 0; widths && i < rows * t->columns_len; i++) {
		size_t width = width_of(t->cells[i]);

		if (width > widths[i % t->columns_len])
			widths[i % t->columns_len] = width;
	}
	for (size_t i = 0; widths && rows > 1 && i < rows * t->columns_len; i++) {
		size_t column = i % t->columns_len;

		print_cell(t, i, widths[column], column + 1 == t->columns_len);
	}
	free(widths);
	free(t->cells);
	free(t->colors);
	*t = (struct cli_table){0};
}

void cli_progress(struct cli *c, const char *format, ...)
{
	static bool shown;
	bool over = isatty(STDERR_FILENO);
	va_list args;

	if (!c->progress || (!format && !shown))
		return;
	shown = over && format;
	if (over)
		fprintf(stderr, "\r\x1b[K");
	if (format) {
		va_start(args, format);
		vfprintf(stderr, format, args);
		va_end(args);
		if (!over)
			fputc('\n', stderr);
	}
	fflush(stderr);
}
