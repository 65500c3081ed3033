/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The report: one page that needs nothing beside itself, neither script nor network, and prints.
 * Findings first; then what was handed over, the parties, the agreements, the volumes, the acts
 * that stand out.
 */
#include "audit/audit.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "keys/file.h"

#define PAGE_MAX    (64u * 1024u * 1024u)
#define BUCKETS     48u
#define ACTS_MAX    2000u
#define BAR_WIDTH   14u
#define CHART_TALL  90u
#define CHART_BROAD (BUCKETS * BAR_WIDTH)

struct volume {
	uint64_t published[BUCKETS], received[BUCKETS];
};

struct page {
	struct ask *ask;
	struct audit *audit;
	struct buf out;
	int64_t from_ms, to_ms;
	struct volume *volumes; /* one a bundle */
	size_t acts_len;
	uint64_t acts_more;
	struct buf acts;
};

/* --- text ------------------------------------------------------------------------------------- */

static void put(struct page *p, const char *text)
{
	buf_str(&p->out, text);
}

static void escape(struct buf *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			buf_str(out, "&lt;");
			break;
		case '>':
			buf_str(out, "&gt;");
			break;
		case '&':
			buf_str(out, "&amp;");
			break;
		case '"':
			buf_str(out, "&quot;");
			break;
		default:
			/* A direction mark could turn a line round; none is needed in these. */
			buf_u8(out, (uint8_t)((unsigned char)*text < 0x20 ? '?' : *text));
		}
	}
}

static void cell(struct page *p, const char *text)
{
	put(p, "<td>");
	escape(&p->out, text);
	put(p, "</td>");
}

static void cell_number(struct page *p, uint64_t n)
{
	buf_printf(&p->out, "<td class=n>%" PRIu64 "</td>", n);
}

static const char head[] =
	"<!doctype html>\n<html lang=en><meta charset=utf-8>\n"
	"<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; "
	"style-src 'unsafe-inline'\">\n"
	"<title>Entente audit</title>\n<style>\n"
	"body{font:15px/1.45 system-ui,sans-serif;max-width:72em;margin:2em auto;padding:0 "
	"1em;color:#1b1f24}\n"
	"h1{font-size:1.6em;margin:0 0 .2em}h2{font-size:1.2em;margin:2em 0 .5em;border-bottom:1px "
	"solid #d0d7de}\n"
	"table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3em "
	".6em;border-bottom:1px solid #e5e9ee;vertical-align:top;overflow-wrap:anywhere}\n"
	"th{font-weight:600;font-size:.85em;color:#57606a}td.n{text-align:right;"
	"font-variant-numeric:tabular-nums}\n"
	".verdict{padding:.7em 1em;border-radius:.4em;font-weight:600}.clean{background:#dafbe1}"
	".breach{background:#ffd8d3}.gap{background:#fff3c4}.note{background:#eef2f6}\n"
	"td.c{white-space:nowrap}.tag{padding:.1em .5em;border-radius:.3em}\n"
	"svg{display:block;max-width:100%}svg text{font:11px system-ui,sans-serif;fill:#57606a}\n"
	"small{color:#57606a}@media print{body{margin:0;max-width:none;font-size:11px}"
	"h2{break-after:avoid}tr{break-inside:avoid}}\n"
	"</style>\n";

/* --- findings --------------------------------------------------------------------------------- */

static void finding_row(struct page *p, const struct finding *f)
{
	static const char *const tags[] = {"breach", "gap", "note"};
	static const struct node_id nobody;
	struct audit *a = p->audit;

	buf_printf(&p->out, "<tr><td class=c><span class=\"tag %s\">%s</span></td>",
		tags[rule_class(f->rule)], class_name(rule_class(f->rule)));
	cell(p, node_id_eq(&f->node, &nobody) ? "" : party_name(a, &f->node));
	put(p, "<td>");
	escape(&p->out, rule_sentence(f->rule));
	put(p, " <small>");
	escape(&p->out, rule_name(f->rule));
	put(p, "</small><br>");
	escape(&p->out, f->text ? f->text : "");
	if (f->more)
		buf_printf(&p->out, "; and %" PRIu64 " more", f->more);
	put(p, "</td><td>");
	if (f->has_log)
		escape(&p->out, log_text(a, &f->log));
	if (f->has_log && f->to > f->from)
		buf_printf(&p->out, ", %" PRIu64 " to %" PRIu64, f->from, f->to);
	put(p, "</td>");
	cell(p, f->when_ms ? time_text(a, f->when_ms) : "");
	put(p, "</tr>\n");
}

