/* SPDX-License-Identifier: EUPL-1.2 */
#include "proto/codec_impl.h"

#include <pb_encode.h>

#include "base/text.h"
#include "wire.pb.h"

/* --- pieces ----------------------------------------------------------------------------------- */

int codec_fixed_take(uint8_t *out, size_t len, struct bytes b)
{
	if (b.len != len)
		return ENT_EINVALID;
	memcpy(out, b.data, len);
	return 0;
}

/* A provenance log is not offered as a feed, and a local feed to nobody. */
static bool audience_travels(struct audience a)
{
	return a.kind != AUDIENCE_PROVENANCE && a.kind != AUDIENCE_LOCAL;
}

int codec_feed_take(struct log_name *feed, struct bytes packed)
{
	if (!log_name_unpack(packed, feed) || !audience_travels(feed->audience))
		return ENT_EINVALID;
	return 0;
}

int codec_feed_give(struct bytes *packed, uint8_t out[LOG_NAME_BYTES], const struct log_name *feed)
{
	struct log_name check;

	log_name_pack(out, feed);
	*packed = bytes_from(out, LOG_NAME_BYTES);
	return codec_feed_take(&check, *packed);
}

/* A proof may also be about a log of acts: its owner's witnesses want one. */
static int log_take(struct log_name *log, struct bytes packed)
{
	if (!log_name_unpack(packed, log) || log->audience.kind == AUDIENCE_LOCAL)
		return ENT_EINVALID;
	return 0;
}

static int log_give(struct bytes *packed, uint8_t out[LOG_NAME_BYTES], const struct log_name *log)
{
	struct log_name check;

	log_name_pack(out, log);
	*packed = bytes_from(out, LOG_NAME_BYTES);
	return log_take(&check, *packed);
}

static int checkpoint_take(struct wire_checkpoint *c, bool present, const entente_Checkpoint *m)
{
	int rc;

	*c = (struct wire_checkpoint){.present = present};
	if (!present)
		return 0;
	c->size = m->size;
	if ((rc = codec_fixed_take(c->root, sizeof(c->root), m->root)) != 0)
		return rc;
	return codec_fixed_take(c->signature, sizeof(c->signature), m->signature);
}

static entente_Checkpoint checkpoint_give(const struct wire_checkpoint *c)
{
	return (entente_Checkpoint){
		.size = c->size,
		.root = BYTES_OF(c->root),
		.signature = BYTES_OF(c->signature),
	};
}

static int hashes_take(const struct codec_list *list, struct arena *a, const uint8_t (**hashes)[32],
	size_t *len)
{
	const struct bytes *views = list->items;
	uint8_t(*all)[32];
	int rc;

	*hashes = NULL;
	*len = list->len;
	if (list->len == 0)
		return 0;
	all = arena_alloc(a, list->len * sizeof(*all));
	if (!all)
		return ENT_ENOMEM;
	for (size_t i = 0; i < list->len; i++)
		if ((rc = codec_fixed_take(all[i], sizeof(all[i]), views[i])) != 0)
			return rc;
	*hashes = (const uint8_t(*)[32])all;
	return 0;
}

static bool hash_write(pb_ostream_t *stream, const void *items, size_t at)
{
	const uint8_t(*hashes)[32] = items;

	return pb_encode_string(stream, hashes[at], sizeof(hashes[at]));
}

static struct codec_list hashes_list(const uint8_t (*hashes)[32], size_t len)
{
	return (struct codec_list){.items = hashes, .len = len, .write = hash_write};
}

static bool agreement_write(pb_ostream_t *stream, const void *items, size_t at)
{
	const struct wire_agreement *a = (const struct wire_agreement *)items + at;
	entente_AgreementRef m = {.id = a->id, .serial = a->serial, .hash = BYTES_OF(a->hash)};

	return pb_encode_submessage(stream, entente_AgreementRef_fields, &m);
}

