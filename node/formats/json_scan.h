/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Cuts one JSON value after the other out of the input, by strings and brackets alone: whoever
 * parses the bytes finds what is wrong inside. Private to node/formats.
 */
#pragma once

#include "formats/input.h"

/* The next byte that is no white space, without taking it; -1 at the end or after an error. */
int json_peek(struct input *in);
/* Takes the next byte that is no white space if it is c; else ENT_EINVALID with text. */
int json_expect(struct input *in, char c) MUST_CHECK;
/*
 * Takes the value that starts here and appends its bytes to out. When it does not fit, out has
 * failed and the value is passed over. ENT_EINVALID: the input ends first, or no value starts here.
 */
int json_value(struct input *in, struct buf *out) MUST_CHECK;
