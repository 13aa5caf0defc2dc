/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libc.c: the calls with which the product sleeps, waits, asks what time it is, or speaks with other
 * processes. The linker leads them here (--wrap); what is a real descriptor stays one, and is only
 * never waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "engine/keeper.h"
#include "journal/owner.h"
#include "tests/sim/sim.h"
#include "xen/port.h"

uint64_t sim_fd_changes;

static uint64_t unlocks, signals;
static uint32_t processors;

int keeper_main(void);

/* -- descriptors -- */

static int fd_of(int fd)
{
	const struct sim_process *process = fiber_process();

	return fd == RS_KEEPER_FD && process && process->socket_fd >= 0 ? process->socket_fd : fd;
}

int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

static int look(struct pollfd *fds, nfds_t count)
{
	int ready = 0;

	for (nfds_t i = 0; i < count; i++) {
		struct xenevtchn_handle *handle = xen_event_handle(fds[i].fd);
		struct pollfd real = { .fd = fd_of(fds[i].fd), .events = fds[i].events };

		if (handle)
			fds[i].revents = xen_event_is_ready(handle) ? POLLIN : 0;
		else if (__real_poll(&real, 1, 0) >= 0)
			fds[i].revents = real.revents;
		ready += fds[i].revents != 0;
	}
	return ready;
}

static bool has_changed(const void *argument)
{
	return *(const uint64_t *)argument != sim_fd_changes;
}

ssize_t __real_write(int fd, const void *bytes, size_t size);

/* -- timers -- */

#define TIMERS 16

/* A descriptor that becomes readable each `period`. */
static struct timer {
	const struct sim_process *process; /* NULL: none */
	int fd;
	uint64_t next, period;
} timers[TIMERS];

int __wrap_timerfd_create(int clock, int flags)
{
	for (unsigned int i = 0; i < TIMERS; i++)
		if (!timers[i].process) {
			timers[i] = (struct timer){ .process = fiber_process(),
						    .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
			return timers[i].fd;
		}
	sim_complain("more than %u timers", TIMERS);
}

int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	for (unsigned int i = 0; i < TIMERS; i++)
		if (timers[i].process && timers[i].fd == fd) {
			timers[i].period = (uint64_t)new->it_interval.tv_nsec;
			timers[i].next = sim_now + timers[i].period;
		}
	return 0;
}

/* Lets those ring whose time has come. Returns when the next of this process will; 0: there is none. */
static uint64_t ring_timers(void)
{
	static const uint64_t one = 1;
	uint64_t first = 0;

	for (unsigned int i = 0; i < TIMERS; i++) {
		struct timer *timer = &timers[i];

		if (!timer->process || timer->process != fiber_process() || !timer->period)
			continue;
		if (timer->next <= sim_now) {
			timer->next = sim_now + timer->period;
			sim_fd_changes++;
			if (__real_write(timer->fd, &one, sizeof(one)) != sizeof(one))
				sim_complain("eventfd");
		}
		if (!first || timer->next < first)
			first = timer->next;
	}
	return first;
}

int libc_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	uint64_t deadline = timeout_ms > 0 ? sim_now + (uint64_t)timeout_ms * 1000000 : 0;

	fiber_edge("poll");
	if (timeout_ms && sim_happens("poll is interrupted", 300)) {
		errno = EINTR;
		return -1;
	}
	for (;;) {
		uint64_t ring = ring_timers(), before = sim_fd_changes;
		int ready = look(fds, count);

		if (ready || !timeout_ms || (deadline && sim_now >= deadline))
			return ready;
		fiber_wait(has_changed, &before, !ring || (deadline && deadline < ring) ? deadline : ring);
	}
}

/* -- epolls, of which one descriptor may be an event channel's -- */

#define EPOLLS 16

static struct {
	int epoll, fd; /* epoll 0: none */
	epoll_data_t data;
} epolls[EPOLLS];

int __real_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	if (!xen_event_handle(fd))
		return __real_epoll_ctl(epoll, operation, fd, event);
	for (unsigned int i = 0; i < EPOLLS; i++)
		if (!epolls[i].epoll) {
			epolls[i].epoll = epoll;
			epolls[i].fd = fd;
			epolls[i].data = event->data;
			return 0;
		}
	sim_complain("more than %u epolls", EPOLLS);
}

