/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What somebody should look at. An alarm stands until its cause ends; that of two histories, or of
 * two card chains, ends when the origin has settled it (PROTOCOL.md, "Successions", "Cards").
 */
#include "app/impl.h"

#include <string.h>

#include "base/text.h"

#define SPLIT_VIEW         "split-view"
#define CARD_CONTRADICTION "card-contradiction"
#define SETTLED_LOOK_MS    1000u

/* Cut between characters, as JSON takes whole ones only. */
static void text_cut(char *out, size_t size, const char *text)
{
	struct bytes kept = text_utf8_prefix(bytes_str(text), size - 1);

	memcpy(out, kept.data, kept.len);
	out[kept.len] = '\0';
}

static struct alarm *alarm_find(const struct app *a, const char *rule, const char *subject)
{
	char cut[sizeof(a->alarms[0].subject)];

	text_cut(cut, sizeof(cut), subject);
	for (size_t i = 0; i < a->alarms_len; i++)
		if (strcmp(a->alarms[i].rule, rule) == 0 && strcmp(a->alarms[i].subject, cut) == 0)
			return (struct alarm *)(uintptr_t)&a->alarms[i];
	return NULL;
}

bool app_alarm_stands(const struct app *a, const char *rule, const char *subject)
{
	return alarm_find(a, rule, subject) != NULL;
}

/* What peers and origins cause, as often as they like, goes before what is wrong here; and of each
 * what does not ask for somebody at once. */
static int alarm_weight(const struct alarm *al)
{
	return 2 * !al->of_others + (strcmp(al->severity, "page") == 0);
}

/* The oldest of those that weigh least gives way. */
static void alarm_drop(struct app *a)
{
	size_t at = 0;

	for (size_t i = 1; i < a->alarms_len; i++)
		if (alarm_weight(&a->alarms[i]) < alarm_weight(&a->alarms[at]))
			at = i;
	a->alarms_len--;
	memmove(a->alarms + at, a->alarms + at + 1, (a->alarms_len - at) * sizeof(a->alarms[0]));
}

/* One that stands is raised: true if that says something new, of one that is looked at again. */
static bool alarm_again(struct alarm *al, const char *text)
{
	char cut[sizeof(al->text)];

	if (!al->unsure)
		return false;
	al->unsure = false;
	text_cut(cut, sizeof(cut), text);
	if (strcmp(al->text, cut) == 0)
		return false;
	text_cut(al->text, sizeof(al->text), text);
	return true;
}

static void alarm_raise(struct app *a, const char *rule, const char *severity, const char *subject,
	const char *text, const char *what_to_do, bool of_others)
{
	struct alarm *al = alarm_find(a, rule, subject);

	if (al && !alarm_again(al, text))
		return;
	log_warn("alarm", "%s subject=%s %s", rule, subject, text);
	if (al)
		return;
	if (a->alarms_len == APP_ALARMS_MAX)
		alarm_drop(a);
	al = &a->alarms[a->alarms_len++];
	al->id = ++a->alarm_id;
	al->rule = rule;
	al->severity = severity;
	al->unsure = false;
	al->of_others = of_others;
	al->since_ms = app_now(a).wall_ms;
	al->what_to_do = what_to_do;
	text_cut(al->subject, sizeof(al->subject), subject);
	text_cut(al->text, sizeof(al->text), text);
}

void app_alarm(struct app *a, const char *rule, const char *severity, const char *subject,
	const char *text, const char *what_to_do)
{
	alarm_raise(a, rule, severity, subject, text, what_to_do, false);
}

void app_alarm_of_others(struct app *a, const char *rule, const char *severity, const char *subject,
	const char *text, const char *what_to_do)
{
	alarm_raise(a, rule, severity, subject, text, what_to_do, true);
}

void app_alarm_clear(struct app *a, const char *rule)
{
	size_t len = 0;

	for (size_t i = 0; i < a->alarms_len; i++)
		if (strcmp(a->alarms[i].rule, rule) != 0)
			a->alarms[len++] = a->alarms[i];
	a->alarms_len = len;
}

void app_alarm_review(struct app *a, const char *rule)
{
	for (size_t i = 0; i < a->alarms_len; i++)
		if (strcmp(a->alarms[i].rule, rule) == 0)
			a->alarms[i].unsure = true;
}

void app_alarm_reviewed(struct app *a, const char *rule)
{
	size_t len = 0;

	for (size_t i = 0; i < a->alarms_len; i++)
		if (strcmp(a->alarms[i].rule, rule) != 0 || !a->alarms[i].unsure)
			a->alarms[len++] = a->alarms[i];
	a->alarms_len = len;
}

void app_alarm_end(struct app *a, const char *rule, const char *subject)
{
	char cut[sizeof(a->alarms[0].subject)];
	size_t len = 0;

	text_cut(cut, sizeof(cut), subject);
	for (size_t i = 0; i < a->alarms_len; i++)
		if (strcmp(a->alarms[i].rule, rule) != 0 || strcmp(a->alarms[i].subject, cut) != 0)
			a->alarms[len++] = a->alarms[i];
	a->alarms_len = len;
}

