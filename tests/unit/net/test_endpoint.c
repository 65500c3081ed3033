/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "net/endpoint.h"

static void reads_names_and_addresses(void **state)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
		bool literal;
	} rows[] = {
		{"node.cert.example:7466", "node.cert.example", 7466, false},
		{"localhost:1", "localhost", 1, false},
		{"192.0.2.7:65535", "192.0.2.7", 65535, true},
		{"[2001:db8::7]:7466", "2001:db8::7", 7466, true},
		{"[::]:0", "::", 0, true},
	};
	struct sockaddr_storage address;
	struct net_endpoint e;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_true(net_endpoint_parse(rows[i].text, &e));
		assert_string_equal(e.host, rows[i].host);
		assert_int_equal(e.port, rows[i].port);
		assert_int_equal(net_endpoint_literal(&e, &address), rows[i].literal);
	}
}

static void refuses_what_is_no_endpoint(void **state)
{
	static const char *const rows[] = {"", ":", ":7466", "host", "host:", "host:65536",
		"host:-1", "host:+1", "host:01", "host:7466 ", "ho st:1", "2001:db8::7:7466",
		"[::1]", "[::1]7466", "[::1:7466", "[name]:7466", "[]:1", "[::1%lo]:1", "host\n:1",
		"http://host:1"};
	char longest[300];
	struct net_endpoint e;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (net_endpoint_parse(rows[i], &e))
			fail_msg("took \"%s\"", rows[i]);
	memset(longest, 'a', sizeof(longest));
	memcpy(longest + NET_HOST_SIZE - 1, ":1", 3);
	assert_true(net_endpoint_parse(longest, &e));
	memset(longest, 'a', sizeof(longest));
	memcpy(longest + NET_HOST_SIZE, ":1", 3);
	assert_false(net_endpoint_parse(longest, &e));
}

static void writes_addresses_as_they_are_read(void **state)
{
	static const char *const rows[] = {"127.0.0.1:7466", "[2001:db8::7]:1"};
	struct sockaddr_storage address;
	char text[NET_ENDPOINT_SIZE];
	struct net_endpoint e;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_true(net_endpoint_parse(rows[i], &e));
		assert_true(net_endpoint_literal(&e, &address));
		net_endpoint_text(&address, text);
		assert_string_equal(text, rows[i]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_names_and_addresses),
		cmocka_unit_test(refuses_what_is_no_endpoint),
		cmocka_unit_test(writes_addresses_as_they_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
