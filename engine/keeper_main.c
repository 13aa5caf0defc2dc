/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * keeper_main.c: the program ringside-keeper; keeper.h says what for. Started by an engine only.
 *
 * All that it will need it opens and allocates before it says that it is ready.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <ringside/error.h>

#include "engine/keeper.h"
#include "engine/layout.h"
#include "engine/orphan.h"
#include "engine/statistics.h"
#include "journal/journal.h"
#include "ring/atomics.h"
#include "ring/ring.h"
#include "xen/domain.h"
#include "xen/error.h"
#include "xen/log.h"
#include "xen/monitor.h"

#define LOOK_MS 500        /* without a pidfd */
#define EXIT_LIMIT_MS 1000 /* from the end of the socket to that of the process */
#define NS_PER_MS 1000000
#define STALL_LOOKS 4

enum { EXIT_ENDED = 0, EXIT_FAILED = 1 };

struct keeper {
	struct rs_log log;
	struct rs_orphan orphan;
	int pidfd; /* -1: there is none */
	uint32_t engine_pid;
	/* Since when it has taken nothing, though something waits; 0: it has, or nothing does. */
	uint64_t stall_ns, stalled_since_ns;
	uint32_t req_cons; /* then */
};

/* -- what it says -- */

/* To where the engine's errors went, as long as that is there, and to the system's log. */
static void on_log(enum rs_log_level level, const char *text, void *user)
{
	char line[600];
	int size = snprintf(line, sizeof(line), "ringside-keeper: %s\n", text);

	if (write(STDERR_FILENO, line, (size_t)size) < 0) {
		/* Nobody reads it: the system's log has it. */
	}
	syslog(level == RS_LOG_INFO ? LOG_NOTICE : LOG_ERR, "%s", text);
}

static void say(enum rs_keeper_word word, const char *text)
{
	struct rs_keeper_message message = {
		.magic = RS_KEEPER_MAGIC, .word = word, .pid = (uint32_t)getpid() };

	snprintf(message.text, sizeof(message.text), "%s", text);
	send(RS_KEEPER_FD, &message, sizeof(message), MSG_NOSIGNAL);
}

static int fail(void)
{
	say(RS_KEEPER_FAILED, rs_error_text());
	return EXIT_FAILED;
}

/* -- beginning -- */

/* A process that nobody waits for, that no terminal's keys reach, and that memory is not taken from. */
static int leave_home(void)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2 };
	pid_t pid = fork();
	int fd;

	if (pid)
		_exit(pid < 0 ? EXIT_FAILED : EXIT_ENDED);
	setsid();
	for (unsigned int i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (write(fd, "-1000", 5) < 0) {
			/* Without privilege it is as others are. */
		}
		close(fd);
	}
	/* The first line to the log would read the time zone's file, and allocate. */
	tzset();
	openlog("ringside-keeper", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	return chdir("/");
}

/* The descriptors that come with HELLO: *count of them. */
static int receive_hello(struct rs_keeper_message *message, int fds[RS_KEEPER_FDS])
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(RS_KEEPER_FDS * sizeof(int))];
	} control;
	struct iovec part = { .iov_base = message, .iov_len = sizeof(*message) };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	struct cmsghdr *rights;

	if (recvmsg(RS_KEEPER_FD, &header, MSG_CMSG_CLOEXEC) != sizeof(*message))
		return -EPROTO;
	rights = CMSG_FIRSTHDR(&header);
	if (message->magic != RS_KEEPER_MAGIC || message->word != RS_KEEPER_HELLO || !rights ||
	    message->fds < RS_KEEPER_PIDFD || message->fds > RS_KEEPER_FDS ||
	    rights->cmsg_len != CMSG_LEN(message->fds * sizeof(int)))
		return -EPROTO;
	memcpy(fds, CMSG_DATA(rights), message->fds * sizeof(int));
	return 0;
}

