/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * round.c: whole rounds on a page in memory, with a Xen of a few lines at its other end.
 *
 * Every request has exactly one response, whatever it was and whoever watched it; eight of
 * them one notify.
 */
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/private.h"
#include "engine/rcu.h"
#include "engine/wait.h"
#include "tests/engine/message.h"
#include "tests/unit/tap.h"

#define VCPUS 8
#define VERSION 7
#define SIZE 400

/* Xen's end: what it has pushed, and what the engine has answered. */
static struct {
	struct rs_ring_page page __attribute__((aligned(4096)));
	uint32_t rsp_cons;
	unsigned int notifies;
	unsigned int answers;
	uint8_t answer[RS_RING_SLOTS][SIZE] __attribute__((aligned(8))); /* of the last notify */
	unsigned int batch;
} xen;

static struct rs_engine engine;
static bool straight; /* what can be is done in one go: see engine/straight.h */
static unsigned int log_lines;

static void on_log(enum rs_log_level level, const char *line, void *user)
{
	log_lines++;
}

static int notify(void *context)
{
	xen.notifies++;
	xen.batch = 0;
	while (xen.rsp_cons != xen.page.rsp_prod) {
		memcpy(xen.answer[xen.batch++ % RS_RING_SLOTS],
		       xen.page.slots + xen.rsp_cons % RS_RING_SLOTS * SIZE, SIZE);
		xen.rsp_cons++;
		xen.answers++;
	}
	return 0;
}

static const struct rs_doorbell_calls calls = { .notify = notify };

static void push(const struct test_message *message)
{
	memcpy(xen.page.slots + xen.page.req_prod % RS_RING_SLOTS * SIZE, message->bytes, SIZE);
	xen.page.req_prod++;
}

static void push_kind(enum rs_kind kind, uint32_t vcpu)
{
	struct test_message message;

	test_request(&message, VERSION, kind, vcpu);
	push(&message);
}

static const struct rs_wire *answer(unsigned int index)
{
	return (const struct rs_wire *)xen.answer[index];
}

static void begin(void)
{
	memset(&engine, 0, sizeof(engine));
	memset(&xen, 0, sizeof(xen));
	log_lines = 0;
	engine.log = (struct rs_log){ on_log, NULL, RS_LOG_DEBUG };
	engine.vcpu_count = VCPUS;
	engine.layout = rs_layout_find(VERSION);
	engine.worker_count = 1;
	engine.can_step = true;
	pthread_mutex_init(&engine.control, NULL);
	pthread_mutex_init(&engine.burial, NULL);
	if (rs_engine_allocate(&engine))
		tap_ok(false, "an engine: %s", rs_error_text());
	rs_ring_init(&engine.ring, &xen.page, SIZE, VERSION, VCPUS);
	rs_doorbell_init(&engine.doorbell, &calls, NULL, -1, 0);
	rs_straight_open(&engine);
	engine.straight = straight;
}

static void end(void)
{
	rs_table_free(engine.table);
	rs_record_close(engine.record);
}

static int visit(void)
{
	return rs_worker_visit(&engine.workers[0]);
}

static void watch(struct rs_rule *watches, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct rs_table_entry entry = {
			.kind = watches[i].options.kind,
			.last = UINT64_MAX,
			.order = i + 1,
			.rule = &watches[i],
		};

		rs_table_add(engine.table, &entry);
	}
}

static bool check_default(enum rs_kind kind, uint32_t flags)
{
	bool good;

	begin();
	push_kind(kind, 1);
	good = visit() == 1;
	good &= TAP_SAME(xen.answers, 1) && TAP_SAME(xen.notifies, 1);
	good &= TAP_SAME(answer(0)->flags, flags | RS_FLAG_VCPU_PAUSED);
	good &= TAP_SAME(answer(0)->vcpu_id, 1) && TAP_SAME(engine.workers[0].counters.unwatched, 1);
	end();
	return tap_ok(good, "%s without a watch: flags %#x", rs_kind_name(kind), flags);
}

