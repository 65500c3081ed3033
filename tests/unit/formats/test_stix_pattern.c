/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "formats/stix_pattern.h"

static struct arena arena;

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static void check_vectors(const char *name, bool valid)
{
	const char *path = test_shared(name);
	json_t *patterns, *item;
	size_t i;

	if (!path)
		skip();
	patterns = json_load_file(path, 0, NULL);
	assert_non_null(patterns);
	json_array_foreach(patterns, i, item)
	{
		struct bytes text = bytes_str(json_string_value(item));
		struct err_text err = {""};
		struct pattern p;
		int ret = pattern_read(&p, text, &arena, &err);

		if (ret != (valid ? 0 : ENT_EINVALID))
			fail_msg("%s: %d %s", (const char *)text.data, ret, err.text);
		assert_true(valid || err.text[0]);
	}
	assert_true(i > 10);
	json_decref(patterns);
}

static void parses_every_valid_vector(void **state)
{
	(void)state;
	check_vectors("vectors/stix-patterns/valid.json", true);
}

static void rejects_every_invalid_vector(void **state)
{
	(void)state;
	check_vectors("vectors/stix-patterns/invalid.json", false);
}

static void rejects_broken_patterns(void **state)
{
	static const char *const broken[] = {"", " ", "[", "[]", "[a]", "[a:b]", "[a:b =]",
		"[a:b = 'x'", "[a:b = 'x']]", "[a:b = 'x'] AND", "[a:b = 'x'] OR OR [a:b = 'x']",
		"[a:b = 'x", "[a:b = \"x\"]", "[a-b:c-d = 'x']", "[a:b IN 'x']",
		"[a:b IN ('x' 'y')]", "[a:b IN ('x',)]", "[a:b LIKE 5]", "[a:b NOT = ]",
		"[NOT a:b = 'x']", "[(a:b = 'x']", "[a:b = 'x')]", "([a:b = 'x']", "[a:b = 01]",
		"[a:b = h'f']", "[a:b = h'fg']", "[a:b = b'abc']", "[a:b[x] = 1]", "[a:b[1 = 1]",
		"[a: = 1]", "[:b = 1]", "[AND:b = 1]", "[a:b = 'x'] REPEATS 1.5 TIMES",
		"[a:b = 'x'] WITHIN -1 SECONDS", "[a:b = 'x'] WITHIN 5",
		"[a:b = 'x'] START 'x' STOP 'y'", "[a:b = 'x'] /* ", "[a:b = 'x'] x",
		"[a:b = TRUE]", "[a:b AND c:d]", "[EXISTS]"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(broken); i++) {
		struct err_text err = {""};
		struct pattern p;

		if (pattern_read(&p, bytes_str(broken[i]), &arena, &err) != ENT_EINVALID)
			fail_msg("%s parses", broken[i]);
		assert_true(err.text[0]);
	}
}

/* What a pattern says, as "type text[:port][ (file)]" with commas; "-" when it is to be carried. */
static void describe(char *out, size_t cap, const char *text)
{
	struct err_text err = {""};
	struct pattern p;
	size_t n = 0;

	if (pattern_read(&p, bytes_str(text), &arena, &err))
		fail_msg("%s: %s", text, err.text);
	out[0] = '\0';
	if (!p.simple)
		snprintf(out, cap, "-");
	for (struct pattern_value *v = p.values; v; v = v->next) {
		n += (size_t)snprintf(out + n, cap - n, "%s%s %.*s", n ? ", " : "",
			type_name(v->want), (int)v->text.len, (const char *)v->text.data);
		if (v->port)
			n += (size_t)snprintf(out + n, cap - n, ":%u", v->port);
		if (v->file_name.len)
			n += (size_t)snprintf(out + n, cap - n, " (%.*s)", (int)v->file_name.len,
				(const char *)v->file_name.data);
	}
}

