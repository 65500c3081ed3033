/* SPDX-License-Identifier: EUPL-1.2 */
/* Where a feed goes: runs to those who subscribed, reduced heads to the others. */
#include "base/mark.h"
#include "gossip/impl.h"

/* --- the order of pushing: what is urgent or live goes before history, histories take turns --- */

/* Priority orders feeds, not entries: all before a retraction goes with it. */
static bool is_urgent(const struct link *l)
{
	return l->next < l->feed->urgent_until;
}

static bool is_live(const struct link *l)
{
	return is_urgent(l) || l->feed->complete.size - l->next <= BATCH_ENTRIES_MAX;
}

bool sink_gives(const struct link *l)
{
	return l->sink == SINK_OPEN && l->next < l->feed->complete.size;
}

void sink_ready(struct link *l)
{
	struct link **at = &l->session->ready;

	if (l->ready || !sink_gives(l))
		return;
	while (*at && (is_urgent(l) ? is_urgent(*at) : is_live(*at) || !is_live(l)))
		at = &(*at)->next_ready;
	l->ready = true;
	l->next_ready = *at;
	*at = l;
}

void sink_unready(struct link *l)
{
	struct link **at = &l->session->ready;

	if (!l->ready)
		return;
	while (*at != l)
		at = &(*at)->next_ready;
	*at = l->next_ready;
	l->ready = false;
}

/* --- opening and closing a sending ------------------------------------------------------------ */

/* The provenance log has the sending before its first byte leaves. */
void sink_open(struct gossip *g, struct link *l, uint64_t from)
{
	l->sink = SINK_OPENING;
	l->opened_from = l->next = l->marked = from;
	l->terms_stamp = l->session->shared_stamp;
	l->entering++;
	enter_act(g, l->session, ACT_SENDING_OPENED, l->feed, from, 0, true);
}

void sink_close(struct gossip *g, struct link *l)
{
	sink_unready(l);
	l->sink = SINK_NONE;
	enter_act(g, l->session, ACT_SENDING_CLOSED, l->feed, l->opened_from, l->next, false);
}

void gossip_entered(struct gossip *g, struct gossip_time now, uint32_t id,
	const struct log_name *feed)
{
	struct session *s = session_find(g, id);
	struct feed *f = feed_find(g, feed);
	struct link *l = s && f ? link_find(s, f) : NULL;

	g->now = now;
	if (!l || bodies_entered(g, l) || l->entering == 0)
		goto out;
	/* Of several openings only the last counts: the earlier ones have been closed since. */
	l->entering--;
	if (l->entering > 0 || l->sink != SINK_OPENING)
		goto out;
	l->sink = SINK_OPEN;
	l->marked_ms = now.mono_ms;
	sink_ready(l);
	session_push(g, s);
out:
	arena_reset(&g->scratch);
}

static void sink_mark(struct gossip *g, struct link *l)
{
	if (l->next == l->marked)
		return;
	enter_act(g, l->session, ACT_SENDING_MARK, l->feed, l->opened_from, l->next, false);
	l->marked = l->next;
	l->marked_ms = g->now.mono_ms;
}

/* --- pushing ---------------------------------------------------------------------------------- */

/* One run to one subscriber, under the newest checkpoint all of which is held. */
static int push_run(struct gossip *g, struct link *l)
{
	struct session *s = l->session;
	const struct feed *f = l->feed;
	struct wire_message m = {.type = WIRE_DATA};
	struct buf entries = buf_with_max(WIRE_MESSAGE_MAX - DATA_OVERHEAD);
	size_t bytes_max = WIRE_DATA_BYTES_MAX, before = s->unflushed, bytes;
	struct range left, right;
	int rc;

	range_init(&left, 0);
	if (s->credit_out - DATA_OVERHEAD < bytes_max)
		bytes_max = (size_t)s->credit_out - DATA_OVERHEAD;
	m.data.feed = f->name;
	m.data.start = l->next;
	rc = g->config.store.run(g->config.store.ctx, &f->name, l->next, f->complete.size,
		bytes_max, &entries, &m.data.count);
	range_init(&right, l->next + m.data.count);
	if (rc == 0 && m.data.count && l->next + m.data.count < f->complete.size)
		rc = g->config.store.range(g->config.store.ctx, &f->name, l->next + m.data.count,
			f->complete.size, &right);
	/* Whoever begins at the floor may be joining there. */
	if (rc == 0 && f->floor > 0 && l->next == f->floor)
		rc = g->config.store.range(g->config.store.ctx, &f->name, 0, f->floor, &left);
	if (rc == 0 && (m.data.count == 0 || buf_failed(&entries)))
		rc = ENT_ESTATE;
	if (rc != 0)
		goto out;
	checkpoint_to_wire(&m.data.checkpoint, &f->complete);
	m.data.right = (const uint8_t(*)[32])right.hashes;
	m.data.right_len = right.hashes_len;
	m.data.left = (const uint8_t(*)[32])left.hashes;
	m.data.left_len = left.hashes_len;
	m.data.entries = buf_view(&entries);
	send_message(g, s, &m);
	s->data_unflushed = s->unflushed;
	bytes = s->unflushed - before;
	s->credit_out -= bytes < s->credit_out ? bytes : s->credit_out;
	l->next += m.data.count;
	l->told_size = l->next;
	l->given = true;
	sinks_by(s, l->marked_ms + MARK_MS);
	peer_totals(g, &s->peer)->sent_entries += m.data.count;
	if (l->next - l->marked >= MARK_ENTRIES)
		sink_mark(g, l);
out:
	buf_free(&entries);
	return rc;
}

