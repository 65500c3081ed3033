/* SPDX-License-Identifier: EUPL-1.2 */
#include "formats/csv.h"

#define WORD_MAX 40

#define NETWORK                                                                                    \
	(TYPE_BIT(TYPE_IPV4) | TYPE_BIT(TYPE_IPV6) | TYPE_BIT(TYPE_IPV4_NET) |                     \
		TYPE_BIT(TYPE_IPV6_NET) | TYPE_BIT(TYPE_DOMAIN) | TYPE_BIT(TYPE_URL))
#define HASHES                                                                                     \
	(TYPE_BIT(TYPE_MD5) | TYPE_BIT(TYPE_SHA1) | TYPE_BIT(TYPE_SHA256) | TYPE_BIT(TYPE_SHA512))
#define EMAIL TYPE_BIT(TYPE_EMAIL)
#define STIX  TYPE_BIT(TYPE_STIX)

/* Words for types: in type columns, and as names of columns. */
static const struct {
	const char *word;
	enum type want;
	unsigned allowed;
} type_words[] = {
	{"domain", TYPE_DOMAIN, NETWORK},
	{"domainname", TYPE_DOMAIN, NETWORK},
	{"domains", TYPE_DOMAIN, NETWORK},
	{"fqdn", TYPE_DOMAIN, NETWORK},
	{"host", TYPE_DOMAIN, NETWORK},
	{"hostname", TYPE_DOMAIN, NETWORK},
	{"hostnameport", TYPE_DOMAIN, NETWORK},
	{"ip", TYPE_NONE, NETWORK},
	{"ips", TYPE_NONE, NETWORK},
	{"ipport", TYPE_NONE, NETWORK},
	{"ipaddr", TYPE_NONE, NETWORK},
	{"ipaddress", TYPE_NONE, NETWORK},
	{"ipaddresses", TYPE_NONE, NETWORK},
	{"dstip", TYPE_NONE, NETWORK},
	{"srcip", TYPE_NONE, NETWORK},
	{"ipdst", TYPE_NONE, NETWORK},
	{"ipsrc", TYPE_NONE, NETWORK},
	{"ipdstport", TYPE_NONE, NETWORK},
	{"ipsrcport", TYPE_NONE, NETWORK},
	{"ipv4", TYPE_NONE, NETWORK},
	{"ipv4addr", TYPE_NONE, NETWORK},
	{"ipv4address", TYPE_NONE, NETWORK},
	{"ipv6", TYPE_NONE, NETWORK},
	{"ipv6addr", TYPE_NONE, NETWORK},
	{"ipv6address", TYPE_NONE, NETWORK},
	{"cidr", TYPE_NONE, NETWORK},
	{"network", TYPE_NONE, NETWORK},
	{"subnet", TYPE_NONE, NETWORK},
	{"ipv4net", TYPE_NONE, NETWORK},
	{"ipv6net", TYPE_NONE, NETWORK},
	{"url", TYPE_URL, NETWORK},
	{"urls", TYPE_URL, NETWORK},
	{"uri", TYPE_URL, NETWORK},
	{"associatedurl", TYPE_URL, NETWORK},
	{"maliciousurl", TYPE_URL, NETWORK},
	{"md5", TYPE_MD5, HASHES},
	{"md5hash", TYPE_MD5, HASHES},
	{"hashmd5", TYPE_MD5, HASHES},
	{"filehashmd5", TYPE_MD5, HASHES},
	{"sha1", TYPE_SHA1, HASHES},
	{"sha1hash", TYPE_SHA1, HASHES},
	{"hashsha1", TYPE_SHA1, HASHES},
	{"filehashsha1", TYPE_SHA1, HASHES},
	{"sha256", TYPE_SHA256, HASHES},
	{"sha256hash", TYPE_SHA256, HASHES},
	{"hashsha256", TYPE_SHA256, HASHES},
	{"filehashsha256", TYPE_SHA256, HASHES},
	{"sha512", TYPE_SHA512, HASHES},
	{"sha512hash", TYPE_SHA512, HASHES},
	{"hashsha512", TYPE_SHA512, HASHES},
	{"filehashsha512", TYPE_SHA512, HASHES},
	{"hash", TYPE_NONE, HASHES},
	{"hashes", TYPE_NONE, HASHES},
	{"filehash", TYPE_NONE, HASHES},
	{"filehashes", TYPE_NONE, HASHES},
	{"email", TYPE_EMAIL, EMAIL},
	{"emailaddr", TYPE_EMAIL, EMAIL},
	{"emailaddress", TYPE_EMAIL, EMAIL},
	{"emailsrc", TYPE_EMAIL, EMAIL},
	{"emailreplyto", TYPE_EMAIL, EMAIL},
	{"emailwhois", TYPE_EMAIL, EMAIL},
	{"whoisregistrantemail", TYPE_EMAIL, EMAIL},
	{"stix", TYPE_STIX, STIX},
};

