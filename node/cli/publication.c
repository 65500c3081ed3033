/* SPDX-License-Identifier: EUPL-1.2 */
#include "cli/publication.h"

#include "base/text.h"
#include "cli/acts.h"

#define RENEW_EACH 65536u /* entries: no reader is to stand for long */
#define ID_BYTES   ACT_PUBLICATION_MAX

struct published {
	struct log_name log;
	uint64_t from, to;
};

struct search {
	struct cli *cli;
	const char *prefix;
	bool several;
	char id[HEX_TEXT_SIZE(ID_BYTES)]; /* "" before it is known */
	struct published *list;           /* in the command's arena */
	size_t list_len, list_cap;
};

static int range_add(struct search *s, const struct act_body *act)
{
	if (s->list_len == s->list_cap) {
		size_t cap = s->list_cap ? 2 * s->list_cap : 16;
		struct published *list = arena_alloc(&s->cli->arena, cap * sizeof(*list));

		if (!list)
			return ENT_ENOMEM;
		if (s->list_len)
			memcpy(list, s->list, s->list_len * sizeof(*list));
		s->list = list;
		s->list_cap = cap;
	}
	s->list[s->list_len++] = (struct published){act->log, act->from, act->to};
	return 0;
}

static int act_look(void *ctx, uint64_t index, uint64_t time_ms, const struct act_body *act)
{
	struct search *s = ctx;
	char id[HEX_TEXT_SIZE(ID_BYTES)];

	(void)index;
	(void)time_ms;
	if (act->act != ACT_PUBLISHED || !act->has_log || act->publication.len > ID_BYTES)
		return 0;
	text_hex_encode(id, act->publication);
	if (strncmp(id, s->prefix, strlen(s->prefix)) != 0)
		return 0;
	if (s->id[0] && strcmp(s->id, id) != 0)
		s->several = true;
	memcpy(s->id, id, sizeof(id));
	return range_add(s, act);
}

static int published_visit(struct cli *c, const struct published *p,
	int (*visit)(void *ctx, const struct log_name *log, const struct store_entry *e), void *ctx,
	uint64_t *not_kept)
{
	struct store_log log;
	uint64_t from = p->from;
	int rc = store_log_get(c->reader, &p->log, &log);

	if (rc == 0 && from < log.floor) {
		from = log.floor < p->to ? log.floor : p->to;
		*not_kept += from - p->from;
	}
	for (uint64_t i = from; rc == 0 && i < p->to; i++) {
		struct store_entry e;

		/* The index may be rebuilt meanwhile: what it has not reached stands too. */
		if (i % RENEW_EACH == 0 &&
			((rc = cli_reader_renew(c)) != 0 || (rc = cli_await_index(c)) != 0))
			return rc;
		rc = store_entry_get(c->reader, log.number, i, &e);
		if (rc == 0 && (rc = visit(ctx, &p->log, &e)) != 0)
			return rc;
	}
	return rc ? cli_fail_code(c, rc, "store") : 0;
}

static bool is_hex(const char *text)
{
	return *text && text[strspn(text, "0123456789abcdef")] == '\0';
}

int publication_each(struct cli *c, const char *prefix,
	int (*visit)(void *ctx, const struct log_name *log, const struct store_entry *e), void *ctx,
	uint64_t *not_kept)
{
	struct search s = {.cli = c, .prefix = prefix};
	int rc;

	if (!is_hex(prefix))
		return cli_fail(c, CLI_INVALID,
			"\"%s\" is no id of a publication: publish prints it, and entente log",
			prefix);
	rc = cli_own(c) ? acts_each(c, act_look, &s) : 0;
	if (rc != 0)
		return cli_fail_code(c, rc, "provenance log");
	if (s.list_len == 0)
		return cli_fail(c, CLI_NOT,
			"no publication of this node has an id that begins with %s", prefix);
	if (s.several)
		return cli_fail(c, CLI_INVALID,
			"several publications begin with %s: give more of it", prefix);
	*not_kept = 0;
	for (size_t i = 0; rc == 0 && i < s.list_len; i++)
		rc = published_visit(c, &s.list[i], visit, ctx, not_kept);
	return rc;
}
