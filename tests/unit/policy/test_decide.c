/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * decide() against an oracle that knows the whole world: every combination of two agreements (who
 * is party, when, what is given), origin, audience, marking and door. The oracle is written the
 * other way round: for each door a list of conditions that must all hold, in the order in which
 * they are to be blamed.
 */
#include "lib/test.h"

#include "policy/decide.h"

#define NOW     1800000000
#define LINK_ID 3u /* may join self and peer */
#define FEED_ID 7u /* the agreement whose feed is in question */
#define GONE_ID 9u /* nobody here has heard of it */

enum who { SELF, PEER, THIRD, STRANGER, WHO_COUNT };
enum when { NOT_YET, NOW_IN_FORCE, NO_MORE, WHEN_COUNT };

static const struct node_id nodes[WHO_COUNT] = {
	{{1}},
	{{2}},
	{{3}},
	{{4}},
};

static const struct audience audiences[] = {
	{AUDIENCE_CLEAR, 0},
	{AUDIENCE_GREEN, 0},
	{AUDIENCE_AGREEMENT, FEED_ID},
	{AUDIENCE_AGREEMENT, GONE_ID},
	{AUDIENCE_LOCAL, 0},
	{AUDIENCE_PROVENANCE, NOW},
};

/* An agreement and, for the oracle, what it was made from. */
struct pact {
	struct agreement text;
	struct agreement_party parties[WHO_COUNT];
	unsigned members; /* bit of each enum who */
	enum when when;
	uint32_t gives[WHO_COUNT];
};

static void pact_make(struct pact *p, uint64_t id, unsigned members, enum when when,
	uint32_t self_gives, uint32_t peer_gives)
{
	static const int64_t from[] = {NOW + 1, NOW, NOW - 10};
	static const int64_t until[] = {NOW + 10, NOW + 1, NOW};

	*p = (struct pact){.members = members, .when = when};
	p->gives[SELF] = self_gives;
	p->gives[PEER] = peer_gives;
	p->text.id = id;
	p->text.parties = p->parties;
	p->text.valid_from = from[when];
	p->text.valid_until = until[when];
	for (unsigned who = WHO_COUNT; who-- > 0;) { /* this node is seldom named first */
		struct agreement_party *party = &p->parties[p->text.parties_len];

		if (!(members & (1u << who)))
			continue;
		party->node = nodes[who];
		party->gives = p->gives[who];
		party->types = TYPE_BITS_ALL;
		p->text.parties_len++;
	}
}

struct world {
	struct pact link, feed;
	enum who origin;
	struct audience audience;
	unsigned tlp, pap;
	enum purpose purpose;
	bool recipients, with_peer, with_header;
};

static bool member(const struct pact *p, enum who who)
{
	return p->members & (1u << who);
}

static bool both(const struct pact *p)
{
	return p->when == NOW_IN_FORCE && member(p, SELF) && member(p, PEER);
}

static bool given(const struct world *w, enum who giver)
{
	unsigned bit = w->audience.kind == AUDIENCE_CLEAR ? 2 : 4;

	return (both(&w->link) && (w->link.gives[giver] & bit)) ||
	       (both(&w->feed) && (w->feed.gives[giver] & bit));
}

struct condition {
	bool holds;
	enum policy_rule blame;
};

#define FIRST_BLAME(conditions, else_rule)                                                         \
	for (size_t i_ = 0; i_ < COUNT_OF(conditions); i_++)                                       \
		if (!(conditions)[i_].holds)                                                       \
			return (conditions)[i_].blame;                                             \
	return else_rule

static enum policy_rule oracle_forward(const struct world *w)
{
	bool community = w->audience.kind <= AUDIENCE_GREEN;
	bool shared = w->audience.kind == AUDIENCE_AGREEMENT;
	bool linked = both(&w->link) || both(&w->feed);
	const struct condition conditions[] = {
		{community || shared, RULE_LOCAL_STAYS},
		{linked, RULE_NO_AGREEMENT},
		{!community || given(w, SELF) || w->origin == PEER, RULE_NOT_GIVEN},
		{!shared || w->audience.id == FEED_ID, RULE_NOT_PARTY},
		{!shared || w->feed.when == NOW_IN_FORCE, RULE_ENDED},
		{!shared || both(&w->feed), RULE_NOT_PARTY},
		{!shared || member(&w->feed, w->origin), RULE_ORIGIN_NOT_PARTY},
		{!community || given(w, SELF), RULE_ALLOW_OWN},
		{!community, RULE_ALLOW_GIVES},
	};

