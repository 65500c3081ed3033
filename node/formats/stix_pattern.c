/* SPDX-License-Identifier: EUPL-1.2 */
#include "formats/stix_pattern.h"

#include "base/text.h"
#include "formats/stix_pattern_impl.h"

/* What a path is to us. Values come first, then what may stand beside them in an AND. */
enum role {
	ROLE_OTHER,
	ROLE_HASH,
	ROLE_NETWORK,  /* an address or a name, alone or with a port */
	ROLE_RESOLVED, /* the addresses of a name */
	ROLE_WHOLE,    /* a URL or an e-mail address: nothing beside it */
	ROLE_PORT,
	ROLE_REFERENCE_TYPE,
	ROLE_FILE_NAME,
	ROLE_COUNT,
};

static const struct {
	const char *path;
	enum role role;
	enum type want;
} paths[] = {
	{"ipv4-addr:value", ROLE_NETWORK, TYPE_IPV4},
	{"ipv6-addr:value", ROLE_NETWORK, TYPE_IPV6},
	{"domain-name:value", ROLE_NETWORK, TYPE_DOMAIN},
	{"network-traffic:dst_ref.value", ROLE_NETWORK, TYPE_NONE},
	{"network-traffic:src_ref.value", ROLE_NETWORK, TYPE_NONE},
	{"domain-name:resolves_to_refs[*].value", ROLE_RESOLVED, TYPE_NONE},
	{"network-traffic:dst_ref.type", ROLE_REFERENCE_TYPE, TYPE_NONE},
	{"network-traffic:src_ref.type", ROLE_REFERENCE_TYPE, TYPE_NONE},
	{"network-traffic:dst_port", ROLE_PORT, TYPE_NONE},
	{"network-traffic:src_port", ROLE_PORT, TYPE_NONE},
	{"url:value", ROLE_WHOLE, TYPE_URL},
	{"email-addr:value", ROLE_WHOLE, TYPE_EMAIL},
	{"email-message:from_ref.value", ROLE_WHOLE, TYPE_EMAIL},
	{"email-message:sender_ref.value", ROLE_WHOLE, TYPE_EMAIL},
	{"email-message:to_refs[*].value", ROLE_WHOLE, TYPE_EMAIL},
	{"email-message:additional_header_fields.reply_to", ROLE_WHOLE, TYPE_EMAIL},
	{"file:hashes.MD5", ROLE_HASH, TYPE_MD5},
	{"file:hashes.SHA-1", ROLE_HASH, TYPE_SHA1},
	{"file:hashes.SHA1", ROLE_HASH, TYPE_SHA1},
	{"file:hashes.SHA-256", ROLE_HASH, TYPE_SHA256},
	{"file:hashes.SHA256", ROLE_HASH, TYPE_SHA256},
	{"file:hashes.SHA-512", ROLE_HASH, TYPE_SHA512},
	{"file:hashes.SHA512", ROLE_HASH, TYPE_SHA512},
	{"file:name", ROLE_FILE_NAME, TYPE_NONE},
};

static enum role role_find(struct bytes path, enum type *want)
{
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (!bytes_eq_str(path, paths[i].path))
			continue;
		*want = paths[i].want;
		return paths[i].role;
	}
	return ROLE_OTHER;
}

/* The tests of one alternative: a single one, or those of an AND. */
struct alternative {
	const struct pattern_node *tests;
	bool single; /* tests->next belongs to somebody else */
	size_t counts[ROLE_COUNT];
	uint32_t port;
	struct bytes file_name;
};

static const struct pattern_node *test_next(const struct alternative *a,
	const struct pattern_node *t)
{
	return a->single ? NULL : t->next;
}

/* Counts the roles and keeps what narrows the value down. False: there is more to it. */
static bool alternative_read(struct alternative *a)
{
	for (const struct pattern_node *t = a->tests; t; t = test_next(a, t)) {
		enum type want;
		enum role role = t->kind == PATTERN_TEST ? role_find(t->path, &want) : ROLE_OTHER;
		bool address = role == ROLE_NETWORK || role == ROLE_RESOLVED;
		uint64_t port;

		if (role == ROLE_OTHER || t->op == OP_OTHER || !t->constants)
			return false;
		if (t->op == OP_SUBSET && (!address || want == TYPE_DOMAIN))
			return false;
		a->counts[role]++;
		if (role >= ROLE_PORT && t->constants->next)
			return false;
		if (role == ROLE_FILE_NAME)
			a->file_name = t->constants->text;
		if (role != ROLE_PORT)
			continue;
		if (!text_u64_parse(t->constants->text, &port) || port > UINT16_MAX)
			return false;
		a->port = (uint32_t)port;
	}
	return true;
}

/* Values that are all of one file, one place on the network, or one URL or e-mail address. */
static bool alternative_is_simple(const struct alternative *a)
{
	const size_t *n = a->counts;
	bool network = n[ROLE_NETWORK] == 1 && n[ROLE_PORT] <= 1 && n[ROLE_REFERENCE_TYPE] <= 1;
	size_t others = n[ROLE_NETWORK] + n[ROLE_RESOLVED] + n[ROLE_PORT] + n[ROLE_REFERENCE_TYPE];

	if (n[ROLE_HASH])
		return others == 0 && n[ROLE_WHOLE] == 0 && n[ROLE_FILE_NAME] <= 1;
	if (n[ROLE_WHOLE])
		return n[ROLE_WHOLE] == 1 && others == 0 && n[ROLE_FILE_NAME] == 0;
	return network && n[ROLE_FILE_NAME] == 0 && (n[ROLE_RESOLVED] == 0 || n[ROLE_PORT] == 0);
}

static int values_append(const struct alternative *a, struct arena *arena,
	struct pattern_value ***last)
{
	for (const struct pattern_node *t = a->tests; t; t = test_next(a, t)) {
		enum type want = TYPE_NONE;
		enum role role = role_find(t->path, &want);

		if (role >= ROLE_PORT)
			continue;
		for (const struct pattern_constant *c = t->constants; c; c = c->next) {
			struct pattern_value *v = arena_alloc(arena, sizeof(*v));

			if (!v)
				return ENT_ENOMEM;
			v->want = want;
			v->text = c->text;
			v->port = role == ROLE_NETWORK ? a->port : 0;
			v->file_name = a->file_name;
			**last = v;
			*last = &v->next;
		}
	}
	return 0;
}

/* 1 when the node and all below it are simple, 0 when not, or an error. */
static int values_collect(const struct pattern_node *node, struct arena *arena,
	struct pattern_value ***last)
{
	struct alternative a = {
		.tests = node->kind == PATTERN_AND ? node->children : node,
		.single = node->kind != PATTERN_AND,
	};
	int ret = 1;

	if (node->kind == PATTERN_OR) {
		for (node = node->children; node && ret == 1; node = node->next)
			ret = values_collect(node, arena, last);
		return ret;
	}
	if (!alternative_read(&a) || !alternative_is_simple(&a))
		return 0;
	ret = values_append(&a, arena, last);
	return ret ? ret : 1;
}

int pattern_read(struct pattern *p, struct bytes text, struct arena *a, struct err_text *err)
{
	struct pattern_value **last = &p->values;
	struct pattern_tree tree;
	int ret;

	*p = (struct pattern){0};
	ret = pattern_parse(&tree, text, a, err);
	if (ret || !tree.plain)
		return ret;
	ret = values_collect(tree.observations, a, &last);
	p->simple = ret == 1;
	if (!p->simple)
		p->values = NULL;
	return ret < 0 ? ret : 0;
}
