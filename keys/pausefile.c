/* SPDX-License-Identifier: EUPL-1.2 */
#include "keys/pausefile.h"

#include <errno.h>
#include <unistd.h>

#include "keys/file.h"

#define PAUSEFILE_FIRST "entente/pause/v1\n"

void pausefile_print(struct buf *out, const struct pausefile *p)
{
	buf_str(out, PAUSEFILE_FIRST);
	if (p->out)
		buf_str(out, "out\n");
	if (p->in)
		buf_str(out, "in\n");
	for (size_t i = 0; i < p->peers_len; i++) {
		char id[NODE_ID_TEXT_SIZE];

		node_id_text(id, &p->peers[i]);
		buf_printf(out, "peer: %s\n", id);
	}
}

static bool take(struct bytes *text, const char *line)
{
	if (!bytes_starts(*text, line))
		return false;
	*text = bytes_skip(*text, strlen(line));
	return true;
}

static bool lines_read(struct pausefile *p, struct bytes text)
{
	if (!take(&text, PAUSEFILE_FIRST))
		return false;
	p->out = take(&text, "out\n");
	p->in = take(&text, "in\n");
	while (take(&text, "peer: ")) {
		if (p->peers_len == PAUSEFILE_PEERS_MAX || text.len < NODE_ID_TEXT_SIZE ||
			!node_id_parse(bytes_from(text.data, NODE_ID_TEXT_SIZE - 1),
				&p->peers[p->peers_len++]))
			return false;
		text = bytes_skip(text, NODE_ID_TEXT_SIZE - 1);
		if (!take(&text, "\n"))
			return false;
	}
	return text.len == 0;
}

int pausefile_parse(struct pausefile *p, struct bytes text, const char *name, struct err_text *err)
{
	struct buf again = buf_with_max(PAUSEFILE_BYTES_MAX);
	bool same = false;

	*p = (struct pausefile){0};
	if (lines_read(p, text)) {
		pausefile_print(&again, p);
		same = bytes_eq(buf_view(&again), text);
		for (size_t i = 1; i < p->peers_len; i++)
			same &= node_id_cmp(&p->peers[i - 1], &p->peers[i]) < 0;
	}
	buf_free(&again);
	if (same)
		return 0;
	*p = (struct pausefile){0};
	return err_set(err, ENT_EINVALID,
		"%s: wanted entente/pause/v1 with lines \"out\", \"in\" and \"peer: NODE-ID\", in "
		"this order",
		name);
}

static void peer_remove(struct pausefile *p, const struct node_id *peer)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->peers_len; i++)
		if (!node_id_eq(&p->peers[i], peer))
			p->peers[kept++] = p->peers[i];
	p->peers_len = kept;
}

static int peer_add(struct pausefile *p, const struct node_id *peer)
{
	size_t at = 0;

	peer_remove(p, peer);
	if (p->peers_len == PAUSEFILE_PEERS_MAX)
		return ENT_ELIMIT;
	while (at < p->peers_len && node_id_cmp(&p->peers[at], peer) < 0)
		at++;
	memmove(&p->peers[at + 1], &p->peers[at], (p->peers_len - at) * sizeof(p->peers[0]));
	p->peers[at] = *peer;
	p->peers_len++;
	return 0;
}

int pausefile_apply(struct pausefile *p, const struct pausefile_change *change)
{
	if (change->has_peer && !change->resume)
		return peer_add(p, &change->peer);
	if (change->has_peer) {
		peer_remove(p, &change->peer);
		return 0;
	}
	if (change->out)
		p->out = !change->resume;
	if (change->in)
		p->in = !change->resume;
	if (change->resume && change->out && change->in)
		p->peers_len = 0;
	return 0;
}

bool pausefile_any(const struct pausefile *p)
{
	return p->out || p->in || p->peers_len > 0;
}

int pausefile_read(struct pausefile *p, const char *path, struct err_text *err)
{
	struct buf text = buf_with_max(PAUSEFILE_BYTES_MAX);
	int rc = file_read(path, &text, err);

	*p = (struct pausefile){0};
	if (rc == 0)
		rc = pausefile_parse(p, buf_view(&text), path, err);
	else if (rc == ENT_ENOTFOUND)
		rc = 0;
	buf_free(&text);
	return rc;
}

int pausefile_write(const struct pausefile *p, const char *path, struct err_text *err)
{
	struct buf text = buf_with_max(PAUSEFILE_BYTES_MAX);
	int rc;

	if (!pausefile_any(p)) {
		if (unlink(path) == 0 || errno == ENOENT)
			return 0;
		return err_set(err, ENT_EIO, "%s: %s", path, strerror(errno));
	}
	pausefile_print(&text, p);
	rc = buf_failed(&text) ? err_set(err, ENT_ENOMEM, "%s", err_sentence(ENT_ENOMEM))
			       : file_write(path, buf_view(&text), 0600, err);
	buf_free(&text);
	return rc;
}
