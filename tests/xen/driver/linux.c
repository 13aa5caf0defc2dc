/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * linux.c: a stock Linux kernel is watched: its registers from its first instruction on, and a
 * function of it by a breakpoint that it cannot see. What it does meanwhile, its shell tells.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/xen/driver/linux_guest.h"
#include "tests/xen/driver/release.h"
#include "tests/xen/driver/tests.h"

#define BOOT_LIMIT_S 120
#define COMMAND_LIMIT_S 30
#define LSTAR 0xc0000082
/* Of its boot: while it patches itself it switches address spaces ten thousand times. */
#define CR3_MAX 100
#define PAGE_BYTES 4096
/* Watched or not: it returns from its first page fault with a wrong stack pointer, and halts. */
#define TWO_PROCESSORS "Linux does not boot in an emulator of two processors"
/* The kernel's text is mapped at its physical address plus this. */
#define KERNEL_MAP UINT64_C(0xffffffff80000000)
#define INT3 0xcc

/* How many system calls this is, by strace; and what it says. */
#define UMASK_COMMAND "umask 027; umask"
#define UMASK_CALLS 5
#define UMASK_SAYS "0027\r\n"

struct watched {
	struct linux_guest linux_guest;
	struct rs_engine *engine;
	struct rs_watch *watch; /* the last one; of CR3 until it has been removed */
	unsigned int cr3_count, cr3_breaks, msr_count, hit_count, read_count, stray_count;
	uint64_t cr3, lstar;
	/* The hidden breakpoint: */
	uint64_t address;
	bool steps; /* past it, instead of emulating what it hides */
	xen_pfn_t original_gfn, shadow_gfn;
	uint8_t *original, *shadow;
};

/* Each write starts from what the last one has left. */
static struct rs_reply on_cr3(struct watched *watched, const struct rs_event *event)
{
	if (watched->cr3_count++ && event->cr.old_value != watched->cr3)
		watched->cr3_breaks++;
	watched->cr3 = event->cr.new_value;
	if (watched->cr3_count == CR3_MAX) {
		rs_unwatch(watched->watch);
		watched->watch = NULL;
	}
	return RS_CONTINUE;
}

static struct rs_reply on_breakpoint(struct watched *watched, const struct rs_event *event)
{
	if (rs_event_rip(event) != watched->address) {
		watched->stray_count++;
		return RS_CONTINUE;
	}
	watched->hit_count++;
	if (watched->steps)
		return RS_FAST_STEP;
	memcpy(rs_answer_instruction(event), watched->original + watched->address % PAGE_BYTES,
	       RS_INSTRUCTION_SIZE);
	return rs_reply_emulate(RS_REPLY_INSTRUCTION);
}

static struct rs_reply handle(const struct rs_event *event, void *user)
{
	struct watched *watched = user;

	switch (event->kind) {
	case RS_CR:
		return on_cr3(watched, event);
	case RS_MSR:
		watched->msr_count++;
		watched->lstar = event->msr.new_value;
		return RS_CONTINUE;
	case RS_BREAKPOINT:
		return on_breakpoint(watched, event);
	case RS_PAGE: /* by Xen's emulator, which reads the original */
		watched->read_count += event->page.gfn == watched->original_gfn;
		return RS_EMULATE;
	default:
		watched->stray_count++;
		return RS_CONTINUE;
	}
}

static bool attach(struct watched *watched)
{
	int error = rs_engine_attach(&watched->engine, watched->linux_guest.guest.name, NULL);

	return check(!error, "attach%s%s", error ? ": " : "", error ? rs_strerror(error) : "");
}

static bool watch(struct watched *watched, struct rs_watch_options options)
{
	int error;

	options.handler = handle;
	options.user = watched;
	error = rs_watch(watched->engine, &options, &watched->watch);
	return !error || check(false, "watch %s: %s", rs_kind_name(options.kind),
			       rs_strerror(error));
}

