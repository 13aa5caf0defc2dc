/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rcu.c: which threads read, and the barrier that all of them pass. */
#include "engine/rcu.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

char rs_rcu_grace;

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local bool registered;

static void leave(void *unused)
{
	registered = false;
	urcu_memb_unregister_thread();
}

static void make_key(void)
{
	pthread_key_create(&key, leave);
}

void rs_rcu_enter(void)
{
	if (registered)
		return;
	pthread_once(&once, make_key);
	urcu_memb_register_thread();
	registered = true;
	/* Anything but NULL, for leave to be called when the thread ends. */
	pthread_setspecific(key, &registered);
}

/*
 * liburcu has such a barrier too, but whether it uses that is told by a variable of which a program
 * that is linked with us statically has a copy of its own, and that one is never set.
 */
static pthread_once_t barrier_once = PTHREAD_ONCE_INIT;
static bool has_barrier;

static void register_for_barrier(void)
{
	has_barrier = !syscall(SYS_membarrier, (long)MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0L, 0L);
}

bool rs_rcu_can_publish(void)
{
	pthread_once(&barrier_once, register_for_barrier);
	return has_barrier;
}

void rs_rcu_wait(void)
{
	urcu_memb_synchronize_rcu();
	rs_tsan_acquire(&rs_rcu_grace);
	if (rs_rcu_can_publish())
		syscall(SYS_membarrier, (long)MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0L, 0L);
}