static void test_defaults(void)
{
	check_default(RS_CR, 0);
	check_default(RS_MSR, 0);
	check_default(RS_GUEST_REQUEST, 0);
	check_default(RS_INTERRUPT, 0);
	check_default(RS_UNKNOWN, 0);
	check_default(RS_CPUID, RS_FLAG_SET_REGISTERS);
	check_default(RS_DESCRIPTOR, RS_FLAG_EMULATE);
	check_default(RS_PAGE, RS_FLAG_EMULATE);
	check_default(RS_SINGLESTEP, RS_FLAG_TOGGLE_SINGLESTEP);
}

static void test_view_fault(void)
{
	struct test_message message;
	struct rs_wire *wire = test_request(&message, VERSION, RS_PAGE, 0);

	begin();
	wire->flags |= RS_FLAG_ALTERNATE_P2M;
	wire->altp2m_idx = 2;
	push(&message);
	visit();
	tap_ok(TAP_SAME(answer(0)->flags, RS_FLAG_VCPU_PAUSED | RS_FLAG_ALTERNATE_P2M |
						  RS_FLAG_FAST_SINGLESTEP) &&
		       TAP_SAME(answer(0)->altp2m_idx, 0) &&
		       TAP_SAME(answer(0)->u.fast_singlestep_p2midx, 2),
	       "a fault in a view is stepped past in view 0");

	/* The same while a handler steps this vCPU: its step must not get lost. */
	engine.lanes[0].stepping = engine.lanes[0].user_stepping = true;
	push(&message);
	visit();
	tap_ok(TAP_SAME(answer(0)->flags, RS_FLAG_VCPU_PAUSED | RS_FLAG_ALTERNATE_P2M) &&
		       TAP_SAME(answer(0)->altp2m_idx, 0) && TAP_SAME(engine.lanes[0].stepping, true),
	       "of a vCPU that steps already by that step");
	wire = test_request(&message, VERSION, RS_SINGLESTEP, 0);
	wire->flags |= RS_FLAG_ALTERNATE_P2M;
	push(&message);
	engine.views.mask = 1U << 2;
	visit();
	tap_ok(TAP_SAME(answer(0)->flags, RS_FLAG_VCPU_PAUSED | RS_FLAG_ALTERNATE_P2M |
						  RS_FLAG_TOGGLE_SINGLESTEP) &&
		       TAP_SAME(answer(0)->altp2m_idx, 2) &&
		       TAP_SAME(engine.workers[0].counters.unwatched, 3),
	       "which takes it back to its view, and is reported");
	end();
}

/* What the last handler saw, and what it replies. */
static struct {
	unsigned int calls;
	uint64_t order;
	struct rs_reply reply;
} seen;

static struct rs_reply on_event(const struct rs_event *event, void *user)
{
	seen.calls++;
	seen.order = seen.order * 10 + (uintptr_t)user;
	/* The third one differs from the second. */
	return (uintptr_t)user == 1 ? RS_CONTINUE : (uintptr_t)user == 3 ? RS_RESUME : seen.reply;
}

