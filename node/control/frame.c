/* SPDX-License-Identifier: EUPL-1.2 */
#include "control/frame.h"

#include <string.h>
#include <sys/socket.h>

int frame_first(struct bytes received, struct frame *f)
{
	uint32_t len;

	if (received.len < FRAME_HEAD_BYTES)
		return 0;
	len = be32_get(received.data);
	if (len > CONTROL_MESSAGE_MAX)
		return ENT_ELIMIT;
	if (received.len - FRAME_HEAD_BYTES < len)
		return 0;
	f->kind = received.data[4];
	f->payload = bytes_from(received.data + FRAME_HEAD_BYTES, len);
	return 1;
}

size_t frame_left(struct bytes received)
{
	size_t whole;

	if (received.len < FRAME_HEAD_BYTES || be32_get(received.data) > CONTROL_MESSAGE_MAX)
		return 0;
	whole = FRAME_HEAD_BYTES + (size_t)be32_get(received.data);
	return whole > received.len ? whole - received.len : 0;
}

int frame_address(struct sockaddr_un *address, const char *path, struct err_text *err)
{
	size_t len = strlen(path);

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (len >= sizeof(address->sun_path))
		return err_set(err, ENT_ELIMIT,
			"%s: saw a path of %zu bytes, wanted at most %zu for a socket: choose a "
			"shorter home directory",
			path, len, sizeof(address->sun_path) - 1);
	memcpy(address->sun_path, path, len);
	return 0;
}
