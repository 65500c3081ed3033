/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Marks for branches that are rarely taken: the simulator reports which of them its seeds have
 * never reached (docs/HACKING.md, "How to add a mark").
 *
 *     if (hash_eq(&root, &c->root)) {
 *             MARK("own-checkpoint-held");
 *             return;
 *     }
 *
 * A mark is one constant in a section of its own, and a call to a function that only the simulator
 * has; elsewhere the linker leaves it zero and nothing is called.
 */
#pragma once

struct mark {
	const char *name;
};

void mark_reached(const struct mark *m) __attribute__((weak));

#define MARK(text)                                                                                 \
	do {                                                                                       \
		static const struct mark mark_here                                                 \
			__attribute__((section("marks"), used)) = {text};                          \
		if (mark_reached)                                                                  \
			mark_reached(&mark_here);                                                  \
	} while (0)