static void findings_put(struct page *p)
{
	struct audit *a = p->audit;
	uint64_t breaches = class_count(a, AUDIT_BREACH);

	put(p, "<h1>Entente audit</h1>\n");
	buf_printf(&p->out,
		"<p class=\"verdict %s\">%s: %" PRIu64 " breaches, %" PRIu64
		" declared gaps, %" PRIu64 " notes</p>\n",
		breaches ? "breach" : "clean", breaches ? "Breach" : "Clean", breaches,
		class_count(a, AUDIT_GAP), class_count(a, AUDIT_NOTE));
	put(p, "<p>A <b>breach</b> is proven from the files alone. A <b>declared gap</b> is what a "
	       "node itself says is lost or unproven. A <b>note</b> is what a reader should know. "
	       "What left by other ways than this exchange is not seen "
	       "here.</p>\n<h2>Findings</h2>\n"
	       "<table><tr><th><th>Whose<th>What<th>Where<th>When</tr>\n");
	for (enum audit_class class = AUDIT_BREACH; class <= AUDIT_NOTE; class ++)
		for (size_t i = 0; i < a->findings_len; i++)
			if (rule_class(a->findings[i].rule) == class)
				finding_row(p, &a->findings[i]);
	put(p, "</table>\n");
}

/* --- what was handed over --------------------------------------------------------------------- */

static void scope_put(struct page *p)
{
	struct audit *a = p->audit;

	put(p, "<h2>What was handed over</h2>\n<table><tr><th>Node<th>File<th>Made<th>Scope"
	       "<th>Acts<th>Entries<th>Published<th>Received<th>Refused<th>Sessions</tr>\n");
	for (size_t i = 0; i < a->bundles_len; i++) {
		const struct bundle *b = &a->bundles[i];

		put(p, "<tr>");
		cell(p, party_name(a, &b->about.node));
		cell(p, b->path);
		cell(p, time_text(a, b->about.made_ms));
		put(p, "<td>");
		buf_printf(&p->out, "%s%s%s%s; %s",
			b->about.since_ms ? "from " : "from its beginning",
			b->about.since_ms ? time_text(a, b->about.since_ms) : "",
			b->about.until_ms ? " to " : "",
			b->about.until_ms ? time_text(a, b->about.until_ms) : "",
			b->about.flags & BUNDLE_FLAG_BODIES   ? "all bodies"
			: b->about.flags & BUNDLE_FLAG_OPENED ? "single records opened"
							      : "no bodies");
		put(p, "</td>");
		cell_number(p, b->acts);
		cell_number(p, b->entries);
		cell_number(p, b->account.published);
		cell_number(p, b->account.received);
		cell_number(p, b->account.refused);
		cell_number(p, b->account.sessions_count);
		put(p, "</tr>\n");
	}
	put(p, "</table>\n<p>Not handed over by parties of these agreements:");
	for (size_t i = 0; i < a->findings_len; i++)
		if (a->findings[i].rule == FOUND_SCOPE) {
			put(p, " ");
			escape(&p->out, party_name(a, &a->findings[i].node));
		}
	buf_printf(&p->out, "%s.</p>\n", a->counts[FOUND_SCOPE] ? "" : " nothing is missing");
}

