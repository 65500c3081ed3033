/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The report: one page that needs nothing beside itself, neither script nor network, and prints.
 * What it is about and the findings first; then what happened when, the parties, the agreements,
 * the volumes, and what stands out. Tables are made of the same rows that `--json` gives.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "audit/audit.h"
#include "base/text.h"
#include "base/version.h"
#include "keys/file.h"

#define PAGE_MAX    (64u * 1024u * 1024u)
#define BUCKETS     60u
#define ACTS_MAX    2000u
#define CHART_LEFT  90u
#define CHART_BROAD 960u /* with its left margin and 10 on the right */
#define BAR_TALL    24u
#define LANE_TALL   72u

struct volume {
	uint64_t published[BUCKETS], received[BUCKETS], marked[BUCKETS], most;
};

struct page {
	struct ask *ask;
	struct audit *audit;
	json_t *check; /* what `check` says */
	struct buf out;
	int64_t from_ms, to_ms;
	struct volume *volumes; /* one a bundle */
	json_t *acts;           /* that stand out */
	uint64_t acts_more;
};

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
	".clean{background:#e6f6ea;border-color:#116329}.breach,.no{background:#ffe5e2;"
	"border-color:#a40e26}\n"
	".tag{padding:.1em .55em;border-radius:.3em;font-weight:600;white-space:nowrap}\n"
	".tag.breach,.tag.BREACH,.tag.no{color:#8c0b20;background:#ffe5e2}"
	".tag.declared{background:#fff1c2;color:#5c4300}.tag.note{background:#eaeef2;"
	"color:#3d444d}.tag.ok,.tag.given,.tag.yes{color:#116329;padding:0}\n"
	".missing{border:1px solid #9a6700;background:#fff8e0;padding:.5em .9em}\n"
	"svg{display:block;width:100%;height:auto;margin:.5em 0}"
	"svg text{font:11px system-ui,'DejaVu Sans',sans-serif;fill:#3d444d}\n"
	"figure{margin:.5em 0;break-inside:avoid}figcaption,small{color:#4a525b;font-size:.88em}\n"
	"footer{margin-top:3em;border-top:1px solid #57606a;color:#4a525b}\n"
	"@media print{body{margin:0;max-width:none;font-size:10.5px;padding:0}"
	"*{print-color-adjust:exact}h2{break-after:avoid}tr{break-inside:avoid}"
	"thead{display:table-header-group}}\n"
	"</style></head><body>\n";

/* A section with a table, a row of it from a template of cells; what is between "|" is the head of
 * a column, with "#" in front one of numbers. Takes the reference to rows. */
static void table(struct page *p, const char *title, const char *words, const char *heads,
	json_t *rows, const char *cells)
{
	const json_t *row;
	size_t at;

	buf_printf(&p->out, "<section><h2>%s</h2>\n<p>%s</p>\n<table><thead><tr>", title, words);
	for (size_t len; *heads; heads += len + (heads[len] == '|')) {
		bool number = *heads == '#';

		len = strcspn(heads, "|");
		buf_printf(&p->out, "<th scope=col%s>%.*s</th>", number ? " class=n" : "",
			(int)len - number, heads + number);
	}
	buf_str(&p->out, "</tr></thead><tbody>\n");
	json_array_foreach(rows, at, row)
	{
		buf_str(&p->out, "<tr>");
		row_text(&p->out, cells, row, true);
		buf_str(&p->out, "</tr>\n");
	}
	if (json_array_size(rows) == 0)
		buf_str(&p->out, "<tr><td>none</td></tr>\n");
	buf_str(&p->out, "</tbody></table></section>\n");
	json_decref(rows);
}

static json_t *part(const struct page *p, const char *name)
{
	const json_t *scope = json_object_get(p->check, "scope");
	json_t *there = json_object_get(p->check, name);

	return json_incref(there ? there : json_object_get(scope, name));
}

/* --- what it is about, and what was found ----------------------------------------------------- */

