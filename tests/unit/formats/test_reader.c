/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit/formats/reading_test.h"

#include "base/map.h"

static void knows_formats_by_name(void **state)
{
	enum format f;

	(void)state;
	assert_true(format_parse(bytes_str("auto"), &f) && f == FORMAT_AUTO);
	assert_true(format_parse(bytes_str("list"), &f) && f == FORMAT_LIST);
	assert_true(format_parse(bytes_str("csv"), &f) && f == FORMAT_CSV);
	assert_true(format_parse(bytes_str("stix"), &f) && f == FORMAT_STIX);
	assert_false(format_parse(bytes_str("STIX"), &f));
	assert_false(format_parse(bytes_str(""), &f));
}

static const char list[] = "\xef\xbb\xbf# comment\r\n"
			   "\r\n"
			   "evil.com\r\n"
			   "  Evil[.]net  # seen \n"
			   "http://evil.com/#part\n"
			   "198.51.100.7\t10\n"
			   "198.51.100.7:443\n"
			   "/gate.php\n"
			   "a\x1b[31m.com\n"
			   "last.org";

static void check_list(struct out *o)
{
	static const char *const values[] = {"evil.com", "evil.net", "http://evil.com/#part",
		"198.51.100.7", "198.51.100.7", "last.org"};
	static const unsigned lines[] = {3, 4, 5, 6, 7, 10};

	assert_int_equal(o->ret, 0);
	assert_int_equal(o->claims_len, COUNT_OF(values));
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		assert_string_equal(o->claims[i].value, values[i]);
		assert_int_equal(o->claims[i].line, lines[i]);
		assert_int_equal(o->claims[i].kind, KIND_INDICATOR);
		assert_int_equal(o->claims[i].tlp, TLP_NONE);
	}
	assert_int_equal(o->claims[4].port, 443);
	assert_int_equal(o->refusals_len, 2);
	assert_int_equal(o->refusals[0].line, 8);
	assert_string_equal(o->refusals[0].seen, "/gate.php");
	assert_string_equal(o->refusals[0].rule, "unreadable");
	assert_string_equal(o->refusals[1].seen, "a?[31m.com");
}

static void reads_lists_in_pieces_of_any_size(void **state)
{
	static const size_t pieces[] = {1, 2, 3, 7, 64, SIZE_MAX};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		check_list(out_bytes(FORMAT_AUTO, bytes_str(list), pieces[i]));
		check_list(out_bytes(FORMAT_LIST, bytes_str(list), pieces[i]));
	}
}

static void reads_empty_input(void **state)
{
	struct out *o = out_str(FORMAT_AUTO, "");

	(void)state;
	assert_int_equal(o->ret, 0);
	assert_int_equal(o->claims_len + o->refusals_len, 0);
	o = out_str(FORMAT_AUTO, "\n\n# nothing\n");
	assert_int_equal(o->ret, 0);
	assert_int_equal(o->claims_len + o->refusals_len, 0);
}

static void refuses_a_line_that_is_too_long_and_goes_on(void **state)
{
	size_t len = 3 * (2 * (size_t)INPUT_LINE_MAX);
	char *text = malloc(len + 32);
	static const size_t pieces[] = {1000, SIZE_MAX};

	(void)state;
	assert_non_null(text);
	memset(text, 'a', len);
	memcpy(text + len, "\nevil.com\n", 11);
	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		struct out *o = out_bytes(FORMAT_LIST, bytes_str(text), pieces[i]);

		assert_int_equal(o->ret, 0);
		assert_int_equal(o->refusals_len, 1);
		assert_int_equal(o->refusals[0].line, 1);
		assert_int_equal(strlen(o->refusals[0].seen), 64);
		assert_int_equal(o->claims_len, 1);
		assert_int_equal(o->claims[0].line, 2);
	}
	free(text);
}

static void refuses_what_is_not_utf8_as_a_whole(void **state)
{
	struct out *o = out_str(FORMAT_AUTO, "evil.com\nb\xfc"
					     "cher.de\n");

	(void)state;
	assert_int_equal(o->ret, ENT_EINVALID);
	assert_string_equal(o->err.text, "input:2: not UTF-8 text");
}

static ssize_t broken_next(void *ctx, void *to, size_t cap)
{
	int *calls = ctx;

	if ((*calls)++)
		return ENT_EIO;
	assert_true(cap > 9);
	memcpy(to, "evil.com\n", 9);
	return 9;
}

static void passes_errors_of_source_and_sink(void **state)
{
	int calls = 0;
	struct out *o = out_run(FORMAT_LIST, &(struct reader_source){broken_next, &calls});

	(void)state;
	assert_int_equal(o->ret, ENT_EIO);
	assert_non_null(strstr(o->err.text, "input"));
	o->stop_after = 1;
	o = out_str(FORMAT_LIST, "a.com\nb.com\nc.com\n");
	assert_int_equal(o->ret, ENT_EBUSY);
	assert_int_equal(o->claims_len, 1);
}

