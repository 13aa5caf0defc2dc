/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dom0.c: see dom0.h. */
#include "tests/fakexen/semantics/dom0.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <xen/io/ring.h>

#define MARK "FAKEXEN_SEMANTICS"
#define OPTIONS_MAX 32

xc_interface *xch;
xencall_handle *xcall;
xenforeignmemory_handle *fmem;
xenevtchn_handle *evtchn;

static void bail_out(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- entering ---- */

static void open_handles(void)
{
	xch = xc_interface_open(NULL, NULL, 0);
	xcall = xencall_open(NULL, 0);
	fmem = xenforeignmemory_open(NULL, 0);
	evtchn = xenevtchn_open(NULL, 0);
	if (!xch || !xcall || !fmem || !evtchn)
		bail_out("open Xen's interfaces");
}

void dom0_enter(char **argv, const char *const *options)
{
	const char *build = getenv("top_builddir");
	const char *command[OPTIONS_MAX];
	char fakexen[4096], guest[4096], log[4096];
	unsigned int count = 0;

	if (getenv(MARK)) {
		open_handles();
		return;
	}
	setenv(MARK, "1", 1);
	build = build ? build : ".";
	snprintf(fakexen, sizeof fakexen, "%s/fakexen", build);
	snprintf(log, sizeof log, "%s.console", argv[0]);
	command[count++] = fakexen;
	command[count++] = "--log";
	command[count++] = log;
	for (; *options && count < OPTIONS_MAX - 3; options++) {
		command[count++] = *options;
		if (strcmp(*options, "--guest") != 0)
			continue;
		snprintf(guest, sizeof guest, "%s/guests/%s.elf", build, *++options);
		command[count++] = guest;
	}
	command[count++] = "--";
	command[count++] = argv[0];
	command[count] = NULL;
	execv(fakexen, (char *const *)command);
	bail_out(fakexen);
}

/* ---- the guest ---- */

void *map_page(uint32_t domid, uint64_t gfn)
{
	xen_pfn_t pfn = gfn;
	int error = 0;
	void *page = xenforeignmemory_map(fmem, domid, PROT_READ | PROT_WRITE, 1, &pfn, &error);

	if (page && error) {
		xenforeignmemory_unmap(fmem, page, 1);
		errno = -error;
		return NULL;
	}
	return page;
}

void unmap_page(void *page)
{
	if (page)
		xenforeignmemory_unmap(fmem, page, 1);
}

volatile uint64_t *guest_word(uint64_t address)
{
	static struct { uint64_t gfn; void *page; } known[8];
	uint64_t gfn = address / PAGE;
	unsigned int i = 0;

	while (i < 8 && known[i].page && known[i].gfn != gfn)
		i++;
	if (i == 8)
		bail_out("too many pages");
	if (!known[i].page) {
		known[i].gfn = gfn;
		known[i].page = map_page(DOMAIN, gfn);
		if (!known[i].page)
			bail_out("map the guest's mailbox");
	}
	return (volatile uint64_t *)((char *)known[i].page + address % PAGE);
}

volatile uint64_t *guest_slot(unsigned int vcpu, unsigned int offset)
{
	return guest_word(GUEST_SLOTS + vcpu * GUEST_SLOT_SIZE + offset);
}

void doze(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

uint64_t guest_loops(unsigned int vcpu)
{
	return *guest_slot(vcpu, SLOT_LOOPS);
}

bool guest_runs(unsigned int vcpu)
{
	uint64_t before = guest_loops(vcpu);

	return EVENTUALLY(guest_loops(vcpu) > before + 1);
}

bool guest_stands(unsigned int vcpu)
{
	uint64_t before;

	doze();                         /* what it was in the middle of */
	before = *guest_slot(vcpu, SLOT_LOOPS);
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	return *guest_slot(vcpu, SLOT_LOOPS) == before;
}

/* ---- the ring ---- */

static void *ring_page;
static vm_event_back_ring_t ring;
static int port = -1;

bool ring_open(void)
{
	uint32_t remote;

	if (xc_domain_pause(xch, DOMAIN))
		return false;
	ring_page = xc_monitor_enable(xch, DOMAIN, &remote);
	if (ring_page) {
		SHARED_RING_INIT((vm_event_sring_t *)ring_page);
		BACK_RING_INIT(&ring, (vm_event_sring_t *)ring_page, PAGE);
		port = xenevtchn_bind_interdomain(evtchn, DOMAIN, remote);
	}
	xc_domain_unpause(xch, DOMAIN);
	return ring_page && port >= 0;
}

static bool take(vm_event_request_t *request)
{
	if (ring.sring->req_prod == ring.req_cons)
		return false;
	xen_rmb();
	memcpy(request, RING_GET_REQUEST(&ring, ring.req_cons), sizeof(*request));
	ring.req_cons++;
	return true;
}

bool ring_close(void)
{
	vm_event_request_t request;
	bool closed;

	xc_domain_pause(xch, DOMAIN);
	while (take(&request))
		ring_answer(&request);
	closed = !xc_monitor_disable(xch, DOMAIN);
	xc_domain_unpause(xch, DOMAIN);
	xenevtchn_unbind(evtchn, port);
	munmap(ring_page, PAGE);
	ring_page = NULL;
	return closed;
}

bool ring_take(vm_event_request_t *request, int milliseconds)
{
	struct pollfd fd = { .fd = xenevtchn_fd(evtchn), .events = POLLIN };

	for (;;) {
		if (take(request))
			return true;
		if (poll(&fd, 1, milliseconds) <= 0)
			return take(request);
		xenevtchn_unmask(evtchn, xenevtchn_pending(evtchn));
	}
}

void ring_put(const vm_event_response_t *response)
{
	memcpy(RING_GET_RESPONSE(&ring, ring.rsp_prod_pvt), response, sizeof(*response));
	ring.rsp_prod_pvt++;
	RING_PUSH_RESPONSES(&ring);
	if (xenevtchn_notify(evtchn, port) < 0)
		bail_out("notify");
}

void ring_answer_flags(const vm_event_request_t *request, uint32_t flags, uint16_t view)
{
	vm_event_response_t response = { .version = VM_EVENT_INTERFACE_VERSION,
		.vcpu_id = request->vcpu_id, .reason = request->reason,
		.flags = flags | (request->flags & VM_EVENT_FLAG_VCPU_PAUSED),
		.altp2m_idx = view, .u = request->u };

	ring_put(&response);
}

void ring_answer(const vm_event_request_t *request)
{
	ring_answer_flags(request, 0, 0);
}
