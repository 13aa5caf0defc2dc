/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* domain.h: a domain as a whole: what it is, whether it lives, pausing it. */
#ifndef RS_XEN_DOMAIN_H
#define RS_XEN_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "xen/connection.h"

struct rs_xen_domain {
	bool hvm;      /* HVM or PVH */
	bool hap;      /* its memory map is the hardware's (EPT, NPT) */
	bool paused;   /* by a tool */
	bool dying;
	bool ended;    /* it shut down, rebooted or crashed; suspended does not count */
	bool suspended; /* to be saved or migrated, as a rule */
	uint32_t vcpu_count; /* the greatest vCPU number, plus one */
	uint64_t memory_bytes;
	uint8_t handle[16]; /* its UUID */
};

/* -ESRCH: no such domain. */
int rs_xen_domain_read(struct rs_xen *xen, uint32_t domain, struct rs_xen_domain *info);

/* How many pages it may have at most; and to let it have so many. */
int rs_xen_domain_max_pages(struct rs_xen *xen, uint32_t domain, uint64_t *pages);
int rs_xen_domain_set_max_pages(struct rs_xen *xen, uint32_t domain, uint64_t pages);

/* The greatest guest frame number that there has ever been, whoever put a page there. */
int rs_xen_domain_max_gfn(struct rs_xen *xen, uint32_t domain, uint64_t *gfn);
/* The guest's own: without pages that were ours, as journal/top.h remembers them. */
int rs_xen_domain_top(struct rs_xen *xen, uint32_t domain, uint64_t *gfn);
/* Remembers that those from `first` to before `end` are ours, or were. */
void rs_xen_domain_note_top(struct rs_xen *xen, uint32_t domain, uint64_t first, uint64_t end);

/* Nest: each pause wants its unpause. Both stand in the journal. */
int rs_xen_domain_pause(struct rs_xen *xen, uint32_t domain);
int rs_xen_domain_unpause(struct rs_xen *xen, uint32_t domain);

#endif