static const struct {
	const char *word;
	enum csv_column column;
} column_words[] = {
	{"value", COLUMN_VALUE},
	{"indicator", COLUMN_VALUE},
	{"indicators", COLUMN_VALUE},
	{"indicatorvalue", COLUMN_VALUE},
	{"indicatorofcompromise", COLUMN_VALUE},
	{"ioc", COLUMN_VALUE},
	{"iocs", COLUMN_VALUE},
	{"iocvalue", COLUMN_VALUE},
	{"observable", COLUMN_VALUE},
	{"observablevalue", COLUMN_VALUE},
	{"data", COLUMN_VALUE},
	{"indicatortype", COLUMN_TYPE},
	{"ioctype", COLUMN_TYPE},
	{"entitytype", COLUMN_TYPE},
	{"observabletype", COLUMN_TYPE},
	{"valuetype", COLUMN_TYPE},
	{"datatype", COLUMN_TYPE},
	{"type", COLUMN_TYPE_LOOSE},
	{"tlp", COLUMN_TLP},
	{"tlplevel", COLUMN_TLP},
	{"trafficlightprotocol", COLUMN_TLP},
	{"trafficlightprotocollevel", COLUMN_TLP},
	{"marking", COLUMN_TLP},
	{"pap", COLUMN_PAP},
	{"confidence", COLUMN_CONFIDENCE},
	{"confidencelevel", COLUMN_CONFIDENCE},
	{"confidencescore", COLUMN_CONFIDENCE},
	{"admiralty", COLUMN_ADMIRALTY},
	{"label", COLUMN_LABELS},
	{"labels", COLUMN_LABELS},
	{"tag", COLUMN_LABELS},
	{"tags", COLUMN_LABELS},
	{"threattype", COLUMN_LABELS},
	{"malware", COLUMN_LABELS},
	{"malwarefamily", COLUMN_LABELS},
	{"malwareprintable", COLUMN_LABELS},
	{"firstseen", COLUMN_FIRST_SEEN},
	{"firstseenutc", COLUMN_FIRST_SEEN},
	{"lastseen", COLUMN_LAST_SEEN},
	{"lastseenutc", COLUMN_LAST_SEEN},
	{"validfrom", COLUMN_VALID_FROM},
	{"validuntil", COLUMN_VALID_UNTIL},
	{"validto", COLUMN_VALID_UNTIL},
	{"expires", COLUMN_VALID_UNTIL},
	{"expiry", COLUMN_VALID_UNTIL},
	{"expiration", COLUMN_VALID_UNTIL},
	{"expirationdate", COLUMN_VALID_UNTIL},
	{"expirationdatetime", COLUMN_VALID_UNTIL},
	{"name", COLUMN_NAME},
	{"title", COLUMN_NAME},
	{"description", COLUMN_DESCRIPTION},
	{"desc", COLUMN_DESCRIPTION},
	{"comment", COLUMN_DESCRIPTION},
	{"comments", COLUMN_DESCRIPTION},
	{"note", COLUMN_DESCRIPTION},
	{"notes", COLUMN_DESCRIPTION},
	{"context", COLUMN_DESCRIPTION},
	{"reference", COLUMN_REFERENCE},
	{"references", COLUMN_REFERENCE},
	{"link", COLUMN_REFERENCE},
	{"port", COLUMN_PORT},
	{"dstport", COLUMN_PORT},
	{"destinationport", COLUMN_PORT},
	{"revoked", COLUMN_REVOKED},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* "IoC_Type", "ioc type" and "IOC-Type" are one word: its letters and digits in lower case. */
static bool word_fold(char out[WORD_MAX + 1], struct bytes text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c + 32);
		if (c >= 0x80)
			return false;
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
			continue;
		if (n == WORD_MAX)
			return false;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return n > 0;
}

bool csv_type_find(struct bytes text, struct csv_stated *stated)
{
	char word[WORD_MAX + 1];

	if (!word_fold(word, text))
		return false;
	for (size_t i = 0; i < COUNT(type_words); i++) {
		if (strcmp(type_words[i].word, word) != 0)
			continue;
		*stated = (struct csv_stated){type_words[i].want, type_words[i].allowed};
		return true;
	}
	/* A file is known by its hashes; its name is not ours. */
	if (strcmp(word, "file") != 0)
		return false;
	*stated = (struct csv_stated){TYPE_NONE, HASHES};
	return true;
}

enum csv_column csv_column_find(struct bytes name, struct csv_stated *stated)
{
	char word[WORD_MAX + 1];

	if (!word_fold(word, name))
		return COLUMN_NONE;
	for (size_t i = 0; i < COUNT(column_words); i++)
		if (strcmp(column_words[i].word, word) == 0)
			return column_words[i].column;
	if (strcmp(word, "file") != 0 && csv_type_find(name, stated))
		return COLUMN_TYPED;
	return COLUMN_NONE;
}
