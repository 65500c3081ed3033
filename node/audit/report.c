/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The report: one page that needs nothing beside itself, neither script nor network, and prints.
 * What it is about and the findings first; then what happened when, the parties, the agreements,
 * the volumes, and what stands out.
 */
#include "audit/audit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/text.h"
#include "base/version.h"
#include "keys/file.h"

#define PAGE_MAX    (64u * 1024u * 1024u)
#define BUCKETS     60u
#define ACTS_MAX    2000u
#define CHART_LEFT  90u
#define CHART_BROAD 960u /* with its left margin and 10 on the right */
#define CHART_TALL  46u
#define LANE_TALL   34u

struct volume {
	uint64_t published[BUCKETS], received[BUCKETS], sessions[BUCKETS], marked[BUCKETS];
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
	static const struct {
		char c;
		const char *name;
	} names[] = {{'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'"', "&quot;"}};

	for (; *text; text++) {
		/* A direction mark could turn a line round; none is needed in these. */
		char c = (char)((unsigned char)*text < 0x20 ? '?' : *text);
		const char *name = NULL;

		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (names[i].c == c)
				name = names[i].name;
		if (name)
			buf_str(out, name);
		else
			buf_u8(out, (uint8_t)c);
	}
}

/* A section with a table: the heads of its columns, with "|" between; "#" in front: of numbers. */
static void table(struct page *p, const char *title, const char *words, const char *heads)
{
	buf_printf(&p->out, "<section><h2>%s</h2>\n", title);
	if (words)
		buf_printf(&p->out, "<p>%s</p>\n", words);
	put(p, "<table><thead><tr>");
	for (;; heads++) {
		size_t len = strcspn(heads, "|");
		bool number = *heads == '#';

		buf_printf(&p->out, "<th scope=col%s>%.*s</th>", number ? " class=n" : "",
			(int)len - number, heads + number);
		heads += len;
		if (!*heads)
			break;
	}
	put(p, "</tr></thead><tbody>\n");
}

static void table_end(struct page *p)
{
	put(p, "</tbody></table></section>\n");
}

/* A row, a cell a letter: h what the row is about, t text, n number (uint64_t), m time in ms
 * (int64_t), r HTML. */
static void row(struct page *p, const char *form, ...)
{
	va_list args;

	put(p, "<tr>");
	va_start(args, form);
	for (; *form; form++) {
		if (*form == 'n') {
			buf_printf(&p->out, "<td class=n>%" PRIu64 "</td>", va_arg(args, uint64_t));
		} else if (*form == 'm') {
			int64_t ms = va_arg(args, int64_t);

			buf_printf(&p->out, "<td class=c>%s</td>",
				ms ? time_text(p->audit, ms) : "");
		} else if (*form == 'r') {
			buf_printf(&p->out, "<td>%s</td>", va_arg(args, const char *));
		} else {
			put(p, *form == 'h' ? "<th scope=row>" : "<td>");
			escape(&p->out, va_arg(args, const char *));
			put(p, *form == 'h' ? "</th>" : "</td>");
		}
	}
	va_end(args);
	put(p, "</tr>\n");
}

/* Text that grows as it is written, for one cell of HTML. */
static const char *html(struct buf *text)
{
	buf_u8(text, 0);
	return buf_failed(text) ? "?" : (const char *)text->data;
}

static const char head[] =
	"<!doctype html>\n<html lang=en><head><meta charset=utf-8>\n"
	"<meta name=viewport content=\"width=device-width\">\n"
	"<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; "
	"style-src 'unsafe-inline'\">\n"
	"<title>Entente audit</title>\n<style>\n"
	"@page{size:A4 landscape;margin:14mm}\n"
	"body{font:14px/1.45 system-ui,'DejaVu Sans',sans-serif;max-width:68em;margin:2em "
	"auto;padding:0 1.2em;color:#1b1f24;background:#fff}\n"
	"header{border-bottom:3px solid #1b1f24;margin-bottom:1em}\n"
	"h1{font-size:1.7em;margin:0 0 .1em}h2{font-size:1.2em;margin:2.2em 0 .4em}\n"
	"p{max-width:52em;margin:.4em 0}\n"
	"table{border-collapse:collapse;width:100%;font-size:.92em}\n"
	"th,td{text-align:left;padding:.35em .7em .35em 0;border-bottom:1px solid #d5dae0;"
	"vertical-align:top;overflow-wrap:anywhere}\n"
	"thead th{font-weight:600;border-bottom:2px solid #57606a;white-space:nowrap}\n"
	"tbody th{font-weight:600}.n{text-align:right;font-variant-numeric:tabular-nums}\n"
	".c,.k{white-space:nowrap}.k,code{font:.88em ui-monospace,'DejaVu Sans Mono',monospace}\n"
	".verdict{display:flex;gap:2.5em;align-items:baseline;padding:.9em 1.2em;margin:1em 0;"
	"border-left:.5em solid}.verdict b{font-size:1.35em}\n"
	".clean{background:#e6f6ea;border-color:#116329}.breach{background:#ffe5e2;"
	"border-color:#a40e26}\n"
	".tag{padding:.1em .55em;border-radius:.3em;font-weight:600;white-space:nowrap}\n"
	".tag.breach{color:#8c0b20}.tag.gap{background:#fff1c2;color:#5c4300}"
	".tag.note{background:#eaeef2;color:#3d444d}.ok{color:#116329;font-weight:600}\n"
	".missing{border:1px solid #9a6700;background:#fff8e0;padding:.5em .9em}\n"
	"svg{display:block;width:100%;height:auto;margin:.5em 0}"
	"svg text{font:11px system-ui,'DejaVu Sans',sans-serif;fill:#3d444d}\n"
	"figure{margin:.5em 0;break-inside:avoid}figcaption,small{color:#4a525b;font-size:.88em}\n"
	"footer{margin-top:3em;border-top:1px solid #57606a;color:#4a525b}\n"
	"@media print{body{margin:0;max-width:none;font-size:10.5px;padding:0}"
	"*{print-color-adjust:exact}h2{break-after:avoid}tr{break-inside:avoid}"
	"thead{display:table-header-group}}\n"
	"</style></head><body>\n";

/* --- what it is about ------------------------------------------------------------------------- */

static const char *plural(uint64_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

static void missing_put(struct page *p)
{
	struct audit *a = p->audit;
	const char *between = " ";

	if (!a->counts[FOUND_SCOPE]) {
		put(p, "<p>Every party of these agreements has handed over its account.</p>\n");
		return;
	}
	put(p, "<p class=missing><b>Not handed over</b>, though party of these agreements:");
	for (size_t i = 0; i < a->findings_len; i++) {
		if (a->findings[i].rule != FOUND_SCOPE)
			continue;
		put(p, between);
		escape(&p->out, party_name(a, &a->findings[i].node));
		between = ", ";
	}
	put(p, ". What these did is seen only as far as others tell it.</p>\n");
}

static void scope_put(struct page *p)
{
	struct audit *a = p->audit;

	table(p, "What was handed over", NULL,
		"Node|File|Made|Covers|Records|#Acts|#Entries|#Published|#Received|#Refused|#"
		"Sessions");
	for (size_t i = 0; i < a->bundles_len; i++) {
		const struct bundle *b = &a->bundles[i];
		struct buf covers = buf_with_max(256);

		buf_printf(&covers, "%s%s%s%s", b->about.since_ms ? "from " : "all of its time",
			b->about.since_ms ? time_text(a, b->about.since_ms) : "",
			b->about.until_ms ? " to " : "",
			b->about.until_ms ? time_text(a, b->about.until_ms) : "");
		row(p, "htmrtnnnnnn", party_name(a, &b->about.node), b->path, b->about.made_ms,
			html(&covers),
			b->about.flags & BUNDLE_FLAG_BODIES   ? "all contents"
			: b->about.flags & BUNDLE_FLAG_OPENED ? "some opened"
							      : "no contents",
			b->acts, b->entries, b->account.published, b->account.received,
			b->account.refused, b->account.sessions_count);
		buf_free(&covers);
	}
	table_end(p);
	put(p, "<p><small>The end of each account is proved as far as a peer has witnessed it, and "
	       "times are the word of the node whose act it is. What left by other ways than this "
	       "exchange is not seen here.</small></p>\n");
}

static void verdict_put(struct page *p)
{
	struct audit *a = p->audit;
	uint64_t n[] = {class_count(a, AUDIT_BREACH), class_count(a, AUDIT_GAP),
		class_count(a, AUDIT_NOTE)};

	buf_printf(&p->out,
		"<header><h1>Audit of an exchange between nodes</h1><p>%zu %s, acts from %s to %s"
		"</p></header>\n<main>\n",
		a->bundles_len, plural(a->bundles_len, "account", "accounts"),
		time_text(a, p->from_ms), time_text(a, p->to_ms));
	buf_printf(&p->out,
		"<div class=\"verdict %s\"><b>%s</b><span>%" PRIu64 " %s</span><span>%" PRIu64
		" %s</span><span>%" PRIu64 " %s</span></div>\n",
		n[0] ? "breach" : "clean", n[0] ? "Not clean" : "Clean: no breach is found", n[0],
		plural(n[0], "breach", "breaches"), n[1],
		plural(n[1], "declared gap", "declared gaps"), n[2], plural(n[2], "note", "notes"));
	missing_put(p);
}

/* --- findings --------------------------------------------------------------------------------- */

static void finding_row(struct page *p, const struct finding *f)
{
	static const char *const tags[] = {"breach", "gap", "note"};
	static const struct node_id nobody;
	struct audit *a = p->audit;
	struct buf tag = buf_with_max(256), what = buf_with_max(65536), where = buf_with_max(4096);
	enum audit_class class = rule_class(f->rule);

	buf_printf(&tag, "<span class=\"tag %s\">%s</span>", tags[class], class_name(class));
	escape(&what, rule_sentence(f->rule));
	buf_str(&what, "<br><small>");
	escape(&what, rule_name(f->rule));
	buf_str(&what, f->text && *f->text ? ": " : "");
	escape(&what, f->text ? f->text : "");
	if (f->more)
		buf_printf(&what, "; and %" PRIu64 " more", f->more);
	buf_str(&what, "</small>");
	if (f->has_log)
		escape(&where, log_text(a, &f->log));
	if (f->has_log && f->to > f->from)
		buf_printf(&where, ",<br>%" PRIu64 " to %" PRIu64, f->from, f->to);
	row(p, "rtrrm", html(&tag), node_id_eq(&f->node, &nobody) ? "" : party_name(a, &f->node),
		html(&what), html(&where), f->when_ms);
	buf_free(&tag);
	buf_free(&what);
	buf_free(&where);
}

static void findings_put(struct page *p)
{
	struct audit *a = p->audit;

	table(p, "Findings",
		"A <b>breach</b> is proved by the files alone. A <b>declared gap</b> is what a "
		"node "
		"itself says is lost or unproven. A <b>note</b> is what a reader should know; it "
		"is no "
		"reproach.",
		"Class|Whose|What|Where|When");
	for (enum audit_class class = AUDIT_BREACH; class <= AUDIT_NOTE; class ++)
		for (size_t i = 0; i < a->findings_len; i++)
			if (rule_class(a->findings[i].rule) == class)
				finding_row(p, &a->findings[i]);
	if (!a->findings_len)
		row(p, "ttttt", "", "", "none", "", "");
	table_end(p);
}

static void checks_put(struct page *p)
{
	struct audit *a = p->audit;
	struct buf words = buf_with_max(256);

	buf_printf(&words, "%" PRIu64 " acts, %" PRIu64 " entries and %" PRIu64 " signatures.",
		a->acts, a->entries, a->signatures);
	table(p, "What was checked", html(&words), "Check|What holds if it passes|Result");
	for (enum audit_check c = 0; c < CHECK_COUNT; c++)
		row(p, "htr", check_name(c), check_sentence(c),
			check_count(a, c, AUDIT_BREACH) ? "<span class=\"tag breach\">breach</span>"
			: check_count(a, c, AUDIT_GAP)
				? "<span class=\"tag gap\">declared gap</span>"
				: "<span class=ok>passed</span>");
	table_end(p);
	buf_free(&words);
}

/* --- parties, agreements, flows --------------------------------------------------------------- */

static void parties_put(struct page *p)
{
	struct audit *a = p->audit;
	struct party **list;
	size_t len;

	table(p, "Parties",
		"A root that is not <b>given</b> was taken from the files: compare it with the "
		"annex of "
		"an agreement, or by phone.",
		"Name|Organisation|Node|#Card|First root|Root|Account");
	list = parties_sorted(a, &len);
	for (size_t i = 0; i < len; i++) {
		char node[NODE_ID_TEXT_SIZE], root[NOTE_VKEY_TEXT_MAX] = "";
		const struct card *card =
			list[i]->chain.cards_len ? card_chain_last(&list[i]->chain) : NULL;

		node_id_text(node, &list[i]->node);
		if (card)
			note_key_text(root, &list[i]->chain.cards[0].root);
		row(p, "httntrt", card ? card->name : "no card", card ? card->org : "", node,
			(uint64_t)(card ? card->serial : 0), root,
			list[i]->pinned ? "<span class=ok>given</span>" : "not given",
			list[i]->account ? "here" : "not handed over");
	}
	table_end(p);
	free(list);
}

static void gives_put(struct buf *out, const struct agreement *g)
{
	for (size_t i = 0; i < g->parties_len; i++) {
		buf_str(out, i ? "<br>" : "");
		escape(out, g->parties[i].name);
		buf_str(out, g->parties[i].gives ? ":" : ": nothing");
		for (unsigned tlp = TLP_CLEAR; tlp <= TLP_RED; tlp++)
			if (g->parties[i].gives & TLP_BIT(tlp))
				buf_printf(out, " %s", tlp_name(tlp));
	}
}

static void agreements_put(struct page *p)
{
	struct audit *a = p->audit;

	table(p, "Agreements",
		"The words stand for the text and for the roots of all its parties: where they are "
		"those "
		"of the signed annex, all of these are right.",
		"Agreement|Title and legal ground|Who gives what|Valid|Words|Signed by all");
	for (size_t i = 0; i < a->texts_len; i++) {
		const struct agreement *g = &a->texts[i]->agreement;
		struct buf id = buf_with_max(256), title = buf_with_max(8192),
			   words = buf_with_max(256);
		struct buf gives = buf_with_max(65536), valid = buf_with_max(128);

		buf_printf(&id, "<span class=k>%016" PRIx64 "</span><br><small>serial %u</small>",
			g->id, g->serial);
		escape(&title, g->title);
		buf_str(&title, "<br><small>");
		escape(&title, g->legal);
		buf_str(&title, "</small>");
		gives_put(&gives, g);
		buf_printf(&valid, "<span class=c>%.10s</span> to <span class=c>%.10s</span>",
			time_text(a, g->valid_from * 1000), time_text(a, g->valid_until * 1000));
		agreement_words(g, &words);
		row(p, "rrrrrr", html(&id), html(&title), html(&gives), html(&valid), html(&words),
			a->texts[i]->good ? "<span class=ok>yes</span>"
					  : "<span class=\"tag breach\">no</span>");
		buf_free(&id);
		buf_free(&title);
		buf_free(&words);
		buf_free(&gives);
		buf_free(&valid);
	}
	table_end(p);
}

static int flows_put(struct page *p)
{
	struct flows flows = {0};
	int rc = flows_find(p->ask, &flows);

	table(p, "Who gave what to whom",
		"As the receivers tell it; a community feed that several agreements let pass "
		"counts under "
		"the lowest id.",
		"From|To|Agreement|#Entries");
	for (size_t i = 0; i < flows.len; i++) {
		char agreement[17] = "none";

		if (flows.list[i].has_agreement)
			snprintf(agreement, sizeof(agreement), "%016" PRIx64,
				flows.list[i].agreement);
		row(p, "tttn", party_name(p->audit, &flows.list[i].from),
			party_name(p->audit, &flows.list[i].to), agreement, flows.list[i].entries);
	}
	table_end(p);
	free(flows.list);
	return rc;
}

/* --- when ------------------------------------------------------------------------------------- */

static int span_find(void *ctx, const struct walk_act *w)
{
	struct page *p = ctx;

	if (!ask_in_time(p->ask, w->when_ms))
		return 0;
	if (!p->to_ms || w->when_ms < p->from_ms)
		p->from_ms = w->when_ms;
	if (w->when_ms >= p->to_ms)
		p->to_ms = w->when_ms + 1;
	return 0;
}

/* What happens all the time is in the sums. */
static bool stands_out(unsigned act)
{
	static const uint8_t usual[] = {ACT_SESSION_OPENED, ACT_SESSION_CLOSED, ACT_RECEIVED,
		ACT_SENDING_OPENED, ACT_SENDING_MARK, ACT_SENDING_CLOSED, ACT_PUBLISHED,
		ACT_WITNESSED, ACT_FLOOR_MOVED, ACT_BODIES_SENT, ACT_BODIES_RECEIVED, ACT_CARD};

	for (size_t i = 0; i < sizeof(usual); i++)
		if (usual[i] == act)
			return false;
	return true;
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
	buf_printf(&p->acts, "<tr><td class=c>%s</td><td>", time_text(p->audit, w->when_ms));
	escape(&p->acts, party_name(p->audit, &w->bundle->about.node));
	buf_str(&p->acts, "</td><td>");
	escape(&p->acts, html(&text));
	buf_str(&p->acts, "</td></tr>\n");
	buf_free(&text);
}

static uint64_t bucket_of(const struct page *p, int64_t ms)
{
	return (uint64_t)(ms - p->from_ms) * BUCKETS / (uint64_t)(p->to_ms - p->from_ms);
}

static int volume_find(void *ctx, const struct walk_act *w)
{
	struct page *p = ctx;
	struct volume *v = &p->volumes[w->bundle - p->audit->bundles];
	uint64_t entries = w->act->to - w->act->from, at;

	if (!ask_in_time(p->ask, w->when_ms))
		return 0;
	at = bucket_of(p, w->when_ms);
	if (stands_out(w->act->act)) {
		act_row(p, w);
		v->marked[at]++;
	}
	v->sessions[at] += w->act->act == ACT_SESSION_OPENED;
	if (w->act->to < w->act->from)
		return 0;
	if (w->act->act == ACT_PUBLISHED)
		v->published[at] += entries;
	else if (w->act->act == ACT_RECEIVED)
		v->received[at] += entries;
	return 0;
}

/* --- charts ----------------------------------------------------------------------------------- */

static unsigned column(uint64_t bucket)
{
	return CHART_LEFT + (unsigned)(bucket * (CHART_BROAD - CHART_LEFT - 10) / BUCKETS);
}

static void svg_begin(struct page *p, unsigned tall, const char *title)
{
	buf_printf(&p->out, "<svg viewBox=\"0 0 %u %u\" role=img><title>%s</title>", CHART_BROAD,
		tall, title);
}

static void axis_put(struct page *p, unsigned y)
{
	for (unsigned i = 0; i <= 4; i++) {
		int64_t ms = p->from_ms + (p->to_ms - p->from_ms) * i / 4;
		unsigned x = column(BUCKETS * i / 4);

		buf_printf(&p->out,
			"<line x1=%u x2=%u y1=0 y2=%u stroke=\"#d5dae0\"/><text x=%u y=%u "
			"text-anchor=%s>%.19s</text>",
			x, x, y, x, y + 14,
			i == 0   ? "start"
			: i == 4 ? "end"
				 : "middle",
			time_text(p->audit, ms));
	}
}

static void bars_put(struct page *p, const uint64_t *list, uint64_t most, unsigned zero, bool down,
	const char *color)
{
	for (unsigned i = 0; i < BUCKETS; i++) {
		unsigned tall = (unsigned)(list[i] * CHART_TALL / most);

		if (list[i] == 0)
			continue;
		tall = tall ? tall : 1;
		buf_printf(&p->out,
			"<rect x=%u y=%u width=%u height=%u fill=\"%s\"><title>%" PRIu64
			"</title></rect>",
			column(i) + 1, down ? zero + 1 : zero - tall, column(i + 1) - column(i) - 2,
			tall, color, list[i]);
	}
}

/* Findings that have a moment, of one node. */
static void findings_mark(struct page *p, const struct node_id *node, unsigned y)
{
	const struct audit *a = p->audit;

	for (size_t i = 0; i < a->findings_len; i++) {
		const struct finding *f = &a->findings[i];
		enum audit_class class = rule_class(f->rule);
		unsigned x;

		if (class == AUDIT_NOTE || f->when_ms < p->from_ms || f->when_ms >= p->to_ms ||
			!node_id_eq(&f->node, node))
			continue;
		x = column(bucket_of(p, f->when_ms)) + 6;
		buf_printf(&p->out,
			"<path d=\"M%u %ul6 12h-12z\" fill=\"%s\" stroke=\"#fff\"><title>%s: "
			"%s</title>"
			"</path>",
			x, y - 6, class == AUDIT_BREACH ? "#a40e26" : "#9a6700", class_name(class),
			rule_sentence(f->rule));
	}
}

static void lane_put(struct page *p, size_t lane)
{
	struct audit *a = p->audit;
	const struct node_id *node = &a->bundles[lane].about.node;
	const struct volume *v = &p->volumes[lane];
	unsigned y = (unsigned)lane * LANE_TALL + LANE_TALL / 2;

	buf_printf(&p->out, "<text x=0 y=%u>", y + 4);
	escape(&p->out, party_name(a, node));
	buf_printf(&p->out, "</text><line x1=%u x2=%u y1=%u y2=%u stroke=\"#57606a\"/>", CHART_LEFT,
		CHART_BROAD - 10, y, y);
	for (unsigned i = 0; i < BUCKETS; i++) {
		unsigned x = column(i) + 6;

		if (v->published[i] + v->received[i])
			buf_printf(&p->out,
				"<rect x=%u y=%u width=12 height=8 fill=\"#0550ae\"><title>%" PRIu64
				" entries published, %" PRIu64 " received</title></rect>",
				x - 6, y - 4, v->published[i], v->received[i]);
		if (v->marked[i])
			buf_printf(&p->out,
				"<circle cx=%u cy=%u r=4 fill=\"#fff\" stroke=\"#1b1f24\" "
				"stroke-width=2><title>%" PRIu64
				" acts that stand out</title></circle>",
				x, y - 9, v->marked[i]);
	}
	findings_mark(p, node, y + 7);
}

static void timeline_put(struct page *p)
{
	unsigned tall = (unsigned)p->audit->bundles_len * LANE_TALL;

	put(p, "<section><h2>Timeline</h2>\n<figure>");
	svg_begin(p, tall + 20, "What each node did when, and where findings lie");
	axis_put(p, tall);
	for (size_t i = 0; i < p->audit->bundles_len; i++)
		lane_put(p, i);
	put(p, "</svg><figcaption>Blue: entries published or received. Ring: an act that stands "
	       "out, "
	       "listed below. Triangle: a breach (red) or a declared gap (brown) at that moment. "
	       "Times "
	       "are those of the nodes, UTC.</figcaption></figure></section>\n");
}

static void volumes_put(struct page *p)
{
	struct audit *a = p->audit;

	put(p, "<section><h2>Volumes</h2>\n");
	for (size_t i = 0; i < a->bundles_len; i++) {
		const struct volume *v = &p->volumes[i];
		uint64_t most = 1;

		for (unsigned j = 0; j < BUCKETS; j++) {
			most = v->published[j] > most ? v->published[j] : most;
			most = v->received[j] > most ? v->received[j] : most;
		}
		put(p, "<figure>");
		svg_begin(p, 2 * CHART_TALL + 22, "Entries published and received over time");
		axis_put(p, 2 * CHART_TALL + 2);
		put(p, "<text x=0 y=16 font-weight=600>");
		escape(&p->out, party_name(a, &a->bundles[i].about.node));
		buf_printf(&p->out,
			"</text><text x=0 y=%u>published</text><text x=0 y=%u>received</text>"
			"<line x1=%u x2=%u y1=%u y2=%u stroke=\"#57606a\"/>",
			CHART_TALL - 4, CHART_TALL + 14, CHART_LEFT, CHART_BROAD - 10, CHART_TALL,
			CHART_TALL);
		bars_put(p, v->published, most, CHART_TALL, false, "#0550ae");
		bars_put(p, v->received, most, CHART_TALL, true, "#57606a");
		buf_printf(&p->out,
			"</svg><figcaption>Highest bar: %" PRIu64 " entries. In all %" PRIu64
			" published, %" PRIu64 " received.</figcaption></figure>\n",
			most, a->bundles[i].account.published, a->bundles[i].account.received);
	}
	put(p, "</section>\n");
}

static void exceptions_put(struct page *p)
{
	table(p, "Acts that stand out",
		"Node by node, in order; sessions and ranges are in the sums above, and in "
		"<code>entente-audit timeline</code>.",
		"When|Node|What");
	buf_bytes(&p->out, buf_view(&p->acts));
	table_end(p);
	if (p->acts_more)
		buf_printf(&p->out, "<p>And %" PRIu64 " more.</p>\n", p->acts_more);
}

/* --- the page --------------------------------------------------------------------------------- */

static int acts_read(struct page *p)
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
	return rc;
}

static int page_make(struct page *p)
{
	int rc = acts_read(p);

	if (rc != 0)
		return rc;
	put(p, head);
	verdict_put(p);
	findings_put(p);
	scope_put(p);
	checks_put(p);
	if (p->to_ms)
		timeline_put(p);
	parties_put(p);
	agreements_put(p);
	rc = flows_put(p);
	if (p->to_ms)
		volumes_put(p);
	exceptions_put(p);
	put(p, "</main><footer><p><small>Made by entente-audit " ENTENTE_VERSION
	       " from the files named above and nothing else. docs/AUDIT.md says what is proved "
	       "and "
	       "what is not.</small></p></footer></body>\n</html>\n");
	return rc == 0 && (buf_failed(&p->out) || buf_failed(&p->acts)) ? ENT_ELIMIT : rc;
}

int ask_report(struct ask *q)
{
	struct audit *a = q->audit;
	int status = class_count(a, AUDIT_BREACH) ? AUDIT_FOUND : AUDIT_CLEAN, rc;
	struct page p = {.ask = q,
		.audit = a,
		.out = buf_with_max(PAGE_MAX),
		.acts = buf_with_max(PAGE_MAX)};

	rc = page_make(&p);
	if (rc == 0)
		rc = file_write(q->out, buf_view(&p.out), 0644, &a->err);
	free(p.volumes);
	buf_free(&p.out);
	buf_free(&p.acts);
	if (rc != 0)
		return ask_failed(q, rc);
	/* The page says what was found, and so does the status. */
	if (a->json)
		return print_json(json_pack("{s:s, s:I, s:I, s:I}", "file", q->out, "breaches",
					  (json_int_t)class_count(a, AUDIT_BREACH), "gaps",
					  (json_int_t)class_count(a, AUDIT_GAP), "notes",
					  (json_int_t)class_count(a, AUDIT_NOTE)),
			status);
	printf("%s: %" PRIu64 " breaches, %" PRIu64 " declared gaps, %" PRIu64 " notes\n", q->out,
		class_count(a, AUDIT_BREACH), class_count(a, AUDIT_GAP),
		class_count(a, AUDIT_NOTE));
	return status;
}
