/* SPDX-License-Identifier: EUPL-1.2 */
#include "ledger/guardfile.h"

#include <inttypes.h>
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

static void slot_hash(struct hash *out, uint64_t number, struct bytes lines)
{
	uint8_t raw[8];

	be64_put(raw, number);
	hash_sha256_parts(out, (struct bytes[]){BYTES_OF(raw), lines}, 2);
}

/* The lines of a slot that is whole. */
static bool slot_read(struct bytes slot, uint64_t *number, struct bytes *lines)
{
	struct bytes line, word[4];
	struct hash want, have;
	uint64_t len;

	if (!text_line_next(&slot, &line))
		return false;
	for (size_t i = 0; i < 4; i++)
		if (!text_word_next(&line, &word[i]))
			return false;
	if (!bytes_eq(word[0], bytes_str("slot")) || !text_u64_parse(word[1], number) ||
		!text_u64_parse(word[2], &len) || len > slot.len ||
		text_base64_decode(word[3], want.bytes, HASH_BYTES) != HASH_BYTES)
		return false;
	*lines = bytes_from(slot.data, (size_t)len);
	slot_hash(&have, *number, *lines);
	return hash_eq(&want, &have);
}

/* A file that is no two slots, or has none that is whole, is taken for lines. */
static struct bytes lines_of(struct bytes file)
{
	struct bytes lines[2], newest = file;
	uint64_t number, greatest = 0;

	if (file.len != 2 * GUARDFILE_SLOT_BYTES)
		return file;
	for (size_t i = 0; i < 2; i++) {
		struct bytes slot =
			bytes_from(file.data + i * GUARDFILE_SLOT_BYTES, GUARDFILE_SLOT_BYTES);

		if (slot_read(slot, &number, &lines[i]) && number > greatest) {
			greatest = number;
			newest = lines[i];
		}
	}
	return newest;
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

bool guardfile_slot_print(struct buf *out, const struct guardfile *g, uint64_t number)
{
	struct buf lines = buf_with_max(GUARDFILE_SLOT_BYTES);
	char text[BASE64_TEXT_SIZE(HASH_BYTES)];
	const size_t start = out->len;
	struct hash hash;
	bool fits;

	guardfile_print(&lines, g);
	slot_hash(&hash, number, buf_view(&lines));
	text_base64_encode(text, BYTES_OF(hash.bytes));
	buf_printf(out, "slot %" PRIu64 " %zu %s\n", number, lines.len, text);
	buf_bytes(out, buf_view(&lines));
	fits = !buf_failed(&lines) && !buf_failed(out) && out->len - start <= GUARDFILE_SLOT_BYTES;
	buf_free(&lines);
	if (fits) {
		size_t left = GUARDFILE_SLOT_BYTES - (out->len - start);
		uint8_t *rest = buf_extend(out, left);

		if (rest && left)
			memset(rest, 0, left);
		fits = rest != NULL;
	}
	if (!fits) {
		out->len = start;
		out->failed = false;
	}
	return fits;
}

void guardfile_free(struct guardfile *g)
{
	free(g->feeds);
	g->feeds = NULL;
	g->feeds_len = 0;
}
