/* SPDX-License-Identifier: EUPL-1.2 */
/* entente canonical: how a value is read, before any guard rail looks at it. */
#include "cli/cli.h"
#include "cli/records.h"
#include "intel/value.h"

struct canonical {
	struct cli *cli;
	json_t *items;
	struct cli_table table;
	size_t len; /* values that were there */
	size_t read_len;
};

static int canonical_one(void *ctx, unsigned line, struct bytes text)
{
	struct canonical *x = ctx;
	struct err_text reason = {""};
	struct value v;
	bool readable = value_parse(&v, text, TYPE_NONE, &reason) == 0;

	(void)line;
	x->read_len += readable;
	x->len++;
	if (x->cli->json) {
		json_t *item = json_pack("{s:o, s:s?, s:o}", "input", cli_json_text(text), "type",
			readable ? type_name(v.type) : NULL, "value",
			readable ? cli_json_text(bytes_from(v.text, v.len)) : json_null());

		if (!readable)
			json_object_set_new(item, "error", json_string(reason.text));
		json_array_append_new(x->items, item);
		return 0;
	}
	cli_table_cell(&x->table, CLI_PLAIN, "%s", cli_clean(x->cli, text));
	cli_table_cell(&x->table, readable ? CLI_DIM : CLI_BAD, "%s",
		readable ? type_name(v.type) : "unreadable");
	cli_table_cell(&x->table, CLI_PLAIN, "%s",
		readable ? cli_clean(x->cli, bytes_from(v.text, v.len)) : reason.text);
	return 0;
}

static int run(struct cli *c)
{
	struct canonical x = {.cli = c};
	const char *file = cli_value(c, "--file");
	int rc = 0, status;

	if (!file && c->args_len == 0)
		return cli_usage(c, "a VALUE or --file FILE is wanted");
	x.items = json_array();
	if (!c->json)
		cli_table_init(&x.table, c, "input|type|canonical");
	for (size_t i = 0; i < c->args_len; i++)
		canonical_one(&x, 0, bytes_str(c->args[i]));
	if (file)
		rc = records_lines(c, file, canonical_one, &x);
	if (!c->json)
		cli_table_print(&x.table);
	if (rc != 0) {
		json_decref(x.items);
		return rc;
	}
	if (x.len == 0) {
		json_decref(x.items);
		return cli_fail(c, CLI_INVALID, "%s: saw no value, wanted one a line", file);
	}
	/* As with `publish`, what cannot be read does not stop the rest. */
	status = x.read_len > 0 ? CLI_DONE : CLI_INVALID;
	if (c->json)
		return cli_json(c, x.items, status);
	json_decref(x.items);
	return status;
}

static const struct cli_option options[] = {
	{"--file", "FILE", false, "one value a line; - is standard input"},
	{0},
};

const struct cli_command cmd_canonical = {
	.name = "canonical",
	.usage = "VALUE... | --file FILE",
	.summary = "how a value is read: its type and canonical form, without guard rails",
	.example = "entente canonical 'hxxps://Evil[.]example/a' 198.51.100.7:443\n",
	.options = options,
	.args_max = -1,
	.run = run,
};
