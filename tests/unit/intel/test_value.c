/* SPDX-License-Identifier: EUPL-1.2 */
#include "lib/test.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/text.h"
#include "intel/object_id.h"
#include "intel/value.h"

struct reading {
	const char *seen;
	const char *canonical; /* NULL: unreadable */
	enum type type;
	uint16_t port;
};

static void check(const struct reading *r, enum type want)
{
	struct err_text err = {""};
	struct value v, again;
	int ret = value_parse(&v, bytes_str(r->seen), want, &err);

	if (!r->canonical) {
		if (ret == 0)
			fail_msg("%s read as %s %s", r->seen, type_name(v.type), v.text);
		assert_int_equal(ret, ENT_EINVALID);
		assert_true(err.text[0]);
		assert_true(text_printable(bytes_str(err.text)));
		return;
	}
	if (ret)
		fail_msg("%s: %s", r->seen, err.text);
	assert_string_equal(v.text, r->canonical);
	assert_int_equal(v.len, strlen(r->canonical));
	assert_int_equal(v.type, r->type);
	assert_int_equal(v.port, r->port);
	assert_true(value_is_canonical(v.type, bytes_from(v.text, v.len)));
	assert_int_equal(value_parse(&again, bytes_from(v.text, v.len), TYPE_NONE, NULL), 0);
	assert_int_equal(again.type, v.type);
	assert_string_equal(again.text, v.text);
}

static void check_all(const struct reading *r, size_t len)
{
	for (size_t i = 0; i < len; i++)
		check(&r[i], TYPE_NONE);
}

#define CHECK_ALL(table) check_all(table, COUNT_OF(table))

static void reads_domains(void **state)
{
	static const struct reading table[] = {
		{"evil.com", "evil.com", TYPE_DOMAIN, 0},
		{" EVIL.Com.\r\n", "evil.com", TYPE_DOMAIN, 0},
		{"evil.com:8080", "evil.com", TYPE_DOMAIN, 8080},
		{"_dmarc._x.evil.com", "_dmarc._x.evil.com", TYPE_DOMAIN, 0},
		{"r3---sn-abc.evil.com", "r3---sn-abc.evil.com", TYPE_DOMAIN, 0},
		{"-a-.evil.com", "-a-.evil.com", TYPE_DOMAIN, 0},
		{"M\u00dcNCHEN.de", "xn--mnchen-3ya.de", TYPE_DOMAIN, 0},
		{"xn--MNCHEN-3ya.DE", "xn--mnchen-3ya.de", TYPE_DOMAIN, 0},
		{"fa\u00df.de", "xn--fa-hia.de", TYPE_DOMAIN, 0},
		{"evil\u3002com", "evil.com", TYPE_DOMAIN, 0},
		{"\uff45vil\uff0ecom", "evil.com", TYPE_DOMAIN, 0},
		{"-x.b\u00fccher.de", "-x.xn--bcher-kva.de", TYPE_DOMAIN, 0},
		{"xn--i-7iq.ws", "xn--i-7iq.ws", TYPE_DOMAIN, 0},
		{"akiral2iz6a7qgd3ayp3l6yub7xx2uep76idk3u2kollpj5z3z636bad.onion",
			"akiral2iz6a7qgd3ayp3l6yub7xx2uep76idk3u2kollpj5z3z636bad.onion",
			TYPE_DOMAIN, 0},
		{"", NULL, 0, 0},
		{" \t", NULL, 0, 0},
		{"localhost", NULL, 0, 0},
		{"com.", NULL, 0, 0},
		{"a..b", NULL, 0, 0},
		{"\u00fc..b", NULL, 0, 0},
		{".evil.com", NULL, 0, 0},
		{"evil.com..", NULL, 0, 0},
		{"*.evil.com", NULL, 0, 0},
		{"evil.com:0", NULL, 0, 0},
		{"evil.com:65536", NULL, 0, 0},
		{"evil.com:080", NULL, 0, 0},
		{"evil.com:", NULL, 0, 0},
		{"evil com.org", NULL, 0, 0},
		{"evil\\.com", NULL, 0, 0},
		{"ev\u200bil.com", NULL, 0, 0},
		{"ev\u00adil.com", NULL, 0, 0},
		{"\u202eevil.com", NULL, 0, 0},
		{"ev\xffil.com", NULL, 0, 0},
		{"xn--.com", NULL, 0, 0},
		{"xn--zzzz.com", NULL, 0, 0},
		{"xn--abc-.com", NULL, 0, 0},
		{"xn--a.com", NULL, 0, 0},
		{"xn--p1ai.xn--p1ai", "xn--p1ai.xn--p1ai", TYPE_DOMAIN, 0},
		{"xn---p1ai.com", NULL, 0, 0},
		{"evil.123", NULL, 0, 0},
		{"1.0x7f", NULL, 0, 0},
		{"0123456789012345678901234567890123456789012345678901234567890123.com", NULL, 0,
			0},
	};

	(void)state;
	CHECK_ALL(table);
}

