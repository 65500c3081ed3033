/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Canonical values (PROTOCOL.md, "Canonical values"): two nodes must derive the same bytes from
 * what people write. Reading refangs, guesses the type unless told, and gives type and canonical
 * form.
 *
 * Choices where the rules leave room:
 *
 * - Where the scheme is missing (host/path), nobody can tell http from https, and inventing one
 *   would make two values of one. Untold, such text is unreadable; told that it is a URL, it is
 * read as http, as every browser does. A bare path (/gate.php) and a bare host are never a URL.
 * - An A-label is taken as it travels in the DNS when it is the Punycode of something visible, also
 *   where IDNA2008 disallows a character: malicious names use what registries forbid. This needs no
 *   Unicode tables, so nodes with different libraries agree. U-labels go through libidn2, label by
 *   label (IDNA2008 holds for them); hyphens may stand anywhere in a label.
 * - A name whose last label is a number (1.2.3, 0x7f.0x1) is no domain: programs take it for an
 * address.
 * - IPv4-mapped IPv6 addresses are written ::ffff:192.0.2.1 (RFC 5952, section 5), no others mixed.
 * - A URL keeps its port, even the default one, and userinfo, path, query and fragment, byte for
 *   byte; "[.]" in the path is undone only when scheme or host were defanged too. White space
 *   inside is refused. An e-mail address has an unquoted local part.
 */
#pragma once

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/vocab.h"
#include "proto/limits.h"

struct value {
	enum type type;
	size_t len;
	char text[RECORD_VALUE_MAX + 1]; /* canonical, NUL behind */
	uint16_t port;                   /* of ip:port or host:port; 0: none */
};

/*
 * Reads text as a value. want TYPE_NONE: the type is found from the form (a hash by its length,
 * ...); else text must be of that type (IPV4 and IPV4_NET, IPV6 and IPV6_NET stand for each other).
 * ENT_EINVALID with a reason for people ("a single label is no domain") in err; the reason never
 * repeats the text, so it is safe to print.
 */
int value_parse(struct value *v, struct bytes text, enum type want,
	struct err_text *err) MUST_CHECK;

/* True if the bytes are the canonical form of that type: what a receiver checks. */
bool value_is_canonical(enum type type, struct bytes text);

/*
 * Text as a message may show it: characters that cannot be seen or that steer a terminal become
 * '?', and what goes beyond cap bytes is cut. text itself when there is nothing to change, else
 * room.
 */
struct bytes value_printable(struct bytes text, char *room, size_t cap);
