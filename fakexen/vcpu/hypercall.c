/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hypercall.c: the guest's hypercalls, by vmcall (hvm_hypercall): the few that a guest
 * without drivers makes. What is not modelled returns -ENOSYS and is named in the log. */
#include <errno.h>
#include <string.h>

#include "fakexen/atomics.h"
#include "fakexen/hypercall.h"
#include "fakexen/port.h"
#include "fakexen/vcpu/private.h"

enum { XEN_VERSION_4_17 = 4 << 16 | 17, EFER_LMA = 1 << 10, CODE_64BIT = 0x200 };

struct call {
	uint64_t number, args[5];
	bool code64;
};

static bool is_code64(const struct fx_cpu_state *state)
{
	return (state->efer & EFER_LMA) && (state->segment[FX_CS].arbytes & CODE_64BIT);
}

static struct call call_of(const struct fx_cpu_state *state)
{
	const uint64_t *gpr = state->gpr;
	struct call call = { .code64 = is_code64(state) };

	if (call.code64) {
		call.number = gpr[FX_RAX];
		memcpy(call.args, (uint64_t[]){ gpr[FX_RDI], gpr[FX_RSI], gpr[FX_RDX],
			gpr[FX_R10], gpr[FX_R8] }, sizeof(call.args));
	} else {
		call.number = (uint32_t)gpr[FX_RAX];
		memcpy(call.args, (uint64_t[]){ (uint32_t)gpr[FX_RBX], (uint32_t)gpr[FX_RCX],
			(uint32_t)gpr[FX_RDX], (uint32_t)gpr[FX_RSI],
			(uint32_t)gpr[FX_RDI] }, sizeof(call.args));
	}
	return call;
}

static int64_t copy_in(struct fx_runner *runner, void *to, uint64_t from, size_t size)
{
	return fx_cpu_read_linear(runner->cpu, from, to, size) ? -EFAULT : 0;
}

static int64_t copy_out(struct fx_runner *runner, uint64_t to, const void *from, size_t size)
{
	return fx_cpu_write_linear(runner->cpu, to, from, size) ? -EFAULT : 0;
}

static int64_t not_modelled(struct fx_runner *runner, const char *what, uint64_t number)
{
	uint64_t bit = 1ull << number % 64;

	if (!(runner->logged_hypercalls & bit))
		fx_log(runner, "%s %lu: not modelled", what, (unsigned long)number);
	runner->logged_hypercalls |= bit;
	return -ENOSYS;
}

/* ---- vcpu_op ---- */

void fx_vcpu_down(struct fx_runner *runner)
{
	bool others = false;

	for (unsigned int i = 0; i < runner->domain->vcpu_count; i++)
		others |= i != runner->index && fx_load_acquire(&runner->domain->vcpus[i].up);
	if (others)
		fx_store_release(&runner->vcpu->up, false);
	else
		fx_domain_shutdown(runner->model, runner->host, runner->domain, SHUTDOWN_poweroff);
}

static void flat(struct fx_segment *segment, uint32_t limit, uint16_t arbytes)
{
	*segment = (struct fx_segment){ .limit = limit, .arbytes = arbytes };
}

static int64_t start_64(struct fx_cpu_state *state, const struct vcpu_hvm_x86_64 *regs)
{
	if ((int64_t)(regs->rip << 16) >> 16 != (int64_t)regs->rip || !(regs->cr0 >> 31 & 1) ||
		!(regs->cr4 & 0x20) || !(regs->efer & 0x100))
		return -EINVAL;
	memcpy(state->gpr, &regs->rax, 8 * sizeof(*state->gpr));
	state->rip = regs->rip;
	state->rflags = regs->rflags | 2;
	state->cr0 = regs->cr0;
	state->cr3 = regs->cr3;
	state->cr4 = regs->cr4;
	state->efer = regs->efer;
	flat(&state->segment[FX_CS], UINT32_MAX, 0xa9b);
	flat(&state->segment[FX_DS], UINT32_MAX, 0xc93);
	flat(&state->segment[FX_ES], UINT32_MAX, 0xc93);
	flat(&state->segment[FX_SS], UINT32_MAX, 0xc93);
	flat(&state->tr, 0x67, 0x8b);
	return 0;
}

/* Xen sets the accessed (a TSS's busy) bit of what is present. */
static void given(struct fx_segment *segment, uint32_t base, uint32_t limit, uint16_t arbytes,
	uint16_t bit)
{
	*segment = (struct fx_segment){ .base = base, .limit = limit, .arbytes = arbytes };
	if (arbytes & 0x80)
		segment->arbytes |= bit;
}

