/* SPDX-License-Identifier: EUPL-1.2 */
#include "merkle/sha_ni.h"

#include <assert.h>

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define SHA_NI      __attribute__((target("sha,sse4.1")))
#define INLINE      SHA_NI __attribute__((always_inline)) static inline

#define BLOCK_BYTES 64

/* The eight working variables as the instructions want them, highest word first. */
struct state {
	__m128i abef, cdgh;
};

/* One block: sixteen words in their order, four to a vector, lowest first. */
struct block {
	__m128i w0, w1, w2, w3;
};

/* Fractional parts of the cube roots of the first 64 primes (FIPS 180-4, section 4.2.2). */
static const uint32_t round_constants[64] __attribute__((aligned(16))) = {0x428a2f98, 0x71374491,
	0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
	0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc,
	0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354,
	0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c,
	0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f,
	0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

bool sha_ni_present(void)
{
	unsigned eax, ebx, ecx, edx;

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_SSSE3) || !(ecx & bit_SSE4_1))
		return false;
	return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & bit_SHA);
}

/* Fractional parts of the square roots of the first eight primes (section 5.3.3). */
INLINE struct state state_initial(void)
{
	return (struct state){
		_mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c),
		_mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19)};
}

/* Words are big-endian in the message. */
INLINE __m128i swap_words(__m128i v)
{
	return _mm_shuffle_epi8(v,
		_mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
}

INLINE __m128i load(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* Four rounds: the instruction does two on the lower half of (words + constants). */
INLINE void rounds(struct state *s, __m128i words, unsigned first)
{
	__m128i k = _mm_load_si128((const __m128i *)(const void *)(round_constants + first));
	__m128i sum = _mm_add_epi32(words, k);

	/* After two rounds the old ABEF is the new CDGH, so the variables change roles twice. */
	s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, sum);
	s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(sum, 0x0e));
}

/* W[t..t+3] from the sixteen words before: w0 has W[t-16..t-13], w3 has W[t-4..t-1]. */
INLINE __m128i schedule(__m128i w0, __m128i w1, __m128i w2, __m128i w3)
{
	__m128i seven_before = _mm_alignr_epi8(w3, w2, 4);

	return _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), seven_before), w3);
}

INLINE void compress(struct state *s, struct block b)
{
	const struct state before = *s;

	for (unsigned t = 0; t < 48; t += 16) {
		rounds(s, b.w0, t);
		b.w0 = schedule(b.w0, b.w1, b.w2, b.w3);
		rounds(s, b.w1, t + 4);
		b.w1 = schedule(b.w1, b.w2, b.w3, b.w0);
		rounds(s, b.w2, t + 8);
		b.w2 = schedule(b.w2, b.w3, b.w0, b.w1);
		rounds(s, b.w3, t + 12);
		b.w3 = schedule(b.w3, b.w0, b.w1, b.w2);
	}
	rounds(s, b.w0, 48);
	rounds(s, b.w1, 52);
	rounds(s, b.w2, 56);
	rounds(s, b.w3, 60);
	s->abef = _mm_add_epi32(s->abef, before.abef);
	s->cdgh = _mm_add_epi32(s->cdgh, before.cdgh);
}

INLINE struct block block_load(const uint8_t *p)
{
	return (struct block){swap_words(load(p)), swap_words(load(p + 16)),
		swap_words(load(p + 32)), swap_words(load(p + 48))};
}

INLINE void compress_bytes(struct state *s, const uint8_t *p)
{
	compress(s, block_load(p));
}

INLINE void state_store(uint8_t *out, const struct state *s)
{
	__m128i abcd = _mm_unpackhi_epi64(s->cdgh, s->abef); /* highest word first: A B C D */
	__m128i efgh = _mm_unpacklo_epi64(s->cdgh, s->abef);
	const __m128i reversed = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

	_mm_storeu_si128((__m128i *)(void *)out, _mm_shuffle_epi8(abcd, reversed));
	_mm_storeu_si128((__m128i *)(void *)(out + 16), _mm_shuffle_epi8(efgh, reversed));
}

/* What is hashed piece by piece. */
struct running {
	struct state s;
	uint8_t tail[2 * BLOCK_BYTES];
	size_t tail_len;
	uint64_t total;
};

