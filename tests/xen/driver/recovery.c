/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recovery.c: kill -9 of an engine with a request in its hand, and what is left.
 *
 * Xen does not notice. The ring stays enabled, its page cannot be mapped again, and the vCPU whose
 * request was taken waits for ever. A second process can let it go, as release() shows; what the
 * vCPU then has lost depends on what it was asking. A child process is the engine that dies.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/journal.h"
#include "tests/xen/driver/bare.h"
#include "tests/xen/driver/recovery.h"
#include "tests/xen/driver/tests.h"
#include "xen/altp2m.h"
#include "xen/domain.h"
#include "xen/vcpu.h"

#include <xen/hvm/save.h>

#define LSTAR 0xc0000082
#define STEPS 3 /* before an engine that steps is killed */

static const struct killing {
	struct rs_watch_options watch;
	unsigned int steps; /* that its handler asks for first */
	unsigned int command;
	uint64_t a, b;
} killings[] = {
	[IN_HAND_REQUEST] = { { .kind = RS_GUEST_REQUEST }, 0, MB_REQUEST, 0, 0 },
	[IN_HAND_CR3] = { { .kind = RS_CR, .cr = { .which = RS_CR3 } }, 0, MB_WRITE_CR3,
			  MB_ROOT_A, 0 },
	[IN_HAND_HELD] = { { .kind = RS_CR, .deny = true, .cr = { .which = RS_CR3 } }, 0,
			   MB_WRITE_CR3, MB_ROOT_A, 0 },
	[IN_HAND_MSR] = { { .kind = RS_MSR, .msr = { .index = LSTAR } }, 0, MB_WRMSR, LSTAR,
			  0x1234 },
	[IN_HAND_INT3] = { { .kind = RS_BREAKPOINT }, 0, MB_INT3, 0, 0 },
	[IN_HAND_CPUID] = { { .kind = RS_CPUID }, 0, MB_CPUID, 1, 0 },
	[IN_HAND_PAGE] = { { .kind = RS_PAGE, .way = RS_WAY_FAST_STEP,
			     .page = { .first_gfn = MB_DATA >> 12, .access = RS_ACCESS_R } }, 0,
			   MB_WRITE, MB_DATA + 0x500, 7 },
	[IN_HAND_DESCRIPTOR] = { { .kind = RS_DESCRIPTOR }, 0, MB_SIDT, 0, 0 },
	[IN_HAND_STEPPING] = { { .kind = RS_GUEST_REQUEST }, STEPS, MB_REQUEST, 0, 0 },
	[IN_HAND_TRAP_FLAG] = { { .kind = RS_DEBUG }, 0, MB_TRAP_FLAG, 0, 0 },
	[IN_HAND_ICEBP] = { { .kind = RS_DEBUG }, 0, MB_ICEBP, 0, 0 },
	/* More than the ring has slots, for none of which the vCPU waits by itself. */
	[IN_HAND_FULL] = { { .kind = RS_GUEST_REQUEST, .asynchronous = true }, 0,
			   MB_LOOP_REQUEST, 20, 0 },
};

/* In memory that outlives the engine: the request that it had in its hand. */
static vm_event_request_t *record;
static unsigned int steps_left;
/* Of the engine that dies; NULL: none but the defaults. */
static const struct rs_engine_options *engine_options;
/* By rs_recover, from the journal and the record in the folder; else by hand, as release() does. */
static bool by_library;

static struct rs_reply die(const struct rs_event *event, void *user)
{
	if (steps_left) {
		steps_left--;
		return RS_STEP;
	}
	memcpy(record, event->message, sizeof(*record));
	kill(getpid(), SIGKILL);
	return RS_CONTINUE;
}

/* The child: says when it is ready, and does not come back. */
static void watch_until_death(const char *guest, struct rs_watch_options options, int ready)
{
	struct rs_engine *engine;

	options.handler = die;
	if (rs_engine_attach(&engine, guest, engine_options) || rs_watch(engine, &options, NULL))
		_exit(1);
	if (steps_left) {
		options = (struct rs_watch_options){ .kind = RS_SINGLESTEP, .handler = die };
		if (rs_watch(engine, &options, NULL))
			_exit(1);
	}
	if (write(ready, "r", 1) != 1)
		_exit(1);
	_exit(rs_engine_run(engine) < 0 ? 2 : 3);
}