struct codec_list codec_agreements_list(const struct wire_agreement *agreements, size_t len)
{
	return (struct codec_list){.items = agreements, .len = len, .write = agreement_write};
}

int codec_agreements_decode(const struct codec_list *list, struct arena *a,
	const struct wire_agreement **agreements, size_t *len)
{
	const struct bytes *views = list->items;
	struct wire_agreement *all;
	int rc;

	*agreements = NULL;
	*len = list->len;
	if (list->len == 0)
		return 0;
	all = arena_alloc(a, list->len * sizeof(*all));
	if (!all)
		return ENT_ENOMEM;
	for (size_t i = 0; i < list->len; i++) {
		entente_AgreementRef m = {0};

		if ((rc = codec_decode(entente_AgreementRef_fields, &m, views[i], NULL)) != 0)
			return rc;
		all[i].id = m.id;
		all[i].serial = m.serial;
		if ((rc = codec_fixed_take(all[i].hash, sizeof(all[i].hash), m.hash)) != 0)
			return rc;
	}
	*agreements = all;
	return 0;
}

/* --- HELLO, TERMS, CARDS ---------------------------------------------------------------------- */

static int hello_check(const struct wire_hello *h)
{
	if (h->agreements_len > WIRE_AGREEMENTS_MAX || h->software.len > WIRE_SOFTWARE_MAX)
		return ENT_ELIMIT;
	if (!text_printable(h->software))
		return ENT_EINVALID;
	if (h->has_provenance ? h->provenance_log.audience.kind != AUDIENCE_PROVENANCE
			      : h->provenance.present)
		return ENT_EINVALID;
	return 0;
}

static int hello_encode(struct buf *out, const struct wire_hello *h)
{
	uint8_t log[LOG_NAME_BYTES];
	entente_Hello m = {
		.version = h->version,
		.card_serial = h->card_serial,
		.agreements = codec_agreements_list(h->agreements, h->agreements_len),
		.credit = h->credit,
		.software = h->software,
		.has_provenance = h->provenance.present,
		.provenance = checkpoint_give(&h->provenance),
	};
	struct log_name check;
	int rc = hello_check(h);

	if (rc != 0)
		return rc;
	if (h->has_provenance) {
		log_name_pack(log, &h->provenance_log);
		m.provenance_log = BYTES_OF(log);
		if (!log_name_unpack(m.provenance_log, &check))
			return ENT_EINVALID;
	}
	return codec_encode(out, entente_Hello_fields, &m, WIRE_MESSAGE_MAX);
}

static int hello_decode(struct bytes payload, struct arena *a, struct wire_hello *h)
{
	entente_Hello m = {.agreements = {.max = WIRE_AGREEMENTS_MAX}};
	int rc;

	if ((rc = codec_decode(entente_Hello_fields, &m, payload, a)) != 0)
		return rc;
	*h = (struct wire_hello){
		.version = m.version,
		.card_serial = m.card_serial,
		.credit = m.credit,
		.software = m.software,
		.has_provenance = m.provenance_log.len > 0,
	};
	if (h->has_provenance && !log_name_unpack(m.provenance_log, &h->provenance_log))
		return ENT_EINVALID;
	if ((rc = checkpoint_take(&h->provenance, m.has_provenance, &m.provenance)) != 0 ||
		(rc = codec_agreements_decode(&m.agreements, a, &h->agreements,
			 &h->agreements_len)) != 0)
		return rc;
	return hello_check(h);
}

static int terms_encode(struct buf *out, const struct wire_terms *t)
{
	const entente_Terms m = {
		.agreements = codec_agreements_list(t->agreements, t->agreements_len),
	};

	if (t->agreements_len > WIRE_AGREEMENTS_MAX)
		return ENT_ELIMIT;
	return codec_encode(out, entente_Terms_fields, &m, WIRE_MESSAGE_MAX);
}

