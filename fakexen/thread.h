/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* thread.h: waking the thread that runs a vCPU, from any process. */
#ifndef FAKEXEN_THREAD_H
#define FAKEXEN_THREAD_H

#include "fakexen/atomics.h"
#include "fakexen/futex.h"
#include "fakexen/model.h"

/* vCPUs are dealt out to the threads in turn. */
static inline unsigned int fx_thread_of(const struct fx_model *model, unsigned int slot,
	unsigned int vcpu)
{
	return (slot + vcpu) % model->options.threads;
}

/* The thread looks at its vCPUs again; true if that took a system call.
 * W1: the word is stored before `sleeping` is read; the thread stores `sleeping` and then
 * reads the word (W2). */
static inline bool fx_thread_wake(struct fx_model *model, unsigned int thread)
{
	struct fx_thread *which = &model->threads[thread];

	fx_add_seq_cst(&which->word, 1);
	if (!fx_load_seq_cst(&which->sleeping))
		return false;
	fx_futex_wake(&which->word);
	return true;
}

#endif
