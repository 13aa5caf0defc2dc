/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bed.h: a guest of fakexen's, a `ringside watch` that is killed, and the model's own books. */
#ifndef TESTS_SURVIVAL_BED_H
#define TESTS_SURVIVAL_BED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <xenctrl.h>

#include "fakexen/model.h"

#define BED_DOMID 1

extern xc_interface *bed_control;
extern struct fx_model *bed_model;
extern struct fx_domain *bed_domain;

/* Opens all that, and remembers what the domain is like. False, and a line, if it cannot. */
bool bed_open(uint64_t seed);

uint32_t bed_random(uint32_t limit);
void bed_sleep_us(unsigned int us);

/* Starts a program; `argv` ends with NULL, and its first is the path. */
pid_t bed_start(char *const *argv);
/* Until it has ended. Returns its exit status, 128 and the signal if it was killed. */
int bed_await(pid_t pid);
/* Both. */
int bed_run(char *const *argv);
/* SIGKILL and wait; true if it had not ended by itself. */
bool bed_kill(pid_t pid);

/* A random storm of everything, watched by $ringside; `more` are further arguments, to a NULL. */
pid_t bed_start_watch(const char *ringside, char *const *more);

/* Until its ring is on, or some time has passed. */
bool bed_await_ring(void);

/* Each vCPU runs: its time grows. */
bool bed_all_run(void);
/* The same, and how long the last one took for that, in nanoseconds. */
bool bed_all_run_within(uint64_t *ns);

/* Ports, mappings, frames, pauses, views, intercepts, memory limits: all as at first. */
bool bed_is_as_before(void);

#endif
