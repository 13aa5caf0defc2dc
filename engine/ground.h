/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ground.h: the thread in rs_engine_run when all workers are in sandboxes. It handles no events: it
 * waits for the workers to end, and does meanwhile what they may not.
 */
#ifndef RS_ENGINE_GROUND_H
#define RS_ENGINE_GROUND_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct rs_engine;

struct rs_ground {
	pthread_mutex_t lock;
	pthread_cond_t called;
	uint32_t workers; /* that have not ended */
	bool keeper;      /* has ended: rs_keeper_replace */
};

void rs_ground_init(struct rs_ground *ground);
void rs_ground_destroy(struct rs_ground *ground);

/* A worker's side: it will run, has ended, or has found the keeper gone. */
void rs_ground_begin(struct rs_ground *ground);
void rs_ground_end(struct rs_ground *ground);
void rs_ground_call(struct rs_ground *ground);

/* Until no worker is left. */
void rs_ground_serve(struct rs_engine *engine);

#endif
