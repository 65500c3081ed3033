/* SPDX-License-Identifier: EUPL-1.2 */
#include "intel/guard.h"

#include "intel/suffix.h"
#include "intel/value_parts.h"

#include <stdlib.h>

#define IPV4_PREFIX_MIN 16
#define IPV6_PREFIX_MIN 32

/* An address of either family as 16 bytes, IPv4 as ::ffff:0:0/96, so that one order covers both. */
struct address {
	uint8_t bytes[16];
};

struct own_name {
	char *name;
	bool above; /* only the parent of an endpoint */
};

struct guard {
	struct suffixes *suffixes;
	struct own_name *names; /* sorted */
	size_t names_len;
	struct address *addresses; /* sorted */
	size_t addresses_len;
};

/* --- reserved addresses ----------------------------------------------------------------------- */

struct range {
	uint8_t first[16];
	uint8_t prefix;
};

/* IANA IPv4 Special-Purpose Address Registry, multicast (RFC 5771) and class E (RFC 1112). */
static const struct range reserved_ipv4[] = {
	{{0}, 8},             /* this network */
	{{10}, 8},            /* private */
	{{100, 64}, 10},      /* shared by carriers, RFC 6598 */
	{{127}, 8},           /* loopback */
	{{169, 254}, 16},     /* link local */
	{{172, 16}, 12},      /* private */
	{{192, 0, 0}, 24},    /* protocol assignments */
	{{192, 0, 2}, 24},    /* documentation */
	{{192, 31, 196}, 24}, /* AS112 */
	{{192, 52, 193}, 24}, /* AMT */
	{{192, 88, 99}, 24},  /* 6to4 relays, deprecated */
	{{192, 168}, 16},     /* private */
	{{192, 175, 48}, 24}, /* AS112 */
	{{198, 18}, 15},      /* benchmarking */
	{{198, 51, 100}, 24}, /* documentation */
	{{203, 0, 113}, 24},  /* documentation */
	{{224}, 4},           /* multicast */
	{{240}, 4},           /* reserved, and broadcast */
};

/*
 * Global unicast is 2000::/3 and nothing else; the first three ranges are all the rest:
 * unspecified, loopback, IPv4-mapped, NAT64, discard, SRv6, unique local, link local, multicast.
 * Then come the entries of the IANA IPv6 Special-Purpose Address Registry within 2000::/3.
 */
