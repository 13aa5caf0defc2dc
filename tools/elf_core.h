/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * elf_core.h: the head of an ELF core file of a whole guest, as `crash`, gdb and Volatility read:
 * a PT_LOAD segment for each run of RAM, at its physical address, and a note NT_PRSTATUS with the
 * registers of each vCPU.
 */
#ifndef TOOLS_ELF_CORE_H
#define TOOLS_ELF_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ringside/ringside.h>

struct run {
	uint64_t address, size; /* physical, bytes; multiples of 4096 */
	uint64_t offset;        /* in the file */
};

/* More segments than that ELF counts elsewhere: nobody reads such files. */
#define ELF_RUNS_MAX 65000

/*
 * Makes the head, and gives each run its offset behind it. NULL: no memory. To be freed.
 */
void *elf_core_head(struct run *runs, size_t count, const struct rs_vcpu_registers *registers,
		    uint32_t vcpu_count, size_t *size);

#endif