static int terms_decode(struct bytes payload, struct arena *a, struct wire_terms *t)
{
	entente_Terms m = {.agreements = {.max = WIRE_AGREEMENTS_MAX}};
	int rc;

	if ((rc = codec_decode(entente_Terms_fields, &m, payload, a)) != 0)
		return rc;
	return codec_agreements_decode(&m.agreements, a, &t->agreements, &t->agreements_len);
}

static int cards_check(const struct wire_cards *c)
{
	if (c->cards_len > CARD_CHAIN_MAX)
		return ENT_ELIMIT;
	for (size_t i = 0; i < c->cards_len; i++) {
		if (c->cards[i].len > CARD_BYTES_MAX)
			return ENT_ELIMIT;
		if (c->cards[i].len == 0)
			return ENT_EINVALID;
	}
	return 0;
}

static int cards_encode(struct buf *out, const struct wire_cards *c)
{
	const entente_Cards m = {.cards = {.items = c->cards, .len = c->cards_len}};
	int rc = cards_check(c);

	return rc ? rc : codec_encode(out, entente_Cards_fields, &m, WIRE_MESSAGE_MAX);
}

static int cards_decode(struct bytes payload, struct arena *a, struct wire_cards *c)
{
	entente_Cards m = {.cards = {.max = CARD_CHAIN_MAX}};
	int rc;

	if ((rc = codec_decode(entente_Cards_fields, &m, payload, a)) != 0)
		return rc;
	*c = (struct wire_cards){.cards = m.cards.items, .cards_len = m.cards.len};
	return cards_check(c);
}

/* --- HEADS, HELD ------------------------------------------------------------------------------ */

static bool head_write(pb_ostream_t *stream, const void *items, size_t at)
{
	const struct wire_head *h = (const struct wire_head *)items + at;
	uint8_t feed[LOG_NAME_BYTES];
	entente_Head m = {
		.floor = h->floor,
		.held = h->held,
		.has_newest = h->newest.present,
		.newest = checkpoint_give(&h->newest),
	};

	return codec_feed_give(&m.feed, feed, &h->feed) == 0 &&
	       pb_encode_submessage(stream, entente_Head_fields, &m);
}

static int head_decode(struct bytes view, struct wire_head *h)
{
	entente_Head m = {0};
	int rc;

	if ((rc = codec_decode(entente_Head_fields, &m, view, NULL)) != 0 ||
		(rc = codec_feed_take(&h->feed, m.feed)) != 0)
		return rc;
	h->floor = m.floor;
	h->held = m.held;
	return checkpoint_take(&h->newest, m.has_newest, &m.newest);
}

static int heads_encode(struct buf *out, const struct wire_heads *h)
{
	const entente_Heads m = {
		.heads = {.items = h->heads, .len = h->heads_len, .write = head_write},
	};
	uint8_t packed[LOG_NAME_BYTES];
	struct bytes feed;

	if (h->heads_len > WIRE_HEADS_MAX)
		return ENT_ELIMIT;
	for (size_t i = 0; i < h->heads_len; i++)
		if (codec_feed_give(&feed, packed, &h->heads[i].feed) != 0)
			return ENT_EINVALID;
	return codec_encode(out, entente_Heads_fields, &m, WIRE_MESSAGE_MAX);
}

static int heads_decode(struct bytes payload, struct arena *a, struct wire_heads *h)
{
	entente_Heads m = {.heads = {.max = WIRE_HEADS_MAX}};
	const struct bytes *views;
	struct wire_head *all;
	int rc;

	if ((rc = codec_decode(entente_Heads_fields, &m, payload, a)) != 0)
		return rc;
	*h = (struct wire_heads){0};
	if (m.heads.len == 0)
		return 0;
	all = arena_alloc(a, m.heads.len * sizeof(*all));
	if (!all)
		return ENT_ENOMEM;
	views = m.heads.items;
	for (size_t i = 0; i < m.heads.len; i++)
		if ((rc = head_decode(views[i], &all[i])) != 0)
			return rc;
	*h = (struct wire_heads){.heads = all, .heads_len = m.heads.len};
	return 0;
}

