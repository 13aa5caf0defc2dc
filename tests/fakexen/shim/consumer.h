/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* consumer.h: the smallest monitor there is, on libxenctrl and libxenevtchn: it watches
 * CR3 and answers. And the other thing that can be done with its ring: recovery. */
#ifndef TESTS_FAKEXEN_SHIM_CONSUMER_H
#define TESTS_FAKEXEN_SHIM_CONSUMER_H

#include <stdint.h>

/* Where a consumer is, for whoever wants to kill it there. In shared memory. */
enum consumer_phase { CONSUMER_STARTS, CONSUMER_ENABLES, CONSUMER_RUNS, CONSUMER_DISABLES,
		      CONSUMER_PHASES };

struct consumer_progress {
	uint32_t phase, events;
};

/* Enables the monitor, answers some hundred events, disables it, and again, for ever (or
 * returns -1 with a line on stderr). */
int consumer_run(uint32_t domid, struct consumer_progress *progress);

/* What the successor of a monitor that was killed does, so that the domain runs again as
 * if there had never been one. 0 or -1, with a line on stderr. */
int consumer_recover(uint32_t domid, unsigned int vcpus);

#endif