void session_push(struct gossip *g, struct session *s)
{
	bodies_push(g, s);
	while (s->ready && !s->closing && !s->data_unflushed && s->unflushed < PUSH_AHEAD &&
		s->credit_out >= ENTRY_PACKED_MAX + DATA_OVERHEAD) {
		struct link *l = s->ready;
		int rc;

		sink_unready(l);
		/* An agreement may have ended since it was last looked at; it may be extended
		 * before that is done again, and then all is told anew. */
		if (!may_send(g, s, &l->feed->name)) {
			sink_close(g, l);
			l->told = false;
			continue;
		}
		if (floor_overtakes(g, l))
			continue;
		rc = push_run(g, l);
		if (rc != 0) {
			/* The floor has moved, and its news (gossip_floor) is on its way; or the
			 * store cannot read what it holds: nothing to blame the peer for. */
			if (rc == ENT_ENOTFOUND)
				MARK("floor-moved-untold");
			else
				raise_alarm(g, "store-unreadable", "a stored run could not be read",
					NULL, &l->feed->name);
			sink_close(g, l);
			/* It asks again when nothing comes of what it is told of. */
			l->told_ms = g->now.mono_ms;
			link_held(g, l);
			continue;
		}
		sink_ready(l);
	}
}

/* --- reduced heads ---------------------------------------------------------------------------- */

void link_held(struct gossip *g, struct link *l)
{
	struct wire_message m = {.type = WIRE_HELD};
	const struct feed *f = l->feed;

	if (!l->told || sink_gives(l) || l->told_size >= f->complete.size)
		return;
	if (!may_send(g, l->session, &f->name)) {
		l->told = l->held_due = false;
		return;
	}
	if (g->now.mono_ms - l->told_ms < GOSSIP_HELD_MS) {
		MARK("reduced-head-waits");
		l->held_due = true;
		sinks_by(l->session, l->told_ms + GOSSIP_HELD_MS);
		return;
	}
	m.held.feed = f->name;
	m.held.size = f->complete.size;
	memcpy(m.held.root, f->complete.root.bytes, sizeof(m.held.root));
	send_message(g, l->session, &m);
	l->told_size = f->complete.size;
	l->told_ms = g->now.mono_ms;
	l->held_due = false;
}

/* The tick looks at the link again by then, if nothing happens to it before. */
static void link_due(const struct link *l)
{
	if (l->held_due)
		sinks_by(l->session, l->told_ms + GOSSIP_HELD_MS);
	if (l->receipt_due)
		sinks_by(l->session, receipt_due_ms(l));
	if (l->sink == SINK_OPEN && l->next != l->marked)
		sinks_by(l->session, l->marked_ms + MARK_MS);
}

void sinks_tick(struct gossip *g, struct session *s)
{
	if (g->now.mono_ms < s->sinks_ms)
		return;
	s->sinks_ms = UINT64_MAX;
	for (struct link *l = s->first_link; l; l = l->next_of_session) {
		if (l->held_due)
			link_held(g, l);
		if (l->receipt_due)
			link_receipt(g, l);
		if (l->sink == SINK_OPEN && g->now.mono_ms - l->marked_ms >= MARK_MS)
			sink_mark(g, l);
		link_due(l);
	}
}
