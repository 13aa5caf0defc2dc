/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * straight.c: whichever way an event takes, straight (engine/straight.h) or through the lanes, Xen
 * reads the same answer, and the same is counted.
 *
 * The same requests of all kinds, with the same replies to them, go through two engines, of which one
 * has no straight way; a Xen of a few lines is at the other end.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/private.h"
#include "engine/rcu.h"
#include "tests/engine/message.h"
#include "tests/unit/tap.h"

#define VCPUS RS_RING_SLOTS
#define VERSION 7
#define SIZE 400
#define ROUNDS 4000
#define MSR_INDEX 0xc0000082

/* What Xen reads of an answer. */
struct answer {
	bool there;
	uint32_t version, flags, reason;
	uint16_t view;
	uint8_t payload[32];
	uint8_t data[SIZE - 56];
};

static struct {
	struct rs_ring_page page __attribute__((aligned(4096)));
	uint32_t rsp_cons;
	struct answer answers[VCPUS];
	unsigned int twice;
} xen;

static struct rs_engine engine;
static struct rs_event kept[VCPUS];
static unsigned int kept_count, handled, refused;

/* Of the slot only what the flags ask for. */
static void read_answer(const uint8_t *slot)
{
	struct rs_wire wire;
	struct answer *answer;

	memcpy(&wire, slot, sizeof(wire));
	answer = &xen.answers[wire.vcpu_id % VCPUS];
	xen.twice += answer->there;
	*answer = (struct answer){ .there = true, .version = wire.version, .flags = wire.flags,
				   .reason = wire.reason };
	if (wire.flags & RS_FLAG_ALTERNATE_P2M)
		answer->view = wire.altp2m_idx;
	if (wire.flags & RS_FLAG_FAST_SINGLESTEP)
		memcpy(answer->payload, &wire.u, 2);
	else if (wire.flags & (RS_FLAG_EMULATE | RS_FLAG_DENY))
		memcpy(answer->payload, &wire.u, sizeof(wire.u));
	if (wire.flags & (RS_FLAG_SET_REGISTERS | RS_FLAG_SET_EMUL_READ_DATA |
			  RS_FLAG_SET_EMUL_INSN_DATA))
		memcpy(answer->data, slot + 56, sizeof(struct rs_registers));
}

static int notify(void *context)
{
	while (xen.rsp_cons != xen.page.rsp_prod)
		read_answer(xen.page.slots + xen.rsp_cons++ % RS_RING_SLOTS * SIZE);
	return 0;
}

static const struct rs_doorbell_calls calls = { .notify = notify };

/* The reply that a request asks for, by its RAX. */
static struct rs_reply reply_to(const struct rs_event *event)
{
	/* To a breakpoint no more than what asks Xen nothing, who is not here. */
	uint64_t which = event->kind == RS_BREAKPOINT ? 1 + rs_event_rax(event) % 2
						      : rs_event_rax(event) % 11;

	switch (which) {
	case 1:
		return RS_RESUME;
	case 2:
		if (rs_answer_registers(event))
			rs_answer_registers(event)->rip += 3;
		return rs_reply_with_registers(RS_RESUME);
	case 3:
		/* Asked for, and then not used. */
		rs_answer_read_data(event);
		return RS_CONTINUE;
	case 4:
		return RS_EMULATE;
	case 5:
		return RS_STEP;
	case 6:
		return RS_FAST_STEP;
	case 7:
		return rs_reply_emulate(RS_REPLY_NO_WRITE);
	case 8:
		return RS_DENY;
	case 9:
		return rs_reply_with_next_interrupt(RS_CONTINUE);
	default:
		return RS_CONTINUE;
	}
}

static struct rs_reply on_event(const struct rs_event *event, void *user)
{
	handled++;
	switch (rs_event_rbx(event) % 16) {
	case 0:
		kept[kept_count++] = *event;
		return RS_LATER;
	case 1:
		refused += rs_event_reply(event, reply_to(event)) != 0;
		return RS_LATER;
	default:
		return reply_to(event);
	}
}

