/* SPDX-License-Identifier: EUPL-1.2 */
/* Agreements that end by a revocation: many at once, and in several sessions. */
#include "unit/gossip/probe.h"

#define MANY (WIRE_AGREEMENTS_MAX - 1)

/* One more is shared than will end. */
struct many {
	struct arena arena;
	const struct agreement *list[WIRE_AGREEMENTS_MAX];
	struct wire_agreement named[WIRE_AGREEMENTS_MAX];
};

static void many_init(struct many *m)
{
	memset(m, 0, sizeof(*m));
	for (unsigned i = 0; i <= MANY; i++) {
		struct cast_terms terms = probe_terms(PEER);

		terms.id = 0x100 + i;
		m->list[i] = cast_agreement(&terms, &m->arena);
		m->named[i] = (struct wire_agreement){.id = terms.id, .serial = terms.serial};
		memcpy(m->named[i].hash, m->list[i]->hash, sizeof(m->named[i].hash));
	}
}

static void many_greeted(struct many *m, struct probe *p)
{
	struct wire_message hello = {.type = WIRE_HELLO,
		.hello = {.version = WIRE_VERSION,
			.agreements = m->named,
			.agreements_len = MANY + 1,
			.credit = SESSION_CREDIT_BYTES,
			.software = bytes_str("probe")}};

	probe_init(p);
	assert_int_equal(gossip_origin(p->g, &cast_actor(PEER)->chain, NULL), 0);
	gossip_agreements(p->g, probe_time(p), m->list, MANY + 1);
	probe_open(p, 1, PEER);
	probe_hear(p, 1, &hello);
	probe_forget(p);
}

/* As it is done when files have come: one by one, then what is left. */
static void many_revoked(struct many *m, struct probe *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		gossip_revocation(p->g, probe_time(p), 0x100 + i,
			cast_revocation(0x100 + i, PEER, PEER, &m->arena));
	gossip_agreements(p->g, probe_time(p), m->list + n, MANY + 1 - n);
	probe_actions(p);
}

/* What one has said since arrives at the other. */
static bool carry(const struct probe *from, size_t *heard, struct probe *to)
{
	bool any = false;

	for (; *heard < from->said_len; ++*heard) {
		const struct wire_message *m = &from->said[*heard];

		if (m->type != WIRE_REVOCATION && m->type != WIRE_TERMS)
			continue;
		any = true;
		probe_hear(to, 1, m);
		assert_int_equal(to->closed, 0);
	}
	return any;
}

static void many_end(bool at_both)
{
	size_t heard_a = 0, heard_b = 0;
	static struct probe a, b;
	struct many m;

	many_init(&m);
	many_greeted(&m, &a);
	many_greeted(&m, &b);
	many_revoked(&m, &a, MANY);
	if (at_both)
		many_revoked(&m, &b, MANY);
	for (unsigned s = 0; s < 30; s++) {
		while (carry(&a, &heard_a, &b) || carry(&b, &heard_b, &a))
			;
		probe_tick(&a, 1000);
		probe_tick(&b, 1000);
	}
	assert_int_equal(probe_count(&a, WIRE_REVOCATION), MANY);
	assert_int_equal(probe_count(&b, WIRE_REVOCATION), at_both ? MANY : 0);
	probe_free(&a);
	probe_free(&b);
	arena_free(&m.arena);
}

static void many_that_end_at_once_are_told_once_and_blame_nobody(void **state)
{
	(void)state;
	many_end(false);
	many_end(true);
}

