/* SPDX-License-Identifier: EUPL-1.2 */
#include "cli/signed.h"

#include <string.h>

#include "keys/file.h"

int cli_signed_draft(struct cli *c, const struct cli_signed_kind *kind, const struct buf *draft,
	void *text)
{
	const char *out = cli_value(c, "-o");
	int rc = buf_failed(draft) ? ENT_ELIMIT : kind->parse(c, buf_view(draft), "draft", text);

	if (rc)
		return cli_fail_code(c, rc, "draft");
	rc = cli_write_out(c, buf_view(draft), 0644);
	return rc || strcmp(out, "-") == 0 ? rc : kind->print(c, text, out);
}

int cli_signed_sign(struct cli *c, const struct cli_signed_kind *kind, void *text)
{
	const char *file = c->args[0];
	bool piped = strcmp(file, "-") == 0;
	struct buf out = buf_with_max(kind->bytes_max);
	struct root_key root = {0};
	struct bytes input;
	int rc = cli_read_file(c, file, kind->bytes_max, &input);

	if (rc)
		return rc;
	/* Before a passphrase is asked for. */
	rc = kind->parse(c, input, file, text);
	if (rc)
		return cli_fail_code(c, rc, file);
	rc = cli_root_key(c, &root);
	if (rc)
		goto out;
	rc = kind->sign(&out, input, file, &root, &c->err);
	if (!rc)
		rc = kind->parse(c, buf_view(&out), file, text);
	if (!rc && !piped)
		rc = file_write(file, buf_view(&out), 0644, &c->err);
	if (rc)
		rc = cli_fail_code(c, rc, file);
	else
		rc = piped ? cli_write_out(c, buf_view(&out), 0644) : kind->print(c, text, file);
out:
	root_key_free(&root);
	buf_free(&out);
	return rc;
}

const struct cli_option cli_sign_options[] = {
	{"--root-key", "FILE", false, "the root key; else that of this home"},
	{"--passphrase-file", "F", false, "opens the root key"},
	{NULL, NULL, false, NULL},
};

int cli_signed_show(struct cli *c, json_t *document, struct bytes note, const char *state)
{
	if (c->json) {
		json_object_set_new(document, "text", cli_json_text(note));
		return cli_json(c, document, CLI_DONE);
	}
	json_decref(document);
	fwrite(note.data, 1, note.len, stdout);
	fprintf(stderr, "\n%s\n", state);
	return CLI_DONE;
}

const char *cli_signed_state(bool complete, int64_t valid_from, int64_t valid_until)
{
	int64_t now = cli_now_s();

	if (!complete)
		return "unsigned";
	if (now < valid_from)
		return "not-yet";
	return now < valid_until ? "in-force" : "expired";
}

bool cli_looks_like_id(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len <= 16 && strspn(text, "0123456789abcdef") == len;
}

int cli_title(struct cli *c, char *title, size_t size)
{
	const char *given = cli_value(c, "--title");

	if (!given)
		return 0;
	if (strlen(given) >= size)
		return cli_fail(c, CLI_INVALID, "--title: saw %zu bytes, wanted at most %zu",
			strlen(given), size - 1);
	memcpy(title, given, strlen(given) + 1);
	return 0;
}

int cli_read_card(struct cli *c, const char *file, const struct card **card)
{
	struct card_chain chain;
	struct bytes text;
	int rc = cli_read_file(c, file, CARD_CHAIN_MAX * CARD_BYTES_MAX, &text);

	if (rc)
		return rc;
	rc = card_chain_read(text, file, &c->arena, &chain, &c->err);
	if (rc)
		return cli_fail_code(c, rc, file);
	*card = card_chain_last(&chain);
	return 0;
}
