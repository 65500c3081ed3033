/* SPDX-License-Identifier: EUPL-1.2 */
/* entented: the daemon of a node (entented(8)). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/app.h"
#include "base/version.h"

static void usage(FILE *to)
{
	fputs("usage: entented [--home DIR] [--listen ADDR:PORT] [--log-level LEVEL]\n"
	      "                [--passphrase-file FILE]\n"
	      "\n"
	      "Runs in the foreground; SIGTERM stops it, SIGHUP rereads keys/.\n"
	      "example: entented --home /var/lib/entente --listen 127.0.0.1:7466\n",
		to);
}

/* CLI.md: --home, ENTENTE_HOME, /var/lib/entente for root, else the user's data directory. */
static const char *default_home(void)
{
	static char home[4096];
	const char *data = getenv("XDG_DATA_HOME"), *user = getenv("HOME");

	if (getenv("ENTENTE_HOME"))
		return getenv("ENTENTE_HOME");
	if (geteuid() == 0)
		return "/var/lib/entente";
	if (data && *data)
		snprintf(home, sizeof(home), "%s/entente", data);
	else
		snprintf(home, sizeof(home), "%s/.local/share/entente", user ? user : "");
	return home;
}

/* One option and its value; 0, or the exit status. */
static int option_read(struct app_options *o, const char *name, const char *value)
{
	if (value && strcmp(name, "--home") == 0) {
		o->home = value;
	} else if (value && strcmp(name, "--listen") == 0) {
		o->listen = value;
	} else if (value && strcmp(name, "--passphrase-file") == 0) {
		o->passphrase_file = value;
	} else if (value && strcmp(name, "--log-level") == 0) {
		o->has_log_level = log_level_parse(value, &o->log_level);
		if (!o->has_log_level) {
			fprintf(stderr,
				"entented: --log-level: saw \"%s\", wanted error, warn, notice, "
				"info "
				"or debug\n",
				value);
			return 2;
		}
	} else {
		fprintf(stderr, "entented: unknown or incomplete option %s\n", name);
		usage(stderr);
		return 2;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct app_options o = {0};

	for (int i = 1; i < argc; i += 2) {
		int status;

		if (strcmp(argv[i], "--help") == 0) {
			usage(stdout);
			return 0;
		}
		if (strcmp(argv[i], "--version") == 0) {
			puts("entented " ENTENTE_VERSION);
			return 0;
		}
		status = option_read(&o, argv[i], argv[i + 1]);
		if (status != 0)
			return status;
	}
	if (!o.home)
		o.home = default_home();
	umask(077);
	/* Names are looked up in half of libuv's threads (net/resolve.c), which do nothing else. */
	setenv("UV_THREADPOOL_SIZE", "8", 1);
	return app_run(&o);
}
