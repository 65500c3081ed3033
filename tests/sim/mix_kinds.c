/* SPDX-License-Identifier: EUPL-1.2 */
#include <stddef.h>
#include <string.h>

#include "sim/mix.h"

static const struct mix_kind kinds[] = {
	{"standard", 20, 24, 80, 8, 30, 1, 20, 20, 30, {5, 3}, {11, 3}, {7, 2}, {13, 6}, {17, 5}},
	{"rare", 20, 24, 80, 20, 60, 1, 45, 45, 50, {2, 0}, {3, 0}, {2, 1}, {5, 0}, {6, 1}},
	{"small", 7, 13, 55, 18, 70, 2, 30, 35, 40, {3, 0}, {4, 1}, {3, 1}, {8, 5}, {9, 4}},
	{"floors", 7, 13, 55, 18, 40, 2, 45, 60, 60, {2, 0}, {4, 1}, {3, 1}, {8, 5}, {9, 4}},
};

const struct mix_kind *mix_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}
