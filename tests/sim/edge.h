/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * edge.h: what the simulator puts into the product: moments at which it may take the processor
 * away, and its own clock and RCU. Included first into each of the product's files.
 */
#ifndef TESTS_SIM_EDGE_H
#define TESTS_SIM_EDGE_H

#include <stdint.h>

/* Edges that are left until the next at which something happens. */
extern uint32_t sim_edges_left;

void sim_preempt(const char *where);

static inline void sim_edge(const char *where)
{
	if (__builtin_expect(!--sim_edges_left, 0))
		sim_preempt(where);
}

#define SIM_STRING_OF(text) #text
#define SIM_STRING(text) SIM_STRING_OF(text)
#define SIM_EDGE(operation) sim_edge(__FILE__ ":" SIM_STRING(__LINE__))

/* A step of a busy-wait. */
void sim_relax(void);

/* Virtual time; one tick of the TSC is a nanosecond. */
uint64_t sim_ticks(void);
#define __builtin_ia32_rdtsc sim_ticks

void sim_read_begin(void);
void sim_read_end(void);
void sim_read_wait(void);

#endif
