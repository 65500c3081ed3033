/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The frame of the command `entente`: what every cmd_<name>.c builds on. A command is a row of the
 * table in commands.c; cli_main finds it, reads its options, calls run, closes what was opened and
 * returns run's exit status.
 *
 * With --json a command prints one JSON document, whatever its status: cli_json(), or cli_fail(),
 * which makes a document of the error when none was printed yet. Diagnostics go to stderr. One
 * thread, blocking; nothing here is for the daemon.
 */
#pragma once

#include <jansson.h>
#include <limits.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/conf.h"
#include "base/env.h"
#include "base/map.h"
#include "base/name.h"
#include "keys/keydir.h"
#include "store/store.h"

/* CLI.md, "Everywhere". */
enum cli_status {
	CLI_DONE = 0,
	CLI_NOT = 1,     /* not found, or a check that failed */
	CLI_USAGE = 2,   /* wrong usage: no JSON document */
	CLI_REFUSED = 3, /* by policy or a guard rail */
	CLI_NODE = 4,    /* the node does not answer, or is mute */
	CLI_STORE = 5,   /* store, disk or file error */
	CLI_INVALID = 6, /* invalid input; nothing was changed */
};

#define CLI_ARGS_MAX 65536 /* words of one command line, files of a shell's glob included */

struct cli;

/* An option of a command. Over all commands a name either takes a value or does not, so that
 * options may stand before the command. */
struct cli_option {
	const char *name;  /* "--tlp", "-o" */
	const char *value; /* what its value is called in help; NULL: a switch */
	bool repeated;
	const char *help;
};

struct cli_command {
	const char *name;    /* "status", "card show" */
	const char *usage;   /* what follows the name, e.g. "[--tlp T] FILE..."; "" for nothing */
	const char *summary; /* one line */
	const char *example; /* one or more lines, each ending in LF */
	const struct cli_option *options; /* ended by a NULL name; NULL: none but the common ones */
	int args_min, args_max;           /* positional arguments; args_max -1: any number */
	int (*run)(struct cli *c);        /* gives an exit status */
};

/* An option as given. */
struct cli_given {
	const struct cli_option *option;
	const char *value; /* "" for a switch */
};

/* Everything of one run. */
struct cli {
	const struct cli_command *command;
	size_t args_len;
	const char **args; /* positional, without the command's own words */
	size_t given_len;
	struct cli_given *given; /* in order */

	bool json;
	bool color;         /* of stdout: a terminal, NO_COLOR not set, not --json */
	bool progress;      /* stderr is a terminal, or --progress */
	bool printed;       /* a JSON document is out */
	bool warned_silent; /* the daemon does not answer, and it was said */
	bool quiet;         /* cli_fail prints nothing: while something is tried again */
	char home[PATH_MAX];
	struct err_text err; /* for calls that explain themselves: cli_fail_code() prints it */

	/* Opened on demand, closed by main. */
	struct arena arena; /* for whatever lives as long as the command */
	struct map names;   /* node id -> name, filled as names are asked for */
	bool has_keydir;
	struct keydir keydir;
	struct store *store;
	struct store_reader *reader;
};

/* --- options.c -------------------------------------------------------------------------------- */

/* Every command, ended by NULL. */
extern const struct cli_command *const cli_commands[];
/* The whole program: gives the exit status. */
int cli_main(const struct cli_command *const *commands, int argc, char **argv);

/*
 * Finds the command and reads the options; views into argv, which must outlive c. 0; or CLI_USAGE
 * after an error on stderr; or CLI_HELP when help or version was asked for and printed.
 * --help, --json, --progress and --home DIR go with every command.
 */
#define CLI_HELP (-1)
int cli_parse(struct cli *c, const struct cli_command *const *commands, int argc,
	char **argv) MUST_CHECK;

bool cli_has(const struct cli *c, const char *option);
/* The value; NULL when not given. */
const char *cli_value(const struct cli *c, const char *option);
/* The at-th value of a repeated option, from 0; NULL behind the last. */
const char *cli_value_at(const struct cli *c, const char *option, size_t at);
/* A decimal number from min to max; CLI_USAGE after an error. *value stays as it is when the option
 * is not given. */
int cli_number(struct cli *c, const char *option, uint64_t min, uint64_t max,
	uint64_t *value) MUST_CHECK;
/* An error about usage, with a hint at --help. Gives CLI_USAGE. */
int cli_usage(const struct cli *c, const char *format, ...) PRINTF_LIKE(2, 3);

/* --- print.c ---------------------------------------------------------------------------------- */

/* "entente: ..." on stderr, with --json also {"error":TEXT,"status":N} unless a document is out.
 * Gives status. */
