/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* interrupt.c: an interrupt's number is found by the name that its descriptor was opened under. */
#include "xen/interrupt.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "tests/unit/tap.h"

static const char listing[] =
	"           CPU0       CPU1       \n"
	"  0:          9          0   IO-APIC   2-edge      timer\n"
	" 39:        327          0  xen-dyn-lateeoi    -event     evtchn:rs.1234.10\n"
	" 40:        404          0  xen-dyn-lateeoi    -event     evtchn:rs.1234.1\n"
	"141:         17          3   xen-dyn    -event     evtchn:xenstored\n"
	"NMI:          0          0   Non-maskable interrupts\n"
	"LOC:          1          2   evtchn:rs.9.9\n";

static int find(const char *name)
{
	FILE *file = fmemopen((void *)listing, sizeof(listing) - 1, "r");
	int number = file ? rs_interrupt_find(file, name) : -2;

	if (file)
		fclose(file);
	return number;
}

static void names(void)
{
	char before[RS_INTERRUPT_NAME_SIZE], during[RS_INTERRUPT_NAME_SIZE],
		after[RS_INTERRUPT_NAME_SIZE], own[RS_INTERRUPT_NAME_SIZE] = "before";
	struct rs_interrupt first, second;

	prctl(PR_SET_NAME, own);
	rs_interrupt_begin_name(&first, before);
	prctl(PR_GET_NAME, during);
	rs_interrupt_end_name(before);
	prctl(PR_GET_NAME, after);
	tap_ok(!strcmp(during, first.name), "a thread opens it as %s", during);
	tap_ok(!strcmp(after, own), "and is called %s again", after);
	rs_interrupt_begin_name(&second, before);
	rs_interrupt_end_name(before);
	tap_ok(strcmp(first.name, second.name) != 0, "the next one has another name: %s", second.name);
	/* Nobody has such an interrupt here. */
	rs_interrupt_follow(&first);
	tap_ok(TAP_SAME(first.number, -1), "an interrupt that is not there is not looked for again");
	tap_ok(TAP_SAME(first.fd, -1), "nothing of it is open");
}

int main(void)
{
	tap_ok(TAP_SAME(find("rs.1234.1"), 40), "the whole name counts");
	tap_ok(TAP_SAME(find("rs.1234.10"), 39), "and nothing less");
	tap_ok(TAP_SAME(find("xenstored"), 141), "numbers of three digits");
	tap_ok(TAP_SAME(find("rs.1234"), -1), "what is not there is not found");
	tap_ok(TAP_SAME(find("rs.9.9"), -1), "what has no number is none");
	names();
	return tap_done();
}