static void bounds_names_at_253_bytes(void **state)
{
	char name[300];

	(void)state;
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 50 == 49 ? '.' : 'a';
	memcpy(name + 249, ".com", 5);
	check(&(struct reading){name, name, TYPE_DOMAIN, 0}, TYPE_NONE);
	memcpy(name + 249, ".come", 6);
	check(&(struct reading){name, NULL, 0, 0}, TYPE_NONE);
	memcpy(name + 245, ".\xc3\xbc.de", 7);
	check(&(struct reading){name, NULL, 0, 0}, TYPE_NONE);
}

static void reads_addresses_and_networks(void **state)
{
	static const struct reading table[] = {
		{"198.51.100.7", "198.51.100.7", TYPE_IPV4, 0},
		{"198.51.100.7:443", "198.51.100.7", TYPE_IPV4, 443},
		{"198.51.100.7/32", "198.51.100.7", TYPE_IPV4, 0},
		{"198.51.100.77/24", "198.51.100.0/24", TYPE_IPV4_NET, 0},
		{"255.255.255.255/1", "128.0.0.0/1", TYPE_IPV4_NET, 0},
		{"1.2.3.4/0", "0.0.0.0/0", TYPE_IPV4_NET, 0},
		{"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1", TYPE_IPV6, 0},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", TYPE_IPV6, 0},
		{"2001:0db8::0001", "2001:db8::1", TYPE_IPV6, 0},
		{"::", "::", TYPE_IPV6, 0},
		{"::1", "::1", TYPE_IPV6, 0},
		{"1::", "1::", TYPE_IPV6, 0},
		{"::ffff:198.51.100.7", "::ffff:198.51.100.7", TYPE_IPV6, 0},
		{"::FFFF:c633:6407", "::ffff:198.51.100.7", TYPE_IPV6, 0},
		{"::1.2.3.4", "::102:304", TYPE_IPV6, 0},
		{"fe80::1%eth0", "fe80::1", TYPE_IPV6, 0},
		{"[2001:db8::1]", "2001:db8::1", TYPE_IPV6, 0},
		{"[2001:db8::1]:443", "2001:db8::1", TYPE_IPV6, 443},
		{"2001:db8::1/128", "2001:db8::1", TYPE_IPV6, 0},
		{"2001:db8:ffff::1/33", "2001:db8:8000::/33", TYPE_IPV6_NET, 0},
		{"::/0", "::/0", TYPE_IPV6_NET, 0},
		{"1.2.3", NULL, 0, 0},
		{"1.2.3.4.5", NULL, 0, 0},
		{"1.2.3.256", NULL, 0, 0},
		{"1.2.3.04", NULL, 0, 0},
		{"1.2.3.4/33", NULL, 0, 0},
		{"1.2.3.4/08", NULL, 0, 0},
		{"1.2.3.4/", NULL, 0, 0},
		{"1.2.3.0/255.255.255.0", NULL, 0, 0},
		{"1.2.3.4:0", NULL, 0, 0},
		{"1.2.3.4:99999", NULL, 0, 0},
		{"213.165.60.118:22:443", NULL, 0, 0},
		{"1.2.3.4-1.2.3.9", NULL, 0, 0},
		{"2001:db8::1::2", NULL, 0, 0},
		{"2001:db8::1/129", NULL, 0, 0},
		{"[2001:db8::1", NULL, 0, 0},
		{"[2001:db8::1]443", NULL, 0, 0},
		{"[1.2.3.4]", NULL, 0, 0},
		{"[", NULL, 0, 0},
		{"fe80::1%", NULL, 0, 0},
		{":", NULL, 0, 0},
	};

	(void)state;
	CHECK_ALL(table);
}

