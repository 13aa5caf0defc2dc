/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lock.h: a lock in shared memory that outlives its holder. When a process was killed
 * while it held the lock, the next to take it is told, and repairs what it guards. */
#ifndef FAKEXEN_LOCK_H
#define FAKEXEN_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct fx_lock {
	pthread_mutex_t mutex;          /* robust, process-shared */
	uint32_t held;                  /* so that who waits only reads; says nothing for sure */
};

void fx_lock_init(struct fx_lock *lock);
/* Takes the lock, spinning a little before it sleeps. True: the previous holder died
 * holding it, and the caller must make the guarded state whole before it lets go. */
bool fx_lock_take(struct fx_lock *lock) __attribute__((warn_unused_result));
void fx_lock_drop(struct fx_lock *lock);

#endif