static void detach(struct watched *watched)
{
	struct rs_statistics statistics;
	int error;

	rs_engine_statistics(watched->engine, &statistics);
	check(statistics.requests == statistics.answers && !statistics.faults &&
		      !statistics.lost && !statistics.refused && !watched->stray_count,
	      "%" PRIu64 " requests, %" PRIu64 " answers, %" PRIu64 " refused, %u not ours",
	      statistics.requests, statistics.answers, statistics.refused,
	      watched->stray_count);
	error = rs_engine_detach(watched->engine);
	watched->engine = NULL;
	check(!error, "detach%s%s", error ? ": " : "", error ? rs_strerror(error) : "");
}

/* Where its vCPU is, for a person. */
static void show_vcpu(const struct watched *watched)
{
	vcpu_guest_context_any_t context;
	const struct cpu_user_regs_x86_64 *registers = &context.x64.user_regs;

	if (xc_vcpu_getcontext(guest_interface(), watched->linux_guest.guest.domain, 0, &context))
		return;
	check_note("its vCPU is at %#" PRIx64 ", RSP %#" PRIx64 ", RFLAGS %#" PRIx64 ", CR3 %#" PRIx64,
		   registers->rip, registers->rsp, registers->rflags,
		   (uint64_t)context.x64.ctrlreg[3]);
}

/* What the shell says, without and with an engine; NULL after a failed check. */
static const char *wait_for_answer(struct watched *watched, unsigned int seconds,
				   const char *what)
{
	uint64_t limit = now_ns() + seconds * UINT64_C(1000000000);
	const char *answer;
	int error = 0;

	while (!(answer = linux_answer(&watched->linux_guest))) {
		if (watched->engine)
			error = rs_engine_step(watched->engine, 10);
		else
			sleep_ms(10);
		if (error >= 0 && now_ns() < limit)
			continue;
		check(false, "%s is answered (%s; the guest said last: %s)", what,
		      error < 0 ? rs_strerror(error) : "too late",
		      watched->linux_guest.said);
		show_vcpu(watched);
		return NULL;
	}
	return answer;
}

static const char *ask(struct watched *watched, const char *line)
{
	linux_ask(&watched->linux_guest, line);
	return wait_for_answer(watched, COMMAND_LIMIT_S, line);
}

/* The answer's first line, for a check to show. */
static const char *first_line(const char *answer)
{
	static char line[100];

	snprintf(line, sizeof(line), "%.*s", (int)strcspn(answer, "\r\n"), answer);
	return line;
}

/* From its first instruction to its shell. */
static bool watch_boot(struct watched *watched)
{
	uint64_t start = now_ns();

	if (!attach(watched) ||
	    !watch(watched, (struct rs_watch_options){ .kind = RS_MSR,
						       .msr = { .index = LSTAR } }) ||
	    !watch(watched, (struct rs_watch_options){ .kind = RS_CR,
						       .cr = { .which = RS_CR3 } }))
		return false;
	linux_unpause(&watched->linux_guest);
	if (!wait_for_answer(watched, BOOT_LIMIT_S, "the boot"))
		return false;
	check_note("the kernel needed %" PRIu64 " ms from its entry to a shell",
		   (now_ns() - start) / 1000000);
	check(watched->msr_count == 1 && watched->lstar > KERNEL_MAP,
	      "it wrote LSTAR once (%u): %#" PRIx64, watched->msr_count, watched->lstar);
	return check(watched->cr3_count == CR3_MAX && !watched->cr3_breaks,
		     "and CR3 at least %u times, each from what the last write had left (%u not)",
		     watched->cr3_count, watched->cr3_breaks);
}

/* A process comes and goes: the kernel changes address spaces. */
static void watch_switches(struct watched *watched)
{
	const char *answer;
	unsigned int count;

	watched->cr3_count = 0;
	if (!watch(watched, (struct rs_watch_options){ .kind = RS_CR, .cr = { .which = RS_CR3 } }))
		return;
	answer = ask(watched, "busybox uname -r");
	count = watched->cr3_count;
	check(answer && strstr(answer, "-amd64") && count > 1 && !watched->cr3_breaks,
	      "it runs a program: %u writes of CR3 (%s)", count, first_line(answer ? answer : ""));
	rs_unwatch(watched->watch);
	check(ask(watched, "busybox uname -r") && watched->cr3_count == count,
	      "unwatched, it goes on unseen");
}

