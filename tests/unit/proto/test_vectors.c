/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * proto/vectors holds golden bytes for other implementations. They are made here, by hand-written
 * values, and compared with the files; `test_vectors --write` writes the files anew.
 */
#include "lib/test.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/vocab.h"
#include "proto/codec.h"
#include "proto/entry.h"

#define FOLDER "proto/vectors/"

/* --- values that count upwards, easily written down again ------------------------------------- */

static const uint8_t counting[256 + 64] = {
#define C4(n)  (uint8_t)(n), (uint8_t)((n) + 1), (uint8_t)((n) + 2), (uint8_t)((n) + 3)
#define C16(n) C4(n), C4((n) + 4), C4((n) + 8), C4((n) + 12)
#define C64(n) C16(n), C16((n) + 16), C16((n) + 32), C16((n) + 48)
	C64(0), C64(64), C64(128), C64(192), C64(256)};

/* len bytes: first, first + 1, ... */
static struct bytes upwards(uint8_t first, size_t len)
{
	return bytes_from(counting + first, len);
}

static struct log_name log_of(enum audience_kind kind, uint64_t id)
{
	struct log_name name = {.incarnation = 1795336200, .audience = {kind, id}};

	memcpy(name.node.bytes, counting, NODE_ID_BYTES);
	return name;
}

static struct wire_checkpoint checkpoint_of(uint64_t size)
{
	struct wire_checkpoint c = {.present = true, .size = size};

	memcpy(c.root, counting + 0x20, sizeof(c.root));
	memcpy(c.signature, counting + 0x40, sizeof(c.signature));
	return c;
}

static struct wire_agreement agreement_of(uint64_t id, uint32_t serial)
{
	struct wire_agreement a = {.id = id, .serial = serial};

	memcpy(a.hash, counting + 0x80, sizeof(a.hash));
	return a;
}

/* What the fields of the vectors say of these values. */
#define NODE       "000102030405060708090a0b0c0d0e0f"
#define UP_20      "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
#define UP_40      "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
#define UP_60      "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
#define UP_80      "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
#define GREEN      "\"entente/aaaqeayeaudaocajbifqydiob4/1795336200/green\""
#define PAIR       "\"entente/aaaqeayeaudaocajbifqydiob4/1795336200/0123456789abcdef\""
#define PROVENANCE "\"entente/aaaqeayeaudaocajbifqydiob4/1795336200/provenance-1795336201\""
#define CHECKPOINT_301                                                                             \
	"{\"size\": 301, \"root\": \"" UP_20 "\", \"signature\": \"" UP_40 UP_60 "\"}"
#define AGREEMENT_1 "{\"id\": \"0123456789abcdef\", \"serial\": 1, \"hash\": \"" UP_80 "\"}"
#define AGREEMENT_2 "{\"id\": \"0123456789abcdef\", \"serial\": 2, \"hash\": \"" UP_80 "\"}"

/* --- writing ---------------------------------------------------------------------------------- */

static void put_hex(struct buf *out, const char *key, struct bytes b)
{
	char *hex = malloc(HEX_TEXT_SIZE(b.len));

	assert_non_null(hex);
	text_hex_encode(hex, b);
	buf_printf(out, ", \"%s\": \"%s\"", key, hex);
	free(hex);
}

static void open_vector(struct buf *out, const char *name, const char *fields)
{
	buf_printf(out, "%s\n  {\"name\": \"%s\", \"fields\": %s", out->len > 1 ? "," : "", name,
		fields);
}

static void vector(struct buf *out, const char *name, const char *fields, struct bytes bytes)
{
	open_vector(out, name, fields);
	put_hex(out, "bytes", bytes);
	buf_str(out, "}");
}

/* --- names ------------------------------------------------------------------------------------ */

static void name_vector(struct buf *out, const char *name, struct log_name log)
{
	char text[LOG_NAME_TEXT_SIZE], fields[2 * LOG_NAME_TEXT_SIZE];
	uint8_t packed[LOG_NAME_BYTES];

	log_name_text(text, &log);
	log_name_pack(packed, &log);
	snprintf(fields, sizeof(fields), "{\"origin_line\": \"%s\"}", text);
	vector(out, name, fields, BYTES_OF(packed));
}

