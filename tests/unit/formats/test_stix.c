/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit/formats/reading_test.h"

#include "base/buf.h"

#define UUID      "11111111-2222-4333-8444-555555555555"
#define INDICATOR "\"type\":\"indicator\",\"id\":\"indicator--" UUID "\","
#define PATTERN   "\"pattern\":\"[domain-name:value = 'evil.com']\","
#define GREEN     "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
#define GREEN_1   "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"
#define RED       "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
#define OWN       "marking-definition--" UUID
#define STRICT    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"

static struct out *bundle(const char *objects)
{
	static char text[65536];

	snprintf(text, sizeof(text),
		"{\"type\":\"bundle\",\"id\":\"bundle--" UUID "\",\"objects\":[%s]}", objects);
	return out_str(FORMAT_AUTO, text);
}

/* One claim and nothing else came of it. */
static const struct out_claim *only_claim(const char *objects)
{
	struct out *o = bundle(objects);

	if (o->ret || o->refusals_len)
		fail_msg("%s%s", o->err.text, o->refusals[0].reason);
	assert_int_equal(o->claims_len, 1);
	return &o->claims[0];
}

static const struct out_refusal *only_refusal(const char *objects)
{
	struct out *o = bundle(objects);

	assert_int_equal(o->ret, 0);
	assert_int_equal(o->claims_len, 0);
	assert_int_equal(o->refusals_len, 1);
	return &o->refusals[0];
}

static void reads_what_an_indicator_says(void **state)
{
	const struct out_claim *c = only_claim(
		"{" INDICATOR PATTERN "\"pattern_type\":\"stix\",\"spec_version\":\"2.1\",\"name\":"
		"\"N\",\"description\":\"D\","
		"\"lang\":\"en\",\"valid_from\":\"2026-01-01T00:00:00.1234567Z\","
		"\"valid_until\":\"2027-01-01T00:00:00Z\",\"confidence\":70,"
		"\"labels\":[\"a\",\"PAP:AMBER\"],\"indicator_types\":[\"malicious-activity\","
		"\"a\"],"
		"\"kill_chain_phases\":[{\"kill_chain_name\":\"lmc\",\"phase_name\":\"c2\"}],"
		"\"external_references\":[{\"source_name\":\"S\",\"url\":\"https://x.org/\"}],"
		"\"object_marking_refs\":[\"" GREEN "\"]}");

	(void)state;
	assert_int_equal(c->kind, KIND_INDICATOR);
	assert_int_equal(c->type, TYPE_DOMAIN);
	assert_string_equal(c->value, "evil.com");
	assert_int_equal(c->tlp, TLP_GREEN);
	assert_int_equal(c->pap, PAP_AMBER);
	assert_string_equal(c->labels, "a|malicious-activity|kill-chain:lmc:c2");
	assert_string_equal(c->name, "N");
	assert_string_equal(c->description, "D");
	assert_string_equal(c->reference, "https://x.org/");
	assert_int_equal(c->numbers.confidence, 70);
	assert_int_equal(c->numbers.valid_from, 1767225600123);
	assert_int_equal(c->numbers.valid_until, 1798761600000);
	assert_int_equal(c->numbers.first_seen, 0);
}

static void reads_bundles_of_stix_2_0(void **state)
{
	struct out *o = out_str(FORMAT_STIX,
		"{\"spec_version\":\"2.0\",\"type\":\"bundle\",\"objects\":[\n{" INDICATOR PATTERN
		"\"labels\":[\"malicious-activity\"],\"object_marking_refs\":[\"" GREEN_1 "\"]}],"
		"\"id\":\"bundle--" UUID "\"}\n");

	(void)state;
	assert_int_equal(o->ret, 0);
	assert_int_equal(o->claims_len, 1);
	assert_int_equal(o->claims[0].line, 2);
	assert_int_equal(o->claims[0].tlp, TLP_GREEN);
	assert_string_equal(o->claims[0].labels, "malicious-activity");
}

static void makes_one_claim_a_value(void **state)
{
	struct out *o = bundle("{" INDICATOR "\"pattern\":\"[ipv4-addr:value = '198.51.100.7' OR "
			       "ipv4-addr:value = 'x' OR domain-name:value = 'Evil.com']\"}");

	(void)state;
	assert_int_equal(o->claims_len, 2);
	assert_string_equal(o->claims[1].value, "evil.com");
	assert_int_equal(o->refusals_len, 1);
	assert_string_equal(o->refusals[0].seen, "x");
	o = bundle("{" INDICATOR
		   "\"labels\":[\"l\"],\"pattern\":\"[file:name = 'x.exe' AND file:hashes.MD5 "
		   "= 'd41d8cd98f00b204e9800998ecf8427e'] OR [url:value = 'http://evil.com/']\"}");
	assert_int_equal(o->claims_len, 2);
	assert_string_equal(o->claims[0].labels, "l|file-name:x.exe");
	assert_string_equal(o->claims[1].labels, "l");
}