static void tells_values_from_what_says_more(void **state)
{
	static const struct {
		const char *pattern, *says;
	} table[] = {
		{"[ipv4-addr:value = '198.51.100.7']", "ipv4 198.51.100.7"},
		{"[ ipv4-addr:value='198.51.100.7' ]", "ipv4 198.51.100.7"},
		{"[ipv4-addr:value == '198.51.100.7']", "ipv4 198.51.100.7"},
		{"[ipv4-addr:value ISSUBSET '198.51.100.0/24']", "ipv4 198.51.100.0/24"},
		{"[ipv6-addr:value = '2001:db8::1']", "ipv6 2001:db8::1"},
		{"[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = "
		 "'198.51.100.7' AND network-traffic:dst_port = '443']",
			"none 198.51.100.7:443"},
		{"[network-traffic:src_ref.value = '198.51.100.7' AND network-traffic:src_port = "
		 "80]",
			"none 198.51.100.7:80"},
		{"[domain-name:value = 'a.com' OR domain-name:value = 'b.com']",
			"domain a.com, domain b.com"},
		{"[domain-name:value = 'a.com'] OR [url:value = 'http://b.com/']",
			"domain a.com, url http://b.com/"},
		{"[domain-name:value IN ('a.com', 'b.com')]", "domain a.com, domain b.com"},
		{"[domain-name:value = 'a.com' AND network-traffic:dst_port = 8080]",
			"domain a.com:8080"},
		{"[domain-name:value = 'a.com' AND domain-name:resolves_to_refs[*].value = "
		 "'198.51.100.7']",
			"domain a.com, none 198.51.100.7"},
		{"[file:hashes.MD5 = 'd4' OR file:hashes.'SHA-1' = 'da' OR file:hashes.SHA256 = "
		 "'e3' OR "
		 "file:hashes.'SHA-512' = 'cf']",
			"md5 d4, sha1 da, sha256 e3, sha512 cf"},
		{"[file:name = 'it\\'s.exe' AND file:hashes.'SHA-256' = 'e3']",
			"sha256 e3 (it's.exe)"},
		{"[file:hashes.'MD5' = 'd4' AND file:hashes.'SHA-256' = 'e3']",
			"md5 d4, sha256 e3"},
		{"[email-addr:value = 'a@b.com']", "email a@b.com"},
		{"[email-message:from_ref.value = 'a@b.com']", "email a@b.com"},
		{"[(url:value = 'http://a.com/' OR (url:value = 'http://b.com/'))] // two",
			"url http://a.com/, url http://b.com/"},
		{"[ipv4-addr:value = '198.51.100.7'] WITHIN 5 SECONDS", "-"},
		{"[ipv4-addr:value = '198.51.100.7'] REPEATS 5 TIMES", "-"},
		{"[ipv4-addr:value = '198.51.100.7'] AND [domain-name:value = 'a.com']", "-"},
		{"[ipv4-addr:value = '198.51.100.7'] FOLLOWEDBY [domain-name:value = 'a.com']",
			"-"},
		{"[ipv4-addr:value != '198.51.100.7']", "-"},
		{"[ipv4-addr:value NOT = '198.51.100.7']", "-"},
		{"[ipv4-addr:value NOT IN ('198.51.100.7')]", "-"},
		{"[domain-name:value LIKE '%.com']", "-"},
		{"[domain-name:value MATCHES 'a']", "-"},
		{"[domain-name:value ISSUBSET 'a']", "-"},
		{"[file:name = 'x.exe']", "-"},
		{"[file:hashes.SSDEEP = 'x']", "-"},
		{"[file:hashes.MD5 = 'd4' AND file:size = 5]", "-"},
		{"[file:hashes.MD5 = 'd4' OR file:name = 'x.exe']", "-"},
		{"[network-traffic:dst_port = 443]", "-"},
		{"[network-traffic:dst_ref.type = 'ipv4-addr']", "-"},
		{"[url:value = 'http://a.com/' AND domain-name:value = 'a.com']", "-"},
		{"[domain-name:value = 'a.com' AND domain-name:value = 'b.com']", "-"},
		{"[domain-name:value = 'a.com' AND (ipv4-addr:value = '1.1.1.1' OR url:value = "
		 "'x')]",
			"-"},
		{"[EXISTS domain-name:value]", "-"},
		{"[mutex:name = 'x']", "-"},
		{"[x509-certificate:hashes.'SHA-1' = 'da']", "-"},
		{"[network-traffic:dst_ref.value = 'a.com' AND network-traffic:dst_port = 'x']",
			"-"},
	};
	char says[512];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		describe(says, sizeof(says), table[i].pattern);
		if (strcmp(says, table[i].says) != 0)
			fail_msg("%s: %s", table[i].pattern, says);
	}
}

static void bounds_nesting_but_not_length(void **state)
{
	struct buf text = buf_with_max(1 << 20);
	struct err_text err;
	struct pattern p;
	size_t n = 0;

	(void)state;
	for (unsigned depth = PATTERN_DEPTH_MAX; depth <= PATTERN_DEPTH_MAX + 1; depth++) {
		buf_reset(&text);
		buf_str(&text, "[");
		for (unsigned i = 0; i < depth; i++)
			buf_str(&text, "(");
		buf_str(&text, "url:value = 'http://a.com/'");
		for (unsigned i = 0; i < depth; i++)
			buf_str(&text, ")");
		buf_str(&text, "]");
		assert_int_equal(pattern_read(&p, buf_view(&text), &arena, &err),
			depth <= PATTERN_DEPTH_MAX ? 0 : ENT_EINVALID);
	}
	buf_reset(&text);
	buf_str(&text, "[url:value = 'http://a.com/'");
	for (size_t i = 0; i < 1000; i++)
		buf_str(&text, " OR url:value = 'http://a.com/'");
	buf_str(&text, "]");
	assert_int_equal(pattern_read(&p, buf_view(&text), &arena, &err), 0);
	for (struct pattern_value *v = p.values; v; v = v->next)
		n++;
	assert_int_equal(n, 1001);
	buf_reset(&text);
	buf_str(&text, "[a:b");
	for (size_t i = 0; i < 600; i++)
		buf_str(&text, ".c");
	buf_str(&text, " = 1]");
	assert_int_equal(pattern_read(&p, buf_view(&text), &arena, &err), ENT_EINVALID);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_every_valid_vector),
		cmocka_unit_test(rejects_every_invalid_vector),
		cmocka_unit_test(rejects_broken_patterns),
		cmocka_unit_test(tells_values_from_what_says_more),
		cmocka_unit_test(bounds_nesting_but_not_length),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
