/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* folder.c: the folder of sockets: ours, and what launchers that were killed have left. Its
 * launcher holds the folder's lock for as long as it lives. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "fakexen/launcher/launcher.h"
#include "fakexen/wire.h"

/* Descriptors are not passed on by exec, and a fork of the launcher ends before it does. */
static int lock(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		return -1;
	}
	return fd;
}

static const char *parent_folder(void)
{
	const char *parent = getenv("TMPDIR");

	return !parent || !*parent || strlen(parent) > 40 ? "/tmp" : parent;
}

static void remove_folder(const char *folder)
{
	static const char *const sockets[] = { FX_DEVICE_SOCKET, FX_XENSTORE_SOCKET, FX_PROCESS_SOCKET };
	char path[96];

	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, sockets[i]);
		unlink(path);
	}
	rmdir(folder);
}

/* Only folders with a socket in them: one without may belong to a launcher that is about to
 * lock it. */
static void remove_stale(void)
{
	char pattern[96];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/fakexen.*/" FX_PROCESS_SOCKET, parent_folder());
	if (!glob(pattern, 0, NULL, &found)) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			int fd;

			*strrchr(found.gl_pathv[i], '/') = '\0';
			fd = lock(found.gl_pathv[i]);
			if (fd < 0)
				continue;
			remove_folder(found.gl_pathv[i]);
			close(fd);
		}
	}
	globfree(&found);
}

void folder_make(struct launcher *launcher)
{
	remove_stale();
	snprintf(launcher->folder, sizeof(launcher->folder), "%s/fakexen.XXXXXX", parent_folder());
	if (!mkdtemp(launcher->folder) || lock(launcher->folder) < 0)
		die("%s: %s", launcher->folder, strerror(errno));
}

void folder_remove(const struct launcher *launcher)
{
	remove_folder(launcher->folder);
}
