/* SPDX-License-Identifier: EUPL-1.2 */
#include "keys/roster.h"

#include <inttypes.h>
#include <sodium.h>

#include "base/arena.h"
#include "base/text.h"
#include "keys/field.h"
#include "keys/identity.h"

#define FIRST_LINE "entente/roster/v1"

/* --- writing ---------------------------------------------------------------------------------- */

static void put_lines(struct buf *out, const char *key, const struct roster_line *lines, size_t len)
{
	char node[NODE_ID_TEXT_SIZE], vkey[NOTE_VKEY_TEXT_MAX];

	for (size_t i = 0; i < len; i++) {
		node_id_text(node, &lines[i].node);
		note_key_text(vkey, &lines[i].root);
		buf_printf(out, "%s: %s %s %s\n", key, lines[i].name, node, vkey);
	}
}

void roster_text(struct buf *out, const struct roster *r)
{
	buf_str(out, FIRST_LINE "\n");
	field_put_id(out, "id", r->id);
	field_put_u64(out, "serial", r->serial);
	field_put(out, "title", r->title);
	field_put_u64(out, "threshold", r->threshold);
	put_lines(out, "signer", r->signers, r->signers_len);
	put_lines(out, "member", r->members, r->members_len);
	field_put_valid(out, r->valid_from, r->valid_until);
}

/* --- reading ---------------------------------------------------------------------------------- */

static int take_line(struct field_reader *f, const char *key, struct roster_line *lines, size_t at)
{
	struct roster_line *line = &lines[at];
	struct bytes value, rest, name, node;
	int rc = field_take(f, key, &value);

	if (rc)
		return rc;
	rest = value;
	if (!text_word_next(&rest, &name) || !text_word_next(&rest, &node) || rest.len < 2)
		return field_refuse(f, key, value, "<name> <node id> <root verifier key>");
	if (!field_name_valid(name))
		return field_refuse(f, key, name,
			"a name of 1 to 63 characters a-z, 0-9 and \"-\", such as fr");
	memcpy(line->name, name.data, name.len);
	if (!node_id_parse(node, &line->node))
		return field_refuse(f, key, node, "a node id of 26 base32 characters");
	rc = field_key(f, key, bytes_skip(rest, 1), &line->node, "root", NOTE_TYPE_ED25519,
		&line->root);
	for (size_t i = 0; !rc && i < at; i++)
		if (strcmp(lines[i].name, line->name) == 0 ||
			node_id_eq(&lines[i].node, &line->node) ||
			memcmp(lines[i].root.public_key, line->root.public_key, 32) == 0)
			rc = field_refuse(f, key, value,
				"name, node and root of its own for each %s", key);
	return rc;
}

static int take_lines(struct field_reader *f, const char *key, struct arena *arena, size_t max,
	struct roster_line **lines, size_t *len)
{
	*len = 0;
	*lines = arena_alloc(arena, max * sizeof(**lines));
	if (!*lines)
		return err_set(f->err, ENT_ENOMEM, "%s: %s", f->file, err_sentence(ENT_ENOMEM));
	memset(*lines, 0, max * sizeof(**lines));
	while (field_next_is(f, key)) {
		int rc;

		if (*len == max)
			return field_error(f->err, f->file, f->line + 1, key, bytes_str("more"),
				"at most %zu of them", max);
		rc = take_line(f, key, *lines, *len);
		if (rc)
			return rc;
		(*len)++;
	}
	return 0;
}

static int take_fields(struct field_reader *f, struct arena *arena, struct roster *r)
{
	int rc = field_first(f, FIRST_LINE);

	if (!rc)
		rc = field_id(f, "id", &r->id);
	if (!rc)
		rc = field_u32(f, "serial", &r->serial);
	if (!rc)
		rc = field_text(f, "title", r->title, sizeof(r->title));
	if (!rc)
		rc = field_u32(f, "threshold", &r->threshold);
	if (!rc)
		rc = take_lines(f, "signer", arena, ROSTER_SIGNERS_MAX, &r->signers,
			&r->signers_len);
	if (!rc)
		rc = take_lines(f, "member", arena, ROSTER_MEMBERS_MAX, &r->members,
			&r->members_len);
	if (!rc)
		rc = field_valid(f, &r->valid_from, &r->valid_until);
	if (!rc)
		rc = field_end(f);
	if (!rc && (r->signers_len == 0 || r->threshold > r->signers_len))
		rc = err_set(f->err, ENT_EINVALID,
			"%s:5: threshold: saw %u of %zu signers, wanted 1 to as many as sign",
			f->file, r->threshold, r->signers_len);
	return rc;
}

