/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* folder.c: see folder.h. */
#define _GNU_SOURCE 1
#include "journal/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "/run/ringside"

static const char *folder(void)
{
	const char *named = secure_getenv("RINGSIDE_FOLDER");

	return named && *named ? named : FOLDER;
}

void rs_folder_path(uint32_t domain, const char *suffix, char path[RS_FOLDER_PATH_SIZE])
{
	snprintf(path, RS_FOLDER_PATH_SIZE, "%s/%" PRIu32 "%s", folder(), domain, suffix);
}

static uint64_t inode_of(int fd)
{
	struct stat status;

	return fstat(fd, &status) ? 0 : status.st_ino;
}

int rs_folder_create(uint32_t domain, const char *suffix, size_t size, uint64_t *inode)
{
	char path[RS_FOLDER_PATH_SIZE];
	int fd;

	*inode = 0;
	rs_folder_path(domain, suffix, path);
	if (mkdir(folder(), 0700) && errno != EEXIST)
		return -errno;
	if (unlink(path) && errno != ENOENT)
		return -errno;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	/* Room that is promised: a store into a hole of a full file system would be a SIGBUS. */
	if (posix_fallocate(fd, 0, (off_t)size)) {
		close(fd);
		unlink(path);
		return -ENOSPC;
	}
	*inode = inode_of(fd);
	return fd;
}

int rs_folder_create_nameless(size_t size)
{
	int fd = memfd_create("ringside", MFD_CLOEXEC), error;

	if (fd < 0)
		return -errno;
	if (!ftruncate(fd, (off_t)size))
		return fd;
	error = -errno;
	close(fd);
	return error;
}

int rs_folder_open(uint32_t domain, const char *suffix, size_t size, uint64_t *inode)
{
	char path[RS_FOLDER_PATH_SIZE];
	struct stat status;
	int fd;

	*inode = 0;
	rs_folder_path(domain, suffix, path);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) || !S_ISREG(status.st_mode) || status.st_size != (off_t)size ||
	    status.st_uid != geteuid()) {
		close(fd);
		return -EINVAL;
	}
	*inode = status.st_ino;
	return fd;
}

void rs_folder_remove(uint32_t domain, const char *suffix, uint64_t inode)
{
	char path[RS_FOLDER_PATH_SIZE];
	struct stat found;

	rs_folder_path(domain, suffix, path);
	/* Another agent may have taken the domain, and the name, meanwhile. */
	if (inode && !lstat(path, &found) && found.st_ino == inode)
		unlink(path);
}
