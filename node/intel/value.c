/* SPDX-License-Identifier: EUPL-1.2 */
#include "intel/value_parts.h"

#include <assert.h>

int value_unreadable(struct err_text *err, const char *reason)
{
	return err_set(err, ENT_EINVALID, "%s", reason);
}

static bool is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct bytes trim(struct bytes t)
{
	while (t.len && is_space(t.data[0]))
		t.data++, t.len--;
	while (t.len && is_space(t.data[t.len - 1]))
		t.len--;
	return t;
}

static size_t hash_digits(enum type type)
{
	switch (type) {
	case TYPE_MD5:
		return 32;
	case TYPE_SHA1:
		return 40;
	case TYPE_SHA256:
		return 64;
	case TYPE_SHA512:
		return 128;
	default:
		return 0;
	}
}

static enum type hash_type(size_t digits)
{
	static const enum type types[] = {TYPE_MD5, TYPE_SHA1, TYPE_SHA256, TYPE_SHA512};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (hash_digits(types[i]) == digits)
			return types[i];
	return TYPE_NONE;
}

static bool is_hex(struct bytes t)
{
	static const bool digits[256] = {
		['0' ... '9'] = true, ['A' ... 'F'] = true, ['a' ... 'f'] = true};
	bool all = true;

	for (size_t i = 0; i < t.len; i++)
		all &= digits[t.data[i]];
	return all;
}

static void lower_copy(char *out, struct bytes t)
{
	for (size_t i = 0; i < t.len; i++) {
		uint8_t c = t.data[i];

		out[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	out[t.len] = '\0';
}

static int hash_take(struct value *v, struct bytes t, enum type type)
{
	lower_copy(v->text, t);
	v->len = t.len;
	v->type = type;
	return 0;
}

static int hash_parse(struct value *v, struct bytes t, enum type type, struct err_text *err)
{
	if (!is_hex(t))
		return value_unreadable(err, "a hash has hexadecimal digits only");
	if (t.len != hash_digits(type))
		return err_set(err, ENT_EINVALID, "a hash of type %s has %zu digits, not %zu",
			type_name(type), hash_digits(type), t.len);
	return hash_take(v, t, type);
}

/* The "--" between type and UUID of a STIX id; 0 when text has not that shape. */
static size_t stix_id_split(struct bytes t)
{
	size_t type_len = t.len > 38 ? t.len - 38 : 0;
	const uint8_t *uuid = t.data + type_len + 2;

	if (type_len < 3 || type_len > 250 || memcmp(t.data + type_len, "--", 2) != 0)
		return 0;
	for (size_t i = 0; i < type_len; i++) {
		uint8_t c = t.data[i] | 0x20;

		if (t.data[i] != '-' && (c < 'a' || c > 'z') &&
			(t.data[i] < '0' || t.data[i] > '9'))
			return 0;
	}
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? uuid[i] != '-' : !is_hex(bytes_from(uuid + i, 1)))
			return 0;
	}
	return type_len;
}

static int stix_id_parse(struct value *v, struct bytes t, struct err_text *err)
{
	if (!stix_id_split(t))
		return value_unreadable(err, "a STIX id is type--uuid");
	lower_copy(v->text, t);
	v->len = t.len;
	v->type = TYPE_STIX;
	return 0;
}

static bool has(struct bytes t, char c)
{
	return memchr(t.data, c, t.len) != NULL;
}

static size_t colons(struct bytes t)
{
	size_t n = 0;

	for (size_t i = 0; i < t.len; i++)
		n += t.data[i] == ':';
	return n;
}

static bool is_digits_and_dots(struct bytes t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.data[i] != '.' && (t.data[i] < '0' || t.data[i] > '9'))
			return false;
	return true;
}

/* Text with a slash but no scheme: a network, or a URL or path that lost its beginning. */
static int slash_parse(struct value *v, struct bytes t, struct err_text *err)
{
	const uint8_t *slash = memchr(t.data, '/', t.len);
	struct bytes left = bytes_from(t.data, (size_t)(slash - t.data));
	struct bytes right = bytes_skip(t, left.len + 1);

	if (left.len == 0)
		return value_unreadable(err, "a path without scheme and host");
	if (is_digits_and_dots(left) && is_digits_and_dots(right))
		return value_ip_parse(v, t, 4, err);
	if (colons(left) > 1 && left.data[0] != '[' && is_digits_and_dots(right))
		return value_ip_parse(v, t, 6, err);
	return value_unreadable(err, "a URL without its scheme: http or https cannot be told");
}