static void test_handlers(void)
{
	struct rs_rule watches[3] = {
		{ .options = { .kind = RS_MSR, .handler = on_event, .user = (void *)1 } },
		{ .options = { .kind = RS_MSR, .handler = on_event, .user = (void *)2 } },
		{ .options = { .kind = RS_MSR, .handler = on_event, .user = (void *)3 } },
	};

	begin();
	watch(watches, 3);
	seen.calls = 0;
	seen.order = 0;
	seen.reply = RS_STEP;
	push_kind(RS_MSR, 2);
	visit();
	tap_ok(TAP_SAME(seen.order, 123) && TAP_SAME(log_lines, 1) &&
		       TAP_SAME(answer(0)->flags, RS_FLAG_VCPU_PAUSED | RS_FLAG_TOGGLE_SINGLESTEP),
	       "handlers are called in order; the first reply that is not CONTINUE counts");
	push_kind(RS_MSR, 2);
	visit();
	tap_ok(TAP_SAME(log_lines, 1) && TAP_SAME(engine.conflicts, 2),
	       "what another one replied is logged, but not each time");
	seen.reply = RS_DENY;
	push_kind(RS_MSR, 3);
	visit();
	tap_ok(TAP_SAME(answer(0)->flags, RS_FLAG_VCPU_PAUSED) &&
		       TAP_SAME(engine.refused, 1),
	       "a reply that Xen would ignore is refused, logged and counted, and answered");
	tap_ok(TAP_SAME(engine.workers[0].counters.unwatched, 0) &&
		       TAP_SAME(engine.workers[0].counters.kinds[RS_MSR].events, 3),
	       "watched events are counted by kind");
	end();
}

static void test_batch(void)
{
	struct rs_statistics statistics;
	bool good = true;

	begin();
	for (uint32_t i = 0; i < RS_RING_SLOTS; i++)
		push_kind(RS_CR, i % VCPUS);
	good &= TAP_SAME(visit(), 8) && TAP_SAME(xen.notifies, 1);
	for (unsigned int i = 0; i < RS_RING_SLOTS; i++)
		good &= TAP_SAME(answer(i)->vcpu_id, i % VCPUS);
	good &= TAP_SAME(visit(), 0) && TAP_SAME(xen.notifies, 1);
	rs_engine_statistics(&engine, &statistics);
	good &= TAP_SAME(statistics.batch_max, 8);
	tap_ok(good, "eight requests, eight answers in their order, one notify; then none");
	end();
}

/* Requests that take long to copy, each. */
static void copy_slowly(enum rs_message_way way, const void *message, const struct rs_layout *layout,
			void *ticks)
{
	uint64_t begin = rs_ticks();

	while (way == RS_MESSAGE_REQUEST && rs_ticks() - begin < *(const uint64_t *)ticks)
		;
}

/* On the general way. We may be preempted in any handler, so of many batches one will do. */
static void test_copies(void)
{
	struct rs_rule rule = { .options = { .kind = RS_CR, .handler = on_event } };
	uint64_t ticks = 2000000;
	bool one = false;

	begin();
	watch(&rule, 1);
	engine.straight = false;
	engine.notify_ticks = engine.wake_ticks = ticks / 2;
	engine.on_message = copy_slowly;
	engine.on_message_user = &ticks;
	for (unsigned int i = 0; i < 20 && !one; i++) {
		rule.pace.all = xen.notifies = 0;
		for (uint32_t vcpu = 0; vcpu < RS_RING_SLOTS; vcpu++)
			push_kind(RS_CR, vcpu);
		one = visit() == RS_RING_SLOTS && xen.notifies == 1 && !rule.pace.all;
	}
	tap_ok(one, "what it takes to copy requests is not their handlers': eight answers, one notify");
	end();
}

/* With several workers: whose the ring is. */
static void test_sharing(void)
{
	struct rs_rule rule = { .options = { .kind = RS_CR, .handler = on_event } };
	bool good;

	begin();
	watch(&rule, 1);
	engine.straight = false;
	engine.worker_count = 2;
	engine.watcher = 2;
	engine.deputy = 1;
	engine.loop_fd = -1;
	engine.notify_ticks = engine.wake_ticks = UINT64_MAX;
	push_kind(RS_CR, 1);
	good = TAP_SAME(visit(), 1) && TAP_SAME(xen.answers, 1);
	push_kind(RS_CR, 1);
	good &= TAP_SAME(visit(), 0) && TAP_SAME(xen.answers, 1);
	tap_ok(good, "who runs quick handlers leaves the ring to the watcher");
	engine.watcher = 1;
	good = TAP_SAME(visit(), 1) && TAP_SAME(xen.answers, 2);
	engine.watcher = 0;
	push_kind(RS_CR, 1);
	good &= TAP_SAME(visit(), 1) && TAP_SAME(xen.answers, 3);
	tap_ok(good, "unless that is it, or there is none");
	rule.pace.slow = UINT8_MAX;
	push_kind(RS_CR, 1);
	visit();
	engine.watcher = 2;
	push_kind(RS_CR, 1);
	tap_ok(TAP_SAME(visit(), 1) && TAP_SAME(xen.answers, 5), "and after a slow handler it does not");
	end();
}

