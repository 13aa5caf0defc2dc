/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * baseline.c: the least that can be done with a ring, over ring/ and xen/ alone: the floor for
 * any engine, and the loop of the field.
 *
 * An event is answered in the copy that was taken, with what its kind needs for the guest to get
 * on, and nothing else.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include <ringside/event.h>

#include "bench/case.h"
#include "bench/contestant.h"
#include "engine/wire.h"
#include "guests/bench.h"
#include "ring/atomics.h"
#include "ring/doorbell.h"
#include "ring/ring.h"
#include "xen/connection.h"
#include "xen/domain.h"
#include "xen/error.h"
#include "xen/memory.h"
#include "xen/monitor.h"
#include "xen/port.h"
#include "xen/store.h"

#define WAIT_MS 100
#define DATA_GFN (GUEST_DATA_PAGE >> 12)
#define ACCESS_ALL (RS_ACCESS_R | RS_ACCESS_W | RS_ACCESS_X)
#define CR4_PGE (1 << 7)
#define LSTAR 0xc0000082
#define RIP_OFFSET 208 /* in both versions of messages */
#define REASON_PAGE 1
#define REASON_BREAKPOINT 6
#define REASON_CPUID 10
#define SPINS_BETWEEN_LOOKS 4096

struct seat {
	struct rs_xen *xen;
	uint32_t domain;
	void *page;
	struct rs_ring ring;
	struct rs_doorbell doorbell;
	struct rs_xen_port port;
	const struct plan *plan;
	struct counts *counts;
};

static bool wants(const struct plan *plan, uint32_t kind)
{
	return plan->kind == kind || (plan->kind == BENCH_MIX && kind <= BENCH_PAGE) ||
	       (plan->kind == BENCH_BARE && kind == BENCH_CR3);
}

static int switch_sources(struct seat *seat, bool on)
{
	const struct { uint32_t kind; struct rs_xen_source source; } sources[] = {
		{ BENCH_CR3, { .kind = RS_CR, .index = RS_CR3, .synchronous = true } },
		{ BENCH_CR4, { .kind = RS_CR, .index = RS_CR4, .synchronous = true,
			       .ignored_bits = CR4_PGE } },
		{ BENCH_MSR, { .kind = RS_MSR, .index = LSTAR, .synchronous = true } },
		{ BENCH_BREAKPOINT, { .kind = RS_BREAKPOINT, .synchronous = true } },
		{ BENCH_CPUID, { .kind = RS_CPUID, .synchronous = true } },
		{ BENCH_REQUEST, { .kind = RS_GUEST_REQUEST, .synchronous = true } },
	};
	int error = 0;

	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources) && !error; i++)
		if (wants(seat->plan, sources[i].kind))
			error = rs_xen_monitor_switch(seat->xen, seat->domain, &sources[i].source, on);
	if (!error && wants(seat->plan, BENCH_PAGE))
		error = rs_xen_memory_access(seat->xen, seat->domain, DATA_GFN, 1,
					     on ? 0 : ACCESS_ALL);
	return error;
}

static uint32_t message_size(uint32_t version)
{
	return version == 6 ? 384 : 400;
}

static int start_ring(struct seat *seat, uint32_t version, uint32_t vcpu_count, uint32_t looks)
{
	uint32_t remote;
	int error = rs_xen_monitor_enable(seat->xen, seat->domain, &seat->page, &remote);

	if (error)
		return error;
	error = rs_ring_init(&seat->ring, seat->page, message_size(version), version, vcpu_count);
	if (error)
		rs_fail(error, "the ring cannot be started: %s", strerror(-error));
	else
		error = rs_xen_port_bind(&seat->port, seat->xen, seat->domain, remote);
	if (!error) {
		rs_doorbell_init(&seat->doorbell, &rs_xen_port_calls, &seat->port, -1, looks);
		error = rs_doorbell_open(&seat->doorbell);
		if (!error)
			return 0;
		rs_fail(error, "nothing to sleep at: %s", strerror(-error));
		rs_xen_port_unbind(&seat->port);
	}
	rs_xen_monitor_disable(seat->xen, seat->domain);
	rs_xen_monitor_unmap(seat->xen, seat->page);
	return error;
}

static int take_seat(struct seat *seat, const char *domain, uint32_t looks)
{
	struct rs_xen_domain info;
	uint32_t version;
	int error = rs_xen_store_find(seat->xen, domain, &seat->domain);

	if (!error)
		error = rs_xen_monitor_version(seat->xen, &version);
	if (!error)
		error = rs_xen_domain_read(seat->xen, seat->domain, &info);
	if (!error)
		error = rs_xen_domain_pause(seat->xen, seat->domain);
	if (error)
		return error;
	error = start_ring(seat, version, info.vcpu_count, looks);
	if (!error)
		error = switch_sources(seat, true);
	rs_xen_domain_unpause(seat->xen, seat->domain);
	return error;
}