static long sleep_at(int epoll, struct epoll_event *event, int timeout_ms)
{
	struct pollfd fds[2] = { { .fd = epoll, .events = POLLIN } };
	unsigned int i = 0;
	int ready;

	while (i < EPOLLS && epolls[i].epoll != epoll)
		i++;
	fds[1] = (struct pollfd){ .fd = i < EPOLLS ? epolls[i].fd : -1, .events = POLLIN };
	ready = libc_poll(fds, 2, timeout_ms);
	if (ready > 0 && fds[1].revents)
		*event = (struct epoll_event){ .events = EPOLLIN, .data = epolls[i].data };
	else if (ready > 0)
		return epoll_wait(epoll, event, 1, 0);
	return ready < 0 ? ready : ready > 0;
}

static void forget_epoll(int epoll)
{
	for (unsigned int i = 0; i < EPOLLS; i++)
		if (epolls[i].epoll == epoll)
			epolls[i].epoll = 0;
}

static void forget_timer(int fd)
{
	for (unsigned int i = 0; i < TIMERS; i++)
		if (timers[i].fd == fd)
			timers[i].process = NULL;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	return libc_poll(fds, count, timeout_ms);
}

static void await(int fd, short events)
{
	struct pollfd waits = { .fd = fd, .events = events };

	while (libc_poll(&waits, 1, -1) < 0)
		continue;
}

ssize_t __real_recv(int fd, void *bytes, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags)
{
	if (!(flags & MSG_DONTWAIT))
		await(fd, POLLIN);
	return __real_recv(fd_of(fd), bytes, size, flags | MSG_DONTWAIT);
}

ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
	await(fd, POLLIN);
	return __real_recvmsg(fd_of(fd), message, flags | MSG_DONTWAIT);
}

ssize_t __real_send(int fd, const void *bytes, size_t size, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags)
{
	fiber_edge("send");
	sim_fd_changes++;
	return __real_send(fd_of(fd), bytes, size, flags | MSG_DONTWAIT);
}

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	fiber_edge("sendmsg");
	sim_fd_changes++;
	return __real_sendmsg(fd_of(fd), message, flags | MSG_DONTWAIT);
}

int __real_close(int fd);
int __wrap_close(int fd)
{
	struct sim_process *process = fiber_process();

	sim_fd_changes++;
	forget_epoll(fd);
	forget_timer(fd);
	for (uint32_t i = 0; process && i < process->socket_count; i++)
		if (process->sockets[i] == fd)
			process->sockets[i] = process->sockets[--process->socket_count];
	return __real_close(fd);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
	struct xenevtchn_handle *handle = xen_event_handle(fd);
	uint32_t port;

	if (!fiber_here())
		return __real_write(fd, bytes, size);
	fiber_edge("write");
	if (handle) {
		memcpy(&port, bytes, sizeof(port));
		return xen_event_unmask(handle, port);
	}
	if (fd == STDERR_FILENO) {
		sim_tell("%.*s", (int)size - 1, (const char *)bytes);
		return (ssize_t)size;
	}
	sim_fd_changes++;
	return __real_write(fd, bytes, size);
}

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct xenevtchn_handle *handle = xen_event_handle(fd);
	void *argument;
	va_list list;

	va_start(list, request);
	argument = va_arg(list, void *);
	va_end(list);
	if (!handle || request != RS_XEN_PORT_NOTIFY)
		return __real_ioctl(fd, request, argument);
	return (int)xen_event_notify(handle, *(const uint32_t *)argument);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list list;

	va_start(list, flags);
	if (flags & O_CREAT)
		mode = va_arg(list, mode_t);
	va_end(list);
	if (fiber_here() && !strncmp(path, "/proc/", 6)) {
		errno = ENOENT;
		return -1;
	}
	fiber_edge("open");
	return __real_open(path, flags, mode);
}

/* There is no xenstored. */
int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode)
{
	if (!fiber_here())
		return __real_access(path, mode);
	errno = ENOENT;
	return -1;
}

/* The model's memory is this process's alone. */
int __real_madvise(void *address, size_t size, int advice);
int __wrap_madvise(void *address, size_t size, int advice)
{
	return __real_madvise(address, size, advice == MADV_REMOVE ? MADV_DONTNEED : advice);
}

