/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* record.c: the file behind the record. */
#include "engine/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "xen/error.h"
#include "xen/log.h"

#define FOLDER "/run/ringside"
#define PATH_SIZE 64

static void path_of(uint32_t domain, char *path)
{
	snprintf(path, PATH_SIZE, FOLDER "/%" PRIu32 ".lanes", domain);
}

/* A file of its own each time: who has the predecessor's mapped keeps that, as it was. */
static int create_file(uint32_t domain)
{
	char path[PATH_SIZE];

	path_of(domain, path);
	if (mkdir(FOLDER, 0700) && errno != EEXIST)
		return -errno;
	if (unlink(path) && errno != ENOENT)
		return -errno;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, sizeof(struct rs_record))) {
		int error = -errno;

		close(fd);
		unlink(path);
		return error;
	}
	return fd;
}

static uint64_t inode_of(int fd)
{
	struct stat status;

	return fstat(fd, &status) ? 0 : status.st_ino;
}

int rs_record_open(struct rs_record **out, uint32_t domain, const struct rs_log *log)
{
	int fd = create_file(domain), flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	struct rs_record *record;
	uint64_t inode;

	if (fd < 0)
		rs_log(log, RS_LOG_INFO,
		       "domain %u: no record of its open requests outlives this process: "
		       FOLDER "/%u.lanes: %s", domain, domain, strerror(-fd));
	record = mmap(NULL, sizeof(*record), PROT_READ | PROT_WRITE, flags | MAP_POPULATE,
		      fd < 0 ? -1 : fd, 0);
	inode = fd < 0 ? 0 : inode_of(fd);
	if (fd >= 0)
		close(fd);
	if (record == MAP_FAILED)
		return rs_fail(ENOMEM, "no memory for the record of domain %u's requests", domain);
	record->version = RS_RECORD_VERSION;
	record->domain = domain;
	record->pid = (uint32_t)getpid();
	record->turn_count = RS_TURNS;
	record->inode = inode;
	*out = record;
	return 0;
}

/* Is it our file that has the name? Another agent may have taken the domain meanwhile. */
static bool is_ours(const struct rs_record *record, const char *path)
{
	struct stat found;

	return record->inode && !lstat(path, &found) && found.st_ino == record->inode;
}

void rs_record_close(struct rs_record *record)
{
	char path[PATH_SIZE];

	if (!record)
		return;
	path_of(record->domain, path);
	if (is_ours(record, path))
		unlink(path);
	munmap(record, sizeof(*record));
}