static void names(struct buf *out)
{
	static const char domain[] = "entente/node/v1\n";
	uint8_t hash[32], input[sizeof(domain) - 1 + 32];
	char text[NODE_ID_TEXT_SIZE], fields[256];
	struct node_id id;

	memcpy(input, domain, sizeof(domain) - 1);
	memcpy(input + sizeof(domain) - 1, counting + 0x20, 32);
	crypto_hash_sha256(hash, input, sizeof(input));
	memcpy(id.bytes, hash, NODE_ID_BYTES);
	node_id_text(text, &id);
	snprintf(fields, sizeof(fields), "{\"root_public_key\": \"%s\", \"node_id\": \"%s\"}",
		UP_20, text);
	vector(out, "node id", fields, BYTES_OF(id.bytes));
	name_vector(out, "clear", log_of(AUDIENCE_CLEAR, 0));
	name_vector(out, "green", log_of(AUDIENCE_GREEN, 0));
	name_vector(out, "agreement", log_of(AUDIENCE_AGREEMENT, 0x0123456789abcdef));
	name_vector(out, "local", log_of(AUDIENCE_LOCAL, 0));
	name_vector(out, "provenance", log_of(AUDIENCE_PROVENANCE, 1795336201));
}

/* --- entries ---------------------------------------------------------------------------------- */

static void commitment_of(uint8_t out[32], struct bytes salt, struct bytes body)
{
	crypto_hash_sha256_state s;

	crypto_hash_sha256_init(&s);
	crypto_hash_sha256_update(&s, (const uint8_t *)"\x10", 1);
	crypto_hash_sha256_update(&s, salt.data, salt.len);
	crypto_hash_sha256_update(&s, body.data, body.len);
	crypto_hash_sha256_final(&s, out);
}

