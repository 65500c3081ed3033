/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/conf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

struct conf_reader {
	struct conf *conf;
	const char *file;
	unsigned line;
	unsigned seen; /* a bit for each key of the table that stood already */
	struct err_text *err;
};

/* The value is shown cut and without control characters: it may be any file at all. */
static int refuse(struct conf_reader *r, const char *key, struct bytes seen, const char *wanted)
{
	char shown[65];
	size_t len = seen.len < sizeof(shown) - 1 ? seen.len : sizeof(shown) - 1;

	for (size_t i = 0; i < len; i++)
		shown[i] = seen.data[i] >= 0x20 && seen.data[i] < 0x7f ? (char)seen.data[i] : '?';
	shown[len] = '\0';
	return err_set(r->err, ENT_EINVALID, "%s:%u: %s%ssaw \"%s\", wanted %s", r->file, r->line,
		key, *key ? ": " : "", shown, wanted);
}

bool conf_address_valid(struct bytes text)
{
	size_t colon = text.len;
	struct bytes host;
	uint64_t port;

	while (colon > 0 && text.data[colon - 1] != ':')
		colon--;
	if (colon < 2 || !text_u64_parse(bytes_skip(text, colon), &port) || port > 65535)
		return false;
	host = bytes_from(text.data, colon - 1);
	if (!text_printable(host))
		return false;
	if (host.data[0] == '[')
		return host.len > 2 && host.data[host.len - 1] == ']';
	for (size_t i = 0; i < host.len; i++)
		if (host.data[i] == ':' || host.data[i] == ' ' || host.data[i] == '/')
			return false;
	return true;
}

static int put_text(struct conf_reader *r, const char *key, struct bytes value, char *out)
{
	bool plain = text_utf8_valid(value);

	for (size_t i = 0; i < value.len; i++)
		plain = plain && value.data[i] >= 0x20 && value.data[i] != 0x7f;
	if (value.len >= CONF_TEXT_MAX || !plain)
		return refuse(r, key, value,
			"at most 255 bytes of UTF-8 without control characters");
	memcpy(out, value.data, value.len);
	out[value.len] = '\0';
	return 0;
}

static int read_name(struct conf_reader *r, struct bytes value)
{
	return put_text(r, "name", value, r->conf->name);
}

static int read_org(struct conf_reader *r, struct bytes value)
{
	return put_text(r, "org", value, r->conf->org);
}

static int read_listen(struct conf_reader *r, struct bytes value)
{
	if (!conf_address_valid(value))
		return refuse(r, "listen", value, "ADDRESS:PORT, e.g. " CONF_LISTEN);
	return put_text(r, "listen", value, r->conf->listen);
}

static int read_log_level(struct conf_reader *r, struct bytes value)
{
	char name[16] = "";

	if (value.len < sizeof(name))
		memcpy(name, value.data, value.len);
	if (!log_level_parse(name, &r->conf->log_level))
		return refuse(r, "log-level", value, "error, warn, notice, info or debug");
	return 0;
}

static int read_endpoint(struct conf_reader *r, struct bytes value)
{
	struct conf *conf = r->conf;
	struct bytes rest = value, node, address;
	struct conf_endpoint *grown, *e;

	if (!text_word_next(&rest, &node) || !text_word_next(&rest, &address) || rest.len)
		return refuse(r, "endpoint", value, "NODE HOST:PORT");
	if (conf->endpoints_len == CONF_ENDPOINTS_MAX)
		return refuse(r, "endpoint", value, "at most 1024 endpoint lines");
	grown = realloc(conf->endpoints, (conf->endpoints_len + 1) * sizeof(*grown));
	if (!grown)
		return err_set(r->err, ENT_ENOMEM, "%s: %s", r->file, err_sentence(ENT_ENOMEM));
	conf->endpoints = grown;
	e = &grown[conf->endpoints_len];
	if (!node_id_parse(node, &e->node))
		return refuse(r, "endpoint", node, "a node id of 26 characters");
	if (!conf_address_valid(address))
		return refuse(r, "endpoint", address, "HOST:PORT");
	conf->endpoints_len++;
	return put_text(r, "endpoint", address, e->address);
}

/* A number and d, h, m or s; up to a hundred years. */
static bool duration_parse(struct bytes text, int64_t *seconds)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
	uint64_t number;

	if (text.len < 2 || !text_u64_parse(bytes_from(text.data, text.len - 1), &number))
		return false;
	for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (text.data[text.len - 1] == (uint8_t)units[i].unit && number > 0 &&
			number <= (uint64_t)(CONF_DURATION_MAX_S / units[i].seconds)) {
			*seconds = (int64_t)number * units[i].seconds;
			return true;
		}
	return false;
}

static int read_retain(struct conf_reader *r, struct bytes value)
{
	if (!duration_parse(value, &r->conf->retain_s))
		return refuse(r, "retain", value, "a number and d, h, m or s, e.g. 365d");
	return 0;
}

static int read_retain_expired(struct conf_reader *r, struct bytes value)
{
	if (!duration_parse(value, &r->conf->retain_expired_s))
		return refuse(r, "retain-expired", value, "a number and d, h, m or s, e.g. 90d");
	return 0;
}

static int read_log_queries(struct conf_reader *r, struct bytes value)
{
	r->conf->log_queries_full = bytes_eq_str(value, "full");
	if (!r->conf->log_queries_full && !bytes_eq_str(value, "count"))
		return refuse(r, "log-queries", value, "count or full");
	return 0;
}

static const struct {
	const char *key;
	bool repeated;
	int (*read)(struct conf_reader *r, struct bytes value);
} keys[] = {
	{"name", false, read_name},
	{"org", false, read_org},
	{"listen", false, read_listen},
	{"log-level", false, read_log_level},
	{"retain", false, read_retain},
	{"retain-expired", false, read_retain_expired},
	{"log-queries", false, read_log_queries},
	{"endpoint", true, read_endpoint},
};

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct bytes trim(struct bytes text)
{
	while (text.len && is_space(text.data[0]))
		text = bytes_skip(text, 1);
	while (text.len && is_space(text.data[text.len - 1]))
		text.len--;
	return text;
}

static int read_line(struct conf_reader *r, struct bytes line)
{
	struct bytes key = line, value;

	for (key.len = 0; key.len < line.len && !is_space(line.data[key.len]);)
		key.len++;
	value = trim(bytes_skip(line, key.len));
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!bytes_eq_str(key, keys[i].key))
			continue;
		if (!value.len)
			return refuse(r, keys[i].key, value, "a value behind the key");
		if (!keys[i].repeated && (r->seen & (1u << i)))
			return refuse(r, keys[i].key, value, "this key only once");
		r->seen |= 1u << i;
		return keys[i].read(r, value);
	}
	return refuse(r, "", key,
		"name, org, listen, log-level, retain, retain-expired, log-queries or endpoint");
}

int conf_parse(struct conf *conf, struct bytes text, const char *file, struct err_text *err)
{
	struct conf_reader r = {.conf = conf, .file = file, .err = err};
	struct bytes line;
	int rc;

	*conf = (struct conf){.listen = CONF_LISTEN, .log_level = LOG_INFO};
	while (text_line_next(&text, &line)) {
		r.line++;
		line = trim(line);
		if (!line.len || line.data[0] == '#')
			continue;
		rc = read_line(&r, line);
		if (rc)
			goto fail;
	}
	return 0;
fail:
	conf_free(conf);
	return rc;
}

void conf_free(struct conf *conf)
{
	free(conf->endpoints);
	conf->endpoints = NULL;
	conf->endpoints_len = 0;
}