/* The guest is idle by now, so nobody waits for an answer. */
static int leave_seat(struct seat *seat)
{
	int error = switch_sources(seat, false);

	if (!error)
		error = rs_xen_monitor_disable(seat->xen, seat->domain);
	rs_doorbell_close(&seat->doorbell);
	rs_xen_port_unbind(&seat->port);
	rs_xen_monitor_unmap(seat->xen, seat->page);
	return error;
}

/* Moves RIP over the instruction; the other registers are the event's own. */
static void skip(struct rs_wire *wire, uint32_t length)
{
	uint64_t rip;

	memcpy(&rip, (char *)wire + RIP_OFFSET, sizeof(rip));
	rip += length;
	memcpy((char *)wire + RIP_OFFSET, &rip, sizeof(rip));
	wire->flags |= RS_FLAG_SET_REGISTERS;
}

static void answer(struct rs_wire *wire)
{
	wire->flags &= RS_FLAG_VCPU_PAUSED;
	if (wire->reason == REASON_PAGE)
		wire->flags |= RS_FLAG_EMULATE;
	else if (wire->reason == REASON_BREAKPOINT)
		skip(wire, wire->u.debug.insn_length);
	else if (wire->reason == REASON_CPUID)
		skip(wire, wire->u.cpuid.insn_length);
}

/* Takes all, answers all, notifies once. How many, or -errno. */
static int drain(struct seat *seat)
{
	uint8_t message[RS_RING_MESSAGE_SIZE_MAX] __attribute__((aligned(64)));
	struct rs_ring_fault fault;
	int count = 0, error;

	while (rs_ring_take(&seat->ring, message, &fault) == 1) {
		contestant_handle(seat->plan, seat->counts);
		answer((struct rs_wire *)message);
		error = rs_ring_put(&seat->ring, message);
		if (error)
			return rs_fail(error, "no slot for an answer that is owed");
		count++;
	}
	if (fault.kind != RS_RING_SOUND)
		return rs_fail(EPROTO, "the ring: %s", rs_ring_fault_name(fault.kind));
	if (!count)
		return 0;
	rs_ring_push(&seat->ring);
	error = rs_doorbell_notify(&seat->doorbell);
	return error ? rs_fail(error, "Xen cannot be notified") : count;
}

static void spin(struct seat *seat)
{
	for (unsigned int i = 0; i < SPINS_BETWEEN_LOOKS; i++) {
		if (rs_ring_pending(&seat->ring))
			return;
		rs_cpu_relax();
	}
}

/* As xen-access does it: whatever the ring holds by then is looked at after the unmask. */
static int wait_classic(struct seat *seat)
{
	const struct rs_doorbell_calls *calls = seat->doorbell.calls;
	struct pollfd fd = { .fd = calls->fd(&seat->port), .events = POLLIN };
	int result = poll(&fd, 1, WAIT_MS);

	if (result < 0)
		return errno == EINTR ? 0 : -errno;
	if (result > 0)
		result = calls->pending(&seat->port);
	if (result > 0)
		result = calls->unmask(&seat->port);
	return result;
}

static int wait_for_work(struct seat *seat, enum baseline_mode mode)
{
	int result = 0;

	if (mode == BASELINE_SPIN)
		spin(seat);
	else if (mode == BASELINE_CLASSIC)
		result = wait_classic(seat);
	else
		result = rs_doorbell_wait(&seat->doorbell, &seat->ring, WAIT_MS);
	return result < 0 ? rs_fail(result, "waiting for events: %s", strerror(-result)) : 0;
}

static int loop(struct seat *seat, enum baseline_mode mode)
{
	int result = 0;

	while (!contestant_stopping && result >= 0) {
		result = wait_for_work(seat, mode);
		if (result >= 0)
			result = drain(seat);
	}
	return result < 0 ? result : 0;
}

int baseline_run(const struct contestant *contestant, const struct plan *plan,
		 struct counts *counts)
{
	const struct rs_log silent = { 0 };
	struct seat seat = { .plan = plan, .counts = counts };
	struct rs_error_note note;
	int error, undone;

	if (plan->what->engine_only)
		return contestant_not_yet(counts, "a baseline has nothing of that kind");
	if (plan->domain_count > 1)
		return contestant_not_yet(counts, "a baseline has one ring");
	error = rs_xen_open(&seat.xen, &silent);
	if (error)
		return error;
	error = take_seat(&seat, plan->domains[0],
			  contestant->mode == BASELINE_HYBRID ? plan->looks : 0);
	if (!error) {
		contestant_ready(counts);
		error = loop(&seat, contestant->mode);
		rs_error_keep(&note);
		undone = leave_seat(&seat);
		if (error)
			rs_error_restore(&note);
		else
			error = undone;
	}
	rs_xen_close(seat.xen);
	return error;
}
