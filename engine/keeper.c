/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper.c: the engine's side of its keeper: starting it, looking after it, sending it away. */
#define _GNU_SOURCE 1
#include "engine/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/private.h"
#include "ring/atomics.h"
#include "xen/error.h"
#include "xen/log.h"

#define RESTARTS_MAX 8

extern char **environ;

/* -- what they say to each other -- */

static int send_word(int fd, enum rs_keeper_word word)
{
	struct rs_keeper_message message = {
		.magic = RS_KEEPER_MAGIC, .word = word, .pid = (uint32_t)getpid() };

	return send(fd, &message, sizeof(message), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int fail_dead(void)
{
	return rs_fail(ECHILD, "it has ended");
}

/* The answer that is expected. Its sender's pid is *pid. */
static int receive_word(int fd, enum rs_keeper_word expected, uint32_t *pid)
{
	struct pollfd waits = { .fd = fd, .events = POLLIN };
	struct rs_keeper_message message;
	ssize_t size;
	int count;

	do
		count = poll(&waits, 1, RS_KEEPER_LIMIT_MS);
	while (count < 0 && errno == EINTR);
	if (!count)
		return rs_fail(ETIMEDOUT, "it does not answer");
	size = recv(fd, &message, sizeof(message), 0);
	if (size <= 0)
		return fail_dead();
	if (size != sizeof(message) || message.magic != RS_KEEPER_MAGIC)
		return rs_fail(EPROTO, "it is no keeper of this release");
	message.text[sizeof(message.text) - 1] = '\0';
	if (message.word == RS_KEEPER_FAILED)
		return rs_fail(EIO, "%s", message.text);
	if (message.word != expected)
		return rs_fail(EPROTO, "it is no keeper of this release");
	*pid = message.pid;
	return 0;
}

static int open_pidfd(struct rs_engine *engine)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (fd < 0)
		rs_log(&engine->log, RS_LOG_WARNING,
		       "domain %u: pidfd_open: %s: its keeper learns of this process's end when the "
		       "last copy of a descriptor is closed, or by looking twice a second",
		       engine->domain, strerror(errno));
	return fd;
}

static int say_hello(struct rs_engine *engine, int fd)
{
	struct rs_keeper_message message = {
		.magic = RS_KEEPER_MAGIC, .word = RS_KEEPER_HELLO, .domain = engine->domain,
		.pid = (uint32_t)getpid(), .fds = RS_KEEPER_FDS, .stall_ms = engine->stall_ms };
	int fds[RS_KEEPER_FDS] = { [RS_KEEPER_RECORD] = engine->record_fd,
				   [RS_KEEPER_JOURNAL] = engine->journal_fd,
				   [RS_KEEPER_PIDFD] = open_pidfd(engine) };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} control = { 0 };
	struct iovec part = { .iov_base = &message, .iov_len = sizeof(message) };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control };
	struct cmsghdr *rights = &control.align;
	ssize_t size;

	if (fds[RS_KEEPER_PIDFD] < 0)
		message.fds--;
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(message.fds * sizeof(int));
	header.msg_controllen = CMSG_SPACE(message.fds * sizeof(int));
	memcpy(CMSG_DATA(rights), fds, message.fds * sizeof(int));
	size = sendmsg(fd, &header, MSG_NOSIGNAL);
	if (fds[RS_KEEPER_PIDFD] >= 0)
		close(fds[RS_KEEPER_PIDFD]);
	return size < 0 ? fail_dead() : 0;
}

/* -- starting it -- */

static const char *path_of(const struct rs_engine *engine)
{
	const char *named = secure_getenv("RINGSIDE_KEEPER");

	if (named && *named)
		return named;
	return *engine->keeper_path ? engine->keeper_path : RS_KEEPER_PATH;
}

