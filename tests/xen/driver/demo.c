/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* demo.c: makes a guest, lets a command work on it, and looks at what that has left behind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <ringside/ringside.h>
#include <xenctrl.h>

#include "guests/map.h"
#include "tests/xen/driver/check.h"
#include "tests/xen/driver/demo.h"
#include "tests/xen/driver/guest.h"
#include "tests/xen/driver/tests.h"

#define VCPUS 4
#define START_MS 5000
#define SLOT_PAGES (VCPUS * GUEST_SLOT_SIZE / 4096 + 1)

static const volatile char *slots;

static uint64_t loops(unsigned int vcpu)
{
	return *(const volatile uint64_t *)(slots + vcpu * GUEST_SLOT_SIZE + SLOT_LOOPS);
}

static bool goes_on(unsigned int vcpu)
{
	uint64_t before = loops(vcpu), limit = now_ns() + START_MS * UINT64_C(1000000);

	while (loops(vcpu) <= before + 1 && now_ns() < limit)
		sleep_ms(10);
	return loops(vcpu) > before + 1;
}

static void check_guest(const struct guest *guest)
{
	xc_domaininfo_t info;
	struct rs_engine *engine;
	int error;

	for (unsigned int vcpu = 0; vcpu < VCPUS; vcpu++)
		check(goes_on(vcpu), "vCPU %u goes on", vcpu);
	check(xc_domain_getinfolist(guest_interface(), guest->domain, 1, &info) == 1 &&
	      info.domain == guest->domain &&
	      !(info.flags & (XEN_DOMINF_paused | XEN_DOMINF_dying | XEN_DOMINF_shutdown)),
	      "the domain is neither paused nor dead");
	error = rs_engine_attach(&engine, guest->name, NULL);
	if (check(!error, "the next one can attach: %s", rs_strerror(error)))
		check(!rs_engine_detach(engine), "and detach");
}

/* The command with the guest's number in the place of %s. */
static void fill_in(char *line, size_t size, const char *command, const char *domain)
{
	const char *place = strstr(command, "%s");

	if (!place)
		check_bail("the command has no %%s for the guest's number");
	snprintf(line, size, "%.*s%s%s", (int)(place - command), command, domain, place + 2);
}

static int run(const char *command, const char *domain)
{
	char line[1024];

	fill_in(line, sizeof(line), command, domain);
	return system(line);
}

/* One that says TAP: its checks become ours. */
static int run_checks(const char *command, const char *domain)
{
	char line[1024];
	FILE *said;

	fill_in(line, sizeof(line), command, domain);
	said = popen(line, "r");
	while (said && fgets(line, sizeof(line), said)) {
		const char *text = strstr(line, " - ");

		line[strcspn(line, "\n")] = '\0';
		if (text && (!strncmp(line, "ok ", 3) || !strncmp(line, "not ok ", 7)))
			check(line[0] == 'o', "%s", text + 3);
		else
			check_note("%s", line);
	}
	return said ? pclose(said) : -1;
}

static void demo(const char *image, const char *command,
		 int (*run_it)(const char *command, const char *domain))
{
	struct guest guest;
	int status;

	guest_create(&guest, image, &(struct guest_options){ .vcpu_count = VCPUS });
	slots = guest_map(guest.domain, GUEST_SLOTS, SLOT_PAGES);
	for (unsigned int vcpu = 0; vcpu < VCPUS; vcpu++)
		if (!goes_on(vcpu))
			check_bail("vCPU %u has not started", vcpu);
	status = run_it(command, guest.name);
	check(WIFEXITED(status) && !WEXITSTATUS(status), "the command ends with status %d",
	      WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	check_guest(&guest);
	guest_destroy(&guest);
}

int demo_run(const char *image, const char *command)
{
	check_begin("demo");
	demo(image, command, run);
	return check_done();
}

/* ---- as one of the tests ---- */

static char worker[256] = "/worker.elf";

void demo_guest_beside(const char *image)
{
	const char *slash = strrchr(image, '/');

	snprintf(worker, sizeof(worker), "%.*sworker.elf", slash ? (int)(slash - image) + 1 : 0,
		 image);
}

static void command(struct bed *bed)
{
	if (system("ringside --version >/dev/null 2>&1")) {
		check_skip("there is no ringside in PATH", "ringside watch");
		return;
	}
	demo(worker, "ringside watch %s --cr3 --cr4 --msr 0xc0000082 --breakpoint --cpuid "
		     "--descriptor --guest-request --page 0x130-0x131:n --seconds 0.3 --quiet", run);
}

/* The program that is fakexen's test too. */
static void microvmi(struct bed *bed)
{
	if (system("command -v microvmi >/dev/null")) {
		check_skip("there is no tests/guest/microvmi in PATH", "what libmicrovmi promises");
		return;
	}
	demo(worker, "microvmi 4 %s", run_checks);
}

const struct test tests_of_demo[] = {
	{ "microvmi", microvmi, "libmicrovmi's integration tests, on a guest of four vCPUs",
	  .unattached = true },
	{ "command", command, "ringside watch, on a guest of four vCPUs", .unattached = true },
	{ 0 },
};