/* Until the child is dead: 0 if it was killed, else its exit status. */
static int bury(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child)
		return -1;
	return WIFSIGNALED(status) ? 0 : WEXITSTATUS(status);
}

bool recovery_kill(struct bed *bed, const struct rs_engine_options *options, enum in_hand what)
{
	const struct killing *killing = &killings[what];
	int ends[2], error;
	char byte;
	pid_t child;

	engine_options = options;
	steps_left = killing->steps;
	record = mmap(NULL, sizeof(*record), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (record == MAP_FAILED || pipe(ends) || (child = fork()) < 0)
		check_bail("no child process: %s", strerror(errno));
	if (child == 0) {
		close(ends[0]);
		watch_until_death(bed->guest.name, killing->watch, ends[1]);
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) == 1)
		guest_start(&bed->guest, 0, killing->command, killing->a, killing->b);
	close(ends[0]);
	error = bury(child);
	steps_left = 0;
	return check(!error && record->reason && (options || !guest_is_done(&bed->guest, 0)),
		     "an engine is killed with a request of reason %u in hand (%d): its vCPU waits",
		     record->reason, error);
}

/* Made-up answers for all vCPUs: Xen ignores those to a vCPU that waits for none. */
static void let_all_go(struct bare *bare)
{
	vm_event_response_t answer = {
		.version = VM_EVENT_INTERFACE_VERSION,
		.flags = VM_EVENT_FLAG_VCPU_PAUSED,
	};

	/* As if so many requests had been taken: they were, by the dead, off another page. */
	if (rs_ring_attach(&bare->ring, bare->page, sizeof(answer), answer.version,
			   bare->vcpu_count, bare->vcpu_count, 0))
		check(false, "the ring takes over");
	for (answer.vcpu_id = 0; answer.vcpu_id < bare->vcpu_count; answer.vcpu_id++)
		bare_answer(bare, &answer);
}

/*
 * With the domain paused. The ring that takes the made-up answers is given back again, since each
 * of them is one too many: on it Xen would overwrite requests that nobody has read.
 */
static bool release(struct bed *bed, struct rs_xen *xen)
{
	uint32_t domain = bed->guest.domain;
	struct bare bare;
	int error = rs_xen_monitor_disable(xen, domain);

	if (!check(!error, "Xen takes the dead engine's ring back%s%s", error ? ": " : "",
		   error ? rs_strerror(error) : "") ||
	    !bare_open(&bare, &bed->guest, 0))
		return false;
	let_all_go(&bare);
	for (uint32_t vcpu = 0; vcpu < bare.vcpu_count && !error; vcpu++)
		error = rs_xen_vcpu_step(xen, domain, vcpu, false);
	bare_close(&bare);
	if (rs_xen_altp2m_activate(xen, domain, false))
		check(false, "its views are gone: %s", rs_error_text());
	return !error || check(false, "its steps are gone: %s", rs_strerror(error));
}

static void on_line(enum rs_log_level level, const char *line, void *user)
{
	check_note("%s", line);
}

static bool release_by_library(struct bed *bed)
{
	int error = rs_recover(bed->guest.name, &(struct rs_recover_options){
		.log = on_line, .log_level = RS_LOG_INFO });

	return check(!error, "rs_recover%s%s", error ? ": " : "",
		     error ? rs_strerror(error) : "");
}

/* What the dead engine has noted is undone here by hand: no note says so. */
static void forget_journal(struct rs_xen *xen, uint32_t domain)
{
	struct rs_xen_domain info;
	struct rs_journal *journal;

	if (!rs_xen_domain_read(xen, domain, &info) &&
	    !rs_journal_find(&journal, domain, info.handle))
		rs_journal_close(journal, true);
}

/*
 * Everything, up to a new engine that watches `kind` (RS_UNKNOWN: nothing) before the first vCPU
 * runs again: what it asks once more is then asked of somebody. `mend` may look into the record
 * first.
 */
static bool recover(struct bed *bed, enum rs_kind kind, void (*mend)(struct bed *bed))
{
	struct rs_log nobody = { 0 };
	struct rs_xen *xen;
	bool good;

	if (rs_xen_open(&xen, &nobody) || rs_xen_domain_pause(xen, bed->guest.domain))
		return check(false, "pause the domain: %s", rs_error_text());
	if (mend && !by_library)
		mend(bed);
	good = by_library ? release_by_library(bed) : release(bed, xen);
	if (!by_library)
		forget_journal(xen, bed->guest.domain);
	good = good && bed_attach(bed, NULL);
	bed->answer = NULL;
	bed->seen = 0;
	if (good && kind)
		good = bed_watch_kind(bed, kind);
	rs_xen_domain_unpause(xen, bed->guest.domain);
	rs_xen_close(xen);
	return good;
}

