/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* death.c: guests that end while something is watched. */
#include <errno.h>

#include <xenctrl.h>

#include "tests/xen/driver/tests.h"

#define LIMIT_MS 5000

/* Steps until the engine says that the guest has ended. */
static int wait_for_end(struct bed *bed)
{
	uint64_t limit = now_ns() + LIMIT_MS * UINT64_C(1000000);
	int result = 0;

	while (result >= 0 && now_ns() < limit)
		result = rs_engine_step(bed->engine, 100);
	return result;
}

static void guest_destroyed(struct bed *bed)
{
	struct rs_engine_options options = { 0 };
	int error;

	if (!bed_attach(bed, &options))
		return;
	bed_watch(bed, (struct rs_watch_options){ .kind = RS_CR, .cr = { .which = RS_CR3 } });
	bed_watch_page(bed, MB_DATA, 0);
	bed_start(bed, 0, MB_WRITE_CR3, MB_ROOT_A, 0);
	sleep_ms(20);
	/* Its mailbox is mapped, so it stays dying until we let go. */
	check(!xc_domain_destroy(guest_interface(), bed->guest.domain),
	      "the guest is destroyed with a request on the ring");
	bed->guest.ours = false;
	error = wait_for_end(bed);
	check(error == -ENODEV, "the engine says so: %s", rs_strerror(error));
	error = rs_engine_detach(bed->engine);
	bed->engine = NULL;
	check(!error, "detach has nothing left to take back");
}

static void guest_crashed(struct bed *bed)
{
	int error;

	if (!bed_attach(bed, NULL))
		return;
	bed_watch_page(bed, MB_DATA, 0);
	check(!xc_domain_shutdown(guest_interface(), bed->guest.domain, SHUTDOWN_crash),
	      "the guest crashes");
	error = wait_for_end(bed);
	check(error == -ENODEV, "the engine says so: %s", rs_strerror(error));
	error = rs_engine_detach(bed->engine);
	bed->engine = NULL;
	check(!error, "detach%s%s", error ? ": " : "", error ? rs_strerror(error) : "");
}

const struct test tests_of_death[] = {
	{ .name = "guest-destroyed", .run = guest_destroyed, .unattached = true,
	  .own_guest = true, .about = "the guest is destroyed while it is watched" },
	{ .name = "guest-crashed", .run = guest_crashed, .unattached = true, .own_guest = true,
	  .about = "the guest crashes while it is watched" },
	{ 0 },
};
