/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest.h: a domain that runs guests/mailbox.S, and its mailboxes.
 *
 * It is made with libxenctrl alone: no toolstack, no xenstore, no device model. So the tests need
 * nothing but Xen, and a domain takes a few milliseconds.
 */
#ifndef TESTS_XEN_DRIVER_GUEST_H
#define TESTS_XEN_DRIVER_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guests/mailbox.h"

struct guest {
	uint32_t domain;
	char name[12];   /* the number, in words that rs_engine_attach takes */
	bool ours;       /* made by guest_create, to be destroyed */
	volatile uint8_t *boxes;
	uint64_t wanted[MB_VCPUS];
};

struct guest_options {
	uint32_t vcpu_count; /* 0: MB_VCPUS */
	bool no_altp2m;
};

/* Opens libxenctrl. All functions here end the program if Xen refuses. */
void guest_interface_open(void);
struct xc_interface_core *guest_interface(void);

/* Creates a domain from the PVH ELF file `image` and lets it run. */
void guest_create(struct guest *guest, const char *image, const struct guest_options *options);
/* Takes a domain that somebody else started from that image. */
void guest_adopt(struct guest *guest, uint32_t domain);
void guest_destroy(struct guest *guest);

/* Maps guest memory from the frame of `address` on. Unmapped when the program ends. */
void *guest_map(uint32_t domain, uint64_t address, size_t pages);

/* The number at `offset` (MB_*) of a mailbox. */
uint64_t guest_get(const struct guest *guest, unsigned int vcpu, unsigned int offset);

/* Gives a vCPU something to do; guest_is_done: it has done it. */
void guest_start(struct guest *guest, unsigned int vcpu, unsigned int command, uint64_t a,
		 uint64_t b);
bool guest_is_done(const struct guest *guest, unsigned int vcpu);

/* vCPU 0 still counts up: waits for that, up to a second of the machine's own time. */
bool guest_lives(const struct guest *guest);
/* The same of any vCPU that was started. */
bool guest_vcpu_lives(const struct guest *guest, unsigned int vcpu);

uint64_t now_ns(void);
void sleep_ms(unsigned int milliseconds);

#endif