INLINE void take(struct running *r, const uint8_t *p, size_t left)
{
	if (left == 0)
		return; /* an empty view may be NULL */
	r->total += left;
	if (r->tail_len > 0) {
		size_t room = BLOCK_BYTES - r->tail_len, fill = left < room ? left : room;

		memcpy(r->tail + r->tail_len, p, fill);
		r->tail_len += fill;
		p += fill;
		left -= fill;
		if (r->tail_len < BLOCK_BYTES)
			return;
		compress_bytes(&r->s, r->tail);
	}
	for (; left >= BLOCK_BYTES; left -= BLOCK_BYTES, p += BLOCK_BYTES)
		compress_bytes(&r->s, p);
	if (left > 0)
		memcpy(r->tail, p, left);
	r->tail_len = left;
}

/* One bit, zeros, and the length in bits at the end of a block: of this one if it fits. */
INLINE void pad_and_compress(struct running *r)
{
	size_t padded = r->tail_len + 9 <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;

	memset(r->tail + r->tail_len, 0, padded - r->tail_len);
	r->tail[r->tail_len] = 0x80;
	be64_put(r->tail + padded - 8, r->total * 8);
	compress_bytes(&r->s, r->tail);
	if (padded > BLOCK_BYTES)
		compress_bytes(&r->s, r->tail + BLOCK_BYTES);
}

INLINE void finish(struct running *r, uint8_t *out)
{
	pad_and_compress(r);
	state_store(out, &r->s);
}

SHA_NI void sha_ni_parts(uint8_t *out, const struct bytes *parts, size_t parts_len)
{
	struct running r;

	r.s = state_initial();
	r.tail_len = 0;
	r.total = 0;
	for (size_t i = 0; i < parts_len; i++)
		take(&r, parts[i].data, parts[i].len);
	finish(&r, out);
}

_Static_assert(sizeof(((struct sha_ni_running *)0)->state) == sizeof(struct state) &&
		       sizeof(((struct sha_ni_running *)0)->tail) == 2 * BLOCK_BYTES,
	"what is kept between two pieces is what runs");

INLINE void resume(struct running *r, const struct sha_ni_running *kept)
{
	memcpy(&r->s, kept->state, sizeof(r->s));
	memcpy(r->tail, kept->tail, sizeof(r->tail));
	r->tail_len = kept->tail_len;
	r->total = kept->total;
}

SHA_NI void sha_ni_begin(struct sha_ni_running *kept)
{
	struct state s = state_initial();

	memset(kept, 0, sizeof(*kept));
	memcpy(kept->state, &s, sizeof(s));
}

SHA_NI void sha_ni_update(struct sha_ni_running *kept, struct bytes data)
{
	struct running r;

	resume(&r, kept);
	take(&r, data.data, data.len);
	memcpy(kept->state, &r.s, sizeof(r.s));
	memcpy(kept->tail, r.tail, r.tail_len);
	kept->tail_len = r.tail_len;
	kept->total = r.total;
}

SHA_NI void sha_ni_end(struct sha_ni_running *kept, uint8_t *out)
{
	struct running r;

	resume(&r, kept);
	finish(&r, out);
}

/* --- HMAC ------------------------------------------------------------------------------------- */

_Static_assert(sizeof(((struct sha_ni_hmac *)0)->inner) == sizeof(struct state),
	"what is kept of a key is what runs");

INLINE struct state key_state(const uint8_t *key, char pad)
{
	const __m128i pads = _mm_set1_epi8(pad);
	struct state s = state_initial();

	compress(&s, (struct block){swap_words(_mm_xor_si128(load(key), pads)),
			     swap_words(_mm_xor_si128(load(key + 16), pads)),
			     swap_words(_mm_xor_si128(load(key + 32), pads)),
			     swap_words(_mm_xor_si128(load(key + 48), pads))});
	return s;
}

SHA_NI void sha_ni_hmac_begin(struct sha_ni_hmac *h, const uint8_t key[64])
{
	struct state inner = key_state(key, 0x36), outer = key_state(key, 0x5c);

	memcpy(h->inner, &inner, sizeof(inner));
	memcpy(h->outer, &outer, sizeof(outer));
}

