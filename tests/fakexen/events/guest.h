/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guest.h: a vCPU of a bed that runs a few bytes of 64-bit code. The first 16 MiB of memory
 * are mapped one to one; every page has a name below. */
#ifndef TESTS_FAKEXEN_EVENTS_GUEST_H
#define TESTS_FAKEXEN_EVENTS_GUEST_H

#include "fakexen/cpu/cpu.h"
#include "tests/fakexen/events/bed.h"

#define GUEST_ROOT 0x1000u      /* PML4; two more copies follow: values for CR3 */
#define GUEST_ROOT_A 0x2000u
#define GUEST_ROOT_B 0x3000u
#define GUEST_CODE 0x10000u
#define GUEST_HANDLER 0x11000u  /* each exception's: counts at GUEST_DATA + 0x800, iretq */
#define GUEST_DATA 0x12000u
#define GUEST_STACK 0x14000u    /* its top: grows down */
#define GUEST_PAGES 0x18u       /* how many are populated */

/* Memory, tables and registers of all vCPUs; code is loaded at GUEST_CODE. */
void guest_make(struct bed *bed, unsigned int vcpus, const uint8_t *code, size_t size);
/* Starts a vCPU again at GUEST_CODE with other code. */
void guest_load(struct bed *bed, unsigned int vcpu, const uint8_t *code, size_t size);
struct fx_runner *guest_runner(struct bed *bed, unsigned int vcpu);

#endif