static void verdict_put(struct page *p)
{
	const char *between = "";
	json_t *missing = part(p, "not_handed_over"), *one;
	size_t at;

	buf_printf(&p->out,
		"<header><h1>Audit of an exchange between nodes</h1><p>Accounts handed over: %zu. "
		"From %s to %s</p></header>\n<main>\n",
		p->audit->bundles_len, time_text(p->audit, p->from_ms),
		time_text(p->audit, p->to_ms));
	row_text(&p->out, "<div class=\"verdict {result}\"><b>", p->check, true);
	buf_str(&p->out, audit_status(p->audit) ? "Not clean" : "Clean: no breach is found");
	row_text(&p->out,
		"</b><span>Breaches: {breaches}</span><span>Declared gaps: {gaps}</span>"
		"<span>Notes: {notes}</span></div>\n",
		p->check, true);
	buf_str(&p->out,
		json_array_size(missing)
			? "<p class=missing><b>Not handed over</b>, though party of these "
			  "agreements: "
			: "<p>Every party of these agreements has handed over its account.");
	json_array_foreach(missing, at, one)
	{
		buf_str(&p->out, between);
		row_text(&p->out, "{name}", one, true);
		between = ", ";
	}
	buf_str(&p->out, json_array_size(missing)
				 ? ". What these did is seen only as far as others tell it.</p>\n"
				 : "</p>\n");
	json_decref(missing);
}

static void check_put(struct page *p)
{
	const struct audit *a = p->audit;
	char read[128];

	snprintf(read, sizeof(read),
		"%" PRIu64 " acts, %" PRIu64 " entries, %" PRIu64 " signatures", a->acts,
		a->entries, a->signatures);
	table(p, "Findings",
		"A <b>breach</b> is proved by the files alone. A <b>declared gap</b> is what a "
		"node itself says is lost or unproven. A <b>note</b> is what a reader should know; "
		"it is no reproach.",
		"Class|Whose|What|Where|When", part(p, "findings"),
		"<td><span class=\"tag {class}\">{class}</span><td>{name}<td>{sentence}<br><small>"
		"{rule}[: {text}][; and {more} more]</small><td>{where}<td class=c>{when}");
	table(p, "What was handed over",
		"The end of each account is proved as far as a peer has witnessed it, and times "
		"are the word of the node whose act it is. What left by other ways than this "
		"exchange is not seen here.",
		"Node|File|Made|Covers|Opened|#Acts|#Entries|#Published|#Received|#Refused|#"
		"Sessions",
		part(p, "bundles"),
		"<th scope=row>{name}<td>{file}<td class=c>{made}<td>from {from}[, of feeds from "
		"{since}][, up to {until}]<td>[all{bodies:.0}][single ones{opened:.0}]<td "
		"class=n>{acts}<td class=n>{entries}<td class=n>{published}<td class=n>{received}"
		"<td class=n>{refused}<td class=n>{sessions}");
	table(p, "What was checked", read,
		"Check|What holds if it passes|Result|#Breaches|#Gaps|#Notes", part(p, "checks"),
		"<th scope=row>{check}<td>{sentence}<td><span class=\"tag {result}\">{result}"
		"</span><td class=n>{breaches}<td class=n>{gaps}<td class=n>{notes}");
}

/* --- parties, agreements ---------------------------------------------------------------------- */

static json_t *parties_json(struct audit *a)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < a->parties.count; i++) {
		const struct party *p = a->party_list[i];
		const struct card_chain *chain = &p->chain;
		const struct card *card = chain->cards_len ? card_chain_last(chain) : NULL;
		char root[NOTE_VKEY_TEXT_MAX] = "";

		if (card)
			note_key_text(root, &chain->cards[0].root);
		json_array_append_new(rows,
			json_pack("{s:s, s:s, s:o, s:i, s:s, s:s, s:s}", "name",
				card ? card->name : "no card", "org", card ? card->org : "", "node",
				json_node(&p->node), "card", card ? (int)card->serial : 0, "root",
				root, "taken", p->pinned ? "given" : "not given", "account",
				p->account ? "here" : "not handed over"));
	}
	return rows;
}