static int held_encode(struct buf *out, const struct wire_held *h)
{
	uint8_t feed[LOG_NAME_BYTES];
	entente_Held m = {.size = h->size, .root = BYTES_OF(h->root)};
	int rc = codec_feed_give(&m.feed, feed, &h->feed);

	return rc ? rc : codec_encode(out, entente_Held_fields, &m, WIRE_MESSAGE_MAX);
}

static int held_decode(struct bytes payload, struct wire_held *h)
{
	entente_Held m = {0};
	int rc;

	if ((rc = codec_decode(entente_Held_fields, &m, payload, NULL)) != 0 ||
		(rc = codec_feed_take(&h->feed, m.feed)) != 0)
		return rc;
	h->size = m.size;
	return codec_fixed_take(h->root, sizeof(h->root), m.root);
}

/* --- SUBSCRIBE, UNSUBSCRIBE, DATA, CREDIT ----------------------------------------------------- */

static int subscribe_encode(struct buf *out, const struct wire_subscribe *s)
{
	uint8_t feed[LOG_NAME_BYTES];
	entente_Subscribe m = {.from = s->from};
	int rc = codec_feed_give(&m.feed, feed, &s->feed);

	return rc ? rc : codec_encode(out, entente_Subscribe_fields, &m, WIRE_MESSAGE_MAX);
}

static int subscribe_decode(struct bytes payload, struct wire_subscribe *s)
{
	entente_Subscribe m = {0};
	int rc;

	if ((rc = codec_decode(entente_Subscribe_fields, &m, payload, NULL)) != 0)
		return rc;
	s->from = m.from;
	return codec_feed_take(&s->feed, m.feed);
}

static int unsubscribe_encode(struct buf *out, const struct wire_unsubscribe *u)
{
	uint8_t feed[LOG_NAME_BYTES];
	entente_Unsubscribe m = {0};
	int rc = codec_feed_give(&m.feed, feed, &u->feed);

	return rc ? rc : codec_encode(out, entente_Unsubscribe_fields, &m, WIRE_MESSAGE_MAX);
}

static int unsubscribe_decode(struct bytes payload, struct wire_unsubscribe *u)
{
	entente_Unsubscribe m = {0};
	int rc;

	if ((rc = codec_decode(entente_Unsubscribe_fields, &m, payload, NULL)) != 0)
		return rc;
	return codec_feed_take(&u->feed, m.feed);
}

static int data_check(const struct wire_data *d)
{
	if (d->right_len > WIRE_HASHES_MAX || d->left_len > WIRE_HASHES_MAX ||
		d->entries.len > WIRE_DATA_BYTES_MAX)
		return ENT_ELIMIT;
	/* The least that an entry takes is a header and its state. */
	if (d->count > d->entries.len / (ENTRY_HEADER_BYTES + 1) ||
		d->start > UINT64_MAX - d->count)
		return ENT_EINVALID;
	return 0;
}

static int data_encode(struct buf *out, const struct wire_data *d)
{
	uint8_t feed[LOG_NAME_BYTES];
	entente_Data m = {
		.start = d->start,
		.count = d->count,
		.has_checkpoint = d->checkpoint.present,
		.checkpoint = checkpoint_give(&d->checkpoint),
		.right = hashes_list(d->right, d->right_len),
		.left = hashes_list(d->left, d->left_len),
		.entries = d->entries,
	};
	int rc;

	if ((rc = data_check(d)) != 0 || (rc = codec_feed_give(&m.feed, feed, &d->feed)) != 0)
		return rc;
	return codec_encode(out, entente_Data_fields, &m, WIRE_MESSAGE_MAX);
}