static void checks_put(struct page *p)
{
	struct audit *a = p->audit;

	put(p, "<h2>Checks</h2>\n<table><tr><th>Check<th>What holds if it passes<th></tr>\n");
	for (enum audit_check c = 0; c < CHECK_COUNT; c++) {
		uint64_t breaches = 0;

		for (size_t i = 0; i < FOUND_COUNT; i++)
			if (rule_check((enum audit_rule)i) == c &&
				rule_class((enum audit_rule)i) == AUDIT_BREACH)
				breaches += a->counts[i];
		put(p, "<tr>");
		cell(p, check_name(c));
		cell(p, check_sentence(c));
		cell(p, breaches ? "BREACH" : "ok");
		put(p, "</tr>\n");
	}
	buf_printf(&p->out,
		"</table>\n<p>%" PRIu64 " acts, %" PRIu64 " entries, %" PRIu64
		" signatures were checked.</p>\n",
		a->acts, a->entries, a->signatures);
}

/* --- parties, agreements, flows --------------------------------------------------------------- */

static void parties_put(struct page *p)
{
	struct audit *a = p->audit;
	struct party **list;
	size_t len;

	put(p, "<h2>Nodes</h2>\n<table><tr><th>Name<th>Organisation<th>Node<th>Card<th>Root<th>"
	       "Bundle</tr>\n");
	list = parties_sorted(a, &len);
	for (size_t i = 0; i < len; i++) {
		char node[NODE_ID_TEXT_SIZE], root[NOTE_VKEY_TEXT_MAX] = "";
		const struct card *card =
			list[i]->chain.cards_len ? card_chain_last(&list[i]->chain) : NULL;

		node_id_text(node, &list[i]->node);
		if (card)
			note_key_text(root, &list[i]->chain.cards[0].root);
		put(p, "<tr>");
		cell(p, card ? card->name : "");
		cell(p, card ? card->org : "");
		cell(p, node);
		cell_number(p, card ? card->serial : 0);
		put(p, "<td>");
		escape(&p->out, root);
		put(p, list[i]->pinned ? " (given)" : "");
		put(p, "</td>");
		cell(p, list[i]->account ? "yes" : "no");
		put(p, "</tr>\n");
	}
	put(p, "</table>\n");
	free(list);
}

static void agreements_put(struct page *p)
{
	struct audit *a = p->audit;

	put(p, "<h2>Agreements</h2>\n<table><tr><th>Id<th>Serial<th>Title<th>Parties, and what "
	       "each "
	       "gives<th>Valid<th>Signed by all</tr>\n");
	for (size_t i = 0; i < a->texts_len; i++) {
		const struct agreement *g = &a->texts[i]->agreement;

		buf_printf(&p->out, "<tr><td>%016" PRIx64 "</td><td class=n>%u</td>", g->id,
			g->serial);
		cell(p, g->title);
		put(p, "<td>");
		for (size_t j = 0; j < g->parties_len; j++) {
			escape(&p->out, g->parties[j].name);
			put(p, ":");
			for (unsigned tlp = TLP_CLEAR; tlp <= TLP_RED; tlp++)
				if (g->parties[j].gives & TLP_BIT(tlp))
					buf_printf(&p->out, " %s", tlp_name(tlp));
			put(p, "<br>");
		}
		put(p, "</td><td>");
		put(p, time_text(a, g->valid_from * 1000));
		put(p, "<br>");
		put(p, time_text(a, g->valid_until * 1000));
		put(p, "</td>");
		cell(p, a->texts[i]->good ? "yes" : "NO");
		put(p, "</tr>\n");
	}
	put(p, "</table>\n");
}

static int flows_put(struct page *p)
{
	struct flows flows = {0};
	int rc = flows_find(p->ask, &flows);

	put(p, "<h2>Who gave what to whom</h2>\n<p>As the receivers tell it, by agreement; of a "
	       "community feed under several the lowest.</p>\n"
	       "<table><tr><th>From<th>To<th>Agreement<th>Entries</tr>\n");
	for (size_t i = 0; i < flows.len; i++) {
		put(p, "<tr>");
		cell(p, party_name(p->audit, &flows.list[i].from));
		cell(p, party_name(p->audit, &flows.list[i].to));
		if (flows.list[i].has_agreement)
			buf_printf(&p->out, "<td>%016" PRIx64 "</td>", flows.list[i].agreement);
		else
			cell(p, "none");
		cell_number(p, flows.list[i].entries);
		put(p, "</tr>\n");
	}
	put(p, "</table>\n");
	free(flows.list);
	return rc;
}

