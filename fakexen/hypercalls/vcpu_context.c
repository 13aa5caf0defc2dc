/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vcpu_context.c: domctls that look at one vCPU: what it is doing, its registers in the
 * form that PV domains and debuggers use, its debugging switches. */
#include <errno.h>
#include <string.h>

#include "fakexen/hypercalls/private.h"
#include "fakexen/vcpu.h"
#include "fakexen/vm_event.h"

static struct fx_vcpu *vcpu_of(struct fx_domain *domain, uint32_t index)
{
	return index < domain->vcpu_count ? &domain->vcpus[index] : NULL;
}

int64_t fx_domctl_get_vcpu_info(struct fx_domctl *op)
{
	struct xen_domctl_getvcpuinfo *info = &op->ctl.u.getvcpuinfo;
	const struct fx_vcpu *vcpu = vcpu_of(op->domain, info->vcpu);

	if (info->vcpu >= op->domain->max_vcpus)
		return -EINVAL;
	if (!vcpu)
		return -ESRCH;
	info->online = vcpu->up || op->domain->id == 0;
	info->blocked = vcpu->cpu.halted;
	info->running = vcpu->up && !vcpu->cpu.halted && fx_vcpu_runnable(op->domain, vcpu);
	info->cpu_time = vcpu->cpu_time_ns;
	info->cpu = 0;
	op->copy_back = true;
	return 0;
}

int64_t fx_domctl_debug(struct fx_domctl *op)
{
	const struct xen_domctl_debug_op *debug = &op->ctl.u.debug_op;
	int error;

	if (!vcpu_of(op->domain, debug->vcpu) || !op->domain->is_hvm)
		return -EINVAL;
	/* An answer may be toggling single-stepping in some process just now. */
	fx_domain_lock(op->caller->model, op->caller->host, op->domain);
	error = fx_vcpu_debug_op(op->domain, debug->vcpu, debug->op);
	fx_domain_unlock(op->domain);
	return error;
}

/* ---- affinity: to the one processor that there is ---- */

static int put_processors(struct fx_domctl *op, const struct xenctl_bitmap *bitmap)
{
	uint8_t first = 1, none = 0;

	for (uint32_t i = 0; i < (bitmap->nr_bits + 7) / 8; i++)
		if (fx_copy_out(op->caller, HANDLE_ADDRESS(bitmap->bitmap) + i,
			    i ? &none : &first, 1))
			return -EFAULT;
	return 0;
}

int64_t fx_domctl_get_affinity(struct fx_domctl *op)
{
	const struct xen_domctl_vcpuaffinity *affinity = &op->ctl.u.vcpuaffinity;
	const uint32_t both = XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT;
	int error = 0;

	if (!(affinity->flags & both) || (affinity->flags & ~both))
		return -EINVAL;
	if (affinity->vcpu >= op->domain->max_vcpus)
		return -EINVAL;
	if (!vcpu_of(op->domain, affinity->vcpu))
		return -ESRCH;
	if (affinity->flags & XEN_VCPUAFFINITY_HARD)
		error = put_processors(op, &affinity->cpumap_hard);
	if (!error && (affinity->flags & XEN_VCPUAFFINITY_SOFT))
		error = put_processors(op, &affinity->cpumap_soft);
	return error;
}

/* ---- registers ---- */

static void get_general(const struct fx_cpu_state *cpu, struct cpu_user_regs *regs)
{
	regs->rax = cpu->gpr[FX_RAX];
	regs->rbx = cpu->gpr[FX_RBX];
	regs->rcx = cpu->gpr[FX_RCX];
	regs->rdx = cpu->gpr[FX_RDX];
	regs->rsi = cpu->gpr[FX_RSI];
	regs->rdi = cpu->gpr[FX_RDI];
	regs->rbp = cpu->gpr[FX_RBP];
	regs->rsp = cpu->gpr[FX_RSP];
	regs->r8 = cpu->gpr[FX_R8];
	regs->r9 = cpu->gpr[FX_R9];
	regs->r10 = cpu->gpr[FX_R10];
	regs->r11 = cpu->gpr[FX_R11];
	regs->r12 = cpu->gpr[FX_R12];
	regs->r13 = cpu->gpr[FX_R13];
	regs->r14 = cpu->gpr[FX_R14];
	regs->r15 = cpu->gpr[FX_R15];
	regs->rip = cpu->rip;
	regs->rflags = cpu->rflags;
}