static json_t *gives_json(const struct agreement *g)
{
	json_t *list = json_array();

	for (size_t i = 0; i < g->parties_len; i++) {
		struct buf text = buf_with_max(4096);

		buf_printf(&text, "%s:%s", g->parties[i].name,
			g->parties[i].gives ? "" : " nothing");
		for (unsigned tlp = TLP_CLEAR; tlp <= TLP_RED; tlp++)
			if (g->parties[i].gives & TLP_BIT(tlp))
				buf_printf(&text, " %s", tlp_name(tlp));
		json_array_append_new(list, json_text(buf_view(&text)));
		buf_free(&text);
	}
	return list;
}

static json_t *agreements_json(struct audit *a)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < a->texts_len; i++) {
		const struct agreement *g = &a->texts[i]->agreement;
		struct buf words = buf_with_max(256);

		agreement_words(g, &words);
		json_array_append_new(rows,
			json_pack("{s:o, s:i, s:s, s:s, s:o, s:o, s:o, s:o, s:s}", "id",
				json_sprintf("%016" PRIx64, g->id), "serial", (int)g->serial,
				"title", g->title, "legal", g->legal, "gives", gives_json(g),
				"from", json_time(g->valid_from * 1000), "until",
				json_time(g->valid_until * 1000), "words",
				json_text(buf_view(&words)), "good",
				a->texts[i]->good ? "yes" : "no"));
		buf_free(&words);
	}
	return rows;
}

/* --- when ------------------------------------------------------------------------------------- */

/* What happens all the time is in the sums. */
static bool stands_out(unsigned act)
{
	static const uint8_t usual[] = {ACT_SESSION_OPENED, ACT_SESSION_CLOSED, ACT_RECEIVED,
		ACT_SENDING_OPENED, ACT_SENDING_MARK, ACT_SENDING_CLOSED, ACT_PUBLISHED,
		ACT_WITNESSED, ACT_FLOOR_MOVED, ACT_BODIES_SENT, ACT_BODIES_RECEIVED, ACT_CARD};

	return !memchr(usual, (int)act, sizeof(usual));
}

/* What a clock that was set puts outside stands at the edge. */
static size_t bucket_of(const struct page *p, int64_t ms)
{
	if (ms <= p->from_ms)
		return 0;
	if (ms >= p->to_ms)
		return BUCKETS - 1;
	return (size_t)((uint64_t)(ms - p->from_ms) * BUCKETS / (uint64_t)(p->to_ms - p->from_ms));
}

static int volume_find(void *ctx, const struct walk_act *w)
{
	struct page *p = ctx;
	struct volume *v = &p->volumes[w->bundle - p->audit->bundles];
	size_t at = bucket_of(p, w->when_ms);
	uint64_t *sum = w->act->act == ACT_PUBLISHED  ? &v->published[at]
			: w->act->act == ACT_RECEIVED ? &v->received[at]
						      : NULL;

	if (!ask_in_time(p->ask, w->when_ms))
		return 0;
	if (sum && w->act->to > w->act->from)
		*sum += w->act->to - w->act->from;
	if (sum && *sum > v->most)
		v->most = *sum;
	if (!stands_out(w->act->act))
		return 0;
	v->marked[at]++;
	if (json_array_size(p->acts) < ACTS_MAX)
		json_array_append_new(p->acts, act_json(p->ask, w));
	else
		p->acts_more++;
	return 0;
}

/* From the first act, or what is asked for, until the bundles were made. */
static int acts_read(struct page *p)
{
	struct audit *a = p->audit;
	const struct ask *q = p->ask;

	p->volumes = calloc(a->bundles_len, sizeof(*p->volumes));
	p->acts = json_array();
	if (!p->volumes)
		return ENT_ENOMEM;
	for (size_t i = 0; i < a->bundles_len; i++) {
		int64_t first_ms = a->bundles[i].account.first_ms;

		if (first_ms && (!p->from_ms || first_ms < p->from_ms))
			p->from_ms = first_ms;
		if (a->bundles[i].about.made_ms > p->to_ms)
			p->to_ms = a->bundles[i].about.made_ms;
	}
	if (q->since_ms > p->from_ms)
		p->from_ms = q->since_ms;
	if (q->until_ms && q->until_ms < p->to_ms)
		p->to_ms = q->until_ms;
	return walk_acts(a, NULL, volume_find, p);
}

