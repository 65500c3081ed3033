/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * 256 English words for the telephone, one for each byte: short, concrete, chosen so that no two
 * are taken for each other by ear. Their order is a format (agreement_words).
 */
#pragma once

#define WORDS_LEN 256

extern const char *const words[WORDS_LEN];
