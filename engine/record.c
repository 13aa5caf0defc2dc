/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* record.c: the file behind the record. */
#include "engine/record.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "journal/folder.h"
#include "xen/error.h"
#include "xen/log.h"

#define SUFFIX ".lanes"

static void log_unrecorded(uint32_t domain, int error, const struct rs_log *log)
{
	char path[RS_FOLDER_PATH_SIZE];

	rs_folder_path(domain, SUFFIX, path);
	rs_log(log, RS_LOG_INFO,
	       "domain %u: no record of its open requests outlives this process: %s: %s", domain,
	       path, strerror(-error));
}

int rs_record_map(struct rs_record **record, int fd)
{
	*record = mmap(NULL, sizeof(**record), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		       fd, 0);
	if (*record != MAP_FAILED)
		return 0;
	*record = NULL;
	return -ENOMEM;
}

bool rs_record_is_sound(const struct rs_record *record, uint32_t domain)
{
	return !memcmp(record->magic, RS_RECORD_MAGIC, sizeof(record->magic)) &&
	       record->version == RS_RECORD_VERSION && record->domain == domain &&
	       record->turn_count == RS_TURNS;
}

int rs_record_open(struct rs_record **out, uint32_t domain, const struct rs_log *log, int *fd)
{
	struct rs_record *record;
	uint64_t inode;

	*fd = rs_folder_create(domain, SUFFIX, sizeof(*record), &inode);
	if (*fd < 0) {
		log_unrecorded(domain, *fd, log);
		*fd = rs_folder_create_nameless(sizeof(*record));
	}
	if (*fd < 0 || rs_record_map(&record, *fd))
		return rs_fail(ENOMEM, "no memory for the record of domain %u's requests", domain);
	record->version = RS_RECORD_VERSION;
	record->domain = domain;
	record->pid = (uint32_t)getpid();
	record->turn_count = RS_TURNS;
	record->inode = inode;
	*out = record;
	return 0;
}

int rs_record_find(struct rs_record **out, uint32_t domain)
{
	struct rs_record *record;
	uint64_t inode;
	int fd = rs_folder_open(domain, SUFFIX, sizeof(*record), &inode), error;

	*out = NULL;
	if (fd < 0)
		return fd;
	error = rs_record_map(&record, fd);
	close(fd);
	if (error)
		return error;
	if (!rs_record_is_sound(record, domain)) {
		munmap(record, sizeof(*record));
		return -EINVAL;
	}
	*out = record;
	return 0;
}

void rs_record_discard(uint32_t domain, uint32_t pid)
{
	struct rs_record *record;
	uint64_t inode;
	int fd = rs_folder_open(domain, SUFFIX, sizeof(*record), &inode);

	if (fd < 0)
		return;
	if (!rs_record_map(&record, fd)) {
		if (!record->pid || record->pid == pid)
			rs_folder_remove(domain, SUFFIX, inode);
		munmap(record, sizeof(*record));
	}
	close(fd);
}

void rs_record_leave(struct rs_record *record)
{
	if (record)
		munmap(record, sizeof(*record));
}

void rs_record_close(struct rs_record *record)
{
	if (!record)
		return;
	rs_folder_remove(record->domain, SUFFIX, record->inode);
	rs_record_leave(record);
}
