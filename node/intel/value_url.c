/* SPDX-License-Identifier: EUPL-1.2 */
#include "intel/value_parts.h"

#include <strings.h>

struct url_parts {
	const char *scheme;    /* canonical */
	struct bytes userinfo; /* with its @, or empty */
	struct bytes host;     /* as written, an IPv6 address with its brackets */
	struct bytes rest;     /* port with its colon, path, query, fragment */
};

static const struct {
	const char *seen;
	const char *canonical;
} schemes[] = {
	{"http", "http"},
	{"https", "https"},
	{"ftp", "ftp"},
	{"hxxp", "http"},
	{"hxxps", "https"},
};

static const char *scheme_find(struct bytes seen)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strlen(schemes[i].seen) == seen.len &&
			strncasecmp((const char *)seen.data, schemes[i].seen, seen.len) == 0)
			return schemes[i].canonical;
	return NULL;
}

/* Scheme and the text behind it. Without a scheme, host/path reads as http: see value.h. */
static int scheme_split(struct url_parts *p, struct bytes *text, struct err_text *err)
{
	size_t len = value_scheme_len(*text);

	if (len) {
		p->scheme = scheme_find(bytes_from(text->data, len));
		if (!p->scheme)
			return value_unreadable(err, "a scheme other than http, https and ftp");
		*text = bytes_skip(*text, len + 3);
		return 0;
	}
	if (text->data[0] == '/')
		return value_unreadable(err, "a path without scheme and host");
	if (!memchr(text->data, '/', text->len))
		return value_unreadable(err, "a URL has a scheme, or at least a host and a path");
	p->scheme = "http";
	return 0;
}

static int port_check(struct bytes rest, struct err_text *err)
{
	uint16_t port;
	size_t end = 1;

	if (rest.len == 0 || rest.data[0] != ':')
		return 0;
	while (end < rest.len && !memchr("/?#", rest.data[end], 3))
		end++;
	if (!value_port_read(bytes_from(rest.data + 1, end - 1), &port))
		return value_unreadable(err, "a port is a number from 1 to 65535");
	return 0;
}

static int url_split(struct url_parts *p, struct bytes text, struct err_text *err)
{
	const uint8_t *at, *end;
	size_t authority = 0;
	int ret;

	ret = scheme_split(p, &text, err);
	if (ret)
		return ret;
	while (authority < text.len && !memchr("/?#", text.data[authority], 3))
		authority++;
	at = memrchr(text.data, '@', authority);
	p->userinfo = bytes_from(text.data, at ? (size_t)(at - text.data) + 1 : 0);
	text = bytes_skip(text, p->userinfo.len);
	authority -= p->userinfo.len;
	if (authority && text.data[0] == '[') {
		end = memchr(text.data, ']', authority);
		if (!end++)
			return value_unreadable(err, "a bracket that is not closed");
	} else {
		end = memchr(text.data, ':', authority);
	}
	p->host = bytes_from(text.data, end ? (size_t)(end - text.data) : authority);
	p->rest = bytes_skip(text, p->host.len);
	if (p->host.len == 0)
		return value_unreadable(err, "a URL without host");
	if (p->host.len < authority && p->rest.data[0] != ':')
		return value_unreadable(err, "behind [address] stands : and a port, or a path");
	return port_check(p->rest, err);
}

static void put(struct value *v, struct bytes b)
{
	memcpy(v->text + v->len, b.data, b.len);
	v->len += b.len;
}

static int host_put(struct value *v, struct bytes host, struct err_text *err)
{
	uint8_t address[16];
	size_t len;
	int ret;

	if (host.data[0] == '[') {
		if (!value_ipv6_read(bytes_from(host.data + 1, host.len - 2), address))
			return value_unreadable(err, "not an IPv6 address");
		v->text[v->len++] = '[';
		v->len += value_ipv6_write(v->text + v->len, address);
		v->text[v->len++] = ']';
		return 0;
	}
	if (value_ipv4_read(host, address)) {
		v->len += value_ipv4_write(v->text + v->len, address);
		return 0;
	}
	ret = value_domain_write(v->text + v->len, &len, host, err);
	if (ret)
		return ret;
	v->len += len;
	return 0;
}

int value_url_parse(struct value *v, struct bytes text, struct err_text *err)
{
	struct url_parts p;
	int ret;

	if (memchr(text.data, ' ', text.len))
		return value_unreadable(err, "white space inside");
	ret = url_split(&p, text, err);
	if (ret)
		return ret;
	if (p.userinfo.len > RECORD_VALUE_MAX - VALUE_DOMAIN_MAX - strlen("https://"))
		return value_unreadable(err, "too long for a value");
	v->len = 0;
	put(v, bytes_str(p.scheme));
	put(v, bytes_str("://"));
	put(v, p.userinfo);
	ret = host_put(v, p.host, err);
	if (ret)
		return ret;
	if (p.rest.len > RECORD_VALUE_MAX - v->len)
		return value_unreadable(err, "too long for a value");
	put(v, p.rest);
	v->text[v->len] = '\0';
	v->type = TYPE_URL;
	return 0;
}

struct bytes value_url_host(struct bytes url)
{
	struct url_parts p;

	if (url_split(&p, url, NULL) != 0)
		return BYTES_NONE;
	if (p.host.data[0] == '[')
		return bytes_from(p.host.data + 1, p.host.len - 2);
	return p.host;
}
