/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * steps.c: the engine's own instructions for an event, counted one by one; they do not jitter.
 *
 *	tests/engine/steps                         # each against what is committed, below
 *	tests/engine/steps --table                 # Markdown
 *	tests/engine/steps --addresses NAME BATCH  # where, and how often
 *
 * An engine runs in this thread, in blocking mode, on a page in memory. The functions of libc by
 * which it reaches the kernel are here: they are its event channel, and Xen's end of the page,
 * which brings a batch of requests at each wake-up. The processor's trap flag is set meanwhile: it
 * raises SIGTRAP after every instruction, and whoever is about to execute the next one is
 * counted: all of libringside, from rs_engine_run's loop to the call of libc, but neither
 * this file (handlers, kernel and Xen) nor libc.
 *
 * No clock, no other thread and no kernel has a say in it. But a step takes microseconds, so to the
 * engine every handler would be slow: it is told that a notify takes for ever.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "engine/private.h"
#include "engine/rcu.h"
#include "guest/private.h"
#include "tests/engine/message.h"
#include "tests/unit/tap.h"

#define VERSION 7
#define SIZE 400
#define PORT 5
#define PORT_FD 1000
#define ROUNDS 24
#define WARM_UP 12 /* rounds in which the engine still learns how quick its handler is */
#define VIEW 2
#define TRAP_FLAG 0x100

/* What is not the engine's lies together, so that it can be told apart. */
#define OUTSIDE __attribute__((section("outside"), noinline))
extern const char __start_outside[], __stop_outside[], __executable_start[], etext[];

/* -- counting -- */

static volatile uint64_t own; /* instructions so far */
static volatile bool resting; /* what is executed is the kernel's */
static uint32_t *addresses;   /* how often each was executed, from __executable_start on; or NULL */

OUTSIDE static void on_step(int number, siginfo_t *info, void *context)
{
	const ucontext_t *at = context;
	const char *next = (const char *)at->uc_mcontext.gregs[REG_RIP];

	if (resting || next < __executable_start || next >= etext ||
	    (next >= __start_outside && next < __stop_outside))
		return;
	own++;
	if (addresses)
		addresses[next - __executable_start]++;
}

OUTSIDE static void set_trap_flag(bool on)
{
	uint64_t flags = __builtin_ia32_readeflags_u64();

	__builtin_ia32_writeeflags_u64(on ? flags | TRAP_FLAG : flags & ~(uint64_t)TRAP_FLAG);
}

/* -- the kernel, and Xen at the other end of the page -- */

static struct rs_ring_page page __attribute__((aligned(4096)));
static struct rs_engine engine;
static struct test_message requests[RS_RING_SLOTS];
static uint32_t batch, rounds, answered;
static uint64_t woken_at, begun_at; /* `own`, by then */
static uint32_t round_costs[ROUNDS], reply_costs[ROUNDS];

OUTSIDE static void push_requests(void)
{
	for (uint32_t i = 0; i < batch; i++) {
		uint32_t slot = (page.req_prod + i) % RS_RING_SLOTS;

		memcpy(page.slots + slot * SIZE, requests[i].bytes, SIZE);
	}
	page.req_prod += batch;
}

/* From one sleep to the next is a round. */
OUTSIDE static long on_sleep(struct epoll_event *event)
{
	if (rounds)
		round_costs[rounds - 1] = (uint32_t)(own - begun_at);
	begun_at = own;
	if (rounds == ROUNDS) {
		rs_engine_stop(&engine);
		event->data.u32 = RS_DOORBELL_WOKEN;
		return 1;
	}
	rounds++;
	push_requests();
	event->data.u32 = RS_DOORBELL_WORK;
	return 1;
}

OUTSIDE static long on_read(void *data)
{
	static const uint32_t port = PORT;

	memcpy(data, &port, sizeof(port));
	woken_at = own; /* what it sees, it sees after this */
	return sizeof(port);
}

