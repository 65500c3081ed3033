/* SPDX-License-Identifier: EUPL-1.2 */
#include "provenance/sentence.h"

#include <inttypes.h>

#include "base/text.h"
#include "provenance/act.h"

/*
 * One template an act. A letter behind % is a field of the body; a part in brackets is left out
 * when one of its fields is not given.
 *
 *     %p peer  %l log  %f from  %t to  %n to - from  %a agreements  %r rule  %o operator
 *     %c count  %x text  %h hash  %b publication  %s serial  %e session  %N the log's node
 *     %F %T from, to as times   %w from as a time, when it is given
 */
static const struct {
	enum act act;
	const char *words;
} templates[] = {
	{ACT_STARTED, "started[ (%x)]"},
	{ACT_STOPPED, "stopped[ (%x)]"},
	{ACT_AGREEMENT_IN_FORCE, "agreement %a in force[ (%x)][ by %o]"},
	{ACT_AGREEMENT_ENDED, "agreement %a ended[: %r][ (%x)][ by %o]"},
	{ACT_SESSION_OPENED, "opened session %e with %p[ under %a][ (%x)]"},
	{ACT_SESSION_CLOSED, "closed session %e with %p[: %x]"},
	{ACT_RECEIVED, "received %n of %l, %f to %t, from %p"},
	{ACT_SENDING_OPENED, "began sending %l from %f to %p[ under %a]"},
	{ACT_SENDING_MARK, "sent %l up to %t to %p"},
	{ACT_SENDING_CLOSED, "ended sending %l at %t to %p"},
	{ACT_PUBLISHED, "published %n into %l, %f to %t[ by %o][ from file %h][ as %b]"},
	{ACT_REFUSED, "refused[ %c] as %r[ of %o][ from %p][ in %l][ at publication %b][ (%x)]"},
	{ACT_LIFTED, "lifted guard rail %r[ for %c][ by %o][ at publication %b]"},
	{ACT_EXPORTED, "exported %x[ of %l][, %c records][, file %h][ by %o]"},
	{ACT_ERASED, "erased[ %c bodies][ by %l][, %f to %t][ (%r)]"},
	{ACT_RECALLED, "recalled[ %c bodies][ by %l][, %f to %t]"},
	{ACT_CARD, "card[ %s] of %N in force[, %h][, from %p][ by %o]"},
	{ACT_INTRODUCED, "%p introduced %l[, card %h]"},
	{ACT_ALARM, "alarm %r[ about %p][ in %l][: %x]"},
	{ACT_CLOCK_STEP, "clock stepped from %F to %T[ (%x)][ by %o]"},
	{ACT_FROZEN, "froze %l[: %r][ (%x)]"},
	{ACT_PUT_ASIDE,
		"put aside %l up to %t, as incarnation %f: signed by a key of a beaten card"},
	{ACT_SPLIT_PROVEN, "proved a split view of %l at sizes %f and %t[, shown by %p]"},
	{ACT_INCARNATION, "new incarnation: the former %l is good up to %t"},
	{ACT_WITNESSED, "%p witnessed %l up to %t"},
	{ACT_WITNESS_REPORT, "%p remembers %l up to %t, which is not here"},
	{ACT_RESTORED, "went mute[: %r][, shown %l][ by %p][ (%x)]"},
	{ACT_RECOVERED, "recovered, signs again[ (%x)]"},
	{ACT_EPOCH, "began a new provenance log; the former is held up to %t"},
	{ACT_PAUSED, "paused %x[ with %p][ by %o]"},
	{ACT_RESUMED, "resumed %x[ with %p][ by %o]"},
	{ACT_HOLD, "held back a value from exports, %h[ by %o]"},
	{ACT_UNHOLD, "let a value go to exports again, %h[ by %o]"},
	{ACT_FLOOR_MOVED, "forgot %l[ from %f] to %t[: %r]"},
	{ACT_JOINED, "joined %l at %t[, having %f of it][, at %p]"},
	{ACT_OVER_QUOTA, "quota used up[ by %l, brought][ by %p][ after %c records]"},
	{ACT_REVOCATION_RECEIVED, "received the revocation of %a from %p[: %x]"},
	{ACT_RECOVERY_WORD, "was told how to recover: %x[ %p][ by %o]"},
	{ACT_BODIES_SENT, "sends %c bodies of %l, among %f to %t, to %p[ under %a]"},
	{ACT_BODIES_RECEIVED, "received %c missing bodies of %l, among %f to %t, from %p"},
	{ACT_AFTER_END, "may hold no bodies of %l any more, %f to %t, after the end of %a"},
	{ACT_KEYS_CHANGED, "changed to the keys of card %s[, %h]"},
	{ACT_ROSTER_IN_FORCE, "roster %a in force[ by %o]"},
	{ACT_ROSTER_ENDED, "roster %a ended[: %r][ by %o]"},
	{ACT_REINDEXED, "made the index anew, %r: %x[ by %o][, at %w]"},
	{ACT_COMPACTED, "wrote the files anew, %r: %x[ by %o][, at %w]"},
	{ACT_QUERIED, "was asked: %x[, %c in all][ by %o][, about %h][, at %w]"},
};

