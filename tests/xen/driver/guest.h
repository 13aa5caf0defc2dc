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

/* What the PVH boot protocol hands to a kernel that wants more than its entry. */
struct guest_boot {
	const char *command_line; /* up to 2 KB */
	const void *initrd;
	size_t initrd_size;
	uint64_t initrd_address; /* guest-physical */
};

/* Of a guest that asks for no other: Xen makes and clears each page of it, for most tests anew. */
#define GUEST_MEMORY_MB 4

struct guest_options {
	uint32_t vcpu_count; /* 0: MB_VCPUS */
	bool no_altp2m;
	uint32_t memory_mb; /* 0: GUEST_MEMORY_MB; even */
	const struct guest_boot *boot; /* NULL: guests/mailbox.S wants none */
	bool paused; /* does not run yet, and has no mailboxes that could be mapped */
};

/* Pages below 4 GiB, above all memory: the guest's console, and the monitor ring. */
#define GUEST_CONSOLE_GFN 0xfeff7
#define GUEST_RING_GFN 0xfeff8

/* Opens libxenctrl. All functions here end the program if Xen refuses. */
void guest_interface_open(void);
struct xc_interface_core *guest_interface(void);

/* Creates a domain from the PVH ELF file `image` and lets it run. */
void guest_create(struct guest *guest, const char *image, const struct guest_options *options);
/* One more from the image of the last, which does not run. false: none was made yet. */
bool guest_create_another(struct guest *guest);
/* Takes a domain that somebody else started from that image. */
void guest_adopt(struct guest *guest, uint32_t domain);
void guest_destroy(struct guest *guest);
/* Its pages from `address` on, mapped to be written. */
void *guest_map(uint32_t domain, uint64_t address, size_t pages);
void guest_unmap(void *mapped, size_t pages);
/* Does not run, or runs again. */
void guest_rest(const struct guest *guest, bool rests);

/* Maps guest memory from the frame of `address` on. Unmapped when the program ends. */
void *guest_map(uint32_t domain, uint64_t address, size_t pages);

/* The number at `offset` (MB_*) of a mailbox. */
uint64_t guest_get(const struct guest *guest, unsigned int vcpu, unsigned int offset);

/* Gives a vCPU something to do; guest_is_done: it has done it. */
void guest_start(struct guest *guest, unsigned int vcpu, unsigned int command, uint64_t a,
		 uint64_t b);
bool guest_is_done(const struct guest *guest, unsigned int vcpu);

/* vCPU 0 does not count up, for some time that it would have to do it. */
bool guest_stands(const struct guest *guest);

/* vCPU 0 still counts up: waits for that, up to a second of the machine's own time. */
bool guest_lives(const struct guest *guest);
/* The same of any vCPU that was started. */
bool guest_vcpu_lives(const struct guest *guest, unsigned int vcpu);

uint64_t now_ns(void);
void sleep_ms(unsigned int milliseconds);

#endif
