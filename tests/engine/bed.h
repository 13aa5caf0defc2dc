/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bed.h: an engine on fakexen's guest, a thread that runs it, and what its handlers have seen. */
#ifndef TESTS_ENGINE_BED_H
#define TESTS_ENGINE_BED_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <ringside/ringside.h>

#define VCPUS_MAX 128
#define PATIENCE 60 /* seconds: only a machine that is very busy takes more than one */

extern struct rs_engine *engine;
extern struct rs_engine_options options; /* of the next attach */
extern int run_result;                   /* of rs_engine_run, when it has returned */

/* Of one vCPU. */
struct seen {
	uint32_t inside, events, out_of_order;
	uint64_t serial;
};
extern struct seen lanes[VCPUS_MAX];
extern uint32_t at_once_max; /* so many handlers ran side by side */

/* These end the program if they fail, but for detach, a check. Attaching forgets what was seen. */
void attach(void);
void detach(const char *name);
struct rs_watch *watch(struct rs_watch_options wanted);

/* A thread in rs_engine_run; its end, true if that was no error. */
pthread_t start(void);
bool stop(pthread_t thread);

/* The first and the last thing in a handler. */
void enter(const struct rs_event *event);
void leave(const struct rs_event *event);

/* A handler that does no more. */
struct rs_reply count_event(const struct rs_event *event, void *user);

uint32_t sum_events(void);
/* Until `count` events were seen; false when patience ends. */
bool wait_for(uint32_t count);
/* One vCPU's events came one at a time, and in order. */
bool in_order(void);
/* Each request was answered, and no reply refused. */
bool all_answered(void);

/* One of the counters that the guest keeps (guests/map.h, SLOT_...), of one vCPU and of all; and
 * the exceptions that it should not have had. */
uint64_t guest_counter_of(uint32_t vcpu, uint32_t slot);
uint64_t guest_counter(uint32_t slot);
uint64_t guest_mishaps(void);

void sleep_us(unsigned int us);
double now(void); /* seconds */

#endif