/* -- time -- */

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	sim_now += 10;
	time->tv_sec = (time_t)(sim_now / 1000000000);
	time->tv_nsec = (long)(sim_now % 1000000000);
	return 0;
}

int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
	fiber_sleep((uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec);
	return 0;
}

int __wrap_sched_yield(void)
{
	fiber_sleep(1);
	return 0;
}

/* -- threads -- */

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*main)(void *), void *argument)
{
	*thread = (pthread_t)fiber_start(fiber_process(), "thread", main, argument);
	return 0;
}

static bool has_ended(const void *fiber)
{
	return fiber_has_ended(fiber);
}

int __wrap_pthread_join(pthread_t thread, void **result)
{
	fiber_wait(has_ended, (const void *)thread, 0);
	return 0;
}

static bool was_unlocked(const void *argument)
{
	return *(const uint64_t *)argument != unlocks;
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
	if (!fiber_here())
		return pthread_mutex_trylock(mutex);
	fiber_edge("pthread_mutex_lock");
	while (pthread_mutex_trylock(mutex) == EBUSY) {
		uint64_t before = unlocks;

		fiber_wait(was_unlocked, &before, 0);
	}
	return 0;
}

int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	int error = __real_pthread_mutex_unlock(mutex);

	unlocks++;
	if (fiber_here())
		fiber_edge("pthread_mutex_unlock");
	return error;
}

static bool was_signalled(const void *argument)
{
	return *(const uint64_t *)argument != signals;
}

/* Of any condition: whoever waits looks again. */
int __wrap_pthread_cond_signal(pthread_cond_t *unused)
{
	signals++;
	return 0;
}

/* Of the monotonic clock. */
int __wrap_pthread_cond_timedwait(pthread_cond_t *unused, pthread_mutex_t *mutex,
				  const struct timespec *until)
{
	uint64_t before = signals;
	bool signalled;

	__wrap_pthread_mutex_unlock(mutex);
	signalled = fiber_wait(was_signalled, &before, (uint64_t)until->tv_sec * 1000000000 +
							       (uint64_t)until->tv_nsec);
	__wrap_pthread_mutex_lock(mutex);
	return signalled ? 0 : ETIMEDOUT;
}

long __real_sysconf(int name);
long __wrap_sysconf(int name)
{
	if (name != _SC_NPROCESSORS_ONLN)
		return __real_sysconf(name);
	if (!processors)
		processors = 1 + sim_choose("more processors", 2) * 3;
	return (long)processors;
}

int __wrap_sched_getaffinity(pid_t pid, size_t size, void *set)
{
	memset(set, 0xff, size);
	return 0;
}

/* -- system calls by number -- */

struct sleeper {
	struct sleeper *next;
	const struct sim_process *process;
	const uint32_t *word;
	bool woken;
};

static struct sleeper *sleepers;

static bool is_woken(const void *sleeper)
{
	return ((const struct sleeper *)sleeper)->woken;
}

static void forget_sleeper(struct sleeper *sleeper)
{
	struct sleeper **link = &sleepers;

	while (*link && *link != sleeper)
		link = &(*link)->next;
	if (*link)
		*link = sleeper->next;
}

void libc_forget(const struct sim_process *process)
{
	struct sleeper **link = &sleepers;

	while (*link)
		if ((*link)->process == process)
			*link = (*link)->next;
		else
			link = &(*link)->next;
	for (unsigned int i = 0; i < TIMERS; i++)
		if (timers[i].process == process)
			timers[i].process = NULL;
}

static long futex_wait(const uint32_t *word, uint32_t value, const struct timespec *time)
{
	struct sleeper self = { .next = sleepers, .process = fiber_process(), .word = word };
	uint64_t deadline = time ? sim_now + (uint64_t)time->tv_sec * 1000000000 +
					   (uint64_t)time->tv_nsec : 0;
	bool woken;

	if (*word != value) {
		errno = EAGAIN;
		return -1;
	}
	self.woken = sim_happens("a futex wakes without need", 200);
	sleepers = &self;
	woken = fiber_wait(is_woken, &self, deadline);
	forget_sleeper(&self);
	errno = ETIMEDOUT;
	return woken ? 0 : -1;
}