static void carries_other_objects_verbatim(void **state)
{
	static const char *const objects[] = {
		"{ \"type\" : \"malware\", \"id\":\"malware--" UUID "\", \"x\": \"\\u00fc\"}",
		"{" INDICATOR "\"pattern\":\"[mutex:name = 'x']\"}",
		"{" INDICATOR "\"pattern\":\"rule x {\",\"pattern_type\":\"yara\"}",
		"{\"type\":\"marking-definition\",\"id\":\"" OWN
		"\",\"definition_type\":\"statement\",\"definition\":{\"statement\":\"(c)\"}}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(objects); i++) {
		const struct out_claim *c = only_claim(objects[i]);

		assert_int_equal(c->kind, KIND_OBJECT);
		assert_int_equal(c->type, TYPE_STIX);
		assert_string_equal(c->json, objects[i]);
		assert_non_null(strstr(c->value, "--" UUID));
	}
}

static void reads_revoked_as_retracted(void **state)
{
	const struct out_claim *c = only_claim("{" INDICATOR PATTERN "\"revoked\":true}");

	(void)state;
	assert_int_equal(c->kind, KIND_RETRACTION);
	assert_int_equal(c->type, TYPE_DOMAIN);
	c = only_claim("{\"type\":\"malware\",\"id\":\"malware--" UUID "\",\"revoked\":true}");
	assert_int_equal(c->kind, KIND_RETRACTION);
	assert_int_equal(c->type, TYPE_STIX);
}

static void passes_over_predefined_markings(void **state)
{
	struct out *o = bundle("{\"type\":\"marking-definition\",\"id\":\"" GREEN "\"},"
			       "{\"type\":\"extension-definition\",\"id\":\"extension-definition--"
			       "60a3c5c5-0d10-413e-aab3-9e08dde9e88d\"}");

	(void)state;
	assert_int_equal(o->ret, 0);
	assert_int_equal(o->claims_len + o->refusals_len, 0);
}

static void takes_the_strictest_marking(void **state)
{
	(void)state;
	assert_int_equal(only_claim("{" INDICATOR PATTERN "\"object_marking_refs\":[\"" RED
				    "\",\"" GREEN "\"]}")
				 ->tlp,
		TLP_RED);
	assert_int_equal(only_claim("{" INDICATOR PATTERN "\"object_marking_refs\":[\"" GREEN
				    "\"],\"labels\":[\"tlp:amber\"]}")
				 ->tlp,
		TLP_AMBER);
	assert_int_equal(only_claim("{" INDICATOR PATTERN "\"object_marking_refs\":[\"" GREEN
				    "\"],\"granular_markings\":[{\"selectors\":[\"name\"],"
				    "\"marking_ref\":"
				    "\"" STRICT "\"}]}")
				 ->tlp,
		TLP_AMBER_STRICT);
	assert_int_equal(only_claim("{\"type\":\"malware\",\"id\":\"malware--" UUID
				    "\",\"labels\":[\"TLP:RED\"]}")
				 ->tlp,
		TLP_RED);
	assert_int_equal(only_claim("{" INDICATOR PATTERN "\"x\":1}")->tlp, TLP_NONE);
}

/* Before and behind the object that refers to it; the definition itself is an object besides. */
static void learns_markings_wherever_they_stand(void **state)
{
	static const struct {
		const char *definition;
		enum tlp tlp;
		enum pap pap;
		bool refused;
	} table[] = {
		{"\"definition_type\":\"tlp\",\"definition\":{\"tlp\":\"amber\"}", TLP_AMBER,
			PAP_NONE, false},
		{"\"definition_type\":\"statement\",\"definition\":{\"statement\":\"x\"}", TLP_NONE,
			PAP_NONE, false},
		{"\"definition_type\":\"PAP\",\"definition\":{\"PAP\":\"PAP:RED\"}", TLP_NONE,
			PAP_RED, false},
		{"\"extensions\":{\"extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d\":"
		 "{\"extension_type\":\"property-extension\",\"tlp_2_0\":\"amber+strict\"}}",
			TLP_AMBER_STRICT, PAP_NONE, false},
		{"\"definition_type\":\"iep\",\"definition\":{}", 0, 0, true},
		{"\"definition_type\":\"tlp\",\"definition\":{\"tlp\":\"purple\"}", 0, 0, true},
		{"\"definition_type\":\"statement\",\"extensions\":{\"x\":{}}", 0, 0, true},
		{"\"name\":\"x\"", 0, 0, true},
	};
	char text[4096];

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(table); i++) {
		char definition[1024], marked[1024];
		struct out *o;

		snprintf(definition, sizeof(definition),
			"{\"type\":\"marking-definition\",\"id\":\"" OWN "\",%s}",
			table[i / 2].definition);
		snprintf(marked, sizeof(marked),
			"{" INDICATOR PATTERN "\"object_marking_refs\":[\"" OWN "\"]}");
		snprintf(text, sizeof(text), "%s,%s", i % 2 ? marked : definition,
			i % 2 ? definition : marked);
		o = bundle(text);
		assert_int_equal(o->ret, 0);
		assert_int_equal(o->claims_len, table[i / 2].refused ? 1 : 2);
		assert_int_equal(o->claims[0].kind, KIND_OBJECT);
		if (table[i / 2].refused) {
			assert_string_equal(o->refusals[0].rule, "unmarked");
			continue;
		}
		assert_int_equal(o->claims[1].tlp, table[i / 2].tlp);
		assert_int_equal(o->claims[1].pap, table[i / 2].pap);
	}
}

