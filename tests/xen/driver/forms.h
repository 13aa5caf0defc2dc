/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forms.h: instructions, in the forms in which they are run on the processor and by Xen's emulator.
 *
 * All that altp2m/emulation.c trusts the emulator with has at least one form here, which
 * tests/unit/emulation.c sees to.
 */
#ifndef TESTS_XEN_DRIVER_FORMS_H
#define TESTS_XEN_DRIVER_FORMS_H

#include <stdint.h>

/* Which page is closed: that of the operand, which rdi points to; of the stack; of the code itself. */
enum form_page {
	FORM_OPERAND,
	FORM_STACK,
	FORM_CODE,
};

struct form {
	const char *text;
	enum form_page page;
	uint8_t size;
	uint8_t code[15];
};

extern const struct form forms[];
extern const unsigned int form_count;

#endif