void sentence_text(struct buf *out, struct bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		/* U+0080 to U+009F are two bytes, C2 80 to C2 9F. */
		if (c == 0xc2 && i + 1 < text.len && text.data[i + 1] < 0xa0) {
			buf_u8(out, '?');
			i++;
			continue;
		}
		buf_u8(out, c < 0x20 || c == 0x7f ? '?' : c);
	}
}

void sentence_node(struct buf *out, const struct node_id *node, const struct sentence_names *names)
{
	const char *name = names ? names->name(names->ctx, node) : NULL;
	char id[NODE_ID_TEXT_SIZE];

	if (name) {
		sentence_text(out, bytes_str(name));
		return;
	}
	node_id_text(id, node);
	buf_str(out, id);
}

void sentence_log(struct buf *out, const struct log_name *log, const struct sentence_names *names)
{
	char audience[AUDIENCE_TEXT_SIZE];

	sentence_node(out, &log->node, names);
	audience_text(audience, log->audience);
	buf_printf(out, "/%s", audience);
}

static void put_hex(struct buf *out, struct bytes b, size_t max)
{
	char hex[HEX_TEXT_SIZE(32)];

	text_hex_encode(hex, bytes_from(b.data, b.len < max ? b.len : max));
	buf_str(out, hex);
}

static void put_terms(struct buf *out, const struct act_body *act)
{
	for (size_t i = 0; i < act->terms_len; i++)
		buf_printf(out, "%s%016" PRIx64 " (serial %" PRIu32 ")", i ? ", " : "",
			act->terms[i].id, act->terms[i].serial);
}

static void put_time(struct buf *out, uint64_t ms)
{
	const uint64_t year_9999_end = 253402300799999;
	char text[TEXT_TIME_SIZE];

	text_time_ms(text, (int64_t)(ms < year_9999_end ? ms : year_9999_end));
	buf_str(out, text);
}

/* Appends the field of a letter; false when the act does not give it. */
static bool put_field(struct buf *out, const struct act_body *act,
	const struct sentence_names *names, char letter)
{
	switch (letter) {
	case 'p':
		if (act->has_peer)
			sentence_node(out, &act->peer, names);
		return act->has_peer;
	case 'N':
		if (act->has_log)
			sentence_node(out, &act->log.node, names);
		return act->has_log;
	case 'l':
		if (act->has_log)
			sentence_log(out, &act->log, names);
		return act->has_log;
	case 'f':
		buf_printf(out, "%" PRIu64, act->from);
		return act->has_log;
	case 't':
		buf_printf(out, "%" PRIu64, act->to);
		return act->has_log;
	case 'n':
		buf_printf(out, "%" PRIu64, act->to > act->from ? act->to - act->from : 0);
		return act->has_log;
	case 'F':
		put_time(out, act->from);
		return true;
	case 'w':
		put_time(out, act->from);
		return act->from > 0;
	case 'T':
		put_time(out, act->to);
		return true;
	case 'a':
		put_terms(out, act);
		return act->terms_len > 0;
	case 'r':
		sentence_text(out, act->rule);
		return act->rule.len > 0;
	case 'o':
		sentence_text(out, act->operator_name);
		return act->operator_name.len > 0;
	case 'x':
		sentence_text(out, act->text);
		return act->text.len > 0;
	case 'c':
		buf_printf(out, "%" PRIu64, act->count);
		return act->count > 0;
	case 's':
		buf_printf(out, "%" PRIu32, act->serial);
		return act->serial > 0;
	case 'h':
		put_hex(out, act->hash, 8);
		return act->hash.len > 0;
	case 'b':
		put_hex(out, act->publication, 16);
		return act->publication.len > 0;
	case 'e':
		put_hex(out, act->session, 4);
		return act->session.len > 0;
	default:
		return false;
	}
}

/* Appends one part of a template, up to end. A required field that is missing shows as "-"; a part
 * that may be left out is taken back whole. */
static void put_part(struct buf *out, const char *words, const char *end, bool optional,
	const struct act_body *act, const struct sentence_names *names)
{
	size_t start = out->len;

	for (; words < end; words++) {
		size_t before = out->len;

		if (*words != '%') {
			buf_u8(out, (uint8_t)*words);
			continue;
		}
		if (put_field(out, act, names, *++words) || buf_failed(out))
			continue;
		if (optional) {
			out->len = start;
			return;
		}
		out->len = before;
		buf_u8(out, '-');
	}
}

void sentence_act(struct buf *out, const struct act_body *act, const struct sentence_names *names)
{
	const char *words = NULL;

	for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++)
		if (templates[i].act == act->act)
			words = templates[i].words;
	if (!words) {
		buf_printf(out, "unknown act %" PRIu32, act->act);
		return;
	}
	while (*words) {
		bool optional = *words == '[';
		const char *end;

		if (optional)
			words++;
		end = words + strcspn(words, optional ? "]" : "[");
		put_part(out, words, end, optional, act, names);
		words = end + (optional ? 1 : 0);
	}
}
