/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process.c: what the kernel knows of a process, and does when it has ended. */
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/sim/sim.h"

#define PROCESSES 32
#define PID_FIRST 1000
#define NEVER UINT32_MAX

static struct sim_process processes[PROCESSES];
static uint32_t count;
static uint32_t doom[SIM_ROLES] = { NEVER, NEVER, NEVER, NEVER }; /* edges that are left */

static const char *const role_names[] = { "init", "engine", "keeper", "recoverer" };

struct sim_process *process_start(enum sim_role role)
{
	struct sim_process *process = &processes[count];

	if (count == PROCESSES)
		sim_complain("more than %u processes", PROCESSES);
	*process = (struct sim_process){ .pid = PID_FIRST + count++, .role = role, .alive = true,
					 .socket_fd = -1,
					 .exit_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	sim_tell("process %u begins: %s", process->pid, role_names[role]);
	return process;
}

struct sim_process *process_of(uint32_t pid)
{
	return pid >= PID_FIRST && pid < PID_FIRST + count ? &processes[pid - PID_FIRST] : NULL;
}

struct sim_process *process_living(enum sim_role role)
{
	for (uint32_t i = count; i--;)
		if (processes[i].role == role && processes[i].alive)
			return &processes[i];
	return NULL;
}

void process_end(struct sim_process *process)
{
	static const uint64_t one = 1;

	if (!process->alive)
		return;
	sim_tell("process %u ends: %s", process->pid, role_names[process->role]);
	process->alive = false;
	for (uint32_t i = 0; i < process->socket_count; i++)
		close(process->sockets[i]);
	if (process->socket_fd >= 0)
		close(process->socket_fd);
	libc_forget(process);
	xen_forget(process);
	if (write(process->exit_fd, &one, sizeof(one)) != sizeof(one))
		sim_complain("eventfd");
	sim_fd_changes++;
	fiber_drop_all(process);
}

void process_doom(enum sim_role role, uint32_t edges)
{
	doom[role] = edges;
}

void process_spare_all(void)
{
	for (unsigned int i = 0; i < SIM_ROLES; i++)
		doom[i] = NEVER;
}

bool process_is_doomed(uint32_t passed, enum sim_role *role)
{
	bool found = false;

	for (unsigned int i = 0; i < SIM_ROLES; i++) {
		if (doom[i] == NEVER || !process_living(i))
			continue;
		doom[i] = doom[i] > passed ? doom[i] - passed : 0;
		if (found || doom[i])
			continue;
		doom[i] = NEVER;
		*role = i;
		found = true;
	}
	return found;
}

uint32_t process_doom_left(void)
{
	uint32_t left = NEVER;

	for (unsigned int i = 0; i < SIM_ROLES; i++)
		if (doom[i] < left && process_living(i))
			left = doom[i];
	return left ? left : 1;
}
