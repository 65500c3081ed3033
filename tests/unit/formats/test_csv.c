/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit/formats/reading_test.h"

#include <jansson.h>

#include "base/text.h"
#include "formats/csv.h"

/* --- taking apart ----------------------------------------------------------------------------- */

static void check_vector(const char *name)
{
	struct csv_parser p;
	struct err_text err = {""};
	char path[256], *header[16];
	size_t header_len, row = 0;
	struct bytes text;
	struct memory m;
	struct input in;
	json_t *rows;
	int ret;

	snprintf(path, sizeof(path), "vectors/csv/json/%s.json", name);
	rows = json_load_file(test_shared(path), 0, NULL);
	assert_non_null(rows);
	snprintf(path, sizeof(path), "vectors/csv/csvs/%s.csv", name);
	text = test_file(test_shared(path));
	m = (struct memory){text, 3};
	assert_int_equal(input_open(&in, &(struct reader_source){memory_next, &m}, name, &err), 0);
	csv_parser_init(&p, ',');
	assert_int_equal(csv_record_next(&p, &in), 1);
	header_len = p.fields_len;
	for (size_t i = 0; i < header_len; i++)
		header[i] = strndup((const char *)p.fields[i].data, p.fields[i].len);
	while ((ret = csv_record_next(&p, &in)) > 0) {
		const json_t *want = json_is_array(rows) ? json_array_get(rows, row)
				     : row == 0          ? rows
							 : NULL;

		row++;
		assert_int_equal(p.fields_len, header_len);
		for (size_t i = 0; i < header_len; i++)
			assert_bytes_equal(p.fields[i],
				bytes_str(json_string_value(json_object_get(want, header[i]))));
	}
	assert_int_equal(ret, 0);
	assert_int_equal(row, json_is_array(rows) ? json_array_size(rows) : 1);
	for (size_t i = 0; i < header_len; i++)
		free(header[i]);
	csv_parser_free(&p);
	input_close(&in);
	json_decref(rows);
	free((void *)(uintptr_t)text.data);
}

static void agrees_with_the_csv_vectors(void **state)
{
	/* Two are not among them: location_coordinates has another telephone number in its parsed
	 * form, newlines_crlf lost its carriage returns on the way. */
	static const char *const names[] = {"comma_in_quotes", "empty", "empty_crlf",
		"escaped_quotes", "json", "newlines", "quotes_and_newlines", "simple",
		"simple_crlf", "utf8"};

	(void)state;
	if (!test_shared("vectors/csv/json/simple.json"))
		skip();
	for (size_t i = 0; i < COUNT_OF(names); i++)
		check_vector(names[i]);
}

static void keeps_line_ends_in_quotes_only(void **state)
{
	struct out *o =
		out_str(FORMAT_CSV, "value,note\r\na.com,\"one\r\ntwo\"\r\nb.com,x\r\n\r\nc.com");

	(void)state;
	assert_int_equal(o->ret, 0);
	assert_int_equal(o->claims_len, 3);
	assert_string_equal(o->claims[0].description, "one\r\ntwo");
	assert_string_equal(o->claims[1].description, "x");
	assert_int_equal(o->claims[1].line, 4);
	assert_int_equal(o->claims[2].line, 6);
}

static void refuses_quotes_that_never_close(void **state)
{
	char *text = malloc(200000);
	struct out *o;

	(void)state;
	o = out_str(FORMAT_CSV, "value,note\nevil.com,x\nevil.net,\"never\nevil.org,x\n");
	assert_int_equal(o->ret, ENT_EINVALID);
	assert_string_equal(o->err.text, "input:3: a quote that is never closed");
	assert_non_null(text);
	memset(text, 'x', 200000);
	memcpy(text, "value,note\nevil.com,\"", 21);
	text[199999] = '\0';
	o = out_str(FORMAT_CSV, text);
	assert_int_equal(o->ret, ENT_ELIMIT);
	assert_non_null(strstr(o->err.text, "input:2: "));
	free(text);
}

static void refuses_more_columns_than_it_keeps(void **state)
{
	char text[1024] = "value\nevil.com";
	struct out *o;

	(void)state;
	o = out_str(FORMAT_CSV, text);
	assert_int_equal(o->claims_len, 1);
	memset(text, 0, sizeof(text));
	memcpy(text, "value,x\nevil.com", strlen("value,x\nevil.com"));
	memset(text + strlen(text), ',', CSV_FIELDS_MAX - 1);
	o = out_str(FORMAT_CSV, text);
	assert_int_equal(o->ret, 0);
	assert_int_equal(o->claims_len, 1);
	text[strlen(text)] = ',';
	o = out_str(FORMAT_CSV, text);
	assert_int_equal(o->ret, ENT_ELIMIT);
}

/* --- meaning ---------------------------------------------------------------------------------- */

