/* SPDX-License-Identifier: EUPL-1.2 */
/* entented: the daemon of a node (entented(8)). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/app.h"

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

int main(int argc, char **argv)
{
	struct app_options o = {0};

	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--help") == 0) {
			usage(stdout);
			return 0;
		}
		if (strcmp(argv[i], "--home") == 0 && value) {
			o.home = value;
		} else if (strcmp(argv[i], "--listen") == 0 && value) {
			o.listen = value;
		} else if (strcmp(argv[i], "--passphrase-file") == 0 && value) {
			o.passphrase_file = value;
		} else if (strcmp(argv[i], "--log-level") == 0 && value) {
			o.has_log_level = log_level_parse(value, &o.log_level);
			if (!o.has_log_level) {
				fprintf(stderr,
					"entented: --log-level: saw \"%s\", wanted error, warn, "
					"notice, info "
					"or debug\n",
					value);
				return 2;
			}
		} else {
			fprintf(stderr, "entented: unknown or incomplete option %s\n", argv[i]);
			usage(stderr);
			return 2;
		}
		i++;
	}
	if (!o.home)
		o.home = default_home();
	umask(077);
	return app_run(&o);
}
