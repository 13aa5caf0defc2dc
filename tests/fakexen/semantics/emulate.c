/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* emulate.c: the answer EMULATE and its kin. */
#include <errno.h>
#include <string.h>

#include "tests/fakexen/semantics/script.h"

#define ORIGINAL 0x0123456789abcdefull
#define FAKE 0xfacefeedfacefeedull
#define SHADOW 0xff000u

SNIPPET(load, "mov (%rdi), %rax; mov %rax, (%rsi)");
SNIPPET(store, "movq $0x77, (%rdi); movq $1, (%rsi)");
SNIPPET(increment, "lock incq (%rdi)");
SNIPPET(add_load, "mov $1, %eax; add (%rdi), %rax; mov %rax, (%rsi)");
SNIPPET(rep_movs, "mov %rdi, %rsi; lea 0x100(%rdi), %rdi; mov $16, %ecx; rep movsb");
SNIPPET(rep_stos, "mov $0x55, %al; mov $16, %ecx; rep stosb");
SNIPPET(rep_lods, "mov %rsi, %rdx; mov %rdi, %rsi; mov $4, %ecx; rep lodsq; mov %rax, (%rdx)");
SNIPPET(unhandleable, "mov $1, %eax; xor %edx, %edx; xsaveopt (%rdi)");
SNIPPET(unimplemented, "mov $1, %eax; xor %edx, %edx; xsave (%rdi)");
SNIPPET(divide, "mov $1, %eax; xor %edx, %edx; divq (%rdi)");
SNIPPET(breakpoint, "movq $7, (%rsi); int3; movq $8, (%rsi)");
SNIPPET(load_other, "mov 0x143000, %rax");
SNIPPET(call_page, "call *%rdi; mov %rax, (%rsi)");
SNIPPET(call_and_restore, "mov %cr3, %rax; call *%rdi; mov %rax, %cr3");

static void close_page(xenmem_access_t access)
{
	xc_set_mem_access(xch, DOMAIN, access, SCRIPT_GFN, 1);
}

static void open_page(void)
{
	xc_set_mem_access(xch, DOMAIN, XENMEM_access_rwx, SCRIPT_GFN, 1);
}

static void fill(void)
{
	for (unsigned int i = 0; i < PAGE / 8; i++)
		*script_word(SCRIPT_PAGE + 8 * i) = ORIGINAL;
}

static void put(const void *code, size_t size)
{
	memcpy((void *)script_word(SCRIPT_PAGE), code, size);
}

static void ordinary(void)
{
	const struct script *s;

	close_page(XENMEM_access_n);
	s = script_run(load, emulate);
	tap_ok(s->done && s->count == 1 && script_result(0) == ORIGINAL, "a load: one event");
	s = script_run(store, emulate);
	tap_ok(s->done && s->count == 1 && *script_word(SCRIPT_PAGE) == 0x77, "a store");
	s = script_run(increment, emulate);
	tap_ok(s->done && s->count == 1 && *script_word(SCRIPT_PAGE) == 0x78, "a locked increment");
	s = script_run(rep_movs, emulate);
	tap_ok(s->done && s->count == 1 && *script_word(SCRIPT_PAGE + 0x100) == 0x78,
		"rep movs: one event for all of it");
	s = script_run(rep_stos, emulate);
	tap_ok(s->done && s->count == 1 && *script_word(SCRIPT_PAGE) == 0x5555555555555555,
		"rep stos, too");
	s = script_run(rep_lods, emulate);
	tap_ok(s->done && s->count == 4, "rep lods: one event an iteration");
	open_page();
	fill();
}

/* The answer comes when the page is open again. */
static void open_and_emulate(const vm_event_request_t *request, vm_event_response_t *response)
{
	open_page();
	emulate(request, response);
	response->flags |= VM_EVENT_FLAG_EMULATE_NOWRITE;
}

static void forget_payload(const vm_event_request_t *request, vm_event_response_t *response)
{
	(void)request;
	response->flags |= VM_EVENT_FLAG_EMULATE;
}

static void only_if_it_still_violates(void)
{
	const struct script *s;

	close_page(XENMEM_access_r);
	s = script_run(store, open_and_emulate);
	tap_ok(s->done && s->count == 1 && *script_word(SCRIPT_PAGE) == 0x77,
		"when the page is open again the processor does it, EMULATE is ignored");
	close_page(XENMEM_access_n);
	s = script_run(load, forget_payload);
	tap_ok(!s->done && s->count == EVENTS_MAX,
		"without the request's u nothing violates: the fault repeats");
	open_page();
	script_run(load, plain);
	fill();
}

static void emulate_nowrite(const vm_event_request_t *request, vm_event_response_t *response)
{
	emulate(request, response);
	response->flags |= VM_EVENT_FLAG_EMULATE_NOWRITE;
}

static void nowrite_alone(const vm_event_request_t *request, vm_event_response_t *response)
{
	response->u = request->u;
	response->flags |= VM_EVENT_FLAG_EMULATE_NOWRITE;
}

