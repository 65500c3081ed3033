/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What commands have done while the daemon did not run, and what is to be entered among the acts at
 * its next start: under the home, one JSON document a line, each a request of `exported`.
 */
#pragma once

#define WAITING_NAME      "data/exported.waiting"
#define WAITING_BYTES_MAX (1024u * 1024u)