static void tells_formats_apart(void **state)
{
	static const struct {
		const char *text;
		size_t claims, refusals;
		int ret;
	} table[] = {
		{"{\"type\":\"bundle\",\"id\":\"x\"}", 0, 0, 0},
		{" \n[ ]", 0, 0, 0},
		{"[2001:db8::1]:443\n", 1, 0, 0},
		{"value,type\nevil.com,domain\n", 1, 0, 0},
		{"# a comment\nvalue;tlp\nevil.com;green\n", 1, 0, 0},
		{"# first_seen,ioc_value,tags\n2026-01-01,evil.com,x\n", 1, 0, 0},
		{"# Aliases: ip, domain, x\nevil.com\nevil.net\n", 2, 0, 0},
		{"# IP\tlists\n#\n198.51.100.7\t10\n", 1, 0, 0},
		{"indicator\nevil.com\n", 1, 0, 0},
		{"cve,product\nCVE-2025-1,x\n", 0, 2, 0},
		{"{\"Event\":{}}", 0, 0, ENT_EINVALID},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct out *o = out_str(FORMAT_AUTO, table[i].text);

		assert_int_equal(o->ret, table[i].ret);
		assert_int_equal(o->claims_len, table[i].claims);
		assert_int_equal(o->refusals_len, table[i].refusals);
	}
}

/* --- real files ------------------------------------------------------------------------------- */

/* In lists and STIX claims and refusals add up to the lines and objects of the file; a row of CSV
 * may hold the three hashes of a file. */
