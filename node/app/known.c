/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a node that was restored once remembers for good: since when all have been heard, and under
 * which agreements; under an older one, whose file comes back later, something may have been signed
 * in the life that is lost (gossip/recover.c). The file goes into backups, where it counts until
 * the copy has heard all again. One that is behind only makes the node ask once more.
 *
 *     since 1795309200
 *     agreement 000000000000011f
 */
#include "app/impl.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "keys/file.h"

#define KNOWN_NAME      "recover.known"
#define KNOWN_BYTES_MAX ((size_t)1 << 20) /* 37,000 agreements */
#define RETRY_MS        10000

static int known_path(const struct app *a, char out[600])
{
	return file_path(out, 600, a->options->home, KNOWN_NAME);
}

static void known_text(const struct app *a, struct buf *out)
{
	struct gossip_recovered r;

	gossip_recovered(a->gossip, &r);
	if (!r.since_s)
		return;
	buf_printf(out, "since %" PRId64 "\n", r.since_s);
	for (size_t i = 0; i < r.agreements_len; i++)
		buf_printf(out, "agreement %016" PRIx64 "\n", r.agreements[i]);
}

/* What stands behind the name of the line. */
static struct bytes value_of(struct bytes line, const char *name)
{
	struct bytes word, value;

	return text_word_next(&line, &word) && bytes_eq(word, bytes_str(name)) &&
			       text_word_next(&line, &value) && line.len == 0
		       ? value
		       : BYTES_NONE;
}

static bool since_read(struct bytes line, int64_t *since_s)
{
	uint64_t s;

	if (!text_u64_parse(value_of(line, "since"), &s) || s == 0 || s > INT64_MAX / 1000)
		return false;
	*since_s = (int64_t)s;
	return true;
}

static bool agreement_read(struct bytes line, uint64_t *id)
{
	uint8_t raw[8];

	if (text_hex_decode(value_of(line, "agreement"), raw, sizeof(raw)) != sizeof(raw))
		return false;
	*id = be64_get(raw);
	return true;
}

static int known_read(struct app *a, const char *path, struct bytes text, struct err_text *err)
{
	size_t room = text.len / sizeof("agreement"), count = 0;
	uint64_t *ids = calloc(room + 1, sizeof(*ids));
	struct gossip_recovered r = {.agreements = ids};
	struct bytes line = {0};
	bool good = true;

	if (!ids)
		abort();
	while (good && text_line_next(&text, &line)) {
		good = count == 0 ? since_read(line, &r.since_s)
				  : agreement_read(line, &ids[r.agreements_len++]);
		count++;
	}
	if (count == 0) { /* an empty file is not one of a node that was never restored */
		good = false;
		count = 1;
	}
	if (good)
		gossip_recovered_before(a->gossip, &r);
	free(ids);
	if (good)
		return 0;
	return err_set(err, ENT_EINVALID, "%s:%zu: saw \"%.*s\", wanted %s", path, count,
		(int)(line.len < 40 ? line.len : 40), line.data ? (const char *)line.data : "",
		count == 1 ? "\"since\" and seconds" : "\"agreement\" and its 16 hex digits");
}

int known_open(struct app *a, struct err_text *err)
{
	char path[600];
	int rc = known_path(a, path);

	a->known = buf_with_max(KNOWN_BYTES_MAX);
	if (rc != 0)
		return err_set(err, rc, "%s: %s", a->options->home, err_sentence(rc));
	rc = file_read(path, &a->known, err);
	if (rc == ENT_ENOTFOUND)
		return 0;
	return rc == 0 ? known_read(a, path, buf_view(&a->known), err) : rc;
}

void known_keep(struct app *a)
{
	struct buf text = buf_with_max(KNOWN_BYTES_MAX);
	struct err_text err = {0};
	char path[600];
	int rc;

	known_text(a, &text);
	rc = buf_failed(&text) ? ENT_ELIMIT : 0;
	if (rc == 0 && (text.len == 0 || bytes_eq(buf_view(&text), buf_view(&a->known)))) {
		buf_free(&text);
		return;
	}
	if (rc == 0)
		rc = known_path(a, path);
	if (rc == 0)
		rc = file_write(path, buf_view(&text), 0600, &err);
	if (rc != 0 && !a->known_unkept)
		log_error("recover", "which agreements were heard of is not kept yet: %s",
			err.text[0] ? err.text : err_sentence(rc));
	a->known_unkept = rc != 0;
	a->known_ms = app_now(a).mono_ms;
	if (rc == 0) {
		buf_free(&a->known);
		a->known = text;
	} else {
		buf_free(&text);
	}
}

void known_tick(struct app *a)
{
	if (!a->known_unkept || app_now(a).mono_ms - a->known_ms >= RETRY_MS)
		known_keep(a);
}

void known_close(struct app *a)
{
	buf_free(&a->known);
}
