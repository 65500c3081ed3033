/* SPDX-License-Identifier: EUPL-1.2 */
#include "sim/narrate.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool asked_for(void)
{
	static int asked = -1;

	if (asked < 0)
		asked = getenv("NARRATE") || getenv("SIM_TRACE");
	return asked;
}

void narrate(const struct world *w, const char *format, ...)
{
	va_list args;

	if (!asked_for())
		return;
	fprintf(stderr, "%6" PRIu64 "  ", w->now_ms);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* n3/clear, n3/0000000000000101; n3.1/clear with its second keys */
static const char *feed_text(struct world *w, const struct log_name *feed, char out[64])
{
	const struct world_node *origin = world_node_of(w, &feed->node);
	char audience[AUDIENCE_TEXT_SIZE];

	audience_text(audience, feed->audience);
	if (origin && feed->incarnation > CAST_EPOCH)
		snprintf(out, 64, "n%u.%" PRIu64 "/%s", origin->index,
			feed->incarnation - CAST_EPOCH, audience);
	else if (origin)
		snprintf(out, 64, "n%u/%s", origin->index, audience);
	else
		snprintf(out, 64, "?/%s", audience);
	return out;
}

static void narrate_cards(struct world *w, unsigned from, unsigned to,
	const struct wire_cards *cards)
{
	struct arena arena = {0};
	struct card_chain chain;
	const struct world_node *of;

	if (card_chain_parse(cards->cards, cards->cards_len, "said", &arena, &chain, NULL) == 0) {
		of = world_node_of(w, &card_chain_last(&chain)->node);
		narrate(w, "n%u > n%u card of n%d, %u", from, to, of ? (int)of->index : -1,
			card_chain_last(&chain)->serial);
	}
	arena_free(&arena);
}

void narrate_said(struct world *w, const struct world_session *s, unsigned end,
	const struct wire_message *m)
{
	unsigned from = s->ends[end].node->index, to = s->ends[!end].node->index;
	char feed[64];

	if (!asked_for())
		return;
	switch (m->type) {
	case WIRE_HELLO:
		narrate(w, "n%u > n%u hello", from, to);
		return;
	case WIRE_TERMS:
		narrate(w, "n%u > n%u terms, %zu agreements", from, to, m->terms.agreements_len);
		return;
	case WIRE_CARDS:
		narrate_cards(w, from, to, &m->cards);
		return;
	case WIRE_SPLIT:
		narrate(w, "n%u > n%u split view of %s, %" PRIu64 " and %" PRIu64, from, to,
			feed_text(w, &m->split.feed, feed), m->split.first.size,
			m->split.second.size);
		return;
	case WIRE_PROOF_WANT:
		narrate(w, "n%u > n%u wants proof for %s, %" PRIu64 " in %" PRIu64, from, to,
			feed_text(w, &m->proof_want.feed, feed), m->proof_want.first,
			m->proof_want.second);
		return;
	case WIRE_PROOF:
		narrate(w, "n%u > n%u proof for %s, %" PRIu64 " in %" PRIu64, from, to,
			feed_text(w, &m->proof.feed, feed), m->proof.first, m->proof.second);
		return;
	case WIRE_HEADS:
		for (size_t i = 0; i < m->heads.heads_len; i++)
			narrate(w, "n%u > n%u head %s held %" PRIu64 " of %" PRIu64, from, to,
				feed_text(w, &m->heads.heads[i].feed, feed), m->heads.heads[i].held,
				m->heads.heads[i].newest.size);
		return;
	case WIRE_HELD:
		narrate(w, "n%u > n%u held %s %" PRIu64, from, to,
			feed_text(w, &m->held.feed, feed), m->held.size);
		return;
	case WIRE_SUBSCRIBE:
		narrate(w, "n%u > n%u subscribe %s from %" PRIu64, from, to,
			feed_text(w, &m->subscribe.feed, feed), m->subscribe.from);
		return;
	case WIRE_UNSUBSCRIBE:
		narrate(w, "n%u > n%u unsubscribe %s", from, to,
			feed_text(w, &m->unsubscribe.feed, feed));
		return;
	case WIRE_DATA:
		narrate(w, "n%u > n%u data %s from %" PRIu64 ", %u of %" PRIu64, from, to,
			feed_text(w, &m->data.feed, feed), m->data.start, m->data.count,
			m->data.checkpoint.size);
		return;
	case WIRE_BODIES_WANT:
		narrate(w, "n%u > n%u wants %zu bodies of %s, from %" PRIu64 " on", from, to,
			m->bodies_want.indexes_len, feed_text(w, &m->bodies_want.feed, feed),
			m->bodies_want.indexes[0]);
		return;
	case WIRE_BODIES:
		narrate(w, "n%u > n%u %zu bodies of %s", from, to, m->bodies.bodies_len,
			feed_text(w, &m->bodies.feed, feed));
		return;
	case WIRE_RECEIPT:
		narrate(w, "n%u > n%u receipt %s %" PRIu64, from, to,
			feed_text(w, &m->receipt.feed, feed), m->receipt.checkpoint.size);
		return;
	case WIRE_CREDIT:
		narrate(w, "n%u > n%u credit %" PRIu64, from, to, m->credit.bytes);
		return;
	default:
		narrate(w, "n%u > n%u message of type %d", from, to, (int)m->type);
		return;
	}
}

void narrate_action(const struct world_node *n, const struct gossip_action *action)
{
	struct world *w = n->world;
	char feed[64];

	if (!asked_for())
		return;
	switch (action->type) {
	case GOSSIP_CLOSE:
		narrate(w, "n%u closes session %u: %s", n->index, action->session, action->text);
		return;
	case GOSSIP_PIN:
		narrate(w, "n%u accepts n%u", n->index, world_node_of(w, &action->node)->index);
		return;
	case GOSSIP_FREEZE:
		narrate(w, "n%u freezes %s", n->index, feed_text(w, &action->feed, feed));
		return;
	case GOSSIP_PUT_ASIDE:
		narrate(w, "n%u puts %s aside", n->index, feed_text(w, &action->feed, feed));
		return;
	case GOSSIP_SPLIT:
		narrate(w, "n%u has proof against %s", n->index, feed_text(w, &action->feed, feed));
		return;
	case GOSSIP_ALARM:
		narrate(w, "n%u alarm %s: %s", n->index, action->rule, action->text);
		return;
	default:
		return;
	}
}
