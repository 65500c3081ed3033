/* SPDX-License-Identifier: EUPL-1.2 */
#include "keys/agreement.h"

#include <inttypes.h>

#include "base/text.h"
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

int revocation_parse(struct bytes input, const char *file, const struct agreement *a,
	struct revocation *v, struct err_text *err)
{
	struct field_reader r = {.file = file ? file : "revocation", .err = err};
	const struct agreement_party *p;
	struct note n;
	int rc;

	rc = note_parse(input, r.file, &n, err);
	if (rc)
		return rc;
	r.rest = n.text;
	rc = revocation_fields(&r, v);
	if (rc)
		return rc;
	if (v->agreement != a->id)
		return err_set(err, ENT_EINVALID,
			"%s:2: agreement: saw %016" PRIx64 ", wanted %016" PRIx64, r.file,
			v->agreement, a->id);
	p = agreement_party_of(a, &v->node);
	if (!p)
		return err_set(err, ENT_EINVALID,
			"%s:3: node: saw a stranger, wanted a party of %016" PRIx64, r.file, a->id);
	if (note_verify(&n, &p->root) != 1)
		return err_set(err, ENT_ECRYPTO, "%s: saw no good signature of %s, wanted one",
			r.file, p->root.name);
	return 0;
}
