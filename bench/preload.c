/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * preload.c: counts the system calls of the program that it is preloaded into, by standing
 * before the functions of libc that an event consumer makes them with.
 *
 * What libc calls by itself (a mutex that is contended) is not seen here: bench/syscalls counts
 * everything, more slowly. On fakexen this stands before the model's own shim, so that the
 * shim's calls are not counted.
 */
#include <dlfcn.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bench/counts.h"
#include "ring/atomics.h"

/* Linux's own numbers: <xen/sys/evtchn.h>, 'E' 4; and 'P' for all of privcmd's. */
#define NOTIFY_NUMBER 4

#define EXPORT __attribute__((visibility("default")))
#define NEXT(function)                                                            \
	({                                                                        \
		static __typeof__(&function) next_;                               \
		if (!next_)                                                       \
			next_ = (__typeof__(&function))dlsym(RTLD_NEXT, #function); \
		next_;                                                            \
	})

static struct counts *counts;

static struct counts_thread *own(void)
{
	static _Thread_local struct counts_thread *mine __attribute__((tls_model("initial-exec")));

	if (!mine) {
		uint32_t number = rs_add_relaxed(&counts->threads, 1);

		mine = &counts->thread[number < COUNTS_THREADS ? number : COUNTS_THREADS - 1];
	}
	return mine;
}

static void count(enum counts_call call)
{
	struct counts_thread *thread;

	if (!counts)
		return;
	thread = own();
	rs_store_relaxed(&thread->calls[call], thread->calls[call] + 1);
}

/* How many events were handled since the last notify: whoever notifies holds the putters' lock. */
static void count_notify(void)
{
	uint64_t events = 0, batch;

	count(COUNTS_NOTIFY);
	if (!counts)
		return;
	for (uint32_t i = 0; i < COUNTS_THREADS && i < rs_load_relaxed(&counts->threads); i++)
		events += rs_load_relaxed(&counts->thread[i].events);
	batch = events - counts->noted;
	counts->noted = events;
	counts->batch[batch < COUNTS_BATCHES ? batch : COUNTS_BATCHES - 1]++;
}

__attribute__((constructor)) static void begin(void)
{
	const char *descriptor = getenv(COUNTS_VARIABLE);
	void *page;

	if (!descriptor)
		return;
	page = mmap(NULL, COUNTS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(descriptor), 0);
	if (page != MAP_FAILED)
		counts = page;
}

/* For contestants of the bench's own, which count their events: the line of this thread. */
EXPORT struct counts_thread *bench_counts_own(void)
{
	return counts ? own() : NULL;
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	void *argument;

	va_start(list, request);
	argument = va_arg(list, void *);
	va_end(list);
	if (_IOC_DIR(request) == _IOC_NONE && _IOC_TYPE(request) == 'E' &&
	    _IOC_NR(request) == NOTIFY_NUMBER)
		count_notify();
	else if (_IOC_DIR(request) == _IOC_NONE &&
		 (_IOC_TYPE(request) == 'E' || _IOC_TYPE(request) == 'P'))
		count(COUNTS_DEVICE);
	else
		count(COUNTS_OTHER);
	return NEXT(ioctl)(fd, request, argument);
}

/* A consumer's only writes in the event's way are those that unmask. */
EXPORT ssize_t write(int fd, const void *data, size_t size)
{
	count(size == 4 ? COUNTS_UNMASK : COUNTS_OTHER);
	return NEXT(write)(fd, data, size);
}

EXPORT ssize_t read(int fd, void *data, size_t size)
{
	count(COUNTS_READ);
	return NEXT(read)(fd, data, size);
}

EXPORT int poll(struct pollfd *fds, nfds_t number, int timeout)
{
	count(COUNTS_WAIT);
	return NEXT(poll)(fds, number, timeout);
}

EXPORT int ppoll(struct pollfd *fds, nfds_t number, const struct timespec *timeout,
		 const sigset_t *mask)
{
	count(COUNTS_WAIT);
	return NEXT(ppoll)(fds, number, timeout, mask);
}

EXPORT int epoll_wait(int fd, struct epoll_event *events, int number, int timeout)
{
	count(COUNTS_WAIT);
	return NEXT(epoll_wait)(fd, events, number, timeout);
}

EXPORT int epoll_pwait(int fd, struct epoll_event *events, int number, int timeout,
		       const sigset_t *mask)
{
	count(COUNTS_WAIT);
	return NEXT(epoll_pwait)(fd, events, number, timeout, mask);
}

/* The engine's way to sleep and read without being cancelled. The model's shim makes other calls so. */
EXPORT long syscall(long number, ...)
{
	long arguments[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_epoll_wait)
		count(COUNTS_WAIT);
	else if (number == SYS_read)
		count(COUNTS_READ);
	return NEXT(syscall)(number, arguments[0], arguments[1], arguments[2], arguments[3],
			     arguments[4], arguments[5]);
}