static int64_t start_32(struct fx_cpu_state *state, const struct vcpu_hvm_x86_32 *regs)
{
	const uint32_t *from = &regs->eax;

	if (regs->pad1 || regs->pad2[0] || regs->pad2[1] || regs->pad2[2])
		return -EINVAL;
	given(&state->segment[FX_CS], regs->cs_base, regs->cs_limit, regs->cs_ar, 1);
	given(&state->segment[FX_DS], regs->ds_base, regs->ds_limit, regs->ds_ar, 1);
	given(&state->segment[FX_SS], regs->ss_base, regs->ss_limit, regs->ss_ar, 1);
	given(&state->segment[FX_ES], regs->es_base, regs->es_limit, regs->es_ar, 1);
	given(&state->tr, regs->tr_base, regs->tr_limit, regs->tr_ar, 2);
	for (unsigned int i = 0; i < 8; i++)
		state->gpr[i] = from[i];
	state->rip = regs->eip;
	state->rflags = regs->eflags | 2;
	state->cr0 = regs->cr0;
	state->cr3 = regs->cr3;
	state->cr4 = regs->cr4;
	state->efer = regs->efer;
	return 0;
}

static int64_t vcpu_initialise(struct fx_runner *runner, unsigned int index, uint64_t address)
{
	struct fx_vcpu *vcpu = &runner->domain->vcpus[index];
	struct vcpu_hvm_context context;
	struct fx_cpu_state state;
	int64_t error = copy_in(runner, &context, address, sizeof(context));

	if (error)
		return error;
	if (vcpu->exists)
		return -EEXIST;
	if (context.pad)
		return -EINVAL;
	fx_cpu_reset(&state);
	flat(&state.segment[FX_FS], UINT32_MAX, 0xc93);
	flat(&state.segment[FX_GS], UINT32_MAX, 0xc93);
	state.apic.id = 2 * index;
	switch (context.mode) {
	case VCPU_HVM_MODE_64B: error = start_64(&state, &context.cpu_regs.x86_64); break;
	case VCPU_HVM_MODE_32B: error = start_32(&state, &context.cpu_regs.x86_32); break;
	default: return -EINVAL;
	}
	if (error)
		return error;
	if (state.efer & 0x100)
		state.efer |= EFER_LMA;
	vcpu->cpu = state;
	fx_store_relaxed(&vcpu->up, false);     /* its thread may be looking */
	fx_store_release(&vcpu->exists, true);
	return 0;
}

static int64_t vcpu_up(struct fx_runner *runner, unsigned int index)
{
	struct fx_vcpu *vcpu = &runner->domain->vcpus[index];

	if (!fx_load_acquire(&vcpu->exists))
		return -EINVAL;
	fx_store_release(&vcpu->up, true);
	runner->host->wake(runner->host->opaque, runner->slot, index);
	return 0;
}

static int64_t register_vcpu_info(struct fx_runner *runner, unsigned int index, uint64_t address)
{
	struct vcpu_register_vcpu_info info;
	int64_t error = copy_in(runner, &info, address, sizeof(info));

	if (error)
		return error;
	if (info.offset > FX_PAGE - sizeof(struct vcpu_info))
		return -EINVAL;
	runner->domain->vcpus[index].vcpu_info_gpa = info.mfn * FX_PAGE + info.offset;
	return 0;
}

static int64_t vcpu_op(struct fx_runner *runner, const struct call *call)
{
	uint64_t index = call->args[1];

	if (index >= runner->domain->vcpu_count)
		return -ENOENT;
	switch (call->args[0]) {
	case VCPUOP_initialise:
		return vcpu_initialise(runner, index, call->args[2]);
	case VCPUOP_up:
		return vcpu_up(runner, index);
	case VCPUOP_down:
		if (index != runner->index)
			return not_modelled(runner, "vcpu_op down of another vCPU", index);
		fx_vcpu_down(runner);
		return 0;
	case VCPUOP_is_up:
		return fx_load_acquire(&runner->domain->vcpus[index].up);
	case VCPUOP_register_vcpu_info:
		return register_vcpu_info(runner, index, call->args[2]);
	default:
		return not_modelled(runner, "vcpu_op", call->args[0]);
	}
}

/* ---- sched_op, event_channel_op ---- */

static int64_t sched_op(struct fx_runner *runner, const struct call *call)
{
	struct sched_shutdown shutdown;

	switch (call->args[0]) {
	case SCHEDOP_yield:
	case SCHEDOP_poll:              /* no guest port is ever raised: look again later */
		runner->yielded = true;
		return 0;
	case SCHEDOP_block:
		runner->state->halted = true;
		return 0;
	case SCHEDOP_shutdown:
		if (copy_in(runner, &shutdown, call->args[1], sizeof(shutdown)))
			return -EFAULT;
		fx_domain_shutdown(runner->model, runner->host, runner->domain, shutdown.reason);
		return 0;
	default:
		return not_modelled(runner, "sched_op", call->args[0]);
	}
}