static void refuses_markings_that_are_never_defined(void **state)
{
	const struct out_refusal *r =
		only_refusal("{" INDICATOR PATTERN "\"object_marking_refs\":[\"" GREEN "\",\"" OWN
			     "\"]}");

	(void)state;
	assert_string_equal(r->rule, "unmarked");
	assert_string_equal(r->seen, "indicator--" UUID);
	assert_non_null(strstr(r->reason, OWN));
	r = only_refusal("{" INDICATOR PATTERN "\"object_marking_refs\":\"" GREEN "\"}");
	assert_string_equal(r->rule, "unmarked");
}

static void refuses_single_objects_and_goes_on(void **state)
{
	static const char *const objects[] = {
		"5",
		"null",
		"[]",
		"{}",
		"{\"type\":\"malware\"}",
		"{\"type\":5,\"id\":\"malware--" UUID "\"}",
		"{\"type\":\"malware\",\"id\":\"tool--" UUID "\"}",
		"{\"type\":\"malware\",\"id\":\"malware--1\"}",
		"{" INDICATOR "\"name\":\"x\"}",
		"{" INDICATOR "\"pattern\":\"[url:value = ]\"}",
		"{" INDICATOR PATTERN "\"confidence\":101}",
		"{" INDICATOR PATTERN "\"confidence\":\"70\"}",
		"{" INDICATOR PATTERN "\"valid_from\":\"yesterday\"}",
		"{" INDICATOR PATTERN
		"\"valid_from\":\"2026-01-02T00:00:00Z\",\"valid_until\":\"2026-01-01T00:00:00Z\"}",
		"{" INDICATOR PATTERN "\"labels\":\"x\"}",
		"{" INDICATOR PATTERN "\"labels\":[5]}",
		"{" INDICATOR PATTERN "\"kill_chain_phases\":[{}]}",
	};
	char text[4096];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(objects); i++) {
		assert_string_equal(only_refusal(objects[i])->rule, "unreadable");
		snprintf(text, sizeof(text),
			"%s,{\"type\":\"malware\",\"id\":\"malware--" UUID "\"}", objects[i]);
		assert_int_equal(bundle(text)->claims_len, 1);
	}
}

static void refuses_what_does_not_fit_a_record(void **state)
{
	struct buf text = buf_with_max(1 << 26);
	static const size_t lens[] = {ENTRY_BODY_MAX - 200, ENTRY_BODY_MAX, INPUT_OBJECT_MAX};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lens); i++) {
		struct out *o;

		buf_reset(&text);
		buf_str(&text, "{\"objects\":[\n{\"type\":\"malware\",\"id\":\"malware--" UUID
			       "\",\"x\":\"");
		memset(buf_extend(&text, lens[i]), 'x', lens[i]);
		buf_str(&text, "\"},\n{" INDICATOR PATTERN "\"x\":1}]}");
		o = out_bytes(FORMAT_AUTO, buf_view(&text), 5000);
		assert_int_equal(o->ret, 0);
		assert_int_equal(o->refusals_len, i > 0);
		assert_int_equal(o->claims_len, i > 0 ? 1 : 2);
		assert_int_equal(o->claims[o->claims_len - 1].line, 3);
		if (i > 0)
			assert_non_null(strstr(o->refusals[0].reason, "too large"));
	}
	buf_free(&text);
}

