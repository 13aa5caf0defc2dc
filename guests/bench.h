/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench.h: what the bench and its guest, bench.S, tell each other. Numbers only, as map.h.
 *
 * The bench writes the parameters, which begin at GUEST_BENCH in the mailbox's page, and the
 * generation last; then the vCPUs take them up. Each has an area of its own, which it alone
 * writes and in which it counts: nothing there is ever reset, so that who wants to know about a
 * span of time subtracts. Times are in ticks of the guest's TSC. */
#ifndef GUESTS_BENCH_H
#define GUESTS_BENCH_H

#include "map.h"

#define GUEST_BENCH (GUEST_MAILBOX + 0x800)
#define GUEST_BENCH_MAGIC 0x313068636e6562 /* "bench01": at BENCH_MAGIC once a vCPU runs */

/* The parameters: 64-bit words at these offsets. */
#define BENCH_MAGIC 0
#define BENCH_GENERATION 8
#define BENCH_KIND 16           /* BENCH_IDLE... */
#define BENCH_THINK 24          /* from an event's end to the next one */
#define BENCH_PERIOD 32         /* not 0: the next event begins at a multiple of it */
#define BENCH_LIMIT 40          /* events of each vCPU, after which it is idle; 0: no limit */
#define BENCH_VCPUS 48          /* so many take part, the others are idle */
#define BENCH_NAP 56            /* of an idle vCPU, in counts of the APIC timer */
#define BENCH_NAP_DEFAULT 1000000

#define BENCH_IDLE 0
#define BENCH_CR3 1             /* by turns ROOT_A and ROOT_B */
#define BENCH_MSR 2             /* LSTAR, two values by turns */
#define BENCH_BREAKPOINT 3
#define BENCH_PAGE 4            /* reads a word of DATA_PAGE */
#define BENCH_CPUID 5
#define BENCH_REQUEST 6         /* guest request */
#define BENCH_CR4 7             /* PCE set and cleared */
#define BENCH_MIX 8             /* the first four in turn */
#define BENCH_BARE 9            /* CR3, no stamps: how many events the bed makes at most */
#define BENCH_CLOCK 10          /* no event: the TSC into AREA_NOW, again and again */
#define BENCH_KINDS 11

/* The areas, one for each vCPU. */
#define GUEST_AREAS 0x200000
#define GUEST_AREA_SIZE 0x4000
#define AREA_GENERATION 0       /* that it has taken up */
#define AREA_DONE 8             /* whose limit it has reached */
#define AREA_EVENTS 16
#define AREA_TICKS 24           /* their sum */
#define AREA_MAX 32             /* of this generation */
#define AREA_START 40           /* when this generation's first event began */
#define AREA_FIRST 48           /* and ended; 0: it has not */
#define AREA_NOW 56
/* Counts of events by duration, in HdrHistogram's scheme with 64 steps in each power of two:
 * with e the number of v|64's highest bit, v counts in [(e - 6) * 64 + (v >> (e - 6))]. */
#define AREA_HISTOGRAM 512
#define AREA_STEPS_LOG 6
#define AREA_BUCKETS 1984       /* up to 2^36 ticks; what is longer counts in the last one */

#endif
