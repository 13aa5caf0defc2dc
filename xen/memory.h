/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory.h: a domain's memory: mapping it, reading it, and what the guest may do with it. */
#ifndef RS_XEN_MEMORY_H
#define RS_XEN_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xen/connection.h"

/* Maps `count` pages from `gfn` on. -EFAULT or so: one of them is no RAM of the guest. */
int rs_xen_memory_map(struct rs_xen *xen, uint32_t domain, uint64_t gfn, size_t count,
		      bool writable, void **pages);
void rs_xen_memory_unmap(struct rs_xen *xen, void *pages, size_t count);

/*
 * Reads up to the end of the page. Maps the page for the moment, so that nothing stale is
 * read after the guest has given the page away. Pauses nobody.
 */
int rs_xen_memory_read(struct rs_xen *xen, uint32_t domain, uint64_t gfn, uint32_t offset,
		       void *bytes, size_t size);

/*
 * Sets what the guest may do with pages of the host's map: RS_ACCESS_R, _W, _X. Never while
 * altp2m is active: it would wipe what the views say of these pages.
 */
int rs_xen_memory_access(struct rs_xen *xen, uint32_t domain, uint64_t first_gfn,
			 uint64_t count, uint32_t access);

/*
 * Gives a domain `count` pages of its own from `gfn` on, zeroed, up to 1024; or takes them away.
 * Taking a page away makes Xen do late what answers have asked of vCPUs: not while one is open.
 */
int rs_xen_memory_populate(struct rs_xen *xen, uint32_t domain, uint64_t gfn, uint32_t count);
int rs_xen_memory_remove(struct rs_xen *xen, uint32_t domain, uint64_t gfn, uint32_t count);

/* So many pages are asked about at once. */
#define RS_XEN_MEMORY_TYPES 1024

/* Which of up to RS_XEN_MEMORY_TYPES pages from `gfn` on are RAM, a bit each; one hypercall. */
int rs_xen_memory_is_ram(struct rs_xen *xen, uint32_t domain, uint64_t gfn, uint32_t count,
			 uint64_t bits[RS_XEN_MEMORY_TYPES / 64]);

/* How many of these pages are RAM; *first_missing is the first that is not, if any. */
int rs_xen_memory_count(struct rs_xen *xen, uint32_t domain, uint64_t first_gfn, uint64_t count,
			uint64_t *ram, uint64_t *first_missing);

/*
 * Can answers reset forks of domains: is it Xen 4.17 or newer, and built with memory sharing? Asks
 * Xen for an audit of what is shared: not for an event's way.
 */
bool rs_xen_memory_can_reset_forks(struct rs_xen *xen);

/* XENMEM_access_default of the running Xen: 11 from 4.20 on. */
uint32_t rs_xen_memory_access_default(const struct rs_xen *xen);

/*
 * The memory for the domain's own page tables (shadow_memory in its configuration), views'
 * included, in MiB: how much there is, used or not; and to have so much.
 */
int rs_xen_memory_pool(struct rs_xen *xen, uint32_t domain, uint32_t *mib);
int rs_xen_memory_set_pool(struct rs_xen *xen, uint32_t domain, uint32_t mib);

#endif
