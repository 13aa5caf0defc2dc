/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* step.c: `ringside step`: what a vCPU executes, instruction by instruction. */
#include "tools/commands.h"

#include <Zydis/Zydis.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <ringside/ringside.h>

#include "tools/keeper.h"
#include "tools/number.h"
#include "tools/runner.h"

static const char usage[] =
	"usage: ringside step DOMAIN VCPU COUNT [--seconds S] [--no-sandbox]\n"
	"\n"
	"Lets a vCPU execute COUNT instructions one by one, and prints each before it is executed:\n"
	"its address, its bytes, and what they mean. Then the vCPU runs on by itself.\n"
	"\n"
	"  --seconds S   give up after S seconds (10) if the vCPU does not run\n"
	"  --no-sandbox  handle events with all that this process may do\n";

#define CODE_MAX 15
#define EFER_LMA 0x400
#define CS_LONG 0x200 /* of the attributes, as VMX has them */
#define CS_32BIT 0x400

static struct rs_engine *engine;
static uint64_t wanted, seen;
static bool sandbox = true;
static _Atomic int interrupted; /* a signal may come in any thread */

static void on_signal(int number)
{
	interrupted = number;
}

/* -- one instruction -- */

static bool is_64bit(const struct rs_event *event)
{
	return rs_event_efer(event) & EFER_LMA && rs_event_cs(event).attributes & CS_LONG;
}

static void choose_decoder(ZydisDecoder *decoder, const struct rs_event *event)
{
	if (is_64bit(event))
		ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	else if (rs_event_cs(event).attributes & CS_32BIT)
		ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
	else
		ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
}

/*
 * Does it make the processor leave the guest, which is no step (SDM volume 3, section 26.5.2)? Then
 * the next event comes after the instruction behind it.
 */
static bool leaves_guest(const ZydisDecodedInstruction *instruction,
			 const ZydisDecodedOperand *operands)
{
	switch (instruction->mnemonic) {
	case ZYDIS_MNEMONIC_CPUID:
	case ZYDIS_MNEMONIC_HLT:
	case ZYDIS_MNEMONIC_IN:
	case ZYDIS_MNEMONIC_INVLPG:
	case ZYDIS_MNEMONIC_LGDT:
	case ZYDIS_MNEMONIC_LIDT:
	case ZYDIS_MNEMONIC_LLDT:
	case ZYDIS_MNEMONIC_LMSW:
	case ZYDIS_MNEMONIC_LTR:
	case ZYDIS_MNEMONIC_OUT:
	case ZYDIS_MNEMONIC_RDMSR:
	case ZYDIS_MNEMONIC_RDTSC:
	case ZYDIS_MNEMONIC_RDTSCP:
	case ZYDIS_MNEMONIC_SGDT:
	case ZYDIS_MNEMONIC_SIDT:
	case ZYDIS_MNEMONIC_SLDT:
	case ZYDIS_MNEMONIC_STR:
	case ZYDIS_MNEMONIC_VMCALL:
	case ZYDIS_MNEMONIC_WBINVD:
	case ZYDIS_MNEMONIC_WRMSR:
	case ZYDIS_MNEMONIC_XSETBV:
		return true;
	case ZYDIS_MNEMONIC_MOV:
		for (unsigned int i = 0; i < 2; i++) {
			ZydisRegisterClass class = operands[i].type == ZYDIS_OPERAND_TYPE_REGISTER ?
				ZydisRegisterGetClass(operands[i].reg.value) : ZYDIS_REGCLASS_INVALID;

			if (class == ZYDIS_REGCLASS_CONTROL || class == ZYDIS_REGCLASS_DEBUG)
				return true;
		}
		return false;
	default:
		return false;
	}
}

static uint64_t behind; /* an instruction that leaves the guest, if the last one was that; or 0 */

/* Also of a piece of an instruction, whose rest lies in a page that is not there. */
static void print_code(const struct rs_event *event, uint64_t rip, const uint8_t *code, size_t size)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction instruction;
	ZydisFormatter formatter;
	ZydisDecoder decoder;
	char text[128] = "(bad)", bytes[2 * CODE_MAX + 1] = "";

	choose_decoder(&decoder, event);
	ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
	behind = 0;
	if (ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, size, &instruction, operands))) {
		size = instruction.length;
		ZydisFormatterFormatInstruction(&formatter, &instruction, operands,
						instruction.operand_count_visible, text,
						sizeof(text), rip, NULL);
		if (leaves_guest(&instruction, operands))
			behind = rip + size;
	}
	for (size_t i = 0; i < size; i++)
		snprintf(bytes + 2 * i, 3, "%02x", code[i]);
	printf("%016" PRIx64 "  %-22s  %s\n", rip, bytes, text);
}