static int data_decode(struct bytes payload, struct arena *a, struct wire_data *d)
{
	entente_Data m = {.right = {.max = WIRE_HASHES_MAX}, .left = {.max = WIRE_HASHES_MAX}};
	int rc;

	if ((rc = codec_decode(entente_Data_fields, &m, payload, a)) != 0)
		return rc;
	*d = (struct wire_data){.start = m.start, .count = m.count, .entries = m.entries};
	if ((rc = codec_feed_take(&d->feed, m.feed)) != 0 ||
		(rc = checkpoint_take(&d->checkpoint, m.has_checkpoint, &m.checkpoint)) != 0 ||
		(rc = hashes_take(&m.right, a, &d->right, &d->right_len)) != 0 ||
		(rc = hashes_take(&m.left, a, &d->left, &d->left_len)) != 0)
		return rc;
	return data_check(d);
}

static int credit_encode(struct buf *out, const struct wire_credit *c)
{
	const entente_Credit m = {.bytes = c->bytes};

	return codec_encode(out, entente_Credit_fields, &m, WIRE_MESSAGE_MAX);
}

static int credit_decode(struct bytes payload, struct wire_credit *c)
{
	entente_Credit m = {0};
	int rc = codec_decode(entente_Credit_fields, &m, payload, NULL);

	c->bytes = m.bytes;
	return rc;
}

/* --- PROOF_WANT, PROOF, SPLIT, PING, BYE ------------------------------------------------------ */

static int proof_want_encode(struct buf *out, const struct wire_proof_want *p)
{
	uint8_t feed[LOG_NAME_BYTES];
	entente_ProofWant m = {.first = p->first, .second = p->second};
	int rc = log_give(&m.feed, feed, &p->feed);

	return rc ? rc : codec_encode(out, entente_ProofWant_fields, &m, WIRE_MESSAGE_MAX);
}

static int proof_want_decode(struct bytes payload, struct wire_proof_want *p)
{
	entente_ProofWant m = {0};
	int rc;

	if ((rc = codec_decode(entente_ProofWant_fields, &m, payload, NULL)) != 0)
		return rc;
	p->first = m.first;
	p->second = m.second;
	return log_take(&p->feed, m.feed);
}

static int proof_encode(struct buf *out, const struct wire_proof *p)
{
	uint8_t feed[LOG_NAME_BYTES];
	entente_Proof m = {
		.first = p->first,
		.second = p->second,
		.hashes = hashes_list(p->hashes, p->hashes_len),
		.has_checkpoint = p->checkpoint.present,
		.checkpoint = checkpoint_give(&p->checkpoint),
	};
	int rc = log_give(&m.feed, feed, &p->feed);

	if (p->hashes_len > WIRE_HASHES_MAX)
		return ENT_ELIMIT;
	return rc ? rc : codec_encode(out, entente_Proof_fields, &m, WIRE_MESSAGE_MAX);
}

static int proof_decode(struct bytes payload, struct arena *a, struct wire_proof *p)
{
	entente_Proof m = {.hashes = {.max = WIRE_HASHES_MAX}};
	int rc;

	if ((rc = codec_decode(entente_Proof_fields, &m, payload, a)) != 0)
		return rc;
	*p = (struct wire_proof){.first = m.first, .second = m.second};
	if ((rc = log_take(&p->feed, m.feed)) != 0 ||
		(rc = hashes_take(&m.hashes, a, &p->hashes, &p->hashes_len)) != 0)
		return rc;
	return checkpoint_take(&p->checkpoint, m.has_checkpoint, &m.checkpoint);
}

static int split_check(const struct wire_split *s)
{
	if (s->hashes_len > WIRE_HASHES_MAX)
		return ENT_ELIMIT;
	if (!s->first.present || !s->second.present || s->first.size == 0 ||
		s->first.size > s->second.size)
		return ENT_EINVALID;
	return (s->first.size == s->second.size) == (s->hashes_len == 0) ? 0 : ENT_EINVALID;
}

