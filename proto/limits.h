/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Every limit on what a peer, a file or an operator can make this program hold, each with its
 * reason. A test stands at each (tests/unit, tests/integration).
 */
#pragma once

/* --- entries ---------------------------------------------------------------------------------- */
#define ENTRY_HEADER_BYTES 64u /* fixed: the leaf of the tree, two SHA-256 blocks with its prefix */
#define ENTRY_SALT_BYTES   16u /* 128 bits: a commitment to a guessable body tells nothing */
#define ENTRY_BODY_MAX     60000u /* a packed entry stays below the 65,535 of tlog-tiles */
#define ENTRY_PACKED_MAX   (ENTRY_HEADER_BYTES + 1u + ENTRY_SALT_BYTES + ENTRY_BODY_MAX)
#define OBJECT_ID_BYTES    16u

#define FLOOR_STEP         256u /* floors lie at multiples: one level of tiles, kept whole */
/* Entries behind which an origin says again how far a former feed is good, */
#define SUCCESSION_AGAIN_ENTRIES 1024u
/* and by which the last word holds up floors of others: retention is theirs, whatever it says. */
#define SUCCESSION_HOLDS_ENTRIES 16384u

#define BATCH_ENTRIES_MAX        4096u           /* entries sealed under one signature (DESIGN 6) */
#define BATCH_BYTES_MAX          (1024u * 1024u) /* bytes sealed under one signature */

/* --- record bodies ---------------------------------------------------------------------------- */
#define RECORD_VALUE_MAX       8192u /* URLs of 8,100 bytes occur */
#define RECORD_LABELS_MAX      32u
#define RECORD_LABEL_MAX       256u
#define RECORD_REFS_MAX        16u
#define RECORD_REF_FIELD_MAX   2048u
#define RECORD_DESCRIPTION_MAX 16384u
#define RECORD_NAME_MAX        1024u
#define RECORD_RULE_MAX        49152u /* a YARA rule; the body limit holds besides */
#define RECORD_REASON_MAX      1024u
#define RECORD_RECIPIENTS_MAX  16u
#define RECORD_RECIPIENT_MAX   256u
#define RECORD_LANG_MAX        64u                /* RFC 5646 asks for room for 35 */
#define RECORD_STIX_TYPE_MAX   250u               /* STIX 2.1 section 2.8 */
#define RECORD_STIX_ID_MAX     288u               /* a type, two hyphens, a UUID */
#define RECORD_TIME_MAX_MS     253402300799999ull /* the end of year 9999: four digits for ever */

/* --- acts ------------------------------------------------------------------------------------- */
#define ACT_ID_BYTES        16u /* of a session, and of a salt */
#define ACT_PUBLICATION_MIN 8u
#define ACT_PUBLICATION_MAX 16u
#define ACT_RULE_MAX        64u
#define ACT_OPERATOR_MAX    128u
#define ACT_TEXT_MAX        512u /* a remark for people, not a place for content */

/* --- signed text ------------------------------------------------------------------------------ */
#define NOTE_BYTES_MAX        65536u /* text and signatures; agreements of 64 parties fit */
#define NOTE_SIGNATURES_MAX   80u    /* 64 parties, some witnesses; the format asks for 16 */
#define NOTE_NAME_MAX         255u
#define ROSTERS_MAX           64u   /* files a node reads */
#define ROSTER_SIGNERS_MAX    64u   /* as many as parties of an agreement */
#define ROSTER_MEMBERS_MAX    256u  /* they fit into a note; more are another roster */
#define REVOCATION_BYTES_MAX  2048u /* four short lines and a few signatures */
#define CARD_BYTES_MAX        16384u
#define CARD_CHAIN_MAX        64u /* cards of one node; one a year is normal */
#define CARD_LOGS_MAX         32u /* incarnations of one node */
#define CARD_ENDPOINTS_MAX    8u
#define CARD_CONTACTS_MAX     8u
#define AGREEMENT_PARTIES_MAX 64u
#define AGREEMENTS_MAX        1024u /* files a node reads; 43 states stay far below */

