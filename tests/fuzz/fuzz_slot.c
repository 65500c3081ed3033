/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: store */
/* Guard and journal: what is printed is read as the same, the newest that is whole counts, and what
 * lies on the disk otherwise is no slot. */
#include <assert.h>
#include <stdlib.h>

#include "store/slot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t file[2 * SLOT_BYTES];

static bool within(struct bytes view, const uint8_t *slot)
{
	return view.data >= slot && view.data + view.len <= slot + SLOT_BYTES;
}

/* As they stand in the input: nothing beyond the slot may be read or said. */
static void read_as_found(const uint8_t *data, size_t size)
{
	struct slot s;

	memset(file, 0, sizeof(file));
	if (size > 0)
		memcpy(file, data, size < SLOT_BYTES ? size : SLOT_BYTES);
	if (slot_newest(bytes_from(file, sizeof(file)), &s))
		assert(within(s.lines, file) && within(s.redo, file));
}

static void put(struct buf *b, size_t at)
{
	assert(b->len <= SLOT_BYTES);
	memset(file + at, 0, SLOT_BYTES);
	memcpy(file + at, b->data, b->len);
	buf_reset(b);
}

/* Two slots of parts of the input; then one byte of the newer is another. */
static void printed_and_read(const uint8_t *data, size_t size)
{
	const size_t cut = size > 2 ? (size_t)(data[0] << 8 | data[1]) % size : 0;
	const struct bytes lines = bytes_from(data, cut);
	const struct bytes redo = bytes_from(data + cut, size - cut);
	struct buf b = buf_with_max(SLOT_BYTES);
	struct slot s;

	if (slot_print(&b, 6, redo, lines))
		put(&b, SLOT_BYTES);
	if (slot_print(&b, 7, lines, redo)) {
		const size_t len = b.len;

		put(&b, 0);
		assert(slot_newest(bytes_from(file, sizeof(file)), &s) && s.number == 7);
		assert(bytes_eq(s.lines, lines) && bytes_eq(s.redo, redo));
		file[cut % len] ^= 1;
		assert(slot_newest(bytes_from(file, sizeof(file)), &s) && s.number == 6);
		assert(bytes_eq(s.lines, redo) && bytes_eq(s.redo, lines));
	}
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_as_found(data, size);
	memset(file, 0, sizeof(file));
	if (size > 0)
		printed_and_read(data, size);
	return 0;
}
