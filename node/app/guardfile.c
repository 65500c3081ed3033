/* SPDX-License-Identifier: EUPL-1.2 */
#include "app/guardfile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "keys/file.h"

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

int guardfile_read(struct guardfile *g, const char *path, struct err_text *err)
{
	struct buf text = buf_with_max(GUARDFILE_FEEDS_MAX * 256u);
	struct bytes rest, line;
	unsigned number = 0;
	int rc = 0;

	*g = (struct guardfile){0};
	if ((size_t)snprintf(g->path, sizeof(g->path), "%s", path) >= sizeof(g->path))
		return err_set(err, ENT_ELIMIT, "%s: the path is too long", path);
	if (access(path, F_OK) != 0)
		return err_set(err, ENT_ENOTFOUND, "%s: there is no guard file", path);
	rc = file_read(path, &text, err);
	if (rc != 0)
		goto out;
	rest = buf_view(&text);
	while (rc == 0 && text_line_next(&rest, &line)) {
		number++;
		rc = line_read(g, line);
		if (rc != 0)
			err_set(err, rc,
				"%s:%u: saw \"%.*s\", wanted an origin line, a size and a root",
				path, number, (int)(line.len < 120 ? line.len : 120),
				(const char *)line.data);
	}
out:
	buf_free(&text);
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

int guardfile_write(const struct guardfile *g, struct err_text *err)
{
	struct buf text = buf_with_max(GUARDFILE_FEEDS_MAX * 256u);
	int rc;

	for (size_t i = 0; i < g->feeds_len; i++) {
		char name[LOG_NAME_TEXT_SIZE], root[BASE64_TEXT_SIZE(HASH_BYTES)];

		log_name_text(name, &g->feeds[i].log);
		text_base64_encode(root, BYTES_OF(g->feeds[i].root.bytes));
		buf_printf(&text, "%s %" PRIu64 " %s\n", name, g->feeds[i].size, root);
	}
	rc = buf_failed(&text) ? ENT_ENOMEM : file_write(g->path, buf_view(&text), 0600, err);
	buf_free(&text);
	return rc;
}

void guardfile_free(struct guardfile *g)
{
	free(g->feeds);
	g->feeds = NULL;
	g->feeds_len = 0;
}