/* A peer that counts all of them, tells each back, and says after each what is left. */
static void who_answers_each_end_is_not_told_all_the_others_again(void **state)
{
	struct wire_message terms = {.type = WIRE_TERMS}, back = {.type = WIRE_REVOCATION};
	struct probe p;
	struct many m;

	(void)state;
	for (unsigned n = 12;; n = MANY) {
		many_init(&m);
		many_greeted(&m, &p);
		many_revoked(&m, &p, n);
		for (unsigned i = 0; i < n; i++) {
			back.revocation.note = cast_revocation(0x100 + i, PEER, PEER, &m.arena);
			probe_hear(&p, 1, &back);
			terms.terms.agreements = m.named + i + 1;
			terms.terms.agreements_len = MANY - i;
			probe_hear(&p, 1, &terms);
		}
		assert_int_equal(p.closed, 0);
		assert_true(probe_count(&p, WIRE_REVOCATION) + probe_count(&p, WIRE_TERMS) <=
			    GOSSIP_ASKS_MAX);
		assert_true(probe_count(&p, WIRE_REVOCATION) >= n);
		probe_free(&p);
		arena_free(&m.arena);
		if (n == MANY)
			break;
	}
}

/* It could make nothing of any: they are told again, a few at a time. */
static void many_that_are_named_still_are_told_again_in_time(void **state)
{
	struct wire_message terms = {.type = WIRE_TERMS};
	unsigned said = MANY;
	struct probe p;
	struct many m;

	(void)state;
	many_init(&m);
	many_greeted(&m, &p);
	many_revoked(&m, &p, MANY);
	terms.terms.agreements = m.named;
	terms.terms.agreements_len = MANY + 1;
	probe_hear(&p, 1, &terms);
	assert_int_equal(probe_count(&p, WIRE_REVOCATION), said);
	for (unsigned s = 0; s < 60; s++) {
		unsigned now;

		probe_tick(&p, 1000);
		now = probe_count(&p, WIRE_REVOCATION);
		assert_true(now - said <= GOSSIP_ASKS_MAX / 4);
		said = now;
	}
	assert_int_equal(said, 2 * MANY);
	probe_free(&p);
	arena_free(&m.arena);
}

/* THIRD still names what is over here: its feed is not asked for there. */
static void nobody_is_subscribed_under_what_has_ended(bool revoked)
{
	struct cast_terms pair = probe_terms(PEER), third = probe_terms(THIRD);
	struct cast_terms three = {.id = 0x333,
		.serial = 1,
		.parties = cast_bit(SELF) | cast_bit(PEER) | cast_bit(THIRD)};
	struct sim_log *log;
	struct probe p;

	for (unsigned i = SELF; i <= THIRD; i++)
		three.gives[i] = TLP_BIT(TLP_AMBER);
	probe_init(&p);
	probe_agree(&p, &pair);
	probe_agree(&p, &third);
	probe_agree(&p, &three);
	probe_open(&p, 2, THIRD);
	probe_hear_hello(&p, 2, SESSION_CREDIT_BYTES);
	probe_open(&p, 1, PEER);
	probe_hear_hello(&p, 1, SESSION_CREDIT_BYTES);
	log = probe_published(&p, PEER, audience_agreement(0x333), 4, 100);
	probe_hear_head(&p, 1, &log->complete);
	probe_hear_head(&p, 2, &log->complete);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 1);
	probe_forget(&p);
	if (revoked)
		gossip_revocation(p.g, probe_time(&p), 0x333,
			cast_revocation(0x333, SELF, SELF, &p.arena));
	else
		gossip_agreements(p.g, probe_time(&p), p.agreements, 2);
	probe_actions(&p);
	probe_tick(&p, 2000);
	assert_int_equal(probe_count(&p, WIRE_UNSUBSCRIBE), 1);
	assert_int_equal(probe_count(&p, WIRE_SUBSCRIBE), 0);
	probe_free(&p);
}

static void what_has_ended_is_left_everywhere_at_once(void **state)
{
	(void)state;
	nobody_is_subscribed_under_what_has_ended(true);
	nobody_is_subscribed_under_what_has_ended(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_that_end_at_once_are_told_once_and_blame_nobody),
		cmocka_unit_test(who_answers_each_end_is_not_told_all_the_others_again),
		cmocka_unit_test(many_that_are_named_still_are_told_again_in_time),
		cmocka_unit_test(what_has_ended_is_left_everywhere_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
