/* SPDX-License-Identifier: EUPL-1.2 */
#include "intel/value_parts.h"

#include <idn2.h>

#define LABEL_MAX 63

/* --- names in ASCII: the usual case, without any library
 * --------------------------------------------- */

/* What a byte of a name becomes; 0 for what no name has. */
static char folded(uint8_t c)
{
	static const bool known[256] = {['a' ... 'z'] = true,
		['A' ... 'Z'] = true,
		['0' ... '9'] = true,
		['.'] = true,
		['-'] = true,
		['_'] = true};

	if (!known[c])
		return 0;
	return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static unsigned punycode_adapt(unsigned delta, unsigned points, bool first)
{
	unsigned k = 0;

	delta = first ? delta / 700 : delta / 2;
	for (delta += delta / points; delta > 455; k += 36)
		delta /= 35;
	return k + 36 * delta / (delta + 38);
}

/*
 * True if what follows "xn--" is the Punycode (RFC 3492, section 6.2) of a label with at least one
 * character beyond ASCII and none that cannot be seen. The encoding of a label is unique, so the
 * label in lower case is its one spelling.
 */
static bool punycode_valid(const char *label, size_t len)
{
	unsigned n = 128, i = 0, bias = 72, points = 0;
	size_t at = 0;

	for (size_t k = 0; k < len; k++)
		if (label[k] == '-')
			at = k + 1, points = (unsigned)k;
	if (at == len || at == 1)
		return false;
	while (at < len) {
		unsigned old = i, weight = 1;

		for (unsigned k = 36;; k += 36) {
			unsigned threshold = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
			unsigned digit;

			if (at == len || label[at] == '_')
				return false;
			digit = label[at] >= 'a' ? (unsigned)(label[at] - 'a')
						 : (unsigned)(label[at] - '0') + 26;
			at++;
			if (digit > (0x7fffffff - i) / weight)
				return false;
			i += digit * weight;
			if (digit < threshold)
				break;
			if (weight > 0x7fffffff / (36 - threshold))
				return false;
			weight *= 36 - threshold;
		}
		points++;
		bias = punycode_adapt(i - old, points, old == 0);
		n += i / points;
		i = i % points + 1;
		if (n > 0x10ffff || (n >= 0xd800 && n <= 0xdfff) || value_invisible(n))
			return false;
	}
	return true;
}

/* 12 and 0x1f, which the address parsers of many programs take for part of an address. */
static bool is_number(const char *label, size_t len)
{
	size_t i = 0;

	if (len > 2 && label[0] == '0' && label[1] == 'x') {
		for (i = 2; i < len; i++)
			if ((label[i] < '0' || label[i] > '9') &&
				(label[i] < 'a' || label[i] > 'f'))
				return false;
		return true;
	}
	for (i = 0; i < len; i++)
		if (label[i] < '0' || label[i] > '9')
			return false;
	return true;
}

static int label_check(const char *label, size_t len, struct err_text *err)
{
	if (len == 0)
		return value_unreadable(err, "an empty label in a domain");
	if (len > LABEL_MAX)
		return value_unreadable(err, "a label of more than 63 bytes in a domain");
	if (len >= 4 && memcmp(label, "xn--", 4) == 0 && !punycode_valid(label + 4, len - 4))
		return value_unreadable(err, "a label that starts with xn-- but is no A-label");
	return 0;
}

static int ascii_write(char out[VALUE_DOMAIN_MAX + 1], size_t *out_len, struct bytes text,
	struct err_text *err)
{
	size_t start = 0;
	int ret;

	if (text.len && text.data[text.len - 1] == '.')
		text.len--;
	if (text.len > VALUE_DOMAIN_MAX)
		return value_unreadable(err, "a domain of more than 253 bytes");
	for (size_t i = 0; i < text.len; i++) {
		out[i] = folded(text.data[i]);
		if (!out[i])
			return value_unreadable(err, "a character inside that no domain has");
		if (out[i] != '.')
			continue;
		ret = label_check(out + start, i - start, err);
		if (ret)
			return ret;
		start = i + 1;
	}
	out[text.len] = '\0';
	*out_len = text.len;
	ret = label_check(out + start, text.len - start, err);
	if (ret)
		return ret;
	if (start == 0)
		return value_unreadable(err, "a single label is no domain");
	if (is_number(out + start, text.len - start))
		return value_unreadable(err,
			"neither a domain (its last label is a number) nor an address");
	return 0;
}

/* --- names beyond ASCII
 * ------------------------------------------------------------------------------ */

/* The length of a dot at text: the full stop, or one of the three that UTS 46 maps to it; else 0.
 */
static size_t dot_len(struct bytes text)
{
	if (text.data[0] == '.')
		return 1;
	if (bytes_starts(text, "\u3002") || bytes_starts(text, "\uff0e") ||
		bytes_starts(text, "\uff61"))
		return 3;
	return 0;
}

/* Appends the A-label of a U-label; libidn2 sees one label, which is neither empty nor ASCII. */
static int label_convert(char *out, size_t *n, struct bytes label, struct err_text *err)
{
	char in[4 * VALUE_DOMAIN_MAX + 1];
	uint8_t *ascii = NULL;
	size_t len;
	int ret;

	if (label.len >= sizeof(in))
		return value_unreadable(err, "a domain of more than 253 bytes");
	memcpy(in, label.data, label.len);
	in[label.len] = '\0';
	ret = idn2_lookup_u8((const uint8_t *)in, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (ret != IDN2_OK)
		return err_set(err, ENT_EINVALID, "not an international domain name: %s",
			idn2_strerror(ret));
	len = strlen((const char *)ascii);
	ret = 0;
	if (len == 0 || memchr(ascii, '.', len))
		ret = value_unreadable(err, "an empty label in a domain");
	else if (len > LABEL_MAX || *n + len > VALUE_DOMAIN_MAX)
		ret = value_unreadable(err, "a domain of more than 253 bytes");
	else
		memcpy(out + *n, ascii, len), *n += len;
	idn2_free(ascii);
	return ret;
}

static bool is_ascii(struct bytes t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.data[i] >= 0x80)
			return false;
	return true;
}

/* The name with every U-label made an A-label; what else is wrong with it ascii_write finds. */
static int unicode_convert(char out[VALUE_DOMAIN_MAX + 1], size_t *out_len, struct bytes text,
	struct err_text *err)
{
	size_t n = 0;

	while (text.len) {
		struct bytes label = {text.data, 0};
		size_t dot = 0;

		while (label.len < text.len && !(dot = dot_len(bytes_skip(text, label.len))))
			label.len++;
		if (!is_ascii(label)) {
			int ret = label_convert(out, &n, label, err);

			if (ret)
				return ret;
		} else {
			if (label.len > VALUE_DOMAIN_MAX - n)
				return value_unreadable(err, "a domain of more than 253 bytes");
			memcpy(out + n, label.data, label.len);
			n += label.len;
		}
		if (dot && n == VALUE_DOMAIN_MAX)
			return value_unreadable(err, "a domain of more than 253 bytes");
		if (dot)
			out[n++] = '.';
		text = bytes_skip(text, label.len + dot);
	}
	*out_len = n;
	return 0;
}

int value_domain_write(char out[VALUE_DOMAIN_MAX + 1], size_t *len, struct bytes text,
	struct err_text *err)
{
	char ascii[VALUE_DOMAIN_MAX + 1];
	size_t ascii_len = 0;
	int ret;

	if (is_ascii(text))
		return ascii_write(out, len, text, err);
	ret = unicode_convert(ascii, &ascii_len, text, err);
	if (ret)
		return ret;
	return ascii_write(out, len, bytes_from(ascii, ascii_len), err);
}

int value_domain_parse(struct value *v, struct bytes text, struct err_text *err)
{
	const uint8_t *colon = memchr(text.data, ':', text.len);
	int ret;

	if (colon) {
		if (!value_port_read(bytes_skip(text, (size_t)(colon - text.data) + 1), &v->port))
			return value_unreadable(err, "a port is a number from 1 to 65535");
		text.len = (size_t)(colon - text.data);
	}
	ret = value_domain_write(v->text, &v->len, text, err);
	if (ret)
		return ret;
	v->type = TYPE_DOMAIN;
	return 0;
}

/* --- e-mail
 * ------------------------------------------------------------------------------------------ */

int value_email_parse(struct value *v, struct bytes text, struct err_text *err)
{
	const uint8_t *at = memrchr(text.data, '@', text.len);
	struct bytes local, host;
	size_t host_len;
	int ret;

	if (!at)
		return value_unreadable(err, "an e-mail address without @");
	local = bytes_from(text.data, (size_t)(at - text.data));
	host = bytes_skip(text, local.len + 1);
	if (local.len == 0)
		return value_unreadable(err, "an e-mail address without a local part");
	if (local.len > RECORD_VALUE_MAX - VALUE_DOMAIN_MAX - 1)
		return value_unreadable(err, "too long for a value");
	for (size_t i = 0; i < local.len; i++)
		if (memchr(" @,;:<>()[]\"/", local.data[i], 13))
			return value_unreadable(err,
				"a character inside that no plain local part has");
	memcpy(v->text, local.data, local.len);
	v->text[local.len] = '@';
	ret = value_domain_write(v->text + local.len + 1, &host_len, host, err);
	if (ret)
		return ret;
	v->len = local.len + 1 + host_len;
	v->type = TYPE_EMAIL;
	return 0;
}