static bool killed(struct bed *bed, enum in_hand what)
{
	return recovery_kill(bed, NULL, what) && recover(bed, RS_UNKNOWN, NULL) &&
	       bed_finish(bed, 0);
}

uint64_t recovery_old_cr3(struct bed *bed, uint64_t root)
{
	bed_watch(bed, (struct rs_watch_options){ .kind = RS_CR, .cr = { .which = RS_CR3 } });
	bed_run(bed, MB_WRITE_CR3, root, 0, NULL);
	return bed->seen == 1 ? bed_event(bed, 0)->cr.old_value : 0;
}

static void killed_request(struct bed *bed)
{
	struct rs_engine *second;
	int error;

	if (!recovery_kill(bed, NULL, IN_HAND_REQUEST))
		return;
	error = rs_engine_attach(&second, bed->guest.name, NULL);
	check(error == -EBUSY, "no new engine can attach: %s", rs_strerror(error));
	if (!recover(bed, RS_UNKNOWN, NULL) || !bed_finish(bed, 0))
		return;
	check(bed_get(bed, MB_RESULT0) == 0, "the guest's request was done");
	bed_watch_kind(bed, RS_GUEST_REQUEST);
	bed_run(bed, MB_REQUEST, 0, 0, NULL);
	check(bed_saw_one(bed, RS_GUEST_REQUEST, 0), "the next one comes to the new engine");
	bed_detach(bed);
}

/* What can always be done, and was all that could be done before. */
static void killed_destroyed(struct bed *bed)
{
	if (!recovery_kill(bed, NULL, IN_HAND_REQUEST))
		return;
	check(!xc_domain_destroy(guest_interface(), bed->guest.domain),
	      "the guest can be destroyed");
	bed->guest.ours = false;
}

static void killed_cr3(struct bed *bed)
{
	if (!killed(bed, IN_HAND_CR3))
		return;
	check(recovery_old_cr3(bed, MB_TABLES) == MB_ROOT_A, "the write had taken place");
	bed_detach(bed);
}

static void killed_held(struct bed *bed)
{
	if (!killed(bed, IN_HAND_HELD))
		return;
	check(recovery_old_cr3(bed, MB_ROOT_B) == MB_TABLES, "a write that Xen held back is lost");
	bed_detach(bed);
}

static void killed_msr(struct bed *bed)
{
	if (!killed(bed, IN_HAND_MSR))
		return;
	bed_run(bed, MB_RDMSR, LSTAR, 0, NULL);
	check(bed_get(bed, MB_RESULT0) == 0x1234, "the write had taken place: %#" PRIx64,
	      bed_get(bed, MB_RESULT0));
	bed_detach(bed);
}

static void killed_int3(struct bed *bed)
{
	if (!recovery_kill(bed, NULL, IN_HAND_INT3) || !recover(bed, RS_BREAKPOINT, NULL) ||
	    !bed_finish(bed, 0))
		return;
	check(bed_saw_one(bed, RS_BREAKPOINT, 0) && bed_get(bed, MB_BP) == 1,
	      "it comes again to the new engine (%u), and once to the guest (%" PRIu64 ")",
	      bed->seen, bed_get(bed, MB_BP));
	bed_detach(bed);
}

static void killed_int3_unwatched(struct bed *bed)
{
	if (!killed(bed, IN_HAND_INT3))
		return;
	check(bed->seen == 0 && bed_get(bed, MB_BP) == 1,
	      "where nobody watches it is the guest's (%" PRIu64 ")", bed_get(bed, MB_BP));
	bed_detach(bed);
}

/* The registers of one vCPU among a domain's whole state. */
static struct hvm_hw_cpu *find_cpu(uint8_t *state, size_t size, uint32_t vcpu)
{
	struct hvm_save_descriptor head;

	for (size_t at = 0; at + sizeof(head) <= size; at += sizeof(head) + head.length) {
		memcpy(&head, state + at, sizeof(head));
		if (head.typecode == HVM_SAVE_CODE(CPU) && head.instance == vcpu)
			return (void *)(state + at + sizeof(head));
	}
	return NULL;
}

