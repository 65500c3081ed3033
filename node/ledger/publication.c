/* SPDX-License-Identifier: EUPL-1.2 */
#include "ledger/publication.h"

#include <stdlib.h>

struct publication *publication_new(void)
{
	return calloc(1, sizeof(struct publication));
}

void publication_free(struct publication *pub)
{
	if (!pub)
		return;
	for (char **l = pub->lifted; l && *l; l++)
		free(*l);
	free(pub->lifted);
	for (size_t i = 0; i < pub->refusals_len; i++)
		free(pub->refusals[i].value);
	free(pub->refusals);
	free(pub->feeds);
	free(pub->standing);
	free(pub);
}

void publication_feed_set(struct publication *pub, struct audience audience, uint64_t size)
{
	for (size_t i = 0; i < pub->feeds_len; i++) {
		if (audience_eq(pub->feeds[i].audience, audience)) {
			pub->feeds[i].size = size;
			return;
		}
	}
	pub->feeds = realloc(pub->feeds, (pub->feeds_len + 1) * sizeof(*pub->feeds));
	if (!pub->feeds)
		abort();
	pub->feeds[pub->feeds_len++] = (struct publication_feed){audience, size};
}

void publication_stood(struct publication *pub, const struct log_name *feed)
{
	for (size_t i = 0; i < pub->standing_len; i++)
		if (log_name_eq(&pub->standing[i], feed))
			return;
	pub->standing = realloc(pub->standing, (pub->standing_len + 1) * sizeof(*pub->standing));
	if (!pub->standing)
		abort();
	pub->standing[pub->standing_len++] = *feed;
}
