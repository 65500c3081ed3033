/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Guard rails: what must not go out or come in as an indicator whatever anybody says (DESIGN 7). They
 * need the value, so they stand outside decide(); their verdict is entered there by name.
 *
 *     reserved       special-purpose addresses (IANA registries, RFC 6890 and updates), reserved names (RFC 6761, ...)
 *     too-wide       IPv4 networks wider than /16, IPv6 networks wider than /32
 *     public-suffix  a name that is a public suffix itself (and a URL whose host is one)
 *     own-endpoint   an address or name of the federation's own nodes
 *
 * Later rules (warninglist:NAME, personal-data, constituency) join the same table.
 */
#pragma once

#include "base/bytes.h"
#include "base/err.h"
#include "base/vocab.h"

struct guard;

/* Loads the public suffix list once. ENT_ENOMEM, ENT_ENOTFOUND (no list). Thread-safe afterwards. */
int guard_new(struct guard **g) MUST_CHECK;
void guard_free(struct guard *g);

/* The federation's endpoints, each host:port or [v6]:port or a bare host; replaces the former set. */
int guard_endpoints_set(struct guard *g, const char *const *endpoints, size_t endpoints_len) MUST_CHECK;

/* The name of the first rule that refuses a canonical value, not counting those in lifted
 * (NULL-terminated array of names, or NULL); NULL when none does. own-endpoint is never lifted. */
const char *guard_check(const struct guard *g, enum type type, struct bytes value,
	const char *const *lifted);

/* True if rule may be lifted by --allow. */
bool guard_liftable(const char *rule);