/* --- volumes and acts ------------------------------------------------------------------------- */

static int span_find(void *ctx, const struct walk_act *w)
{
	struct page *p = ctx;

	if (!ask_in_time(p->ask, w->when_ms))
		return 0;
	if (!p->from_ms || w->when_ms < p->from_ms)
		p->from_ms = w->when_ms;
	if (w->when_ms >= p->to_ms)
		p->to_ms = w->when_ms + 1;
	return 0;
}

/* What happens all the time is in the sums. */
static bool stands_out(unsigned act)
{
	switch (act) {
	case ACT_SESSION_OPENED:
	case ACT_SESSION_CLOSED:
	case ACT_RECEIVED:
	case ACT_SENDING_OPENED:
	case ACT_SENDING_MARK:
	case ACT_SENDING_CLOSED:
	case ACT_PUBLISHED:
	case ACT_WITNESSED:
	case ACT_FLOOR_MOVED:
		return false;
	default:
		return true;
	}
}

static void act_row(struct page *p, const struct walk_act *w)
{
	struct sentence_names names = party_names(p->audit);
	struct buf text = buf_with_max(8192);

	if (p->acts_len == ACTS_MAX) {
		p->acts_more++;
		return;
	}
	p->acts_len++;
	sentence_act(&text, w->act, &names);
	buf_u8(&text, 0);
	buf_printf(&p->acts, "<tr><td class=c>%s</td><td>%s</td><td>",
		time_text(p->audit, w->when_ms), party_name(p->audit, &w->bundle->about.node));
	escape(&p->acts, buf_failed(&text) ? "?" : (const char *)text.data);
	buf_str(&p->acts, "</td></tr>\n");
	buf_free(&text);
}

static int volume_find(void *ctx, const struct walk_act *w)
{
	struct page *p = ctx;
	struct volume *v = &p->volumes[w->bundle - p->audit->bundles];
	uint64_t bucket, entries = w->act->to - w->act->from;

	if (!ask_in_time(p->ask, w->when_ms))
		return 0;
	if (stands_out(w->act->act))
		act_row(p, w);
	if (w->act->to < w->act->from)
		return 0;
	bucket = (uint64_t)(w->when_ms - p->from_ms) * BUCKETS / (uint64_t)(p->to_ms - p->from_ms);
	if (w->act->act == ACT_PUBLISHED)
		v->published[bucket] += entries;
	else if (w->act->act == ACT_RECEIVED)
		v->received[bucket] += entries;
	return 0;
}

static void bars_put(struct page *p, const uint64_t *list, uint64_t most, const char *color,
	bool down)
{
	for (unsigned i = 0; i < BUCKETS; i++) {
		unsigned tall = (unsigned)(list[i] * CHART_TALL / most);

		if (list[i] == 0)
			continue;
		tall = tall ? tall : 1;
		buf_printf(&p->out,
			"<rect x=%u y=%u width=%u height=%u fill=\"%s\"><title>%" PRIu64
			"</title></rect>",
			i * BAR_WIDTH, down ? CHART_TALL + 1 : CHART_TALL - tall, BAR_WIDTH - 2,
			tall, color, list[i]);
	}
}