static void reads_urls(void **state)
{
	static const struct reading table[] = {
		{"HTTP://EVIL.com/A?B#C", "http://evil.com/A?B#C", TYPE_URL, 0},
		{"http://evil.com", "http://evil.com", TYPE_URL, 0},
		{"http://evil.com./", "http://evil.com/", TYPE_URL, 0},
		{"https://evil.com:443/", "https://evil.com:443/", TYPE_URL, 0},
		{"https://User:P%40ss@EVIL.com/", "https://User:P%40ss@evil.com/", TYPE_URL, 0},
		{"http://a@b@evil.com/", "http://a@b@evil.com/", TYPE_URL, 0},
		{"ftp://198.51.100.7/x", "ftp://198.51.100.7/x", TYPE_URL, 0},
		{"http://[2001:DB8::0]:80/", "http://[2001:db8::]:80/", TYPE_URL, 0},
		{"http://b\u00fccher.de/b\u00fccher", "http://xn--bcher-kva.de/b\u00fccher",
			TYPE_URL, 0},
		{"http://evil.com?q=http://x", "http://evil.com?q=http://x", TYPE_URL, 0},
		{"http://evil.com/a[.]b", "http://evil.com/a[.]b", TYPE_URL, 0},
		{"hxxp://evil[.]com/a[.]b", "http://evil.com/a.b", TYPE_URL, 0},
		{"hXXps[://]evil[.]com/", "https://evil.com/", TYPE_URL, 0},
		{"http[:]//evil.com/", "http://evil.com/", TYPE_URL, 0},
		{"https://evil(.)com[:]8080/", "https://evil.com:8080/", TYPE_URL, 0},
		{"h**p://evil.com/", NULL, 0, 0},
		{"tcp://evil.com:80", NULL, 0, 0},
		{"javascript:alert(1)", NULL, 0, 0},
		{"file:///etc/passwd", NULL, 0, 0},
		{"http://", NULL, 0, 0},
		{"http:///x", NULL, 0, 0},
		{"http://localhost/", NULL, 0, 0},
		{"http://127.1/", NULL, 0, 0},
		{"http://0x7f.0.0.1/", NULL, 0, 0},
		{"http://1.2.3.0x4/", NULL, 0, 0},
		{"http://evil.com:/", NULL, 0, 0},
		{"http://evil.com:080/", NULL, 0, 0},
		{"http://evil.com:8080x/", NULL, 0, 0},
		{"http://[::1/", NULL, 0, 0},
		{"http://[", NULL, 0, 0},
		{"http://[]/", NULL, 0, 0},
		{"http://[::1]x/", NULL, 0, 0},
		{"http://evil.com/a b", NULL, 0, 0},
		{"http://evil.com\\@good.com/", NULL, 0, 0},
		{"http://evil%2ecom/", NULL, 0, 0},
		{"http://e\u200bvil.com/", NULL, 0, 0},
		{"hxxp://evil[.]com/[[.]]", NULL, 0, 0},
		{"/gate.php", NULL, 0, 0},
		{"evil.com/gate.php", NULL, 0, 0},
		{"198.51.100.7/gate.php", NULL, 0, 0},
		{"evil.com:8080/12", NULL, 0, 0},
	};

	(void)state;
	CHECK_ALL(table);
}