static void set_general(struct fx_cpu_state *cpu, const struct cpu_user_regs *regs)
{
	cpu->gpr[FX_RAX] = regs->rax;
	cpu->gpr[FX_RBX] = regs->rbx;
	cpu->gpr[FX_RCX] = regs->rcx;
	cpu->gpr[FX_RDX] = regs->rdx;
	cpu->gpr[FX_RSI] = regs->rsi;
	cpu->gpr[FX_RDI] = regs->rdi;
	cpu->gpr[FX_RBP] = regs->rbp;
	cpu->gpr[FX_RSP] = regs->rsp;
	cpu->gpr[FX_R8] = regs->r8;
	cpu->gpr[FX_R9] = regs->r9;
	cpu->gpr[FX_R10] = regs->r10;
	cpu->gpr[FX_R11] = regs->r11;
	cpu->gpr[FX_R12] = regs->r12;
	cpu->gpr[FX_R13] = regs->r13;
	cpu->gpr[FX_R14] = regs->r14;
	cpu->gpr[FX_R15] = regs->r15;
	cpu->rip = regs->rip;
	cpu->rflags = regs->rflags | 2;
}

static void get_segments(const struct fx_cpu_state *cpu, vcpu_guest_context_t *context)
{
	const struct fx_segment *segment = cpu->segment;
	bool kernel = (segment[FX_SS].selector & 3) == 0;

	context->user_regs.cs = segment[FX_CS].selector;
	context->user_regs.ss = segment[FX_SS].selector;
	context->user_regs.ds = segment[FX_DS].selector;
	context->user_regs.es = segment[FX_ES].selector;
	context->user_regs.fs = segment[FX_FS].selector;
	context->user_regs.gs = segment[FX_GS].selector;
	context->fs_base = segment[FX_FS].base;
	context->gs_base_kernel = kernel ? segment[FX_GS].base : cpu->kernel_gs_base;
	context->gs_base_user = kernel ? cpu->kernel_gs_base : segment[FX_GS].base;
}

static void get_context(const struct fx_vcpu *vcpu, vcpu_guest_context_t *context)
{
	const struct fx_cpu_state *cpu = &vcpu->cpu;

	memset(context, 0, sizeof(*context));
	_Static_assert(sizeof(context->fpu_ctxt) == sizeof(cpu->fxsave), "FXSAVE's image");
	memcpy(&context->fpu_ctxt, cpu->fxsave, sizeof(context->fpu_ctxt));
	context->flags = VGCF_i387_valid | (vcpu->up ? VGCF_online : 0);
	get_general(cpu, &context->user_regs);
	get_segments(cpu, context);
	context->ctrlreg[0] = cpu->cr0;
	context->ctrlreg[2] = cpu->cr2;
	context->ctrlreg[3] = cpu->cr3;
	context->ctrlreg[4] = cpu->cr4;
	memcpy(context->debugreg, cpu->dr, sizeof(cpu->dr));
	context->debugreg[6] = cpu->dr6;
	context->debugreg[7] = cpu->dr7;
}

int64_t fx_domctl_get_vcpu_context(struct fx_domctl *op)
{
	const struct fx_vcpu *vcpu = vcpu_of(op->domain, op->ctl.u.vcpucontext.vcpu);
	vcpu_guest_context_t context;

	if (!vcpu)
		return -EINVAL;
	if (!vcpu->exists)
		return -ENODATA;
	get_context(vcpu, &context);
	op->copy_back = true;
	return fx_copy_out(op->caller, HANDLE_ADDRESS(op->ctl.u.vcpucontext.ctxt), &context,
		sizeof context);
}

/* Of an HVM vCPU this sets the general registers and the debug registers; control and
 * segment registers stay as they are. */
static void set_context(struct fx_vcpu *vcpu, const vcpu_guest_context_t *context)
{
	struct fx_cpu_state *cpu = &vcpu->cpu;

	if (context->flags & VGCF_i387_valid)
		memcpy(cpu->fxsave, &context->fpu_ctxt, sizeof(cpu->fxsave));
	set_general(cpu, &context->user_regs);
	memcpy(cpu->dr, context->debugreg, sizeof(cpu->dr));
	cpu->dr6 = context->debugreg[6];
	cpu->dr7 = context->debugreg[7];
	vcpu->up = context->flags & VGCF_online;
}

int64_t fx_domctl_set_vcpu_context(struct fx_domctl *op)
{
	uint32_t index = op->ctl.u.vcpucontext.vcpu;
	struct fx_vcpu *vcpu = vcpu_of(op->domain, index);
	vcpu_guest_context_t context;

	if (op->domain->id == 0 || !vcpu)
		return -EINVAL;
	if (!op->domain->is_hvm)
		return fx_unmodelled(op->caller, "setvcpucontext of a PV domain");
	if (!HANDLE_ADDRESS(op->ctl.u.vcpucontext.ctxt)) {
		vcpu->up = vcpu->exists = vcpu->cpu.halted = false;
		return 0;
	}
	if (fx_copy_in(op->caller, &context, HANDLE_ADDRESS(op->ctl.u.vcpucontext.ctxt),
		    sizeof context))
		return -EFAULT;
	set_context(vcpu, &context);
	fx_domain_wake(op->caller->model, op->caller->host, op->domain);
	return 0;
}
