/* SPDX-License-Identifier: EUPL-1.2 */
#include "ledger/guardfile.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "keys/file.h"
#include "store/slot.h"

static int line_read(struct guardfile *g, struct bytes line)
{
	struct bytes word[3];
	struct log_name log;
	struct hash root;
	uint64_t size;

	for (size_t i = 0; i < 3; i++)
		if (!text_word_next(&line, &word[i]))
			return ENT_EINVALID;
	if (line.len != 0 || !log_name_parse(word[0], &log) || !text_u64_parse(word[1], &size) ||
		size == 0 || text_base64_decode(word[2], root.bytes, HASH_BYTES) != HASH_BYTES)
		return ENT_EINVALID;
	return guardfile_set(g, &log, size, &root);
}

/* A file that is no two slots, or has none that is whole, is taken for lines. */
static struct bytes lines_of(struct bytes file)
{
	struct slot slot;

	return slot_newest(file, &slot) ? slot.lines : file;
}

int guardfile_parse(struct guardfile *g, struct bytes text, const char *name, struct err_text *err)
{
	struct bytes line;
	unsigned number = 0;
	int rc = 0;

	*g = (struct guardfile){0};
	text = lines_of(text);
	while (rc == 0 && text_line_next(&text, &line)) {
		number++;
		rc = line_read(g, line);
		if (rc != 0)
			err_set(err, rc,
				"%s:%u: saw \"%.*s\", wanted an origin line, a size and a root",
				name, number, (int)(line.len < 120 ? line.len : 120),
				(const char *)line.data);
	}
	if (rc != 0)
		guardfile_free(g);
	return rc;
}

static struct guardfile_feed *find(const struct guardfile *g, const struct log_name *log)
{
	for (size_t i = 0; i < g->feeds_len; i++)
		if (log_name_eq(&g->feeds[i].log, log))
			return &g->feeds[i];
	return NULL;
}

const struct guardfile_feed *guardfile_find(const struct guardfile *g, const struct log_name *log)
{
	return find(g, log);
}

int guardfile_set(struct guardfile *g, const struct log_name *log, uint64_t size,
	const struct hash *root)
{
	struct guardfile_feed *f = find(g, log);

	if (!f) {
		if (g->feeds_len == GUARDFILE_FEEDS_MAX)
			return ENT_ELIMIT;
		f = realloc(g->feeds, (g->feeds_len + 1) * sizeof(*f));
		if (!f)
			return ENT_ENOMEM;
		g->feeds = f;
		f = &g->feeds[g->feeds_len++];
		f->log = *log;
	}
	f->size = size;
	f->root = *root;
	return 0;
}

int guardfile_copy(struct guardfile *to, const struct guardfile *from)
{
	*to = (struct guardfile){0};
	if (from->feeds_len == 0)
		return 0;
	to->feeds = malloc(from->feeds_len * sizeof(*to->feeds));
	if (!to->feeds)
		return ENT_ENOMEM;
	memcpy(to->feeds, from->feeds, from->feeds_len * sizeof(*to->feeds));
	to->feeds_len = from->feeds_len;
	return 0;
}

int guardfile_read(struct guardfile *g, const char *path, struct err_text *err)
{
	struct buf text = buf_with_max(GUARDFILE_BYTES_MAX);
	int rc;

	*g = (struct guardfile){0};
	if (access(path, F_OK) != 0)
		return err_set(err, ENT_ENOTFOUND, "%s: there is none", path);
	rc = file_read(path, &text, err);
	if (rc == 0)
		rc = guardfile_parse(g, buf_view(&text), path, err);
	buf_free(&text);
	return rc;
}

void guardfile_print(struct buf *out, const struct guardfile *g)
{
	for (size_t i = 0; i < g->feeds_len; i++) {
		char name[LOG_NAME_TEXT_SIZE], root[BASE64_TEXT_SIZE(HASH_BYTES)];

		log_name_text(name, &g->feeds[i].log);
		text_base64_encode(root, BYTES_OF(g->feeds[i].root.bytes));
		buf_printf(out, "%s %" PRIu64 " %s\n", name, g->feeds[i].size, root);
	}
}

void guardfile_free(struct guardfile *g)
{
	free(g->feeds);
	g->feeds = NULL;
	g->feeds_len = 0;
}