static void object_id_of(uint8_t out[OBJECT_ID_BYTES], uint8_t type, const char *value)
{
	uint8_t whole[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state s;

	crypto_auth_hmacsha256_init(&s, counting + 0x80, 32);
	crypto_auth_hmacsha256_update(&s, &type, 1);
	crypto_auth_hmacsha256_update(&s, (const uint8_t *)value, strlen(value));
	crypto_auth_hmacsha256_final(&s, whole);
	memcpy(out, whole, OBJECT_ID_BYTES);
}

static void entries(struct buf *out)
{
	struct bytes salt = upwards(0xa0, ENTRY_SALT_BYTES);
	struct bytes body = bytes_from("\x0a\x09x.example", 11);
	struct entry_header h = {
		.version = ENTRY_VERSION,
		.kind = KIND_INDICATOR,
		.tlp = TLP_GREEN,
		.pap = PAP_AMBER,
		.type = TYPE_DOMAIN,
		.flags = ENTRY_FLAG_URGENT,
		.body_len = 11,
		.time_ms = 1795336200123,
	};
	uint8_t leaf[ENTRY_HEADER_BYTES], packed[ENTRY_HEADER_BYTES + 1 + ENTRY_SALT_BYTES + 11];
	struct entry e = {BYTES_OF(leaf), salt, body, false};

	object_id_of(h.object, h.type, "x.example");
	commitment_of(h.commitment, salt, body);
	vector(out, "object id",
		"{\"object_secret\": \"" UP_80 "\", \"type\": 5, \"value\": \"x.example\"}",
		BYTES_OF(h.object));
	open_vector(out, "commitment", "{\"salt\": \"a0a1a2a3a4a5a6a7a8a9aaabacadaeaf\"");
	put_hex(out, "body", body);
	buf_str(out, "}");
	put_hex(out, "bytes", BYTES_OF(h.commitment));
	buf_str(out, "}");
	entry_header_encode(leaf, &h);
	vector(out, "header",
		"{\"version\": 1, \"kind\": 1, \"tlp\": 2, \"pap\": 3, \"type\": 5, \"flags\": 1, "
		"\"body_length\": 11, \"time_ms\": 1795336200123, \"object\": \"of the first "
		"vector\", "
		"\"commitment\": \"of the second vector\"}",
		BYTES_OF(leaf));
	entry_pack(packed, &e);
	vector(out, "packed", "{\"state\": 0}", BYTES_OF(packed));
	e = (struct entry){BYTES_OF(leaf), BYTES_NONE, BYTES_NONE, true};
	entry_pack(packed, &e);
	vector(out, "packed, body erased", "{\"state\": 1}",
		bytes_from(packed, entry_packed_len(&e)));
}

/* --- record bodies ---------------------------------------------------------------------------- */

static void indicators(struct buf *out)
{
	const struct log_name log = log_of(AUDIENCE_GREEN, 0);
	const struct bytes labels[] = {bytes_str("malware:emotet"), bytes_str("attack:T1071.001")};
	const struct bytes recipients[] = {bytes_str("duty@cert.example")};
	const struct record_reference reference = {bytes_str("mitre-attack"),
		bytes_str("T1071.001"), bytes_str("https://attack.mitre.org/techniques/T1071/001")};
	struct record_indicator least = {.value = bytes_str("198.51.100.7")};
	struct buf body = buf_with_max(ENTRY_BODY_MAX);
	uint8_t derived[LOG_NAME_BYTES];
	struct record_indicator full = {
		.value = bytes_str("198.51.100.7"),
		.has_confidence = true,
		.confidence = 0,
		.credibility = 2,
		.valid_from = 1795336200000,
		.valid_until = 1803112200000,
		.first_seen = 1795330000000,
		.last_seen = 1795336000000,
		.labels = labels,
		.labels_len = 2,
		.references = &reference,
		.references_len = 1,
		.name = bytes_str("C2"),
		.description = bytes_str("Serveur de commande, vu à Lyon"),
		.lang = bytes_str("fr"),
		.rule = bytes_str("alert ip any any -> 198.51.100.7 any"),
		.rule_language = bytes_str("suricata"),
		.derived_log = BYTES_OF(derived),
		.derived_object = upwards(0xc0, OBJECT_ID_BYTES),
		.port = 8443,
		.recipients = recipients,
		.recipients_len = 1,
	};

	log_name_pack(derived, &log);
	assert_int_equal(record_indicator_encode(&body, &least), 0);
	vector(out, "indicator, least", "{\"value\": \"198.51.100.7\"}", buf_view(&body));
	buf_reset(&body);
	assert_int_equal(record_indicator_encode(&body, &full), 0);
	vector(out, "indicator, all fields",
		"{\"value\": \"198.51.100.7\", \"confidence\": 0, \"credibility\": 2, "
		"\"valid_from\": 1795336200000, \"valid_until\": 1803112200000, "
		"\"first_seen\": 1795330000000, \"last_seen\": 1795336000000, "
		"\"labels\": [\"malware:emotet\", \"attack:T1071.001\"], "
		"\"references\": [{\"source\": \"mitre-attack\", \"external_id\": \"T1071.001\", "
		"\"url\": \"https://attack.mitre.org/techniques/T1071/001\"}], \"name\": \"C2\", "
		"\"description\": \"Serveur de commande, vu à Lyon\", \"lang\": \"fr\", "
		"\"rule\": \"alert ip any any -> 198.51.100.7 any\", "
		"\"rule_language\": \"suricata\", \"derived_log\": " GREEN ", "
		"\"derived_object\": \"c0c1c2c3c4c5c6c7c8c9cacbcccdcecf\", \"port\": 8443, "
		"\"recipients\": [\"duty@cert.example\"]}",
		buf_view(&body));
	buf_free(&body);
}

static void records(struct buf *out)
{
	const struct record_object object = {
		.stix_id = bytes_str("malware--0c7b5b88-8ff7-4a4d-aa9d-feb398cd0061"),
		.stix_type = bytes_str("malware"),
		.json = bytes_str("{\"type\":\"malware\"}"),
	};
	const struct record_retraction retraction = {bytes_str("false positive")};
	const struct record_erasure erasure = {bytes_str("victim data"), true};
	struct record_succession succession = {log_of(AUDIENCE_GREEN, 0), 300, {0}};
	struct buf body = buf_with_max(ENTRY_BODY_MAX);

	memcpy(succession.root, counting + 0x20, sizeof(succession.root));
	indicators(out);
	assert_int_equal(record_object_encode(&body, &object), 0);
	vector(out, "object",
		"{\"stix_id\": \"malware--0c7b5b88-8ff7-4a4d-aa9d-feb398cd0061\", "
		"\"stix_type\": \"malware\", \"json\": \"{\\\"type\\\":\\\"malware\\\"}\"}",
		buf_view(&body));
	buf_reset(&body);
	assert_int_equal(record_retraction_encode(&body, &retraction), 0);
	vector(out, "retraction", "{\"reason\": \"false positive\"}", buf_view(&body));
	buf_reset(&body);
	assert_int_equal(record_erasure_encode(&body, &erasure), 0);
	vector(out, "erasure", "{\"reason\": \"victim data\", \"now\": true}", buf_view(&body));
	buf_reset(&body);
	assert_int_equal(record_succession_encode(&body, &succession), 0);
	vector(out, "succession",
		"{\"old_log\": " GREEN ", \"size\": 300, \"root\": \"" UP_20 "\"}",
		buf_view(&body));
	buf_free(&body);
}

/* --- messages, with their prefix -------------------------------------------------------------- */

static void message(struct buf *out, const char *name, const char *fields, struct wire_message m)
{
	struct buf bytes = buf_with_max(WIRE_MESSAGE_MAX);

	assert_int_equal(wire_encode(&bytes, &m), 0);
	vector(out, name, fields, buf_view(&bytes));
	buf_free(&bytes);
}

static void greetings(struct buf *out)
{
	const struct wire_agreement agreements[] = {
		agreement_of(0x0123456789abcdef, 1), agreement_of(0x0123456789abcdef, 2)};
	const struct bytes cards[] = {bytes_str("first card\n"), bytes_str("second card\n")};
	const struct wire_message hello = {
		.type = WIRE_HELLO,
		.hello = {.version = WIRE_VERSION,
			.card_serial = 3,
			.agreements = agreements,
			.agreements_len = 1,
			.credit = 8388608,
			.software = bytes_str("entente 1.0"),
			.has_provenance = true,
			.provenance_log = log_of(AUDIENCE_PROVENANCE, 1795336201),
			.provenance = checkpoint_of(301)},
	};

	message(out, "hello",
		"{\"version\": 1, \"card_serial\": 3, \"agreements\": [" AGREEMENT_1 "], "
		"\"credit\": 8388608, \"software\": \"entente 1.0\", "
		"\"provenance_log\": " PROVENANCE ", \"provenance\": " CHECKPOINT_301 "}",
		hello);
	message(out, "terms", "{\"agreements\": [" AGREEMENT_1 ", " AGREEMENT_2 "]}",
		(struct wire_message){WIRE_TERMS, .terms = {agreements, 2}});
	message(out, "cards", "{\"cards\": [\"first card\\n\", \"second card\\n\"]}",
		(struct wire_message){WIRE_CARDS, .cards = {cards, 2}});
}

static void positions(struct buf *out)
{
	const struct log_name green = log_of(AUDIENCE_GREEN, 0);
	const struct log_name pair = log_of(AUDIENCE_AGREEMENT, 0x0123456789abcdef);
	const struct wire_head heads[] = {
		{.feed = green, .floor = 256, .held = 300, .newest = checkpoint_of(301)},
		{.feed = pair},
	};
	struct wire_message held = {WIRE_HELD, .held = {.feed = green, .size = 300}};

	memcpy(held.held.root, counting + 0x20, sizeof(held.held.root));
	message(out, "heads",
		"{\"heads\": [{\"feed\": " GREEN ", \"floor\": 256, \"held\": 300, "
		"\"newest\": " CHECKPOINT_301 "}, {\"feed\": " PAIR "}]}",
		(struct wire_message){WIRE_HEADS, .heads = {heads, 2}});
	message(out, "held", "{\"feed\": " GREEN ", \"size\": 300, \"root\": \"2021222324252627\"}",
		held);
	message(out, "subscribe", "{\"feed\": " PAIR ", \"from\": 300}",
		(struct wire_message){WIRE_SUBSCRIBE, .subscribe = {pair, 300}});
	message(out, "unsubscribe", "{\"feed\": " PAIR "}",
		(struct wire_message){WIRE_UNSUBSCRIBE, .unsubscribe = {pair}});
}

static void transfers(struct buf *out)
{
	const struct log_name green = log_of(AUDIENCE_GREEN, 0);
	uint8_t hashes[2][32], packed[ENTRY_HEADER_BYTES + 1];
	struct wire_message data = {
		.type = WIRE_DATA,
		.data = {.feed = green,
			.start = 299,
			.count = 1,
			.checkpoint = checkpoint_of(301),
			.right = (const uint8_t(*)[32])hashes,
			.right_len = 1,
			.left = (const uint8_t(*)[32])hashes,
			.left_len = 2,
			.entries = BYTES_OF(packed)},
	};
	struct wire_message proof = {
		.type = WIRE_PROOF,
		.proof = {.feed = green,
			.first = 300,
			.second = 301,
			.hashes = (const uint8_t(*)[32])hashes,
			.hashes_len = 2,
			.checkpoint = checkpoint_of(301)},
	};
	const struct log_name acts_log = log_of(AUDIENCE_PROVENANCE, 1795336201);
	struct wire_message receipt = {
		.type = WIRE_RECEIPT,
		.receipt = {.feed = green, .checkpoint = checkpoint_of(301), .time = 1795336201},
	};
	struct wire_message witness = {
		.type = WIRE_WITNESS,
		.witness = {.log = acts_log, .size = 301, .time = 1795336201},
	};
	struct wire_message split = {
		.type = WIRE_SPLIT,
		.split = {.feed = green,
			.first = checkpoint_of(300),
			.second = checkpoint_of(301),
			.hashes = (const uint8_t(*)[32])hashes,
			.hashes_len = 2},
	};

	static const uint64_t indexes[] = {0, 300};
	struct wire_body body = {.index = 300, .body = bytes_str("body")};

	memcpy(body.salt, counting, sizeof(body.salt));
	memcpy(receipt.receipt.signature, counting + 0x40, 64);
	memcpy(witness.witness.root, counting + 0x20, 32);
	memcpy(witness.witness.signature, counting + 0x40, 64);
	memcpy(witness.witness.log_signature, counting + 0x60, 64);
	memcpy(hashes[0], counting + 0x40, 32);
	memcpy(hashes[1], counting + 0x60, 32);
	memcpy(packed, counting, ENTRY_HEADER_BYTES);
	packed[ENTRY_HEADER_BYTES] = ENTRY_STATE_ERASED;
	message(out, "data",
		"{\"feed\": " GREEN ", \"start\": 299, \"count\": 1, "
		"\"checkpoint\": " CHECKPOINT_301 ", \"right\": [\"" UP_40 "\"], "
		"\"left\": [\"" UP_40 "\", \"" UP_60 "\"], "
		"\"entries\": \"" NODE "101112131415161718191a1b1c1d1e1f" UP_20 "01\"}",
		data);
	message(out, "credit", "{\"bytes\": 262144}",
		(struct wire_message){WIRE_CREDIT, .credit = {262144}});
	message(out, "proof want", "{\"feed\": " GREEN ", \"first\": 300, \"second\": 301}",
		(struct wire_message){WIRE_PROOF_WANT, .proof_want = {green, 300, 301}});
	message(out, "proof",
		"{\"feed\": " GREEN ", \"first\": 300, \"second\": 301, "
		"\"hashes\": [\"" UP_40 "\", \"" UP_60 "\"], "
		"\"checkpoint\": " CHECKPOINT_301 "}",
		proof);
	message(out, "receipt",
		"{\"feed\": " GREEN ", \"checkpoint\": " CHECKPOINT_301
		", \"time\": 1795336201, \"signature\": \"" UP_40 UP_60 "\"}",
		receipt);
	message(out, "witness want",
		"{\"log\": " PROVENANCE ", \"checkpoint\": " CHECKPOINT_301 "}",
		(struct wire_message){
			WIRE_WITNESS_WANT, .witness_want = {acts_log, checkpoint_of(301)}});
	message(out, "witness",
		"{\"log\": " PROVENANCE ", \"size\": 301, \"root\": \"" UP_20
		"\", \"time\": 1795336201, \"signature\": \"" UP_40 UP_60
		"\", \"log_signature\": \"" UP_60 UP_80 "\"}",
		witness);
	message(out, "split",
		"{\"feed\": " GREEN ", \"first\": {\"size\": 300, \"root\": \"" UP_20
		"\", \"signature\": \"" UP_40 UP_60 "\"}, \"second\": " CHECKPOINT_301
		", \"hashes\": [\"" UP_40 "\", \"" UP_60 "\"]}",
		split);
	message(out, "bodies want", "{\"feed\": " GREEN ", \"indexes\": [0, 300]}",
		(struct wire_message){WIRE_BODIES_WANT, .bodies_want = {green, indexes, 2}});
	message(out, "bodies",
		"{\"feed\": " GREEN ", \"bodies\": [{\"index\": 300, \"salt\": \"" NODE
		"\", \"body\": \"626f6479\"}]}",
		(struct wire_message){WIRE_BODIES, .bodies = {green, &body, 1}});
	message(out, "revocation", "{\"note\": \"656e64\"}",
		(struct wire_message){WIRE_REVOCATION, .revocation = {bytes_str("end")}});
	message(out, "ping", "{}", (struct wire_message){.type = WIRE_PING});
	message(out, "bye", "{\"reason\": 2}", (struct wire_message){WIRE_BYE, .bye = {BYE_ENDED}});
}

static void messages(struct buf *out)
{
	greetings(out);
	positions(out);
	transfers(out);
}

/* --- acts ------------------------------------------------------------------------------------- */

static void acts(struct buf *out)
{
	const struct wire_agreement terms = agreement_of(0x0123456789abcdef, 1);
	struct buf body = buf_with_max(ENTRY_BODY_MAX);
	struct act_body act = {
		.act = 8,
		.has_peer = true,
		.session = upwards(0x10, ACT_ID_BYTES),
		.terms = &terms,
		.terms_len = 1,
		.has_log = true,
		.log = log_of(AUDIENCE_AGREEMENT, 0x0123456789abcdef),
		.from = 300,
	};

	memcpy(act.peer.bytes, counting, NODE_ID_BYTES);
	assert_int_equal(act_body_encode(&body, &act), 0);
	vector(out, "sending opened",
		"{\"act\": 8, \"peer\": \"" NODE "\", "
		"\"session\": \"101112131415161718191a1b1c1d1e1f\", \"terms\": [" AGREEMENT_1
		"], \"log\": " PAIR ", \"from\": 300}",
		buf_view(&body));
	buf_reset(&body);
	act = (struct act_body){
		.act = 11,
		.has_log = true,
		.log = log_of(AUDIENCE_GREEN, 0),
		.from = 300,
		.to = 305,
		.root = upwards(0x20, 32),
		.rule = bytes_str("reserved"),
		.operator_name = bytes_str("jdoe"),
		.hash = upwards(0x80, 32),
		.salt = upwards(0xa0, ACT_ID_BYTES),
		.count = 5,
		.publication = upwards(0xb0, 8),
		.text = bytes_str("weekly list"),
		.serial = 3,
	};
	assert_int_equal(act_body_encode(&body, &act), 0);
	vector(out, "published, with every other field",
		"{\"act\": 11, \"log\": " GREEN ", \"from\": 300, \"to\": 305, \"root\": \"" UP_20
		"\", \"rule\": \"reserved\", \"operator_name\": \"jdoe\", \"hash\": \"" UP_80
		"\", \"salt\": \"a0a1a2a3a4a5a6a7a8a9aaabacadaeaf\", \"count\": 5, "
		"\"publication\": \"b0b1b2b3b4b5b6b7\", \"text\": \"weekly list\", \"serial\": 3}",
		buf_view(&body));
	buf_free(&body);
}

/* --- the files -------------------------------------------------------------------------------- */

static const struct {
	const char *path;
	void (*fill)(struct buf *out);
} files[] = {
	{FOLDER "names.json", names},
	{FOLDER "entries.json", entries},
	{FOLDER "records.json", records},
	{FOLDER "messages.json", messages},
	{FOLDER "acts.json", acts},
};

static struct buf made(void (*fill)(struct buf *out))
{
	struct buf out = buf_with_max(1u << 20);

	buf_str(&out, "[");
	fill(&out);
	buf_str(&out, "\n]\n");
	assert_false(buf_failed(&out));
	return out;
}

static void the_files_hold_what_is_encoded_today(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		struct buf text = made(files[i].fill);
		struct bytes kept = test_file(files[i].path);

		if (!bytes_eq(buf_view(&text), kept))
			fail_msg("%s differs", files[i].path);
		buf_free(&text);
		free((void *)(uintptr_t)kept.data);
	}
}

static int write_all(void)
{
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		struct buf text = made(files[i].fill);
		FILE *f = fopen(files[i].path, "w");

		if (!f || fwrite(text.data, 1, text.len, f) != text.len || fclose(f) != 0) {
			perror(files[i].path);
			return 1;
		}
		buf_free(&text);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_files_hold_what_is_encoded_today),
	};

	if (argc == 2 && strcmp(argv[1], "--write") == 0)
		return write_all();
	return cmocka_run_group_tests_name("vectors", tests, NULL, NULL);
}
