/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Endpoints as text: "host:port" or "[v6]:port", where host is a name or an IPv4 address. Pure.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define NET_HOST_SIZE     254 /* a domain name is 253 bytes at the most */
#define NET_ENDPOINT_SIZE 64  /* an address with brackets and port, as text */

struct net_endpoint {
	char host[NET_HOST_SIZE];
	uint16_t port;
};

/* False when the text is no endpoint. Port 0 parses: it is for listening. */
bool net_endpoint_parse(const char *text, struct net_endpoint *e);
/* The address itself when the host is one; false when it is a name that must be looked up. */
bool net_endpoint_literal(const struct net_endpoint *e, struct sockaddr_storage *address);
/* "127.0.0.1:7466" or "[::1]:7466"; "?" for another family. */
void net_endpoint_text(const struct sockaddr_storage *address, char out[NET_ENDPOINT_SIZE]);