/* Those of one kind that are the only ones of their key go straight. */
static struct rs_rule rules[] = {
	{ .options = { .kind = RS_CR, .handler = on_event }, .first = RS_CR3, .last = RS_CR3 },
	{ .options = { .kind = RS_MSR, .handler = on_event }, .last = UINT64_MAX },
	{ .options = { .kind = RS_PAGE, .handler = on_event, .page.access = RS_ACCESS_X },
	  .last = UINT64_MAX },
	{ .options = { .kind = RS_BREAKPOINT, .handler = on_event }, .last = UINT64_MAX },
	{ .options = { .kind = RS_GUEST_REQUEST, .handler = on_event } },
	{ .options = { .kind = RS_MSR, .handler = on_event }, .first = MSR_INDEX + 1,
	  .last = MSR_INDEX + 1 },
	{ .options = { .kind = RS_CPUID, .handler = on_event } },
	{ .options = { .kind = RS_SINGLESTEP, .handler = on_event } },
};
#define RULES (sizeof(rules) / sizeof(*rules))

static struct rs_table_entry entry_of(size_t i)
{
	return (struct rs_table_entry){
		.kind = rules[i].options.kind, .first = rules[i].first, .last = rules[i].last,
		.order = i + 1, .rule = &rules[i],
		.access = rules[i].options.kind == RS_PAGE ? rules[i].options.page.access : 0,
	};
}

static void open_engine(bool straight)
{
	memset(&engine, 0, sizeof(engine));
	memset(&xen, 0, sizeof(xen));
	engine.vcpu_count = VCPUS;
	engine.layout = rs_layout_find(VERSION);
	engine.worker_count = 1;
	engine.can_step = true;
	engine.notify_ticks = engine.wake_ticks = UINT64_MAX;
	pthread_mutex_init(&engine.control, NULL);
	pthread_mutex_init(&engine.burial, NULL);
	if (rs_engine_allocate(&engine))
		exit(99);
	rs_ring_init(&engine.ring, &xen.page, SIZE, VERSION, VCPUS);
	rs_doorbell_init(&engine.doorbell, &calls, NULL, -1, 0);
	rs_straight_open(&engine);
	engine.straight = straight;
	for (size_t i = 0; i < RULES; i++) {
		struct rs_table_entry entry = entry_of(i);

		rs_table_add(engine.table, &entry);
	}
}

static void close_engine(void)
{
	rs_table_free(engine.table);
	rs_record_close(engine.record);
}

static void push(struct test_message *message)
{
	memcpy(xen.page.slots + xen.page.req_prod % RS_RING_SLOTS * SIZE, message->bytes, SIZE);
	xen.page.req_prod++;
}

static void make_request(struct test_message *message, uint32_t vcpu)
{
	static const enum rs_kind kinds[] = { RS_CR, RS_CR, RS_CR, RS_MSR, RS_PAGE, RS_PAGE,
					      RS_BREAKPOINT, RS_GUEST_REQUEST, RS_CPUID,
					      RS_SINGLESTEP };
	enum rs_kind kind = kinds[(unsigned int)rand() % (sizeof(kinds) / sizeof(*kinds))];
	struct rs_wire *wire = test_request(message, VERSION, kind, vcpu);

	/* Of half of them the plainest reply. */
	test_set_u64(message, engine.layout->rax, rand() % 2 ? 0 : (uint64_t)rand());
	test_set_u64(message, engine.layout->rbx, rand() % 2 ? 2 : (uint64_t)rand());
	if (rand() % 16 == 0 && kind != RS_BREAKPOINT)
		wire->flags &= ~(uint32_t)RS_FLAG_VCPU_PAUSED;
	if (rand() % 4 == 0) {
		wire->flags |= RS_FLAG_ALTERNATE_P2M;
		wire->altp2m_idx = (uint16_t)(rand() % 3);
	}
	if (kind == RS_PAGE)
		wire->u.page.flags = rand() % 4 ? RS_ACCESS_W | RS_ACCESS_R : RS_ACCESS_X;
	if (kind == RS_MSR)
		wire->u.msr.msr = MSR_INDEX + (unsigned int)rand() % 2;
	if (rand() % 64 == 0)
		wire->u.cr.index = RS_CR4;
}

