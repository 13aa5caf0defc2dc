/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * keeper.c: kill -9 of an engine that has a keeper, with a request in its hand.
 *
 * The keeper has the ring's page, and answers on it: so the guest gets what it would have got
 * without a monitor, of each kind. An engine that attaches next waits until that is done.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/xen/driver/recovery.h"
#include "tests/xen/driver/tests.h"

#define LSTAR 0xc0000082

/* Beside the driver, as in the lab, or where it was built; else the installed one. */
static const char *find_keeper(void)
{
	static const char *const places[] = { "ringside-keeper", "../../../ringside-keeper" };
	static char path[PATH_MAX + 32];
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self));

	while (length > 0 && self[length - 1] != '/')
		length--;
	for (unsigned int i = 0; i < 2 && length > 0; i++) {
		snprintf(path, sizeof(path), "%.*s%s", (int)length, self, places[i]);
		if (!access(path, X_OK))
			return path;
	}
	return NULL;
}

/* Up to an engine that comes next, with the command done. */
static bool kept(struct bed *bed, enum in_hand what)
{
	struct rs_engine_options options = {
		.keeper = RS_KEEPER_REQUIRED,
		.keeper_path = find_keeper(),
	};

	if (!recovery_kill(bed, &options, what) || !bed_attach(bed, NULL))
		return false;
	bed->answer = NULL;
	bed->seen = 0;
	return bed_finish(bed, 0);
}

static void kept_request(struct bed *bed)
{
	if (!kept(bed, IN_HAND_REQUEST))
		return;
	check(bed_get(bed, MB_RESULT0) == 0, "the guest's request was done");
	bed_watch_kind(bed, RS_GUEST_REQUEST);
	bed_run(bed, MB_REQUEST, 0, 0, NULL);
	check(bed_saw_one(bed, RS_GUEST_REQUEST, 0), "the next one comes to the next engine");
	bed_detach(bed);
}

static void write_cr3(struct bed *bed, enum in_hand what, const char *name)
{
	if (!kept(bed, what))
		return;
	check(recovery_old_cr3(bed, MB_TABLES) == MB_ROOT_A, "%s has taken place", name);
	bed_detach(bed);
}

static void kept_cr3(struct bed *bed)
{
	write_cr3(bed, IN_HAND_CR3, "the write");
}

static void kept_held(struct bed *bed)
{
	write_cr3(bed, IN_HAND_HELD, "the write that Xen held back");
}

static void kept_msr(struct bed *bed)
{
	if (!kept(bed, IN_HAND_MSR))
		return;
	bed_run(bed, MB_RDMSR, LSTAR, 0, NULL);
	check(bed_get(bed, MB_RESULT0) == 0x1234, "the write has taken place: %#" PRIx64,
	      bed_get(bed, MB_RESULT0));
	bed_detach(bed);
}

static void kept_int3(struct bed *bed)
{
	if (!kept(bed, IN_HAND_INT3))
		return;
	check(bed->seen == 0 && bed_get(bed, MB_BP) == 1, "it came to the guest, once (%" PRIu64 ")",
	      bed_get(bed, MB_BP));
	bed_detach(bed);
}

static void kept_cpuid(struct bed *bed)
{
	uint64_t signature = recovery_cpuid(bed);

	if (!kept(bed, IN_HAND_CPUID))
		return;
	check(signature && bed_get(bed, MB_RESULT0) == signature, "its result is right: %#" PRIx64,
	      bed_get(bed, MB_RESULT0));
	bed_detach(bed);
}

static void kept_page(struct bed *bed)
{
	if (!kept(bed, IN_HAND_PAGE))
		return;
	bed_run(bed, MB_READ, MB_DATA + 0x500, 0, NULL);
	check(bed->seen == 0 && bed_get(bed, MB_RESULT0) == 7,
	      "the page is open, and the write took place: %" PRIu64, bed_get(bed, MB_RESULT0));
	bed_detach(bed);
}

static void kept_descriptor(struct bed *bed)
{
	if (!kept(bed, IN_HAND_DESCRIPTOR))
		return;
	check(bed_get(bed, MB_RESULT0) == 0x7ff, "the guest has its limit: %#" PRIx64,
	      bed_get(bed, MB_RESULT0));
	bed_detach(bed);
}

static void kept_stepping(struct bed *bed)
{
	if (!kept(bed, IN_HAND_STEPPING))
		return;
	bed_watch_kind(bed, RS_SINGLESTEP);
	bed_run(bed, MB_REQUEST, 0, 0, NULL);
	check(bed->seen == 0 && bed_get(bed, MB_RESULT0) == 0,
	      "the vCPU steps no more (%u events)", bed->seen);
	bed_detach(bed);
}

static void debug_exception(struct bed *bed, enum in_hand what)
{
	if (!kept(bed, what))
		return;
	check(bed_get(bed, MB_DB) == 1 && bed_get(bed, MB_FAULT_RIP) == bed_get(bed, MB_MARK) + 1,
	      "the guest's debug exception comes, once and in its place (%" PRIu64 ")",
	      bed_get(bed, MB_DB));
	bed_detach(bed);
}

static void kept_trap_flag(struct bed *bed)
{
	debug_exception(bed, IN_HAND_TRAP_FLAG);
}

static void kept_icebp(struct bed *bed)
{
	debug_exception(bed, IN_HAND_ICEBP);
}

static void kept_full(struct bed *bed)
{
	if (!kept(bed, IN_HAND_FULL))
		return;
	check(bed->seen == 0, "all its requests are done (%u)", bed->seen);
	bed_detach(bed);
}

#define KEPT(test, function, text) \
	{ .name = "kept-" test, .run = kept_##function, .unattached = true, .own_guest = true, \
	  .only_by_name = true, \
	  .about = "a keeper, after kill -9 of its engine: " text }

const struct test tests_of_keeper[] = {
	KEPT("request", request, "a guest request"),
	KEPT("cr3", cr3, "a CR3 write"),
	KEPT("held", held, "one that is held back"),
	KEPT("msr", msr, "an MSR write"),
	KEPT("int3", int3, "a breakpoint of the guest's"),
	KEPT("cpuid", cpuid, "a CPUID"),
	KEPT("page", page, "a page fault in a view"),
	KEPT("descriptor", descriptor, "a descriptor access"),
	KEPT("stepping", stepping, "single-stepping"),
	KEPT("trap-flag", trap_flag, "a debug exception, of the trap flag"),
	KEPT("icebp", icebp, "a debug exception, of INT1"),
	KEPT("full", full, "a full ring"),
	{ 0 },
};