static void reads_urls_without_scheme_only_when_told(void **state)
{
	static const struct reading table[] = {
		{"Evil[.]com/Gate.php", "http://evil.com/Gate.php", TYPE_URL, 0},
		{"198.51.100.7:8080/x", "http://198.51.100.7:8080/x", TYPE_URL, 0},
		{"/gate.php", NULL, 0, 0},
		{"evil.com", NULL, 0, 0},
		{"198.51.100.7:443", NULL, 0, 0},
		{"and/or", NULL, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++)
		check(&table[i], TYPE_URL);
}

static void reads_long_urls(void **state)
{
	char url[RECORD_VALUE_MAX + 2];

	(void)state;
	memset(url, 'a', sizeof(url));
	memcpy(url, "http://evil.com/", 16);
	url[8150] = '\0';
	check(&(struct reading){url, url, TYPE_URL, 0}, TYPE_NONE);
	url[8150] = 'a';
	url[RECORD_VALUE_MAX] = '\0';
	check(&(struct reading){url, url, TYPE_URL, 0}, TYPE_NONE);
	url[RECORD_VALUE_MAX] = 'a';
	url[RECORD_VALUE_MAX + 1] = '\0';
	check(&(struct reading){url, NULL, 0, 0}, TYPE_NONE);
	memset(url + 7, 'a', sizeof(url) - 8);
	url[8100] = '@';
	check(&(struct reading){url, NULL, 0, 0}, TYPE_NONE);
}

static void reads_hashes_by_length(void **state)
{
	char sha512[129];
	static const struct reading table[] = {
		{"D41D8CD98F00B204E9800998ECF8427E", "d41d8cd98f00b204e9800998ecf8427e", TYPE_MD5,
			0},
		{"da39a3ee5e6b4b0d3255bfef95601890afd80709",
			"da39a3ee5e6b4b0d3255bfef95601890afd80709", TYPE_SHA1, 0},
		{"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			TYPE_SHA256, 0},
		{"d41d8cd98f00b204e9800998ecf8427", NULL, 0, 0},
		{"g41d8cd98f00b204e9800998ecf8427e", NULL, 0, 0},
	};

	(void)state;
	CHECK_ALL(table);
	memset(sha512, '5', 128);
	sha512[128] = '\0';
	check(&(struct reading){sha512, sha512, TYPE_SHA512, 0}, TYPE_NONE);
}

static void reads_addresses_of_people(void **state)
{
	static const struct reading table[] = {
		{"John.Doe+x@EVIL.com", "John.Doe+x@evil.com", TYPE_EMAIL, 0},
		{"a[@]evil[.]com", "a@evil.com", TYPE_EMAIL, 0},
		{"a [at] evil [dot] com", "a@evil.com", TYPE_EMAIL, 0},
		{"a@b\u00fccher.de", "a@xn--bcher-kva.de", TYPE_EMAIL, 0},
		{"@evil.com", NULL, 0, 0},
		{"a@", NULL, 0, 0},
		{"a@b", NULL, 0, 0},
		{"a@@evil.com", NULL, 0, 0},
		{"\"a b\"@evil.com", NULL, 0, 0},
		{"Evil <a@evil.com>", NULL, 0, 0},
		{"a@198.51.100.7", NULL, 0, 0},
		{"mailto:a@evil.com", NULL, 0, 0},
		{"a{{.}}b@evil.com", NULL, 0, 0},
	};

	(void)state;
	CHECK_ALL(table);
}

static void refangs(void **state)
{
	static const struct reading table[] = {
		{"evil[.]com", "evil.com", TYPE_DOMAIN, 0},
		{"evil(.)com", "evil.com", TYPE_DOMAIN, 0},
		{"evil{.}com", "evil.com", TYPE_DOMAIN, 0},
		{"evil[DOT]com", "evil.com", TYPE_DOMAIN, 0},
		{"evil(dot)com", "evil.com", TYPE_DOMAIN, 0},
		{"198[.]51.100[.]7[:]443", "198.51.100.7", TYPE_IPV4, 443},
		{"2001[:]db8::1", "2001:db8::1", TYPE_IPV6, 0},
		{"evil[.com", NULL, 0, 0},
		{"evil[[.]]com", NULL, 0, 0},
		{"[.]", NULL, 0, 0},
	};

	(void)state;
	CHECK_ALL(table);
}

static void reads_stix_ids(void **state)
{
	static const struct reading table[] = {
		{"indicator--747B83E1-e70a-4785-b981-60dbf81fd717",
			"indicator--747b83e1-e70a-4785-b981-60dbf81fd717", TYPE_STIX, 0},
		{"x-mitre-tactic--747b83e1-e70a-4785-b981-60dbf81fd717",
			"x-mitre-tactic--747b83e1-e70a-4785-b981-60dbf81fd717", TYPE_STIX, 0},
		{"--747b83e1-e70a-4785-b981-60dbf81fd717", NULL, 0, 0},
		{"indicator--747b83e1-e70a-4785-b981-60dbf81fd71", NULL, 0, 0},
	};

	(void)state;
	CHECK_ALL(table);
}

static void holds_to_the_type_it_is_told(void **state)
{
	(void)state;
	check(&(struct reading){"198.51.100.0/24", "198.51.100.0/24", TYPE_IPV4_NET, 0}, TYPE_IPV4);
	check(&(struct reading){"198.51.100.7", "198.51.100.7", TYPE_IPV4, 0}, TYPE_IPV4_NET);
	check(&(struct reading){"2001:db8::/33", "2001:db8::/33", TYPE_IPV6_NET, 0}, TYPE_IPV6);
	check(&(struct reading){"198.51.100.7", NULL, 0, 0}, TYPE_IPV6);
	check(&(struct reading){"198.51.100.7", NULL, 0, 0}, TYPE_DOMAIN);
	check(&(struct reading){"evil.com", NULL, 0, 0}, TYPE_IPV4);
	check(&(struct reading){"evil.com", NULL, 0, 0}, TYPE_EMAIL);
	check(&(struct reading){"evil.com", NULL, 0, 0}, TYPE_STIX);
	check(&(struct reading){"d41d8cd98f00b204e9800998ecf8427e", NULL, 0, 0}, TYPE_SHA1);
	check(&(struct reading){"evil.com", NULL, 0, 0}, TYPE_COUNT);
}

static void knows_what_is_not_canonical(void **state)
{
	(void)state;
	assert_false(value_is_canonical(TYPE_DOMAIN, bytes_str("Evil.com")));
	assert_false(value_is_canonical(TYPE_DOMAIN, bytes_str("evil.com.")));
	assert_false(value_is_canonical(TYPE_DOMAIN, bytes_str("evil.com ")));
	assert_false(value_is_canonical(TYPE_DOMAIN, bytes_str("evil.com:80")));
	assert_false(value_is_canonical(TYPE_DOMAIN, bytes_from("evil.com\0", 9)));
	assert_false(value_is_canonical(TYPE_IPV4, bytes_str("198.51.100.0/24")));
	assert_false(value_is_canonical(TYPE_IPV4_NET, bytes_str("198.51.100.7")));
	assert_false(value_is_canonical(TYPE_IPV4_NET, bytes_str("198.51.100.7/24")));
	assert_false(value_is_canonical(TYPE_URL, bytes_str("evil.com/x")));
	assert_false(value_is_canonical(TYPE_NONE, bytes_str("evil.com")));
	assert_false(value_is_canonical(99, bytes_str("evil.com")));
}

/* Values that are changed a little: what is seen at a glance is what reading them anew says. */
static void knows_what_is_canonical_at_a_glance(void **state)
{
	static const char *const seeds[] = {"mail.example.com", "a.b-c.d_e.xyz", "xn--bcher-kva.de",
		"198.51.100.7", "10.0.0.1", "http://evil.example/a.php?id=1", "https://a.b/",
		"http://1.2.3.4/x", "http://u@h.org:80/#f", "ftp://a.bc/d",
		"d41d8cd98f00b204e9800998ecf8427e", "da39a3ee5e6b4b0d3255bfef95601890afd80709"};
	static const char bytes[] = "aZ09.-_/:@?#[]% \\\x7f\x80xn~";
	uint64_t seed = 1, same = 0;
	struct env_rng rng = test_rng(&seed);

	(void)state;
	for (unsigned i = 0; i < 60000; i++) {
		const char *from = seeds[env_random_u64(&rng) % (sizeof(seeds) / sizeof(seeds[0]))];
		enum type type = (enum type)(1 + env_random_u64(&rng) % TYPE_COUNT);
		char text[64];
		size_t len = strlen(from);
		struct bytes t;
		struct value v;
		bool reads;

		memcpy(text, from, len);
		for (uint64_t n = env_random_u64(&rng) % 4; n > 0; n--)
			text[env_random_u64(&rng) % len] =
				bytes[env_random_u64(&rng) % (sizeof(bytes) - 1)];
		len -= env_random_u64(&rng) % 8 == 0;
		t = bytes_from(text, len);
		reads = value_parse(&v, t, type, NULL) == 0 && v.type == type && v.port == 0 &&
			bytes_eq(t, bytes_from(v.text, v.len));
		assert_int_equal(value_is_canonical(type, t), reads);
		same += reads;
	}
	assert_true(same > 1000);
}

static void object_ids_depend_on_secret_type_and_value(void **state)
{
	/* Python: hmac.new(bytes(range(32)), b"\x05evil.com", "sha256").digest()[:16] */
	static const char want[] = "dcb16659ce25e0b66260f1211f974b25";
	uint8_t secret[32], a[16], b[16];
	char hex[33];

	(void)state;
	for (size_t i = 0; i < 32; i++)
		secret[i] = (uint8_t)i;
	value_object_id(a, secret, TYPE_DOMAIN, bytes_str("evil.com"));
	text_hex_encode(hex, BYTES_OF(a));
	assert_string_equal(hex, want);
	value_object_id(b, secret, TYPE_URL, bytes_str("evil.com"));
	assert_memory_not_equal(a, b, 16);
	secret[0] ^= 1;
	value_object_id(b, secret, TYPE_DOMAIN, bytes_str("evil.com"));
	assert_memory_not_equal(a, b, 16);
}

/* What libsodium's own function says; lengths cross every border of a block. */
static void object_id_of_libsodium(uint8_t id[OBJECT_ID_BYTES], const uint8_t secret[32],
	unsigned type, struct bytes value)
{
	uint8_t raw[1 + 400], whole[crypto_auth_hmacsha256_BYTES];

	raw[0] = (uint8_t)type;
	memcpy(raw + 1, value.data, value.len);
	crypto_auth_hmacsha256(whole, raw, 1 + value.len, secret);
	memcpy(id, whole, OBJECT_ID_BYTES);
}

static void object_ids_are_those_of_libsodium(void **state)
{
	uint8_t secret[32], value[400], want[OBJECT_ID_BYTES], got[OBJECT_ID_BYTES];
	struct object_key key;

	(void)state;
	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = (uint8_t)(i * 167 + 13);
	for (unsigned s = 0; s < 3; s++) {
		for (size_t i = 0; i < sizeof(secret); i++)
			secret[i] = (uint8_t)(s * 91 + i * 29);
		object_key_init(&key, secret);
		for (size_t len = 0; len <= sizeof(value); len++) {
			object_id_of_libsodium(want, secret, len % 256, bytes_from(value, len));
			value_object_id(got, secret, len % 256, bytes_from(value, len));
			assert_memory_equal(got, want, sizeof(want));
			object_id(got, &key, len % 256, bytes_from(value, len));
			assert_memory_equal(got, want, sizeof(want));
		}
	}
	object_key_wipe(&key);
	assert_true(sodium_is_zero((const uint8_t *)&key, sizeof(key)));
}

/* Object ids are then made in the other way, and must be the same. */
static void hashes_by_the_processor(void **state)
{
	(void)state;
	assert_int_equal(hash_init(), 0);
}

static void shows_text_without_what_steers_a_terminal(void **state)
{
	static const struct {
		const char *text, *shown;
	} table[] = {
		{"evil.com", "evil.com"},
		{"a\tb\x1b[31m", "a?b?[31m"},
		{"\u202eb\u00fccher", "?b\u00fccher"},
		{"\xff\xc3\xbc", "???"},
		{"0123456789abcdefgh", "0123456789abcdef"},
		{"0123456789abcde\u00fc", "0123456789abcde"},
	};
	char room[16];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++)
		assert_bytes_equal(value_printable(bytes_str(table[i].text), room, sizeof(room)),
			bytes_str(table[i].shown));
}

/* Whatever is read reads again as itself; nothing crashes. Gives the number read. */
static size_t check_lines(const char *command)
{
	FILE *lines = popen(command, "r");
	struct value v, again;
	char *line = NULL;
	size_t cap = 0, read = 0;
	ssize_t len;

	assert_non_null(lines);
	while ((len = getline(&line, &cap, lines)) > 0) {
		struct bytes text = bytes_from(line, (size_t)len);

		if (value_parse(&v, text, TYPE_NONE, NULL))
			continue;
		read++;
		assert_true(value_is_canonical(v.type, bytes_from(v.text, v.len)));
		assert_int_equal(value_parse(&again, bytes_from(v.text, v.len), TYPE_NONE, NULL),
			0);
		assert_int_equal(again.type, v.type);
		assert_string_equal(again.text, v.text);
	}
	free(line);
	pclose(lines);
	return read;
}

static void reads_every_known_malicious_domain(void **state)
{
	const char *path = test_shared("lists/maltrail-domains.txt.zst");
	char command[1200];

	(void)state;
	if (!path)
		skip();
	/* 1,160,820 lines; 87 start with a dot, and one has a label of 64 bytes. */
	snprintf(command, sizeof(command), "zstdcat %s", path);
	assert_int_equal(check_lines(command), 1160732);
}

static void survives_strange_urls(void **state)
{
	const char *path = test_shared("vectors/url/urltestdata.json");
	char command[1200];

	(void)state;
	if (!path)
		skip();
	snprintf(command, sizeof(command), "grep -o '\"input\": \".*\"' %s | cut -d '\"' -f 4",
		path);
	assert_true(check_lines(command) > 50);
}

/* A column of an IdnaTestV2 line; the caller leaves out lines with escapes. */
static struct bytes column(const char *line, int n)
{
	const char *end;

	for (; n > 0; n--) {
		line = strchr(line, ';');
		if (!line)
			return BYTES_NONE;
		line++;
	}
	line += strspn(line, " ");
	end = line + strcspn(line, ";#\n");
	while (end > line && end[-1] == ' ')
		end--;
	return bytes_from(line, (size_t)(end - line));
}

static void agrees_with_the_unicode_vectors(void **state)
{
	const char *path = test_shared("vectors/idna/IdnaTestV2.txt.zst");
	size_t same = 0;
	char command[1200], line[4096];
	FILE *lines;

	(void)state;
	if (!path)
		skip();
	snprintf(command, sizeof(command), "zstdcat %s", path);
	lines = popen(command, "r");
	assert_non_null(lines);
	while (fgets(line, sizeof(line), lines)) {
		struct bytes source = column(line, 0), unicode = column(line, 1);
		struct bytes ascii = column(line, 3), status = column(line, 4);
		struct value v;

		if (status.len == 0)
			status = column(line, 2);
		if (line[0] == '#' || source.len == 0 || strchr(line, '\\') || status.len > 2)
			continue;
		/* Unicode 15.1 changed the capital sharp s; libidn2 may be older. */
		if (strstr(line, "\u1e9e"))
			continue;
		if (unicode.len == 0)
			unicode = source;
		if (ascii.len == 0)
			ascii = unicode;
		/* Refused are single labels and what IDNA2008 disallows; the rest must be right. */
		if (value_parse(&v, source, TYPE_DOMAIN, NULL))
			continue;
		if (ascii.data[ascii.len - 1] == '.')
			ascii.len--;
		assert_bytes_equal(bytes_from(v.text, v.len), ascii);
		same++;
	}
	pclose(lines);
	assert_true(same > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_domains),
		cmocka_unit_test(bounds_names_at_253_bytes),
		cmocka_unit_test(reads_addresses_and_networks),
		cmocka_unit_test(reads_urls),
		cmocka_unit_test(reads_urls_without_scheme_only_when_told),
		cmocka_unit_test(reads_long_urls),
		cmocka_unit_test(reads_hashes_by_length),
		cmocka_unit_test(reads_addresses_of_people),
		cmocka_unit_test(refangs),
		cmocka_unit_test(reads_stix_ids),
		cmocka_unit_test(holds_to_the_type_it_is_told),
		cmocka_unit_test(knows_what_is_not_canonical),
		cmocka_unit_test(knows_what_is_canonical_at_a_glance),
		cmocka_unit_test(object_ids_depend_on_secret_type_and_value),
		cmocka_unit_test(object_ids_are_those_of_libsodium),
		cmocka_unit_test(hashes_by_the_processor),
		cmocka_unit_test(object_ids_depend_on_secret_type_and_value),
		cmocka_unit_test(object_ids_are_those_of_libsodium),
		cmocka_unit_test(shows_text_without_what_steers_a_terminal),
		cmocka_unit_test(reads_every_known_malicious_domain),
		cmocka_unit_test(survives_strange_urls),
		cmocka_unit_test(agrees_with_the_unicode_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
