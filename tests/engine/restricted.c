/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * restricted.c: what an attached engine's handles are good for.
 *
 *	fakexen --domains 2 --report FILE -- tests/engine/restricted
 */
#include <errno.h>
#include <stdio.h>

#include "engine/private.h"
#include "tests/engine/bed.h"
#include "tests/unit/tap.h"
#include "xen/private.h"

#define OTHER 2
#define GFN 0x100
#define VECTOR_UD 6
#define TYPE_EXCEPTION 3

static bool can_bind(uint32_t domain)
{
	return xenevtchn_bind_unbound_port(engine->xen->events, domain) >= 0;
}

static bool can_map(uint32_t domain)
{
	xen_pfn_t frame = GFN;
	int error;
	void *page = xenforeignmemory_map(engine->xen->memory, domain, 1, 1, &frame, &error);

	if (page)
		xenforeignmemory_unmap(engine->xen->memory, page, 1);
	return page != NULL;
}

/* Refused for that reason, not for another. */
static bool may_inject(uint32_t domain)
{
	return !xendevicemodel_inject_event(engine->xen->model, (domid_t)domain, 0, VECTOR_UD,
					    TYPE_EXCEPTION, 0, 0, 0) || errno != EPERM;
}

int main(void)
{
	pthread_t thread;

	options.workers = 1;
	attach();
	tap_ok(!can_bind(OTHER) && errno == EACCES, "event channels of another domain are refused");
	tap_ok(!can_map(OTHER), "so is its memory");
	tap_ok(!may_inject(OTHER), "so are its device model's calls");
	tap_ok(can_map(rs_engine_domain(engine)), "the domain's own memory is not");
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3, .handler = count_event });
	thread = start();
	tap_ok(wait_for(200), "events are handled");
	tap_ok(stop(thread) && in_order() && all_answered(), "in order, each answered");
	detach("restricted");
	return tap_done();
}