OUTSIDE static void on_notify(void)
{
	answered += page.rsp_prod - answered;
	reply_costs[rounds - 1] = (uint32_t)(own - woken_at);
}

/* What is not the event channel's. */
OUTSIDE static long ask_kernel(long number, const long arguments[3])
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(arguments[0]), "S"(arguments[1]), "d"(arguments[2])
			 : "rcx", "r11", "memory");
	return result < 0 ? -1 : result;
}

OUTSIDE long syscall(long number, ...)
{
	long arguments[3], result;
	va_list list;

	resting = true;
	va_start(list, number);
	for (int i = 0; i < 3; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_epoll_wait)
		result = on_sleep((struct epoll_event *)arguments[1]);
	else if (number == SYS_read && arguments[0] == PORT_FD)
		result = on_read((void *)arguments[1]);
	else
		result = ask_kernel(number, arguments);
	resting = false;
	return result;
}

OUTSIDE int ioctl(int fd, unsigned long request, ...)
{
	resting = true;
	on_notify();
	resting = false;
	return 0;
}

OUTSIDE ssize_t write(int fd, const void *data, size_t size)
{
	return (ssize_t)size;
}

/* -- the guest's memory, as it is open wherever pages are watched -- */

#define GUEST_CR3 0x1000 /* page tables and code in one block of the guest's memory */
#define CR4_PAE 0x20
#define SCATTERED_CR3 0x10000
#define BLOCKS 5 /* four levels of page tables, and the code */
#define GUEST_DATA 0xffff888001234018ULL /* what RAX points to: in page TEST_GFN */

static struct rs_guest guest;
static struct rs_block blocks[BLOCKS];
static uint64_t memory[BLOCKS * RS_BLOCK_SIZE / sizeof(uint64_t)] __attribute__((aligned(4096)));

/* Each table so far behind the one before it, and then the code: one instruction at TEST_RIP. */
static void make_tables(unsigned int table, unsigned int distance)
{
	static const uint8_t code[] = { 0x48, 0x89, 0x18 }; /* mov [rax], rbx */

	for (unsigned int level = 4; level; level--, table += distance)
		memory[(table >> 3) + (TEST_RIP >> (3 + 9 * level) & 511)] =
			(table + distance) | 7;
	memcpy((char *)memory + table + TEST_RIP % 4096, code, sizeof(code));
}

static void make_guest(void)
{
	make_tables(GUEST_CR3, RS_FRAME_SIZE);
	make_tables(SCATTERED_CR3, RS_BLOCK_SIZE);
	for (unsigned int i = 0; i < BLOCKS; i++)
		blocks[i] = (struct rs_block){ .state = RS_BLOCK_MAPPED | RS_BLOCK_USED,
					       .bytes = (char *)memory + i * RS_BLOCK_SIZE,
					       .present = UINT64_MAX };
	guest.cache.blocks = blocks;
	guest.cache.age_ms_max = RS_GUEST_AGELESS;
	guest.max_gfn = BLOCKS * RS_BLOCK_FRAMES - 1;
}

/* -- what is counted -- */

OUTSIDE static struct rs_reply go_on(const struct rs_event *event, void *user)
{
	return RS_CONTINUE;
}

OUTSIDE static struct rs_reply fast_step(const struct rs_event *event, void *user)
{
	return RS_FAST_STEP;
}

/* What rs_answer_registers does is the handler's doing. */
OUTSIDE static struct rs_reply skip(const struct rs_event *event, void *user)
{
	struct rs_registers *registers;

	resting = true;
	registers = rs_answer_registers(event);
	registers->rip += 1;
	resting = false;
	return RS_SET_REGISTERS;
}

/*
 * What is counted, and what was found by gcc 12: instructions an event with one a wake-up; of
 * those, until the notify; and with eight. More by 3 % is too much: mend it, or write down here
 * what is found now, and in the commit why.
 */