/* A handler that takes its own watch out of the table, as rs_unwatch does. */
static struct rs_table_entry own_entry;

static struct rs_reply remove_own(const struct rs_event *event, void *user)
{
	struct rs_rule *rule = user;

	seen.calls++;
	rule->pace.gone = 1;
	rs_table_remove(engine.table, &own_entry);
	return RS_CONTINUE;
}

static void test_removal_inside(void)
{
	struct rs_rule rule = { .options = { .kind = RS_CR, .handler = remove_own } };

	begin();
	rule.options.user = &rule;
	own_entry = (struct rs_table_entry){ .kind = RS_CR, .last = UINT64_MAX, .order = 1,
					     .rule = &rule };
	rs_table_add(engine.table, &own_entry);
	seen.calls = 0;
	for (uint32_t i = 0; i < RS_RING_SLOTS; i++)
		push_kind(RS_CR, i % VCPUS);
	while (visit() > 0)
		;
	tap_ok(TAP_SAME(seen.calls, 1) && TAP_SAME(xen.answers, 8) &&
		       TAP_SAME(engine.workers[0].counters.unwatched, 7),
	       "a handler that removes its watch is not called for what was seen with its event");
	end();
}

/* The ring's numbers run through 2^32, and begin anew in the middle of a batch. */
static void test_wrap(void)
{
	struct rs_rule rule = { .options = { .kind = RS_CR, .handler = on_event } };
	const uint32_t first = UINT32_MAX - 2;
	bool good = true;

	begin();
	xen.rsp_cons = xen.page.req_prod = xen.page.rsp_prod = first;
	good &= TAP_SAME(rs_ring_attach(&engine.ring, &xen.page, SIZE, VERSION, VCPUS, first, first), 0);
	rs_straight_open(&engine);
	engine.straight = straight;
	watch(&rule, 1);
	seen.calls = 0;
	for (unsigned int batch = 1; batch <= 3; batch++) {
		for (uint32_t i = 0; i < RS_RING_SLOTS; i++)
			push_kind(RS_CR, i % VCPUS);
		good &= TAP_SAME(visit(), RS_RING_SLOTS);
		good &= TAP_SAME(xen.answers, batch * RS_RING_SLOTS);
		good &= TAP_SAME(engine.record->req_cons, first + batch * RS_RING_SLOTS);
	}
	tap_ok(good && TAP_SAME(seen.calls, 3 * RS_RING_SLOTS), "the numbers begin anew");
	end();
}

/* Any bytes whatever: a hostile guest cannot write them, but a broken Xen might. */
static void make_noise(struct test_message *message)
{
	struct rs_wire *wire = (struct rs_wire *)message->bytes;

	for (size_t i = 0; i < sizeof(message->bytes); i++)
		message->bytes[i] = (uint8_t)rand();
	wire->version = rand() % 8 ? VERSION : (uint32_t)rand();
	wire->vcpu_id = rand() % 8 ? (uint32_t)rand() % VCPUS : (uint32_t)rand();
	wire->reason = rand() % 8 ? (uint32_t)rand() % RS_KIND_COUNT : (uint32_t)rand();
	/* These three ask Xen, which is not here. */
	while (wire->reason == RS_BREAKPOINT || wire->reason == RS_DEBUG ||
	       wire->reason == RS_EMUL_UNIMPLEMENTED || wire->reason == RS_IO)
		wire->reason = RS_CR;
}

