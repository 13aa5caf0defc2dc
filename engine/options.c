/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options.c: reads and checks what users ask for. */
#include "engine/options.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <ringside/probe.h>

#include "xen/error.h"

#define ACCESS_ALL (RS_ACCESS_R | RS_ACCESS_W | RS_ACCESS_X)
#define MSR_RANGE 0x2000
/* Guest frame numbers have 40 bits with the widest physical addresses. */
#define GFN_LIMIT (1ULL << 40)

static int check_cr(const struct rs_watch_options *options)
{
	if ((unsigned int)options->cr.which > RS_XCR0)
		return rs_fail(EINVAL, "cr.which: CR0, CR3, CR4 and XCR0 can be watched, not %u",
			       (unsigned int)options->cr.which);
	if (options->deny && options->cr.which == RS_XCR0)
		return rs_fail(EINVAL, "deny: Xen cannot deny a write to XCR0");
	if (options->deny && options->asynchronous)
		return rs_fail(EINVAL, "deny: who denies must make the guest wait: not with "
				       "asynchronous");
	return 0;
}

static int check_msr(const struct rs_watch_options *options)
{
	uint32_t index = options->msr.index;

	if (index < MSR_RANGE || index - 0x40000000 < MSR_RANGE || index - 0xc0000000 < MSR_RANGE)
		return 0;
	return rs_fail(EINVAL,
		       "msr.index: Xen can watch 0 to 0x1fff, and as many from 0x40000000 and "
		       "0xc0000000 on, not %#x", index);
}

int rs_options_check_pages(uint64_t first, uint64_t last, uint32_t access)
{
	if (last < first || last >= GFN_LIMIT)
		return rs_fail(EINVAL, "page: %#" PRIx64 " to %#" PRIx64 " is no range of guest "
				       "frame numbers", first, last);
	if (access & ~(uint32_t)ACCESS_ALL)
		return rs_fail(EINVAL, "page.access: %#x is not made of R, W and X", access);
	if (access & RS_ACCESS_W && !(access & RS_ACCESS_R))
		return rs_fail(EINVAL, "page.access: no page can be written but not read: Xen "
				       "would crash the domain");
	return 0;
}

static int check_page(const struct rs_watch_options *options)
{
	uint64_t first = options->page.first_gfn;
	uint64_t last = options->page.last_gfn ? options->page.last_gfn : first;
	uint32_t access = options->page.access;
	int error = rs_options_check_pages(first, last, access);

	if (error)
		return error;
	if (access == ACCESS_ALL)
		return rs_fail(EINVAL, "page.access: everything is allowed, so nothing would be "
				       "reported");
	return 0;
}

static int check_breakpoint(const struct rs_watch_options *options)
{
	if ((unsigned int)options->breakpoint.place > RS_PLACE_PHYSICAL)
		return rs_fail(EINVAL, "breakpoint.place: there is no such place: %d",
			       (int)options->breakpoint.place);
	if (options->breakpoint.place == RS_PLACE_PHYSICAL &&
	    options->breakpoint.address >> 12 >= GFN_LIMIT)
		return rs_fail(EINVAL, "breakpoint.address: %#" PRIx64 " is no physical address",
			       options->breakpoint.address);
	return 0;
}

static int check_way(const struct rs_watch_options *options)
{
	if ((unsigned int)options->way > RS_WAY_STEP)
		return rs_fail(EINVAL, "way: there is no such way: %d", (int)options->way);
	if (options->way && options->kind != RS_PAGE &&
	    !(options->kind == RS_BREAKPOINT && options->breakpoint.place))
		return rs_fail(EINVAL, "way: there is one to choose past page faults and placed "
				       "breakpoints only");
	return 0;
}

static int check_flags(const struct rs_watch_options *options)
{
	enum rs_kind kind = options->kind;
	int error = check_way(options);

	if (error)
		return error;

	if (options->deny && kind != RS_CR && kind != RS_MSR)
		return rs_fail(EINVAL, "deny: only writes to control registers and MSRs can be "
				       "denied");
	if ((unsigned int)options->at_limit > RS_AT_LIMIT_SWITCH_OFF)
		return rs_fail(EINVAL, "at_limit: there is no such way: %d",
			       (int)options->at_limit);
	if (options->at_limit && !options->calls_per_second_max)
		return rs_fail(EINVAL, "at_limit: without calls_per_second_max there is no limit");
	if (options->asynchronous && kind != RS_CR && kind != RS_GUEST_REQUEST &&
	    kind != RS_DEBUG && kind != RS_VMEXIT)
		return rs_fail(EINVAL, "asynchronous: the guest always waits for the answer to "
				       "%s events", rs_kind_name(kind));
	return 0;
}

static int check_kind(enum rs_kind kind, uint32_t kinds)
{
	switch (kind) {
	case RS_CR:
	case RS_MSR:
	case RS_BREAKPOINT:
	case RS_PAGE:
	case RS_SINGLESTEP:
	case RS_GUEST_REQUEST:
	case RS_DEBUG:
	case RS_CPUID:
	case RS_INTERRUPT:
	case RS_DESCRIPTOR:
	case RS_EMUL_UNIMPLEMENTED:
	case RS_VMEXIT:
	case RS_IO:
		break;
	case RS_PRIVILEGED_CALL:
		return rs_fail(EOPNOTSUPP, "privileged calls are reported on ARM only");
	default:
		return rs_fail(EINVAL, "kind: events of kind %d cannot be watched", (int)kind);
	}
	if (kinds & 1U << kind)
		return 0;
	return rs_fail(EOPNOTSUPP, "this Xen, processor or domain does not report %s events: see "
				   "ringside info", rs_kind_name(kind));
}

int rs_options_check_watch(const struct rs_watch_options *options, uint32_t kinds)
{
	int error = check_kind(options->kind, kinds);

	if (!error)
		error = check_flags(options);
	if (error)
		return error;
	switch (options->kind) {
	case RS_CR:
		return check_cr(options);
	case RS_MSR:
		return check_msr(options);
	case RS_PAGE:
		return check_page(options);
	case RS_BREAKPOINT:
		return check_breakpoint(options);
	default:
		return 0;
	}
}