/* --- what is settled -------------------------------------------------------------------------- */

void app_alarm_split(struct app *a, const struct log_name *feed)
{
	char subject[LOG_NAME_TEXT_SIZE];

	log_name_text(subject, feed);
	if (node_id_eq(&feed->node, &a->self))
		app_alarm(a, SPLIT_VIEW, "today", subject,
			"our own log key has signed two histories of this feed: a clone runs",
			"docs/OPERATING.md, Mute");
	else
		app_alarm_of_others(a, SPLIT_VIEW, "today", subject,
			"the origin signed two histories of this feed; it is frozen, and the proof "
			"kept",
			"entente split export, and ask the origin; docs/OPERATING.md, Alarms");
}

static bool split_settled(struct store_reader *r, const char *subject)
{
	struct store_succession s;
	struct log_name feed;

	return log_name_parse(bytes_str(subject), &feed) && store_succession_get(r, &feed, &s) == 0;
}

static bool cards_settled(const struct app *a, const char *subject)
{
	struct node_id node;

	return node_id_parse(bytes_str(subject), &node) && !gossip_contradicted(a->gossip, &node);
}

static bool settled(const struct app *a, struct store_reader *r, const struct alarm *al)
{
	if (strcmp(al->rule, SPLIT_VIEW) == 0)
		return split_settled(r, al->subject);
	return strcmp(al->rule, CARD_CONTRADICTION) == 0 && cards_settled(a, al->subject);
}

static bool any_to_settle(const struct app *a)
{
	for (size_t i = 0; i < a->alarms_len; i++)
		if (strcmp(a->alarms[i].rule, SPLIT_VIEW) == 0 ||
			strcmp(a->alarms[i].rule, CARD_CONTRADICTION) == 0)
			return true;
	return false;
}

/* --- acts ------------------------------------------------------------------------------------- */

/* What has an act of its own, which says more. */
static bool has_own_act(const char *rule)
{
	static const char *const rules[] = {
		"clock-step", "mute", "over-quota", "paused", "store-trouble", SPLIT_VIEW};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (strcmp(rule, rules[i]) == 0)
			return true;
	return false;
}

static bool is_entered(const struct app *a, const char *rule, const char *subject)
{
	for (size_t i = 0; i < a->alarms_entered_len; i++)
		if (strcmp(a->alarms_entered[i].rule, rule) == 0 &&
			strcmp(a->alarms_entered[i].subject, subject) == 0)
			return true;
	return false;
}

void alarm_entered(struct app *a, const char *rule, const char *subject)
{
	struct alarm_entered *one = &a->alarms_entered[a->alarms_entered_len];

	if (a->alarms_entered_len == APP_ALARMS_MAX)
		return; /* it is entered once more, then */
	one->rule = rule;
	text_cut(one->subject, sizeof(one->subject), subject);
	a->alarms_entered_len += !is_entered(a, rule, one->subject);
}

static void alarm_enter(struct app *a, const struct alarm *al)
{
	char text[sizeof(al->subject) + sizeof(al->text) + 2];
	struct act_body act = {.act = ACT_ALARM, .rule = bytes_str(al->rule)};

	snprintf(text, sizeof(text), "%s: %s", al->subject, al->text);
	act.text = text_utf8_prefix(bytes_str(text), ACT_TEXT_MAX);
	app_enter(a, &act);
	alarm_entered(a, al->rule, al->subject);
}

/* Looked at between events: many are cleared and raised anew while their cause is looked for. */
static void alarms_enter(struct app *a)
{
	size_t len = 0;

	for (size_t i = 0; i < a->alarms_entered_len; i++)
		if (app_alarm_stands(a, a->alarms_entered[i].rule, a->alarms_entered[i].subject))
			a->alarms_entered[len++] = a->alarms_entered[i];
	a->alarms_entered_len = len;
	for (size_t i = 0; i < a->alarms_len; i++)
		if (!has_own_act(a->alarms[i].rule) &&
			!is_entered(a, a->alarms[i].rule, a->alarms[i].subject))
			alarm_enter(a, &a->alarms[i]);
}

void alarms_tick(struct app *a)
{
	struct store_reader *r;
	size_t len = 0;

	alarms_enter(a);
	if (uv_now(&a->loop) - a->settled_look_ms < SETTLED_LOOK_MS || !any_to_settle(a))
		return;
	a->settled_look_ms = uv_now(&a->loop);
	if (store_reader_open(a->store, &r) != 0)
		return; /* the next time */
	for (size_t i = 0; i < a->alarms_len; i++) {
		if (settled(a, r, &a->alarms[i]))
			log_notice("alarm", "settled: %s subject=%s", a->alarms[i].rule,
				a->alarms[i].subject);
		else
			a->alarms[len++] = a->alarms[i];
	}
	a->alarms_len = len;
	store_reader_close(r);
}
