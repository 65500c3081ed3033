/* SPDX-License-Identifier: EUPL-1.2 */
/* The wall clock of this machine: when it steps, what would come into force by that waits for the
 * operator (policy/clock.h), and so does what goes by it for good (bonds.c), over restarts too. */
#include "app/impl.h"

#include <inttypes.h>
#include <unistd.h>

#include "keys/file.h"

#define ALARM_CLOCK   "clock-step"
#define WAITING_FILE  "clock.waiting"
#define DOUBTED       "doubted\n" /* behind what waits; no hash */
#define RETRY_MS      10000

#define WAITING_BYTES (AGREEMENTS_MAX * 65 + sizeof(DOUBTED))

static int path_of(const struct app *a, char out[600])
{
	return file_path(out, 600, a->keys_dir, WAITING_FILE);
}

static void clock_alarm(struct app *a, const char *what)
{
	char text[160];

	a->clock_doubted = true;
	app_alarm_clear(a, ALARM_CLOCK);
	if (a->clock.waiting_len == 0) {
		app_alarm(a, ALARM_CLOCK, "today", a->options->home, what,
			"check the machine's time source; when the time is right: entente clock "
			"confirm");
		return;
	}
	snprintf(text, sizeof(text), "%s; %zu agreements wait for your word to come into force",
		what, a->clock.waiting_len);
	app_alarm(a, ALARM_CLOCK, "page", a->options->home, text,
		"check the machine's time source; when the time is right: entente clock confirm");
}

/* What waits is not let in for want of its file: the daemon does not start then. */
int app_clock_open(struct app *a, struct err_text *err)
{
	struct buf text = buf_with_max(WAITING_BYTES);
	bool doubted = false;
	char path[600];
	int rc = path_of(a, path);

	if (rc == 0)
		rc = file_read(path, &text, err);
	if (rc == 0) {
		clock_read(&a->clock, buf_view(&text));
		doubted = text.len > 0;
	}
	buf_free(&text);
	if (doubted)
		clock_alarm(a, "the clock had stepped before the start");
	return rc == ENT_ENOTFOUND ? 0 : rc;
}

static void waiting_save(struct app *a)
{
	struct buf text = buf_with_max(WAITING_BYTES);
	struct err_text err;
	bool unsaved = false;
	char path[600];

	clock_text(&text, &a->clock);
	buf_str(&text, DOUBTED);
	if (path_of(a, path) != 0)
		return;
	if (!a->clock_doubted)
		unlink(path);
	else
		unsaved = file_write(path, buf_view(&text), 0600, &err) != 0;
	if (unsaved && !a->clock_unsaved)
		log_error("clock", "a restart would not wait for your word: %s", err.text);
	a->clock_unsaved = unsaved;
	a->clock_saved_ms = app_now(a).mono_ms;
	buf_free(&text);
}

void app_clock_tick(struct app *a)
{
	app_clock_look(a);
	if (a->clock_unsaved && app_now(a).mono_ms - a->clock_saved_ms >= RETRY_MS)
		waiting_save(a);
}

bool app_clock_doubted(const struct app *a)
{
	return a->clock_doubted;
}

/* Whoever asks what is in force looks here first, so that a step counts before it works. */
void app_clock_look(struct app *a)
{
	struct gossip_time now = app_now(a);
	struct act_body act = {.act = ACT_CLOCK_STEP};
	int64_t step = clock_look(&a->clock, now.mono_ms, now.wall_ms);

	if (step == 0)
		return;
	log_warn("clock", "the wall clock has stepped by_ms=%" PRId64, step);
	act.from = (uint64_t)(now.wall_ms - step);
	act.to = (uint64_t)now.wall_ms;
	app_enter(a, &act);
	(void)clock_hold(&a->clock, (const struct agreement *const *)a->keys->agreements,
		a->keys->agreements_len);
	clock_alarm(a, "the clock of this machine has stepped");
	waiting_save(a);
	a->clock_stepped = true;
}

size_t app_clock_confirmed(struct app *a, const char *operator_name)
{
	size_t waiting = a->clock.waiting_len;
	bool doubted = app_clock_doubted(a);
	struct act_body act = {.act = ACT_CLOCK_STEP,
		.text = bytes_str("the time is confirmed by the operator"),
		.operator_name = bytes_str(operator_name)};

	a->clock_doubted = false;
	app_alarm_clear(a, ALARM_CLOCK);
	if (!doubted && waiting == 0)
		return 0;
	act.from = act.to = (uint64_t)app_now(a).wall_ms;
	app_enter(a, &act);
	clock_confirm(&a->clock);
	waiting_save(a);
	if (waiting == 0)
		return 0;
	keys_reload(a);
	return waiting;
}
