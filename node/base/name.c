/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/name.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cursor.h"
#include "base/text.h"

#define PROVENANCE_PREFIX "provenance-"
#define ORIGIN_PREFIX     "entente/"

void node_id_text(char out[NODE_ID_TEXT_SIZE], const struct node_id *id)
{
	text_base32_encode(out, BYTES_OF(id->bytes));
}

bool node_id_parse(struct bytes text, struct node_id *id)
{
	return text.len == NODE_ID_TEXT_SIZE - 1 &&
	       text_base32_decode(text, id->bytes, NODE_ID_BYTES) == NODE_ID_BYTES;
}

void audience_text(char out[AUDIENCE_TEXT_SIZE], struct audience a)
{
	const char *word = "unknown";

	switch (a.kind) {
	case AUDIENCE_CLEAR:
		word = "clear";
		break;
	case AUDIENCE_GREEN:
		word = "green";
		break;
	case AUDIENCE_LOCAL:
		word = "local";
		break;
	case AUDIENCE_AGREEMENT:
		snprintf(out, AUDIENCE_TEXT_SIZE, "%016" PRIx64, a.id);
		return;
	case AUDIENCE_PROVENANCE:
		snprintf(out, AUDIENCE_TEXT_SIZE, PROVENANCE_PREFIX "%" PRIu64, a.id);
		return;
	}
	snprintf(out, AUDIENCE_TEXT_SIZE, "%s", word);
}

bool audience_parse(struct bytes text, struct audience *a)
{
	uint8_t raw[8];

	a->id = 0;
	if (bytes_eq_str(text, "clear")) {
		a->kind = AUDIENCE_CLEAR;
		return true;
	}
	if (bytes_eq_str(text, "green")) {
		a->kind = AUDIENCE_GREEN;
		return true;
	}
	if (bytes_eq_str(text, "local")) {
		a->kind = AUDIENCE_LOCAL;
		return true;
	}
	if (bytes_starts(text, PROVENANCE_PREFIX)) {
		a->kind = AUDIENCE_PROVENANCE;
		return text_u64_parse(bytes_skip(text, strlen(PROVENANCE_PREFIX)), &a->id) &&
		       a->id > 0;
	}
	a->kind = AUDIENCE_AGREEMENT;
	if (text.len != 16 || text_hex_decode(text, raw, sizeof(raw)) != sizeof(raw))
		return false;
	a->id = be64_get(raw);
	return true;
}

void log_name_text(char out[LOG_NAME_TEXT_SIZE], const struct log_name *name)
{
	char node[NODE_ID_TEXT_SIZE];
	char audience[AUDIENCE_TEXT_SIZE];

	node_id_text(node, &name->node);
	audience_text(audience, name->audience);
	snprintf(out, LOG_NAME_TEXT_SIZE, ORIGIN_PREFIX "%s/%" PRIu64 "/%s", node,
		name->incarnation, audience);
}

bool log_name_parse(struct bytes text, struct log_name *name)
{
	const uint8_t *slash;
	struct bytes rest;

	if (!bytes_starts(text, ORIGIN_PREFIX))
		return false;
	rest = bytes_skip(text, strlen(ORIGIN_PREFIX));
	if (rest.len < NODE_ID_TEXT_SIZE || rest.data[NODE_ID_TEXT_SIZE - 1] != '/' ||
		!node_id_parse(bytes_from(rest.data, NODE_ID_TEXT_SIZE - 1), &name->node))
		return false;
	rest = bytes_skip(rest, NODE_ID_TEXT_SIZE);
	slash = rest.len ? memchr(rest.data, '/', rest.len) : NULL;
	if (!slash || !text_u64_parse(bytes_from(rest.data, (size_t)(slash - rest.data)),
			      &name->incarnation))
		return false;
	return audience_parse(bytes_skip(rest, (size_t)(slash - rest.data) + 1), &name->audience);
}

void log_name_pack(uint8_t out[LOG_NAME_BYTES], const struct log_name *name)
{
	memcpy(out, name->node.bytes, NODE_ID_BYTES);
	be64_put(out + 16, name->incarnation);
	out[24] = (uint8_t)name->audience.kind;
	be64_put(out + 25, name->audience.id);
}

bool log_name_unpack(struct bytes packed, struct log_name *name)
{
	struct cursor c = cursor_of(packed);
	uint8_t kind;

	cursor_copy(&c, name->node.bytes, NODE_ID_BYTES);
	name->incarnation = cursor_u64(&c);
	kind = cursor_u8(&c);
	name->audience.kind = (enum audience_kind)kind;
	name->audience.id = cursor_u64(&c);
	if (!cursor_done(&c) || kind < AUDIENCE_CLEAR || kind > AUDIENCE_PROVENANCE)
		return false;
	/* One spelling for one name: an id stands only where the kind has one. */
	return kind == AUDIENCE_AGREEMENT ||
	       (kind == AUDIENCE_PROVENANCE ? name->audience.id > 0 : name->audience.id == 0);
}
