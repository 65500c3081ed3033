/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Guard rails: what must not go out or come in as an indicator whatever anybody says (DESIGN 7).
 * They need the value, so they stand outside decide(); their verdict is entered there by name.
 *
 *     reserved       special-purpose addresses (IANA registries, RFC 6890 and updates; of IPv6 all
 *                    that is not global unicast), networks that touch them, and names that the
 *                    global DNS does not give out (RFC 6761, 6762, 8375, all of arpa). A .onion
 *                    name is a place on a network and passes.
 *     too-wide       IPv4 networks wider than /16, IPv6 networks wider than /32
 *     public-suffix  a name under which strangers register (com, co.uk, github.io), and a URL that
 *                    is nothing but such a host; with a path it means one place and passes
 *     own-endpoint   an address or name of the federation's own nodes, a network that holds one, a
 *                    domain above one
 *
 * URLs and e-mail addresses are looked at by their host. Later rules (warninglist:NAME,
 * personal-data, constituency) join the same table.
 */
#pragma once

#include "base/bytes.h"
#include "base/err.h"
#include "base/vocab.h"

struct guard;

/* suffixes: the text of the public suffix list, for millions of values; or none (suffix.h).
 * ENT_ENOMEM, ENT_ENOTFOUND (no list). */
int guard_new(struct guard **g, struct bytes suffixes) MUST_CHECK;
void guard_free(struct guard *g);

/*
 * The federation's endpoints, each host:port or [v6]:port or a bare host; replaces the former set.
 * What cannot be a value anyway (localhost:7466) is passed over. Not while others check: all else
 * here may be called by several threads at once.
 */
int guard_endpoints_set(struct guard *g, const char *const *endpoints,
	size_t endpoints_len) MUST_CHECK;

/*
 * The name of the first rule that refuses a canonical value, not counting those in lifted
 * (NULL-terminated array of names, or NULL); NULL when none does. own-endpoint is never lifted.
 */
const char *guard_check(const struct guard *g, enum type type, struct bytes value,
	const char *const *lifted);

/* True if rule may be lifted by --allow. "warninglist" stands for all lists. */
bool guard_liftable(const char *rule);
