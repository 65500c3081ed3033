/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The frame of a STIX input: bundle, envelope, array or single object, cut into objects that are
 * parsed one at a time. An object whose marking is not defined yet is held back as bytes and read
 * again when the input ends or too much has gathered; see reader.h.
 */
#include <stdlib.h>

#include "formats/json_scan.h"
#include "formats/stix_object.h"

struct held {
	struct held *next;
	unsigned line;
	size_t len;
	uint8_t raw[];
};

struct stix_reading {
	struct reading *r;
	struct stix_markings markings;
	struct held *held, **held_last;
	size_t held_bytes;
	struct buf object; /* the one that is read */
};

/* --- one object ------------------------------------------------------------------------------- */

static int hold(struct stix_reading *x, struct bytes raw, unsigned line)
{
	struct held *h = malloc(sizeof(*h) + raw.len);

	if (!h)
		return ENT_ENOMEM;
	h->next = NULL;
	h->line = line;
	h->len = raw.len;
	memcpy(h->raw, raw.data, raw.len);
	*x->held_last = h;
	x->held_last = &h->next;
	x->held_bytes += sizeof(*h) + raw.len;
	return 0;
}

static int refuse_marking(struct stix_reading *x, const struct stix_source *s, const char *id,
	const char *why)
{
	struct err_text reason;

	(void)err_set(&reason, 0, "%.100s %s", id, why);
	return reading_refuse(x->r, s->line, bytes_from(s->id.text, s->id.len), "unmarked",
		reason.text);
}

/* What every object has. */
static const char *frame_fault(struct stix_source *s)
{
	const json_t *type = json_object_get(s->json, "type");
	const json_t *id = json_object_get(s->json, "id");
	struct bytes id_text = bytes_from(json_string_value(id), json_string_length(id));

	if (!json_is_object(s->json))
		return "not a STIX object";
	if (!json_is_string(type) || !json_is_string(id))
		return "a STIX object has a type and an id";
	s->type = bytes_from(json_string_value(type), json_string_length(type));
	if (value_parse(&s->id, id_text, TYPE_STIX, NULL) != 0 || s->id.len != s->type.len + 38 ||
		memcmp(id_text.data, s->type.data, s->type.len) != 0)
		return "an id is the type, two hyphens and a UUID";
	return NULL;
}

static int marked_read(struct stix_reading *x, struct stix_source *s, bool last)
{
	bool definition = bytes_eq_str(s->type, "marking-definition");
	int ret;

	if (stix_is_predefined(s->id.text))
		return 0;
	ret = definition && !last ? stix_markings_learn(&x->markings, s->id.text, s->json) : 0;
	if (ret)
		return input_error(&x->r->in, s->line, ret, "more than %u marking definitions",
			STIX_MARKINGS_MAX);
	if (!stix_marks_read(&x->markings, s->json, &s->marks))
		return reading_refuse(x->r, s->line, bytes_from(s->id.text, s->id.len), "unmarked",
			"markings that are no list of ids");
	if (s->marks.unknown)
		return refuse_marking(x, s, s->marks.unknown,
			"limits sharing in a way not known here");
	if (s->marks.undefined && !last)
		return hold(x, s->raw, s->line);
	if (s->marks.undefined)
		return refuse_marking(x, s, s->marks.undefined, "is defined nowhere in the input");
	return stix_object_read(x->r, s);
}

/* last: markings that are not defined by now never will be. */
static int object_read(struct stix_reading *x, struct bytes raw, unsigned line, bool last)
{
	struct stix_source s = {.raw = raw, .line = line};
	const char *fault;
	json_error_t why;
	json_t *json;
	int ret;

	json = json_loadb((const char *)raw.data, raw.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
		&why);
	if (!json)
		return input_error(&x->r->in, line + (unsigned)(why.line > 0 ? why.line - 1 : 0),
			ENT_EINVALID, "broken JSON: %s", why.text);
	arena_reset(&x->r->arena);
	s.json = json;
	fault = frame_fault(&s);
	ret = fault ? reading_refuse(x->r, line, raw, "unreadable", fault)
		    : marked_read(x, &s, last);
	json_decref(json);
	return ret;
}

static void held_drop(struct stix_reading *x)
{
	while (x->held) {
		struct held *h = x->held;

		x->held = h->next;
		free(h);
	}
	x->held_last = &x->held;
	x->held_bytes = 0;
}

static int held_read(struct stix_reading *x)
{
	int ret = 0;

	for (struct held *h = x->held; h && !ret; h = h->next)
		ret = object_read(x, bytes_from(h->raw, h->len), h->line, true);
	held_drop(x);
	return ret;
}

/* --- the frame -------------------------------------------------------------------------------- */

static int element_read(struct stix_reading *x)
{
	struct input *in = &x->r->in;
	unsigned line;
	int ret;

	(void)json_peek(in);
	line = in->line;
	buf_reset(&x->object);
	ret = json_value(in, &x->object);
	if (ret)
		return ret;
	if (buf_failed(&x->object))
		return reading_refuse(x->r, line, BYTES_NONE, "unreadable",
			"too large: more than 8 MiB");
	ret = object_read(x, buf_view(&x->object), line, false);
	if (!ret && x->held_bytes > READER_HELD_MAX)
		ret = held_read(x);
	return ret;
}

