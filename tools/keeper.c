/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper.c: see keeper.h. */
#include "tools/keeper.h"

#include <string.h>
#include <unistd.h>

void with_keeper(struct rs_engine_options *options)
{
	static const char name[] = "ringside-keeper";
	static char path[256];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path));

	options->keeper = RS_KEEPER_WANTED;
	if (length < 0 || (size_t)length >= sizeof(path))
		return;
	while (length && path[length - 1] != '/')
		length--;
	if ((size_t)length + sizeof(name) > sizeof(path))
		return;
	memcpy(path + length, name, sizeof(name));
	if (!access(path, X_OK))
		options->keeper_path = path;
}
