/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* peer.c: other people's programs, run as they are. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/contestant.h"
#include "guests/bench.h"

/* Debian puts it beside Xen's other private programs. */
#define XEN_ACCESS "/usr/lib/xen-4.17/bin/xen-access"

static const char *installed(const char *variable, const char *otherwise)
{
	const char *path = getenv(variable);

	if (!path || !*path)
		path = otherwise;
	return access(path, X_OK) ? NULL : path;
}

/* A peer's three words: the program, the domain's number, and what to watch. */
static bool fill(const char **words, uint32_t size, const char *path, uint32_t domain,
		 const char *mode)
{
	static char number[16];

	if (!path || !mode || size < 4)
		return false;
	snprintf(number, sizeof(number), "%u", domain);
	words[0] = path;
	words[1] = number;
	words[2] = mode;
	words[3] = NULL;
	return true;
}

/* Its modes are kinds of events. It prints each of them, and gives breakpoints back to the guest. */
bool peer_xen_access(const struct plan *plan, uint32_t domain, const char **words, uint32_t size)
{
	static const char *const modes[BENCH_KINDS] = { [BENCH_BREAKPOINT] = "breakpoint",
		[BENCH_CPUID] = "cpuid", [BENCH_CR4] = "write_ctrlreg_cr4" };

	return plan->domain_count == 1 &&
	       fill(words, size, installed("XEN_ACCESS", XEN_ACCESS), domain, modes[plan->kind]);
}

/* Our own program, bench/peers/libvmi.c, wherever its builder has put it. */
bool peer_libvmi(const struct plan *plan, uint32_t domain, const char **words, uint32_t size)
{
	return plan->domain_count == 1 &&
	       fill(words, size, installed("RINGSIDE_BENCH_LIBVMI", ""), domain,
		    plan_kind_name(plan->kind));
}
