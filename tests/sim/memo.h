/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Signatures are made and checked once. In a world of many nodes each checkpoint, card and
 * agreement is verified by everybody, and elliptic curves would take most of the time. The linker
 * puts these in the place of libsodium's (--wrap, see the makefile): what was signed or found good
 * before under the same key is looked up, all else goes to libsodium. A bad signature is never
 * remembered, so a liar is caught as often as he lies.
 *
 * Thousands of seeds spend most of what is left on making signatures. memo_idealise replaces them
 * by what the exchange relies on and nothing else: 64 bytes that follow from key and message, and
 * that no other key gives.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct memo_counts {
	uint64_t asked, known;
};

struct memo_counts memo_counts(void);

/* Before anything is signed. */
void memo_idealise(void);
