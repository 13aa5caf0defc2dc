/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* code.h: pieces of guest code in the assembler's own words (AT&T syntax, 64 bits). */
#ifndef TESTS_FAKEXEN_CPU_CODE_H
#define TESTS_FAKEXEN_CPU_CODE_H

#include <string.h>

#include "tests/fakexen/cpu/machine.h"

/* Defines the bytes of `text` as name and name_end. */
#define CODE(name, text)							\
	extern const uint8_t name[], name##_end[];				\
	__asm__(".pushsection .rodata\n" #name ":\n" text "\n" #name "_end:\n.popsection")

#define PUT(machine, gpa, name)							\
	memcpy((machine)->memory + (gpa), name, (size_t)(name##_end - name))

/* A fresh 64-bit vCPU 0 at MACHINE_CODE, with that piece there. */
#define START(machine, name)							\
	do {									\
		machine_long_mode(machine, MACHINE_CODE);			\
		PUT(machine, MACHINE_CODE, name);				\
	} while (0)

#endif
