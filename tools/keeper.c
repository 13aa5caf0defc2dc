/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper.c: see keeper.h. */
#include "tools/keeper.h"

#include <stdio.h>
#include <unistd.h>

void with_keeper(struct rs_engine_options *options)
{
	static const char *const places[] = { "ringside-keeper", "../libexec/ringside-keeper" };
	static char path[256];
	char self[256 - 32];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self));

	options->keeper = RS_KEEPER_WANTED;
	if (length == sizeof(self))
		return;
	while (length > 0 && self[length - 1] != '/')
		length--;
	for (unsigned int i = 0; i < 2 && length > 0; i++) {
		snprintf(path, sizeof(path), "%.*s%s", (int)length, self, places[i]);
		if (!access(path, X_OK)) {
			options->keeper_path = path;
			return;
		}
	}
}
