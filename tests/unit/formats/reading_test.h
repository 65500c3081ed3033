/* SPDX-License-Identifier: EUPL-1.2 */
/* What the tests of readers share: an input from memory or a file, and everything that came out. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "formats/reader.h"
#include "intel/value.h"
#include "lib/test.h"

#define OUT_MAX 4096

struct out_claim {
	unsigned line;
	enum kind kind;
	enum type type;
	enum tlp tlp;
	enum pap pap;
	uint32_t port;
	char value[300], labels[600], name[200], description[200], json[400];
	struct record_indicator numbers; /* its views are not valid any more */
	char reference[400];
};

struct out_refusal {
	unsigned line;
	char seen[300], rule[40], reason[300];
};

/* Counts everything, keeps the first OUT_MAX. */
struct out {
	struct out_claim claims[OUT_MAX];
	struct out_refusal refusals[OUT_MAX];
	size_t claims_len, refusals_len;
	size_t kinds[8];
	int ret;
	struct err_text err;
	size_t stop_after; /* claims; 0: never */
};

static void out_text(char *to, size_t cap, struct bytes text)
{
	snprintf(to, cap, "%.*s", (int)text.len, text.len ? (const char *)text.data : "");
}

static int out_claim(void *ctx, const struct claim *c)
{
	struct out *o = ctx;
	struct out_claim *to = &o->claims[o->claims_len % OUT_MAX];

	if (o->stop_after && o->claims_len == o->stop_after)
		return ENT_EBUSY;
	*to = (struct out_claim){.line = c->line,
		.kind = c->kind,
		.type = c->type,
		.tlp = c->tlp,
		.pap = c->pap,
		.port = c->indicator.port,
		.numbers = c->indicator};
	assert_true(value_is_canonical(c->type, c->value));
	assert_bytes_equal(c->value, c->indicator.value);
	out_text(to->value, sizeof(to->value), c->value);
	out_text(to->name, sizeof(to->name), c->indicator.name);
	out_text(to->description, sizeof(to->description), c->indicator.description);
	out_text(to->json, sizeof(to->json), c->object.json);
	for (size_t i = 0; i < c->indicator.labels_len; i++) {
		size_t len = strlen(to->labels);

		snprintf(to->labels + len, sizeof(to->labels) - len, "%s%.*s", i ? "|" : "",
			(int)c->indicator.labels[i].len, (const char *)c->indicator.labels[i].data);
	}
	if (c->indicator.references_len)
		out_text(to->reference, sizeof(to->reference), c->indicator.references[0].url);
	o->claims_len++;
	o->kinds[c->kind]++;
	return 0;
}

static int out_refused(void *ctx, unsigned line, struct bytes seen, const char *rule,
	const char *reason)
{
	struct out *o = ctx;
	struct out_refusal *to = &o->refusals[o->refusals_len++ % OUT_MAX];

	to->line = line;
	assert_true(reason[0]);
	for (size_t i = 0; i < seen.len; i++)
		assert_true(seen.data[i] >= 0x20 && seen.data[i] != 0x7f);
	out_text(to->seen, sizeof(to->seen), seen);
	snprintf(to->rule, sizeof(to->rule), "%s", rule);
	snprintf(to->reason, sizeof(to->reason), "%s", reason);
	return 0;
}

struct memory {
	struct bytes rest;
	size_t piece; /* bytes at a time */
};

static ssize_t memory_next(void *ctx, void *to, size_t cap)
{
	struct memory *m = ctx;
	size_t len = m->piece < cap ? m->piece : cap;

	if (len > m->rest.len)
		len = m->rest.len;
	memcpy(to, m->rest.data, len);
	m->rest = bytes_skip(m->rest, len);
	return (ssize_t)len;
}

static ssize_t stream_next(void *ctx, void *to, size_t cap)
{
	return (ssize_t)fread(to, 1, cap, ctx);
}

static struct out *out_run(enum format format, const struct reader_source *source)
{
	static struct out o;
	const struct reader_sink sink = {out_claim, out_refused, &o};
	size_t stop_after = o.stop_after;

	memset(&o, 0, sizeof(o));
	o.stop_after = stop_after;
	o.ret = reader_run(format, source, "input", &sink, &o.err);
	o.stop_after = 0;
	return &o;
}

/* Reads text in pieces of that many bytes. */
static inline struct out *out_bytes(enum format format, struct bytes text, size_t piece)
{
	struct memory m = {text, piece};

	return out_run(format, &(struct reader_source){memory_next, &m});
}

static inline struct out *out_str(enum format format, const char *text)
{
	return out_bytes(format, bytes_str(text), SIZE_MAX);
}

/* Reads a file of the shared data; NULL when it is not there. */
static inline struct out *out_shared(enum format format, const char *name)
{
	const char *path = test_shared(name);
	char command[1200];
	struct out *o;
	FILE *f;

	if (!path)
		return NULL;
	snprintf(command, sizeof(command), "%s '%s'", strstr(name, ".zst") ? "zstdcat" : "cat",
		path);
	f = popen(command, "r");
	assert_non_null(f);
	o = out_run(format, &(struct reader_source){stream_next, f});
	pclose(f);
	return o;
}