static void test_exactly_once(void)
{
	unsigned int requests = 0;
	bool good = true;

	begin();
	engine.log.function = NULL;
	srand(4);
	while (requests < 20000 && good) {
		struct test_message message;
		unsigned int count = 1 + (unsigned int)rand() % RS_RING_SLOTS;

		for (unsigned int i = 0; i < count; i++) {
			make_noise(&message);
			push(&message);
			requests++;
		}
		good &= TAP_SAME(visit(), count);
		good &= TAP_SAME(xen.answers, requests);
		good &= TAP_SAME(engine.unused, (1ULL << RS_TURNS) - 1);
		for (unsigned int i = 0; i < xen.batch; i++)
			good &= TAP_SAME(answer(i)->version, VERSION);
	}
	tap_ok(good, "%u requests of noise, each answered once", requests);
	end();
}

/* -- how a worker learns whether spinning pays -- */

static int loud_fd; /* always readable, and just now */

static int get_loud_fd(void *context)
{
	return loud_fd;
}

/* A guest that has an event just when nobody looks any more. */
static int push_late(void *context)
{
	push_kind(RS_CPUID, 1);
	eventfd_write(loud_fd, 1);
	return 1;
}

static const struct rs_doorbell_calls late = {
	.notify = notify, .unmask = notify, .pending = push_late, .fd = get_loud_fd
};

static bool wait_and_visit(unsigned int times)
{
	for (unsigned int i = 0; i < times; i++)
		if (rs_wait(&engine.workers[0], -1) != RS_DOORBELL_WORK || visit() != 1)
			return false;
	return true;
}

static uint64_t spins(void)
{
	return engine.workers[0].counters.spins;
}

static void test_learning(void)
{
	bool good;

	loud_fd = eventfd(1, EFD_CLOEXEC);
	begin();
	rs_doorbell_init(&engine.doorbell, &late, NULL, -1, 0);
	rs_doorbell_open(&engine.doorbell);
	engine.waiting = RS_WAIT_ADAPTIVE;
	engine.release_fd = -1;
	engine.may_spin = true;
	good = wait_and_visit(16) && TAP_SAME(spins(), 16);
	good &= wait_and_visit(254) && TAP_SAME(spins(), 16 + 7);
	good &= wait_and_visit(10 * 128) && TAP_SAME(spins(), 16 + 7 + 10);
	tap_ok(good && TAP_SAME(engine.workers[0].counters.spins_paid, 0),
	       "who spins in vain tries again ever more seldom: %" PRIu64 " spins", spins());
	good = wait_and_visit(127);
	push_kind(RS_CPUID, 1);
	good &= wait_and_visit(1) && TAP_SAME(engine.workers[0].counters.spins_paid, 1);
	good &= wait_and_visit(16) && TAP_SAME(spins(), 16 + 7 + 10 + 1 + 16);
	tap_ok(good, "and as before once it has paid");
	rs_doorbell_close(&engine.doorbell);
	end();
	close(loud_fd);
}

/* The guest runs elsewhere, whatever CPU we are kept on. */
static void test_pinned(void)
{
	bool free_to = rs_wait_may_spin();
	cpu_set_t before, one;
	int cpu = sched_getcpu();

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_getaffinity(0, sizeof(before), &before) || sched_setaffinity(0, sizeof(one), &one))
		tap_ok(false, "pinned to CPU %d", cpu);
	tap_ok(rs_wait_may_spin() == free_to, "who is pinned may spin as before");
	sched_setaffinity(0, sizeof(before), &before);
}

int main(void)
{
	rs_rcu_enter();
	test_learning();
	test_pinned();
	for (unsigned int way = 0; way < 2; way++) {
		straight = way;
		test_defaults();
		test_view_fault();
		test_handlers();
		test_batch();
		test_copies();
		test_sharing();
		test_removal_inside();
		test_wrap();
		test_exactly_once();
	}
	return tap_done();
}
