/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* call.c: has the launcher execute a call. See call.h. */
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fakexen/atomics.h"
#include "fakexen/futex.h"
#include "fakexen/shim/shim.h"

#define SPINS 500               /* about 20 us */
#define LOOK_EVERY_NS 200000000u        /* whether the launcher is still there */
#define FULL_SLEEP_NS 100000u

static struct fx_call *claim(struct fx_model *model, uint32_t tid)
{
	for (;;) {
		for (unsigned int i = 0; i < FX_CALLS; i++) {
			struct fx_call *call = &model->calls[(tid + i) % FX_CALLS];
			uint32_t expected = 0;

			if (!fx_load_relaxed(&call->state) && fx_replace_seq_cst(&call->state,
					&expected, fx_call_word(FX_CALL_CLAIMED, tid)))
				return call;
		}
		/* All under way: the launcher takes those of dead callers back. */
		if (!shim_launcher_lives())
			return NULL;
		fx_add_seq_cst(&model->calls_bell, 1);
		fx_futex_wake(&model->calls_bell);
		fx_futex_wait(&model->calls[0].state, model->calls[0].state,
			fx_monotonic_ns() + FULL_SLEEP_NS);
	}
}

/* C1: posting is stored before `sleeps` is read; the server stores `sleeps` and then
 * looks for posted calls (C2). True: the server slept. */
static bool post(struct fx_model *model, struct fx_call *call)
{
	fx_add_seq_cst(&call->state, FX_CALL_STATE_UNIT);
	fx_add_seq_cst(&model->calls_bell, 1);
	if (!fx_load_seq_cst(&model->calls_server_sleeps))
		return false;
	fx_futex_wake(&model->calls_bell);
	return true;
}

/* Acquires the server's result (C3). */
static bool done(const struct fx_call *call)
{
	return fx_call_state(fx_load_acquire(&call->state)) == FX_CALL_DONE;
}

static int wait(struct fx_call *call, unsigned int spins)
{
	while (spins-- && !done(call))
		fx_pause();
	while (!done(call)) {
		uint32_t word = fx_or_seq_cst(&call->state, FX_CALL_SLEEPS) | FX_CALL_SLEEPS;

		if (fx_call_state(word) == FX_CALL_DONE)
			break;
		fx_futex_wait(&call->state, word, fx_monotonic_ns() + LOOK_EVERY_NS);
		if (!done(call) && !shim_launcher_lives())
			return -EIO;
	}
	return 0;
}

int64_t shim_call(struct fx_call *arguments)
{
	struct fx_model *model = shim_enter();
	/* Asked for each time: a thread id that was kept would be wrong in a process made
	 * by a plain clone(), and the launcher would read the wrong memory. */
	uint32_t tid = (uint32_t)syscall(SYS_gettid);
	struct fx_call *call;
	int64_t result;

	if (!model)
		return -EIO;
	call = claim(model, tid);
	if (!call)
		return -EIO;
	call->process = shim_process();
	call->kind = arguments->kind;
	call->device = arguments->device;
	call->op = arguments->op;
	for (unsigned int i = 0; i < 5; i++)
		call->args[i] = arguments->args[i];
	if (wait(call, post(model, call) ? 0 : SPINS))
		return -EIO;
	result = call->result;
	fx_store_release(&call->state, 0);
	return result;
}