int cli_fail(struct cli *c, int status, const char *format, ...) PRINTF_LIKE(3, 4);
/* The exit status of an ENT_E code, and its error: c->err when a function filled it, else what is
 * given and the code's sentence. */
int cli_status_of(int code);
int cli_fail_code(struct cli *c, int code, const char *what);
/* A diagnostic without consequence, on stderr. */
void cli_note(struct cli *c, const char *format, ...) PRINTF_LIKE(2, 3);

/* Prints the document with LF; takes the reference. Gives status; CLI_STORE when stdout fails. */
int cli_json(struct cli *c, json_t *document, int status);
/* The same as one line of many (`tail`), which the caller flushes. */
int cli_json_line(struct cli *c, json_t *document);
/* Gives a JSON string of what may be no UTF-8: bad bytes become U+FFFD. */
json_t *cli_json_text(struct bytes text);
json_t *cli_json_node(const struct node_id *id);
json_t *cli_json_hex(struct bytes b);
json_t *cli_json_base64(struct bytes b);
json_t *cli_json_time_s(int64_t seconds); /* RFC 3339; null for 0 */

/* Text from others for a terminal: no control characters, no direction marks. In the arena. */
const char *cli_clean(struct cli *c, struct bytes text);

enum cli_color { CLI_PLAIN, CLI_GOOD, CLI_WARN, CLI_BAD, CLI_DIM };
/* The escape sequence that begins a colour (CLI_PLAIN ends it); empty unless c->color. */
const char *cli_paint(const struct cli *c, enum cli_color color);

/* A table for people: columns as wide as their widest cell, two spaces between; the last is not
 * padded. Numbers (cells of digits) stand to the right. Cells are copied. */
struct cli_table {
	struct cli *cli;
	size_t columns_len;
	size_t cells_len, cells_cap;
	const char **cells;
	enum cli_color *colors;
};
/* titles: one string, columns separated by "|"; printed unless there is no row. */
void cli_table_init(struct cli_table *t, struct cli *c, const char *titles);
void cli_table_cell(struct cli_table *t, enum cli_color color, const char *format, ...)
	PRINTF_LIKE(3, 4);
void cli_table_print(struct cli_table *t); /* and frees */

/* One line of progress on stderr, over the last one; nothing unless c->progress. NULL ends it. */
void cli_progress(struct cli *c, const char *format, ...) PRINTF_LIKE(2, 3);

/* --- home.c ----------------------------------------------------------------------------------- */

/* Sets c->home from --home, ENTENTE_HOME or the default. */
int cli_home(struct cli *c) MUST_CHECK;
/* home + "/" + name, in the arena. */
const char *cli_path(struct cli *c, const char *name);
int64_t cli_now_s(void);
int64_t cli_now_ms(void);
struct env_rng cli_rng(void);

/* These open once and give 0 or the exit status after cli_fail. */
int cli_need_keydir(struct cli *c) MUST_CHECK;
/* keydir, store and reader. A store that nobody has made yet: CLI_STORE. */
int cli_need_store(struct cli *c) MUST_CHECK;
/* The same, but no store is no error: then c->reader is NULL. */
int cli_want_store(struct cli *c) MUST_CHECK;
/* Renews the reader, so that it sees what was committed since. */
int cli_reader_renew(struct cli *c) MUST_CHECK;
/* The index works behind the daemon's answers: what has been told is looked up behind this only.
 * Without a daemon nothing moves, so the wait ends when there is no progress for a second, with a
 * note; what is known then is shown as it is. After cli_need_store. */
int cli_await_index(struct cli *c) MUST_CHECK;
/* While it waits, or for whoever reads its output, a command holds no view of the store. */
void cli_reader_drop(struct cli *c);
/* Forgets what was read of keys/, so that the next cli_need_keydir reads it afresh. */
void cli_keydir_drop(struct cli *c);
void cli_close(struct cli *c);

/* A whole file ("-": standard input) of at most max bytes, in the arena. 0, or the exit status
 * after cli_fail. */
int cli_read_file(struct cli *c, const char *path, size_t max, struct bytes *data) MUST_CHECK;
/* Writes to the FILE of -o, or to standard output when there is none or it is "-". */
int cli_write_out(struct cli *c, struct bytes data, mode_t mode) MUST_CHECK;

/* Reads entente.conf. */
int cli_conf_read(struct cli *c, struct conf *conf) MUST_CHECK;

/* --- find.c ----------------------------------------------------------------------------------- */

/* The node's own newest card, or NULL before there is one. After cli_need_keydir. */
const struct card *cli_own(const struct cli *c);
/* The newest card known of a node: own, keys/cards, then the store's origins; NULL when none. The
 * chain likewise. */
const struct card_chain *cli_chain(struct cli *c, const struct node_id *node);
const struct card *cli_card(struct cli *c, const struct node_id *node);
/* The card's name, cleaned; the node id when there is no card. Lives in the arena. */
const char *cli_name(struct cli *c, const struct node_id *node);

