/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c: runs tests of the product on a Xen, inside its dom0.
 *
 *     driver [--image FILE | --domain NUMBER] [--record FOLDER] [--list] [TEST...]
 *     driver --image FILE --run COMMAND
 *
 * Without names it runs all but those that run only by name. Each test finds an attached engine,
 * and when it has ended the engine is detached and the guest has to be alive. A recorded test gets
 * a guest for itself, so that its recording does not depend on what ran before. The second form
 * is demo.h's.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/xen/driver/demo.h"
#include "tests/xen/driver/recorder.h"
#include "tests/xen/driver/tests.h"

/* Last are those that wake the guest's second vCPU: the two leave a dom0 of one CPU a third of it. */
static const struct test *const files[] = {
	tests_of_attach, tests_of_registers, tests_of_breakpoint, tests_of_instruction,
	tests_of_step, tests_of_debug, tests_of_page, tests_of_interrupt, tests_of_view,
	tests_of_reply, tests_of_detach, tests_of_death, tests_of_recovery, tests_of_keeper,
	tests_of_cost, tests_of_memory, tests_of_privilege, tests_of_linux, tests_of_broken,
	tests_of_demo, tests_of_bench, tests_of_emulation, tests_of_ring,
};
#define FILE_COUNT (sizeof(files) / sizeof(*files))

static const char *image = "/mailbox.elf";
static const char *adopted;

/* What the guest does to start must not be taken for what a test is about. */
static void check_alive(const struct guest *guest)
{
	if (!guest_lives(guest))
		check_bail("domain %u does not run the guest of guests/mailbox.S", guest->domain);
}

static void get_guest(struct guest *guest)
{
	if (adopted)
		guest_adopt(guest, strtoul(adopted, NULL, 10));
	else
		guest_create(guest, image, NULL);
	check_alive(guest);
}

static void run(struct bed *bed, const struct test *test)
{
	struct rs_engine_options options = { .page_method = test->page_method };
	struct guest kept = bed->guest;

	check_begin(test->name);
	if (test->own_guest && adopted) {
		check_skip("it would end a guest that is not ours", "%s", test->about);
		return;
	}
	if (test->own_guest || recorder_is_on()) {
		guest_rest(&kept, true); /* it would take half of the time */
		guest_create(&bed->guest, image, NULL);
		check_alive(&bed->guest);
	}
	recorder_begin(test->name);
	if (test->unattached) {
		test->run(bed);
	} else if (bed_attach(bed, &options)) {
		test->run(bed);
		bed_detach(bed);
	}
	recorder_end();
	if (test->own_guest || recorder_is_on()) {
		guest_destroy(&bed->guest);
		bed->guest = kept;
		guest_rest(&kept, false);
	}
	/* What a broken test has left must not fail the next. */
	if (!guest_lives(&bed->guest) && !adopted) {
		check(false, "the guest lives");
		guest_destroy(&bed->guest);
		get_guest(&bed->guest);
	}
}

static bool wanted(const struct test *test, char **names)
{
	if (!*names)
		return !test->only_by_name && (!test->shown_twice || recorder_is_on()) &&
		       (!test->only_if || test->only_if());
	for (; *names; names++)
		if (!strcmp(test->name, *names))
			return true;
	return false;
}

/* Measurements take long; of a command and of a keeper nothing would be kept, and of memory nothing
 * goes over the ring. */
static bool leaves_no_record(const struct test *tests)
{
	return tests == tests_of_cost || tests == tests_of_bench || tests == tests_of_demo ||
	       tests == tests_of_keeper || tests == tests_of_memory ||
	       tests == tests_of_privilege;
}

static void list(void)
{
	for (size_t i = 0; i < FILE_COUNT; i++)
		for (const struct test *test = files[i]; test->name; test++)
			printf("%-24s %s%s\n", test->name, test->about,
			       test->only_by_name ? " (only by name)" :
			       test->shown_twice  ? " (by name, and recorded)" : "");
}

static bool exists(const char *name)
{
	for (size_t i = 0; i < FILE_COUNT; i++)
		for (const struct test *test = files[i]; test->name; test++)
			if (!strcmp(test->name, name))
				return true;
	return false;
}

static void introduce(struct bed *bed)
{
	struct rs_probe *probe = &bed->probe;

	int error = rs_probe(bed->guest.name, probe);

	check_begin("probe");
	check(!error && probe->usable,
	      "Xen %u.%u%s, built for %s; messages of version %u, kinds %#x, altp2m %d",
	      probe->xen_major, probe->xen_minor, probe->xen_extra, rs_version_xen(),
	      probe->message_version, probe->kinds, probe->altp2m);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "image", required_argument, NULL, 'i' },
		{ "domain", required_argument, NULL, 'd' },
		{ "record", required_argument, NULL, 'r' },
		{ "list", no_argument, NULL, 'l' },
		{ "run", required_argument, NULL, 'c' },
		{ 0 },
	};
	static struct bed bed;
	const char *command = NULL;
	unsigned int ran = 0;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'i':
			image = optarg;
			demo_guest_beside(image);
			bench_guest_beside(image);
			break;
		case 'd':
			adopted = optarg;
			break;
		case 'r':
			recorder_start(optarg);
			break;
		case 'l':
			list();
			return 0;
		case 'c':
			command = optarg;
			break;
		default:
			fprintf(stderr, "usage: driver [--image FILE | --domain NUMBER] "
					"[--record FOLDER] [--list] [TEST...]\n"
					"       driver --image FILE --run COMMAND\n");
			return 2;
		}
	}
	if (adopted && recorder_is_on()) {
		fprintf(stderr, "driver: --record wants guests of its own, not --domain\n");
		return 2;
	}
	for (char **name = argv + optind; *name; name++)
		if (!exists(*name)) {
			fprintf(stderr, "driver: there is no test %s (--list shows them)\n", *name);
			return 2;
		}
	guest_interface_open();
	if (command)
		return demo_run(image, command);
	get_guest(&bed.guest);
	if (recorder_is_on())
		recorder_keep_policies(bed.guest.domain);
	introduce(&bed);
	for (size_t i = 0; i < FILE_COUNT; i++) {
		if (recorder_is_on() && leaves_no_record(files[i]))
			continue;
		for (const struct test *test = files[i]; test->name; test++)
			if (wanted(test, argv + optind)) {
				run(&bed, test);
				ran++;
			}
	}
	guest_destroy(&bed.guest);
	if (!ran)
		check_bail("none of these tests can run here");
	return check_done();
}