/* The inner hash as the one block that is left to the outer one; its words stay in registers. */
INLINE struct block digest_block(const struct state *s)
{
	__m128i abcd = _mm_unpackhi_epi64(s->cdgh, s->abef);
	__m128i efgh = _mm_unpacklo_epi64(s->cdgh, s->abef);

	return (struct block){_mm_shuffle_epi32(abcd, 0x1b), _mm_shuffle_epi32(efgh, 0x1b),
		_mm_set_epi32(0, 0, 0, (int)0x80000000),
		_mm_set_epi32((BLOCK_BYTES + 32) * 8, 0, 0, 0)};
}

SHA_NI void sha_ni_hmac_parts(uint8_t *out, const struct sha_ni_hmac *h, const struct bytes *parts,
	size_t parts_len)
{
	struct running r;
	struct state outer;

	memcpy(&r.s, h->inner, sizeof(r.s));
	memcpy(&outer, h->outer, sizeof(outer));
	r.tail_len = 0;
	r.total = BLOCK_BYTES;
	for (size_t i = 0; i < parts_len; i++)
		take(&r, parts[i].data, parts[i].len);
	pad_and_compress(&r);
	compress(&outer, digest_block(&r.s));
	state_store(out, &outer);
}

/* --- of 65 bytes ------------------------------------------------------------------------------ */

/*
 * The prefix moves everything by one byte. Shifting in registers is faster than laying the message
 * out in memory, where wide loads would wait for the narrow stores before them.
 */
INLINE struct block prefixed_begin(uint8_t prefix, const uint8_t *left, const uint8_t *right)
{
	__m128i start = _mm_or_si128(_mm_slli_si128(load(left), 1), _mm_cvtsi32_si128(prefix));
	__m128i seam = _mm_alignr_epi8(load(right), load(left + 16), 15);

	return (struct block){swap_words(start), swap_words(load(left + 15)), swap_words(seam),
		swap_words(load(right + 15))};
}

INLINE struct block prefixed_end(const uint8_t *right)
{
	uint32_t last = ((uint32_t)right[31] << 24) | 0x800000;

	return (struct block){_mm_cvtsi32_si128((int)last), _mm_setzero_si128(),
		_mm_setzero_si128(), _mm_set_epi32(65 * 8, 0, 0, 0)};
}

SHA_NI void sha_ni_prefixed(uint8_t *out, uint8_t prefix, const uint8_t *left, const uint8_t *right)
{
	struct state s = state_initial();

	compress(&s, prefixed_begin(prefix, left, right));
	compress(&s, prefixed_end(right));
	state_store(out, &s);
}

/* --- two at once ------------------------------------------------------------------------------ */

INLINE void compress_two(struct state *s, struct block b, struct state *u, struct block c)
{
	const struct state before_s = *s, before_u = *u;

	for (unsigned t = 0; t < 48; t += 16) {
		rounds(s, b.w0, t);
		rounds(u, c.w0, t);
		b.w0 = schedule(b.w0, b.w1, b.w2, b.w3);
		c.w0 = schedule(c.w0, c.w1, c.w2, c.w3);
		rounds(s, b.w1, t + 4);
		rounds(u, c.w1, t + 4);
		b.w1 = schedule(b.w1, b.w2, b.w3, b.w0);
		c.w1 = schedule(c.w1, c.w2, c.w3, c.w0);
		rounds(s, b.w2, t + 8);
		rounds(u, c.w2, t + 8);
		b.w2 = schedule(b.w2, b.w3, b.w0, b.w1);
		c.w2 = schedule(c.w2, c.w3, c.w0, c.w1);
		rounds(s, b.w3, t + 12);
		rounds(u, c.w3, t + 12);
		b.w3 = schedule(b.w3, b.w0, b.w1, b.w2);
		c.w3 = schedule(c.w3, c.w0, c.w1, c.w2);
	}
	rounds(s, b.w0, 48);
	rounds(u, c.w0, 48);
	rounds(s, b.w1, 52);
	rounds(u, c.w1, 52);
	rounds(s, b.w2, 56);
	rounds(u, c.w2, 56);
	rounds(s, b.w3, 60);
	rounds(u, c.w3, 60);
	s->abef = _mm_add_epi32(s->abef, before_s.abef);
	u->abef = _mm_add_epi32(u->abef, before_u.abef);
	s->cdgh = _mm_add_epi32(s->cdgh, before_s.cdgh);
	u->cdgh = _mm_add_epi32(u->cdgh, before_u.cdgh);
}

