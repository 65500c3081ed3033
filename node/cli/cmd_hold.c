/* SPDX-License-Identifier: EUPL-1.2 */
/* hold and unhold: a value out of every export here, whatever origins say; and which ones are. */
#include <stdlib.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/publish.h"
#include "intel/value.h"

#define ANSWER_MS 60000

static int hold_run(struct cli *c, const char *command)
{
	struct value *v = arena_alloc(&c->arena, sizeof(*v));
	json_t *answer;
	int rc;

	if (!v)
		return cli_fail_code(c, ENT_ENOMEM, command);
	if (value_parse(v, bytes_str(c->args[0]), TYPE_NONE, &c->err) != 0)
		return cli_fail(c, CLI_INVALID, "\"%s\" cannot be read as a value: %s", c->args[0],
			c->err.text);
	rc = cli_call(c,
		json_pack("{s:s, s:o, s:s}", "command", command, "value",
			cli_json_text(bytes_from(v->text, v->len)), "operator",
			publish_operator(c)),
		ANSWER_MS, &answer);
	if (rc != 0)
		return rc;
	json_decref(answer);
	if (c->json)
		return cli_json(c,
			json_pack("{s:o, s:s, s:b}", "value",
				cli_json_text(bytes_from(v->text, v->len)), "type",
				type_name(v->type), "held_back", strcmp(command, "hold") == 0),
			CLI_DONE);
	printf("%s %s\n", cli_clean(c, bytes_from(v->text, v->len)),
		strcmp(command, "hold") == 0 ? "is held back from every export here"
					     : "may go to exports again");
	return CLI_DONE;
}

/* --- which values are held back ------------------------------------------------------------- */

struct held {
	int64_t since_ms;
	const char *type, *value, *operator_name;
};

struct list {
	struct cli *cli;
	size_t len, cap;
	struct held *held;
};

static int list_add(void *ctx, const struct store_hold *hold)
{
	struct list *l = ctx;

	if (l->len == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;
		struct held *grown = realloc(l->held, cap * sizeof(*grown));

		if (!grown)
			return ENT_ENOMEM;
		l->held = grown;
		l->cap = cap;
	}
	l->held[l->len++] = (struct held){hold->since_ms, type_name(hold->type),
		cli_clean(l->cli, hold->value), cli_clean(l->cli, hold->operator_name)};
	return 0;
}

/* The oldest first: somebody may have forgotten it. */
static int held_order(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	if (x->since_ms != y->since_ms)
		return x->since_ms < y->since_ms ? -1 : 1;
	return strcmp(x->value, y->value);
}

static json_t *list_json(const struct list *l)
{
	json_t *items = json_array();

	for (size_t i = 0; i < l->len; i++) {
		const struct held *h = &l->held[i];

		json_array_append_new(items,
			json_pack("{s:s, s:s, s:o, s:s}", "value", h->value, "type", h->type,
				"since", cli_json_time_s(h->since_ms / 1000), "operator",
				h->operator_name));
	}
	return items;
}

static void list_print(struct list *l)
{
	struct cli_table table;

	cli_table_init(&table, l->cli, "value|type|since|by");
	for (size_t i = 0; i < l->len; i++) {
		const struct held *h = &l->held[i];
		char when[TEXT_TIME_SIZE];

		text_time_s(when, h->since_ms / 1000);
		cli_table_cell(&table, CLI_WARN, "%s", h->value);
		cli_table_cell(&table, CLI_PLAIN, "%s", h->type);
		cli_table_cell(&table, CLI_PLAIN, "%s", when);
		cli_table_cell(&table, CLI_PLAIN, "%s", h->operator_name);
	}
	cli_table_print(&table);
	if (l->len == 0)
		cli_note(l->cli, "nothing is held back");
}

static int list_run(struct cli *c)
{
	struct list l = {.cli = c};
	int rc = cli_want_store(c);

	if (rc != 0)
		return rc;
	if (c->reader && (rc = store_hold_each(c->reader, list_add, &l)) != 0) {
		free(l.held);
		return cli_fail_code(c, rc, "store");
	}
	if (l.len > 0)
		qsort(l.held, l.len, sizeof(*l.held), held_order);
	if (c->json)
		rc = cli_json(c, list_json(&l), CLI_DONE);
	else
		list_print(&l);
	free(l.held);
	return rc;
}

static int run_hold(struct cli *c)
{
	return c->args_len ? hold_run(c, "hold") : list_run(c);
}

static int run_unhold(struct cli *c)
{
	return hold_run(c, "unhold");
}

static const struct cli_option options[] = {
	{"--operator", "NAME", false, "who does it, for provenance; default: the login name"},
	{0},
};

const struct cli_command cmd_hold = {
	.name = "hold",
	.usage = "[VALUE]",
	.summary = "keep a value out of every export here at once; without one, what is held back",
	.example = "entente hold update.example\nentente hold\n",
	.options = options,
	.args_max = 1,
	.run = run_hold,
};

const struct cli_command cmd_unhold = {
	.name = "unhold",
	.usage = "VALUE",
	.summary = "let a value that was held back go to exports again",
	.example = "entente unhold update.example\n",
	.options = options,
	.args_min = 1,
	.args_max = 1,
	.run = run_unhold,
};
