/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tests.h: every test, and what the one that runs them has to know of each. */
#ifndef TESTS_XEN_DRIVER_TESTS_H
#define TESTS_XEN_DRIVER_TESTS_H

#include "tests/xen/driver/bed.h"

struct test {
	const char *name;
	void (*run)(struct bed *bed);
	const char *about; /* for `driver --list` */
	bool unattached;   /* it attaches by itself */
	bool own_guest;    /* it may end its guest: it gets one for itself */
	bool only_by_name; /* broken on purpose, or long: not among all */
	bool shown_twice;  /* by another test too: not among all, but recorded with them */
	bool (*only_if)(void); /* among all if it can be run; NULL: always */
	enum rs_page_method page_method;
};

/* The tests of one file, ended by one without a name. */
extern const struct test tests_of_attach[], tests_of_registers[], tests_of_breakpoint[],
	tests_of_instruction[], tests_of_step[], tests_of_debug[], tests_of_page[],
	tests_of_interrupt[], tests_of_view[], tests_of_reply[], tests_of_ring[], tests_of_detach[],
	tests_of_death[], tests_of_recovery[], tests_of_keeper[], tests_of_cost[], tests_of_linux[],
	tests_of_broken[], tests_of_demo[], tests_of_bench[], tests_of_memory[],
	tests_of_emulation[], tests_of_privilege[];

/* The guest of the bench lies beside that image. */
void bench_guest_beside(const char *image);

#endif
