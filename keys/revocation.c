/* SPDX-License-Identifier: EUPL-1.2 */
#include "keys/agreement.h"

#include <inttypes.h>

#include "base/text.h"
#include "keys/card.h"
#include "keys/field.h"

#define REVOCATION_FIRST "entente/revocation/v1"

void revocation_text(struct buf *out, const struct revocation *r)
{
	char time[TEXT_TIME_SIZE];

	buf_str(out, REVOCATION_FIRST "\n");
	field_put_id(out, "agreement", r->agreement);
	field_put_node(out, "node", &r->node);
	text_time_s(time, r->time);
	field_put(out, "time", time);
}

static int revocation_fields(struct field_reader *r, struct revocation *v)
{
	struct bytes value;
	int rc = field_first(r, REVOCATION_FIRST);

	if (!rc)
		rc = field_id(r, "agreement", &v->agreement);
	if (!rc)
		rc = field_node(r, "node", &v->node);
	if (!rc)
		rc = field_take(r, "time", &value);
	if (rc)
		return rc;
	if (!field_time_parse(value, &v->time))
		return field_refuse(r, "time", value, "a time such as 2026-11-22T00:00:00Z");
	return field_end(r);
}

int revocation_read(struct bytes input, const char *file, struct revocation *v,
	struct err_text *err)
{
	struct field_reader r = {.file = file ? file : "revocation", .err = err};
	struct note n;
	int rc = note_parse(input, r.file, &n, err);

	if (rc)
		return rc;
	r.rest = n.text;
	return revocation_fields(&r, v);
}

/* 1 for a good signature of the root that the agreement names, or of one that a card has named. */
static int verify(struct bytes input, const struct agreement_party *p,
	const struct card_chain *chain)
{
	struct note n;
	int rc, good;

	if (note_parse(input, NULL, &n, NULL) != 0)
		return ENT_EINVALID;
	good = note_verify(&n, &p->root);
	for (size_t i = 0; chain && i < chain->cards_len && good >= 0; i++) {
		rc = note_verify(&n, &chain->cards[i].root);
		good = rc < 0 ? rc : good | rc;
	}
	return good < 0 ? ENT_ECRYPTO : good;
}

int revocation_parse(struct bytes input, const char *file, const struct agreement *a,
	const struct card_chain *chain, struct revocation *v, struct err_text *err)
{
	const struct agreement_party *p;
	int rc = revocation_read(input, file, v, err);

	file = file ? file : "revocation";
	if (rc)
		return rc;
	if (v->agreement != a->id)
		return err_set(err, ENT_EINVALID,
			"%s:2: agreement: saw %016" PRIx64 ", wanted %016" PRIx64, file,
			v->agreement, a->id);
	p = agreement_party_of(a, &v->node);
	if (!p)
		return err_set(err, ENT_EINVALID,
			"%s:3: node: saw a stranger, wanted a party of %016" PRIx64, file, a->id);
	rc = verify(input, p, chain);
	if (rc == 1)
		return 0;
	return err_set(err, rc == 0 ? ENT_ENOTFOUND : ENT_ECRYPTO,
		"%s: saw no good signature of %s, wanted one", file, p->root.name);
}
