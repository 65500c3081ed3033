/* SPDX-License-Identifier: EUPL-1.2 */
#include "unit/net/fixture.h"

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>

static size_t sessions_open(const struct node *node)
{
	struct net_session *s;
	size_t count = 0;

	TAILQ_FOREACH(s, &node->net->sessions, all)
	count += s->state == NET_SESSION_OPEN;
	return count;
}

static bool settled(const struct node *a, const struct node *b)
{
	struct net_session *s;

	if (a->sessions_len != 1 || b->sessions_len != 1)
		return false;
	TAILQ_FOREACH(s, &a->net->sessions, all)
	if (s->state != NET_SESSION_OPEN)
		return false;
	TAILQ_FOREACH(s, &b->net->sessions, all)
	if (s->state != NET_SESSION_OPEN)
		return false;
	return true;
}

/* Both dial, apart by up to some milliseconds: one session is left, the same at both ends, and
 * it works. */
static void two_that_dial_each_other_end_with_one_session(void **state)
{
	struct env_rng rng;
	uint64_t seed = 42;
	size_t raced = 0;

	(void)state;
	rng = test_rng(&seed);
	for (int round = 0; round < 50; round++) {
		static struct node a, b;
		uint64_t delay = env_random_u64(&rng) % 4;
		bool a_first = env_random_u64(&rng) % 2;
		size_t before;
		struct world w;

		world_start(&w);
		w.seed = (uint64_t)round;
		node_start(&w, &a, 1);
		node_start(&w, &b, 2);
		a.allowed[a.allowed_len++].node = &b;
		b.allowed[b.allowed_len++].node = &a;
		node_know(a_first ? &a : &b, a_first ? &b : &a, a_first ? b.address : a.address);
		/* The other side has to know the peer before it answers, and dials from then on. */
		if (delay > 0)
			world_run(&w, delay - 1);
		node_know(a_first ? &b : &a, a_first ? &a : &b, a_first ? a.address : b.address);
		WAIT_FOR(&w, settled(&a, &b));
		world_run(&w, 30);
		assert_true(settled(&a, &b));
		assert_memory_equal(a.last_hash, b.last_hash, NOISE_HASH_BYTES);
		raced += a.closed > 0 || b.closed > 0;
		before = b.messages;
		assert_int_equal(node_send(&a, WIRE_HELD, BYTES_NONE), 0);
		WAIT_FOR(&w, b.messages == before + 1);
		node_stop(&a);
		node_stop(&b);
		world_end(&w);
	}
	print_message("%zu of 50 rounds had two sessions for a moment\n", raced);
}

/* Nobody can have a session open that is not confirmed here: it goes when the peer gets in
 * first. */
static void an_unconfirmed_attempt_ends_when_the_peer_gets_in(void **state)
{
	static struct node a, b;
	uint8_t greeting[NET_GREETING_BYTES], back[1];
	int listener, fd;
	char address[64];
	struct rogue r;
	struct world w;
	bool ended;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_make(&w, &b, 2);
	listener = raw_listen(address);
	node_know(&a, &b, address);
	fd = raw_accept(&w, listener);
	assert_int_equal(raw_receive(&w, fd, greeting, sizeof(greeting), WAIT_MS, &ended),
		sizeof(greeting));
	rogue_connect(&w, &r, &b, &a, 7);
	rogue_message(&r, WIRE_HELLO, BYTES_NONE);
	WAIT_FOR(&w, a.opened == 1);
	assert_int_equal(raw_receive(&w, fd, back, sizeof(back), WAIT_MS, &ended), 0);
	assert_true(ended);
	assert_int_equal(a.closed, 0);
	close(fd);
	close(listener);
	close(r.fd);
	node_stop(&a);
	world_end(&w);
}

/* a's own session with b is open when one that b dialled at the same time is confirmed. */
static void of_two_at_once_the_smaller_ids_stays(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		for (int smaller = 0; smaller < 2; smaller++) {
			static struct node a, b;
			bool replaced = late || smaller;
			uint8_t back[4096];
			struct rogue r;
			struct world w;
			bool ended;

			world_start(&w);
			node_start(&w, &a, 10);
			node_start(&w, &b, smaller ? 9 : 11);
			node_know(&b, &a, NULL);
			node_know(&a, &b, b.address);
			WAIT_FOR(&w, a.messages == 1 && b.messages == 1);
			if (late)
				a.session->greeted_ms -= NET_RACE_MS;
			rogue_connect(&w, &r, &b, &a, 7);
			rogue_message(&r, WIRE_HELLO, BYTES_NONE);
			if (replaced) {
				WAIT_FOR(&w, a.opened == 2 && a.closed == 1);
				assert_false(net_session_initiator(a.session));
				assert_memory_equal(a.last_hash, r.hash, sizeof(r.hash));
			} else {
				assert_true(raw_receive(&w, r.fd, back, sizeof(back), WAIT_MS,
						    &ended) > 0);
				assert_true(ended);
				assert_int_equal(a.opened, 1);
				assert_true(net_session_initiator(a.session));
			}
			assert_int_equal(a.sessions_len, 1);
			close(r.fd);
			node_stop(&a);
			node_stop(&b);
			world_end(&w);
		}
	}
}