	FIRST_BLAME(conditions, RULE_ALLOW_PARTY);
}

static enum policy_rule oracle_receive(const struct world *w)
{
	bool community = w->audience.kind <= AUDIENCE_GREEN;
	bool shared = w->audience.kind == AUDIENCE_AGREEMENT;
	bool linked = both(&w->link) || both(&w->feed);
	bool asked = w->with_peer;
	bool look = w->with_header || !w->with_peer;
	unsigned own_tlp = w->audience.kind == AUDIENCE_CLEAR ? TLP_CLEAR : TLP_GREEN;
	unsigned parties = (unsigned)__builtin_popcount(w->feed.members);
	const struct condition conditions[] = {
		{asked || w->origin != SELF, RULE_ALLOW_OWN},
		{community || shared, RULE_LOCAL_STAYS},
		{!asked || linked, RULE_NO_AGREEMENT},
		{w->origin != SELF, RULE_ALLOW_OWN},
		{!asked || !community || given(w, PEER), RULE_NOT_GIVEN},
		{!asked || !shared || w->audience.id == FEED_ID, RULE_NOT_PARTY},
		{!asked || !shared || w->feed.when == NOW_IN_FORCE, RULE_ENDED},
		{!asked || !shared || both(&w->feed), RULE_NOT_PARTY},
		{!asked || !shared || member(&w->feed, w->origin), RULE_ORIGIN_NOT_PARTY},
		{!look || (w->with_header && w->tlp >= 1 && w->tlp <= 5), RULE_UNMARKED},
		{!look || !community || w->tlp == own_tlp, RULE_MARKING_AUDIENCE},
		{!look || w->tlp != TLP_RED || w->audience.id != FEED_ID || parties == 2,
			RULE_RED_PARTIES},
		{!community, RULE_ALLOW_GIVES},
	};

	FIRST_BLAME(conditions, RULE_ALLOW_PARTY);
}

static enum policy_rule oracle_publish(const struct world *w)
{
	bool community = w->audience.kind <= AUDIENCE_GREEN;
	bool shared = w->audience.kind == AUDIENCE_AGREEMENT;
	unsigned parties = (unsigned)__builtin_popcount(w->feed.members);
	const struct condition conditions[] = {
		{w->with_header && w->tlp >= 1 && w->tlp <= 5, RULE_UNMARKED},
		{w->audience.kind != AUDIENCE_PROVENANCE, RULE_NO_AUDIENCE},
		{w->audience.kind != AUDIENCE_LOCAL, RULE_ALLOW_LOCAL},
		{!community || w->tlp <= TLP_GREEN, RULE_NO_AUDIENCE},
		{!community || w->tlp == w->audience.kind, RULE_MARKING_AUDIENCE},
		{!community, RULE_ALLOW_OWN},
		{!shared || w->audience.id == FEED_ID, RULE_NOT_PARTY},
		{w->feed.when == NOW_IN_FORCE, RULE_ENDED},
		{member(&w->feed, SELF), RULE_NOT_PARTY},
		{(w->feed.gives[SELF] >> w->tlp) & 1, RULE_TLP_NOT_GIVEN},
		{w->tlp != TLP_RED || parties == 2, RULE_RED_PARTIES},
		{w->tlp != TLP_RED || w->recipients, RULE_RED_RECIPIENTS},
	};

	FIRST_BLAME(conditions, RULE_ALLOW_PARTY);
}

static enum policy_rule oracle_target(const struct world *w)
{
	/* What each PAP (none, clear, green, amber, red, unknown) lets a target do. */
	static const char *const permits[] = {"d", "dbp", "dbp", "d", "", ""};
	static const char letters[] = {0, 'd', 'b', 'p'};
	bool public = w->purpose == PURPOSE_PUBLISH;
	const struct condition conditions[] = {
		{w->audience.kind != AUDIENCE_PROVENANCE, RULE_LOCAL_STAYS},
		{w->with_header && w->tlp >= 1 && w->tlp <= 5, RULE_UNMARKED},
		{w->tlp != TLP_RED, RULE_RED_STAYS},
		{!public || w->tlp == TLP_CLEAR, RULE_TLP_TARGET},
		{strchr(permits[w->pap], letters[w->purpose]), RULE_PAP_TARGET},
	};

