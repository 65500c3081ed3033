/* SPDX-License-Identifier: EUPL-1.2 */
#include "keys/heard.h"

#include "base/text.h"

static struct heard_node *find(struct heard *h, const struct node_id *node)
{
	for (size_t i = 0; i < h->nodes_len; i++)
		if (node_id_eq(&h->nodes[i].node, node))
			return &h->nodes[i];
	return NULL;
}

/* NULL at the limit: then former keys are honoured for their whole time. */
static struct heard_node *need(struct heard *h, const struct node_id *node)
{
	struct heard_node *n = find(h, node);

	if (n || h->nodes_len == HEARD_MAX)
		return n;
	n = &h->nodes[h->nodes_len++];
	*n = (struct heard_node){.node = *node};
	return n;
}

static bool serial_parse(struct bytes word, uint32_t *serial)
{
	uint64_t v;

	if (!text_u64_parse(word, &v) || v > UINT32_MAX)
		return false;
	*serial = (uint32_t)v;
	return true;
}

void heard_read(struct heard *h, struct bytes text)
{
	struct bytes line;

	h->nodes_len = 0;
	while (text_line_next(&text, &line)) {
		struct bytes rest = line, id, named, knows, told;
		struct heard_node n, *known;

		if (!text_word_next(&rest, &id) || !text_word_next(&rest, &named) ||
			!text_word_next(&rest, &knows) || !text_word_next(&rest, &told) ||
			rest.len || !node_id_parse(id, &n.node) || !serial_parse(named, &n.named) ||
			!serial_parse(knows, &n.knows) || !serial_parse(told, &n.told))
			continue;
		known = need(h, &n.node);
		if (known)
			*known = n;
	}
}

void heard_text(struct buf *out, const struct heard *h)
{
	char id[NODE_ID_TEXT_SIZE];

	for (size_t i = 0; i < h->nodes_len; i++) {
		node_id_text(id, &h->nodes[i].node);
		buf_printf(out, "%s %u %u %u\n", id, h->nodes[i].named, h->nodes[i].knows,
			h->nodes[i].told);
	}
}

struct heard_node heard_of(const struct heard *h, const struct node_id *node)
{
	const struct heard_node *n = find((struct heard *)(uintptr_t)h, node);

	return n ? *n : (struct heard_node){.node = *node};
}

static bool raise(uint32_t *known, uint32_t serial)
{
	if (serial <= *known)
		return false;
	*known = serial;
	return true;
}

bool heard_named(struct heard *h, const struct node_id *node, uint32_t serial)
{
	struct heard_node *n = serial ? need(h, node) : NULL;

	return n && raise(&n->named, serial);
}

bool heard_knows(struct heard *h, const struct node_id *node, uint32_t serial)
{
	struct heard_node *n = serial ? need(h, node) : NULL;

	return n && raise(&n->knows, serial);
}

bool heard_told(struct heard *h, const struct node_id *node, uint32_t serial)
{
	struct heard_node *n = serial ? need(h, node) : NULL;

	return n && raise(&n->told, serial);
}