static const struct {
	const char *name;
	size_t claims, refusals;
} files[] = {
	{"lists/ipsum.txt.zst", 120430, 0},
	{"lists/maltrail-all.tsv.zst", 1525885, 106587},
	{"lists/maltrail-domains.txt.zst", 1160732, 88},
	{"lists/maltrail_akira.txt", 9, 0},
	{"lists/maltrail_apt_coldriver.txt", 477, 0},
	{"lists/maltrail_apt_duke.txt", 842, 26},
	{"lists/maltrail_apt_sandworm.txt", 769, 47},
	{"lists/maltrail_apt_sofacy.txt", 2188, 165},
	{"lists/maltrail_apt_turla.txt", 362, 106},
	{"lists/maltrail_apt_unc1151.txt", 621, 6},
	{"lists/maltrail_lockbit.txt", 294, 6},
	{"lists/maltrail_lummac2.txt", 16868, 23},
	{"csv/kev.csv", 0, 1405},
	{"csv/mstic_May21_NOBELIUM_IoCs.csv", 126, 1},
	{"csv/mstic_RapidReleaseTI_Indicators.csv", 229, 8},
	{"csv/sekoia_stealc_iocs_20230220.csv", 158, 0},
	{"csv/stalkerware_samples.csv", 3228, 0},
	{"csv/volexity/2014_2014-10-09_-_Democracy_in_Hong_Kong_Under_Attack.csv", 14, 0},
	{"csv/volexity/2015_2015-06-12_-_Afghan_Government_Compromise_Browser_Beware.csv", 3, 0},
	{"csv/volexity/"
	 "2015_2015-10-07_-_Virtual_Private_Keylogging__Cisco_Web_VPNs_Leveraged_For_Access_And_"
	 "Persistence.csv",
		51, 0},
	{"csv/volexity/2017_2017-07-24_-_Real_News_Fake_Flash_Mac_OS_Users_Targeted.csv", 9, 0},
	{"csv/volexity/2018_2018-04-06_-_Drupalgeddon_2___Profiting_From_Mass_Exploitation.csv", 11,
		1},
	{"csv/volexity/2018_2018-07-19_-_JS_Sniffer_E-Commerce_Data_Theft_Made_Easy.csv", 24, 0},
	{"csv/volexity/2018_2018-09-18_-_Magecart_Strikes_Again__Newegg_in_the_Crosshairs.csv", 2,
		0},
	{"csv/volexity/2019_2019-09-11_-_Corporate_VPNs_Exploited_in_the_Wild.csv", 12, 0},
	{"csv/volexity/"
	 "2020_2020-11-06_-_OceanLotus__Extending_Cyber_Espionage_Operations_Through_Fake_Websites."
	 "csv",
		29, 0},
	{"csv/volexity/2021_2021-03-02_-_Operation_Exchange_Marauder.csv", 13, 0},
	{"csv/volexity/2021_2021-08-17_-_InkySquid_Part_1.csv", 10, 0},
	{"csv/volexity/2021_2021-12-06_-_XEGroup.csv", 248, 0},
	{"csv/volexity/2022_2022-03-22_GIMMICK_iocs.csv", 6, 0},
	{"csv/volexity/"
	 "2022_2022-06-15_DriftingCloud_-_Zero-Day_Sophos_Firewall_Exploitation_and_an_Insidious_"
	 "Breach.csv",
		18, 0},
	{"csv/volexity/"
	 "2022_2022-12-01_Buyer_Beware_-_Fake_Cryptocurrency_Applications_Serving_as_Front_for_"
	 "AppleJeus_Malware.csv",
		54, 1},
	{"csv/volexity/2023_2023-03-30_3CX_iocs.csv", 46, 0},
	{"csv/volexity/2023_2023-09-22_EvilBamboo_attachments_evilbamboo-distribution.csv", 21, 0},
	{"csv/volexity/2024_2024-01-10_Ivanti_Connect_Secure_iocs.csv", 16, 0},
	{"csv/volexity/2024_2024-02-13_CharmingCypress_iocs.csv", 104, 0},
	{"csv/volexity/2024_2024-06-13_DISGOMOJI_iocs.csv", 243, 0},
	{"csv/volexity/2024_2024-11-15_BrazenBamboo_iocs.csv", 97, 0},
	{"csv/volexity/2025_2025-10-08_UTA0388_iocs.csv", 55, 3},
	{"csv/volexity/2026_2026-06-04_VerdantBamboo_iocs.csv", 46, 0},
	{"stix20/unit42/2024-02-27-Akira-Ransomware.json", 19, 0},
	{"stix20/unit42/2024-03-07-Latrodectus-with-Lumma-Stealer.json", 25, 0},
	{"stix20/unit42/2024-03-25-Playful-Taurus-Mistake-in-2022.json", 6, 0},
	{"stix20/unit42/2024-05-14-DarkGate.json", 22, 0},
	{"stix20/unit42/2024-08-28-Lumma-Stealer.json", 20, 0},
	{"stix20/unit42/2025-04-23-smishing.json", 9, 0},
	{"stix20/unit42/2025-06-24-01flip-ransomware.json", 4, 0},
	{"stix20/unit42/Dharma_TA.json", 188, 18},
	{"stix20/unit42/NOBELIUM.json", 100, 4},
	{"stix20/unit42/REvil_SupplyChain_Attack_Kaseya.json", 87, 10},
	{"stix21/carbonblack_stix_v2.1.json", 6, 0},
	{"stix21/disarm.json", 698, 0},
	{"stix21/cytrox.stix2", 687, 0},
	{"stix21/wintego_helios.stix2", 352, 0},
	{"stix21/attack-ics-18.1.json.zst", 1825, 1},
	{"stix21/oasis-examples/indicator-for-c2-ip-address.json", 1, 0},
	{"stix21/oasis-examples/indicator-to-campaign-relationship.json", 3, 0},
	{"stix21/oasis-examples/indicators-for-C2-with-COA.json", 8, 0},
	{"stix21/oasis-examples/infrastructure.json", 10, 0},
	{"stix21/oasis-examples/interop-objectmarking-test.json", 0, 1},
	{"stix21/oasis-examples/malicious-email-indicator-with-attachment.json", 6, 0},
	{"text/unit42/2022_02_Gamaredon_UPDATE.txt", 507, 0},
	{"text/unit42/Conti_IOCs.txt", 55, 0},
	{"text/unit42/Gamaredon_IoCs_JAN2022.txt", 1005, 0},
	{"text/unit42/Skimmer_IOC.txt", 108, 0},
	{"text/eset/embargo_README.adoc", 1, 37},
	{"text/eset/gamaredon_README.adoc", 648, 167},
	{"text/eset/telebots_README.adoc", 37, 66},
	{"text/eset/turla_README.adoc", 48, 821},
	{"influence/Q2_2023_Doppelganger_Russia_based_CIB_network_updated.tsv", 6493, 1},
	{"influence/Q2_2024_RUSSIA-BASED_CIB_NETWORK_1_.tsv", 5, 12},
	{"influence/Q2_2024_RUSSIA-BASED_CIB_NETWORK_2_.tsv", 5, 22},
	{"influence/Q2_2024_RUSSIA-BASED_CIB_NETWORK_3.tsv", 3, 14},
	{"influence/Q2_2024_RUSSIA-BASED_CIB_NETWORK_4.tsv", 0, 16},
};

static void reads_real_files(void **state)
{
	size_t wrong = 0;

	(void)state;
	if (!test_shared("README.md"))
		skip();
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		struct out *o = out_shared(FORMAT_AUTO, files[i].name);

		if (o->ret)
			fail_msg("%s: %s", files[i].name, o->err.text);
		if (o->claims_len == files[i].claims && o->refusals_len == files[i].refusals)
			continue;
		print_error("%s: %zu claims, %zu refusals\n", files[i].name, o->claims_len,
			o->refusals_len);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_formats_by_name),
		cmocka_unit_test(reads_lists_in_pieces_of_any_size),
		cmocka_unit_test(reads_empty_input),
		cmocka_unit_test(refuses_a_line_that_is_too_long_and_goes_on),
		cmocka_unit_test(refuses_what_is_not_utf8_as_a_whole),
		cmocka_unit_test(passes_errors_of_source_and_sink),
		cmocka_unit_test(tells_formats_apart),
		cmocka_unit_test(reads_real_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
