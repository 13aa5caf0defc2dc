/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* descriptors.c: the functions of libc that make and unmake descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <unistd.h>

#include "fakexen/shim/shim.h"

int fcntl64(int fd, int command, ...);
int close_range(unsigned int first, unsigned int last, int flags);
void closefrom(int first);

SHIM_EXPORT int close(int fd)
{
	if (shim_hidden(fd))
		return (int)shim_return(-EBADF);
	shim_descriptor_forget(fd);
	return SHIM_NEXT(close)(fd);
}

static void forget_range(unsigned int first, unsigned int last)
{
	for (unsigned int fd = first; fd <= last && fd < SHIM_DESCRIPTORS; fd++)
		shim_descriptor_forget((int)fd);
}

SHIM_EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	if (!(flags & (1 << 2)))                /* CLOSE_RANGE_CLOEXEC closes nothing now */
		forget_range(first, last);
	return (int)shim_return(shim_close_range(first, last, flags));
}

SHIM_EXPORT void closefrom(int first)
{
	unsigned int from = first < 0 ? 0 : (unsigned int)first;

	forget_range(from, UINT_MAX);
	shim_close_range(from, UINT_MAX, 0);
}

static int copied(int from, int to)
{
	if (to >= 0)
		shim_descriptor_copied(from, to);
	return to;
}

SHIM_EXPORT int dup(int fd)
{
	return copied(fd, SHIM_NEXT(dup)(fd));
}

SHIM_EXPORT int dup2(int from, int to)
{
	if (shim_hidden(to))
		return (int)shim_return(-EBADF);
	return copied(from, SHIM_NEXT(dup2)(from, to));
}

SHIM_EXPORT int dup3(int from, int to, int flags)
{
	if (shim_hidden(to))
		return (int)shim_return(-EBADF);
	return copied(from, SHIM_NEXT(dup3)(from, to, flags));
}

#define FCNTL(name, fd, command) \
	({ \
		va_list list_; \
		void *argument_; \
		int result_; \
		va_start(list_, command); \
		argument_ = va_arg(list_, void *); \
		va_end(list_); \
		result_ = SHIM_NEXT(name)(fd, command, argument_); \
		command == F_DUPFD || command == F_DUPFD_CLOEXEC ? copied(fd, result_) : result_; \
	})

SHIM_EXPORT int fcntl(int fd, int command, ...)
{
	return FCNTL(fcntl, fd, command);
}

SHIM_EXPORT int fcntl64(int fd, int command, ...)
{
	return FCNTL(fcntl64, fd, command);
}