static bool find_function(struct watched *watched, const char *name)
{
	char line[80];
	const char *answer;

	snprintf(line, sizeof(line), "symbol %s", name);
	answer = ask(watched, line);
	watched->address = answer ? strtoull(answer, NULL, 16) : 0;
	watched->original_gfn = (watched->address - KERNEL_MAP) / PAGE_BYTES;
	return check(watched->address > KERNEL_MAP, "%s is at %#" PRIx64, name,
		     watched->address);
}

/* A page above all others, to be executed in the view in place of the function's. */
static bool make_shadow(struct watched *watched)
{
	uint32_t domain = watched->linux_guest.guest.domain;
	xen_pfn_t last;

	if (xc_domain_maximum_gpfn(guest_interface(), domain, &last))
		return check(false, "the last frame: %s", strerror(errno));
	watched->shadow_gfn = last + 1;
	if (xc_domain_populate_physmap_exact(guest_interface(), domain, 1, 0, 0,
					     &watched->shadow_gfn))
		return check(false, "a page for the shadow: %s", strerror(errno));
	watched->original = guest_map(domain, watched->original_gfn * PAGE_BYTES, 1);
	watched->shadow = guest_map(domain, watched->shadow_gfn * PAGE_BYTES, 1);
	memcpy(watched->shadow, watched->original, PAGE_BYTES);
	return true;
}

/*
 * The page can be executed and not read: whoever reads it is given the original by Xen's
 * emulator, which knows no views. The shadow's own access goes with it into the view's entry,
 * and the breakpoint is written last.
 */
static bool hide_breakpoint(struct watched *watched)
{
	uint32_t domain = watched->linux_guest.guest.domain;
	uint16_t view;
	int error;

	if (!make_shadow(watched) ||
	    !watch(watched, (struct rs_watch_options){ .kind = RS_BREAKPOINT }) ||
	    !watch(watched, (struct rs_watch_options){
				    .kind = RS_PAGE,
				    .page = { .first_gfn = watched->original_gfn,
					      .access = RS_ACCESS_X } }))
		return false;
	view = rs_engine_view(watched->engine);
	error = xc_altp2m_set_mem_access(guest_interface(), domain, view, watched->shadow_gfn,
					 XENMEM_access_x);
	if (!error)
		error = xc_altp2m_change_gfn(guest_interface(), domain, view,
					     watched->original_gfn, watched->shadow_gfn);
	watched->shadow[watched->address % PAGE_BYTES] = INT3;
	return check(!error, "a breakpoint is hidden in view %u%s%s", view, error ? ": " : "",
		     error ? strerror(errno) : "");
}

/* The view shows the original again, then the page may be opened. */
static void remove_breakpoint(struct watched *watched)
{
	uint32_t domain = watched->linux_guest.guest.domain;
	int error;

	watched->shadow[watched->address % PAGE_BYTES] =
		watched->original[watched->address % PAGE_BYTES];
	error = xc_altp2m_change_gfn(guest_interface(), domain, rs_engine_view(watched->engine),
				     watched->original_gfn, (xen_pfn_t)-1);
	check(!error, "the view shows the original again%s%s", error ? ": " : "",
	      error ? strerror(errno) : "");
	rs_unwatch(watched->watch);
}

/* When the views are gone. */
static void drop_shadow(struct watched *watched)
{
	guest_unmap(watched->original, 1);
	guest_unmap(watched->shadow, 1);
	check(!xc_domain_decrease_reservation_exact(guest_interface(),
						    watched->linux_guest.guest.domain, 1, 0,
						    &watched->shadow_gfn),
	      "the shadow's page is given back");
}

static void hit(struct watched *watched, bool steps, unsigned int expected, const char *what)
{
	const char *answer;

	watched->steps = steps;
	watched->hit_count = 0;
	answer = ask(watched, UMASK_COMMAND);
	if (answer)
		check(!strcmp(answer, UMASK_SAYS) && watched->hit_count == expected,
		      "%s: %u hits of %u, and the shell says %s", what, watched->hit_count,
		      expected, first_line(answer));
}

static void sum_page(struct watched *watched, char *sum, size_t size)
{
	char line[60];
	const char *answer;

	snprintf(line, sizeof(line), "page_sum %#" PRIx64, watched->address);
	answer = ask(watched, line);
	snprintf(sum, size, "%.60s", answer ? first_line(answer) : "");
}