static long futex_wake(const uint32_t *word)
{
	for (struct sleeper *sleeper = sleepers; sleeper; sleeper = sleeper->next)
		if (sleeper->word == word && !sleeper->woken) {
			sleeper->woken = true;
			return 1;
		}
	return 0;
}

static long futex(const uint32_t *word, int operation, uint32_t value,
		  const struct timespec *time)
{
	fiber_edge("futex");
	if (operation == FUTEX_WAIT_PRIVATE)
		return futex_wait(word, value, time);
	return futex_wake(word);
}

static long pidfd_open(uint32_t pid)
{
	const struct sim_process *process = process_of(pid);

	return process ? dup(process->exit_fd) : -1;
}

static long read_event(int fd, uint32_t *port)
{
	struct xenevtchn_handle *handle = xen_event_handle(fd);

	if (!handle)
		sim_complain("a read of descriptor %d, by number", fd);
	return xen_event_read(handle, port);
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	long arguments[4];
	va_list list;

	va_start(list, number);
	for (unsigned int i = 0; i < 4; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	if (!fiber_here())
		return __real_syscall(number, arguments[0], arguments[1], arguments[2],
				      arguments[3]);
	switch (number) {
	case SYS_membarrier: return 0;
	case SYS_epoll_wait: return sleep_at((int)arguments[0], (struct epoll_event *)arguments[1],
					     (int)arguments[3]);
	case SYS_read: return read_event((int)arguments[0], (uint32_t *)arguments[1]);
	case SYS_futex: return futex((const uint32_t *)arguments[0], (int)arguments[1],
				     (uint32_t)arguments[2],
				     (const struct timespec *)arguments[3]);
	case SYS_pidfd_open: return pidfd_open((uint32_t)arguments[0]);
	default: sim_complain("system call %ld is not simulated", number);
	}
}

/* -- processes -- */

pid_t __real_getpid(void);
pid_t __wrap_getpid(void)
{
	return fiber_process() ? (pid_t)fiber_process()->pid : __real_getpid();
}

/* The second end is the keeper's, until it is started. */
int __real_socketpair(int domain, int type, int protocol, int pair[2]);
int __wrap_socketpair(int domain, int type, int protocol, int pair[2])
{
	struct sim_process *process = fiber_process();
	int error = __real_socketpair(domain, type, protocol, pair);

	if (error)
		return error;
	if (process->socket_count == 8)
		sim_complain("too many sockets");
	process->sockets[process->socket_count++] = pair[0];
	process->socket_fd = pair[1];
	return 0;
}

static void *run_keeper(void *unused)
{
	struct sim_process *self = fiber_process();

	keeper_main();
	process_end(self);
	return NULL;
}

int __wrap_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attributes, char *const argv[],
		       char *const environment[])
{
	struct sim_process *parent = fiber_process(), *child;

	fiber_edge("posix_spawn");
	if (sim_happens("no keeper can be started", 60))
		return EAGAIN;
	child = process_start(SIM_KEEPER);
	child->socket_fd = dup(parent->socket_fd);
	parent->socket_fd = -1;
	fiber_start(child, "keeper", run_keeper, NULL);
	*pid = (pid_t)child->pid;
	return 0;
}

pid_t __wrap_waitpid(pid_t pid, int *status, int options)
{
	return pid;
}

pid_t __wrap_fork(void)
{
	return 0;
}

/* What makes a daemon of a keeper. */
pid_t __wrap_setsid(void)
{
	return 0;
}

int __wrap_chdir(const char *path)
{
	return 0;
}

void (*__wrap_signal(int number, void (*action)(int)))(int)
{
	return NULL;
}

void __wrap_openlog(const char *name, int options, int facility)
{
}

void __wrap_syslog(int level, const char *format, ...)
{
}

/* Of all owners journal/owner.c asks /proc. */
void __wrap_rs_owner_read(struct rs_owner *owner)
{
	*owner = (struct rs_owner){ .pid = fiber_process()->pid, .start = 1 };
}

bool __wrap_rs_owner_is_of_this_boot(const struct rs_owner *owner)
{
	return true;
}

bool __wrap_rs_owner_lives(const struct rs_owner *owner)
{
	const struct sim_process *process = process_of(owner->pid);

	fiber_edge("rs_owner_lives");
	return process && process->alive;
}
