/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include "intel/guard.h"
#include "intel/value.h"

static const char *check(const struct guard *g, const char *text, const char *const *lifted)
{
	struct value v;

	if (value_parse(&v, bytes_str(text), TYPE_NONE, NULL))
		fail_msg("%s is unreadable", text);
	return guard_check(g, v.type, bytes_from(v.text, v.len), lifted);
}

struct verdict {
	const char *value;
	const char *rule;
};

static void check_all(const struct guard *g, const struct verdict *v, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const char *rule = check(g, v[i].value, NULL);

		if ((rule == NULL) != (v[i].rule == NULL) || (rule && strcmp(rule, v[i].rule) != 0))
			fail_msg("%s: %s, not %s", v[i].value, rule ? rule : "passes",
				v[i].rule ? v[i].rule : "passes");
	}
}

static int setup(void **state)
{
	return guard_new((struct guard **)state, BYTES_NONE);
}

static int teardown(void **state)
{
	guard_free(*state);
	return 0;
}

static void refuses_reserved_addresses(void **state)
{
	static const struct verdict table[] = {
		{"0.0.0.0", "reserved"},
		{"10.1.2.3", "reserved"},
		{"100.64.0.1", "reserved"},
		{"100.127.255.255", "reserved"},
		{"100.128.0.0", NULL},
		{"127.0.0.1", "reserved"},
		{"169.254.169.254", "reserved"},
		{"172.15.255.255", NULL},
		{"172.16.0.0", "reserved"},
		{"172.31.255.255", "reserved"},
		{"172.32.0.0", NULL},
		{"192.0.0.8", "reserved"},
		{"192.0.1.1", NULL},
		{"192.0.2.1", "reserved"},
		{"192.88.99.1", "reserved"},
		{"192.168.0.1", "reserved"},
		{"198.18.0.1", "reserved"},
		{"198.19.255.255", "reserved"},
		{"198.20.0.0", NULL},
		{"198.51.100.7", "reserved"},
		{"203.0.113.9", "reserved"},
		{"224.0.0.1", "reserved"},
		{"239.255.255.255", "reserved"},
		{"240.0.0.1", "reserved"},
		{"255.255.255.255", "reserved"},
		{"8.8.8.8", NULL},
		{"91.215.85.188", NULL},
		{"::", "reserved"},
		{"::1", "reserved"},
		{"::ffff:8.8.8.8", "reserved"},
		{"64:ff9b::808:808", "reserved"},
		{"100::1", "reserved"},
		{"2001::1", "reserved"},
		{"2001:db8::1", "reserved"},
		{"2002::1", "reserved"},
		{"2001:200::1", NULL},
		{"2620:4f:8000::1", "reserved"},
		{"3fff:fff::1", "reserved"},
		{"3fff:1000::1", NULL},
		{"5f00::1", "reserved"},
		{"fc00::1", "reserved"},
		{"fe80::1", "reserved"},
		{"ff02::1", "reserved"},
		{"2a01:7e01::f03c:91ff:feac:f30f", NULL},
		{"10.0.0.0/8", "reserved"},
		{"10.0.0.0/24", "reserved"},
		{"198.51.0.0/16", "reserved"},
		{"198.52.0.0/16", NULL},
		{"fd00::/8", "reserved"},
		{"2001:db8:1::/48", "reserved"},
	};

	check_all(*state, table, COUNT_OF(table));
}

static void refuses_networks_too_wide(void **state)
{
	static const struct verdict table[] = {
		{"0.0.0.0/0", "too-wide"},
		{"8.0.0.0/8", "too-wide"},
		{"45.10.0.0/15", "too-wide"},
		{"45.10.0.0/16", NULL},
		{"::/0", "too-wide"},
		{"2a00::/12", "too-wide"},
		{"2a01:4f8::/31", "too-wide"},
		{"2a01:4f8::/32", NULL},
	};

	check_all(*state, table, COUNT_OF(table));
}

static void refuses_reserved_names(void **state)
{
	static const struct verdict table[] = {
		{"evil.example", "reserved"},
		{"example.com", "reserved"},
		{"www.example.org", "reserved"},
		{"notexample.com", NULL},
		{"example.com.evil.net", NULL},
		{"printer.local", "reserved"},
		{"router.home.arpa", "reserved"},
		{"7.100.51.198.in-addr.arpa", "reserved"},
		{"a.test", "reserved"},
		{"a.lan", "reserved"},
		{"a.xlan", NULL},
		{"a.alt", "reserved"},
		{"alt.salt", NULL},
		{"b.corp", "reserved"},
		{"a.localdomain", "reserved"},
		{"a.notlocaldomain", NULL},
		{"a.localhost", "reserved"},
		{"a.invalid", "reserved"},
		{"a.internal", "reserved"},
		{"akiral2iz6a7qgd3ayp3l6yub7xx2uep76idk3u2kollpj5z3z636bad.onion", NULL},
		{"videolan-web.org", NULL},
		{"http://evil.example/x", "reserved"},
		{"http://192.168.1.1/x", "reserved"},
		{"http://u@[fe80::1]:80/x", "reserved"},
		{"http://example.com@videolan-web.org/x", NULL},
		{"a@evil.example", "reserved"},
		{"example.com@videolan-web.org", NULL},
	};

	check_all(*state, table, COUNT_OF(table));
}

