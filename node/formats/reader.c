/* SPDX-License-Identifier: EUPL-1.2 */
#include "formats/reading.h"

static const struct {
	const char *name;
	enum format format;
	int (*read)(struct reading *r);
} formats[] = {
	{"auto", FORMAT_AUTO, NULL},
	{"list", FORMAT_LIST, list_read},
	{"csv", FORMAT_CSV, csv_read},
	{"stix", FORMAT_STIX, stix_read},
};

bool format_parse(struct bytes name, enum format *format)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (!bytes_eq_str(name, formats[i].name))
			continue;
		*format = formats[i].format;
		return true;
	}
	return false;
}

/* An array of objects, or none; an IPv6 address in brackets starts a list. */
static bool is_json(struct bytes t)
{
	t = text_trim(t);
	if (t.len && t.data[0] == '[') {
		t = text_trim(bytes_skip(t, 1));
		return t.len && (t.data[0] == '{' || t.data[0] == ']');
	}
	return t.len && t.data[0] == '{';
}

static enum format sniff(struct bytes start)
{
	if (is_json(start))
		return FORMAT_STIX;
	return csv_looks_like(start) ? FORMAT_CSV : FORMAT_LIST;
}

int reader_run(enum format format, const struct reader_source *source, const char *file,
	const struct reader_sink *sink, struct err_text *err)
{
	struct reading r = {.sink = sink};
	int ret;

	ret = input_open(&r.in, source, file, err);
	if (ret)
		goto out;
	if (format == FORMAT_AUTO)
		format = sniff(input_view(&r.in));
	ret = formats[format].read(&r);
out:
	arena_free(&r.arena);
	input_close(&r.in);
	return ret;
}

int reader_look(enum format format, const struct reader_source *source, const char *file,
	struct reader_outlook *outlook, struct err_text *err)
{
	struct input in = {0};
	struct bytes line;
	unsigned number;
	bool cut;
	int ret = input_open(&in, source, file, err);

	if (!ret && format == FORMAT_AUTO)
		format = sniff(input_view(&in));
	*outlook = (struct reader_outlook){.format = format};
	while (!ret && format == FORMAT_LIST && (ret = input_line(&in, &line, &number, &cut)) > 0) {
		outlook->lines++;
		ret = 0;
	}
	input_close(&in);
	return ret;
}
