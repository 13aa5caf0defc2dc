/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ground.c: see ground.h. */
#include "engine/ground.h"

#include "engine/private.h"

void rs_ground_init(struct rs_ground *ground)
{
	pthread_mutex_init(&ground->lock, NULL);
	pthread_cond_init(&ground->called, NULL);
}

void rs_ground_destroy(struct rs_ground *ground)
{
	pthread_cond_destroy(&ground->called);
	pthread_mutex_destroy(&ground->lock);
}

void rs_ground_begin(struct rs_ground *ground)
{
	pthread_mutex_lock(&ground->lock);
	ground->workers++;
	pthread_mutex_unlock(&ground->lock);
}

void rs_ground_end(struct rs_ground *ground)
{
	pthread_mutex_lock(&ground->lock);
	ground->workers--;
	pthread_cond_signal(&ground->called);
	pthread_mutex_unlock(&ground->lock);
}

void rs_ground_call(struct rs_ground *ground)
{
	pthread_mutex_lock(&ground->lock);
	ground->keeper = true;
	pthread_cond_signal(&ground->called);
	pthread_mutex_unlock(&ground->lock);
}

void rs_ground_serve(struct rs_engine *engine)
{
	struct rs_ground *ground = &engine->ground;

	pthread_mutex_lock(&ground->lock);
	while (ground->workers || ground->keeper) {
		if (!ground->keeper) {
			pthread_cond_wait(&ground->called, &ground->lock);
			continue;
		}
		ground->keeper = false;
		pthread_mutex_unlock(&ground->lock);
		rs_keeper_replace(engine);
		pthread_mutex_lock(&ground->lock);
	}
	pthread_mutex_unlock(&ground->lock);
}