static int map_files(struct keeper *keeper, const int fds[RS_KEEPER_FDS])
{
	int error = rs_record_map(&keeper->orphan.record, fds[RS_KEEPER_RECORD]);

	if (!error)
		error = rs_journal_map(&keeper->orphan.journal, fds[RS_KEEPER_JOURNAL]);
	close(fds[RS_KEEPER_RECORD]);
	close(fds[RS_KEEPER_JOURNAL]);
	if (error)
		return rs_fail(error, "its files cannot be mapped: %s", strerror(-error));
	return 0;
}

static int read_domain(struct rs_orphan *orphan)
{
	struct rs_xen_domain info;
	uint32_t version;
	int error = rs_xen_domain_read(orphan->xen, orphan->domain, &info);

	if (!error)
		error = rs_xen_monitor_version(orphan->xen, &version);
	if (error)
		return error;
	orphan->vcpu_count = info.vcpu_count;
	orphan->layout = rs_layout_find(version);
	return orphan->layout ? 0 : rs_fail(EOPNOTSUPP, "messages of version %u", version);
}

static int open_all(struct keeper *keeper)
{
	struct rs_keeper_message hello;
	int fds[RS_KEEPER_FDS];
	int error = receive_hello(&hello, fds);

	if (error)
		return rs_fail(error, "it is to be started by an engine of the same release");
	keeper->log = (struct rs_log){ .function = on_log, .level = RS_LOG_INFO };
	keeper->pidfd = hello.fds == RS_KEEPER_FDS ? fds[RS_KEEPER_PIDFD] : -1;
	keeper->engine_pid = hello.pid;
	keeper->stall_ns = (uint64_t)hello.stall_ms * NS_PER_MS;
	keeper->orphan.log = &keeper->log;
	keeper->orphan.domain = hello.domain;
	keeper->orphan.first = true;
	error = map_files(keeper, fds);
	if (!error)
		error = rs_xen_open_nameless(&keeper->orphan.xen, &keeper->log);
	if (!error)
		error = read_domain(&keeper->orphan);
	if (!error)
		rs_owner_read(&keeper->orphan.journal->keeper);
	return error;
}

/* -- while the engine lives -- */

static int map_page(struct keeper *keeper)
{
	struct rs_orphan *orphan = &keeper->orphan;
	int error;

	/* It is the engine's, which waits for us meanwhile. */
	rs_xen_keep_journal(orphan->xen, orphan->journal);
	error = rs_xen_monitor_map(orphan->xen, orphan->domain, &orphan->page);
	rs_xen_keep_journal(orphan->xen, NULL);
	if (error)
		return fail();
	say(RS_KEEPER_MAPPED, "");
	return EXIT_ENDED;
}

/* What the engine says. 1: it is to go on; 0: to leave; -1: nothing comes any more. */
static int listen_to(struct keeper *keeper)
{
	struct rs_keeper_message message;
	ssize_t size = recv(RS_KEEPER_FD, &message, sizeof(message), 0);

	if (size != sizeof(message) || message.magic != RS_KEEPER_MAGIC)
		return size < 0 && errno == EINTR ? 1 : -1;
	if (message.word == RS_KEEPER_MAP)
		return map_page(keeper) == EXIT_ENDED;
	return 0;
}

/* The socket ends a moment before the process, which may still have its event channel. */
static void await_exit(const struct keeper *keeper)
{
	struct pollfd waits = { .fd = keeper->pidfd, .events = POLLIN };

	if (keeper->pidfd >= 0)
		poll(&waits, 1, EXIT_LIMIT_MS);
}

static bool lives(const struct keeper *keeper)
{
	return rs_owner_lives(&keeper->orphan.journal->owner);
}

/* By what it shows: requests on the ring, and how many it has taken. */
static bool has_stalled(struct keeper *keeper)
{
	const struct rs_ring_page *page = keeper->orphan.page;
	const struct rs_record *record = keeper->orphan.record;
	uint32_t req_cons = rs_load_acquire(&record->req_cons);

	if (!keeper->stall_ns || !page || !rs_record_is_sound(record, keeper->orphan.domain) ||
	    rs_load_acquire(&page->req_prod) == req_cons) {
		keeper->stalled_since_ns = 0;
		return false;
	}
	if (!keeper->stalled_since_ns || req_cons != keeper->req_cons) {
		keeper->stalled_since_ns = rs_now_ns();
		keeper->req_cons = req_cons;
	}
	return rs_now_ns() - keeper->stalled_since_ns >= keeper->stall_ns;
}

