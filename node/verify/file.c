/* SPDX-License-Identifier: EUPL-1.2 */
/* A bundle as a file: one frame after the other. */
#include "verify/verify.h"

#include <errno.h>
#include <sys/stat.h>

int frames_open(struct frames *f, const char *path, struct err_text *err)
{
	char magic[BUNDLE_MAGIC_BYTES];
	struct stat st;

	*f = (struct frames){
		.path = path, .data = buf_with_max(BUNDLE_FRAME_MAX + BUNDLE_HEAD_BYTES)};
	/* Looked at before: opening a pipe waits for somebody who writes to it. */
	if (stat(path, &st) != 0)
		return err_set(err, ENT_EIO, "%s: cannot open: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, ENT_EINVALID,
			"%s: this is no file: a bundle is read more than once", path);
	f->file = fopen(path, "rbe");
	if (!f->file)
		return err_set(err, ENT_EIO, "%s: cannot open: %s", path, strerror(errno));
	if (fread(magic, 1, sizeof(magic), f->file) != sizeof(magic) ||
		memcmp(magic, BUNDLE_MAGIC, sizeof(magic)) != 0)
		return err_set(err, ENT_EINVALID,
			"%s: this is no bundle (its first line is not "
			"entente/audit/v1)",
			path);
	return 0;
}

int frames_next(struct frames *f, struct err_text *err)
{
	uint8_t head[BUNDLE_HEAD_BYTES], *room;
	size_t len = fread(head, 1, sizeof(head), f->file);

	if (len == 0 && feof(f->file))
		return 0;
	if (len != sizeof(head) || be32_get(head + 1) > BUNDLE_FRAME_MAX)
		return err_set(err, ENT_EINVALID, "%s: cut short or damaged", f->path);
	buf_reset(&f->data);
	buf_bytes(&f->data, BYTES_OF(head));
	room = buf_extend(&f->data, be32_get(head + 1));
	if (!room)
		return err_set(err, ENT_ENOMEM, "%s: out of memory", f->path);
	if (fread(room, 1, be32_get(head + 1), f->file) != be32_get(head + 1))
		return err_set(err, ENT_EINVALID, "%s: cut short", f->path);
	f->kind = (enum bundle_frame)head[0];
	f->payload = bytes_skip(buf_view(&f->data), BUNDLE_HEAD_BYTES);
	return 1;
}

int frames_seek(struct frames *f, long at, struct err_text *err)
{
	if (fseek(f->file, at, SEEK_SET) != 0)
		return err_set(err, ENT_EIO, "%s: cannot seek: %s", f->path, strerror(errno));
	return 0;
}

void frames_close(struct frames *f)
{
	if (f->file)
		fclose(f->file);
	buf_free(&f->data);
	f->file = NULL;
}
