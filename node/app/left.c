/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whom this node had an agreement with when its store was left: the store has the texts that were
 * in force then. A copy that has lost what it signed since waits for these too, though the
 * agreement may be over by now (gossip/recover.c). What the store says of them changes as soon as
 * the daemon notices the end, so a mute node keeps them in a file, a node id a line, as long as it
 * is mute. The file goes into backups: nobody has been heard yet.
 */
#include "app/impl.h"

#include <unistd.h>

#include "base/log.h"
#include "keys/agreement.h"
#include "keys/file.h"

#define LEFT_NAME        "recover.left"
#define LEFT_BYTES_MAX   (GOSSIP_PEERS_MAX * NODE_ID_TEXT_SIZE)
#define NODE_ID_TEXT_LEN (NODE_ID_TEXT_SIZE - 1)

static int left_path(const struct app *a, char out[600])
{
	return file_path(out, 600, a->options->home, LEFT_NAME);
}

static int parties_add(void *ctx, const struct store_agreement *kept)
{
	struct app *a = ctx;
	struct arena arena = {0};
	struct agreement g;
	struct err_text err;

	/* One that does not read is told of by bonds.c. */
	if (kept->ended_ms == 0 && agreement_parse(kept->note, "store", &arena, &g, &err) == 0)
		for (size_t i = 0; i < g.parties_len; i++)
			gossip_recover_former(a->gossip, &g.parties[i].node);
	arena_free(&arena);
	return 0;
}

static void kept_add(struct app *a)
{
	struct buf text = buf_with_max(LEFT_BYTES_MAX);
	struct node_id node;
	struct err_text err;
	char path[600];

	if (left_path(a, path) == 0 && file_read(path, &text, &err) == 0)
		for (struct bytes left = buf_view(&text); left.len > NODE_ID_TEXT_LEN;
			left = bytes_skip(left, NODE_ID_TEXT_LEN + 1))
			if (node_id_parse(bytes_from(left.data, NODE_ID_TEXT_LEN), &node))
				gossip_recover_former(a->gossip, &node);
	buf_free(&text);
}

int left_open(struct app *a)
{
	struct store_reader *r;
	int rc = store_reader_open(a->store, &r);

	if (rc != 0)
		return rc;
	rc = store_agreement_each(r, parties_add, a);
	store_reader_close(r);
	if (a->mute) {
		kept_add(a);
		left_keep(a);
	}
	return rc;
}

void left_keep(const struct app *a)
{
	struct buf text = buf_with_max(LEFT_BYTES_MAX);
	char path[600], id[NODE_ID_TEXT_SIZE];
	struct node_id node;
	struct err_text err;

	for (size_t at = 0; gossip_recovery_former(a->gossip, &at, &node);) {
		node_id_text(id, &node);
		buf_printf(&text, "%s\n", id);
	}
	if (text.len && !buf_failed(&text) && left_path(a, path) == 0 &&
		file_write(path, buf_view(&text), 0600, &err) != 0)
		log_error("recover", "whom it had agreements with is not kept: %s", err.text);
	buf_free(&text);
}

void left_forget(const struct app *a)
{
	char path[600];

	if (left_path(a, path) == 0)
		unlink(path);
}
