/* SPDX-License-Identifier: EUPL-1.2 */
/* LINKS: base */
/* entente.conf: read or refused with a line, never half taken. */
#include <assert.h>
#include <string.h>

#include "base/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err_text err = {""};
	struct conf conf;
	int rc = conf_parse(&conf, bytes_from(data, size), "fuzz", &err);

	if (rc != 0) {
		assert(strncmp(err.text, "fuzz", 4) == 0 || rc == ENT_ENOMEM);
		return 0;
	}
	assert(conf_address_valid(bytes_str(conf.listen)));
	for (size_t i = 0; i < conf.endpoints_len; i++)
		assert(conf_address_valid(bytes_str(conf.endpoints[i].address)));
	conf_free(&conf);
	return 0;
}