static void print_instruction(const struct rs_event *event, struct rs_guest *guest, uint64_t rip)
{
	struct rs_paging paging = rs_event_paging(event);
	uint64_t linear = is_64bit(event) ? rip : rs_event_cs(event).base + rip;
	uint8_t code[CODE_MAX];
	size_t size = 0;

	seen++;
	if (!rs_guest_read_virtual(guest, &paging, linear, code, sizeof(code), &size))
		size = sizeof(code);
	if (size)
		print_code(event, rip, code, size);
	else
		printf("%016" PRIx64 "  no page is there\n", rip);
}

/* With the runner's lock. */
static bool print_step(const struct rs_event *event, struct rs_guest *guest)
{
	if (interrupted || ferror(stdout))
		return false;
	/* Several that leave the guest may stand in a row. */
	while (seen < wanted && behind && behind != rs_event_rip(event))
		print_instruction(event, guest, behind);
	if (seen < wanted)
		print_instruction(event, guest, rs_event_rip(event));
	return seen < wanted;
}

static struct rs_reply on_step(const struct rs_event *event, void *guest)
{
	bool more;

	runner_lock();
	more = print_step(event, guest);
	if (!more)
		runner_stir();
	runner_unlock();
	return more ? RS_STEP : RS_CONTINUE;
}

/* -- all of them -- */

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static bool is_done(void)
{
	bool done;

	runner_lock();
	done = seen >= wanted || interrupted || ferror(stdout);
	runner_unlock();
	return done;
}

static void complain(int error, uint32_t vcpu, double seconds)
{
	if (error == -ETIMEDOUT)
		fprintf(stderr, "ringside step: vCPU %" PRIu32 " has executed %" PRIu64 " of %" PRIu64
				" instructions in %g seconds: it may be halted, paused or not started\n",
			vcpu, seen, wanted, seconds);
	else if (error)
		fprintf(stderr, "ringside step: %s\n", rs_strerror(error));
}

/* 0 when all that was wanted has been seen, a signal came, or the reader of our output left. */
static int take_steps(uint32_t vcpu, double seconds)
{
	double end = now() + seconds;
	int error = rs_engine_single_step(engine, vcpu);

	if (!error)
		error = runner_begin(engine);
	if (error) {
		complain(error, vcpu, seconds);
		return error;
	}
	while (!error && !is_done() && now() < end) {
		int events = runner_wait(100);

		error = events < 0 ? events : 0;
	}
	runner_end();
	if (error)
		fprintf(stderr, "ringside step: %s\n", runner_error());
	else if (!is_done())
		complain(error = -ETIMEDOUT, vcpu, seconds);
	return error;
}

static int step(const char *domain, uint32_t vcpu, double seconds)
{
	struct rs_watch_options options = { .kind = RS_SINGLESTEP, .handler = on_step };
	struct rs_engine_options engine_options = { .workers = 1 };
	int error, late;

	with_keeper(&engine_options);
	if (sandbox)
		engine_options.sandbox = RS_SANDBOX_WANTED;
	error = rs_engine_attach(&engine, domain, &engine_options);
	complain(error, vcpu, seconds);
	if (error)
		return error;
	options.user = rs_engine_guest(engine);
	error = options.user ? rs_watch(engine, &options, NULL) : -EIO;
	if (error)
		complain(error, vcpu, seconds);
	else
		error = take_steps(vcpu, seconds);
	late = rs_engine_detach(engine);
	complain(late, vcpu, seconds);
	return error ? error : late;
}

int step_main(int argc, char **argv)
{
	static const struct option known[] = { { "seconds", required_argument, NULL, 's' },
					       { "no-sandbox", no_argument, NULL, 'x' },
					       { "help", no_argument, NULL, 'h' },
					       { NULL, 0, NULL, 0 } };
	struct sigaction action = { .sa_handler = on_signal };
	uint64_t vcpu, seconds = 10;
	int option;

	while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return EXIT_DONE;
		}
		if (option == 'x') {
			sandbox = false;
			continue;
		}
		if (option != 's')
			return EXIT_USAGE;
		if (!parse_number(optarg, &seconds) || !seconds) {
			fprintf(stderr, "ringside step: --seconds %s: not a number of seconds\n", optarg);
			return EXIT_USAGE;
		}
	}
	if (argc - optind != 3 || !parse_number(argv[optind + 1], &vcpu) || vcpu > UINT32_MAX ||
	    !parse_number(argv[optind + 2], &wanted) || !wanted) {
		fprintf(stderr, "ringside step: a domain, a vCPU's number, and how many instructions "
				"(ringside step --help)\n");
		return EXIT_USAGE;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	return finish_output("step", step(argv[optind], (uint32_t)vcpu, (double)seconds));
}