static void a_listener_that_comes_back_is_found_again(void **state)
{
	static struct node a, b;
	char address[64];
	struct world w;

	(void)state;
	pair_start(&w, &a, &b);
	memcpy(address, b.address, sizeof(address));
	node_stop(&b);
	WAIT_FOR(&w, a.closed == 1);
	assert_true(a.clean);
	WAIT_FOR(&w, strstr(node_info(&a, &b).last_error, "connection refused") != NULL);
	assert_int_equal(node_info(&a, &b).state, NET_DOWN);
	node_start(&w, &b, 2);
	node_listen(&b, address);
	node_know(&b, &a, NULL);
	WAIT_FOR(&w, a.opened == 2 && b.opened == 1);
	assert_int_equal(node_info(&a, &b).state, NET_CONNECTED);
	assert_string_equal(node_info(&a, &b).last_error, "");
	pair_end(&w, &a, &b);
}

static void the_first_redial_comes_within_a_second(void **state)
{
	static struct node a, b;
	struct net_peer *p;
	struct world w;

	(void)state;
	pair_start(&w, &a, &b);
	p = net_peer_find(a.net, &b.id);
	net_close(b.session, BYE_STOPPING, "test");
	WAIT_FOR(&w, a.closed == 1);
	/* By the loop's own clock: this machine may have other things to do. */
	assert_in_range(uv_timer_get_due_in(&p->timer), 1, 1000);
	WAIT_FOR(&w, a.opened == 2);
	pair_end(&w, &a, &b);
}

static void the_wait_grows_up_to_its_bound(void **state)
{
	static struct node a, b;
	struct net_peer *p;
	uint64_t last = 0;
	struct world w;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_make(&w, &b, 2);
	node_know(&a, &b, "127.0.0.1:9"); /* nobody */
	p = net_peer_find(a.net, &b.id);
	for (uint32_t expected = REDIAL_FIRST_MS; last < REDIAL_MAX_MS; last = expected) {
		uint64_t due;

		WAIT_FOR(&w, uv_timer_get_due_in(&p->timer) > 50 && !p->attempt);
		due = uv_timer_get_due_in(&p->timer);
		assert_in_range(due, expected / 2 - 10, expected);
		expected = expected * 2 > REDIAL_MAX_MS ? REDIAL_MAX_MS : expected * 2;
		assert_int_equal(p->backoff, expected);
		uv_timer_start(&p->timer, p->timer.timer_cb, 0, 0); /* as if it were over */
		world_turn(&w);
	}
	assert_int_equal(node_info(&a, &b).state, NET_DOWN);
	assert_string_equal(node_info(&a, &b).last_error, "connection refused");
	node_stop(&a);
	world_end(&w);
}

static void an_end_without_an_answer_is_a_refusal(void **state)
{
	static struct node a, b;
	char address[64];
	struct world w;
	int listener;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_make(&w, &b, 2);
	listener = raw_listen(address);
	node_know(&a, &b, address);
	assert_int_equal(node_info(&a, &b).state, NET_DOWN);
	WAIT_FOR(&w, node_info(&a, &b).state == NET_CONNECTING);
	close(raw_accept(&w, listener));
	WAIT_FOR(&w, node_info(&a, &b).state == NET_REFUSED);
	assert_non_null(strstr(node_info(&a, &b).last_error, "no answer to the handshake"));
	close(listener);
	node_stop(&a);
	world_end(&w);
}

static void a_silent_listener_is_a_refusal_too(void **state)
{
	static struct node a, b;
	char address[64];
	struct world w;
	int listener;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	a.net->times.handshake = 300;
	node_make(&w, &b, 2);
	listener = raw_listen(address);
	node_know(&a, &b, address);
	WAIT_FOR(&w, node_info(&a, &b).state == NET_REFUSED);
	close(listener);
	node_stop(&a);
	world_end(&w);
}

