/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bare.h: a guest's monitor ring, held with ring/ and xen/ alone, without an engine.
 *
 * An engine answers each request, in its own order and always. What happens when somebody does
 * not, and what the engine costs beside the least that has to be done, is shown with this.
 */
#ifndef TESTS_XEN_DRIVER_BARE_H
#define TESTS_XEN_DRIVER_BARE_H

#include "tests/xen/driver/release.h"

#include "ring/ring.h"
#include "tests/xen/driver/guest.h"
#include "xen/monitor.h"
#include "xen/port.h"

struct bare {
	struct rs_log log; /* to nobody */
	struct rs_xen *xen;
	uint32_t domain;
	uint32_t vcpu_count;
	void *page;
	struct rs_xen_port port;
	struct rs_ring ring;
	struct rs_doorbell doorbell;
};

/*
 * Takes the ring; `looks` as in ring/doorbell.h. A failed check, and false, if it cannot be
 * had. All sources are off.
 */
bool bare_open(struct bare *bare, const struct guest *guest, uint32_t looks);
/* Gives the ring back. The sources that were switched on have to be off again. */
void bare_close(struct bare *bare);

/* A kind of event, synchronous, on or off; `index` of a register. A failed check if not. */
bool bare_switch(struct bare *bare, enum rs_kind kind, uint32_t index, bool on);

/* The next request, within a second. A failed check if none comes. */
bool bare_take(struct bare *bare, vm_event_request_t *request);

/* The least answer that there is: who is meant, and that it may go on. */
vm_event_response_t bare_answer_to(const vm_event_request_t *request);
/* Puts an answer, and tells Xen. */
void bare_answer(struct bare *bare, const vm_event_response_t *answer);

#endif
