/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The vocabulary with its numbers: what a byte in an entry's header means, and what the same thing
 * is called in files, on the command line and in logs. PROTOCOL.md, "Vocabulary", is this table.
 * Numbers are for ever: they stand under signatures. Unknown numbers are stored and relayed unread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* TLP 2.0, ordered from open to strict; 0 is never valid in an entry. */
#define VOCAB_TLPS(X)                                                                              \
	X(CLEAR, 1, "clear")                                                                       \
	X(GREEN, 2, "green")                                                                       \
	X(AMBER, 3, "amber")                                                                       \
	X(AMBER_STRICT, 4, "amber+strict")                                                         \
	X(RED, 5, "red")

enum tlp {
	TLP_NONE = 0,
#define X(name, number, text) TLP_##name = (number),
	VOCAB_TLPS(X)
#undef X
};

#define TLP_BIT(tlp) (1u << (tlp))

/* PAP, ordered from open to strict; 0 stands for "none given", which reads as AMBER. */
#define VOCAB_PAPS(X)                                                                              \
	X(CLEAR, 1, "clear")                                                                       \
	X(GREEN, 2, "green")                                                                       \
	X(AMBER, 3, "amber")                                                                       \
	X(RED, 4, "red")

enum pap {
	PAP_NONE = 0,
#define X(name, number, text) PAP_##name = (number),
	VOCAB_PAPS(X)
#undef X
};

/* Kinds of entries. */
#define VOCAB_KINDS(X)                                                                             \
	X(INDICATOR, 1, "indicator")                                                               \
	X(SIGHTING, 2, "sighting")                                                                 \
	X(OPINION, 3, "opinion")                                                                   \
	X(RETRACTION, 4, "retraction")                                                             \
	X(ERASURE, 5, "erasure")                                                                   \
	X(OBJECT, 6, "object")                                                                     \
	X(SUCCESSION, 7, "succession")                                                             \
	X(ACT, 64, "act") /* of a provenance log only */

enum kind {
	KIND_NONE = 0,
#define X(name, number, text) KIND_##name = (number),
	VOCAB_KINDS(X)
#undef X
};

/* Types of indicators. 0 is the type of every entry that is not about a value. */
#define VOCAB_TYPES(X)                                                                             \
	X(IPV4, 1, "ipv4")                                                                         \
	X(IPV6, 2, "ipv6")                                                                         \
	X(IPV4_NET, 3, "ipv4-net")                                                                 \
	X(IPV6_NET, 4, "ipv6-net")                                                                 \
	X(DOMAIN, 5, "domain")                                                                     \
	X(URL, 6, "url")                                                                           \
	X(MD5, 7, "md5")                                                                           \
	X(SHA1, 8, "sha1")                                                                         \
	X(SHA256, 9, "sha256")                                                                     \
	X(SHA512, 10, "sha512")                                                                    \
	X(EMAIL, 11, "email")                                                                      \
	X(STIX, 12, "stix") /* an opaque STIX object: the value is its STIX id */

enum type {
	TYPE_NONE = 0,
#define X(name, number, text) TYPE_##name = (number),
	VOCAB_TYPES(X)
#undef X
		TYPE_COUNT = 13 /* one past the last: for tables and bit sets */
};

#define TYPE_BIT(type) (1u << (type))
#define TYPE_BITS_ALL  UINT32_MAX /* "*" in an agreement: types of the future included */

/* Header flags. */
#define ENTRY_FLAG_URGENT 0x01u /* this feed goes before others */

/* Names, "unknown" for a number that is not in the table; never NULL. */
const char *tlp_name(unsigned tlp);
const char *pap_name(unsigned pap);
const char *kind_name(unsigned kind);
const char *type_name(unsigned type);

/*
 * Reading takes what people write: any case, "TLP:" and "PAP:" in front, "white" for clear. Types
 * and kinds are read exactly. False when the word is not in the table.
 */
bool tlp_parse(struct bytes text, enum tlp *tlp);
bool pap_parse(struct bytes text, enum pap *pap);
bool kind_parse(struct bytes text, enum kind *kind);
bool type_parse(struct bytes text, enum type *type);
