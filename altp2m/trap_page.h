/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trap_page.h: a page of code that has, or has had, breakpoints. */
#ifndef RS_ALTP2M_TRAP_PAGE_H
#define RS_ALTP2M_TRAP_PAGE_H

#include <stdbool.h>
#include <stdint.h>

struct rs_traps;

#define RS_TRAP_PAGE_BYTES 4096
#define RS_TRAP_INT3 0xcc

struct rs_trap_page {
	struct rs_trap_page *next; /* of the bucket */
	uint64_t gfn;
	bool is_hidden;          /* in a shadow; else in the guest's own memory */
	bool is_shown;           /* the shadow has its place, once and for all */
	uint64_t shadow_gfn;
	uint8_t *shown;          /* what vCPUs execute, mapped */
	const uint8_t *original; /* what they read, mapped; the same if it is not hidden */
	uint8_t *saved;          /* not hidden: what was at the breakpoints */
	uint32_t count;          /* of breakpoints now */
	uint64_t set[RS_TRAP_PAGE_BYTES / 64];  /* bit by bit: an INT3 is shown */
	uint64_t once[RS_TRAP_PAGE_BYTES / 64]; /* and goes when it is hit, unless counts say other */
	uint8_t counts[RS_TRAP_PAGE_BYTES];
};

/* Maps the page, and if it is to be hidden takes a shadow for it. Nothing is changed yet. */
int rs_trap_page_make(struct rs_traps *traps, uint64_t gfn, struct rs_trap_page **page);

/*
 * The shadow comes into the place of the page, in the view, while the guest runs, and stays there
 * as long as the view: Xen, from 4.15 on, would take what a view shows away as a page that leaves the
 * guest, and then each vCPU goes on next without what was asked of it (a write to CR3, registers, an
 * exception), and has it later, wherever it is by then. The shadow can be executed only. In this
 * order: the page's writing is reported from now on; the copy is made; the shadow's own access, which
 * goes with it, is execution; and it is shown. Nothing, if it is not hidden, or shown already.
 */
int rs_trap_page_show(struct rs_traps *traps, struct rs_trap_page *page);

/* Unmaps and frees. */
void rs_trap_page_free(struct rs_traps *traps, struct rs_trap_page *page);

#endif
