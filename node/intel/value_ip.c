/* SPDX-License-Identifier: EUPL-1.2 */
#include "intel/value_parts.h"

#include <arpa/inet.h>
#include <stdio.h>

/* A decimal number up to max without sign and leading zeros. */
static bool decimal_read(struct bytes t, unsigned max, unsigned *out)
{
	unsigned v = 0;

	if (t.len == 0 || t.len > 5 || (t.len > 1 && t.data[0] == '0'))
		return false;
	for (size_t i = 0; i < t.len; i++) {
		if (t.data[i] < '0' || t.data[i] > '9')
			return false;
		v = v * 10 + (t.data[i] - '0');
	}
	*out = v;
	return v <= max;
}

bool value_port_read(struct bytes text, uint16_t *port)
{
	unsigned v;

	if (!decimal_read(text, UINT16_MAX, &v) || v == 0)
		return false;
	*port = (uint16_t)v;
	return true;
}

bool value_ipv4_read(struct bytes text, uint8_t out[4])
{
	for (int i = 0; i < 4; i++) {
		const uint8_t *dot =
			i < 3 ? memchr(text.data, '.', text.len) : text.data + text.len;
		unsigned octet;

		if (!dot || !decimal_read(bytes_from(text.data, (size_t)(dot - text.data)), 255,
				    &octet))
			return false;
		out[i] = (uint8_t)octet;
		text = bytes_skip(text, (size_t)(dot - text.data) + 1);
	}
	return true;
}

bool value_ipv6_read(struct bytes text, uint8_t out[16])
{
	const uint8_t *zone = memchr(text.data, '%', text.len);
	char copy[VALUE_IPV6_SIZE];

	/* Hosts of URLs are asked about too: nearly all are names. */
	if (!memchr(text.data, ':', text.len))
		return false;
	if (zone && zone + 1 == text.data + text.len)
		return false;
	if (zone)
		text.len = (size_t)(zone - text.data);
	if (text.len >= sizeof(copy) || memchr(text.data, 0, text.len))
		return false;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	return inet_pton(AF_INET6, copy, out) == 1;
}

size_t value_ipv4_write(char out[16], const uint8_t in[4])
{
	size_t n = 0;

	for (int i = 0; i < 4; i++) {
		if (in[i] >= 100)
			out[n++] = (char)('0' + in[i] / 100);
		if (in[i] >= 10)
			out[n++] = (char)('0' + in[i] / 10 % 10);
		out[n++] = (char)('0' + in[i] % 10);
		out[n++] = '.';
	}
	out[--n] = '\0';
	return n;
}

/* The longest run of at least two zero groups, the first of equals (RFC 5952, section 4.2). */
static void zero_run(const unsigned groups[8], int *start, int *len)
{
	*start = 8;
	*len = 1;
	for (int i = 0; i < 8; i++) {
		int n = 0;

		while (i + n < 8 && groups[i + n] == 0)
			n++;
		if (n > *len)
			*start = i, *len = n;
	}
}

size_t value_ipv6_write(char out[VALUE_IPV6_SIZE], const uint8_t in[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	unsigned groups[8];
	int start, run;
	size_t n = 0;

	if (memcmp(in, mapped, sizeof(mapped)) == 0) {
		memcpy(out, "::ffff:", 7);
		return 7 + value_ipv4_write(out + 7, in + 12);
	}
	for (int i = 0; i < 8; i++)
		groups[i] = be16_get(in + 2 * i);
	zero_run(groups, &start, &run);
	for (int i = 0; i < 8; i++) {
		if (i == start) {
			out[n++] = ':';
			out[n++] = ':';
			i += run - 1;
			continue;
		}
		if (i > 0 && i != start + run)
			out[n++] = ':';
		n += (size_t)snprintf(out + n, VALUE_IPV6_SIZE - n, "%x", groups[i]);
	}
	out[n] = '\0';
	return n;
}

static void host_bits_clear(uint8_t *address, unsigned len, unsigned prefix)
{
	for (unsigned i = 0; i < len; i++) {
		unsigned kept = prefix > 8 * i ? prefix - 8 * i : 0;

		if (kept < 8)
			address[i] &= (uint8_t)(0xff00u >> kept);
	}
}

/* The part behind the slash; prefix is the full length when there is none. */
static int prefix_split(struct bytes *text, unsigned bits, unsigned *prefix, struct err_text *err)
{
	const uint8_t *slash = memchr(text->data, '/', text->len);

	*prefix = bits;
	if (!slash)
		return 0;
	if (!decimal_read(bytes_skip(*text, (size_t)(slash - text->data) + 1), bits, prefix))
		return err_set(err, ENT_EINVALID, "a prefix length is a number from 0 to %u", bits);
	text->len = (size_t)(slash - text->data);
	return 0;
}

static int ipv4_parse(struct value *v, struct bytes text, struct err_text *err)
{
	const uint8_t *colon = memchr(text.data, ':', text.len);
	uint8_t address[4];
	unsigned prefix;
	int ret;

	if (colon) {
		if (!value_port_read(bytes_skip(text, (size_t)(colon - text.data) + 1), &v->port))
			return value_unreadable(err, "a port is a number from 1 to 65535");
		text.len = (size_t)(colon - text.data);
	}
	ret = prefix_split(&text, 32, &prefix, err);
	if (ret)
		return ret;
	if (!value_ipv4_read(text, address))
		return value_unreadable(err,
			"an IPv4 address is four numbers up to 255, no leading zeros");
	if (prefix < 32 && v->port)
		return value_unreadable(err, "a network has no port");
	host_bits_clear(address, 4, prefix);
	v->len = value_ipv4_write(v->text, address);
	v->type = TYPE_IPV4;
	if (prefix < 32) {
		v->type = TYPE_IPV4_NET;
		v->len += (size_t)snprintf(v->text + v->len, 8, "/%u", prefix);
	}
	return 0;
}

/* Takes [address] and [address]:port apart. */
static int brackets_split(struct value *v, struct bytes *text, struct err_text *err)
{
	const uint8_t *close = memchr(text->data, ']', text->len);
	struct bytes behind;

	if (!close)
		return value_unreadable(err, "a bracket that is not closed");
	behind = bytes_skip(*text, (size_t)(close - text->data) + 1);
	if (behind.len &&
		(behind.data[0] != ':' || !value_port_read(bytes_skip(behind, 1), &v->port)))
		return value_unreadable(err,
			"behind [address] stands : and a port from 1 to 65535");
	*text = bytes_from(text->data + 1, (size_t)(close - text->data) - 1);
	return 0;
}

static int ipv6_parse(struct value *v, struct bytes text, struct err_text *err)
{
	bool bracketed = text.data[0] == '[';
	uint8_t address[16];
	unsigned prefix = 128;
	int ret;

	ret = bracketed ? brackets_split(v, &text, err) : prefix_split(&text, 128, &prefix, err);
	if (ret)
		return ret;
	if (!value_ipv6_read(text, address))
		return value_unreadable(err, "not an IPv6 address");
	host_bits_clear(address, 16, prefix);
	v->len = value_ipv6_write(v->text, address);
	v->type = TYPE_IPV6;
	if (prefix < 128) {
		v->type = TYPE_IPV6_NET;
		v->len += (size_t)snprintf(v->text + v->len, 8, "/%u", prefix);
	}
	return 0;
}

int value_ip_parse(struct value *v, struct bytes text, int family, struct err_text *err)
{
	return family == 6 ? ipv6_parse(v, text, err) : ipv4_parse(v, text, err);
}