static int check_signatures(const struct note *n, const char *file, struct roster *r,
	struct err_text *err)
{
	for (size_t i = 0; i < r->signers_len; i++) {
		int rc = note_verify(n, &r->signers[i].root);

		if (rc < 0)
			return err_set(err, rc,
				"%s:%u: saw a signature of signer %s that does not hold, wanted "
				"one of its root over this text",
				file, note_key_line(n, &r->signers[i].root), r->signers[i].name);
		r->signers[i].signed_by = rc == 1;
		r->signatures_valid += rc == 1;
	}
	return 0;
}

int roster_parse(struct bytes input, const char *file, struct arena *arena, struct roster *r,
	struct err_text *err)
{
	struct field_reader f = {.file = file ? file : "roster", .err = err};
	struct buf again = buf_with_max(NOTE_BYTES_MAX);
	struct note n;
	int rc;

	memset(r, 0, sizeof(*r));
	rc = note_parse_draft(input, f.file, &n, err);
	if (rc)
		return rc;
	f.rest = n.text;
	rc = take_fields(&f, arena, r);
	if (rc)
		return rc;
	roster_text(&again, r);
	rc = field_same(n.text, &again, f.file, err);
	buf_free(&again);
	if (rc)
		return rc;
	crypto_hash_sha256(r->hash, n.text.data, n.text.len);
	return check_signatures(&n, f.file, r, err);
}

int roster_sign(struct buf *out, struct bytes input, const char *file, const struct root_key *root,
	struct err_text *err)
{
	struct arena arena = {0};
	const struct roster_line *own = NULL;
	struct roster r;
	int rc;

	file = file ? file : "roster";
	rc = roster_parse(input, file, &arena, &r, err);
	for (size_t i = 0; !rc && i < r.signers_len; i++)
		if (memcmp(r.signers[i].root.public_key, root->public_key, 32) == 0)
			own = &r.signers[i];
	if (!rc && !own)
		rc = err_set(err, ENT_ECRYPTO, "%s: the root key given is no signer's root", file);
	if (!rc)
		rc = note_sign_file(out, input, file, &own->root, root->secret, err);
	arena_free(&arena);
	return rc;
}

/* --- what it says ----------------------------------------------------------------------------- */

int roster_follows(const struct roster *before, const struct roster *r, struct bytes input,
	const char *file, struct err_text *err)
{
	struct note n;
	size_t signatures = 0;
	int rc;

	if (memcmp(before->hash, r->hash, sizeof(r->hash)) == 0)
		return 0;
	if (r->serial <= before->serial)
		return err_set(err, ENT_EINVALID,
			"%s:3: serial: saw %u, wanted one above %u, which is here under another "
			"text",
			file, r->serial, before->serial);
	rc = note_parse(input, file, &n, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < before->signers_len; i++)
		signatures += note_verify(&n, &before->signers[i].root) == 1;
	if (signatures >= before->threshold)
		return 0;
	return err_set(err, ENT_ECRYPTO,
		"%s: signatures: saw %zu of the signers of serial %u, wanted %u", file, signatures,
		before->serial, before->threshold);
}

bool roster_names(const struct roster *r, const struct node_id *node)
{
	for (size_t i = 0; i < r->members_len; i++)
		if (node_id_eq(&r->members[i].node, node))
			return true;
	return false;
}

bool roster_lists(const struct roster *r, const struct card_chain *chain)
{
	const struct node_id *node = &card_chain_last(chain)->node;

	for (size_t i = 0; i < r->members_len; i++) {
		if (!node_id_eq(&r->members[i].node, node))
			continue;
		for (size_t k = 0; k < chain->cards_len; k++)
			if (memcmp(chain->cards[k].root.public_key, r->members[i].root.public_key,
				    32) == 0)
				return true;
	}
	return false;
}