/*
 * A CPUID has its results in the registers that were its inputs, with RIP still before it: run
 * again it would be another CPUID. All of the state goes back: one record alone would take the
 * other vCPUs down.
 */
static void finish_cpuid(struct bed *bed)
{
	xc_interface *control = guest_interface();
	int size = xc_domain_hvm_getcontext(control, bed->guest.domain, NULL, 0);
	uint8_t *state = size > 0 ? calloc(1, size) : NULL;
	struct hvm_hw_cpu *cpu = NULL;

	if (state)
		size = xc_domain_hvm_getcontext(control, bed->guest.domain, state, size);
	if (state && size > 0)
		cpu = find_cpu(state, size, record->vcpu_id);
	if (cpu) {
		cpu->rax = record->data.regs.x86.rax;
		cpu->rbx = record->data.regs.x86.rbx;
		cpu->rcx = record->data.regs.x86.rcx;
		cpu->rdx = record->data.regs.x86.rdx;
		cpu->rip = record->data.regs.x86.rip + record->u.cpuid.insn_length;
	}
	check(cpu && !xc_domain_hvm_setcontext(control, bed->guest.domain, state, size),
	      "the registers are written out of the record");
	free(state);
}

uint64_t recovery_cpuid(struct bed *bed)
{
	const struct killing *killing = &killings[IN_HAND_CPUID];

	guest_start(&bed->guest, 0, killing->command, killing->a, killing->b);
	for (unsigned int i = 0; i < 100 && !guest_is_done(&bed->guest, 0); i++)
		sleep_ms(1);
	return bed_get(bed, MB_RESULT0);
}

static void killed_cpuid(struct bed *bed)
{
	uint64_t signature = recovery_cpuid(bed);

	if (!recovery_kill(bed, NULL, IN_HAND_CPUID) ||
	    !recover(bed, RS_UNKNOWN, finish_cpuid) || !bed_finish(bed, 0))
		return;
	check(signature && bed_get(bed, MB_RESULT0) == signature,
	      "with the record its result is right: %#" PRIx64, bed_get(bed, MB_RESULT0));
	bed_detach(bed);
}

static void killed_page(struct bed *bed)
{
	if (!killed(bed, IN_HAND_PAGE))
		return;
	bed_run(bed, MB_READ, MB_DATA + 0x500, 0, NULL);
	check(bed->seen == 0 && bed_get(bed, MB_RESULT0) == 7,
	      "the page is open, and the write took place: %" PRIu64, bed_get(bed, MB_RESULT0));
	bed_watch_page(bed, MB_DATA, RS_ACCESS_R);
	bed_run(bed, MB_WRITE, MB_DATA + 0x500, 8, NULL);
	check(bed->seen == 1 && bed_event(bed, 0)->kind == RS_PAGE,
	      "a new engine has views again (%u events)", bed->seen);
	bed_detach(bed);
}

static void killed_descriptor(struct bed *bed)
{
	if (!killed(bed, IN_HAND_DESCRIPTOR))
		return;
	check(bed_get(bed, MB_RESULT0) == 0x7ff, "the guest has its limit: %#" PRIx64,
	      bed_get(bed, MB_RESULT0));
	bed_detach(bed);
}

static void killed_stepping(struct bed *bed)
{
	if (!recovery_kill(bed, NULL, IN_HAND_STEPPING) || !recover(bed, RS_SINGLESTEP, NULL) ||
	    !bed_finish(bed, 0))
		return;
	check(bed->seen == 0 && bed_get(bed, MB_RESULT0) == 0,
	      "the vCPU steps no more (%u events)", bed->seen);
	bed_detach(bed);
}

/* The one that waited is lost; the trap flag makes another, one instruction later. */
static void killed_trap_flag(struct bed *bed)
{
	if (!killed(bed, IN_HAND_TRAP_FLAG))
		return;
	check(bed_get(bed, MB_DB) == 1 && bed_get(bed, MB_FAULT_RIP) != bed_get(bed, MB_MARK) + 1,
	      "the guest's debug exception comes late, at %#" PRIx64 " (%" PRIu64 " in all)",
	      bed_get(bed, MB_FAULT_RIP), bed_get(bed, MB_DB));
	bed_detach(bed);
}

