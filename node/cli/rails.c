/* SPDX-License-Identifier: EUPL-1.2 */
/* The guard rails as this node has them: with the endpoints of every card that it knows. */
#include "cli/cli.h"

#include <string.h>

#include "intel/guard.h"

struct endpoints {
	struct arena *arena;
	const char **list;
	size_t len, cap;
	bool failed;
};

static void endpoint_add(struct endpoints *e, const char *endpoint)
{
	const char **list;

	if (e->len == e->cap) {
		e->cap = e->cap ? 2 * e->cap : 64;
		list = arena_alloc(e->arena, e->cap * sizeof(*list));
		if (!list) {
			e->failed = true;
			return;
		}
		if (e->len)
			memcpy(list, e->list, e->len * sizeof(*list));
		e->list = list;
	}
	e->list[e->len] = arena_strdup(e->arena, endpoint);
	e->failed = e->failed || !e->list[e->len++];
}

static void endpoints_of_card(void *ctx, const struct card *card)
{
	struct endpoints *e = ctx;

	for (size_t i = 0; i < card->endpoints_len && !e->failed; i++)
		endpoint_add(e, card->endpoints[i]);
}

int cli_guard_rails(struct cli *c, struct guard **guard)
{
	struct endpoints e = {.arena = &c->arena};
	int rc = guard_new(guard, BYTES_NONE);

	if (rc)
		return cli_fail(c, CLI_STORE, "guard rails: %s", err_sentence(rc));
	rc = cli_cards_each(c, endpoints_of_card, &e);
	if (!rc && e.failed)
		rc = ENT_ENOMEM;
	if (!rc)
		rc = guard_endpoints_set(*guard, e.list, e.len);
	if (!rc)
		return 0;
	guard_free(*guard);
	*guard = NULL;
	return cli_fail(c, CLI_STORE, "guard rails: %s", err_sentence(rc));
}