SHA_NI void sha_ni_prefixed_two(uint8_t *first_out, uint8_t *second_out, uint8_t prefix,
	const uint8_t *first, const uint8_t *second)
{
	struct state s = state_initial(), u = s;
	struct block s_end = prefixed_end(first + 32), u_end = prefixed_end(second + 32);

	compress_two(&s, prefixed_begin(prefix, first, first + 32), &u,
		prefixed_begin(prefix, second, second + 32));
	compress_two(&s, s_end, &u, u_end);
	state_store(first_out, &s);
	state_store(second_out, &u);
}

/* Ends the message in memory as `finish` does; how many blocks there are. */
INLINE size_t message_pad(struct sha_ni_message *m)
{
	size_t blocks = (m->len + 9 + BLOCK_BYTES - 1) / BLOCK_BYTES;

	assert(m->len <= SHA_NI_TWO_MAX);
	memset(m->bytes + m->len, 0, blocks * BLOCK_BYTES - m->len);
	m->bytes[m->len] = 0x80;
	be64_put(m->bytes + blocks * BLOCK_BYTES - 8, (uint64_t)m->len * 8);
	return blocks;
}

SHA_NI void sha_ni_messages_two(uint8_t *first_out, uint8_t *second_out,
	struct sha_ni_message messages[2])
{
	size_t s_blocks = message_pad(&messages[0]), u_blocks = message_pad(&messages[1]), i;
	const uint8_t *s_at = messages[0].bytes, *u_at = messages[1].bytes;
	struct state s = state_initial(), u = s;

	for (i = 0; i < s_blocks && i < u_blocks; i++)
		compress_two(&s, block_load(s_at + i * BLOCK_BYTES), &u,
			block_load(u_at + i * BLOCK_BYTES));
	for (size_t at = i; at < s_blocks; at++)
		compress(&s, block_load(s_at + at * BLOCK_BYTES));
	for (size_t at = i; at < u_blocks; at++)
		compress(&u, block_load(u_at + at * BLOCK_BYTES));
	state_store(first_out, &s);
	state_store(second_out, &u);
}

#else

bool sha_ni_present(void)
{
	return false;
}

void sha_ni_parts(uint8_t *out, const struct bytes *parts, size_t parts_len)
{
	(void)out, (void)parts, (void)parts_len;
	assert(!"only after sha_ni_present");
}

void sha_ni_begin(struct sha_ni_running *r)
{
	(void)r;
	assert(!"only after sha_ni_present");
}

void sha_ni_update(struct sha_ni_running *r, struct bytes data)
{
	(void)r, (void)data;
	assert(!"only after sha_ni_present");
}

void sha_ni_end(struct sha_ni_running *r, uint8_t *out)
{
	(void)r, (void)out;
	assert(!"only after sha_ni_present");
}

void sha_ni_hmac_begin(struct sha_ni_hmac *h, const uint8_t key[64])
{
	(void)h, (void)key;
	assert(!"only after sha_ni_present");
}

void sha_ni_hmac_parts(uint8_t *out, const struct sha_ni_hmac *h, const struct bytes *parts,
	size_t parts_len)
{
	(void)out, (void)h, (void)parts, (void)parts_len;
	assert(!"only after sha_ni_present");
}

void sha_ni_prefixed(uint8_t *out, uint8_t prefix, const uint8_t *left, const uint8_t *right)
{
	(void)out, (void)prefix, (void)left, (void)right;
	assert(!"only after sha_ni_present");
}

void sha_ni_prefixed_two(uint8_t *first_out, uint8_t *second_out, uint8_t prefix,
	const uint8_t *first, const uint8_t *second)
{
	(void)first_out, (void)second_out, (void)prefix, (void)first, (void)second;
	assert(!"only after sha_ni_present");
}

void sha_ni_messages_two(uint8_t *first_out, uint8_t *second_out, struct sha_ni_message messages[2])
{
	(void)first_out, (void)second_out, (void)messages;
	assert(!"only after sha_ni_present");
}

#endif
