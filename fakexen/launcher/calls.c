/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* calls.c: the thread that executes callers' calls, one at a time, while the vCPUs stand
 * still. See call.h. */
#include <stdio.h>
#include <string.h>

#include "fakexen/atomics.h"
#include "fakexen/call.h"
#include "fakexen/futex.h"
#include "fakexen/launcher/launcher.h"

#define SPINS 100               /* for a caller that makes one call after the other */

static struct {
	pthread_t thread;
	uint32_t ending;
	uint32_t domains_gone;          /* as xenstore knows it */
} server;

/* Whether the thread has ended; one that waits for its parent to notice has too. */
static bool thread_dead(uint32_t tid)
{
	char path[64], line[512], state = 'X';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%u/stat", tid);
	file = fopen(path, "re");
	if (!file)
		return true;
	if (fgets(line, sizeof(line), file) && strrchr(line, ')'))
		sscanf(strrchr(line, ')') + 1, " %c", &state);
	fclose(file);
	return state == 'Z' || state == 'X';
}

void calls_reclaim(struct fx_model *model, uint32_t dead_process)
{
	for (unsigned int i = 0; i < FX_CALLS; i++) {
		struct fx_call *call = &model->calls[i];
		uint32_t word = fx_load_seq_cst(&call->state);
		uint32_t state = fx_call_state(word);

		if (state != FX_CALL_CLAIMED && state != FX_CALL_DONE)
			continue;
		if ((state == FX_CALL_DONE && call->process == dead_process) ||
		    thread_dead(word & FX_CALL_TID))
			fx_replace_seq_cst(&call->state, &word, 0);
	}
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

/* Executes what is posted: true if there was anything. */
static bool serve(struct launcher *launcher)
{
	bool any = false;

	for (unsigned int i = 0; i < FX_CALLS; i++) {
		struct fx_call *call = &launcher->model->calls[i];
		uint32_t word = fx_load_acquire(&call->state);
		int64_t result;

		if (fx_call_state(word) != FX_CALL_POSTED)
			continue;
		fx_add_seq_cst(&call->state, FX_CALL_STATE_UNIT);
		connections_serve(launcher);
		world_stop(launcher->world);
		result = execute(launcher, call, word & FX_CALL_TID);
		world_go(launcher->world);
		finish(call, result);
		any = true;
	}
	if (server.domains_gone != fx_load_relaxed(&launcher->model->domains_gone)) {
		server.domains_gone = fx_load_relaxed(&launcher->model->domains_gone);
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
