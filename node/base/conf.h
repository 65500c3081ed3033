/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * entente.conf: what the operator says to the programs of one node (entente.conf(5)). One
 * "key value" a line; blank lines and lines that start with "#" are skipped.
 *
 *     name fr                           the card's short name
 *     org CERT-FR                       the card's organisation
 *     listen 0.0.0.0:7466               where sessions are taken; absent: CONF_LISTEN
 *     log-level info                    error, warn, notice, info or debug
 *     retain 365d                       older entries are forgotten; absent: as agreements say
 *     retain-expired 90d                and sooner what has expired for so long
 *     log-queries count                 or full: each of analysts' queries, by name
 *     endpoint NODE HOST:PORT           dial this node here, whatever its card says (repeatable)
 *
 * Each key but endpoint stands at most once; an unknown key is an error.
 */
#pragma once

#include "base/log.h"
#include "base/name.h"

#define CONF_TEXT_MAX       256
#define CONF_ENDPOINTS_MAX  1024
#define CONF_BYTES_MAX      (512u * 1024u)
#define CONF_LISTEN         "0.0.0.0:7466"
#define CONF_PORT           7466

#define CONF_DURATION_MAX_S ((int64_t)36500 * 86400)

struct conf_endpoint {
	struct node_id node;
	char address[CONF_TEXT_MAX];
};

struct conf {
	char name[CONF_TEXT_MAX]; /* "" when not given */
	char org[CONF_TEXT_MAX];
	char listen[CONF_TEXT_MAX];
	enum log_level log_level;
	int64_t retain_s, retain_expired_s; /* 0: for ever */
	bool log_queries_full;
	size_t endpoints_len;
	struct conf_endpoint *endpoints; /* conf_free */
};

/* file names the text in errors, which give line, value seen and value wanted. */
int conf_parse(struct conf *conf, struct bytes text, const char *file,
	struct err_text *err) MUST_CHECK;
void conf_free(struct conf *conf);

/* True for host:port, a.b.c.d:port and [v6]:port with a port of 0 to 65535. */
bool conf_address_valid(struct bytes text);
