/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lock.c: see lock.h. */
#include "fakexen/lock.h"

#include <errno.h>
#include <stdlib.h>

#include "fakexen/atomics.h"

#define SPINS 2000

void fx_lock_init(struct fx_lock *lock)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	if (pthread_mutex_init(&lock->mutex, &attributes))
		abort();
	pthread_mutexattr_destroy(&attributes);
}

bool fx_lock_take(struct fx_lock *lock)
{
	int error = pthread_mutex_trylock(&lock->mutex);

	for (int i = 0; error == EBUSY && i < SPINS; i++) {
		fx_pause();
		if (!fx_load_relaxed(&lock->held))
			error = pthread_mutex_trylock(&lock->mutex);
	}
	if (error == EBUSY)
		error = pthread_mutex_lock(&lock->mutex);
	if (error == EOWNERDEAD)
		pthread_mutex_consistent(&lock->mutex);
	else if (error)
		abort();
	fx_store_relaxed(&lock->held, 1);
	return error == EOWNERDEAD;
}

void fx_lock_drop(struct fx_lock *lock)
{
	fx_store_relaxed(&lock->held, 0);
	pthread_mutex_unlock(&lock->mutex);
}
