/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What is canonical at a glance. Values are stored in their canonical form, so nearly every one
 * that is asked about is: to see that takes one look at each byte, where reading it anew takes
 * several. Whatever is not seen to be canonical here is read anew by whoever asked.
 */
#include "intel/value_parts.h"

#define LABEL_MAX 63

enum { NAME = 1, DIGIT = 2, LETTER = 4, HEX = 8 };

/* As canonical values have them: letters are small. */
static const uint8_t classes[256] = {
	['0' ... '9'] = NAME | DIGIT | HEX,
	['a' ... 'f'] = NAME | LETTER | HEX,
	['g' ... 'z'] = NAME | LETTER,
	['-'] = NAME,
	['_'] = NAME,
};

static bool plain_hash(struct bytes t, size_t digits)
{
	uint8_t all = HEX;

	for (size_t i = 0; i < t.len; i++)
		all &= classes[t.data[i]];
	return t.len == digits && all != 0;
}

/* Labels with "xn--" are looked into, and a last label that begins with a digit may be a number. */
static bool plain_label(struct bytes name, size_t start, size_t end)
{
	const uint8_t *label = name.data + start;
	size_t len = end - start;

	if (len == 0 || len > LABEL_MAX || (len >= 4 && memcmp(label, "xn--", 4) == 0))
		return false;
	return end < name.len || (start > 0 && (classes[label[0]] & LETTER));
}

static bool plain_domain(struct bytes t)
{
	size_t start = 0;

	if (t.len > VALUE_DOMAIN_MAX)
		return false;
	for (size_t i = 0; i < t.len; i++) {
		if (classes[t.data[i]] & NAME)
			continue;
		if (t.data[i] != '.' || !plain_label(t, start, i))
			return false;
		start = i + 1;
	}
	return plain_label(t, start, t.len);
}

static bool plain_url(struct bytes t)
{
	size_t scheme = bytes_starts(t, "http://") ? 7 : bytes_starts(t, "https://") ? 8 : 0;
	struct bytes rest = bytes_skip(t, scheme);
	size_t host = 0;

	if (scheme == 0 || t.len > RECORD_VALUE_MAX)
		return false;
	while (host < rest.len && (rest.data[host] == '.' || classes[rest.data[host]] & NAME))
		host++;
	if (!plain_domain(bytes_from(rest.data, host)))
		return false;
	rest = bytes_skip(rest, host);
	/* A port, or somebody's name before the host, is looked at closely. */
	if (rest.len > 0 && !memchr("/?#", rest.data[0], 3))
		return false;
	for (size_t i = 0; i < rest.len; i++)
		if (rest.data[i] <= ' ' || rest.data[i] >= 0x7f || rest.data[i] == '\\')
			return false;
	return true;
}

bool value_is_plain(enum type type, struct bytes text)
{
	uint8_t address[4];

	switch (type) {
	case TYPE_DOMAIN:
		return plain_domain(text);
	case TYPE_IPV4:
		return value_ipv4_read(text, address);
	case TYPE_URL:
		return plain_url(text);
	case TYPE_MD5:
		return plain_hash(text, 32);
	case TYPE_SHA1:
		return plain_hash(text, 40);
	case TYPE_SHA256:
		return plain_hash(text, 64);
	case TYPE_SHA512:
		return plain_hash(text, 128);
	default:
		return false;
	}
}
