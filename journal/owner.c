/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* owner.c: see owner.h; by /proc. */
#include "journal/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* Of /proc/PID/stat, counted from the state on, which is field 3. */
#define FIELD_START (22 - 3)

static bool read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[length > 0 ? length : 0] = '\0';
	return length > 0;
}

/* When a process began, and its state's letter; 0: it cannot be read. */
static uint64_t read_start(uint32_t pid, char *state)
{
	char path[32], text[1024];
	uint64_t start = 0;
	char *field;

	*state = '?';
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
	if (!read_text(path, text, sizeof(text)))
		return 0;
	/* The name, in brackets, may have anything in it. */
	field = strrchr(text, ')');
	if (!field || strlen(field) < 3)
		return 0;
	field += 2;
	*state = *field;
	for (unsigned int i = 0; field && i < FIELD_START; i++) {
		field = strchr(field, ' ');
		field = field ? field + 1 : NULL;
	}
	if (field)
		sscanf(field, "%" SCNu64, &start);
	return start;
}

/* A number of 32 hexadecimal digits, with hyphens between. */
static void read_boot(uint8_t boot[16])
{
	char text[64];
	unsigned int digits = 0;

	memset(boot, 0, 16);
	if (!read_text("/proc/sys/kernel/random/boot_id", text, sizeof(text)))
		return;
	for (const char *c = text; *c && digits < 32; c++) {
		unsigned int value;

		if (*c == '-')
			continue;
		if (sscanf(c, "%1x", &value) != 1)
			return;
		boot[digits / 2] |= (uint8_t)(value << (digits % 2 ? 0 : 4));
		digits++;
	}
}

void rs_owner_read(struct rs_owner *owner)
{
	char state;

	memset(owner, 0, sizeof(*owner));
	owner->pid = (uint32_t)getpid();
	owner->start = read_start(owner->pid, &state);
	read_boot(owner->boot);
}

bool rs_owner_is_of_this_boot(const struct rs_owner *owner)
{
	uint8_t boot[16];

	read_boot(boot);
	return !memcmp(boot, owner->boot, sizeof(boot));
}

bool rs_owner_lives(const struct rs_owner *owner)
{
	uint64_t start;
	char state;

	if (!owner->pid || owner->pid > INT32_MAX)
		return false;
	if (kill((pid_t)owner->pid, 0) && errno == ESRCH)
		return false;
	start = read_start(owner->pid, &state);
	if (state == 'Z' || state == 'X')
		return false;
	return !start || !owner->start || start == owner->start;
}