	FIRST_BLAME(conditions, RULE_ALLOW_TARGET);
}

static void check(const struct world *w, enum door door, enum policy_rule want, const char *guard)
{
	const struct agreement *texts[] = {&w->feed.text, &w->link.text};
	struct log_name feed = {nodes[w->origin], 1, w->audience};
	struct entry_header header = {.version = ENTRY_VERSION,
		.kind = KIND_INDICATOR,
		.type = TYPE_IPV4,
		.tlp = (uint8_t)w->tlp,
		.pap = (uint8_t)w->pap};
	struct policy_query q = {.door = door,
		.feed = &feed,
		.header = w->with_header ? &header : NULL,
		.has_recipients = w->recipients,
		.self = &nodes[SELF],
		.peer = w->with_peer ? &nodes[PEER] : NULL,
		.purpose = w->purpose,
		.guard = guard,
		.agreements = texts,
		.agreements_len = COUNT_OF(texts),
		.now_s = NOW};
	struct policy_verdict v;

	decide(&q, &v);
	if (guard && want <= RULE_ALLOW_TARGET && door != DOOR_FORWARD &&
		!(door == DOOR_RECEIVE && want == RULE_ALLOW_OWN)) {
		assert_false(v.allow);
		assert_int_equal(v.rule, RULE_GUARD);
		assert_string_equal(v.rule_name, guard);
		return;
	}
	if (v.rule != want)
		fail_msg("door %d: %s, wanted %s (origin %d, audience %d/%d, tlp %u, pap %u, "
			 "purpose %d, link %x/%d, feed %x/%d)",
			(int)door, v.rule_name, policy_rule_name(want), (int)w->origin,
			(int)w->audience.kind, (int)w->audience.id, w->tlp, w->pap, (int)w->purpose,
			w->link.members, (int)w->link.when, w->feed.members, (int)w->feed.when);
	assert_int_equal(v.allow, want <= RULE_ALLOW_TARGET);
	assert_string_equal(v.rule_name, policy_rule_name(want));
	if (!v.allow)
		assert_int_equal(v.agreements_len, 0);
	for (size_t i = 1; i < v.agreements_len; i++)
		assert_true(v.agreements[i - 1] < v.agreements[i]);
}

/* One arrangement of agreements: every origin, audience and marking at every door of the exchange.
 */
static void check_doors(struct world *w)
{
	for (unsigned i = 0; i < WHO_COUNT * COUNT_OF(audiences) * 7; i++) {
		w->origin = (enum who)(i % WHO_COUNT);
		w->audience = audiences[i / WHO_COUNT % COUNT_OF(audiences)];
		w->tlp = i / WHO_COUNT / (unsigned)COUNT_OF(audiences);
		for (unsigned flags = 0; flags < 4; flags++) {
			const char *guard = (i + flags) % 5 == 0 ? "reserved" : NULL;

			w->with_peer = flags & 1;
			w->with_header = flags & 2;
			w->recipients = flags & 1;
			check(w, DOOR_RECEIVE, oracle_receive(w), guard);
			check(w, DOOR_PUBLISH, oracle_publish(w), guard);
		}
		w->with_peer = true;
		w->with_header = false;
		check(w, DOOR_FORWARD, oracle_forward(w), i % 3 == 0 ? "reserved" : NULL);
	}
}

static void agrees_with_the_oracle_at_the_doors_of_the_exchange(void **state)
{
	static const uint32_t self_gives[] = {0, 2, 4, 6, 8, 32, 62};
	struct world w = {.purpose = PURPOSE_DETECT};

	(void)state;
	for (unsigned l = 0; l < 2 * 16; l++) {
		unsigned gives = l % 16;

		pact_make(&w.link, LINK_ID, 1u << SELF | 1u << PEER,
			l < 16 ? NOW_IN_FORCE : NO_MORE, (gives & 3) << 1, (gives >> 2) << 1);
		for (unsigned f = 0; f < 16 * WHEN_COUNT * COUNT_OF(self_gives); f++) {
			unsigned members = f % 16;

			if (__builtin_popcount(members) < 2)
				continue;
			pact_make(&w.feed, FEED_ID, members, (enum when)(f / 16 % WHEN_COUNT),
				self_gives[f / 16 / WHEN_COUNT], (f * 7 % 32) << 1);
			check_doors(&w);
		}
	}
}