/* It begins with signals as if a shell had started it, and nothing of ours but the socket. */
static int spawn(const char *path, int fd, pid_t *pid)
{
	char *argv[] = { "ringside-keeper", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	if (posix_spawn_file_actions_init(&actions))
		return ENOMEM;
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	error = posix_spawn_file_actions_adddup2(&actions, fd, RS_KEEPER_FD);
	error = error ? error : posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
	error = error ? error : posix_spawn_file_actions_adddup2(&actions, 0, 1);
#if __GLIBC_PREREQ(2, 34)
	error = error ? error : posix_spawn_file_actions_addclosefrom_np(&actions, RS_KEEPER_FD + 1);
#endif
	error = error ? error : posix_spawn(pid, path, &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* It forks at once, so that it is no child of ours that a program's own waits could find. */
static void bury(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

static int start(struct rs_engine *engine)
{
	const char *path = path_of(engine);
	int pair[2], error;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return rs_fail(errno, "socketpair: %s", strerror(errno));
	error = spawn(path, pair[1], &pid);
	close(pair[1]);
	if (error) {
		error = rs_fail(error, "%s: %s", path, strerror(error));
	} else {
		bury(pid);
		error = say_hello(engine, pair[0]);
		if (!error)
			error = receive_word(pair[0], RS_KEEPER_READY, &engine->keeper.pid);
	}
	if (error) {
		close(pair[0]);
		return error;
	}
	engine->keeper.fd = pair[0];
	return 0;
}

static void forget(struct rs_engine *engine)
{
	struct rs_keeper *keeper = &engine->keeper;

	if (keeper->fd >= 0)
		close(keeper->fd);
	keeper->fd = -1;
}

static void log_without(struct rs_engine *engine, const char *reason)
{
	rs_log(&engine->log, RS_LOG_WARNING,
	       "domain %u: no keeper: %s: if this process is killed, its guest stands still until "
	       "ringside recover %u", engine->domain, reason, engine->domain);
}

/* Without one the engine goes on, unless its user has said that it must not. */
static int go_without(struct rs_engine *engine, int error)
{
	char text[256];

	snprintf(text, sizeof(text), "%s", rs_error_text());
	forget(engine);
	if (engine->keeper_mode == RS_KEEPER_REQUIRED)
		return rs_fail(error, "domain %u: no keeper: %s", engine->domain, text);
	log_without(engine, text);
	return 0;
}

static int wake_by(struct rs_engine *engine)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (!epoll_ctl(engine->wake_fd, EPOLL_CTL_ADD, engine->keeper.fd, &event))
		return 0;
	return rs_fail(errno, "epoll_ctl: %s", strerror(errno));
}

int rs_keeper_start(struct rs_engine *engine)
{
	int error;

	if (engine->keeper_mode == RS_KEEPER_NONE)
		return 0;
	error = start(engine);
	return error ? go_without(engine, error) : 0;
}

int rs_keeper_map(struct rs_engine *engine)
{
	struct rs_keeper *keeper = &engine->keeper;
	int error;

	if (keeper->fd < 0)
		return 0;
	error = send_word(keeper->fd, RS_KEEPER_MAP) ? fail_dead() : 0;
	if (!error)
		error = receive_word(keeper->fd, RS_KEEPER_MAPPED, &keeper->pid);
	if (!error)
		error = wake_by(engine);
	if (error)
		return go_without(engine, error);
	rs_log(&engine->log, RS_LOG_INFO, "domain %u: process %u is its keeper", engine->domain,
	       keeper->pid);
	return 0;
}

/* -- looking after it -- */

static void replace(struct rs_engine *engine)
{
	struct rs_keeper *keeper = &engine->keeper;
	uint32_t dead = keeper->pid;

	if (keeper->restarts++ == RESTARTS_MAX) {
		log_without(engine, "one after the other has ended");
		return;
	}
	if (start(engine) || wake_by(engine)) {
		log_without(engine, rs_error_text());
		forget(engine);
		return;
	}
	rs_log(&engine->log, RS_LOG_WARNING,
	       "domain %u: its keeper, process %u, has ended; process %u is the next, which cannot map "
	       "the ring any more: if this process is killed, it does what ringside recover does "
	       "(man ringside-survival says what that cannot bring back)", engine->domain, dead,
	       keeper->pid);
}

void rs_keeper_replace(struct rs_engine *engine)
{
	replace(engine);
	rs_store_release(&engine->keeper.looking, 0);
}

bool rs_keeper_look(struct rs_engine *engine, bool may_start)
{
	struct rs_keeper *keeper = &engine->keeper;
	char byte;

	if (keeper->fd < 0 || rs_exchange_acquire(&keeper->looking, 1))
		return false;
	/* Nothing is said to us that was not asked for: what makes it readable is its end. */
	if (recv(keeper->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0) {
		rs_store_release(&keeper->looking, 0);
		return false;
	}
	/* At once: it would not let us sleep. */
	forget(engine);
	if (!may_start)
		return true;
	rs_keeper_replace(engine);
	return false;
}

void rs_keeper_end(struct rs_engine *engine)
{
	struct rs_keeper *keeper = &engine->keeper;
	struct pollfd waits = { .fd = keeper->fd, .events = POLLIN };

	if (keeper->fd < 0)
		return;
	/* Its mapping of the ring would keep a dying domain from going. */
	if (!send_word(keeper->fd, RS_KEEPER_END))
		while (poll(&waits, 1, RS_KEEPER_LIMIT_MS) < 0 && errno == EINTR)
			continue;
	forget(engine);
}