static void holds_back_no_more_than_its_limit(void **state)
{
	struct buf text = buf_with_max(1u << 28);
	size_t objects = 0, len = 1 << 20;
	struct out *o;

	(void)state;
	buf_str(&text, "[");
	for (; text.len <= READER_HELD_MAX + len; objects++) {
		buf_str(&text, "{\"type\":\"malware\",\"id\":\"malware--" UUID
			       "\",\"object_marking_refs\":[\"" OWN "\"],\"x\":\"");
		memset(buf_extend(&text, len), 'x', len);
		buf_str(&text, "\"},");
	}
	buf_str(&text, "{\"type\":\"marking-definition\",\"id\":\"" OWN
		       "\",\"definition_type\":\"statement\"},");
	buf_str(&text, "{\"type\":\"malware\",\"id\":\"malware--" UUID
		       "\",\"object_marking_refs\":[\"" OWN "\"]}]");
	o = out_bytes(FORMAT_AUTO, buf_view(&text), SIZE_MAX);
	assert_int_equal(o->ret, 0);
	assert_int_equal(o->claims_len, 2);
	assert_int_equal(o->refusals_len, objects);
	assert_string_equal(o->refusals[0].rule, "unmarked");
	buf_free(&text);
}

static void reads_frames_of_all_kinds(void **state)
{
	static const struct {
		const char *text;
		size_t claims;
	} table[] = {
		{"{\"type\":\"bundle\",\"id\":\"bundle--" UUID "\"}", 0},
		{"{\"objects\":[]}", 0},
		{"{}", SIZE_MAX},
		{"[]", 0},
		{"[{\"type\":\"malware\",\"id\":\"malware--" UUID "\"}]", 1},
		{"{\"type\":\"malware\",\"id\":\"malware--" UUID "\"}", 1},
		{"{\"more\":false,\"objects\":[{\"type\":\"malware\",\"id\":\"malware--" UUID
		 "\"}],\"next\":{\"a\":[1,2]}}",
			1},
		{"\xef\xbb\xbf {\"objects\" : [ ] } \n", 0},
		{"{\"Event\":{\"info\":\"x\"}}", SIZE_MAX},
		{"{\"objects\":[],\"objects\":[]}", SIZE_MAX},
		{"{\"objects\":[]} x", SIZE_MAX},
		{"{\"objects\":[],}", SIZE_MAX},
		{"{\"objects\":[,]}", SIZE_MAX},
		{"{\"objects\":[{}}", SIZE_MAX},
		{"{\"objects\":[{]}", SIZE_MAX},
		{"{\"objects\":[{\"type\":\"malware\",\"type\":\"malware\"}]}", SIZE_MAX},
		{"{\"objects\":[{\"type\":\"mal", SIZE_MAX},
		{"{\"objects\":[{\"type\":\"a\\\"", SIZE_MAX},
		{"{\"objects\":[", SIZE_MAX},
		{"{\"objects\"", SIZE_MAX},
		{"{objects:[]}", SIZE_MAX},
		{"{\"more\":flase,\"objects\":[]}", SIZE_MAX},
		{"{\"objects\":[{\"type\":\"a\xff\"}]}", SIZE_MAX},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		static const size_t pieces[] = {1, SIZE_MAX};

		for (size_t k = 0; k < 2; k++) {
			struct out *o = out_bytes(FORMAT_STIX, bytes_str(table[i].text), pieces[k]);

			if (table[i].claims == SIZE_MAX &&
				(o->ret != ENT_EINVALID || !o->err.text[0]))
				fail_msg("%s: %d", table[i].text, o->ret);
			if (table[i].claims == SIZE_MAX)
				continue;
			if (o->ret)
				fail_msg("%s: %s", table[i].text, o->err.text);
			assert_int_equal(o->claims_len, table[i].claims);
		}
	}
}

static void names_the_line_of_broken_json(void **state)
{
	struct out *o = out_str(FORMAT_STIX, "{\n\"objects\":[\n{\n\"type\":\n}\n]}");

	(void)state;
	assert_int_equal(o->ret, ENT_EINVALID);
	assert_memory_equal(o->err.text, "input:5: broken JSON", 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_an_indicator_says),
		cmocka_unit_test(reads_bundles_of_stix_2_0),
		cmocka_unit_test(makes_one_claim_a_value),
		cmocka_unit_test(carries_other_objects_verbatim),
		cmocka_unit_test(reads_revoked_as_retracted),
		cmocka_unit_test(passes_over_predefined_markings),
		cmocka_unit_test(takes_the_strictest_marking),
		cmocka_unit_test(learns_markings_wherever_they_stand),
		cmocka_unit_test(refuses_markings_that_are_never_defined),
		cmocka_unit_test(refuses_single_objects_and_goes_on),
		cmocka_unit_test(refuses_what_does_not_fit_a_record),
		cmocka_unit_test(holds_back_no_more_than_its_limit),
		cmocka_unit_test(reads_frames_of_all_kinds),
		cmocka_unit_test(names_the_line_of_broken_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