static void agrees_with_the_oracle_at_the_doors_out(void **state)
{
	struct world w = {.with_header = true};

	(void)state;
	pact_make(&w.link, LINK_ID, 3, NOW_IN_FORCE, 6, 6);
	pact_make(&w.feed, FEED_ID, 3, NOW_IN_FORCE, 62, 62);
	for (unsigned i = 0; i < COUNT_OF(audiences) * 7 * 6 * 3 * 2; i++) {
		w.audience = audiences[i % COUNT_OF(audiences)];
		w.tlp = i / COUNT_OF(audiences) % 7;
		w.pap = i / COUNT_OF(audiences) / 7 % 6;
		w.purpose = (enum purpose)(1 + i / COUNT_OF(audiences) / 7 / 6 % 3);
		w.origin = i % 2 ? SELF : THIRD;
		check(&w, DOOR_SERVE, oracle_target(&w), i % 5 ? NULL : "too-wide");
		check(&w, DOOR_EXPORT, oracle_target(&w), NULL);
	}
	w.with_header = false;
	check(&w, DOOR_SERVE, oracle_target(&w), NULL);
}

static void bounds_a_party_by_its_types(void **state)
{
	struct pact p;
	const struct agreement *texts[] = {&p.text};
	struct log_name feed = {nodes[SELF], 1, {AUDIENCE_AGREEMENT, FEED_ID}};
	struct entry_header header = {.version = ENTRY_VERSION, .tlp = TLP_AMBER};
	struct policy_query q = {.door = DOOR_PUBLISH,
		.feed = &feed,
		.header = &header,
		.self = &nodes[SELF],
		.agreements = texts,
		.agreements_len = 1,
		.now_s = NOW};
	const struct {
		uint32_t types;
		uint8_t kind, type;
		bool allow;
	} cases[] = {
		{TYPE_BIT(TYPE_IPV4), KIND_INDICATOR, TYPE_IPV4, true},
		{TYPE_BIT(TYPE_IPV4), KIND_INDICATOR, TYPE_DOMAIN, false},
		{TYPE_BIT(TYPE_IPV4), KIND_SIGHTING, TYPE_DOMAIN, false},
		{TYPE_BIT(TYPE_IPV4), KIND_OBJECT, TYPE_STIX, true},
		{TYPE_BIT(TYPE_IPV4), KIND_RETRACTION, TYPE_NONE, true},
		{TYPE_BIT(TYPE_IPV4), KIND_RETRACTION, TYPE_DOMAIN, true},
		{TYPE_BIT(TYPE_IPV4), KIND_ERASURE, TYPE_DOMAIN, true},
		{TYPE_BIT(TYPE_IPV4), KIND_OPINION, TYPE_NONE, true},
		{TYPE_BIT(TYPE_IPV4), KIND_INDICATOR, 200, false},
		{0x7fffffff, KIND_INDICATOR, 31, false},
		{0x7fffffff, KIND_INDICATOR, 32, false},
		{TYPE_BITS_ALL, KIND_INDICATOR, 200, true},
	};

	(void)state;
	pact_make(&p, FEED_ID, 3, NOW_IN_FORCE, TLP_BIT(TLP_AMBER), 0);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct policy_verdict v;

		p.parties[1].types = cases[i].types;
		header.kind = cases[i].kind;
		header.type = cases[i].type;
		decide(&q, &v);
		assert_int_equal(v.allow, cases[i].allow);
		assert_int_equal(v.rule, cases[i].allow ? RULE_ALLOW_PARTY : RULE_TYPE_NOT_GIVEN);
	}
	/* Terms narrowed since: nothing new of that TLP, but what was said may be taken back. */
	p.parties[1].types = TYPE_BITS_ALL;
	p.parties[1].gives = 0;
	for (enum kind kind = KIND_INDICATOR; kind <= KIND_OBJECT; kind++) {
		struct policy_verdict v;

		header.kind = (uint8_t)kind;
		decide(&q, &v);
		assert_int_equal(v.allow, kind == KIND_RETRACTION || kind == KIND_ERASURE);
	}
}