static const struct subject {
	const char *name;
	enum rs_kind kind;
	rs_handler handler;
	enum rs_way way;
	uint16_t view;
	uint64_t cr3;
	double one, until_notify, eight;
} subjects[] = {
	{ "cr3", RS_CR, go_on, 0, 0, GUEST_CR3, 170, 102, 93.9 },
	{ "msr", RS_MSR, go_on, 0, 0, GUEST_CR3, 170, 102, 93.9 },
	{ "breakpoint, stepped fast", RS_BREAKPOINT, fast_step, 0, VIEW, GUEST_CR3, 192, 124, 115.9 },
	{ "page, stepped fast", RS_PAGE, go_on, RS_WAY_FAST_STEP, VIEW, GUEST_CR3, 462, 394, 383.9 },
	{ "page, emulated", RS_PAGE, go_on, 0, VIEW, GUEST_CR3, 476, 408, 397.9 },
	{ "page, emulated, five blocks", RS_PAGE, go_on, 0, VIEW, SCATTERED_CR3, 528, 460, 449.9 },
	{ "breakpoint, skipped", RS_BREAKPOINT, skip, 0, 0, GUEST_CR3, 301, 233, 222.9 },
};
#define SUBJECTS (sizeof(subjects) / sizeof(*subjects))
#define TOLERANCE 1.03

static void make_requests(const struct subject *subject)
{
	for (uint32_t i = 0; i < RS_RING_SLOTS; i++) {
		struct rs_wire *wire = test_request(&requests[i], VERSION, subject->kind, i);
		const struct rs_layout *layout = rs_layout_find(VERSION);

		test_set_u64(&requests[i], layout->cr3, subject->cr3);
		test_set_u64(&requests[i], layout->cr4, CR4_PAE);
		test_set_u64(&requests[i], layout->rax, GUEST_DATA);
		if (subject->kind == RS_PAGE) {
			wire->u.page.gla = GUEST_DATA;
			wire->u.page.offset = GUEST_DATA % 4096;
			wire->u.page.flags |= RS_ACCESS_GLA_VALID | RS_ACCESS_FAULT_WITH_GLA;
		}
		if (!subject->view)
			continue;
		wire->flags |= RS_FLAG_ALTERNATE_P2M;
		wire->altp2m_idx = subject->view;
	}
}

static void make_engine(const struct subject *subject)
{
	static struct rs_rule rule;
	uint64_t key = subject->kind == RS_CR ? RS_CR3 : subject->kind == RS_MSR ? 0xc0000082
		     : subject->kind == RS_PAGE ? rs_table_page_key(subject->view, TEST_GFN) : 0;
	struct rs_table_entry entry = {
		.kind = subject->kind, .first = key, .order = 1, .rule = &rule,
		.last = subject->kind == RS_BREAKPOINT ? UINT64_MAX : key,
	};

	memset(&engine, 0, sizeof(engine));
	memset(&page, 0, sizeof(page));
	engine.vcpu_count = RS_RING_SLOTS;
	engine.layout = rs_layout_find(VERSION);
	engine.worker_count = 1;
	engine.can_step = true;
	engine.waiting = RS_WAIT_BLOCK;
	engine.wake_fd = engine.loop_fd = engine.look_fd = -1;
	engine.stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	engine.seats = 1;
	engine.views.mask = 1U << VIEW;
	if (subject->kind == RS_PAGE)
		engine.guest = &guest;
	engine.ways = subject->way != 0;
	engine.wake_ticks = engine.notify_ticks = UINT64_MAX;
	engine.port.fd = PORT_FD;
	engine.port.port = PORT;
	engine.release_fd = -1;
	pthread_mutex_init(&engine.control, NULL);
	pthread_mutex_init(&engine.burial, NULL);
	if (rs_engine_allocate(&engine) || rs_ring_init(&engine.ring, &page, SIZE, VERSION,
							RS_RING_SLOTS))
		exit(99);
	/* So to it all time has passed at once, and what is decoded is believed for as long again. */
	engine.start_ticks = 0;
	engine.start_ns = rs_now_ns();
	rs_doorbell_init(&engine.doorbell, &rs_xen_port_calls, &engine.port, -1, 0);
	rs_straight_open(&engine);
	rule = (struct rs_rule){ .options = { .kind = subject->kind, .handler = subject->handler,
					      .way = subject->way } };
	rule.first = entry.first;
	rule.last = entry.last;
	if (rs_table_add(engine.table, &entry))
		exit(99);
}

