/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* command.c: runs the command with the shim preloaded. */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fakexen/launcher/launcher.h"
#include "fakexen/wire.h"

static void set_environment(const struct launcher *launcher)
{
	static const char *const near[] = { ".libs/libfakexen-shim.so",
		"../lib/ringside/libfakexen-shim.so" };
	const char *others = getenv("LD_PRELOAD");
	char shim[PATH_MAX], preload[2 * PATH_MAX], socket[128];

	machine_file(shim, sizeof(shim), near, PKGLIBDIR "/libfakexen-shim.so");
	if (access(shim, R_OK))
		die("%s: %s", shim, strerror(errno));
	snprintf(preload, sizeof(preload), "%s%s%s", shim, others && *others ? ":" : "",
		others ? others : "");
	snprintf(socket, sizeof(socket), "%s/%s", launcher->folder, FX_XENSTORE_SOCKET);
	if (setenv("LD_PRELOAD", preload, 1) || setenv(FX_RUNTIME_VARIABLE, launcher->folder, 1) ||
	    setenv("XENSTORED_PATH", socket, 1))
		die("out of memory");
}

pid_t command_start(struct launcher *launcher)
{
	char **command = launcher->options.command;
	sigset_t none;
	pid_t pid;

	set_environment(launcher);
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid)
		return pid;
	/* A launcher that is killed takes its command along: Xen has crashed. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(command[0], command);
	fprintf(stderr, "fakexen: %s: %s\n", command[0], strerror(errno));
	_exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

int command_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