static void takes_no_marking_from_a_header_of_another_version(void **state)
{
	struct log_name feed = {nodes[PEER], 1, {AUDIENCE_CLEAR, 0}};
	struct entry_header header = {.version = 2, .kind = KIND_INDICATOR, .tlp = TLP_CLEAR};
	struct policy_query q = {
		.door = DOOR_RECEIVE, .feed = &feed, .header = &header, .self = &nodes[SELF]};
	struct policy_verdict v;

	(void)state;
	decide(&q, &v);
	assert_int_equal(v.rule, RULE_UNMARKED);
	header.version = ENTRY_VERSION;
	decide(&q, &v);
	assert_true(v.allow);
}

static void names_the_eight_lowest_agreements(void **state)
{
	static const uint64_t ids[] = {90, 20, 70, 30, 60, 10, 50, 40, 80, 15, 95};
	struct pact pacts[COUNT_OF(ids)];
	const struct agreement *texts[COUNT_OF(ids)];
	struct log_name feed = {nodes[THIRD], 1, {AUDIENCE_GREEN, 0}};
	struct policy_query q = {.door = DOOR_FORWARD,
		.feed = &feed,
		.self = &nodes[SELF],
		.peer = &nodes[PEER],
		.agreements = texts,
		.agreements_len = COUNT_OF(ids),
		.now_s = NOW};
	const uint64_t want[] = {10, 15, 20, 30, 40, 50, 60, 70};
	struct policy_verdict v;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		pact_make(&pacts[i], ids[i], 3, NOW_IN_FORCE, TLP_BIT(TLP_GREEN), 0);
		texts[i] = &pacts[i].text;
	}
	decide(&q, &v);
	assert_int_equal(v.rule, RULE_ALLOW_GIVES);
	assert_int_equal(v.agreements_len, COUNT_OF(want));
	assert_memory_equal(v.agreements, want, sizeof(want));
}

static void joins_and_introduces_only_while_in_force(void **state)
{
	struct pact p;
	const struct agreement *texts[] = {&p.text};

	(void)state;
	for (unsigned when = 0; when < WHEN_COUNT; when++) {
		bool in_force = when == NOW_IN_FORCE;

		pact_make(&p, FEED_ID, 1u << SELF | 1u << PEER, (enum when)when, 0, 0);
		assert_int_equal(policy_joined(texts, 1, &nodes[SELF], &nodes[PEER], NOW),
			in_force);
		assert_int_equal(policy_joined(texts, 1, &nodes[PEER], &nodes[SELF], NOW),
			in_force);
		assert_false(policy_joined(texts, 1, &nodes[SELF], &nodes[THIRD], NOW));
		assert_false(policy_joined(texts, 1, &nodes[SELF], &nodes[SELF], NOW));
		assert_false(policy_introduces(texts, 1, &nodes[SELF], &nodes[PEER], NOW));
		p.parties[0].introduces = true;
		assert_int_equal(policy_introduces(texts, 1, &nodes[SELF], &nodes[PEER], NOW),
			in_force);
		assert_false(policy_introduces(texts, 1, &nodes[PEER], &nodes[SELF], NOW));
	}
}

static void denies_at_a_door_that_is_none(void **state)
{
	struct log_name feed = {nodes[SELF], 1, {AUDIENCE_CLEAR, 0}};
	struct policy_query q = {.door = (enum door)99, .feed = &feed, .self = &nodes[SELF]};
	struct policy_verdict v;

	(void)state;
	decide(&q, &v);
	assert_false(v.allow);
	assert_int_equal(v.rule, RULE_UNKNOWN_DOOR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_oracle_at_the_doors_of_the_exchange),
		cmocka_unit_test(agrees_with_the_oracle_at_the_doors_out),
		cmocka_unit_test(bounds_a_party_by_its_types),
		cmocka_unit_test(takes_no_marking_from_a_header_of_another_version),
		cmocka_unit_test(names_the_eight_lowest_agreements),
		cmocka_unit_test(joins_and_introduces_only_while_in_force),
		cmocka_unit_test(denies_at_a_door_that_is_none),
	};

	return cmocka_run_group_tests_name("policy/decide", tests, NULL, NULL);
}
