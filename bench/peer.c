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

/* Its modes are kinds of events; it gives breakpoints back to the guest. */
bool peer_xen_access(const struct plan *plan, const char **words, uint32_t size)
{
	static const char *const modes[BENCH_KINDS] = { [BENCH_BREAKPOINT] = "breakpoint",
		[BENCH_CPUID] = "cpuid", [BENCH_CR4] = "write_ctrlreg_cr4" };
	const char *path = installed("XEN_ACCESS", XEN_ACCESS);
	const char *mode = modes[plan->kind];

	if (!path || !mode || size < 4)
		return false;
	words[0] = path;
	words[1] = plan->domains[0];
	words[2] = mode;
	words[3] = NULL;
	return true;
}

/* Our own program, bench/peers/libvmi.c. */
bool peer_libvmi(const struct plan *plan, const char **words, uint32_t size)
{
	const char *path = installed("RINGSIDE_BENCH_LIBVMI", "");

	if (!path || size < 4)
		return false;
	words[0] = path;
	words[1] = plan->domains[0];
	words[2] = plan_kind_name(plan->kind);
	words[3] = NULL;
	return true;
}
