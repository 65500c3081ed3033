/* SPDX-License-Identifier: EUPL-1.2 */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdarg.h>

#include "ledger/guardfile.h"
#include "merkle/proof.h"

static const char *said(struct cli *c, const char *format, ...) PRINTF_LIKE(2, 3);
static const char *said(struct cli *c, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return cli_clean(c, bytes_str(text));
}

/* Does the store have what was signed: so much, under that root? As the daemon asks. */
static bool has_signed(struct cli *c, const struct guardfile_feed *f, struct store_log *held)
{
	struct store_tree tree = {.reader = c->reader};
	struct range range;
	struct hash root;

	if (store_log_get(c->reader, &f->log, held) != 0 || held->size < f->size)
		return false;
	tree.log = held->number;
	if (f->size == 0 || proof_range_build(&range, 0, f->size, store_tree_subtree, &tree) != 0)
		return f->size == 0;
	range_root(&range, &root);
	return hash_eq(&root, &f->root);
}

static enum cli_guard_state compare(struct cli *c, const struct guardfile *guard, const char **text)
{
	const struct card *own = cli_own(c);
	uint64_t now = own ? own->logs[own->logs_len - 1].incarnation : 0;

	for (size_t i = 0; i < guard->feeds_len; i++) {
		const struct guardfile_feed *f = &guard->feeds[i];
		struct store_log held = {0};
		char name[LOG_NAME_TEXT_SIZE];

		/* Nothing is signed in a former incarnation any more. */
		if (f->log.incarnation != now || (c->reader && has_signed(c, f, &held)))
			continue;
		log_name_text(name, &f->log);
		if (held.size >= f->size)
			*text = said(c, "%s: the store has another history than was signed", name);
		else
			*text = said(c,
				"%s: the store has %" PRIu64 " of %" PRIu64 " entries signed", name,
				held.size, f->size);
		return CLI_GUARD_BEHIND;
	}
	*text = said(c, "%zu feeds, none behind", guard->feeds_len);
	return CLI_GUARD_GOOD;
}

enum cli_guard_state cli_guard_check(struct cli *c, const char **text)
{
	enum cli_guard_state state;
	struct guardfile guard;
	struct err_text err;
	int rc = guardfile_read(&guard, cli_path(c, "guard"), &err);

	if (rc == 0) {
		state = compare(c, &guard, text);
	} else {
		*text = said(c, "%s", err.text);
		state = rc == ENT_ENOTFOUND ? CLI_GUARD_NONE : CLI_GUARD_BROKEN;
	}
	guardfile_free(&guard);
	return state;
}