/* Colons, but neither a scheme nor a slash: an IPv6 address, or something with a port. */
static int colon_parse(struct value *v, struct bytes t, struct err_text *err)
{
	const uint8_t *colon = memchr(t.data, ':', t.len);
	struct bytes left = bytes_from(t.data, (size_t)(colon - t.data));

	if (colons(t) > 1 || t.data[0] == '[')
		return value_ip_parse(v, t, 6, err);
	if (is_digits_and_dots(left))
		return value_ip_parse(v, t, 4, err);
	return value_domain_parse(v, t, err);
}

/* Without what tells URLs, addresses with a port, networks and people. */
static int guess_plain(struct value *v, struct bytes t, struct err_text *err)
{
	if (!has(t, '.')) {
		if (hash_type(t.len) && is_hex(t))
			return hash_take(v, t, hash_type(t.len));
		if (stix_id_split(t))
			return stix_id_parse(v, t, err);
	}
	if (is_digits_and_dots(t))
		return value_ip_parse(v, t, 4, err);
	return value_domain_parse(v, t, err);
}

static int guess_parse(struct value *v, struct bytes t, bool plain, struct err_text *err)
{
	if (plain)
		return guess_plain(v, t, err);
	if (value_scheme_len(t))
		return value_url_parse(v, t, err);
	if (has(t, '/'))
		return slash_parse(v, t, err);
	if (has(t, '@'))
		return value_email_parse(v, t, err);
	if (has(t, ':') || t.data[0] == '[')
		return has(t, ':') ? colon_parse(v, t, err) : value_ip_parse(v, t, 6, err);
	return guess_plain(v, t, err);
}

static int wanted_parse(struct value *v, struct bytes t, enum type want, bool plain,
	struct err_text *err)
{
	switch (want) {
	case TYPE_NONE:
		return guess_parse(v, t, plain, err);
	case TYPE_IPV4:
	case TYPE_IPV4_NET:
		return value_ip_parse(v, t, 4, err);
	case TYPE_IPV6:
	case TYPE_IPV6_NET:
		return value_ip_parse(v, t, 6, err);
	case TYPE_DOMAIN:
		return value_domain_parse(v, t, err);
	case TYPE_URL:
		return value_url_parse(v, t, err);
	case TYPE_MD5:
	case TYPE_SHA1:
	case TYPE_SHA256:
	case TYPE_SHA512:
		return hash_parse(v, t, want, err);
	case TYPE_EMAIL:
		return value_email_parse(v, t, err);
	case TYPE_STIX:
		return stix_id_parse(v, t, err);
	default:
		return value_unreadable(err, "a type that is not known here");
	}
}

/* Letters, digits, dots, hyphens, underscores: nothing to screen or refang, as in most lists. */
static bool is_plain(struct bytes t)
{
	static const bool plain[256] = {['a' ... 'z'] = true,
		['A' ... 'Z'] = true,
		['0' ... '9'] = true,
		['.'] = true,
		['-'] = true,
		['_'] = true};

	bool all = true;

	for (size_t i = 0; i < t.len; i++)
		all &= plain[t.data[i]];
	return all;
}

int value_parse(struct value *v, struct bytes text, enum type want, struct err_text *err)
{
	uint8_t room[VALUE_SEEN_MAX];
	struct bytes t = trim(text);
	bool plain;
	int ret;

	v->type = TYPE_NONE;
	v->len = 0;
	v->text[0] = '\0';
	v->port = 0;
	if (t.len == 0)
		return value_unreadable(err, "nothing there");
	if (t.len > VALUE_SEEN_MAX)
		return value_unreadable(err, "too long for a value");
	plain = is_plain(t);
	if (!plain) {
		ret = value_screen(t, err);
		if (ret)
			return ret;
		ret = value_refang(t, room, &t, err);
		if (ret)
			return ret;
		t = trim(t);
		if (t.len == 0)
			return value_unreadable(err, "nothing there");
	}
	ret = wanted_parse(v, t, want, plain, err);
	assert(ret || (v->type != TYPE_NONE && v->len > 0 && v->len <= RECORD_VALUE_MAX));
	return ret;
}

bool value_is_canonical(enum type type, struct bytes text)
{
	struct value v;

	if (value_is_plain(type, text))
		return true;
	if (type == TYPE_NONE || value_parse(&v, text, type, NULL) != 0)
		return false;
	return v.type == type && v.port == 0 && bytes_eq(text, bytes_from(v.text, v.len));
}