/* From the bracket. */
static int elements_read(struct stix_reading *x)
{
	struct input *in = &x->r->in;
	int ret = json_expect(in, '[');

	if (!ret && json_peek(in) == ']')
		return json_expect(in, ']');
	while (!ret) {
		ret = element_read(x);
		if (!ret && json_peek(in) != ',')
			return json_expect(in, ']');
		if (!ret)
			ret = json_expect(in, ',');
	}
	return ret;
}

/* The value of a member that is not looked at, but must be JSON. */
static int member_pass(struct stix_reading *x)
{
	struct input *in = &x->r->in;
	unsigned line = in->line;
	json_error_t why;
	json_t *json;
	int ret;

	buf_reset(&x->object);
	ret = json_value(in, &x->object);
	if (ret)
		return ret;
	if (buf_failed(&x->object))
		return input_error(in, line, ENT_ELIMIT,
			"a value of more than 8 MiB beside the objects");
	json = json_loadb((const char *)x->object.data, x->object.len, JSON_DECODE_ANY, &why);
	if (!json)
		return input_error(in, line, ENT_EINVALID, "broken JSON: %s", why.text);
	json_decref(json);
	return 0;
}

/* One member; *objects: the objects were among it. */
static int member_read(struct stix_reading *x, bool *objects)
{
	struct input *in = &x->r->in;
	bool is_objects;
	int ret;

	if (json_peek(in) != '"')
		return json_expect(in, '"');
	buf_reset(&x->object);
	ret = json_value(in, &x->object);
	if (ret)
		return ret;
	is_objects = !buf_failed(&x->object) && bytes_eq_str(buf_view(&x->object), "\"objects\"");
	ret = json_expect(in, ':');
	if (ret)
		return ret;
	if (!is_objects || json_peek(in) != '[')
		return member_pass(x);
	if (*objects)
		return input_error(in, in->line, ENT_EINVALID, "objects stand there twice");
	*objects = true;
	in->tee = NULL;
	return elements_read(x);
}

static int members_read(struct stix_reading *x, bool *objects)
{
	struct input *in = &x->r->in;
	int ret = json_expect(in, '{');

	if (!ret && json_peek(in) == '}')
		return json_expect(in, '}');
	while (!ret) {
		ret = member_read(x, objects);
		if (!ret && json_peek(in) != ',')
			return json_expect(in, '}');
		if (!ret)
			ret = json_expect(in, ',');
	}
	return ret;
}

/* What has no list of objects: one object, or a bundle of nothing. */
static int single_read(struct stix_reading *x, struct bytes raw, unsigned line)
{
	struct input *in = &x->r->in;
	json_t *json = json_loadb((const char *)raw.data, raw.len, JSON_REJECT_DUPLICATES, NULL);
	const char *type = json_string_value(json_object_get(json, "type"));
	bool bundle = type && strcmp(type, "bundle") == 0;
	bool object = type && json_object_get(json, "id");
	bool listless = bundle && json_object_get(json, "objects");

	json_decref(json);
	if (listless)
		return input_error(in, line, ENT_EINVALID,
			"the objects of a bundle stand in a list");
	if (bundle)
		return 0;
	if (!object)
		return input_error(in, line, ENT_EINVALID,
			"JSON that is not STIX: wanted a bundle, or an object with type and id");
	return object_read(x, raw, line, false);
}

/* A bundle or envelope, whose bytes are kept until its objects are met: it may be an object. */
static int top_read(struct stix_reading *x)
{
	struct buf whole = buf_with_max(INPUT_OBJECT_MAX);
	struct input *in = &x->r->in;
	unsigned line = in->line;
	bool objects = false;
	int ret;

	in->tee = &whole;
	ret = members_read(x, &objects);
	in->tee = NULL;
	if (!ret && !objects)
		ret = buf_failed(&whole) ? input_error(in, line, ENT_ELIMIT,
						   "JSON of more than 8 MiB without objects")
					 : single_read(x, buf_view(&whole), line);
	buf_free(&whole);
	return ret;
}

int stix_read(struct reading *r)
{
	struct stix_reading x = {.r = r, .object = buf_with_max(INPUT_OBJECT_MAX)};
	int first, ret;

	x.held_last = &x.held;
	first = json_peek(&r->in);
	ret = first == '[' ? elements_read(&x) : top_read(&x);
	if (!ret && json_peek(&r->in) >= 0)
		ret = input_error(&r->in, r->in.line, ENT_EINVALID,
			"something stands behind the JSON");
	if (!ret)
		ret = r->in.error;
	if (!ret)
		ret = held_read(&x);
	held_drop(&x);
	stix_markings_free(&x.markings);
	buf_free(&x.object);
	return ret;
}
