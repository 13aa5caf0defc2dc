/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bare.c: takes the ring, takes requests and puts answers, one by one. */
#include <string.h>

#include <ringside/ringside.h>

#include "tests/xen/driver/bare.h"
#include "tests/xen/driver/check.h"
#include "xen/domain.h"

#define WAIT_MS 1000

/* With the domain paused: nobody may see the ring before it is initialised. */
static int take_ring(struct bare *bare, uint32_t looks)
{
	uint32_t remote;
	int error = rs_xen_monitor_enable(bare->xen, bare->domain, &bare->page, &remote);

	if (error)
		return error;
	error = rs_ring_init(&bare->ring, bare->page, sizeof(vm_event_request_t),
			     VM_EVENT_INTERFACE_VERSION, bare->vcpu_count);
	if (!error)
		error = rs_xen_port_bind(&bare->port, bare->xen, bare->domain, remote);
	if (!error) {
		rs_doorbell_init(&bare->doorbell, &rs_xen_port_calls, &bare->port, -1, looks);
		return rs_doorbell_open(&bare->doorbell);
	}
	rs_xen_monitor_disable(bare->xen, bare->domain);
	rs_xen_monitor_unmap(bare->xen, bare->page);
	return error;
}

static int take_paused(struct bare *bare, uint32_t looks)
{
	struct rs_xen_domain info;
	int error = rs_xen_domain_read(bare->xen, bare->domain, &info);

	if (!error)
		error = rs_xen_domain_pause(bare->xen, bare->domain);
	if (error)
		return error;
	bare->vcpu_count = info.vcpu_count;
	error = take_ring(bare, looks);
	rs_xen_domain_unpause(bare->xen, bare->domain);
	return error;
}

bool bare_open(struct bare *bare, const struct guest *guest, uint32_t looks)
{
	int error;

	memset(bare, 0, sizeof(*bare));
	bare->domain = guest->domain;
	error = rs_xen_open(&bare->xen, &bare->log);
	if (!error) {
		error = take_paused(bare, looks);
		if (error)
			rs_xen_close(bare->xen);
	}
	return !error || check(false, "take the bare ring: %s", rs_strerror(error));
}

void bare_close(struct bare *bare)
{
	int error = rs_xen_monitor_disable(bare->xen, bare->domain);

	if (error)
		check(false, "give the bare ring back: %s", rs_strerror(error));
	rs_doorbell_close(&bare->doorbell);
	rs_xen_port_unbind(&bare->port);
	rs_xen_monitor_unmap(bare->xen, bare->page);
	rs_xen_close(bare->xen);
}

bool bare_switch(struct bare *bare, enum rs_kind kind, uint32_t index, bool on)
{
	struct rs_xen_source source = { .kind = kind, .index = index, .synchronous = true };
	int error = rs_xen_monitor_switch(bare->xen, bare->domain, &source, on);

	return !error || check(false, "switch %s %s: %s", rs_kind_name(kind), on ? "on" : "off",
			       rs_strerror(error));
}

bool bare_take(struct bare *bare, vm_event_request_t *request)
{
	struct rs_ring_fault fault;

	if (rs_doorbell_wait(&bare->doorbell, &bare->ring, WAIT_MS) != RS_DOORBELL_WORK ||
	    rs_ring_take(&bare->ring, request, &fault) != 1)
		return check(false, "a request comes");
	return true;
}

vm_event_response_t bare_answer_to(const vm_event_request_t *request)
{
	return (vm_event_response_t){
		.version = request->version,
		.flags = request->flags & VM_EVENT_FLAG_VCPU_PAUSED,
		.reason = request->reason,
		.vcpu_id = request->vcpu_id,
	};
}

void bare_answer(struct bare *bare, const vm_event_response_t *answer)
{
	if (rs_ring_put(&bare->ring, answer) || !rs_ring_push(&bare->ring) ||
	    rs_doorbell_notify(&bare->doorbell))
		check(false, "an answer is put");
}