static void endpoints_are_tried_in_turn(void **state)
{
	static struct node a, b;
	const char *endpoints[3] = {"127.0.0.1:9", "no-such-host.invalid:7466", NULL};
	char by_name[64];
	struct world w;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_start(&w, &b, 2);
	snprintf(by_name, sizeof(by_name), "localhost%s", strrchr(b.address, ':'));
	endpoints[2] = by_name;
	node_know(&b, &a, NULL);
	assert_int_equal(net_peer_set(a.net, &b.id, b.public, no_psk, endpoints, 3), 0);
	WAIT_FOR(&w, a.opened == 1 && b.opened == 1);
	node_stop(&a);
	node_stop(&b);
	world_end(&w);
}

static void a_peer_removed_while_its_name_is_looked_up_is_gone(void **state)
{
	static struct node a, peers[6];
	struct world w;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	for (size_t i = 0; i < COUNT_OF(peers); i++) {
		node_make(&w, &peers[i], (uint8_t)(10 + i));
		node_know(&a, &peers[i], "no-such-host.invalid:7466");
	}
	WAIT_FOR(&w, a.net->resolves > 0);
	assert_true(a.net->resolves <= NET_RESOLVES_MAX);
	for (size_t i = 0; i < COUNT_OF(peers); i++)
		net_peer_remove(a.net, &peers[i].id);
	node_stop(&a);
	world_end(&w);
}

/* --- a name server that does not answer ------------------------------------------------------- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t opened;
	bool closed; /* names that begin with "slow" are not answered */
	atomic_uint asked, running;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};

static void gate_set(bool closed)
{
	pthread_mutex_lock(&gate.lock);
	gate.closed = closed;
	pthread_cond_broadcast(&gate.opened);
	pthread_mutex_unlock(&gate.lock);
}

/* In the place of the C library's. */
__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
	const struct addrinfo *hints, struct addrinfo **list)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
		(int (*)(const char *, const char *, const struct addrinfo *,
			struct addrinfo **))dlsym(RTLD_NEXT, "getaddrinfo");

	if (strcmp(node, "quick.test") == 0)
		return real("127.0.0.1", service, hints, list);
	if (strncmp(node, "slow", 4) != 0)
		return real(node, service, hints, list);
	atomic_fetch_add(&gate.asked, 1);
	atomic_fetch_add(&gate.running, 1);
	usleep(100000);
	pthread_mutex_lock(&gate.lock);
	while (gate.closed)
		pthread_cond_wait(&gate.opened, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
	atomic_fetch_sub(&gate.running, 1);
	return EAI_AGAIN;
}

static void an_address_waits_for_no_name_server(void **state)
{
	static struct node a, b, peers[5];
	const char *endpoints[2] = {"slow.test:7466", NULL};
	struct world w;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_start(&w, &b, 2);
	gate_set(true);
	for (size_t i = 0; i < COUNT_OF(peers); i++) {
		node_make(&w, &peers[i], (uint8_t)(10 + i));
		node_know(&a, &peers[i], endpoints[0]);
	}
	WAIT_FOR(&w, a.net->resolves == NET_RESOLVES_MAX);
	node_know(&b, &a, NULL);
	endpoints[1] = b.address;
	assert_int_equal(net_peer_set(a.net, &b.id, b.public, no_psk, endpoints, 2), 0);
	WAIT_FOR(&w, a.opened == 1 && b.opened == 1);
	assert_int_equal(a.net->resolves, NET_RESOLVES_MAX);
	gate_set(false);
	node_stop(&a);
	node_stop(&b);
	world_end(&w);
}

static void the_end_waits_for_no_name_server(void **state)
{
	static struct node a, peers[5];
	struct world w;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	gate_set(true);
	for (size_t i = 0; i < COUNT_OF(peers); i++) {
		node_make(&w, &peers[i], (uint8_t)(10 + i));
		node_know(&a, &peers[i], "slow.test:7466");
	}
	WAIT_FOR(&w, a.net->resolves == NET_RESOLVES_MAX);
	node_stop(&a);
	gate_set(false);
	world_end(&w);
}

static void slow_names_keep_others_waiting_once(void **state)
{
	static struct node a, b, peers[6];
	char quick[64];
	struct world w;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_start(&w, &b, 2);
	node_know(&b, &a, NULL);
	a.net->times.slow_name = 50;
	a.net->times.redial_first = a.net->times.redial_max = 10;
	atomic_store(&gate.asked, 0);
	for (size_t i = 0; i < COUNT_OF(peers); i++) {
		node_make(&w, &peers[i], (uint8_t)(10 + i));
		node_know(&a, &peers[i], "slow.test:7466");
	}
	WAIT_FOR(&w, atomic_load(&gate.asked) > 2 * COUNT_OF(peers));
	gate_set(true);
	world_run(&w, 500);
	snprintf(quick, sizeof(quick), "quick.test%s", strrchr(b.address, ':'));
	node_know(&a, &b, quick);
	WAIT_FOR(&w, a.opened == 1 && b.opened == 1);
	assert_int_equal(atomic_load(&gate.running), 1);
	/* None of them is forgotten: each gets its turn. */
	gate_set(false);
	atomic_store(&gate.asked, 0);
	WAIT_FOR(&w, atomic_load(&gate.asked) > 2 * COUNT_OF(peers));
	for (size_t i = 0; i < COUNT_OF(peers); i++)
		assert_non_null(strstr(node_info(&a, &peers[i]).last_error, "no address"));
	node_stop(&a);
	node_stop(&b);
	world_end(&w);
}

