/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * emulation.h: what becomes of an instruction that Xen's emulator is asked to execute.
 *
 * Seen on the real Xen 4.14, 4.17 and 4.20, with the processor's own result beside it. Each entry
 * of RS_EMULATION_RIGHT is run by tests/xen/driver/emulation.c, which asks this table what there
 * is and fails if a form of one is missing.
 */
#ifndef RS_ALTP2M_EMULATION_H
#define RS_ALTP2M_EMULATION_H

#include <stdint.h>

enum rs_emulation {
	RS_EMULATION_UNKNOWN = 0,   /* not run in all forms */
	RS_EMULATION_RIGHT,         /* as the processor does it, with one event */
	RS_EMULATION_OWN_DATA,      /* right, but data that is fed to it comes out wrong */
	RS_EMULATION_UNIMPLEMENTED, /* Xen says so, by an event of its own */
	RS_EMULATION_FAULTS,        /* the guest gets a #UD, and nobody an event */
	RS_EMULATION_ENDLESS,       /* the same event comes again and again */
	RS_EMULATION_PANICS,        /* #NM inside Xen, if that switches the FPU lazily */
};

/* Of a ZydisMnemonic. */
enum rs_emulation rs_emulation_of(uint32_t mnemonic);

#endif