/* One at most of each vCPU, until all are answered. */
static void run_round(unsigned int first, unsigned int count)
{
	memset(xen.answers, 0, sizeof(xen.answers));
	for (unsigned int i = 0; i < count; i++) {
		struct test_message message;

		make_request(&message, (first + i) % VCPUS);
		push(&message);
	}
	while (rs_worker_visit(&engine.workers[0]) > 0)
		;
	while (kept_count) {
		struct rs_event *event = &kept[--kept_count];

		refused += rs_event_reply(event, reply_to(event)) != 0;
		refused += rs_event_reply(event, RS_CONTINUE) != -EALREADY;
		while (rs_worker_visit(&engine.workers[0]) > 0)
			;
	}
}

struct totals {
	uint64_t requests, answers, events[RS_KIND_COUNT], lanes[VCPUS], refused, unwatched;
};

static struct answer found[2][ROUNDS][VCPUS];

static void run_all(bool straight, struct totals *totals)
{
	const struct rs_counters *counters;
	struct rs_statistics statistics;

	open_engine(straight);
	counters = &engine.workers[0].counters;
	srand(7);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		/* Watches come and go. */
		if (round % 100 == 50) {
			struct rs_table_entry entry = entry_of(round / 100 % RULES);

			rs_table_remove(engine.table, &entry);
			rs_rcu_wait();
			rs_table_reap(engine.table);
			rs_table_add(engine.table, &entry);
		}
		run_round((unsigned int)rand() % VCPUS, 1 + (unsigned int)rand() % VCPUS);
		memcpy(found[straight][round], xen.answers, sizeof(xen.answers));
	}
	rs_engine_statistics(&engine, &statistics);
	*totals = (struct totals){ .requests = statistics.requests, .answers = statistics.answers,
				   .refused = engine.refused, .unwatched = counters->unwatched };
	for (unsigned int i = 0; i < RS_KIND_COUNT; i++)
		totals->events[i] = statistics.events[i];
	for (unsigned int i = 0; i < VCPUS; i++)
		totals->lanes[i] = engine.lanes[i].events;
	tap_ok(TAP_SAME(engine.unused, (1ULL << RS_TURNS) - 1) && TAP_SAME(xen.twice, 0) &&
		       TAP_SAME(xen.rsp_cons, xen.page.req_prod) &&
		       TAP_SAME(engine.workers[0].running == NULL, true),
	       "%s: %u requests, one answer each, and nothing is left",
	       straight ? "straight" : "by the lanes", xen.page.req_prod);
	close_engine();
}

int main(void)
{
	struct totals lanes, straight;
	unsigned int different = 0;

	rs_rcu_enter();
	run_all(false, &lanes);
	run_all(true, &straight);
	for (unsigned int round = 0; round < ROUNDS; round++)
		for (unsigned int vcpu = 0; vcpu < VCPUS; vcpu++)
			different += memcmp(&found[0][round][vcpu], &found[1][round][vcpu],
					    sizeof(struct answer)) != 0;
	tap_ok(TAP_SAME(different, 0), "Xen reads the same answers");
	tap_ok(!memcmp(&lanes, &straight, sizeof(lanes)) && lanes.requests > ROUNDS &&
		       lanes.refused && lanes.unwatched,
	       "and the same is counted");
	tap_ok(TAP_SAME(refused, 0), "what is kept is answered once");
	return tap_done();
}