static int split_encode(struct buf *out, const struct wire_split *s)
{
	uint8_t feed[LOG_NAME_BYTES];
	entente_Split m = {
		.has_first = true,
		.first = checkpoint_give(&s->first),
		.has_second = true,
		.second = checkpoint_give(&s->second),
		.hashes = hashes_list(s->hashes, s->hashes_len),
	};
	int rc;

	if ((rc = split_check(s)) != 0 || (rc = codec_feed_give(&m.feed, feed, &s->feed)) != 0)
		return rc;
	return codec_encode(out, entente_Split_fields, &m, WIRE_MESSAGE_MAX);
}

static int split_decode(struct bytes payload, struct arena *a, struct wire_split *s)
{
	entente_Split m = {.hashes = {.max = WIRE_HASHES_MAX}};
	int rc;

	if ((rc = codec_decode(entente_Split_fields, &m, payload, a)) != 0)
		return rc;
	*s = (struct wire_split){0};
	if ((rc = codec_feed_take(&s->feed, m.feed)) != 0 ||
		(rc = checkpoint_take(&s->first, m.has_first, &m.first)) != 0 ||
		(rc = checkpoint_take(&s->second, m.has_second, &m.second)) != 0 ||
		(rc = hashes_take(&m.hashes, a, &s->hashes, &s->hashes_len)) != 0)
		return rc;
	return split_check(s);
}

static int revocation_check(struct bytes note)
{
	if (note.len > REVOCATION_BYTES_MAX)
		return ENT_ELIMIT;
	return note.len ? 0 : ENT_EINVALID;
}

static int revocation_encode(struct buf *out, const struct wire_revocation *r)
{
	entente_Revocation m = {.note = r->note};
	int rc = revocation_check(r->note);

	return rc ? rc : codec_encode(out, entente_Revocation_fields, &m, WIRE_MESSAGE_MAX);
}

static int revocation_decode(struct bytes payload, struct wire_revocation *r)
{
	entente_Revocation m = {0};
	int rc = codec_decode(entente_Revocation_fields, &m, payload, NULL);

	r->note = m.note;
	return rc ? rc : revocation_check(m.note);
}

static int ping_encode(struct buf *out)
{
	const entente_Ping m = {0};

	return codec_encode(out, entente_Ping_fields, &m, WIRE_MESSAGE_MAX);
}

static int ping_decode(struct bytes payload)
{
	entente_Ping m = {0};

	return codec_decode(entente_Ping_fields, &m, payload, NULL);
}

static int bye_encode(struct buf *out, const struct wire_bye *b)
{
	const entente_Bye m = {.reason = b->reason};

	return codec_encode(out, entente_Bye_fields, &m, WIRE_MESSAGE_MAX);
}

static int bye_decode(struct bytes payload, struct wire_bye *b)
{
	entente_Bye m = {0};
	int rc = codec_decode(entente_Bye_fields, &m, payload, NULL);

	b->reason = m.reason;
	return rc;
}

/* --- RECEIPT, WITNESS_WANT, WITNESS ----------------------------------------------------------- */

/* Of a cosignature; 0 would say that there is no time. */
static bool time_valid(uint64_t time)
{
	return time > 0 && time <= INT64_MAX;
}

static int receipt_check(const struct wire_receipt *r)
{
	return r->checkpoint.present && r->checkpoint.size > 0 && time_valid(r->time)
		       ? 0
		       : ENT_EINVALID;
}

static int receipt_encode(struct buf *out, const struct wire_receipt *r)
{
	uint8_t feed[LOG_NAME_BYTES];
	entente_Receipt m = {
		.has_checkpoint = true,
		.checkpoint = checkpoint_give(&r->checkpoint),
		.time = r->time,
		.signature = BYTES_OF(r->signature),
	};
	int rc;

	if ((rc = receipt_check(r)) != 0 || (rc = codec_feed_give(&m.feed, feed, &r->feed)) != 0)
		return rc;
	return codec_encode(out, entente_Receipt_fields, &m, WIRE_MESSAGE_MAX);
}