/* --- sessions --------------------------------------------------------------------------------- */
#define NOISE_MESSAGE_MAX     65535u               /* Noise rev 34 */
#define NOISE_PLAIN_MAX       65519u               /* less the 16-byte tag */
#define WIRE_MESSAGE_MAX      (2u * 1024u * 1024u) /* one message: a full batch with its hashes */
#define WIRE_HEADS_MAX        256u                 /* heads in one message */
#define WIRE_AGREEMENTS_MAX   64u                  /* agreements two nodes can share */
#define WIRE_SOFTWARE_MAX     64u                  /* name and version */
#define WIRE_HASHES_MAX       128u /* hashes of a range or proof: two borders of 64 levels */
#define WIRE_DATA_BYTES_MAX   (256u * 1024u)       /* packed entries in one DATA */
#define WIRE_BODIES_MAX       256u                 /* bodies asked for at once: one look-up each */
#define WIRE_BODIES_BYTES_MAX (256u * 1024u)       /* salts and bodies in one BODIES, as in DATA */
#define SESSION_QUEUE_MAX     (4u * 1024u * 1024u) /* bytes waiting for a slow reader, then cut */
#define SESSION_CREDIT_BYTES  (8u * 1024u * 1024u) /* data in flight towards us in one session */
#define SESSION_CREDIT_MIN    (512u * 1024u) /* with very many sessions: two full DATA messages */
#define SESSIONS_MAX          512u
#define SESSIONS_A_MINUTE     60u   /* of one peer: each costs entries of the provenance log */
#define HANDSHAKES_MAX        64u   /* unauthenticated connections at once; the oldest gives way */
#define HANDSHAKE_MS          5000u /* a stranger's connection is closed after this */
#define REPLAY_MEMORY         4096u /* first messages remembered against replay, at the most */
#define REKEY_MESSAGES        (1u << 20)
#define REKEY_BYTES           (1ull << 34)
#define KEEPALIVE_MS          10000u
#define DEAD_MS               30000u
#define REDIAL_FIRST_MS       500u
#define REDIAL_MAX_MS         60000u

/* --- replication ------------------------------------------------------------------------------ */
#define GOSSIP_PEERS_MAX   512u
#define GOSSIP_ORIGINS_MAX 20000u /* pinned origins; quotas per introducer bound them further */
#define GOSSIP_FEEDS_MAX   65536u
#define GOSSIP_HELD_MS     1000u /* reduced heads: at most one a feed in this time */
#define GOSSIP_RECEIPT_MS  1000u /* receipts: at most one a feed in this time */
#define GOSSIP_RECEIPTS_MAX                                                                        \
	64u /* taken in ten seconds, and so many more a feed: what waited on a stuck line too */
#define GOSSIP_WITNESS_MS  300000u /* a log of acts that has grown is shown again after this */
#define GOSSIP_STALL_MS    3000u   /* no progress while another neighbour is ahead: change over */
#define GOSSIP_JOIN_NEW_MS 2000u   /* a newcomer waits so long for somebody who has it all */
/* Who loses what it holds by joining at a floor waits longer. */
#define GOSSIP_JOIN_AGAIN_MS 60000u
#define GOSSIP_INGEST_MAX    (16u * 1024u * 1024u) /* received, not stored, all peers together */
/* Subscribing costs two entries of the provenance log, new terms the heads of all feeds, a proof or
 * bodies a read of the store: so many of these are taken from a neighbour in the time, and twice
 * more for each feed that it was told of. Who asks more misbehaves. A line may stand still for
 * DEAD_MS, and then bring at once what was asked all the while: it is counted over TIMES such
 * times. */
#define GOSSIP_ASKS_MAX   64u
#define GOSSIP_ASKS_MS    10000u
#define GOSSIP_ASKS_TIMES (1u + DEAD_MS / GOSSIP_ASKS_MS)
/* Of the dear ones no more in the time, however many feeds there are: at new terms each of them is
 * looked at, and with ten thousands that takes milliseconds; bodies are up to 256 reads. Together
 * they keep the engine busy for less than a tenth of the time. */
#define GOSSIP_DEAR_MAX    4096u
#define GOSSIP_DEAR_TERMS  32u /* so much of that: 128 of them */
#define GOSSIP_DEAR_BODIES 32u
#define GOSSIP_DEAR_PROOF  1u
/* What neighbours say of feeds and our trees do not bear out is looked into: so many roots are read
 * from the store between two ticks, a quarter of a second, which takes a few milliseconds, and so
 * many neighbours asked, who answer with a read each. The rest waits for its turn, so however much
 * is said the engine stays free for what arrives. */
#define GOSSIP_DOUBT_READS 64u
#define GOSSIP_DOUBT_ASKS  8u
/* The first seal after a start waits so long for one peer's word on our own feeds. */
#define GOSSIP_FIRST_SEAL_MS 2000u

/* --- operators -------------------------------------------------------------------------------- */
#define CONTROL_MESSAGE_MAX (4u * 1024u * 1024u)
#define CONTROL_CLIENTS_MAX 64u
#define INPUT_LINE_MAX      65536u               /* a line of a list or CSV file */
#define INPUT_OBJECT_MAX    (8u * 1024u * 1024u) /* one JSON object of a bundle */