static void a_node_with_a_session_does_not_dial(void **state)
{
	static struct node a, b;
	char address[64];
	struct world w;
	int listener;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_start(&w, &b, 2);
	node_know(&b, &a, NULL);
	node_know(&a, &b, b.address);
	WAIT_FOR(&w, a.messages == 1 && b.messages == 1);
	listener = raw_listen(address);
	node_know(&a, &b, address);
	node_know(&b, &a, address);
	world_run(&w, 200);
	assert_int_equal(accept(listener, NULL, NULL), -1);
	assert_int_equal(sessions_open(&a), 1);
	close(listener);
	node_stop(&a);
	node_stop(&b);
	world_end(&w);
}

static void a_penalised_peer_is_not_dialled(void **state)
{
	static struct node a, b;
	uint64_t begin = now_ms();
	struct world w;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_start(&w, &b, 2);
	node_know(&b, &a, NULL);
	node_know(&a, &b, b.address);
	net_peer_penalty(a.net, &b.id, 700);
	WAIT_FOR(&w, a.opened == 1);
	assert_true(now_ms() - begin >= 700);
	node_stop(&a);
	node_stop(&b);
	world_end(&w);
}

static void refuses_what_is_no_endpoint(void **state)
{
	static const char *const bad[] = {"b.example:7466", "b.example"};
	static const char *const zero[] = {"b.example:0"};
	static const char *many[CARD_ENDPOINTS_MAX + 1];
	static struct node a, b;
	struct net_peer_info info;
	struct world w;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	node_make(&w, &b, 2);
	for (size_t i = 0; i < COUNT_OF(many); i++)
		many[i] = "b.example:7466";
	assert_int_equal(net_peer_set(a.net, &b.id, b.public, no_psk, bad, 2), ENT_EINVALID);
	assert_int_equal(net_peer_set(a.net, &b.id, b.public, no_psk, zero, 1), ENT_EINVALID);
	assert_int_equal(net_peer_set(a.net, &b.id, b.public, no_psk, many, COUNT_OF(many)),
		ENT_EINVALID);
	assert_false(net_peer_info(a.net, &b.id, &info));
	node_stop(&a);
	world_end(&w);
}

static void peers_are_bounded(void **state)
{
	static struct node a;
	struct node_id id = {{0}};
	uint8_t key[32] = {9};
	struct world w;

	(void)state;
	world_start(&w);
	node_start(&w, &a, 1);
	for (uint32_t i = 0; i <= SESSIONS_MAX; i++) {
		be32_put(id.bytes, i);
		assert_int_equal(net_peer_set(a.net, &id, key, no_psk, NULL, 0),
			i < SESSIONS_MAX ? 0 : ENT_ELIMIT);
	}
	node_stop(&a);
	world_end(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_that_dial_each_other_end_with_one_session),
		cmocka_unit_test(an_unconfirmed_attempt_ends_when_the_peer_gets_in),
		cmocka_unit_test(of_two_at_once_the_smaller_ids_stays),
		cmocka_unit_test(a_listener_that_comes_back_is_found_again),
		cmocka_unit_test(the_first_redial_comes_within_a_second),
		cmocka_unit_test(the_wait_grows_up_to_its_bound),
		cmocka_unit_test(an_end_without_an_answer_is_a_refusal),
		cmocka_unit_test(a_silent_listener_is_a_refusal_too),
		cmocka_unit_test(endpoints_are_tried_in_turn),
		cmocka_unit_test(a_peer_removed_while_its_name_is_looked_up_is_gone),
		cmocka_unit_test(an_address_waits_for_no_name_server),
		cmocka_unit_test(the_end_waits_for_no_name_server),
		cmocka_unit_test(slow_names_keep_others_waiting_once),
		cmocka_unit_test(a_node_with_a_session_does_not_dial),
		cmocka_unit_test(a_penalised_peer_is_not_dialled),
		cmocka_unit_test(refuses_what_is_no_endpoint),
		cmocka_unit_test(peers_are_bounded),
	};

	/* As entented does: libuv looks up names in half of its threads. */
	setenv("UV_THREADPOOL_SIZE", "8", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
