/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The handshake on a connection.
 *
 *   initiator:  MAC(16) || u16 96 || message 1          114 bytes
 *   responder:                 u16 48 || message 2       50 bytes
 *
 * The responder judges in the order of what a judgement costs and tells: the length, the MAC (a
 * stranger who does not know our key ends here, at the price of one hash), message 1 (two
 * Diffie-Hellman), whether the key belongs to an allowed peer, whether the message is new. Whoever
 * fails at any point gets the same silence for the same time.
 */
#include "net/impl.h"

#include <sodium.h>
#include <string.h>

#define PROLOGUE_BYTES 26

/* Gathers the greeting; true when want bytes are there. */
static bool greeting_gather(struct net_session *s, struct bytes *input, size_t want)
{
	size_t take = want - s->greeting_len;

	if (take > input->len)
		take = input->len;
	memcpy(s->greeting + s->greeting_len, input->data, take);
	s->greeting_len += take;
	*input = bytes_skip(*input, take);
	return s->greeting_len == want;
}

static void keys_split(struct net_session *s)
{
	noise_split(&s->noise, &s->sending, &s->receiving, s->hash);
	noise_wipe(&s->noise);
	sodium_memzero(s->psk, sizeof(s->psk));
}

/* Begins with our key in force, or with the one before. */
static void noise_begin(struct net_session *s, const uint8_t *remote)
{
	const struct net_config *c = &s->net->config;
	const struct node_id *responder = s->initiator ? &s->id : &c->self;
	uint8_t prologue[PROLOGUE_BYTES];

	noise_prologue(prologue, responder);
	noise_init(&s->noise, s->initiator, BYTES_OF(prologue),
		s->former ? c->former_secret : c->transport_secret,
		s->former ? c->former_public : c->transport_public, remote);
}

void net_handshake_begin(struct net_session *s)
{
	const struct net_config *c = &s->net->config;
	uint8_t out[NET_GREETING_BYTES], secret[NOISE_KEY_BYTES];
	uint8_t *message = out + NOISE_MAC_BYTES + NET_FRAME_PREFIX;
	size_t len;
	int rc;

	memcpy(s->psk, s->peer->psk, sizeof(s->psk));
	memcpy(s->remote, s->peer->key, sizeof(s->remote));
	s->former = c->former_secret && s->peer->try_former && !s->peer->knows;
	noise_begin(s, s->remote);
	env_random(&c->rng, secret, sizeof(secret));
	rc = noise_write1(&s->noise, secret, BYTES_NONE, message, &len);
	sodium_memzero(secret, sizeof(secret));
	if (rc != 0) {
		net_session_drop(s, "the peer's transport key is unusable");
		return;
	}
	be16_put(out + NOISE_MAC_BYTES, NOISE_MSG1_BYTES);
	noise_mac(out, s->remote, bytes_from(message, len));
	s->state = NET_SESSION_MESSAGE2;
	s->greeted_ms = uv_now(s->net->loop);
	net_write(s, out, sizeof(out), 0);
}

static void message2_take(struct net_session *s)
{
	uint8_t payload[1];
	size_t len;

	if (be16_get(s->greeting) != NOISE_MSG2_BYTES ||
		noise_read2(&s->noise, s->psk,
			bytes_from(s->greeting + NET_FRAME_PREFIX, NOISE_MSG2_BYTES), payload,
			&len) != 0) {
		net_session_drop(s,
			"the answer to the handshake does not fit: another pre-shared key, "
			"or not the peer");
		return;
	}
	keys_split(s);
	net_session_open(s);
}

/* Whether the greeting is that of a peer who gets an answer. Sets s->peer, s->id and s->psk. */
static bool message1_read(struct net_session *s)
{
	struct net *n = s->net;
	const struct net_config *c = &n->config;
	struct bytes message =
		bytes_from(s->greeting + NOISE_MAC_BYTES + NET_FRAME_PREFIX, NOISE_MSG1_BYTES);
	uint8_t payload[1];
	struct net_peer *peer;
	size_t len;

	if (be16_get(s->greeting + NOISE_MAC_BYTES) != NOISE_MSG1_BYTES)
		return false;
	/* The MAC says which of our keys the other side knows. */
	if (noise_mac_verify(s->greeting, c->transport_public, message) != 0) {
		if (!c->former_public ||
			noise_mac_verify(s->greeting, c->former_public, message) != 0)
			return false;
		s->former = true;
	}
	noise_begin(s, NULL);
	if (noise_read1(&s->noise, message, payload, &len) != 0)
		return false;
	memcpy(s->remote, s->noise.rs, sizeof(s->remote));
	if (!n->ops.authorize(n->ops.ctx, s->remote, &s->id, s->psk))
		return false;
	peer = net_peer_find(n, &s->id);
	if (!peer || net_peer_penalised(peer) || net_replay_seen(&n->replay, &s->id, s->greeting))
		return false;
	net_replay_remember(&n->replay, &s->id, s->greeting);
	s->peer = peer;
	peer->info.bytes_in += s->bytes_in;
	return true;
}

/* Of one peer one connection waits for its keys to be confirmed, the newest: else a peer that
 * confirms nothing would have the places of all who are on their way in. */
static void others_end(const struct net_session *s)
{
	struct net_session *other;

	TAILQ_FOREACH(other, &s->net->sessions, all)
	if (other != s && other->state == NET_SESSION_CONFIRM && other->peer == s->peer)
		net_session_drop(other, "the peer has greeted anew");
}

static void message1_take(struct net_session *s)
{
	const struct net_config *c = &s->net->config;
	uint8_t out[NET_ANSWER_BYTES], secret[NOISE_KEY_BYTES];
	size_t len;
	int rc;

	if (!message1_read(s)) {
		noise_wipe(&s->noise);
		sodium_memzero(s->psk, sizeof(s->psk));
		s->state = NET_SESSION_MUTE;
		return;
	}
	env_random(&c->rng, secret, sizeof(secret));
	rc = noise_write2(&s->noise, secret, s->psk, BYTES_NONE, out + NET_FRAME_PREFIX, &len);
	sodium_memzero(secret, sizeof(secret));
	if (rc != 0) {
		net_session_drop(s, "the handshake failed");
		return;
	}
	be16_put(out, NOISE_MSG2_BYTES);
	keys_split(s);
	others_end(s);
	s->state = NET_SESSION_CONFIRM;
	s->greeted_ms = uv_now(s->net->loop);
	net_write(s, out, sizeof(out), 0);
}

void net_handshake_take(struct net_session *s, struct bytes *input)
{
	switch (s->state) {
	case NET_SESSION_MESSAGE1:
		if (greeting_gather(s, input, NET_GREETING_BYTES))
			message1_take(s);
		return;
	case NET_SESSION_MESSAGE2:
		if (greeting_gather(s, input, NET_ANSWER_BYTES))
			message2_take(s);
		return;
	default:
		/* Reading on hides the moment of the refusal; the bound hides nothing and saves
		 * work. */
		s->mute_bytes += input->len;
		*input = BYTES_NONE;
		if (s->mute_bytes > NET_MUTE_BYTES)
			net_session_drop(s, "a stranger");
	}
}
