/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * entente tail: every accepted record in the order in which this node took it. A record is shown
 * once the index has passed it, since only then is it known not to be hidden.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio_ext.h>
#include <sys/stat.h>
#include <time.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/records.h"
#include "proto/codec.h"

#define FOLLOW_MS  50
#define RENEW_EACH 4096u /* entries; a long reader makes the store's file grow */
/* What is printed waits here until the reader is closed: whoever takes it may take his time. */
#define PRINTED_BYTES (1u << 20)

struct tail {
	struct cli *cli;
	struct records records;
	struct store_place at; /* the next to be looked at */
	const char *data;      /* the directory of the store that is read, */
	struct stat is;        /* and which one it is */
	struct arena arena;
};

/* ARRIVAL.SLOT, as printed; what follows is the place behind it. */
static bool place_parse(const char *text, struct store_place *behind)
{
	const char *dot = strchr(text, '.');
	uint64_t arrival, slot;

	if (!dot || !text_u64_parse(bytes_from(text, (size_t)(dot - text)), &arrival) ||
		!text_u64_parse(bytes_str(dot + 1), &slot) || slot >= UINT32_MAX)
		return false;
	*behind = (struct store_place){arrival, (uint32_t)slot + 1};
	return true;
}

/* What is shown of a body, whatever its kind. */
struct shown {
	struct bytes value, reason;
	struct record_indicator indicator;
};

static void shown_read(struct tail *t, const struct store_entry *e, struct shown *s)
{
	struct record_object object;
	struct record_retraction retraction;
	struct record_erasure erasure;

	*s = (struct shown){0};
	if (e->entry.erased)
		return;
	arena_reset(&t->arena);
	switch (e->header.kind) {
	case KIND_INDICATOR:
		if (record_indicator_decode(e->entry.body, &t->arena, &s->indicator) == 0)
			s->value = s->indicator.value;
		break;
	case KIND_OBJECT:
		if (record_object_decode(e->entry.body, &t->arena, &object) == 0)
			s->value = object.stix_id;
		break;
	case KIND_RETRACTION:
		if (record_retraction_decode(e->entry.body, &retraction) == 0)
			s->reason = retraction.reason;
		break;
	case KIND_ERASURE:
		if (record_erasure_decode(e->entry.body, &erasure) == 0)
			s->reason = erasure.reason;
		break;
	default:
		break;
	}
}

static json_t *time_json(uint64_t ms)
{
	char text[TEXT_TIME_SIZE];

	if (ms == 0 || ms > INT64_MAX)
		return json_null();
	text_time_ms(text, (int64_t)ms);
	return json_string(text);
}

static json_t *bytes_json(struct bytes text)
{
	return text.len > 0 ? cli_json_text(text) : json_null();
}

static int print_json(struct tail *t, const struct store_entry *e, const struct log_name *log)
{
	const struct entry_header *h = &e->header;
	char position[64], audience[AUDIENCE_TEXT_SIZE];
	json_t *labels = json_array();
	struct store_hold hold;
	struct shown s;
	bool held_back;

	shown_read(t, e, &s);
	held_back = s.value.len > 0 && store_hold_get(t->cli->reader, h->type, s.value, &hold) == 0;
	snprintf(position, sizeof(position), "%" PRIu64 ".%" PRIu32, e->place.arrival,
		e->place.slot);
	audience_text(audience, log->audience);
	for (size_t i = 0; i < s.indicator.labels_len; i++)
		json_array_append_new(labels, cli_json_text(s.indicator.labels[i]));
	return cli_json_line(t->cli,
		json_pack("{s:s, s:o, s:o, s:o, s:s, s:s, s:I, s:o, s:s, s:s?, s:o, s:s, s:s?, s:o,"
			  " s:o, s:o, s:o, s:o, s:b, s:b}",
			"position", position, "time", time_json(h->time_ms), "received",
			time_json((uint64_t)e->received_ms), "origin", cli_json_node(&log->node),
			"name", cli_name(t->cli, &log->node), "audience", audience, "index",
			(json_int_t)e->index, "object", cli_json_hex(BYTES_OF(h->object)), "kind",
			kind_name(h->kind), "type",
			h->type == TYPE_NONE ? NULL : type_name(h->type), "value",
			bytes_json(s.value), "tlp", tlp_name(h->tlp), "pap",
			h->pap == PAP_NONE ? NULL : pap_name(h->pap), "confidence",
			s.indicator.has_confidence ? json_integer(s.indicator.confidence)
						   : json_null(),
			"labels", labels, "valid_from", time_json(s.indicator.valid_from),
			"valid_until", time_json(s.indicator.valid_until), "reason",
			bytes_json(s.reason), "erased", (int)e->entry.erased, "held_back",
			(int)held_back));
}