/* Every card known: own, keys/cards, the store's origins (if the store is open), each node once. */
int cli_cards_each(struct cli *c, void (*visit)(void *ctx, const struct card *card), void *ctx);

/* Each gives 0, or the exit status after cli_fail: CLI_NOT for none, CLI_INVALID for several. */
int cli_find_node(struct cli *c, const char *name_or_prefix, struct node_id *node) MUST_CHECK;
int cli_find_agreement(struct cli *c, const char *id_prefix, const struct agreement **a) MUST_CHECK;
/* The two-party agreement in force with that node (`--to NAME`). */
int cli_find_agreement_with(struct cli *c, const char *name, const struct agreement **a) MUST_CHECK;
/* clear, green, local or the prefix of an agreement's id. */
int cli_find_audience(struct cli *c, const char *text, struct audience *a) MUST_CHECK;
/* ORIGIN/AUDIENCE (the incarnation is the newest the card names) or a whole origin line. */
int cli_find_feed(struct cli *c, const char *text, struct log_name *feed) MUST_CHECK;
/* Full agreement ids may be unknown here: 16 hex digits. */
bool cli_agreement_id(const char *text, uint64_t *id);
void cli_agreement_text(char out[17], uint64_t id);

/* --- ask.c ------------------------------------------------------------------------------------ */

struct cli_passphrase {
	char *text; /* guarded; NULL: none */
	size_t len;
};
#define CLI_PASSPHRASE_MAX 1024

/*
 * From --passphrase-file, else asked for on the terminal (twice when confirm), "Passphrase for
 * WHAT: ". CLI_USAGE when there is neither.
 */
int cli_passphrase(struct cli *c, const char *what, bool confirm,
	struct cli_passphrase *p) MUST_CHECK;
void cli_passphrase_free(struct cli_passphrase *p);
static inline struct bytes cli_passphrase_bytes(const struct cli_passphrase *p)
{
	return bytes_from(p->text, p->len);
}

/* The same from a file's first line. */
int cli_passphrase_file(struct cli *c, const char *path, struct cli_passphrase *p) MUST_CHECK;

/* The root key of --root-key, else of this home, opened with its passphrase. */
struct root_key;
int cli_root_key(struct cli *c, struct root_key *root) MUST_CHECK;
/* The one at path; kept (may be NULL) gets the passphrase that opened it; the caller frees it. */
int cli_root_key_at(struct cli *c, const char *path, struct root_key *root,
	struct cli_passphrase *kept) MUST_CHECK;
/* The node's keys; the passphrase of a sealed file comes from --node-passphrase-file,
 * ENTENTE_PASSPHRASE_FILE or as with cli_passphrase. */
struct identity;
int cli_identity(struct cli *c, uint64_t incarnation, struct identity *id) MUST_CHECK;
/* The ones at path, likewise. */
int cli_identity_at(struct cli *c, const char *path, uint64_t incarnation, struct identity *id,
	struct cli_passphrase *kept) MUST_CHECK;

/* True when a daemon answers on this home's control socket. */
bool cli_daemon_there(struct cli *c);
/*
 * Sends a request (takes it) and gives the answer (the caller decrefs). 0; CLI_NODE after cli_fail
 * when nobody answers; the answer's status after cli_fail when it is not ok. timeout_ms 0: for
 * ever.
 */
int cli_call(struct cli *c, json_t *request, uint64_t timeout_ms, json_t **answer) MUST_CHECK;
/* The error of a call without an answer, after cli_call_quiet. Gives CLI_NODE. */
int cli_no_answer(struct cli *c, int code);
/* For control_call_patience, with the command as its context: a daemon that lives is waited for
 * without an end, one that answers nobody for a minute. */
#define CLI_SILENT_MS 10000u
int cli_patience(void *ctx, uint64_t silent_ms);
/* The same, silent: ENT_ECLOSED when there is no daemon. The answer may be one that is not ok. */
int cli_call_quiet(struct cli *c, json_t *request, uint64_t timeout_ms, json_t **answer) MUST_CHECK;
/* 0 for an answer that is ok, else its status after cli_fail. */
int cli_call_status(struct cli *c, const json_t *answer) MUST_CHECK;
/* Asks a daemon, if there is one, to read keys/ at once; true when there is one. */
bool cli_reload(struct cli *c);

/* The option of commands whose acts name who has done it. */
#define CLI_OPERATOR                                                                               \
	{                                                                                          \
		"--operator", "NAME", false,                                                       \
			"who does it, for provenance; default: the login name"                     \
	}

/* --- exported.c ------------------------------------------------------------------------------- */

