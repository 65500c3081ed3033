/* SPDX-License-Identifier: EUPL-1.2 */
#include "net/endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"

static bool host_byte(char c, bool bracketed)
{
	if ((c >= '0' && c <= '9') || c == '.')
		return true;
	if (bracketed)
		return c == ':' || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

bool net_endpoint_parse(const char *text, struct net_endpoint *e)
{
	bool bracketed = text[0] == '[';
	const char *host = text + bracketed;
	size_t len = strcspn(host, bracketed ? "]" : ":");
	const char *rest = host + len;
	struct in6_addr v6;
	uint64_t port;

	if (len == 0 || len >= sizeof(e->host))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!host_byte(host[i], bracketed))
			return false;
	if (bracketed && *rest++ != ']')
		return false;
	if (*rest++ != ':' || !text_u64_parse(bytes_str(rest), &port) || port > UINT16_MAX)
		return false;
	memcpy(e->host, host, len);
	e->host[len] = '\0';
	e->port = (uint16_t)port;
	return !bracketed || inet_pton(AF_INET6, e->host, &v6) == 1;
}

bool net_endpoint_literal(const struct net_endpoint *e, struct sockaddr_storage *address)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(e->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(e->port)};

	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, e->host, &v4.sin_addr) == 1) {
		memcpy(address, &v4, sizeof(v4));
		return true;
	}
	if (inet_pton(AF_INET6, e->host, &v6.sin6_addr) == 1) {
		memcpy(address, &v6, sizeof(v6));
		return true;
	}
	return false;
}

void net_endpoint_text(const struct sockaddr_storage *address, char out[NET_ENDPOINT_SIZE])
{
	char host[INET6_ADDRSTRLEN];
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	snprintf(out, NET_ENDPOINT_SIZE, "?");
	if (address->ss_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		inet_ntop(AF_INET, &v4.sin_addr, host, sizeof(host));
		snprintf(out, NET_ENDPOINT_SIZE, "%s:%u", host, ntohs(v4.sin_port));
	} else if (address->ss_family == AF_INET6) {
		memcpy(&v6, address, sizeof(v6));
		inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof(host));
		snprintf(out, NET_ENDPOINT_SIZE, "[%s]:%u", host, ntohs(v6.sin6_port));
	}
}
