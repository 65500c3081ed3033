/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <string.h>

#include "base/conf.h"

#define NODE "aaaaaaaaaaaaaaaaaaaaaaaaaa"

static int parse(struct conf *conf, const char *text, struct err_text *err)
{
	err->text[0] = '\0';
	return conf_parse(conf, bytes_str(text), "x/entente.conf", err);
}

static void reads_every_key(void **state)
{
	static const char text[] = "# a remark\n"
				   "name fr\n"
				   "\torg  CERT-FR  de la République \r\n"
				   "\n"
				   "listen [::]:7466\n"
				   "log-level debug\n"
				   "retain 2d\n"
				   "retain-expired 36h\n"
				   "endpoint " NODE " node.example:7000\n"
				   "endpoint " NODE "  192.0.2.1:7001";
	struct err_text err;
	struct conf conf;
	(void)state;

	assert_int_equal(parse(&conf, text, &err), 0);
	assert_string_equal(conf.name, "fr");
	assert_string_equal(conf.org, "CERT-FR  de la République");
	assert_string_equal(conf.listen, "[::]:7466");
	assert_int_equal(conf.log_level, LOG_DEBUG);
	assert_int_equal(conf.retain_s, 2 * 86400);
	assert_int_equal(conf.retain_expired_s, 36 * 3600);
	assert_int_equal(conf.endpoints_len, 2);
	assert_string_equal(conf.endpoints[1].address, "192.0.2.1:7001");
	conf_free(&conf);
}

static void an_empty_file_gives_the_defaults(void **state)
{
	struct err_text err;
	struct conf conf;
	(void)state;

	assert_int_equal(parse(&conf, "", &err), 0);
	assert_string_equal(conf.listen, CONF_LISTEN);
	assert_int_equal(conf.log_level, LOG_INFO);
	assert_string_equal(conf.name, "");
	assert_int_equal(conf.endpoints_len, 0);
	conf_free(&conf);
}

static void names_file_line_and_value_of_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{"name fr\nnam fr\n", "x/entente.conf:2: saw \"nam\", wanted name, org,"},
		{"Name fr\n", "x/entente.conf:1: saw \"Name\""},
		{"retain 5\n", "x/entente.conf:1: retain: saw \"5\""},
		{"retain 0d\n", "x/entente.conf:1: retain: saw \"0d\""},
		{"retain 36501d\n", "x/entente.conf:1: retain: saw \"36501d\""},
		{"name\n", "x/entente.conf:1: name: saw \"\", wanted a value"},
		{"name fr\nname de\n",
			"x/entente.conf:2: name: saw \"de\", wanted this key only once"},
		{"log-level loud\n",
			"x/entente.conf:1: log-level: saw \"loud\", wanted error, warn"},
		{"log-level debugdebugdebugdebug\n", "x/entente.conf:1: log-level: saw"},
		{"listen 7466\n", "x/entente.conf:1: listen: saw \"7466\", wanted ADDRESS:PORT"},
		{"listen ::1:7466\n", "x/entente.conf:1: listen:"},
		{"listen 127.0.0.1:65536\n", "x/entente.conf:1: listen:"},
		{"listen 127.0.0.1:\n", "x/entente.conf:1: listen:"},
		{"listen 127.0.0.1:07\n", "x/entente.conf:1: listen:"},
		{"listen http://x:7\n", "x/entente.conf:1: listen:"},
		{"endpoint " NODE "\n",
			"x/entente.conf:1: endpoint: saw \"" NODE "\", wanted NODE"},
		{"endpoint fr h:1\n", "x/entente.conf:1: endpoint: saw \"fr\", wanted a node id"},
		{"endpoint " NODE " h\n",
			"x/entente.conf:1: endpoint: saw \"h\", wanted HOST:PORT"},
		{"endpoint " NODE " h:1 i:2\n", "x/entente.conf:1: endpoint:"},
		{"org \x1b[31m\n", "x/entente.conf:1: org: saw \"?[31m\", wanted at most 255"},
		{"org \xff\n", "x/entente.conf:1: org: saw \"?\", wanted at most 255"},
	};
	struct err_text err;
	struct conf conf;
	(void)state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(parse(&conf, cases[i].text, &err), ENT_EINVALID);
		if (strncmp(err.text, cases[i].wanted, strlen(cases[i].wanted)) != 0)
			fail_msg("%s\nis not\n%s", err.text, cases[i].wanted);
		assert_null(conf.endpoints);
	}
	assert_int_equal(conf_parse(&conf, bytes_from("org a\0b\n", 8), "f", &err), ENT_EINVALID);
}

static void knows_addresses(void **state)
{
	static const char *const good[] = {
		"a:0", "127.0.0.1:7466", "[::1]:65535", "node.cert.example:1"};
	static const char *const bad[] = {"", ":", ":1", "a", "a:", "a:x", "a:-1", "[]:1", "[::1:1",
		"::1:1", "a b:1", "a/b:1"};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(good); i++)
		assert_true(conf_address_valid(bytes_str(good[i])));
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(conf_address_valid(bytes_str(bad[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_key),
		cmocka_unit_test(an_empty_file_gives_the_defaults),
		cmocka_unit_test(names_file_line_and_value_of_what_is_wrong),
		cmocka_unit_test(knows_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
