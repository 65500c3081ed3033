/* SPDX-License-Identifier: EUPL-1.2 */
#include "control/document.h"

#include "base/text.h"

/* What is known against the feed, and what has settled it: null, or the incarnation that said how
 * far it is good (null while none has), and how far it is good as it stands here. */
static json_t *split_json(struct store_reader *r, const struct store_log *log)
{
	struct store_trust trust;
	struct bytes proof;

	if (store_split_get(r, log->number, &proof) != 0 || store_log_trust(r, log, &trust) != 0)
		return json_null();
	return json_pack("{s:o, s:I}", "settled_by",
		trust.succeeded_by ? json_integer((json_int_t)trust.succeeded_by) : json_null(),
		"good", (json_int_t)(trust.good < log->size ? trust.good : log->size));
}

json_t *document_feed(struct store_reader *r, const struct store_log *log, const char *name)
{
	static const struct node_id own;
	char id[NODE_ID_TEXT_SIZE], audience[AUDIENCE_TEXT_SIZE], via[NODE_ID_TEXT_SIZE];
	char root[BASE64_TEXT_SIZE(HASH_BYTES)] = "";
	uint64_t over = 0;

	node_id_text(id, &log->name.node);
	node_id_text(via, &log->via);
	audience_text(audience, log->name.audience);
	if (store_over_get(r, log->number, &over) != 0)
		over = 0;
	if (log->has_checkpoint)
		text_base64_encode(root, BYTES_OF(log->checkpoint.root.bytes));
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:I, s:b, s:o, s:o, s:I}",
		"origin", id, "name", name, "audience", audience, "incarnation",
		(json_int_t)log->name.incarnation, "size",
		(json_int_t)(log->has_checkpoint ? log->checkpoint.size : 0), "held",
		(json_int_t)log->size, "floor", (json_int_t)log->floor, "root", root, "receipts",
		(json_int_t)log->receipts, "frozen", log->frozen, "split", split_json(r, log),
		"via", node_id_eq(&log->via, &own) ? json_null() : json_string(via), "over",
		(json_int_t)over);
}