static void names_the_columns_it_misses(void **state)
{
	struct out *o = out_str(FORMAT_CSV, "# x\ncveID,product\nCVE-2025-1,x\n");

	(void)state;
	assert_int_equal(o->ret, ENT_EINVALID);
	assert_non_null(strstr(o->err.text, "input:2: no known column"));
	assert_int_equal(out_str(FORMAT_CSV, "")->ret, ENT_EINVALID);
}

static void reads_what_a_row_says(void **state)
{
	static const char text[] =
		"Type;IoC;TLP;PAP;Confidence;Admiralty;Tags;First Seen;last-seen;Valid From;Valid "
		"Until;"
		"Name;Notes;Link;Port\n"
		"hostname;Evil[.]COM;White;PAP:RED;80;B2;a, b|a;2026-01-02;2026-01-03 04:05:06;"
		"2026-01-01T00:00:00Z;2027-01-01T00:00:00Z;A name;\"A "
		"\"\"note\"\"\";https://x.org/r;8080\n";
	struct out *o = out_str(FORMAT_AUTO, text);
	const struct out_claim *c = &o->claims[0];

	(void)state;
	assert_int_equal(o->ret, 0);
	assert_int_equal(o->claims_len, 1);
	assert_int_equal(c->line, 2);
	assert_int_equal(c->type, TYPE_DOMAIN);
	assert_string_equal(c->value, "evil.com");
	assert_int_equal(c->tlp, TLP_CLEAR);
	assert_int_equal(c->pap, PAP_RED);
	assert_true(c->numbers.has_confidence);
	assert_int_equal(c->numbers.confidence, 80);
	assert_int_equal(c->numbers.credibility, 2);
	assert_string_equal(c->labels, "a|b");
	assert_int_equal(c->numbers.first_seen, 1767312000000);
	assert_int_equal(c->numbers.last_seen, 1767413106000);
	assert_int_equal(c->numbers.valid_from, 1767225600000);
	assert_int_equal(c->numbers.valid_until, 1798761600000);
	assert_string_equal(c->name, "A name");
	assert_string_equal(c->description, "A \"note\"");
	assert_string_equal(c->reference, "https://x.org/r");
	assert_int_equal(c->port, 8080);
}

static void reads_cells_with_several_values(void **state)
{
	struct out *o = out_str(FORMAT_AUTO, "value,entity_type\n"
					     "\"d41d8cd98f00b204e9800998ecf8427e,"
					     "da39a3ee5e6b4b0d3255bfef95601890afd80709\",file\n"
					     "\"evil.com; evil.net\",hostname\n"
					     "\"evil.com; nothing\",hostname\n");

	(void)state;
	assert_int_equal(o->claims_len, 4);
	assert_int_equal(o->claims[0].type, TYPE_MD5);
	assert_int_equal(o->claims[1].type, TYPE_SHA1);
	assert_string_equal(o->claims[3].value, "evil.net");
	assert_int_equal(o->refusals_len, 1);
	assert_int_equal(o->refusals[0].line, 4);
	assert_string_equal(o->refusals[0].seen, "evil.com; nothing");
}

static void takes_the_form_before_the_stated_type_but_guesses_no_others(void **state)
{
	struct out *o = out_str(FORMAT_AUTO, "indicator_type,data\n"
					     "hostname,198.51.100.7\n"
					     "url,198.51.100.7:443\n"
					     "url,evil.com/x\n"
					     "md5,da39a3ee5e6b4b0d3255bfef95601890afd80709\n"
					     ",evil.com\n"
					     "filepath,invoice.exe\n"
					     "md5,evil.com\n"
					     "file,evil.com\n"
					     "email,evil.com\n"
					     "domain,a@evil.com\n");
	static const char *const values[] = {"198.51.100.7", "198.51.100.7", "http://evil.com/x",
		"da39a3ee5e6b4b0d3255bfef95601890afd80709", "evil.com"};

	(void)state;
	assert_int_equal(o->claims_len, COUNT_OF(values));
	for (size_t i = 0; i < COUNT_OF(values); i++)
		assert_string_equal(o->claims[i].value, values[i]);
	assert_int_equal(o->refusals_len, 5);
	assert_string_equal(o->refusals[0].seen, "invoice.exe");
	assert_string_equal(o->refusals[0].reason,
		"a type of indicator that is not read here: filepath");
}

static void reads_typed_columns_only_without_a_value_column(void **state)
{
	struct out *o = out_str(FORMAT_AUTO, "SHA256,MD5,Type,App\n"
					     ",d41d8cd98f00b204e9800998ecf8427e,Rapid Release,x\n");

	(void)state;
	assert_int_equal(o->claims_len, 1);
	assert_int_equal(o->claims[0].type, TYPE_MD5);
	o = out_str(FORMAT_AUTO, "IoC,value\nevil.com,evil.net\n");
	assert_int_equal(o->claims_len, 1);
	assert_string_equal(o->claims[0].value, "evil.com");
	o = out_str(FORMAT_AUTO, "IoC,MD5,C2Domain\nevil.com,d41d8cd98f00b204e9800998ecf8427e,x\n");
	assert_int_equal(o->claims_len, 1);
	assert_int_equal(o->claims[0].type, TYPE_DOMAIN);
}

