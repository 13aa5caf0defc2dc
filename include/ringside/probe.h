/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* probe.h: what this Xen, and a domain on it, have to offer. Changes nothing. */
#ifndef RINGSIDE_PROBE_H
#define RINGSIDE_PROBE_H

#include <ringside/event.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* altp2m of a domain. */
enum rs_altp2m {
	RS_ALTP2M_UNKNOWN = 0,     /* no domain was asked about */
	RS_ALTP2M_UNSUPPORTED,     /* by this Xen or processor: boot Xen with altp2m=1 */
	RS_ALTP2M_DISABLED,        /* for this domain: altp2m="external" in its configuration */
	RS_ALTP2M_AVAILABLE,       /* and not in use */
	RS_ALTP2M_ACTIVE,          /* somebody uses it */
};

struct rs_probe {
	/* This Xen. */
	uint32_t xen_major, xen_minor;
	char xen_extra[16];         /* ".7" */
	uint32_t built_major, built_minor; /* the Xen that the library was built for */
	/* False: Xen refuses our domctl, and what follows but the release is unknown. */
	bool usable;
	uint32_t message_version;   /* of vm_event: 6 or 7 are supported */
	uint32_t access_default;    /* XENMEM_access_default: 10, or 11 from 4.20 on */
	bool fast_step_needs_monitor; /* up to 4.18: fast step wants single-step events on */
	bool can_deny;              /* CR and MSR writes, from 4.14 on */
	uint16_t view_count_max;    /* altp2m views, view 0 among them */

	/* The domain, if one was asked about. */
	bool has_domain;
	uint32_t domain;
	char name[64];              /* "" where xenstore has none */
	bool hvm;                   /* HVM or PVH: else nothing can be watched */
	bool hap;                   /* hardware-assisted paging: else no page can be watched */
	bool paused, dying, shutdown;
	uint32_t vcpu_count;
	uint64_t memory_bytes;
	uint64_t max_gfn;           /* of the guest's own: guest.h, rs_guest_address_max */
	uint32_t kinds;             /* bit 1 << enum rs_kind: can be watched */
	bool ring_taken;            /* another agent has the monitor ring */
	bool ring_known;            /* false: Xen would not say */
	enum rs_altp2m altp2m;
};

/*
 * Asks Xen, and about a domain (by name or number) unless that is NULL. 0, or -errno as
 * rs_engine_attach; -EACCES: *probe says what release runs. `size` as in rs_watch_sized.
 */
int rs_probe_sized(const char *domain, struct rs_probe *probe, size_t size)
	__attribute__((warn_unused_result));

static inline __attribute__((warn_unused_result)) int rs_probe(const char *domain,
							       struct rs_probe *probe)
{
	return rs_probe_sized(domain, probe, sizeof(*probe));
}

/* "cr", "msr", "breakpoint": our word for a kind of event. Never NULL. */
const char *rs_kind_name(enum rs_kind kind);

/*
 * Waits up to timeout_ms (-1: for ever) for a domain of that name which a toolstack has built and
 * whose number is not `former` (UINT32_MAX: any). A reboot under xl is the end of one domain and the
 * beginning of another: to follow it, detach when the engine says -ENODEV, wait here with the number
 * that it had, attach to the one that comes, and watch anew. It may be paused still: then it is
 * watched from its first instruction on. Any thread; blocks.
 *
 * 1: *domain is its number. 0: none came. -EINVAL: a number is no name. -ENOENT: there is no
 * xenstore, or no Xen. -EINTR: a signal came.
 */
int rs_domain_wait(const char *name, uint32_t former, int timeout_ms, uint32_t *domain)
	__attribute__((warn_unused_result));

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
