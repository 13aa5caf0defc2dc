/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* calls.c: the thread that executes callers' calls, one at a time, while the vCPUs stand
 * still. See call.h. */
#include <stdio.h>
#include <string.h>

#include "fakexen/atomics.h"
#include "fakexen/call.h"
#include "fakexen/futex.h"
#include "fakexen/launcher/launcher.h"

#define EXITING 4               /* the kernel's PF_EXITING, in /proc/TID/stat */
#define SPINS 100               /* for a caller that makes one call after the other */

static struct {
	pthread_t thread;
	uint32_t ending;
	uint32_t reclaims;              /* grows when a slot could not be taken back: R1 */
	uint32_t domains_gone, next_domid;      /* as xenstore knows them */
} server;

/* Whether the thread has ended, or is about to: its connections end before it counts as
 * dead, so the kernel's flags have to be asked. */
static bool thread_dead(uint32_t tid)
{
	char path[64], line[512], state;
	unsigned int flags;
	bool dead = true;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/stat", tid);
	file = fopen(path, "re");
	if (!file)
		return true;
	if (fgets(line, sizeof(line), file) && strrchr(line, ')') &&
	    sscanf(strrchr(line, ')') + 1, " %c %*d %*d %*d %*d %*d %u", &state, &flags) == 2)
		dead = state == 'Z' || state == 'X' || flags & EXITING;
	fclose(file);
	return dead;
}

/* One slot of the dead: true when there is nothing (more) to do about it.
 *
 * One that is just being served is left to the server, which has to be told. R1: who sees
 * a slot served counts `reclaims`, and looks at the slot again. R2: the server reads the
 * count, takes the slot, stores the slot's end, and reads the count again. So either the
 * second look finds the end, or the server finds the count changed. */
static bool reclaim(struct fx_call *call, uint32_t dead_process)
{
	uint32_t word = fx_load_seq_cst(&call->state);

	switch (fx_call_state(word)) {
	case FX_CALL_FREE:
		return true;
	case FX_CALL_RUNNING:
		fx_add_seq_cst(&server.reclaims, 1);    /* R1 */
		return fx_load_seq_cst(&call->state) == word;
	default:
		if (!(fx_call_state(word) == FX_CALL_DONE && call->process == dead_process) &&
		    !thread_dead(word & FX_CALL_TID))
			return true;
		return fx_replace_seq_cst(&call->state, &word, 0);
	}
}

void calls_reclaim(struct fx_model *model, uint32_t dead_process)
{
	for (unsigned int i = 0; i < FX_CALLS; i++)
		while (!reclaim(&model->calls[i], dead_process))
			;
}

static void finish(struct fx_call *call, int64_t result)
{
	uint32_t word;

	call->result = result;
	/* C3: releases the result to the caller. */
	word = fx_add_seq_cst(&call->state, FX_CALL_STATE_UNIT);
	if (word & FX_CALL_SLEEPS)
		fx_futex_wake(&call->state);
}

/* False: it is not posted. */
static bool serve_one(struct launcher *launcher, struct fx_call *call)
{
	uint32_t reclaims = fx_load_seq_cst(&server.reclaims);  /* R2 */
	uint32_t word = fx_load_seq_cst(&call->state);
	int64_t result;

	do {
		if (fx_call_state(word) != FX_CALL_POSTED)
			return false;
	} while (!fx_replace_seq_cst(&call->state, &word, word + FX_CALL_STATE_UNIT));
	connections_serve(launcher);
	world_stop(launcher->world);
	result = execute(launcher, call, word & FX_CALL_TID);
	world_go(launcher->world);
	finish(call, result);
	if (fx_load_seq_cst(&server.reclaims) != reclaims)      /* R2 */
		calls_reclaim(launcher->model, 0);
	return true;
}

/* Executes what is posted: true if there was anything. */
static bool serve(struct launcher *launcher)
{
	struct fx_model *model = launcher->model;
	bool any = false;

	for (unsigned int i = 0; i < FX_CALLS; i++)
		if (fx_call_state(fx_load_relaxed(&model->calls[i].state)) == FX_CALL_POSTED)
			any |= serve_one(launcher, &model->calls[i]);
	if (server.domains_gone != fx_load_relaxed(&model->domains_gone) ||
	    server.next_domid != model->next_domid) {
		server.domains_gone = fx_load_relaxed(&model->domains_gone);
		server.next_domid = model->next_domid;
		xenstore_notice(launcher->xenstore);
	}
	return any;
}

static bool all_taken(struct fx_model *model)
{
	for (unsigned int i = 0; i < FX_CALLS; i++)
		if (!fx_load_relaxed(&model->calls[i].state))
			return false;
	return true;
}

static void *server_main(void *argument)
{
	struct launcher *launcher = argument;
	struct fx_model *model = launcher->model;
	uint32_t bell;

	while (!fx_load_relaxed(&server.ending)) {
		bell = fx_load_seq_cst(&model->calls_bell);
		if (serve(launcher))
			continue;
		if (all_taken(model))
			calls_reclaim(model, 0);
		for (int i = 0; i < SPINS && fx_load_relaxed(&model->calls_bell) == bell; i++)
			fx_pause();
		fx_store_seq_cst(&model->calls_server_sleeps, 1);
		/* C2: see post() in the shim. */
		if (fx_load_seq_cst(&model->calls_bell) == bell)
			fx_futex_wait(&model->calls_bell, bell, 0);
		fx_store_seq_cst(&model->calls_server_sleeps, 0);
	}
	return NULL;
}

void calls_start(struct launcher *launcher)
{
	if (pthread_create(&server.thread, NULL, server_main, launcher))
		die("no thread for calls");
}

void calls_end(struct launcher *launcher)
{
	fx_store_relaxed(&server.ending, 1);
	fx_add_seq_cst(&launcher->model->calls_bell, 1);
	fx_futex_wake(&launcher->model->calls_bell);
	pthread_join(server.thread, NULL);
}