static const struct range reserved_ipv6[] = {
	{{0}, 3}, {{0x40}, 2}, {{0x80}, 1},
	{{0x20, 0x01}, 23},             /* protocol assignments: Teredo, benchmarking, ORCHID */
	{{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
	{{0x20, 0x02}, 16},             /* 6to4 */
	{{0x26, 0x20, 0, 0x4f, 0x80, 0}, 48}, /* AS112 */
	{{0x3f, 0xff}, 20},                   /* documentation, RFC 9637 */
};

static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8;
	uint8_t mask = (uint8_t)(0xff00u >> bits % 8);

	/* The first byte tells most from most without a call. */
	if (whole > 0 && a[0] != b[0])
		return false;
	return memcmp(a, b, whole) == 0 && (mask == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

/* True if the network lies in a reserved range, or (touching) holds one. */
static bool is_reserved_net(const uint8_t *net, unsigned prefix, bool ipv4, bool touching)
{
	const struct range *ranges = ipv4 ? reserved_ipv4 : reserved_ipv6;
	size_t len = ipv4 ? sizeof(reserved_ipv4) / sizeof(*ranges)
			  : sizeof(reserved_ipv6) / sizeof(*ranges);

	for (size_t i = 0; i < len; i++) {
		bool inside = prefix >= ranges[i].prefix;

		if ((inside || touching) &&
			same_prefix(net, ranges[i].first, inside ? ranges[i].prefix : prefix))
			return true;
	}
	return false;
}

/* --- reserved names --------------------------------------------------------------------------- */

/* RFC 6761, 6762 (with appendix G), 7686 but for onion, 8375, 9476, 2606; ICANN on internal, home
 * and corp; localdomain as resolver files have it. */
static const struct reserved {
	const char *name;
	size_t len;
	char end[4]; /* of a name that it is or stands above, if that has four bytes */
} reserved_names[] = {
#define END(text, n)                                                                               \
	(sizeof(text) > (n) ? text[sizeof(text) > (n) ? sizeof(text) - 1 - (n) : 0] : '.')
#define NAME(text)                                                                                 \
	{                                                                                          \
		text, sizeof(text) - 1,                                                            \
		{                                                                                  \
			END(text, 4), END(text, 3), END(text, 2), END(text, 1)                     \
		}                                                                                  \
	}
	NAME("alt"),
	NAME("arpa"),
	NAME("corp"),
	NAME("example"),
	NAME("home"),
	NAME("internal"),
	NAME("intranet"),
	NAME("invalid"),
	NAME("lan"),
	NAME("local"),
	NAME("localdomain"),
	NAME("localhost"),
	NAME("private"),
	NAME("test"),
	NAME("example.com"),
	NAME("example.net"),
	NAME("example.org"),
#undef NAME
#undef END
};

/* True if name is above or stands below it. */
static bool is_below(struct bytes name, const struct reserved *above)
{
	size_t len = above->len;

	if (name.len < len || memcmp(name.data + name.len - len, above->name, len) != 0)
		return false;
	return name.len == len || name.data[name.len - len - 1] == '.';
}

static bool is_reserved_name(struct bytes name)
{
	uint32_t end = 0, other;

	if (name.len >= sizeof(end))
		memcpy(&end, name.data + name.len - sizeof(end), sizeof(end));
	/* Four letters tell names from nearly all others, without a call for each. */
	for (size_t i = 0; i < sizeof(reserved_names) / sizeof(reserved_names[0]); i++) {
		memcpy(&other, reserved_names[i].end, sizeof(other));
		if ((end == other || name.len < sizeof(end)) && is_below(name, &reserved_names[i]))
			return true;
	}
	return false;
}

/* --- the federation's own endpoints ----------------------------------------------------------- */

static int name_cmp(const void *a, const void *b)
{
	const struct own_name *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int address_cmp(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct address));
}

static void endpoints_free(struct guard *g)
{
	for (size_t i = 0; i < g->names_len; i++)
		free(g->names[i].name);
	free(g->names);
	free(g->addresses);
	g->names = NULL;
	g->addresses = NULL;
	g->names_len = g->addresses_len = 0;
}

static int name_add(struct guard *g, const char *name, bool above)
{
	struct own_name *grown = reallocarray(g->names, g->names_len + 1, sizeof(*grown));

	if (!grown)
		return ENT_ENOMEM;
	g->names = grown;
	grown[g->names_len] = (struct own_name){strdup(name), above};
	if (!grown[g->names_len].name)
		return ENT_ENOMEM;
	g->names_len++;
	return 0;
}

/* The name, and every domain above it that a value could be. */
static int names_add(struct guard *g, const char *name)
{
	int ret = name_add(g, name, false);

	while (!ret) {
		name = strchr(name, '.') + 1;
		if (!strchr(name, '.'))
			return 0;
		ret = name_add(g, name, true);
	}
	return ret;
}

static bool address_read(struct bytes text, struct address *a, bool *ipv4)
{
	*a = (struct address){{[10] = 0xff, [11] = 0xff}};
	*ipv4 = value_ipv4_read(text, a->bytes + 12);
	return *ipv4 || value_ipv6_read(text, a->bytes);
}

static int address_add(struct guard *g, struct bytes text)
{
	struct address *grown = reallocarray(g->addresses, g->addresses_len + 1, sizeof(*grown));
	bool ipv4;

	if (!grown)
		return ENT_ENOMEM;
	g->addresses = grown;
	if (address_read(text, &grown[g->addresses_len], &ipv4))
		g->addresses_len++;
	return 0;
}

int guard_endpoints_set(struct guard *g, const char *const *endpoints, size_t endpoints_len)
{
	struct guard fresh = {0};
	struct value v;
	int ret = 0;

	for (size_t i = 0; i < endpoints_len && !ret; i++) {
		if (value_parse(&v, bytes_str(endpoints[i]), TYPE_NONE, NULL) != 0)
			continue;
		if (v.type == TYPE_DOMAIN)
			ret = names_add(&fresh, v.text);
		else if (v.type == TYPE_IPV4 || v.type == TYPE_IPV6)
			ret = address_add(&fresh, bytes_from(v.text, v.len));
	}
	if (ret) {
		endpoints_free(&fresh);
		return ret;
	}
	if (fresh.names_len)
		qsort(fresh.names, fresh.names_len, sizeof(*fresh.names), name_cmp);
	if (fresh.addresses_len)
		qsort(fresh.addresses, fresh.addresses_len, sizeof(*fresh.addresses), address_cmp);
	endpoints_free(g);
	fresh.suffixes = g->suffixes;
	*g = fresh;
	return 0;
}

static bool is_own_name(const struct guard *g, struct bytes name, bool above_too)
{
	size_t low = 0, high = g->names_len;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const char *at = g->names[middle].name;
		size_t len = strlen(at);
		int cmp = memcmp(at, name.data, len < name.len ? len : name.len);

		if (cmp < 0 || (cmp == 0 && len < name.len))
			low = middle + 1;
		else
			high = middle;
	}
	/* The same name may stand there as an endpoint and as the parent of another. */
	for (; low < g->names_len && bytes_eq_str(name, g->names[low].name); low++)
		if (above_too || !g->names[low].above)
			return true;
	return false;
}

static bool holds_own_address(const struct guard *g, const struct address *net, unsigned prefix)
{
	size_t low = 0, high = g->addresses_len;

	/* The host bits of net are clear, so the first address not below it decides. */
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (address_cmp(&g->addresses[middle], net) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < g->addresses_len && same_prefix(g->addresses[low].bytes, net->bytes, prefix);
}

/* --- the check -------------------------------------------------------------------------------- */

static bool applies(const char *rule, const char *const *lifted)
{
	for (; lifted && *lifted; lifted++)
		if (strcmp(rule, *lifted) == 0)
			return false;
	return true;
}

static const char *check_net(const struct guard *g, struct bytes value, const char *const *lifted)
{
	const uint8_t *slash = memchr(value.data, '/', value.len);
	struct bytes text = slash ? bytes_from(value.data, (size_t)(slash - value.data)) : value;
	const uint8_t *bytes;
	struct address a;
	unsigned prefix;
	bool ipv4;

	if (!address_read(text, &a, &ipv4))
		return "unreadable";
	bytes = a.bytes + (ipv4 ? 12 : 0);
	prefix = ipv4 ? 32 : 128;
	if (slash)
		for (prefix = 0; ++slash < value.data + value.len;)
			prefix = prefix * 10 + (*slash - '0');
	if (is_reserved_net(bytes, prefix, ipv4, false) && applies("reserved", lifted))
		return "reserved";
	if (prefix < (ipv4 ? IPV4_PREFIX_MIN : IPV6_PREFIX_MIN) && applies("too-wide", lifted))
		return "too-wide";
	if (is_reserved_net(bytes, prefix, ipv4, true) && applies("reserved", lifted))
		return "reserved";
	if (holds_own_address(g, &a, ipv4 ? prefix + 96 : prefix))
		return "own-endpoint";
	return NULL;
}

/* whole: the value means everything under the name. */
static const char *check_name(const struct guard *g, struct bytes name, bool whole, bool above_too,
	const char *const *lifted)
{
	if (is_reserved_name(name) && applies("reserved", lifted))
		return "reserved";
	if (whole && suffixes_have(g->suffixes, name) && applies("public-suffix", lifted))
		return "public-suffix";
	if (is_own_name(g, name, above_too))
		return "own-endpoint";
	return NULL;
}

static const char *check_url(const struct guard *g, struct bytes url, const char *const *lifted)
{
	struct bytes host = value_url_host(url);
	struct bytes rest;
	struct address a;
	bool ipv4;

	if (host.len == 0)
		return "unreadable";
	if (address_read(host, &a, &ipv4))
		return check_net(g, host, lifted);
	rest = bytes_skip(url, (size_t)(host.data + host.len - url.data));
	while (rest.len && ((rest.data[0] >= '0' && rest.data[0] <= '9') || rest.data[0] == ':'))
		rest = bytes_skip(rest, 1);
	return check_name(g, host, rest.len == 0 || bytes_eq_str(rest, "/"), false, lifted);
}

const char *guard_check(const struct guard *g, enum type type, struct bytes value,
	const char *const *lifted)
{
	const uint8_t *at;

	switch (type) {
	case TYPE_IPV4:
	case TYPE_IPV6:
	case TYPE_IPV4_NET:
	case TYPE_IPV6_NET:
		return check_net(g, value, lifted);
	case TYPE_DOMAIN:
		return check_name(g, value, true, true, lifted);
	case TYPE_URL:
		return check_url(g, value, lifted);
	case TYPE_EMAIL:
		at = memrchr(value.data, '@', value.len);
		if (!at)
			return "unreadable";
		value = bytes_skip(value, (size_t)(at - value.data) + 1);
		return check_name(g, value, false, false, lifted);
	default:
		return NULL;
	}
}

bool guard_liftable(const char *rule)
{
	static const char *const liftable[] = {"reserved", "too-wide", "public-suffix",
		"warninglist", "echo", "foreign-author", "personal-data", "constituency"};

	if (strncmp(rule, "warninglist:", 12) == 0)
		return rule[12] != '\0';
	for (size_t i = 0; i < sizeof(liftable) / sizeof(liftable[0]); i++)
		if (strcmp(rule, liftable[i]) == 0)
			return true;
	return false;
}

int guard_new(struct guard **g, struct bytes suffixes)
{
	int rc;

	*g = calloc(1, sizeof(**g));
	if (!*g)
		return ENT_ENOMEM;
	rc = suffixes_new(&(*g)->suffixes, suffixes);
	if (rc == 0)
		return 0;
	free(*g);
	*g = NULL;
	return rc;
}

void guard_free(struct guard *g)
{
	if (!g)
		return;
	endpoints_free(g);
	suffixes_free(g->suffixes);
	free(g);
}
