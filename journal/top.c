/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* top.c: see top.h. */
#include "journal/top.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "journal/folder.h"
#include "journal/owner.h"

#define SUFFIX ".top"
#define MAGIC "ringtop1"

struct top {
	char magic[8];
	uint8_t handle[16]; /* the domain's UUID: its number is another's some day */
	struct rs_owner owner; /* for the boot of which it is */
	uint64_t first, end;
};

/* One call, so that nobody reads half of it. */
static int write_whole(int fd, const struct top *top)
{
	ssize_t size = pwrite(fd, top, sizeof(*top), 0);

	return size == (ssize_t)sizeof(*top) ? 0 : size < 0 ? -errno : -EIO;
}

int rs_top_note(uint32_t domain, const uint8_t handle[16], uint64_t first, uint64_t end)
{
	struct top top = { .magic = MAGIC, .first = first, .end = end };
	uint64_t inode;
	int fd = rs_folder_open(domain, SUFFIX, sizeof(top), &inode), error;

	if (fd < 0)
		fd = rs_folder_create(domain, SUFFIX, sizeof(top), &inode);
	if (fd < 0)
		return fd;
	memcpy(top.handle, handle, sizeof(top.handle));
	rs_owner_read(&top.owner);
	error = write_whole(fd, &top);
	close(fd);
	return error;
}

uint64_t rs_top_before(uint32_t domain, const uint8_t handle[16], uint64_t max_gfn)
{
	struct top top = { 0 };
	uint64_t inode;
	int fd = rs_folder_open(domain, SUFFIX, sizeof(top), &inode);
	bool good;

	if (fd < 0)
		return max_gfn;
	good = pread(fd, &top, sizeof(top), 0) == (ssize_t)sizeof(top) &&
	       !memcmp(top.magic, MAGIC, sizeof(top.magic)) &&
	       !memcmp(top.handle, handle, sizeof(top.handle)) &&
	       rs_owner_is_of_this_boot(&top.owner);
	close(fd);
	/* Behind ours something else has come: then that is the end. */
	return good && top.first && top.first <= max_gfn && max_gfn < top.end ? top.first - 1
									    : max_gfn;
}
