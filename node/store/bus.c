/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The store is read through a mapping. A page of it that is not there, because the disk cannot read
 * it or the file was cut short, ends the process by a signal, which says nothing to anybody.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"

static const char *bus_line;

static void on_bus(int number)
{
	(void)number;
	/* Nothing can be done about a line that does not go out either. */
	(void)!write(STDERR_FILENO, bus_line, strlen(bus_line));
	_exit(5);
}

void store_bus_explain(const char *line)
{
	const struct sigaction action = {.sa_handler = on_bus};

	bus_line = line;
	sigaction(SIGBUS, &action, NULL);
}
