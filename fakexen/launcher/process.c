/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process.c: which process holds which foreign frames, so that they can be given back when
 * it dies. Processes come and go while the world is stopped, so that the thread which
 * executes calls, and stops the world for that, needs no lock to find one. */
#include <errno.h>
#include <stdlib.h>

#include "fakexen/launcher/launcher.h"
#include "fakexen/port.h"
#include "fakexen/vm_event.h"

struct process {
	struct process *next;
	uint32_t number;
	uint32_t frame_count;
	uint16_t *mapped;               /* how often each frame is mapped; NULL: none ever */
};

static struct process *processes;

struct process *process_enter(struct launcher *launcher, uint32_t number)
{
	struct process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	process->number = number;
	world_stop(launcher->world);
	process->next = processes;
	processes = process;
	world_go(launcher->world);
	return process;
}

struct process *process_find(uint32_t number)
{
	for (struct process *process = processes; process; process = process->next)
		if (process->number == number)
			return process;
	return NULL;
}

int process_map(struct process *process, uint32_t frame, uint32_t frame_count)
{
	if (!process->mapped) {
		process->mapped = calloc(frame_count, sizeof(*process->mapped));
		if (!process->mapped)
			return -ENOMEM;
		process->frame_count = frame_count;
	}
	if (process->mapped[frame] == UINT16_MAX)
		return -ENOMEM;
	process->mapped[frame]++;
	return 0;
}

bool process_unmap(struct process *process, uint32_t frame)
{
	if (!process->mapped || frame >= process->frame_count || !process->mapped[frame])
		return false;
	process->mapped[frame]--;
	return true;
}

/* What a notify that was cut short has left, in every domain and at every port. */
static void take_up(struct launcher *launcher)
{
	struct fx_model *model = launcher->model;

	for (unsigned int slot = 1; slot < model->domain_slots; slot++)
		if (fx_domain(model, slot)->state != FX_DOMAIN_FREE)
			fx_vm_event_recover(model, &launcher->host, fx_domain(model, slot));
	for (uint32_t port = 1; port < FX_DOM0_PORTS; port++)
		fx_port_settle(model, &launcher->host, port);
}

void process_leave(struct launcher *launcher, struct process *process)
{
	struct process **link = &processes;

	world_stop(launcher->world);
	while (*link != process)
		link = &(*link)->next;
	*link = process->next;
	for (uint32_t frame = 0; process->mapped && frame < process->frame_count; frame++)
		while (process->mapped[frame]--)
			fx_unmap_foreign(launcher->model, &launcher->host, frame);
	take_up(launcher);
	calls_reclaim(launcher->model, process->number);
	world_go(launcher->world);
	free(process->mapped);
	free(process);
}
