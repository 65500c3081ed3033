/* SPDX-License-Identifier: EUPL-1.2 */
/* Holding a value back from exports, or letting it go again, with the act that tells of it. */
#include "ledger/impl.h"

static void hold_act(struct ledger *l, const struct ledger_item *i)
{
	uint8_t salt[ENTRY_SALT_BYTES];
	const struct bytes parts[] = {BYTES_OF(salt), buf_view(&i->data)};
	struct act_body act = {.act = i->hold.remove ? ACT_UNHOLD : ACT_HOLD,
		.rule = bytes_str(type_name(i->hold.type)),
		.operator_name = bytes_str(i->hold.operator_name),
		.salt = BYTES_OF(salt)};
	struct hash hash;

	/* The log of acts is shown to auditors: the value is in it as a file's bytes are. */
	env_random(&l->config.rng, salt, sizeof(salt));
	hash_sha256_parts(&hash, parts, 2);
	act.hash = BYTES_OF(hash.bytes);
	group_act(l, &act);
}

int apply_hold(struct ledger *l, struct store_txn *txn, const struct ledger_item *i)
{
	struct store_hold hold = {.type = i->hold.type,
		.value = buf_view(&i->data),
		.operator_name = bytes_str(i->hold.operator_name),
		.since_ms = l->now_ms};
	int rc = i->hold.remove ? store_hold_remove(txn, hold.type, hold.value)
				: store_hold_put(txn, &hold);

	if (rc == 0)
		hold_act(l, i);
	return rc;
}