static void refuses_public_suffixes(void **state)
{
	static const struct verdict table[] = {
		{"co.uk", "public-suffix"},
		{"github.io", "public-suffix"},
		{"duckdns.org", "public-suffix"},
		{"evil.github.io", NULL},
		{"google.com", NULL},
		{"https://github.io", "public-suffix"},
		{"https://github.io/", "public-suffix"},
		{"https://github.io:443/", "public-suffix"},
		{"https://github.io/evil", NULL},
		{"https://github.io?evil", NULL},
		{"someone@github.io", NULL},
		{"d41d8cd98f00b204e9800998ecf8427e", NULL},
		{"indicator--747b83e1-e70a-4785-b981-60dbf81fd717", NULL},
	};

	check_all(*state, table, COUNT_OF(table));
}

static void refuses_own_endpoints(void **state)
{
	static const char *const endpoints[] = {"Node.CERT.gouv.fr:7466", "[2A01:4f8::7]:7466",
		"45.10.20.30:7466", "backup.cert.gouv.fr", "localhost:7466", "nonsense",
		"45.10.20.30"};
	static const struct verdict before[] = {{"node.cert.gouv.fr", NULL}};
	static const struct verdict table[] = {
		{"node.cert.gouv.fr", "own-endpoint"},
		{"cert.gouv.fr", "own-endpoint"},
		{"other.cert.gouv.fr", NULL},
		{"a.node.cert.gouv.fr", NULL},
		{"http://node.cert.gouv.fr:8080/x", "own-endpoint"},
		{"http://cert.gouv.fr/x", NULL},
		{"a@backup.cert.gouv.fr", "own-endpoint"},
		{"a@cert.gouv.fr", NULL},
		{"45.10.20.30", "own-endpoint"},
		{"45.10.20.31", NULL},
		{"45.10.20.0/24", "own-endpoint"},
		{"45.10.21.0/24", NULL},
		{"http://45.10.20.30/", "own-endpoint"},
		{"2a01:4f8::7", "own-endpoint"},
		{"2a01:4f8::/32", "own-endpoint"},
		{"2a01:4f8:1::/48", NULL},
		{"http://[2a01:4f8::7]/", "own-endpoint"},
	};

	check_all(*state, before, COUNT_OF(before));
	assert_int_equal(guard_endpoints_set(*state, endpoints, COUNT_OF(endpoints)), 0);
	check_all(*state, table, COUNT_OF(table));
	assert_int_equal(guard_endpoints_set(*state, NULL, 0), 0);
	check_all(*state, before, COUNT_OF(before));
}

static void lifts_the_named_rule_only(void **state)
{
	static const char *const endpoints[] = {"10.0.0.1:7466", "github.io"};
	const char *reserved[] = {"reserved", NULL};
	const char *both[] = {"reserved", "too-wide", "own-endpoint", NULL};
	const char *suffix[] = {"public-suffix", NULL};

	assert_int_equal(guard_endpoints_set(*state, endpoints, COUNT_OF(endpoints)), 0);
	assert_null(check(*state, "192.168.0.1", reserved));
	assert_string_equal(check(*state, "0.0.0.0/0", reserved), "too-wide");
	assert_string_equal(check(*state, "10.0.0.1", reserved), "own-endpoint");
	assert_string_equal(check(*state, "10.0.0.0/8", both), "own-endpoint");
	assert_null(check(*state, "co.uk", suffix));
	assert_string_equal(check(*state, "github.io", suffix), "own-endpoint");
	assert_true(guard_liftable("reserved"));
	assert_true(guard_liftable("warninglist"));
	assert_true(guard_liftable("warninglist:tranco10k"));
	assert_false(guard_liftable("warninglist:"));
	assert_false(guard_liftable("own-endpoint"));
	assert_false(guard_liftable("unmarked"));
	assert_false(guard_liftable("no-audience"));
	assert_false(guard_liftable("unreadable"));
	assert_false(guard_liftable("nonsense"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(refuses_reserved_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_networks_too_wide, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_reserved_names, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_public_suffixes, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_own_endpoints, setup, teardown),
		cmocka_unit_test_setup_teardown(lifts_the_named_rule_only, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