static int64_t event_channel_op(struct fx_runner *runner, const struct call *call)
{
	struct evtchn_send send;

	if (call->args[0] != EVTCHNOP_send)
		return not_modelled(runner, "event_channel_op", call->args[0]);
	if (copy_in(runner, &send, call->args[1], sizeof(send)))
		return -EFAULT;
	if (!send.port || send.port >= FX_DOMAIN_PORTS ||
		runner->domain->ports[send.port].state != FX_PORT_INTERDOMAIN)
		return -EINVAL;
	fx_port_notify_remote(runner->model, runner->host, runner->domain, send.port);
	return 0;
}

/* ---- hvm_op, xen_version, console_io ---- */

static int64_t hvm_param(struct fx_runner *runner, const struct call *call)
{
	struct xen_hvm_param param;

	if (copy_in(runner, &param, call->args[1], sizeof(param)))
		return -EFAULT;
	if (param.domid != DOMID_SELF && param.domid != runner->domain->id)
		return -ESRCH;
	if (param.index >= HVM_NR_PARAMS || param.index >= FX_PARAMS)
		return -EINVAL;
	switch (param.index) {
	case HVM_PARAM_MONITOR_RING_PFN:
	case HVM_PARAM_ALTP2M:
	case HVM_PARAM_IDENT_PT:
		return -EPERM;
	}
	if (call->args[0] == HVMOP_set_param) {
		runner->domain->params[param.index] = param.value;
		return 0;
	}
	param.value = runner->domain->params[param.index];
	return copy_out(runner, call->args[1], &param, sizeof(param));
}

static int64_t guest_request(struct fx_runner *runner, const struct call *call)
{
	const struct fx_event event = { .reason = VM_EVENT_REASON_GUEST_REQUEST };
	const struct fx_monitor *monitor = &runner->domain->monitor;
	int result = 0;

	if (call->args[1])
		return -EINVAL;
	if (fx_report_due(runner, monitor->guest_request, event.reason))
		result = fx_report(runner, &event, monitor->guest_request_sync);
	return result < 0 ? result : 0;
}

static int64_t hvm_op(struct fx_runner *runner, const struct call *call)
{
	switch (call->args[0]) {
	case HVMOP_guest_request_vm_event:
		return guest_request(runner, call);
	case HVMOP_set_param:
	case HVMOP_get_param:
		return hvm_param(runner, call);
	case HVMOP_altp2m:
		return -EPERM;          /* external mode: not for the guest */
	default:
		return not_modelled(runner, "hvm_op", call->args[0]);
	}
}

static int64_t xen_version(struct fx_runner *runner, const struct call *call)
{
	static const xen_extraversion_t extra = ".0-fakexen";

	switch (call->args[0]) {
	case XENVER_version: return XEN_VERSION_4_17;
	case XENVER_extraversion: return copy_out(runner, call->args[1], extra, sizeof(extra));
	default: return not_modelled(runner, "xen_version", call->args[0]);
	}
}

static int64_t console_io(struct fx_runner *runner, const struct call *call)
{
	uint64_t count = call->args[1];
	char text[200];

	if (call->args[0] != CONSOLEIO_write)
		return not_modelled(runner, "console_io", call->args[0]);
	if (count > sizeof(text) - 1)
		count = sizeof(text) - 1;
	if (copy_in(runner, text, call->args[2], count))
		return -EFAULT;
	while (count && text[count - 1] == '\n')
		count--;
	fx_log(runner, "says: %.*s", (int)count, text);
	return 0;
}

static int64_t dispatch(struct fx_runner *runner, const struct call *call)
{
	switch (call->number) {
	case __HYPERVISOR_vcpu_op: return vcpu_op(runner, call);
	case __HYPERVISOR_sched_op: return sched_op(runner, call);
	case __HYPERVISOR_event_channel_op: return event_channel_op(runner, call);
	case __HYPERVISOR_hvm_op: return hvm_op(runner, call);
	case __HYPERVISOR_xen_version: return xen_version(runner, call);
	case __HYPERVISOR_console_io: return console_io(runner, call);
	default: return not_modelled(runner, "the guest's hypercall", call->number);
	}
}

static bool permitted(const struct fx_runner *runner, const struct call *call)
{
	return (runner->state->segment[FX_SS].arbytes >> 5 & 3) == 0 ||
	       (runner->domain->monitor.guest_request_userspace &&
		       call->number == __HYPERVISOR_hvm_op &&
		       call->args[0] == HVMOP_guest_request_vm_event);
}

int fx_exit_vmcall(struct fx_runner *runner, const struct fx_cpu_exit *exit)
{
	struct call call = call_of(runner->state);
	int64_t result = permitted(runner, &call) ? dispatch(runner, &call) : -EPERM;

	if (result == -EAGAIN)
		return -EAGAIN;
	runner->state->gpr[FX_RAX] = call.code64 ? (uint64_t)result : (uint32_t)result;
	runner->vcpu->mapcache_invalidate = false;
	fx_cpu_skip(runner->cpu, exit->insn_length);
	return 0;
}
