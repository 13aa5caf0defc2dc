/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * monitor.h: a domain's monitor ring, and the sources of events that feed it.
 *
 * One agent at a time holds the ring. A source is a kind of event with what belongs to it;
 * Xen refuses to switch one on that is on (-EEXIST), so to change a source is to switch it
 * off and on. Each switch pauses the domain: hold a pause around several.
 */
#ifndef RS_XEN_MONITOR_H
#define RS_XEN_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

#include <ringside/event.h>

#include "xen/connection.h"

/* The version of the vm_event messages that the running Xen writes. -EACCES: see error.h. */
int rs_xen_monitor_version(struct rs_xen *xen, uint32_t *version);

/* Which kinds of events this domain can report: bits 1 << enum rs_kind. */
int rs_xen_monitor_kinds(struct rs_xen *xen, uint32_t domain, uint32_t *kinds);

/*
 * Does some agent hold the ring? 1 or 0; -errno where Xen does not say (no EPT). Changes
 * nothing: xc_monitor_enable would first populate a page that is then left behind.
 */
int rs_xen_monitor_taken(struct rs_xen *xen, uint32_t domain);

/*
 * Takes the ring: *page is mapped and not initialised, *port is Xen's, to be bound. Hold the
 * domain paused around this and the initialisation. On failure nothing is left behind.
 * -EBUSY: another agent holds it.
 */
int rs_xen_monitor_enable(struct rs_xen *xen, uint32_t domain, void **page, uint32_t *port);

/*
 * The same with the page left among the guest's: to take a page from a domain makes Xen do late
 * what is still to be done for its vCPUs, exceptions that wait for them among it. When they have
 * run, rs_xen_monitor_remove_page takes it, if it is there.
 */
int rs_xen_monitor_enable_here(struct rs_xen *xen, uint32_t domain, void **page, uint32_t *port);
int rs_xen_monitor_remove_page(struct rs_xen *xen, uint32_t domain);

/*
 * Maps the page that the ring will have, and gives it to the guest first if it is not there. Only
 * while no ring is on, and the domain paused until one is: then the mapping stays good, and nobody
 * else can have one.
 */
int rs_xen_monitor_map(struct rs_xen *xen, uint32_t domain, void **page);

/* Does what a notify does, for who has no event channel: Xen consumes all answers. */
int rs_xen_monitor_resume(struct rs_xen *xen, uint32_t domain);

/*
 * Gives the ring back; the page stays mapped. -EBUSY: a vCPU sleeps because the ring is
 * full; but all sources are off. 0 also, without any effect, if the domain is dying.
 */
int rs_xen_monitor_disable(struct rs_xen *xen, uint32_t domain);

void rs_xen_monitor_unmap(struct rs_xen *xen, void *page);

struct rs_xen_source {
	enum rs_kind kind;
	uint32_t index;        /* RS_CR: enum rs_cr. RS_MSR: the MSR. Otherwise 0 */
	bool synchronous;      /* RS_CR, RS_GUEST_REQUEST, RS_DEBUG, RS_VMEXIT */
	bool on_change_only;   /* RS_CR, RS_MSR */
	bool allow_userspace;  /* RS_GUEST_REQUEST */
	uint64_t ignored_bits; /* RS_CR */
};

/*
 * Switches a source on or off. RS_PAGE and RS_INTERRUPT have none: 0. -EEXIST: it is so
 * already. -EOPNOTSUPP: this Xen or processor, or the Xen of the build, has no such source.
 */
int rs_xen_monitor_switch(struct rs_xen *xen, uint32_t domain,
			  const struct rs_xen_source *source, bool on);

/*
 * Lets DENY work: from now on each watched write to a control register or MSR takes effect
 * when its event is answered, and not at all if it is denied. Stays so until the ring is
 * given back. libxenctrl has no call for it.
 */
int rs_xen_monitor_hold_writes(struct rs_xen *xen, uint32_t domain);

#endif