static int receipt_decode(struct bytes payload, struct wire_receipt *r)
{
	entente_Receipt m = {0};
	int rc;

	if ((rc = codec_decode(entente_Receipt_fields, &m, payload, NULL)) != 0 ||
		(rc = codec_feed_take(&r->feed, m.feed)) != 0 ||
		(rc = checkpoint_take(&r->checkpoint, m.has_checkpoint, &m.checkpoint)) != 0 ||
		(rc = codec_fixed_take(r->signature, sizeof(r->signature), m.signature)) != 0)
		return rc;
	r->time = m.time;
	return receipt_check(r);
}

static int witness_want_check(const struct wire_witness_want *w)
{
	return w->log.audience.kind == AUDIENCE_PROVENANCE && w->checkpoint.present &&
			       w->checkpoint.size > 0
		       ? 0
		       : ENT_EINVALID;
}

static int witness_want_encode(struct buf *out, const struct wire_witness_want *w)
{
	uint8_t log[LOG_NAME_BYTES];
	entente_WitnessWant m = {
		.has_checkpoint = true,
		.checkpoint = checkpoint_give(&w->checkpoint),
	};
	int rc;

	if ((rc = witness_want_check(w)) != 0 || (rc = log_give(&m.log, log, &w->log)) != 0)
		return rc;
	return codec_encode(out, entente_WitnessWant_fields, &m, WIRE_MESSAGE_MAX);
}

static int witness_want_decode(struct bytes payload, struct wire_witness_want *w)
{
	entente_WitnessWant m = {0};
	int rc;

	if ((rc = codec_decode(entente_WitnessWant_fields, &m, payload, NULL)) != 0 ||
		(rc = log_take(&w->log, m.log)) != 0 ||
		(rc = checkpoint_take(&w->checkpoint, m.has_checkpoint, &m.checkpoint)) != 0)
		return rc;
	return witness_want_check(w);
}

static int witness_check(const struct wire_witness *w)
{
	return w->log.audience.kind == AUDIENCE_PROVENANCE && w->size > 0 && time_valid(w->time)
		       ? 0
		       : ENT_EINVALID;
}

static int witness_encode(struct buf *out, const struct wire_witness *w)
{
	uint8_t log[LOG_NAME_BYTES];
	entente_Witness m = {
		.size = w->size,
		.root = BYTES_OF(w->root),
		.time = w->time,
		.signature = BYTES_OF(w->signature),
		.log_signature = BYTES_OF(w->log_signature),
	};
	int rc;

	if ((rc = witness_check(w)) != 0 || (rc = log_give(&m.log, log, &w->log)) != 0)
		return rc;
	return codec_encode(out, entente_Witness_fields, &m, WIRE_MESSAGE_MAX);
}

static int witness_decode(struct bytes payload, struct wire_witness *w)
{
	entente_Witness m = {0};
	int rc;

	if ((rc = codec_decode(entente_Witness_fields, &m, payload, NULL)) != 0 ||
		(rc = log_take(&w->log, m.log)) != 0 ||
		(rc = codec_fixed_take(w->root, sizeof(w->root), m.root)) != 0 ||
		(rc = codec_fixed_take(w->signature, sizeof(w->signature), m.signature)) != 0 ||
		(rc = codec_fixed_take(w->log_signature, sizeof(w->log_signature),
			 m.log_signature)) != 0)
		return rc;
	w->size = m.size;
	w->time = m.time;
	return witness_check(w);
}

/* --- all of them ------------------------------------------------------------------------------ */

