/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* attach.c: taking a domain, what is refused, and what the probe says about it. */
#include <errno.h>
#include <string.h>

#include "tests/xen/driver/release.h"
#include "tests/xen/driver/tests.h"

static void attach_twice(struct bed *bed)
{
	struct rs_engine *second = bed->engine;
	struct rs_probe probe;
	int error = rs_engine_attach(&second, bed->guest.name, NULL);

	check(error == -EBUSY && !second, "a second engine is refused: %s", rs_strerror(error));
	check(!rs_probe(bed->guest.name, &probe) && probe.has_domain && probe.hvm && probe.hap &&
		      probe.vcpu_count == MB_VCPUS && (probe.ring_taken || !probe.ring_known),
	      "the probe sees a PVH guest of %u vCPUs whose ring is taken", probe.vcpu_count);
	check(rs_engine_vcpu_count(bed->engine) == MB_VCPUS &&
		      rs_engine_domain(bed->engine) == bed->guest.domain,
	      "so does the engine");
	check(bed_run(bed, MB_NOTHING, 0, 0, NULL) && bed->seen == 0,
	      "and the first one still works");
}

static void attach_refused(struct bed *bed)
{
	struct rs_engine *engine;
	int error = rs_engine_attach(&engine, "4242", NULL);

	check(error == -ESRCH && !engine, "no such domain: %s", rs_strerror(error));
	error = rs_engine_attach(&engine, "0", NULL);
	check(error == -EOPNOTSUPP && !engine, "dom0 is no HVM guest: %s", rs_strerror(error));
	error = rs_engine_attach(&engine, "nobody-has-this-name", NULL);
	check(error < 0 && !engine, "no such name: %s", rs_strerror(error));
	check(guest_lives(&bed->guest), "the guest did not notice");
}

static void attach_again(struct bed *bed)
{
	unsigned int good = 0;

	for (unsigned int i = 0; i < 10; i++) {
		struct rs_engine *engine;

		if (rs_engine_attach(&engine, bed->guest.name, NULL))
			break;
		if (rs_engine_detach(engine))
			break;
		good++;
	}
	check(good == 10, "attached and detached %u times: %s", good, rs_error_text());
	check(guest_lives(&bed->guest), "the guest lives");
}

static void probe_release(struct bed *bed)
{
	const struct rs_probe *probe = &bed->probe;
	uint32_t kinds = 1U << RS_CR | 1U << RS_MSR | 1U << RS_BREAKPOINT | 1U << RS_PAGE |
			 1U << RS_SINGLESTEP | 1U << RS_GUEST_REQUEST | 1U << RS_DEBUG |
			 1U << RS_CPUID | 1U << RS_INTERRUPT | 1U << RS_DESCRIPTOR |
			 1U << RS_EMUL_UNIMPLEMENTED;

#if XEN_RELEASE >= 417
	kinds |= 1U << RS_VMEXIT;
#endif
#if XEN_RELEASE >= 418
	kinds |= 1U << RS_IO;
#endif
	check((probe->kinds & kinds) == kinds && !(probe->kinds & ~(kinds | 1U << RS_SHARING |
								      1U << RS_PAGING)),
	      "kinds %#x are those of the release (%#x)", probe->kinds, kinds);
	check(probe->message_version == (XEN_RELEASE >= 415 ? 7 : 6), "message version %u",
	      probe->message_version);
	check(probe->access_default == XENMEM_access_default, "the default access is %u",
	      probe->access_default);
	check(probe->fast_step_needs_monitor == (XEN_RELEASE < 419),
	      "a fast step needs the monitor: %d", probe->fast_step_needs_monitor);
	check(probe->can_deny && probe->altp2m == RS_ALTP2M_AVAILABLE, "DENY and altp2m are there");
}

static void watch_refused(struct bed *bed)
{
	struct rs_watch *watch;
	struct rs_watch_options msr = { .kind = RS_MSR, .msr = { .index = 0x9000 } };
	struct rs_watch_options beyond = {
		.kind = RS_PAGE,
		.page = { .first_gfn = 0x80000, .access = RS_ACCESS_R },
	};
	struct rs_watch_options write_only = {
		.kind = RS_PAGE,
		.page = { .first_gfn = MB_DATA >> 12, .access = RS_ACCESS_W },
	};
	int error = rs_watch(bed->engine, &msr, &watch);

	check(error == -EINVAL && !watch, "an MSR outside of the bitmaps: %s",
	      rs_strerror(error));
	error = rs_watch(bed->engine, &beyond, &watch);
	check(error == -EFAULT && !watch, "a page that is not there: %s", rs_strerror(error));
	error = rs_watch(bed->engine, &write_only, &watch);
	check(error == -EINVAL && !watch, "a page to write and not to read: %s",
	      rs_strerror(error));
}

static void unwatch_silences(struct bed *bed)
{
	bed_watch(bed, (struct rs_watch_options){ .kind = RS_CR, .cr = { .which = RS_CR3 } });
	check(bed_run(bed, MB_WRITE_CR3, MB_ROOT_A, 0, NULL) && bed->seen == 1,
	      "a watched write reports (%u events)", bed->seen);
	bed_unwatch_all(bed);
	check(bed_run(bed, MB_WRITE_CR3, MB_TABLES, 0, NULL) && bed->seen == 0,
	      "not any more (%u events)", bed->seen);
}

const struct test tests_of_attach[] = {
	{ .name = "attach-twice", .run = attach_twice, .about = "a ring has one owner" },
	{ .name = "attach-refused", .run = attach_refused, .unattached = true,
	  .about = "domains that cannot be watched" },
	{ .name = "attach-again", .run = attach_again, .unattached = true,
	  .about = "ten times" },
	{ .name = "probe-release", .run = probe_release,
	  .about = "what the probe says of this release" },
	{ .name = "watch-refused", .run = watch_refused, .about = "watches that make no sense" },
	{ .name = "unwatch", .run = unwatch_silences, .about = "no events after it" },
	{ 0 },
};