static unsigned column(size_t bucket)
{
	return CHART_LEFT + (unsigned)(bucket * (CHART_BROAD - CHART_LEFT - 10) / BUCKETS);
}

static void axis_put(struct page *p, unsigned y)
{
	static const char *const anchors[] = {"start", "middle", "middle", "middle", "end"};

	for (unsigned i = 0; i <= 4; i++) {
		int64_t ms = p->from_ms + (p->to_ms - p->from_ms) * i / 4;
		unsigned x = column(BUCKETS * i / 4);

		buf_printf(&p->out,
			"<line x1=%u x2=%u y1=0 y2=%u stroke=\"#d5dae0\"/><text x=%u y=%u "
			"text-anchor=%s>%.19s</text>",
			x, x, y, x, y + 14, anchors[i], time_text(p->audit, ms));
	}
}

/* Entries published above the line, received below it, and the acts that stand out upon it. */
static void bars_put(struct page *p, const struct volume *v, unsigned zero)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		const uint64_t both[] = {v->published[i], v->received[i]};

		for (unsigned down = 0; down < 2; down++) {
			unsigned tall = 1;

			if (!both[down])
				continue;
			tall += (unsigned)((double)both[down] * BAR_TALL / (double)v->most);
			buf_printf(&p->out,
				"<rect x=%u y=%u width=%u height=%u fill=\"%s\"><title>%" PRIu64
				" %s</title></rect>",
				column(i) + 1, down ? zero : zero - tall,
				column(i + 1) - column(i) - 2, tall, down ? "#57606a" : "#0550ae",
				both[down], down ? "received" : "published");
		}
		if (v->marked[i])
			buf_printf(&p->out,
				"<circle cx=%u cy=%u r=4 fill=\"#fff\" stroke=\"#1b1f24\" "
				"stroke-width=2><title>%" PRIu64
				" acts that stand out</title></circle>",
				column(i) + 6, zero, v->marked[i]);
	}
}

/* Findings that have a moment, of one node. */
static void findings_mark(struct page *p, const struct node_id *node, unsigned y)
{
	for (size_t i = 0; i < p->audit->findings_len; i++) {
		const struct finding *f = &p->audit->findings[i];
		const struct rule *r = &audit_rules[f->rule];

		if (r->class == AUDIT_NOTE || !f->when_ms || !node_id_eq(&f->node, node))
			continue;
		buf_printf(&p->out,
			"<path d=\"M%u %ul6 12h-12z\" fill=\"%s\" stroke=\"#fff\"><title>%s"
			"</title></path>",
			column(bucket_of(p, f->when_ms)) + 6, y,
			r->class == AUDIT_BREACH ? "#a40e26" : "#9a6700", r->sentence);
	}
}

static void timeline_put(struct page *p)
{
	struct audit *a = p->audit;
	unsigned tall = (unsigned)a->bundles_len * LANE_TALL;

	buf_printf(&p->out,
		"<section><h2>Timeline</h2>\n<figure><svg viewBox=\"0 0 %u %u\" role=img><title>"
		"What each node did when, and where findings lie</title>",
		CHART_BROAD, tall + 20);
	axis_put(p, tall);
	for (size_t i = 0; i < a->bundles_len; i++) {
		const struct bundle *b = &a->bundles[i];
		unsigned zero = (unsigned)i * LANE_TALL + BAR_TALL + 6;

		buf_printf(&p->out,
			"<text x=0 y=%u font-weight=600>%s</text><text x=0 y=%u>max. %" PRIu64
			"</text><line x1=%u x2=%u y1=%u y2=%u stroke=\"#57606a\"/>",
			zero - 6, party_name(a, &b->about.node), zero + 12, p->volumes[i].most,
			CHART_LEFT, CHART_BROAD - 10, zero, zero);
		bars_put(p, &p->volumes[i], zero);
		findings_mark(p, &b->about.node, zero + BAR_TALL + 2);
	}
	buf_str(&p->out,
		"</svg><figcaption>Above a line: entries published; below it: received; on the "
		"left the most of either in one column. Ring: an act that stands out, listed "
		"below. Triangle: a breach (red) or a declared gap (brown) at that moment. Times "
		"are those of the nodes, UTC.</figcaption></figure></section>\n");
}