static void chart_put(struct page *p, const struct bundle *b, const struct volume *v)
{
	uint64_t most = 1;

	for (unsigned i = 0; i < BUCKETS; i++) {
		most = v->published[i] > most ? v->published[i] : most;
		most = v->received[i] > most ? v->received[i] : most;
	}
	put(p, "<h3>");
	escape(&p->out, party_name(p->audit, &b->about.node));
	buf_printf(&p->out,
		"</h3><svg viewBox=\"0 0 %u %u\" width=%u role=img aria-label=\"entries published "
		"and received over time\">",
		CHART_BROAD, 2 * CHART_TALL + 20, CHART_BROAD);
	bars_put(p, v->published, most, "#0969da", false);
	bars_put(p, v->received, most, "#8c959f", true);
	buf_printf(&p->out,
		"<line x1=0 x2=%u y1=%u y2=%u stroke=\"#57606a\"/><text x=2 y=11>published above, "
		"received below; highest %" PRIu64 " entries</text><text x=2 y=%u>%s</text>"
		"<text x=%u y=%u text-anchor=end>%s</text></svg>\n",
		CHART_BROAD, CHART_TALL, CHART_TALL, most, 2 * CHART_TALL + 16,
		time_text(p->audit, p->from_ms), CHART_BROAD - 2, 2 * CHART_TALL + 16,
		time_text(p->audit, p->to_ms));
}

static int volumes_put(struct page *p)
{
	struct audit *a = p->audit;
	int rc = 0;

	p->volumes = calloc(a->bundles_len, sizeof(*p->volumes));
	if (!p->volumes)
		return ENT_ENOMEM;
	for (size_t i = 0; rc == 0 && i < a->bundles_len; i++)
		rc = walk_acts(a, &a->bundles[i], span_find, p);
	for (size_t i = 0; rc == 0 && p->to_ms && i < a->bundles_len; i++)
		rc = walk_acts(a, &a->bundles[i], volume_find, p);
	put(p, "<h2>Volumes</h2>\n");
	for (size_t i = 0; rc == 0 && p->to_ms && i < a->bundles_len; i++)
		chart_put(p, &a->bundles[i], &p->volumes[i]);
	put(p, "<h2>Acts that stand out</h2>\n<p>Node by node, in order; sessions and ranges are "
	       "in "
	       "the sums above, and in the timeline.</p>\n"
	       "<table><tr><th>When<th>Node<th>What</tr>\n");
	buf_bytes(&p->out, buf_view(&p->acts));
	put(p, "</table>\n");
	if (p->acts_more)
		buf_printf(&p->out, "<p>And %" PRIu64 " more.</p>\n", p->acts_more);
	free(p->volumes);
	return rc;
}

int ask_report(struct ask *q)
{
	struct page p = {.ask = q,
		.audit = q->audit,
		.out = buf_with_max(PAGE_MAX),
		.acts = buf_with_max(PAGE_MAX)};
	int rc;

	put(&p, head);
	findings_put(&p);
	scope_put(&p);
	checks_put(&p);
	parties_put(&p);
	agreements_put(&p);
	rc = flows_put(&p);
	if (rc == 0)
		rc = volumes_put(&p);
	put(&p, "<p><small>Made by entente-audit from the files named above and nothing else. "
		"docs/AUDIT.md says what is proved and what is not.</small></p>\n</html>\n");
	if (rc == 0 && (buf_failed(&p.out) || buf_failed(&p.acts)))
		rc = ENT_ELIMIT;
	if (rc == 0)
		rc = file_write(q->out, buf_view(&p.out), 0644, &q->audit->err);
	buf_free(&p.out);
	buf_free(&p.acts);
	if (rc != 0)
		return ask_failed(q, rc);
	/* The page says what was found, and so does the status. */
	if (q->audit->json)
		return print_json(json_pack("{s:s, s:I, s:I, s:I}", "file", q->out, "breaches",
					  (json_int_t)class_count(q->audit, AUDIT_BREACH), "gaps",
					  (json_int_t)class_count(q->audit, AUDIT_GAP), "notes",
					  (json_int_t)class_count(q->audit, AUDIT_NOTE)),
			class_count(q->audit, AUDIT_BREACH) ? AUDIT_FOUND : AUDIT_CLEAN);
	printf("%s: %" PRIu64 " breaches, %" PRIu64 " declared gaps, %" PRIu64 " notes\n", q->out,
		class_count(q->audit, AUDIT_BREACH), class_count(q->audit, AUDIT_GAP),
		class_count(q->audit, AUDIT_NOTE));
	return class_count(q->audit, AUDIT_BREACH) ? AUDIT_FOUND : AUDIT_CLEAN;
}