/* RIP is still at it, so it is executed again. */
static void killed_icebp(struct bed *bed)
{
	if (!killed(bed, IN_HAND_ICEBP))
		return;
	check(bed_get(bed, MB_DB) == 1 && bed_get(bed, MB_FAULT_RIP) == bed_get(bed, MB_MARK) + 1,
	      "the guest's debug exception comes (%" PRIu64 ")", bed_get(bed, MB_DB));
	bed_detach(bed);
}

/* A ring full of requests for which no vCPU waits: the engine dies with the first. */
static void killed_full(struct bed *bed)
{
	if (!recovery_kill(bed, NULL, IN_HAND_FULL))
		return;
	sleep_ms(50);
	check(!guest_is_done(&bed->guest, 0), "the ring is full, and the vCPU blocked");
	if (!recover(bed, RS_UNKNOWN, NULL) || !bed_finish(bed, 0))
		return;
	check(bed->seen == 0, "the rest of its requests go nowhere (%u)", bed->seen);
	bed_detach(bed);
}

/* The same by the library. */
#define RECOVERED(function)                              \
	static void recovered_##function(struct bed *bed) \
	{                                                \
		by_library = true;                       \
		killed_##function(bed);                  \
		by_library = false;                      \
	}

RECOVERED(request)
RECOVERED(cr3)
RECOVERED(held)
RECOVERED(msr)
RECOVERED(int3)
RECOVERED(int3_unwatched)
RECOVERED(cpuid)
RECOVERED(page)
RECOVERED(descriptor)
RECOVERED(stepping)
RECOVERED(trap_flag)
RECOVERED(icebp)
RECOVERED(full)

#define RECOVERED_TEST(test, function, text) \
	{ .name = "recovered-" test, .run = recovered_##function, .unattached = true, \
	  .own_guest = true, .about = "rs_recover, after kill -9 of the engine: " text }

#define KILLED(test, function, text) \
	{ .name = "killed-" test, .run = function, .unattached = true, .own_guest = true, \
	  .about = "kill -9 of the engine: " text }
#define BY_HAND(test, function, text) \
	{ .name = "killed-" test, .run = function, .unattached = true, .own_guest = true, \
	  .shown_twice = true, .about = "kill -9 of the engine: " text }

const struct test tests_of_recovery[] = {
	KILLED("destroyed", killed_destroyed, "the guest is destroyed"),
	BY_HAND("request", killed_request, "a guest request, and a second process takes over"),
	BY_HAND("cr3", killed_cr3, "a CR3 write"),
	BY_HAND("held", killed_held, "one that is held back"),
	BY_HAND("msr", killed_msr, "an MSR write"),
	BY_HAND("int3", killed_int3, "a breakpoint, watched again"),
	BY_HAND("int3-unwatched", killed_int3_unwatched, "a breakpoint, not watched again"),
	BY_HAND("cpuid", killed_cpuid, "a CPUID"),
	BY_HAND("page", killed_page, "a page fault in a view"),
	BY_HAND("descriptor", killed_descriptor, "a descriptor access"),
	BY_HAND("stepping", killed_stepping, "single-stepping"),
	BY_HAND("trap-flag", killed_trap_flag, "a debug exception, of the trap flag"),
	BY_HAND("icebp", killed_icebp, "a debug exception, of INT1"),
	BY_HAND("full", killed_full, "a full ring"),
	RECOVERED_TEST("request", request, "a guest request"),
	RECOVERED_TEST("cr3", cr3, "a CR3 write"),
	RECOVERED_TEST("held", held, "one that is held back"),
	RECOVERED_TEST("msr", msr, "an MSR write"),
	RECOVERED_TEST("int3", int3, "a breakpoint, watched again"),
	RECOVERED_TEST("int3-unwatched", int3_unwatched, "a breakpoint, not watched again"),
	RECOVERED_TEST("cpuid", cpuid, "a CPUID"),
	RECOVERED_TEST("page", page, "a page fault in a view"),
	RECOVERED_TEST("descriptor", descriptor, "a descriptor access"),
	RECOVERED_TEST("stepping", stepping, "single-stepping"),
	RECOVERED_TEST("trap-flag", trap_flag, "a debug exception, of the trap flag"),
	RECOVERED_TEST("icebp", icebp, "a debug exception, of INT1"),
	RECOVERED_TEST("full", full, "a full ring"),
	{ 0 },
};