static void without_the_write(void)
{
	const struct script *s;

	close_page(XENMEM_access_r);
	s = script_run(store, emulate_nowrite);
	tap_ok(s->done && s->count == 1 && *script_word(SCRIPT_PAGE) == ORIGINAL,
		"EMULATE with EMULATE_NOWRITE drops the write");
	s = script_run(store, nowrite_alone);
	tap_ok(!s->done && s->count == EVENTS_MAX, "EMULATE_NOWRITE alone repeats the fault");
	open_page();
	script_run(load, plain);
	fill();
}

static void read_data(const vm_event_request_t *request, vm_event_response_t *response)
{
	const uint64_t fake = FAKE;

	emulate(request, response);
	response->flags |= VM_EVENT_FLAG_SET_EMUL_READ_DATA;
	response->data.emul.read.size = sizeof(fake);
	memcpy(response->data.emul.read.data, &fake, sizeof(fake));
}

static void read_data_nowrite(const vm_event_request_t *request, vm_event_response_t *response)
{
	read_data(request, response);
	response->flags |= VM_EVENT_FLAG_EMULATE_NOWRITE;
}

static void given_data(void)
{
	const struct script *s;

	close_page(XENMEM_access_n);
	s = script_run(load, read_data);
	tap_ok(s->done && s->count == 1 && script_result(0) == FAKE,
		"SET_EMUL_READ_DATA: the guest reads the answer's data");
	s = script_run(add_load, read_data);
	tap_ok(s->done && script_result(0) == FAKE + 1, "as an operand, too");
	s = script_run(increment, read_data);
	tap_ok(s->done && *script_word(SCRIPT_PAGE) == ORIGINAL + 1,
		"read-modify-write on memory uses the real bytes");
	s = script_run(store, read_data_nowrite);
	tap_ok(s->done && *script_word(SCRIPT_PAGE) == 0x77,
		"SET_EMUL_READ_DATA goes before EMULATE_NOWRITE: the write is done");
	open_page();
	fill();
}

static void nops(const vm_event_request_t *request, vm_event_response_t *response)
{
	(void)request;
	response->flags |= VM_EVENT_FLAG_EMULATE | VM_EVENT_FLAG_SET_EMUL_INSN_DATA;
	memset(response->data.emul.insn.data, 0x90, 16);
}

/* addq $2, (%rdi): a read-modify-write of the watched page. */
static void other_instruction(const vm_event_request_t *request, vm_event_response_t *response)
{
	nops(request, response);
	memcpy(response->data.emul.insn.data, "\x48\x83\x07\x02", 4);
}

static unsigned int plain_emulates;

static void emulate_then_skip(const vm_event_request_t *request, vm_event_response_t *response)
{
	if (!plain_emulates++)
		response->flags |= VM_EVENT_FLAG_EMULATE;
	else
		skip(request, response, 1);
}

static void given_instruction(void)
{
	const struct script *s;

	xc_monitor_software_breakpoint(xch, DOMAIN, true);
	s = script_run(breakpoint, nops);
	tap_ok(s->done && s->count == 1 && s->bp == 0 && script_result(0) == 8,
		"SET_EMUL_INSN_DATA: a breakpoint passes as a nop");
	close_page(XENMEM_access_n);
	s = script_run(breakpoint, other_instruction);
	tap_ok(s->count == 1 && *script_word(SCRIPT_PAGE) == ORIGINAL + 2,
		"what it accesses meanwhile is not reported");
	open_page();
	plain_emulates = 0;
	s = script_run(breakpoint, emulate_then_skip);
	tap_ok(s->done && s->count == 2 && s->bp == 0,
		"EMULATE of a breakpoint without the bytes does nothing: it comes again");
	xc_monitor_software_breakpoint(xch, DOMAIN, false);
	fill();
}

static void one_event_an_instruction(void)
{
	const struct script *s;

	close_page(XENMEM_access_rw);
	put("\x48\x8b\x04\x25\x00\x30\x14\x00\xc3", 9); /* mov OTHER, %rax; ret */
	xc_set_mem_access(xch, DOMAIN, XENMEM_access_n, OTHER_GFN, 1);
	*script_word(SCRIPT_OTHER) = 5;
	s = script_run(load_other, emulate);
	tap_ok(s->done && s->count == 1, "another closed page reports");
	s = script_run(call_page, emulate);
	tap_ok(s->done && s->count == 2 && script_result(0) == 5 &&
		s->event[1].u.mem_access.offset == 8,
		"but not while EMULATE on an execute fault runs the instruction");
	xc_set_mem_access(xch, DOMAIN, XENMEM_access_rwx, OTHER_GFN, 1);
	open_page();
	fill();
}

static void open_when_unimplemented(const vm_event_request_t *request,
	vm_event_response_t *response)
{
	if (request->reason == VM_EVENT_REASON_EMUL_UNIMPLEMENTED)
		open_page();
	else
		emulate(request, response);
}

