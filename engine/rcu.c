/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rcu.c: which threads read. */
#include "engine/rcu.h"

#include <pthread.h>
#include <stdbool.h>

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
