/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* urcu-memb.h, as the simulator's build sees it: its threads are fibers, each a reader of its own. */
#ifndef TESTS_SIM_STAND_IN_URCU_H
#define TESTS_SIM_STAND_IN_URCU_H

#include "tests/sim/edge.h"

static inline void urcu_memb_register_thread(void)
{
}

static inline void urcu_memb_unregister_thread(void)
{
}

static inline void urcu_memb_read_lock(void)
{
	sim_read_begin();
}

static inline void urcu_memb_read_unlock(void)
{
	sim_read_end();
}

static inline void urcu_memb_synchronize_rcu(void)
{
	sim_read_wait();
}

#endif
