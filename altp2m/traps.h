/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * traps.h: breakpoints in a guest's code, by guest-physical address, that the guest cannot see.
 *
 * A page of code that has some is shown, in the view where all vCPUs live, as a shadow: a copy
 * with an INT3 at each breakpoint. The shadow can be executed and nothing else, so that reading
 * and writing fault, and are done in view 0 or by Xen's emulator, which both have the original.
 * What is written there is then copied. What dom0 writes (a backend, by a grant) raises no
 * event: rs_traps_refresh, or any fault on that page, copies it.
 *
 * Without altp2m the INT3 is in the guest's own memory, for it to see.
 *
 * Who sets and clears is serialised by the engine's control lock. Looking is for any thread, at
 * any time, and waits for nothing: what is found stays until rs_traps_release.
 *
 *   H1  who looks acquires H2: the page that it finds is whole
 *   H2  who sets releases the page that it links in
 */
#ifndef RS_ALTP2M_TRAPS_H
#define RS_ALTP2M_TRAPS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "altp2m/shadows.h"

struct rs_log;
struct rs_pages;
struct rs_trap_page;
struct rs_xen;

#define RS_TRAP_BUCKETS 1024
#define RS_TRAP_WORDS 64 /* of bits, one for each byte of a page */

struct rs_traps {
	struct rs_xen *xen;
	const struct rs_log *log;
	uint32_t domain;
	struct rs_pages *pages; /* the view, or that there are none */
	struct rs_shadows shadows;
	uint64_t filler_gfn; /* what the guest finds where shadows are; 0: not made yet */
	uint32_t page_count; /* that have ever had a breakpoint */
	uint32_t count;      /* breakpoints now */
	pthread_mutex_t bytes; /* around the writing of shadows' bytes */
	struct rs_trap_page *buckets[RS_TRAP_BUCKETS];
};

void rs_traps_init(struct rs_traps *traps);

/*
 * A breakpoint more at that address. The first on a page makes its shadow, while the guest runs:
 * some hypercalls; others are a byte. -EFAULT: no RAM; -ENOMEM; -ENOSPC.
 */
int rs_traps_set(struct rs_traps *traps, uint64_t address);

/* One less. The page's shadow stays, without it. */
void rs_traps_clear(struct rs_traps *traps, uint64_t address);

/* Is there one? */
bool rs_traps_hit(const struct rs_traps *traps, uint64_t address);

/* Is a shadow in the page's place? */
bool rs_traps_covers(const struct rs_traps *traps, uint64_t gfn);

/*
 * The original bytes from an address on, up to `size` of them or to the end of the page. Returns
 * how many; 0: the page has never had a breakpoint.
 */
size_t rs_traps_read(const struct rs_traps *traps, uint64_t address, uint8_t *bytes, size_t size);

/*
 * Copies what has changed in the original of a page, or of all. Returns how many bytes had.
 * From any thread.
 */
uint32_t rs_traps_refresh(struct rs_traps *traps, uint64_t gfn);
uint32_t rs_traps_refresh_all(struct rs_traps *traps);

/*
 * Breakpoints that go when they are hit. Who holds a page has its shadow in place, until
 * rs_traps_drop at least. Both under the control lock.
 */
int rs_traps_hold(struct rs_traps *traps, uint64_t gfn, struct rs_trap_page **page);
void rs_traps_drop(struct rs_traps *traps, struct rs_trap_page *page);

/* Arms those whose bits are set, of a page that is held. Returns how many were not. Any thread. */
uint32_t rs_traps_arm(struct rs_traps *traps, struct rs_trap_page *page,
		      const uint64_t bits[RS_TRAP_WORDS]);

/*
 * It was hit: the byte is as it was, unless there is another breakpoint. False: it was not armed, or
 * somebody else has hit it. Any thread.
 */
bool rs_traps_take(struct rs_traps *traps, struct rs_trap_page *page, uint32_t offset);

/* A visible breakpoint is out of the way of a vCPU that steps past it, and is back. */
void rs_traps_lift(struct rs_traps *traps, uint64_t address);
void rs_traps_lower(struct rs_traps *traps, uint64_t address);

/* With the domain paused: no INT3 of ours is left. */
void rs_traps_withdraw(struct rs_traps *traps);

/* The views are gone: gives all pages back, and frees. */
int rs_traps_release(struct rs_traps *traps);

#endif