static void never_guesses_a_marking(void **state)
{
	struct out *o = out_str(FORMAT_AUTO, "value,tlp,labels\n"
					     "a.com,,\n"
					     "b.com,amber+strict,\n"
					     "c.com,purple,\n"
					     "d.com,green,tlp:amber;x\n"
					     "e.com,green,tlp:ex:chr\n"
					     "f.com,,PAP:AMBER\n");

	(void)state;
	assert_int_equal(o->claims_len, 4);
	assert_int_equal(o->claims[0].tlp, TLP_NONE);
	assert_int_equal(o->claims[1].tlp, TLP_AMBER_STRICT);
	assert_int_equal(o->claims[2].tlp, TLP_AMBER);
	assert_string_equal(o->claims[2].labels, "x");
	assert_int_equal(o->claims[3].pap, PAP_AMBER);
	assert_int_equal(o->refusals_len, 2);
	assert_string_equal(o->refusals[0].rule, "unmarked");
	assert_string_equal(o->refusals[0].seen, "c.com");
	assert_string_equal(o->refusals[1].rule, "unmarked");
}

static void reads_its_own_export_again(void **state)
{
	struct out *o = out_str(FORMAT_AUTO,
		"id,type,value,tlp,pap,confidence,admiralty,first_seen,last_seen,valid_until,"
		"originator,"
		"tags,revoked\n"
		"00,ipv4-net,8.8.0.0/16,green,amber,50,3,,,2027-01-01T00:00:00.000Z,fr,c2,false\n"
		"01,domain,evil.com,green,amber,,,,,,fr,,true\n");

	(void)state;
	assert_int_equal(o->claims_len, 2);
	assert_int_equal(o->claims[0].type, TYPE_IPV4_NET);
	assert_int_equal(o->claims[0].kind, KIND_INDICATOR);
	assert_int_equal(o->claims[1].kind, KIND_RETRACTION);
	assert_int_equal(o->refusals_len, 0);
}

static void refuses_rather_than_cuts(void **state)
{
	struct buf text = buf_with_max(1 << 20);
	struct out *o;

	(void)state;
	buf_str(&text, "value,description,tags\na.com,");
	for (size_t i = 0; i < RECORD_DESCRIPTION_MAX; i++)
		buf_str(&text, "x");
	buf_str(&text, ",\nb.com,x");
	for (size_t i = 0; i < RECORD_DESCRIPTION_MAX; i++)
		buf_str(&text, "x");
	buf_str(&text, ",\nc.com,,");
	for (size_t i = 0; i <= RECORD_LABELS_MAX; i++)
		buf_printf(&text, "%zu;", i);
	buf_str(&text, "\nd.com,,");
	for (size_t i = 0; i < RECORD_LABELS_MAX; i++)
		buf_printf(&text, "%zu;", i);
	buf_str(&text, "\n");
	o = out_bytes(FORMAT_CSV, buf_view(&text), SIZE_MAX);
	assert_int_equal(o->ret, 0);
	assert_int_equal(o->claims_len, 2);
	assert_string_equal(o->claims[0].value, "a.com");
	assert_string_equal(o->claims[1].value, "d.com");
	assert_int_equal(o->refusals_len, 2);
	assert_non_null(strstr(o->refusals[0].reason, "too large"));
	assert_non_null(strstr(o->refusals[1].reason, "too large"));
	buf_free(&text);
}

static void leaves_out_dates_with_two_meanings(void **state)
{
	struct out *o =
		out_str(FORMAT_AUTO, "ioc,FirstSeen,ConfidenceScore,Valid Until,Valid From\n"
				     "a.com,5/6/2021,150,12/7/2025,\n"
				     "b.com,,High,2026-01-01,2026-01-02\n");

	(void)state;
	assert_int_equal(o->claims_len, 1);
	assert_int_equal(o->claims[0].numbers.first_seen, 0);
	assert_int_equal(o->claims[0].numbers.valid_until, 0);
	assert_false(o->claims[0].numbers.has_confidence);
	assert_int_equal(o->refusals_len, 1);
	assert_string_equal(o->refusals[0].reason, "ends before it is valid");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_csv_vectors),
		cmocka_unit_test(keeps_line_ends_in_quotes_only),
		cmocka_unit_test(refuses_quotes_that_never_close),
		cmocka_unit_test(refuses_more_columns_than_it_keeps),
		cmocka_unit_test(names_the_columns_it_misses),
		cmocka_unit_test(reads_what_a_row_says),
		cmocka_unit_test(reads_cells_with_several_values),
		cmocka_unit_test(takes_the_form_before_the_stated_type_but_guesses_no_others),
		cmocka_unit_test(reads_typed_columns_only_without_a_value_column),
		cmocka_unit_test(never_guesses_a_marking),
		cmocka_unit_test(reads_its_own_export_again),
		cmocka_unit_test(refuses_rather_than_cuts),
		cmocka_unit_test(leaves_out_dates_with_two_meanings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
