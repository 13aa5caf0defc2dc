/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dom0.h: what a test of the model's semantics has at hand in dom0: Xen's own libraries,
 * the running domain 1, its memory and its monitor ring. Nothing of Ringside is in it. */
#ifndef TESTS_FAKEXEN_SEMANTICS_DOM0_H
#define TESTS_FAKEXEN_SEMANTICS_DOM0_H

#include <stdbool.h>
#include <stdint.h>
#include <xenctrl.h>
#include <xencall.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
/* These want what <xenctrl.h> includes and defines. */
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/hvm/save.h>
#include <xen/sched.h>
#include <xen/vm_event.h>

#include "guests/map.h"
#include "tests/unit/tap.h"

#define PAGE 4096u
#define DOMAIN 1u
#define DATA_GFN (GUEST_DATA_PAGE / PAGE)
#define CODE_GFN (GUEST_CODE_PAGE / PAGE)

extern xc_interface *xch;
extern xencall_handle *xcall;
extern xenforeignmemory_handle *fmem;
extern xenevtchn_handle *evtchn;

/* libxenctrl exports it, but no installed header declares it. */
int xc_get_pfn_type_batch(xc_interface *handle, uint32_t domid, unsigned int count,
	xen_pfn_t *types);

/* The first thing in main(): runs the program again under fakexen with these options (ended
 * by NULL; "--guest NAME" means one of ours) and returns there, with all handles open. */
void dom0_enter(char **argv, const char *const *options);

/* Whether a call failed with that errno. */
#define FAILS(call, number) (errno = 0, (call) < 0 && errno == (number))

/* ---- the guest ---- */
/* A page of a domain, or NULL with errno. To be unmapped by unmap_page(). */
void *map_page(uint32_t domid, uint64_t gfn);
void unmap_page(void *page);
/* A word of the guest's memory that stays mapped: of the mailbox. */
volatile uint64_t *guest_word(uint64_t address);
volatile uint64_t *guest_slot(unsigned int vcpu, unsigned int offset);
uint64_t guest_loops(unsigned int vcpu);        /* rounds it has done */
/* Whether a vCPU does another round within a minute; and that it does none in 50 ms. */
bool guest_runs(unsigned int vcpu);
bool guest_stands(unsigned int vcpu);
/* Sleeps until a condition holds, at most a minute. It may hold for a moment only: who has seen it does
 * not look again. */
#define EVENTUALLY(condition) ({                                                       \
		unsigned int tries_ = 0;                                               \
		bool held_ = (condition);                                              \
		while (!held_ && tries_++ < 60000) {                                   \
			doze();                                                        \
			held_ = (condition);                                           \
		}                                                                      \
		held_;                                                                 \
	})
void doze(void);

/* ---- the ring of domain 1 ---- */
bool ring_open(void);
/* In a pause; what is still on it is answered plainly. */
bool ring_close(void);
/* Takes the next request; waits for it that many milliseconds. */
bool ring_take(vm_event_request_t *request, int milliseconds);
/* A plain answer to it, published and notified. */
void ring_answer(const vm_event_request_t *request);
/* The same with these flags and this view besides. */
void ring_answer_flags(const vm_event_request_t *request, uint32_t flags, uint16_t view);
void ring_put(const vm_event_response_t *response);

#endif