/* What leaves the node as a file. */
struct cli_export {
	const char *what;           /* "audit bundle" */
	const uint8_t *hash;        /* SHA-256 of the file, 32 bytes; NULL */
	uint64_t count;             /* records whose content goes with it */
	const struct log_name *log; /* of tiles; NULL */
};

/* Has it entered among the acts, durably, before it takes effect: by the daemon, or where none runs
 * in a file that the next one enters. Where neither can be (somebody who may only read the home)
 * a note says so. */
void cli_exported(struct cli *c, const struct cli_export *e);
/* What was done to the store without the daemon: "reindexed" or "compacted", with its outcome. */
void cli_tended(struct cli *c, const char *what, int code);

/*
 * What an analyst has asked is counted, or entered by itself with `log-queries full`: a line is
 * appended to a file that the daemon adds up (control/waiting.h). Never an error.
 */
struct cli_asked {
	bool full;
	uint64_t count; /* of values */
	uint8_t salt[16];
	crypto_hash_sha256_state hash;
};
void cli_asked_begin(struct cli *c, struct cli_asked *q);
void cli_asked_about(struct cli_asked *q, struct bytes what); /* in its canonical form */
void cli_asked_end(struct cli *c, struct cli_asked *q);
void cli_asked(struct cli *c, struct bytes what); /* about one thing */
/* SHA-256 of a file. ENT_EIO. */
int cli_file_hash(const char *path, uint8_t hash[32]) MUST_CHECK;

/* --- rails.c ---------------------------------------------------------------------------------- */

struct guard;
/* The guard rails with the endpoints of every card known. 0, or the exit status after cli_fail; the
 * caller frees. After cli_want_store. */
int cli_guard_rails(struct cli *c, struct guard **guard) MUST_CHECK;

/* --- guardfile.c ------------------------------------------------------------------------------ */

enum cli_guard_state {
	CLI_GUARD_GOOD,   /* the store has everything that was ever signed */
	CLI_GUARD_BEHIND, /* the store is behind: it was restored */
	CLI_GUARD_NONE,   /* no guard file: the node was restored from a backup */
	CLI_GUARD_BROKEN, /* the file cannot be read */
};

/* Compares the guard file (STORE.md, "Guard") with the store; text gets one line about it. */
enum cli_guard_state cli_guard_check(struct cli *c, const char **text);

/* --- cmd_status.c ----------------------------------------------------------------------------- */

/* The status document of CLI.md: the daemon's, or without one what the directory says. 0, or the
 * exit status after cli_fail; the caller decrefs. */
int cli_status_document(struct cli *c, json_t **document) MUST_CHECK;

/* --- cmd_card.c ------------------------------------------------------------------------------- */

#define CLI_DAY_S 86400

/* --valid-days (365), from the begin of this day (UTC), so that nobody's clock is too slow. */
int cli_valid_days(struct cli *c, int64_t *from, int64_t *until) MUST_CHECK;
/* Fills a card from --org, --endpoint, --contact and --valid-days; what is not given stays, but the
 * time of validity starts anew. Texts are checked where the card is read again. */
int cli_card_options(struct cli *c, struct card *card) MUST_CHECK;

/* --- the commands, for the table in commands.c ------------------------------------------------ */

extern const struct cli_command cmd_init, cmd_root_new;
extern const struct cli_command cmd_card_show, cmd_card_export, cmd_card_renew, cmd_card_draft,
	cmd_card_sign, cmd_card_install, cmd_card_rotate_keys, cmd_card_rotate_root;
extern const struct cli_command cmd_agreement_draft, cmd_agreement_show, cmd_agreement_words,
	cmd_agreement_test, cmd_agreement_sign, cmd_agreement_accept, cmd_agreement_list,
	cmd_agreement_psk, cmd_agreement_revoke;
extern const struct cli_command cmd_roster_draft, cmd_roster_sign, cmd_roster_accept,
	cmd_roster_list, cmd_roster_show;
extern const struct cli_command cmd_clock_confirm;
extern const struct cli_command cmd_status, cmd_peers, cmd_feeds, cmd_origins, cmd_alarms;
extern const struct cli_command cmd_checkpoint, cmd_wait, cmd_reindex, cmd_compact, cmd_doctor;
extern const struct cli_command cmd_split_list, cmd_split_export, cmd_split_verify;
extern const struct cli_command cmd_pause, cmd_resume, cmd_hold, cmd_unhold;
extern const struct cli_command cmd_recover, cmd_backup, cmd_restore, cmd_card_new_incarnation;
extern const struct cli_command cmd_publish, cmd_canonical, cmd_retract, cmd_erase, cmd_find,
	cmd_tail, cmd_why, cmd_trace, cmd_log, cmd_audit_export, cmd_audit_check, cmd_tlog_export;
