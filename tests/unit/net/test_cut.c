/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Two nodes that dial each other over lines that are cut, stall in one direction, or lose
 * connections at one end only: whatever the two believe of each other's sessions when all is well
 * again, they end with one, the same at both ends. The times are those of real life, divided.
 */
#include "unit/net/fixture.h"

#define ROUNDS      4
#define ROUNDS_LONG 200 /* when ENTENTE_LONG is set */
#define FASTER      50u /* than in real life */
#define PIPES_MAX   256
#define CALM_TURNS  20u /* for so many turns of the loop nothing may change any more */

struct pipe {
	int ends[2]; /* -1: gone */
};

/* Connections to one node go through it. */
struct relay {
	int listener;
	char address[64];
	const char *to;
	struct pipe pipes[PIPES_MAX];
	size_t len;
	bool stalls[2]; /* from the one who dials, from the one who is dialled */
};

static void relay_accept(struct relay *r)
{
	struct pipe *p = &r->pipes[r->len];
	int fd = accept4(r->listener, NULL, NULL, SOCK_NONBLOCK);

	if (fd < 0)
		return;
	assert_true(r->len < PIPES_MAX);
	p->ends[0] = fd;
	p->ends[1] = raw_connect(r->to);
	r->len++;
}

static void pipe_close(struct pipe *p, int end, bool abort)
{
	struct linger now = {1, 0};

	if (p->ends[end] < 0)
		return;
	if (abort)
		setsockopt(p->ends[end], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(p->ends[end]);
	p->ends[end] = -1;
}

/* What has come at one end goes out at the other; an end of one is the end of the other, once that
 * gets through. */
static void pipe_carry(struct relay *r, struct pipe *p, int from)
{
	static uint8_t bytes[65536];
	ssize_t len;

	if (r->stalls[from] || p->ends[from] < 0)
		return;
	if (p->ends[!from] < 0) {
		pipe_close(p, from, true);
		return;
	}
	len = recv(p->ends[from], bytes, sizeof(bytes), 0);
	if (len > 0)
		(void)!send(p->ends[!from], bytes, (size_t)len, MSG_NOSIGNAL);
	else if (len == 0 || errno != EAGAIN)
		pipe_close(p, !from, len < 0);
	if (len == 0)
		pipe_close(p, from, false);
}

static void relay_turn(struct relay *r)
{
	if (!r->stalls[0] && !r->stalls[1])
		relay_accept(r);
	for (size_t i = 0; i < r->len; i++)
		for (int from = 0; from < 2; from++)
			pipe_carry(r, &r->pipes[i], from);
}

static void relay_start(struct relay *r, const char *to)
{
	memset(r, 0, sizeof(*r));
	r->listener = raw_listen(r->address);
	assert_int_equal(fcntl(r->listener, F_SETFL, O_NONBLOCK), 0);
	r->to = to;
}

static void relay_end(struct relay *r)
{
	for (size_t i = 0; i < r->len; i++)
		for (int end = 0; end < 2; end++)
			pipe_close(&r->pipes[i], end, true);
	close(r->listener);
}

static void hasten(struct net *n)
{
	n->times.handshake /= FASTER;
	n->times.keepalive /= FASTER;
	n->times.dead /= FASTER;
	n->times.redial_first /= FASTER;
	n->times.redial_max /= FASTER;
	n->times.settled /= FASTER;
	n->times.farewell /= FASTER;
	n->times.race /= FASTER;
	n->times.tick /= FASTER;
	uv_timer_set_repeat(&n->tick, n->times.tick);
	uv_timer_again(&n->tick);
}

static bool one_session(const struct node *a, const struct node *b)
{
	return a->sessions_len == 1 && b->sessions_len == 1 &&
	       a->session->state == NET_SESSION_OPEN && b->session->state == NET_SESSION_OPEN &&
	       memcmp(a->last_hash, b->last_hash, NOISE_HASH_BYTES) == 0;
}

static void turn(struct world *w, struct relay r[2])
{
	relay_turn(&r[0]);
	relay_turn(&r[1]);
	world_turn(w);
}

/* Something happens to the lines, and stays so for a while. */
static void trouble(struct world *w, struct relay r[2], const struct env_rng *rng)
{
	struct relay *one = &r[env_random_u64(rng) % 2];
	uint64_t what = env_random_u64(rng) % 5;
	uint64_t until = now_ms() + env_random_u64(rng) % (20000 / FASTER);

	if (what < 2)
		for (int i = 0; i < 4; i++)
			r[i / 2].stalls[i % 2] = what == 0;
	else if (what == 2)
		one->stalls[env_random_u64(rng) % 2] = true;
	else if (what == 3 && one->len > 0)
		pipe_close(&one->pipes[one->len - 1], (int)(env_random_u64(rng) % 2), true);
	while (now_ms() < until)
		turn(w, r);
}

/* Gives how long it took them. */
static uint64_t find_each_other(struct world *w, struct relay r[2], const struct node *a,
	const struct node *b, int round)
{
	uint64_t began = now_ms();
	unsigned calm = 0;

	for (int i = 0; i < 4; i++)
		r[i / 2].stalls[i % 2] = false;
	while (calm < CALM_TURNS) {
		if (now_ms() - began > WAIT_MS)
			fail_msg("round %d: one end has %zu sessions (%s), the other %zu (%s)",
				round, a->sessions_len, node_info(a, b).last_error, b->sessions_len,
				node_info(b, a).last_error);
		turn(w, r);
		calm = one_session(a, b) ? calm + 1 : 0;
	}
	return now_ms() - began;
}

static uint64_t play(int round, const struct env_rng *rng)
{
	static struct relay r[2];
	static struct node a, b;
	struct world w;
	uint64_t took;

	world_start(&w);
	w.seed = (uint64_t)round;
	node_start(&w, &a, 1);
	node_start(&w, &b, 2);
	hasten(a.net);
	hasten(b.net);
	relay_start(&r[0], a.address);
	relay_start(&r[1], b.address);
	a.allowed[a.allowed_len++].node = &b;
	b.allowed[b.allowed_len++].node = &a;
	node_know(&a, &b, r[1].address);
	node_know(&b, &a, r[0].address);
	for (unsigned i = 0; i < 8; i++)
		trouble(&w, r, rng);
	took = find_each_other(&w, r, &a, &b, round);
	relay_end(&r[0]);
	relay_end(&r[1]);
	node_stop(&a);
	node_stop(&b);
	world_end(&w);
	return took;
}

static void whoever_was_cut_off_ends_with_one_session(void **state)
{
	int rounds = getenv("ENTENTE_LONG") ? ROUNDS_LONG : ROUNDS;
	uint64_t seed = 7, longest = 0;
	struct env_rng rng = test_rng(&seed);

	(void)state;
	for (int round = 0; round < rounds; round++) {
		uint64_t took = play(round, &rng);

		longest = took > longest ? took : longest;
	}
	print_message("%u s of real life at the most\n", (unsigned)(longest * FASTER / 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_was_cut_off_ends_with_one_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
