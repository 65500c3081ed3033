/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * When the files are compacted: agreements say within which time an erased body is gone from the
 * disk (erase-within, recall-within). Half of the shortest of them after the first erasure that is
 * still in the files, so that there is time for a second try.
 */
#include "app/impl.h"

/* Without agreements in force what was erased is gone within these. */
#define ERASE_WITHIN_S  (72 * 3600)
#define RECALL_WITHIN_S (15 * 60)
/* After a failure it is tried again so much later. */
#define RETRY_MS 60000u

static int64_t within_s(const struct app *a, bool recall)
{
	int64_t shortest = recall ? RECALL_WITHIN_S : ERASE_WITHIN_S;

	for (size_t i = 0; i < a->keys->agreements_len; i++) {
		const struct agreement *g = a->keys->agreements[i];
		int64_t s = recall ? g->recall_within_s : g->erase_within_s;

		if (s < shortest)
			shortest = s;
	}
	return shortest;
}

/* Has this half of the time gone since the oldest erasure of its sort? */
static bool is_due(struct app *a, struct store_reader *r, const char *key, bool recall)
{
	struct bytes value;
	int64_t since;

	if (store_meta_get(r, key, &value) != 0 || value.len != 8)
		return false;
	since = (int64_t)be64_get(value.data);
	return app_now(a).wall_ms - since >= within_s(a, recall) * 500;
}

void compact_tick(struct app *a)
{
	struct store_reader *r;
	bool due;

	if (a->compacting || uv_now(&a->loop) < a->compact_retry_ms ||
		store_reader_open(a->store, &r) != 0)
		return;
	due = is_due(a, r, STORE_ERASED_SINCE, false) || is_due(a, r, STORE_RECALLED_SINCE, true);
	store_reader_close(r);
	if (!due)
		return;
	a->compacting = true;
	pipeline_compact(a->pipeline);
}

void compact_request(struct app *a, struct control_client *c, const json_t *q)
{
	if (a->compact_asked) {
		control_fail(c, 4, "the files are being compacted already");
		return;
	}
	a->compact_client = c;
	a->compact_asked = true;
	app_operator(a->compact_by, q);
	/* One that is due is under way, and has perhaps gone past what this is about. */
	a->compact_again = a->compacting;
	if (!a->compacting)
		pipeline_compact(a->pipeline);
	a->compacting = true;
}

void compact_gone(struct app *a, const struct control_client *c)
{
	if (a->compact_client == c)
		a->compact_client = NULL;
}

static void asked_done(struct app *a, int code)
{
	struct control_client *c = a->compact_client;

	a->compact_asked = false;
	a->compact_client = NULL;
	if (!c)
		return;
	if (code == 0)
		control_answer(c, json_pack("{s:b}", "ok", 1));
	else
		control_fail(c, 5, "%s", err_sentence(code));
}

void compact_done(struct app *a, int code)
{
	bool asked = a->compact_asked && !a->compact_again;

	app_tended(a, ACT_COMPACTED, asked ? "asked" : "due", asked ? a->compact_by : "", code);
	a->compacting = a->compact_again;
	if (a->compact_again)
		pipeline_compact(a->pipeline);
	a->compact_again = false;
	if (code == 0) {
		app_alarm_clear(a, "compaction-due");
	} else {
		a->compact_retry_ms = uv_now(&a->loop) + RETRY_MS;
		app_alarm(a, "compaction-due", "today", a->data_dir, err_sentence(code),
			"make as much room as the store takes, or look for a reader that does not "
			"end "
			"(entente doctor); until then bytes of erased bodies are on the disk");
	}
	if (asked)
		asked_done(a, code);
}
