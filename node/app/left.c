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
#define RETRY_MS         10000

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

static int kept_add(struct app *a, struct err_text *err)
{
	struct buf text = buf_with_max(LEFT_BYTES_MAX);
	struct node_id node;
	char path[600];
	int rc = left_path(a, path);

	if (rc == 0)
		rc = file_read(path, &text, err);
	if (rc == 0)
		for (struct bytes left = buf_view(&text); left.len > NODE_ID_TEXT_LEN;
			left = bytes_skip(left, NODE_ID_TEXT_LEN + 1))
			if (node_id_parse(bytes_from(left.data, NODE_ID_TEXT_LEN), &node))
				gossip_recover_former(a->gossip, &node);
	buf_free(&text);
	return rc == ENT_ENOTFOUND ? 0 : rc;
}

static int keep(const struct app *a, struct err_text *err)
{
	struct buf text = buf_with_max(LEFT_BYTES_MAX);
	char path[600], id[NODE_ID_TEXT_SIZE];
	struct node_id node;
	int rc;

	for (size_t at = 0; gossip_recovery_former(a->gossip, &at, &node);) {
		node_id_text(id, &node);
		buf_printf(&text, "%s\n", id);
	}
	rc = buf_failed(&text) ? ENT_ENOMEM : left_path(a, path);
	if (rc != 0)
		err_set(err, rc, "%s", err_sentence(rc));
	else if (text.len)
		rc = file_write(path, buf_view(&text), 0600, err);
	buf_free(&text);
	return rc;
}

/* A mute node that cannot read or keep them does not start: the next start would not wait for all,
 * and what it goes on to sign may be a second history. */
int left_open(struct app *a, struct err_text *err)
{
	struct store_reader *r;
	int rc = store_reader_open(a->store, &r);

	if (rc == 0) {
		rc = store_agreement_each(r, parties_add, a);
		store_reader_close(r);
	}
	if (rc != 0)
		return err_set(err, rc, "%s: %s", a->data_dir, err_sentence(rc));
	if (!a->mute)
		return 0;
	rc = kept_add(a, err);
	return rc == 0 ? keep(a, err) : rc;
}

/* While it runs it knows them, and tries again. */
void left_keep(struct app *a)
{
	struct err_text err;
	int rc = keep(a, &err);

	if (rc != 0 && !a->left_unkept)
		log_error("recover", "whom it had agreements with is not kept yet: %s", err.text);
	a->left_unkept = rc != 0;
	a->left_ms = app_now(a).mono_ms;
}

void left_tick(struct app *a)
{
	if (a->left_unkept && app_now(a).mono_ms - a->left_ms >= RETRY_MS)
		left_keep(a);
}

void left_forget(struct app *a)
{
	char path[600];

	a->left_unkept = false;
	if (left_path(a, path) == 0)
		unlink(path);
}
