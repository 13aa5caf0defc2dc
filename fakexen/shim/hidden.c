/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hidden.c: descriptors of the shim's own: high numbers, closed by exec, and not to be
 * closed by a program that closes whatever it finds. */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fakexen/atomics.h"
#include "fakexen/shim/shim.h"

#define HIDDEN_MOST (FX_DEVICES + 16)   /* an end of each device, the model, the lease */
#define FIRST_ABOVE 1024                /* no descriptor table grows larger for our sake */

static uint8_t hidden[SHIM_DESCRIPTORS / 8];

bool shim_hidden(int fd)
{
	return fd >= 0 && fd < SHIM_DESCRIPTORS &&
		fx_load_relaxed(&hidden[fd / 8]) & 1 << fd % 8;
}

static int lowest_number(void)
{
	struct rlimit limit;
	rlim_t most = FIRST_ABOVE;

	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < most)
		most = limit.rlim_cur;
	return most > 2 * HIDDEN_MOST ? (int)most - HIDDEN_MOST : (int)most / 2;
}

int shim_hide(int fd)
{
	int high = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, lowest_number());
	int error = errno;

	syscall(SYS_close, fd);
	if (high < 0)
		return -error;
	if (high >= SHIM_DESCRIPTORS) {
		syscall(SYS_close, high);
		return -EMFILE;
	}
	fx_or_seq_cst(&hidden[high / 8], (uint8_t)(1 << high % 8));
	return high;
}

void shim_unhide(int fd)
{
	if (!shim_hidden(fd))
		return;
	fx_and_seq_cst(&hidden[fd / 8], (uint8_t)~(1 << fd % 8));
	syscall(SYS_close, fd);
}

int shim_close_range(unsigned int first, unsigned int last, int flags)
{
	unsigned int from = first;

	for (unsigned int fd = first; fd <= last && fd < SHIM_DESCRIPTORS; fd++) {
		if (!shim_hidden((int)fd))
			continue;
		if (fd > from && syscall(SYS_close_range, from, fd - 1, flags))
			return -errno;
		from = fd + 1;
	}
	if (from > last)
		return 0;
	return syscall(SYS_close_range, from, last, flags) ? -errno : 0;
}