struct cost {
	double event; /* of a whole round, each */
	double until_notify; /* from the wake-up on */
};

static uint32_t median(uint32_t *values, size_t count)
{
	for (size_t i = 1; i < count; i++)
		for (size_t k = i; k && values[k - 1] > values[k]; k--) {
			uint32_t other = values[k];

			values[k] = values[k - 1];
			values[k - 1] = other;
		}
	return values[count / 2];
}

static struct cost measure(const struct subject *subject, uint32_t events)
{
	struct cost cost;

	batch = events;
	rounds = answered = 0;
	make_requests(subject);
	make_engine(subject);
	set_trap_flag(true);
	if (rs_engine_run(&engine))
		exit(99);
	set_trap_flag(false);
	cost.event = (double)median(round_costs + WARM_UP, ROUNDS - WARM_UP) / events;
	cost.until_notify = median(reply_costs + WARM_UP, ROUNDS - WARM_UP);
	rs_table_free(engine.table);
	rs_record_close(engine.record);
	close(engine.stop_fd);
	return cost;
}

/* -- telling -- */

static void print_table(void)
{
	puts("| own instructions an event | one a wake-up | until its notify | eight a wake-up |\n"
	     "|---|---|---|---|");
	for (size_t i = 0; i < SUBJECTS; i++) {
		struct cost one = measure(&subjects[i], 1), eight = measure(&subjects[i], 8);

		printf("| %s | %.0f | %.0f | %.1f |\n", subjects[i].name, one.event,
		       one.until_notify, eight.event);
	}
}

static int print_addresses(const char *name, uint32_t events)
{
	size_t size = (size_t)(etext - __executable_start);

	addresses = calloc(size, sizeof(*addresses));
	for (size_t i = 0; i < SUBJECTS && addresses; i++)
		if (!strcmp(subjects[i].name, name))
			measure(&subjects[i], events);
	for (size_t i = 0; i < size && addresses; i++)
		if (addresses[i])
			printf("%#zx %.3f\n", i, (double)addresses[i] / ROUNDS);
	free(addresses);
	return 0;
}

/* Other compilers' figures are theirs, and so are those of a build for debugging. */
static bool is_judged(void)
{
#if defined(__OPTIMIZE__) && !defined(__clang__) && __GNUC__ == 12
	return true;
#else
	return false;
#endif
}

static void check(const struct subject *subject, uint32_t events, double most)
{
	struct cost cost = measure(subject, events);
	bool good = answered == ROUNDS * events &&
		    engine.workers[0].counters.batches[events] == ROUNDS;

	if (is_judged())
		good = good && cost.event <= most * TOLERANCE &&
		       (events > 1 || cost.until_notify <= subject->until_notify * TOLERANCE);
	tap_ok(good, "%s, %u a wake-up: %.1f instructions an event (%.1f are committed), "
		     "%.0f until the notify",
	       subject->name, events, cost.event, most, cost.until_notify);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };

	sigaction(SIGTRAP, &action, NULL);
	make_guest();
	rs_rcu_enter();
	if (argc == 4 && !strcmp(argv[1], "--addresses"))
		return print_addresses(argv[2], (uint32_t)atoi(argv[3]));
	if (argc == 2 && !strcmp(argv[1], "--table")) {
		print_table();
		return 0;
	}
	if (!measure(&subjects[0], 1).event) {
		puts("1..0 # SKIP the trap flag does nothing here");
		return 77;
	}
	for (size_t i = 0; i < SUBJECTS; i++) {
		check(&subjects[i], 1, subjects[i].one);
		check(&subjects[i], RS_RING_SLOTS, subjects[i].eight);
	}
	return tap_done();
}
