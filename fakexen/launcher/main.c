/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* main.c: fakexen: builds the machine, runs the command in it, waits, and reports. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fakexen/launcher/launcher.h"

/* The time in which the report sees who still runs; more of it on a busy machine. */
#define GRACE_US 50000
#define GRACES 10

/* Blocks the signals that the main thread reads instead; all threads inherit it. */
static int take_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGCHLD };
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		die("signalfd: %s", strerror(errno));
	return fd;
}

/* What a terminal sends goes to the command anyway (it is in the same process group); what
 * somebody sends to fakexen is meant for the command. True: the command has ended. */
static bool take_signal(int fd, pid_t pid, int *status)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGCHLD) {
			if (info.ssi_code != SI_KERNEL)
				kill(pid, (int)info.ssi_signo);
			continue;
		}
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
	}
	return false;
}

static int wait_for_command(struct launcher *launcher, int signal_fd, pid_t pid)
{
	struct pollfd fds[] = {
		{ .fd = signal_fd, .events = POLLIN },
		{ .fd = connections_fd(launcher), .events = POLLIN },
	};
	int status = 0;

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			die("poll: %s", strerror(errno));
		connections_serve(launcher);
		if (take_signal(signal_fd, pid, &status))
			return command_status(status);
	}
}

/* Lets the guests run on a little, and looks at what the command has left. */
static int end(struct launcher *launcher)
{
	int error = 0;

	if (launcher->options.report) {
		report_mark(launcher);
		for (int i = 0; i < GRACES; i++) {
			usleep(GRACE_US);
			if (report_all_ran_on(launcher))
				break;
		}
		connections_serve(launcher);
		world_stop(launcher->world);
		error = report_write(launcher, launcher->options.report);
		world_go(launcher->world);
	}
	calls_end(launcher);
	connections_end(launcher);
	xenstore_end(launcher->xenstore);
	world_end(launcher->world);
	folder_remove(launcher);
	return error;
}

int main(int argc, char **argv)
{
	struct launcher launcher = { .memory_fd = -1 };
	int signal_fd, status;

	options_parse(&launcher.options, argc, argv);
	log_open(launcher.options.log);
	signal_fd = take_signals();
	machine_build(&launcher);
	folder_make(&launcher);
	connections_start(&launcher);
	world_start(&launcher);
	xenstore_start(&launcher);
	calls_start(&launcher);
	status = wait_for_command(&launcher, signal_fd, command_start(&launcher));
	return end(&launcher) ? EXIT_FAKEXEN : status;
}
