/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* death.c: guests and engines that end while something is watched. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* A child that attaches, watches, takes a request, and is killed before it answers. */
static struct rs_reply die(const struct rs_event *event, void *user)
{
	kill(getpid(), SIGKILL);
	return RS_CONTINUE;
}

static void watch_until_death(struct bed *bed, enum rs_kind kind, int ready)
{
	struct rs_watch_options options = { .kind = kind, .handler = die };
	struct rs_engine *engine;

	if (rs_engine_attach(&engine, bed->guest.name, NULL) || rs_watch(engine, &options, NULL) ||
	    write(ready, "r", 1) != 1)
		_exit(1);
	_exit(rs_engine_run(engine) < 0 ? 2 : 3);
}

/* 0 if it was killed as it should; else its exit status. */
static int watch_and_die(struct bed *bed, enum rs_kind kind, unsigned int command)
{
	int ends[2], status = 0;
	char byte;
	pid_t child;

	if (pipe(ends) || (child = fork()) < 0)
		return -1;
	if (child == 0) {
		close(ends[0]);
		watch_until_death(bed, kind, ends[1]);
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) == 1)
		guest_start(&bed->guest, 0, command, 0, 0);
	close(ends[0]);
	if (waitpid(child, &status, 0) != child)
		return -1;
	return WIFSIGNALED(status) ? 0 : WEXITSTATUS(status);
}

static void engine_killed(struct bed *bed)
{
	int error = watch_and_die(bed, RS_GUEST_REQUEST, MB_REQUEST);

	check(!error, "the engine is killed with a request in hand (%d)", error);
	check(!guest_is_done(&bed->guest, 0) && !guest_lives(&bed->guest),
	      "the vCPU waits for an answer that does not come");
	error = rs_engine_attach(&bed->engine, bed->guest.name, NULL);
	check(error == -EBUSY, "Xen thinks that the ring is taken: %s", rs_strerror(error));
	if (!error) {
		error = rs_engine_detach(bed->engine);
		check_note("detach: %d", error);
	}
	bed->engine = NULL;
	/* What is left for a person: the domain has to be destroyed, and can be. */
	check(!xc_domain_destroy(guest_interface(), bed->guest.domain),
	      "the guest can be destroyed");
	bed->guest.ours = false;
}

const struct test tests_of_death[] = {
	{ .name = "guest-destroyed", .run = guest_destroyed, .unattached = true,
	  .own_guest = true, .about = "the guest is destroyed while it is watched" },
	{ .name = "guest-crashed", .run = guest_crashed, .unattached = true, .own_guest = true,
	  .about = "the guest crashes while it is watched" },
	{ .name = "engine-killed", .run = engine_killed, .unattached = true, .own_guest = true,
	  .about = "kill -9 of the engine, and what is left" },
	{ 0 },
};
