/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The parts of value.c, one file a family of forms. Private to node/intel: others see value.h.
 *
 * Readers take text that is trimmed, screened and refanged. Those with a struct value write type
 * and text, and nothing but a reason into err (may be NULL) when they give ENT_EINVALID.
 */
#pragma once

#include "intel/value.h"

#define VALUE_SEEN_MAX                                                                             \
	(2 * RECORD_VALUE_MAX) /* defanged text is longer than what it stands for   \
					       */
#define VALUE_DOMAIN_MAX 253   /* RFC 1035: 255 octets on the wire, without root */
#define VALUE_IPV6_SIZE  48    /* text with NUL */

/* ENT_EINVALID with the reason. */
int value_unreadable(struct err_text *err, const char *reason);

/* --- value_refang.c --------------------------------------------------------------------------- */

/* Refuses what has no place in any value: control characters, backslashes, characters that cannot
 * be seen, bytes that are not UTF-8. */
int value_screen(struct bytes text, struct err_text *err);
/*
 * Undoes defanging into room and gives the view of the result (text itself when there is nothing to
 * undo). A URL whose scheme and host are clean is left alone: "[.]" in its path belongs to it.
 */
int value_refang(struct bytes text, uint8_t room[VALUE_SEEN_MAX], struct bytes *plain,
	struct err_text *err);
/* True for code points that show nothing or only turn or space the text. */
bool value_invisible(uint32_t code);
/* Length of "scheme" when text starts with "scheme://", else 0. */
size_t value_scheme_len(struct bytes text);

/* --- value_ip.c ------------------------------------------------------------------------------- */

bool value_ipv4_read(struct bytes text, uint8_t out[4]);
bool value_ipv6_read(struct bytes text, uint8_t out[16]); /* a zone is dropped */
size_t value_ipv4_write(char out[16], const uint8_t in[4]);
size_t value_ipv6_write(char out[VALUE_IPV6_SIZE], const uint8_t in[16]);
/* 1 to 65535 without leading zeros. */
bool value_port_read(struct bytes text, uint16_t *port);
/* An address, a network, or an address with port, of the family asked for (4 or 6). */
int value_ip_parse(struct value *v, struct bytes text, int family, struct err_text *err);

/* --- value_domain.c --------------------------------------------------------------------------- */

/* The canonical name, NUL behind it. */
int value_domain_write(char out[VALUE_DOMAIN_MAX + 1], size_t *len, struct bytes text,
	struct err_text *err);
int value_domain_parse(struct value *v, struct bytes text,
	struct err_text *err); /* with port or not */
int value_email_parse(struct value *v, struct bytes text, struct err_text *err);

/* --- value_plain.c ---------------------------------------------------------------------------- */

/* True for what is seen to be canonical without reading it anew: nearly all that is. */
bool value_is_plain(enum type type, struct bytes text);

/* --- value_url.c ------------------------------------------------------------------------------ */

int value_url_parse(struct value *v, struct bytes text, struct err_text *err);
/* The host of a canonical URL, without the brackets of an IPv6 address. */
struct bytes value_url_host(struct bytes url);
