/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plain.h: loops over a bare ring, as the measure of what an engine adds.
 *
 * They know beforehand what will come and how it is answered; nobody can do less and still answer.
 */
#ifndef TESTS_XEN_DRIVER_PLAIN_H
#define TESTS_XEN_DRIVER_PLAIN_H

#include "tests/xen/driver/bare.h"

/* How a loop waits. */
enum plain_waiting {
	PLAIN_BLOCK,      /* looks once more at the ring, then sleeps; unmasks when it has woken */
	PLAIN_HYBRID,     /* looks PLAIN_LOOKS times with the port masked, then as PLAIN_BLOCK */
	PLAIN_SPIN,       /* never sleeps */
	PLAIN_XEN_ACCESS, /* the shape of Xen's own example: poll with a limit, unmask, drain */
};
#define PLAIN_LOOKS 200

struct plain {
	struct bare bare;
	enum plain_waiting waiting;
	uint16_t view; /* in which the guest is; 0: none */
	/* Fills in an answer that says already who may go on. */
	void (*answer)(struct plain *plain, const vm_event_request_t *request,
		       vm_event_response_t *answer);
};

/* Handles `events` events, and does not return before they have come. 0 or -errno. */
int plain_run(struct plain *plain, unsigned int events);

/* Answers. The last two lead to a second event, and back. */
void plain_continue(struct plain *plain, const vm_event_request_t *request,
		    vm_event_response_t *answer);
void plain_cpuid(struct plain *plain, const vm_event_request_t *request,
		 vm_event_response_t *answer);
void plain_skip(struct plain *plain, const vm_event_request_t *request,
		vm_event_response_t *answer);
void plain_nop(struct plain *plain, const vm_event_request_t *request,
	       vm_event_response_t *answer);
void plain_give_back(struct plain *plain, const vm_event_request_t *request,
		     vm_event_response_t *answer);
void plain_emulate(struct plain *plain, const vm_event_request_t *request,
		   vm_event_response_t *answer);
void plain_fast_step(struct plain *plain, const vm_event_request_t *request,
		     vm_event_response_t *answer);
void plain_step(struct plain *plain, const vm_event_request_t *request,
		vm_event_response_t *answer);

#endif