/* Its death is noticed as any other is. */
static void end_stalled(struct keeper *keeper)
{
	rs_log(&keeper->log, RS_LOG_ERROR,
	       "domain %u: process %u has left requests on the ring for %u ms: it is killed",
	       keeper->orphan.domain, keeper->engine_pid,
	       (unsigned int)(keeper->stall_ns / NS_PER_MS));
	keeper->stall_ns = 0;
	if (keeper->pidfd < 0)
		kill((pid_t)keeper->engine_pid, SIGKILL);
	else
		syscall(SYS_pidfd_send_signal, keeper->pidfd, SIGKILL, NULL, 0);
}

/* How long to sleep when nothing happens, in milliseconds; -1: for ever. */
static int patience_of(const struct keeper *keeper)
{
	int look_ms = keeper->pidfd < 0 ? LOOK_MS : -1;
	int stall_ms = (int)(keeper->stall_ns / NS_PER_MS / STALL_LOOKS) + 1;

	return keeper->stall_ns && (look_ms < 0 || stall_ms < look_ms) ? stall_ms : look_ms;
}

/* Until it has died (true), or says that it needs none any more. */
static bool await_death(struct keeper *keeper)
{
	struct pollfd waits[] = { { .fd = RS_KEEPER_FD, .events = POLLIN },
				  { .fd = keeper->pidfd, .events = POLLIN } };

	for (;;) {
		if (poll(waits, 2, patience_of(keeper)) < 0)
			continue;
		/* What it has said last counts, though it is dead by now. */
		if (waits[0].revents) {
			int heard = listen_to(keeper);

			if (heard <= 0)
				return heard < 0;
		} else if (waits[1].revents || (keeper->pidfd < 0 && !lives(keeper))) {
			return true;
		} else if (has_stalled(keeper)) {
			end_stalled(keeper);
		}
	}
}

/* -- and after its death -- */

static bool is_there(struct keeper *keeper)
{
	struct rs_xen_domain info;

	return !rs_xen_domain_read(keeper->orphan.xen, keeper->orphan.domain, &info) && !info.dying;
}

static int let_go(struct keeper *keeper)
{
	struct rs_orphan *orphan = &keeper->orphan;
	uint64_t begin = rs_now_ns();
	int error;

	/* It has not come so far that it had the ring; or even the domain, which may be another's. */
	if (!rs_record_is_sound(orphan->record, orphan->domain)) {
		orphan->record = NULL;
		if (rs_journal_is_clean(orphan->journal))
			return EXIT_ENDED;
	}
	error = is_there(keeper) ? rs_orphan_take_back(orphan) : 0;
	if (error) {
		rs_log(&keeper->log, RS_LOG_ERROR,
		       "domain %u: process %u has died, and not all that it has left could be taken "
		       "back: ringside recover %u: %s", orphan->domain, keeper->engine_pid,
		       orphan->domain, rs_error_text());
		return EXIT_FAILED;
	}
	rs_log(&keeper->log, RS_LOG_INFO, "domain %u: process %u has died, and its guest goes on: "
	       "%u ms", orphan->domain, keeper->engine_pid,
	       (unsigned int)((rs_now_ns() - begin) / NS_PER_MS));
	return EXIT_ENDED;
}

int main(void)
{
	struct keeper keeper = { 0 };
	struct rs_record *record;
	int status = EXIT_ENDED;

	if (leave_home() || open_all(&keeper))
		return fail();
	record = keeper.orphan.record;
	say(RS_KEEPER_READY, "");
	if (await_death(&keeper)) {
		await_exit(&keeper);
		status = let_go(&keeper);
		if (status == EXIT_ENDED) {
			rs_record_close(record);
			rs_journal_close(keeper.orphan.journal, true);
		}
	}
	rs_xen_monitor_unmap(keeper.orphan.xen, keeper.orphan.page);
	return status;
}