/* --- the page --------------------------------------------------------------------------------- */

static int page_make(struct page *p)
{
	int rc = acts_read(p);
	json_t *flows = rc == 0 ? flows_json(p->ask, &rc) : NULL;

	buf_str(&p->out, head);
	verdict_put(p);
	check_put(p);
	if (rc == 0 && p->from_ms < p->to_ms)
		timeline_put(p);
	table(p, "Parties",
		"A root that is not <b>given</b> was taken from the files: compare it with the "
		"annex of an agreement, or by phone.",
		"Name|Organisation|Node|#Card|First root|Root|Account", parties_json(p->audit),
		"<th scope=row>{name}<td>{org}<td>{node}<td class=n>{card}<td>{root}<td>"
		"<span class=\"tag {taken}\">{taken}</span><td>{account}");
	table(p, "Agreements",
		"The words stand for the text and for the roots of all its parties: where they are "
		"those of the signed annex, all of these are right.",
		"Agreement|Title and legal ground|Who gives what|Valid|Words|Signed by all",
		agreements_json(p->audit),
		"<td><span class=k>{id}</span><br><small>serial {serial}</small><td>{title}<br>"
		"<small>{legal}</small><td>{gives}<td><span class=c>{from:.10}</span> to <span "
		"class=c>{until:.10}</span><td>{words}<td><span class=\"tag "
		"{good}\">{good}</span>");
	table(p, "Volumes",
		"Who gave what to whom, as the receivers tell it; a community feed that several "
		"agreements let pass counts under the lowest id.",
		"From|To|Agreement|#Entries", flows,
		"<td>{from_name}<td>{to_name}<td>{agreement}<td class=n>{entries}");
	table(p, "Acts that stand out",
		"Node by node, in order; sessions and ranges are in the sums above, and in "
		"<code>entente-audit timeline</code>.",
		"When|Node|What", json_incref(p->acts), "<td class=c>{when}<td>{name}<td>{text}");
	if (p->acts_more)
		buf_printf(&p->out, "<p>And %" PRIu64 " more.</p>\n", p->acts_more);
	buf_str(&p->out,
		"</main><footer><p><small>Made by entente-audit " ENTENTE_VERSION
		" from the files named above and nothing else. docs/AUDIT.md says what is proved "
		"and what is not.</small></p></footer></body>\n</html>\n");
	return rc == 0 && buf_failed(&p->out) ? ENT_ELIMIT : rc;
}

int ask_report(struct ask *q)
{
	struct audit *a = q->audit;
	struct page p = {
		.ask = q, .audit = a, .check = check_json(a), .out = buf_with_max(PAGE_MAX)};
	int rc = page_make(&p);

	if (rc == 0)
		rc = file_write(q->out, buf_view(&p.out), 0644, &a->err);
	json_object_set_new(p.check, "file", json_string(q->out));
	free(p.volumes);
	buf_free(&p.out);
	json_decref(p.acts);
	if (rc == 0 && !a->json)
		print_row("{file}: {breaches} breaches, {gaps} declared gaps, {notes} notes",
			p.check);
	else if (rc == 0)
		return print_json(p.check, audit_status(a));
	json_decref(p.check);
	/* The page says what was found, and so does the status. */
	return rc ? ask_failed(q, rc) : audit_status(a);
}