static int payload_encode(struct buf *out, const struct wire_message *m)
{
	switch (m->type) {
	case WIRE_HELLO:
		return hello_encode(out, &m->hello);
	case WIRE_TERMS:
		return terms_encode(out, &m->terms);
	case WIRE_CARDS:
		return cards_encode(out, &m->cards);
	case WIRE_HEADS:
		return heads_encode(out, &m->heads);
	case WIRE_HELD:
		return held_encode(out, &m->held);
	case WIRE_SUBSCRIBE:
		return subscribe_encode(out, &m->subscribe);
	case WIRE_UNSUBSCRIBE:
		return unsubscribe_encode(out, &m->unsubscribe);
	case WIRE_DATA:
		return data_encode(out, &m->data);
	case WIRE_CREDIT:
		return credit_encode(out, &m->credit);
	case WIRE_PROOF_WANT:
		return proof_want_encode(out, &m->proof_want);
	case WIRE_PROOF:
		return proof_encode(out, &m->proof);
	case WIRE_PING:
		return ping_encode(out);
	case WIRE_BYE:
		return bye_encode(out, &m->bye);
	case WIRE_RECEIPT:
		return receipt_encode(out, &m->receipt);
	case WIRE_WITNESS_WANT:
		return witness_want_encode(out, &m->witness_want);
	case WIRE_WITNESS:
		return witness_encode(out, &m->witness);
	case WIRE_SPLIT:
		return split_encode(out, &m->split);
	case WIRE_BODIES_WANT:
		return codec_bodies_want_encode(out, &m->bodies_want);
	case WIRE_BODIES:
		return codec_bodies_encode(out, &m->bodies);
	case WIRE_REVOCATION:
		return revocation_encode(out, &m->revocation);
	}
	return ENT_EVERSION;
}

int wire_encode(struct buf *out, const struct wire_message *m)
{
	size_t start = out->len;
	int rc;

	if (!buf_extend(out, WIRE_PREFIX_BYTES))
		return ENT_ELIMIT;
	if ((rc = payload_encode(out, m)) != 0) {
		out->len = start;
		return rc;
	}
	be32_put(out->data + start, (uint32_t)(out->len - start - WIRE_PREFIX_BYTES));
	out->data[start + 4] = (uint8_t)m->type;
	return 0;
}

int wire_decode(uint8_t type, struct bytes payload, struct arena *a, struct wire_message *m)
{
	if (payload.len > WIRE_MESSAGE_MAX)
		return ENT_ELIMIT;
	memset(m, 0, sizeof(*m));
	m->type = (enum wire_type)type;
	switch (m->type) {
	case WIRE_HELLO:
		return hello_decode(payload, a, &m->hello);
	case WIRE_TERMS:
		return terms_decode(payload, a, &m->terms);
	case WIRE_CARDS:
		return cards_decode(payload, a, &m->cards);
	case WIRE_HEADS:
		return heads_decode(payload, a, &m->heads);
	case WIRE_HELD:
		return held_decode(payload, &m->held);
	case WIRE_SUBSCRIBE:
		return subscribe_decode(payload, &m->subscribe);
	case WIRE_UNSUBSCRIBE:
		return unsubscribe_decode(payload, &m->unsubscribe);
	case WIRE_DATA:
		return data_decode(payload, a, &m->data);
	case WIRE_CREDIT:
		return credit_decode(payload, &m->credit);
	case WIRE_PROOF_WANT:
		return proof_want_decode(payload, &m->proof_want);
	case WIRE_PROOF:
		return proof_decode(payload, a, &m->proof);
	case WIRE_PING:
		return ping_decode(payload);
	case WIRE_BYE:
		return bye_decode(payload, &m->bye);
	case WIRE_RECEIPT:
		return receipt_decode(payload, &m->receipt);
	case WIRE_WITNESS_WANT:
		return witness_want_decode(payload, &m->witness_want);
	case WIRE_WITNESS:
		return witness_decode(payload, &m->witness);
	case WIRE_SPLIT:
		return split_decode(payload, a, &m->split);
	case WIRE_BODIES_WANT:
		return codec_bodies_want_decode(payload, a, &m->bodies_want);
	case WIRE_BODIES:
		return codec_bodies_decode(payload, a, &m->bodies);
	case WIRE_REVOCATION:
		return revocation_decode(payload, &m->revocation);
	}
	return ENT_EVERSION;
}
