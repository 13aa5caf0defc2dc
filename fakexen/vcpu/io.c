/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* io.c: port I/O. There is no device: reads give ones, writes go nowhere, but for what
 * Xen itself owns, the debug console at port 0xe9, whose lines go to the log. */
#include "fakexen/vcpu/private.h"

enum { PORT_CONSOLE = 0xe9, RFLAGS_DF = 0x400 };
#define BATCH 256u              /* iterations of a string instruction between two looks */

static void console_put(struct fx_runner *runner, char c)
{
	bool printable = (c >= ' ' && c <= '~') || c == '\t';

	if (printable)
		runner->line[runner->line_length++] = c;
	if (c == '\n' || runner->line_length == sizeof(runner->line) - 1) {
		fx_log(runner, "says: %.*s", (int)runner->line_length, runner->line);
		runner->line_length = 0;
	}
}

static void output(struct fx_runner *runner, uint16_t port, uint8_t bytes, uint32_t value)
{
	if (port == PORT_CONSOLE && bytes == 1)
		console_put(runner, value);
}

static void one_string(struct fx_runner *runner, const struct fx_cpu_exit *exit, bool *fault)
{
	struct fx_cpu_state *state = runner->state;
	int64_t step = state->rflags & RFLAGS_DF ? -exit->io.bytes : exit->io.bytes;
	uint32_t value = UINT32_MAX;

	if (exit->io.in) {
		*fault = fx_cpu_write_linear(runner->cpu, state->gpr[FX_RDI], &value,
			exit->io.bytes);
	} else {
		*fault = fx_cpu_read_linear(runner->cpu, state->gpr[FX_RSI], &value,
			exit->io.bytes);
		if (!*fault)
			output(runner, exit->io.port, exit->io.bytes, value);
	}
	if (!*fault)
		state->gpr[exit->io.in ? FX_RDI : FX_RSI] += step;
}

/* A long one is done in batches, like an emulator's, so that interrupts come in between. */
static void string(struct fx_runner *runner, const struct fx_cpu_exit *exit)
{
	uint64_t *count = &runner->state->gpr[FX_RCX];
	bool fault = false;

	if (!exit->io.rep) {
		one_string(runner, exit, &fault);
	} else {
		for (unsigned int i = 0; *count && !fault && i < BATCH; i++) {
			one_string(runner, exit, &fault);
			*count -= !fault;
		}
		if (*count && !fault)
			return;
	}
	if (fault)
		fx_inject_exception(runner, 13, true, 0);
	else
		fx_cpu_skip(runner->cpu, exit->insn_length);
}

int fx_exit_io(struct fx_runner *runner, const struct fx_cpu_exit *exit)
{
	uint64_t *rax = &runner->state->gpr[FX_RAX];

	if (exit->io.string) {
		string(runner, exit);
		return 0;
	}
	if (!exit->io.in)
		output(runner, exit->io.port, exit->io.bytes, *rax);
	else if (exit->io.bytes == 4)
		*rax = UINT32_MAX;
	else
		*rax |= (1ull << exit->io.bytes * 8) - 1;
	fx_cpu_skip(runner->cpu, exit->insn_length);
	return 0;
}
