/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: intel */
/* The first byte is the type wanted, the rest the text: what is read is canonical and reads as
 * itself. */
#include <stdlib.h>

#include "base/text.h"
#include "intel/guard.h"
#include "intel/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
	if (!holds)
		abort();
}

/* What is said to be canonical at a glance reads as itself, and what does not is not said to be. */
static void canonical(enum type type, struct bytes text)
{
	struct value v;
	bool same = type != TYPE_NONE && value_parse(&v, text, type, NULL) == 0 && v.type == type &&
		    v.port == 0 && bytes_eq(text, bytes_from(v.text, v.len));

	check(value_is_canonical(type, text) == same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct guard *guard;
	struct err_text err = {""};
	struct value v, again;
	struct bytes text;
	char room[64];

	if (!guard)
		check(guard_new(&guard, BYTES_NONE) == 0);
	if (size == 0)
		return 0;
	text = bytes_from(data + 1, size - 1);
	canonical(data[0] % (TYPE_COUNT + 1), text);
	if (value_parse(&v, text, data[0] % (TYPE_COUNT + 1), &err) != 0) {
		check(err.text[0] && text_printable(bytes_str(err.text)));
		check(value_printable(text, room, sizeof(room)).len <= sizeof(room));
		return 0;
	}
	check(v.type != TYPE_NONE && v.len > 0 && v.len <= RECORD_VALUE_MAX &&
		v.text[v.len] == '\0');
	check(text_utf8_valid(bytes_from(v.text, v.len)));
	check(value_is_canonical(v.type, bytes_from(v.text, v.len)));
	check(value_parse(&again, bytes_from(v.text, v.len), TYPE_NONE, NULL) == 0);
	check(again.type == v.type && again.len == v.len && memcmp(again.text, v.text, v.len) == 0);
	(void)guard_check(guard, v.type, bytes_from(v.text, v.len), NULL);
	return 0;
}