static int print_text(struct tail *t, const struct store_entry *e, const struct log_name *log)
{
	const struct entry_header *h = &e->header;
	char time[TEXT_TIME_SIZE], audience[AUDIENCE_TEXT_SIZE],
		object[HEX_TEXT_SIZE(OBJECT_ID_BYTES)], room[RECORD_VALUE_MAX];
	struct bytes words;
	struct shown s;

	shown_read(t, e, &s);
	text_time_ms(time, e->received_ms);
	audience_text(audience, log->audience);
	text_hex_encode(object, BYTES_OF(h->object));
	printf("%s%" PRIu64 ".%" PRIu32 " %s%s  %s/%s  %s  %s  ", cli_paint(t->cli, CLI_DIM),
		e->place.arrival, e->place.slot, time, cli_paint(t->cli, CLI_PLAIN),
		cli_name(t->cli, &log->node), audience, tlp_name(h->tlp), kind_name(h->kind));
	/* Not cli_clean: its memory stays, and --follow may run for months. */
	words = value_printable(s.value.len > 0 ? s.value : s.reason, room, sizeof(room));
	printf("%s  %.*s", s.value.len > 0 ? type_name(h->type) : object, (int)words.len,
		(const char *)words.data);
	return putchar('\n') == EOF ? CLI_STORE : 0;
}

static bool is_record(const struct store_entry *e, const struct log_name *log)
{
	return log->audience.kind != AUDIENCE_PROVENANCE && e->header.version == ENTRY_VERSION &&
	       strcmp(kind_name(e->header.kind), "unknown") != 0;
}

/* Prints from t->at up to what is indexed now. 0 or an exit status after cli_fail. */
static int print_piece(struct tail *t, bool *more)
{
	uint64_t indexed = store_index_position(t->cli->reader);
	struct store_entry e;
	unsigned count = 0;
	int rc = 0;

	*more = false;
	while (rc == 0 && (rc = store_entry_next(t->cli->reader, t->at, &e)) == 0) {
		const struct records_log *log;

		if (e.place.arrival > indexed)
			return 0;
		if (count++ == RENEW_EACH || __fpending(stdout) > PRINTED_BYTES / 2) {
			*more = true;
			return 0;
		}
		t->at = (struct store_place){e.place.arrival, e.place.slot + 1};
		log = records_log(&t->records, e.log);
		if (!log)
			return cli_fail(t->cli, CLI_STORE, "the store does not know its log %u",
				e.log);
		if (!is_record(&e, &log->name) || store_hidden(t->cli->reader, e.place))
			continue;
		rc = t->cli->json ? print_json(t, &e, &log->name) : print_text(t, &e, &log->name);
		if (rc != 0)
			return rc;
	}
	return rc == ENT_ENOTFOUND ? 0 : cli_fail_code(t->cli, rc, "store");
}

/* A restored store counts anew. One that does not go as far as the place would be passed over up to
 * there, and of one that was set aside nothing new would ever come. */
static int place_check(struct tail *t)
{
	struct stat now;

	if (t->at.arrival <= store_arrival_last(t->cli->reader) && stat(t->data, &now) == 0 &&
		now.st_ino == t->is.st_ino && now.st_dev == t->is.st_dev)
		return 0;
	return cli_fail(t->cli, CLI_INVALID,
		"no record of this store has had the position %" PRIu64 ".%" PRIu32
		": a restored one counts anew, begin without --from",
		t->at.arrival, t->at.slot > 0 ? t->at.slot - 1 : 0);
}

static int print_all(struct tail *t, bool follow)
{
	static const struct timespec pause = {0, FOLLOW_MS * 1000000L};
	static char printed[PRINTED_BYTES];
	bool more;
	int rc;

	setvbuf(stdout, printed, _IOFBF, sizeof(printed));
	while ((rc = place_check(t)) == 0 && (rc = print_piece(t, &more)) == 0) {
		cli_reader_drop(t->cli);
		if (fflush(stdout) != 0)
			return CLI_STORE;
		if (!more && !follow)
			return CLI_DONE;
		if (!more)
			nanosleep(&pause, NULL);
		if ((rc = cli_reader_renew(t->cli)) != 0 ||
			(more && (rc = cli_await_index(t->cli)) != 0))
			return rc;
	}
	return rc;
}

static int run(struct cli *c)
{
	struct tail t = {.cli = c};
	const char *from = cli_value(c, "--from");
	int rc;

	if (from && !place_parse(from, &t.at))
		return cli_usage(c,
			"--from: \"%s\" is no position; wanted: one that tail printed, such "
			"as 17.0",
			from);
	if ((rc = records_open(&t.records, c)) != 0)
		return rc;
	t.data = cli_path(c, "data");
	if (stat(t.data, &t.is) != 0)
		return cli_fail(c, CLI_STORE, "%s: %s", t.data, strerror(errno));
	cli_asked(c, bytes_str(from ? from : ""));
	rc = print_all(&t, cli_has(c, "--follow"));
	arena_free(&t.arena);
	return rc;
}

static const struct cli_option options[] = {
	{"--follow", NULL, false, "go on as records come in"},
	{"--from", "POSITION", false, "go on behind the record that had this position"},
	CLI_OPERATOR,
	{0},
};

const struct cli_command cmd_tail = {
	.name = "tail",
	.usage = "[--follow] [--from POSITION] [--operator NAME]",
	.summary = "every accepted record, in the order in which it came",
	.example = "entente tail --follow --json\n",
	.options = options,
	.run = run,
};