static void what_it_cannot_do(void)
{
	const struct script *s;
	uint64_t others;

	xc_monitor_emul_unimplemented(xch, DOMAIN, true);
	close_page(XENMEM_access_r);
	s = script_run(unimplemented, open_when_unimplemented);
	tap_ok(s->done && s->count == 2 && reported(s, 1, VM_EVENT_REASON_EMUL_UNIMPLEMENTED) &&
		s->event[1].u.mem_access.gfn == 0 && s->ud == 0,
		"X86EMUL_UNIMPLEMENTED reports, and the guest gets nothing");
	close_page(XENMEM_access_n);
	s = script_run(unhandleable, emulate);
	tap_ok(s->count == 1 && s->ud == 1, "X86EMUL_UNHANDLEABLE is #UD, without any event");
	xc_monitor_emul_unimplemented(xch, DOMAIN, false);
	close_page(XENMEM_access_r);
	s = script_run(unimplemented, emulate);
	tap_ok(s->count == 1 && s->ud == 1, "not watched, UNIMPLEMENTED is #UD, too");
	open_page();
	*script_word(SCRIPT_PAGE) = 0;
	close_page(XENMEM_access_n);
	others = *guest_slot(0, SLOT_OTHER);
	s = script_run(divide, emulate);
	tap_ok(s->count == 1 && *guest_slot(0, SLOT_OTHER) == others + 1,
		"an exception of the instruction itself is the guest's");
	open_page();
	fill();
}

static void exits_of_the_emulator(void)
{
	const struct script *s;

	/* mov $0, %cx; mov $ROOT_B, %ecx; mov %rcx, %cr3; ret */
	put("\x66\xb9\x00\x00\xb9\x00\x10\x11\x00\x0f\x22\xd9\xc3", 13);
	close_page(XENMEM_access_rw);
	xc_monitor_write_ctrlreg(xch, DOMAIN, VM_EVENT_X86_CR3, true, true, 0, false);
	s = script_run(call_and_restore, emulate);
	tap_ok(s->done && s->count == 6 && reported(s, 3, VM_EVENT_REASON_WRITE_CTRLREG) &&
		s->event[3].u.write_ctrlreg.new_value == GUEST_ROOT_B,
		"a write of CR3 that is emulated reports, too");
	xc_monitor_write_ctrlreg(xch, DOMAIN, VM_EVENT_X86_CR3, false, true, 0, false);
	open_page();
	fill();
}

static void on_the_hosts_pages(void)
{
	const struct script *s;
	xen_pfn_t shadow = SHADOW;
	uint64_t *page;
	uint16_t view;

	xc_domain_populate_physmap_exact(xch, DOMAIN, 1, 0, 0, &shadow);
	page = map_page(DOMAIN, SHADOW);
	page[0] = FAKE;
	xc_altp2m_set_domain_state(xch, DOMAIN, true);
	xc_altp2m_create_view(xch, DOMAIN, XENMEM_access_rwx, &view);
	xc_altp2m_change_gfn(xch, DOMAIN, view, SCRIPT_GFN, SHADOW);
	xc_altp2m_switch_to_view(xch, DOMAIN, view);
	s = script_run(load, plain);
	tap_ok(s->done && s->count == 0 && script_result(0) == FAKE,
		"in a view the guest reads the page that is remapped");
	xc_altp2m_set_mem_access(xch, DOMAIN, view, SCRIPT_GFN, XENMEM_access_x);
	s = script_run(load, emulate);
	tap_ok(s->done && s->count == 1 && script_result(0) == ORIGINAL &&
		(s->event[0].flags & VM_EVENT_FLAG_ALTERNATE_P2M) &&
		s->event[0].u.mem_access.gfn == SCRIPT_GFN,
		"the emulator reads the host's original");
	s = script_run(store, emulate);
	tap_ok(s->done && page[0] == FAKE && *script_word(SCRIPT_PAGE) == 0x77,
		"and writes it: the shadow keeps its bytes");
	xc_altp2m_switch_to_view(xch, DOMAIN, 0);
	xc_altp2m_set_domain_state(xch, DOMAIN, false);
	unmap_page(page);
	xc_domain_decrease_reservation_exact(xch, DOMAIN, 1, 0, &shadow);
}

int main(int argc, char **argv)
{
	const char *const options[] = { "--vcpus", "1", "--guest", "cr3loop", NULL };

	(void)argc;
	dom0_enter(argv, options);
	*guest_word(GUEST_MAILBOX + HEADER_COMMAND) = LOOP_READ;
	tap_ok(guest_runs(0) && ring_open(), "the guest runs and the ring is open");
	fill();
	ordinary();
	only_if_it_still_violates();
	without_the_write();
	given_data();
	given_instruction();
	one_event_an_instruction();
	what_it_cannot_do();
	exits_of_the_emulator();
	on_the_hosts_pages();
	return tap_done();
}