static void watch_function(struct watched *watched)
{
	char before[64], during[64];

	if (!find_function(watched, "__x64_sys_umask"))
		return;
	sum_page(watched, before, sizeof(before));
	check(strlen(before) == 32, "its page, read by the guest: %s", before);
	if (!hide_breakpoint(watched))
		return;
	hit(watched, false, UMASK_CALLS, "what it hides is emulated");
	sum_page(watched, during, sizeof(during));
	check(watched->read_count && !strcmp(before, during),
	      "the guest reads its page, %u events, and sees no breakpoint: %s",
	      watched->read_count, during);
	hit(watched, true, UMASK_CALLS, "stepped past in view 0");
	check(ask(watched, "busybox sleep 1") != NULL, "its clock goes on");
	remove_breakpoint(watched);
	hit(watched, false, 0, "removed");
}

/* -- the examples, as programs -- */

#define SAID "/tmp/said"
#define UMASK_NUMBER 95 /* of the system call */

/* Watches the guest while its shell does what LINES say. */
static void run_beside(struct watched *watched, const char *program, const char *const lines[])
{
	pid_t process = fork();
	int status = -1;

	if (!process) {
		if (freopen(SAID, "w", stdout))
			execlp(program, program, watched->linux_guest.guest.name, (char *)NULL);
		_exit(127);
	}
	for (unsigned int i = 0; process > 0 && lines[i]; i++)
		check(ask(watched, lines[i]) != NULL, "%s watches, and the shell does: %s", program,
		      lines[i]);
	if (process < 0 || kill(process, SIGINT) || waitpid(process, &status, 0) < 0)
		status = -1;
	check(!status, "%s ends with status %d", program, status);
}

/* How many of its lines have that word. */
static unsigned int said(const char *word)
{
	FILE *file = fopen(SAID, "r");
	unsigned int count = 0;
	char line[200];

	while (file && fgets(line, sizeof(line), file))
		count += strstr(line, word) != NULL;
	if (file)
		fclose(file);
	return count;
}

/* The second is there for the program to attach. */
static void watch_by_examples(struct watched *watched)
{
	static const char *const calls[] = { "busybox sleep 1", UMASK_COMMAND, NULL };
	static const char *const switches[] = { "busybox sleep 1", "busybox uname -r", NULL };
	char word[40];

	if (system("command -v syscalls process-switches >/dev/null")) {
		check_skip("they are not in PATH", "examples/syscalls and process-switches");
		return;
	}
	snprintf(word, sizeof(word), ": system call %u (", UMASK_NUMBER);
	run_beside(watched, "syscalls", calls);
	check(said(word) == UMASK_CALLS && said(": system call ") > UMASK_CALLS,
	      "it has seen %u system calls, %u of them umask", said(": system call "), said(word));
	run_beside(watched, "process-switches", switches);
	check(said("cr3 ") > 1, "it has seen %u address spaces", said("cr3 "));
	remove(SAID);
}

static void linux_watched(struct bed *bed)
{
	static struct watched watched;
	const char *answer;

	if (!linux_is_there())
		check_bail("there is no " LINUX_KERNEL " here: lab boot --linux");
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1) {
		check_skip(TWO_PROCESSORS, "a stock Linux kernel");
		return;
	}
	guest_rest(&bed->guest, true);
	linux_create(&watched.linux_guest);
	if (watch_boot(&watched)) {
		watch_switches(&watched);
		watch_function(&watched);
	}
	if (watched.engine)
		detach(&watched);
	if (watched.shadow)
		drop_shadow(&watched);
	watch_by_examples(&watched);
	answer = ask(&watched, "echo alive");
	check(answer && !strcmp(answer, "alive\r\n"), "the guest runs on");
	linux_destroy(&watched.linux_guest);
	guest_rest(&bed->guest, false);
}

const struct test tests_of_linux[] = {
	{ .name = "linux", .run = linux_watched, .unattached = true, .only_if = linux_is_there,
	  .about = "a stock Linux kernel: CR3, LSTAR, a hidden breakpoint in a function" },
	{ 0 },
};
