/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* consumer.c: see consumer.h. */
#include "config.h"

#include "tests/fakexen/shim/consumer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <xenctrl.h>
#include <xenevtchn.h>
#include <xen/vm_event.h>

#define EVENTS_A_ROUND 300

struct ring {
	xc_interface *xch;
	xenevtchn_handle *xce;
	uint32_t domid;
	void *page;
	vm_event_back_ring_t back;
	int port;
};

static int failed(const char *what)
{
	fprintf(stderr, "consumer: %s: %s\n", what, strerror(errno));
	return -1;
}

static int ring_open(struct ring *ring, uint32_t domid)
{
	*ring = (struct ring){ .domid = domid, .port = -1 };
	ring->xch = xc_interface_open(NULL, NULL, 0);
	ring->xce = xenevtchn_open(NULL, 0);
	return ring->xch && ring->xce ? 0 : failed("open");
}

static void ring_close(struct ring *ring)
{
	xenevtchn_close(ring->xce);
	xc_interface_close(ring->xch);
}

/* With the domain paused around it: nobody else initialises the ring. */
static int ring_enable(struct ring *ring)
{
	uint32_t remote;
	int error = 0;

	if (xc_domain_pause(ring->xch, ring->domid))
		return failed("pause");
	ring->page = xc_monitor_enable(ring->xch, ring->domid, &remote);
	if (ring->page) {
		SHARED_RING_INIT((vm_event_sring_t *)ring->page);
		BACK_RING_INIT(&ring->back, (vm_event_sring_t *)ring->page, XC_PAGE_SIZE);
		ring->port = xenevtchn_bind_interdomain(ring->xce, ring->domid, remote);
		if (ring->port < 0)
			error = failed("bind");
	} else {
		error = failed("enable");
	}
	if (xc_domain_unpause(ring->xch, ring->domid))
		return failed("unpause");
	return error;
}

static int ring_disable(struct ring *ring)
{
	if (xc_monitor_disable(ring->xch, ring->domid))
		return failed("disable");
	if (xenevtchn_unbind(ring->xce, (uint32_t)ring->port))
		return failed("unbind");
	return munmap(ring->page, XC_PAGE_SIZE) ? failed("munmap") : 0;
}

static void put(struct ring *ring, uint32_t vcpu, uint32_t flags, uint32_t reason)
{
	vm_event_response_t *response = RING_GET_RESPONSE(&ring->back, ring->back.rsp_prod_pvt);

	memset(response, 0, sizeof(*response));
	response->version = VM_EVENT_INTERFACE_VERSION;
	response->vcpu_id = vcpu;
	response->flags = flags;
	response->reason = reason;
	ring->back.rsp_prod_pvt++;
}

/* Answers what is there: how many, or -1. */
static int ring_answer(struct ring *ring)
{
	vm_event_request_t request;
	int count = 0;

	while (RING_HAS_UNCONSUMED_REQUESTS(&ring->back)) {
		memcpy(&request, RING_GET_REQUEST(&ring->back, ring->back.req_cons),
			sizeof(request));
		ring->back.req_cons++;
		put(ring, request.vcpu_id, request.flags & VM_EVENT_FLAG_VCPU_PAUSED,
			request.reason);
		RING_PUSH_RESPONSES(&ring->back);
		count++;
	}
	if (count && xenevtchn_notify(ring->xce, (uint32_t)ring->port))
		return failed("notify");
	return count;
}

static int ring_wait(struct ring *ring, int milliseconds)
{
	struct pollfd fd = { .fd = xenevtchn_fd(ring->xce), .events = POLLIN };
	int port;

	if (poll(&fd, 1, milliseconds) != 1)
		return 0;
	port = xenevtchn_pending(ring->xce);
	if (port < 0)
		return failed("pending");
	return xenevtchn_unmask(ring->xce, (uint32_t)port) ? failed("unmask") : 0;
}

static int watch_cr3(const struct ring *ring, bool on)
{
	return xc_monitor_write_ctrlreg(ring->xch, ring->domid, VM_EVENT_X86_CR3, on, true, 0,
		false) ? failed("write_ctrlreg") : 0;
}

static int answer_some(struct ring *ring, struct consumer_progress *progress)
{
	int count;

	for (int sum = 0; sum < EVENTS_A_ROUND; sum += count) {
		if (ring_wait(ring, 100))
			return -1;
		count = ring_answer(ring);
		if (count < 0)
			return -1;
		__atomic_fetch_add(&progress->events, (uint32_t)count, __ATOMIC_RELAXED);
	}
	return 0;
}

static void enter_phase(struct consumer_progress *progress, enum consumer_phase phase)
{
	__atomic_store_n(&progress->phase, phase, __ATOMIC_RELAXED);
}

static int round_of(struct ring *ring, struct consumer_progress *progress)
{
	enter_phase(progress, CONSUMER_ENABLES);
	if (ring_enable(ring) || watch_cr3(ring, true))
		return -1;
	enter_phase(progress, CONSUMER_RUNS);
	if (answer_some(ring, progress))
		return -1;
	enter_phase(progress, CONSUMER_DISABLES);
	if (watch_cr3(ring, false) || ring_wait(ring, 5) || ring_answer(ring) < 0)
		return -1;
	return ring_disable(ring);
}

int consumer_run(uint32_t domid, struct consumer_progress *progress)
{
	struct ring ring;

	if (ring_open(&ring, domid))
		return -1;
	while (!round_of(&ring, progress))
		;
	return -1;
}

/* ---- recovery ---- */

/* Nobody knows how often the dead one had paused the domain. */
static int unpause_all(const struct ring *ring)
{
	xc_domaininfo_t info;

	for (;;) {
		if (xc_domain_getinfolist(ring->xch, ring->domid, 1, &info) != 1)
			return failed("getinfolist");
		if (!(info.flags & XEN_DOMINF_paused))
			return 0;
		if (xc_domain_unpause(ring->xch, ring->domid))
			return failed("unpause");
	}
}

/* Lets every vCPU go: an answer too many for those that were not held does nothing, and
 * the indices that it leaves wrong end with the ring. */
static int release_vcpus(struct ring *ring, unsigned int vcpus)
{
	for (unsigned int i = 0; i < vcpus; i++) {
		put(ring, i, VM_EVENT_FLAG_VCPU_PAUSED, VM_EVENT_REASON_UNKNOWN);
		if (i % 8 != 7 && i != vcpus - 1)
			continue;
		RING_PUSH_RESPONSES(&ring->back);
		if (xenevtchn_notify(ring->xce, (uint32_t)ring->port))
			return failed("notify");
	}
	return 0;
}

int consumer_recover(uint32_t domid, unsigned int vcpus)
{
	struct ring ring;
	int error;

	if (ring_open(&ring, domid))
		return -1;
	error = xc_domain_pause(ring.xch, domid) ? failed("pause") : 0;
	/* EINVAL: it was not enabled. */
	if (!error && xc_monitor_disable(ring.xch, domid) && errno != EINVAL)
		error = failed("first disable");
	if (!error)
		error = ring_enable(&ring);
	if (!error)
		error = release_vcpus(&ring, vcpus);
	if (!error)
		error = ring_disable(&ring);
	if (!error)
		error = unpause_all(&ring);
	ring_close(&ring);
	return error;
}
