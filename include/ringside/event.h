/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * event.h: one event of a guest, as a tagged variant.
 *
 * Every event that Xen's monitor can report is a struct rs_event: `kind` says which member
 * of the union holds its payload. The guest's registers are not copied: they are read,
 * through the accessors below, where they lie in the message. Nothing here depends on the
 * release of Xen that the program was built against: message versions 6 (Xen 4.14) and
 * 7 (4.15 to 4.22) are both known at run time.
 *
 * Lifetime: an event and all that it points to are valid until the handler returns; of one that
 * is kept (RS_LATER, rs_engine_next), a copy and what it points to until it is answered.
 * Source of every field: xen/include/public/vm_event.h. All integers are unsigned; guest
 * frame numbers count pages of 4096 bytes.
 */
#ifndef RINGSIDE_EVENT_H
#define RINGSIDE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* What happened. The values are Xen's VM_EVENT_REASON_*. */
enum rs_kind {
	RS_UNKNOWN = 0,            /* reason 0, or one that this library does not know */
	RS_PAGE = 1,               /* a page's access was violated: page */
	RS_SHARING = 2,            /* memory sharing ran out of memory: sharing */
	RS_PAGING = 3,             /* a paged-out frame is wanted: paging */
	RS_CR = 4,                 /* a control register was written: cr */
	RS_MSR = 5,                /* an MSR was written: msr */
	RS_BREAKPOINT = 6,         /* an INT3 was executed: breakpoint */
	RS_SINGLESTEP = 7,         /* one instruction was executed: singlestep */
	RS_GUEST_REQUEST = 8,      /* the guest asked for it (HVMOP_guest_request_vm_event) */
	RS_DEBUG = 9,              /* a debug exception: debug */
	RS_CPUID = 10,             /* CPUID was executed: cpuid */
	RS_PRIVILEGED_CALL = 11,   /* ARM's SMC; never on x86 */
	RS_INTERRUPT = 12,         /* the interrupt that was asked for comes: interrupt */
	RS_DESCRIPTOR = 13,        /* a descriptor table register was accessed: descriptor */
	RS_EMUL_UNIMPLEMENTED = 14, /* Xen's emulator does not know an instruction: page */
	RS_VMEXIT = 15,            /* a VM exit (Xen 4.17 and later): vmexit */
	RS_IO = 16,                /* an IN or OUT (Xen 4.18 and later): io */
};
#define RS_KIND_COUNT 17

/* Flags of a message: Xen's VM_EVENT_FLAG_*. Requests carry the first two, 7 and 12. */
enum {
	RS_FLAG_VCPU_PAUSED = 1 << 0, /* the vCPU waits for the answer: synchronous */
	RS_FLAG_FOREIGN = 1 << 1,     /* another domain caused it */
	RS_FLAG_EMULATE = 1 << 2,
	RS_FLAG_EMULATE_NOWRITE = 1 << 3,
	RS_FLAG_TOGGLE_SINGLESTEP = 1 << 4,
	RS_FLAG_SET_EMUL_READ_DATA = 1 << 5,
	RS_FLAG_DENY = 1 << 6,
	RS_FLAG_ALTERNATE_P2M = 1 << 7, /* altp2m is active: `view` means something */
	RS_FLAG_SET_REGISTERS = 1 << 8,
	RS_FLAG_SET_EMUL_INSN_DATA = 1 << 9,
	RS_FLAG_GET_NEXT_INTERRUPT = 1 << 10,
	RS_FLAG_FAST_SINGLESTEP = 1 << 11,
	RS_FLAG_NESTED_P2M = 1 << 12, /* a nested guest: rs_event_npt_base is valid */
	RS_FLAG_RESET_VMTRACE = 1 << 13,
	RS_FLAG_RESET_FORK_STATE = 1 << 14,
	RS_FLAG_RESET_FORK_MEMORY = 1 << 15,
};

/* struct rs_cr_event.which: Xen's VM_EVENT_X86_*. */
enum rs_cr {
	RS_CR0 = 0,
	RS_CR3 = 1,
	RS_CR4 = 2,
	RS_XCR0 = 3,
};

/* struct rs_page_event.access: Xen's MEM_ACCESS_*. Xen reports R with every W. */
enum {
	RS_ACCESS_R = 1 << 0, /* what the guest tried */
	RS_ACCESS_W = 1 << 1,
	RS_ACCESS_X = 1 << 2,
	RS_ACCESS_GLA_VALID = 1 << 3,      /* gla means something */
	RS_ACCESS_FAULT_WITH_GLA = 1 << 4, /* by the access to gla itself */
	RS_ACCESS_FAULT_IN_GPT = 1 << 5,   /* while the page tables were walked for gla */
};

/* struct rs_descriptor_event.which: Xen's VM_EVENT_DESC_*. */
enum rs_descriptor {
	RS_IDTR = 1,
	RS_GDTR = 2,
	RS_LDTR = 3,
	RS_TR = 4,
};

/*
 * RS_PAGE, and RS_EMUL_UNIMPLEMENTED (all zero unless the fault led to it).
 *
 * Xen reports the first closed page that an instruction touches, and nothing of the others when it is
 * let past that. So the engine looks at the operands of 64-bit code, and what is closed among them
 * is an event too, with the serial number of the first, handed to who watches it before the
 * instruction goes on; its reply counts if the first one's is RS_CONTINUE, and it cannot be kept
 * (RS_LATER). Not if the first one was kept; nor what page tables are read for.
 */
struct rs_page_event {
	uint64_t gfn;
	uint64_t offset; /* bytes into the page */
	uint64_t gla;    /* guest linear address, if access has RS_ACCESS_GLA_VALID */
	uint32_t access; /* RS_ACCESS_* */
};

struct rs_sharing_event {
	uint64_t gfn;
	uint32_t p2m_type;
};

struct rs_paging_event {
	uint64_t gfn;
	uint32_t p2m_type;
	uint32_t flags; /* Xen's MEM_PAGING_* */
};

/* The registers still hold the old value; unless denied, Xen writes the new one. */
struct rs_cr_event {
	uint32_t which; /* enum rs_cr */
	uint64_t new_value;
	uint64_t old_value;
};

struct rs_msr_event {
	uint64_t index;
	uint64_t new_value;
	uint64_t old_value;
};

/*
 * RS_BREAKPOINT (RIP is at the INT3) and RS_DEBUG (RIP is where the exception left it).
 * type is the interruption type of SDM volume 3, table 25-15 (2: NMI, 3: hardware
 * exception, 5: privileged software exception, that is INT1, 6: software exception).
 */
struct rs_debug_event {
	uint64_t gfn; /* of RIP */
	uint64_t pending_dbg; /* like the VMCS field "pending debug exceptions" */
	uint32_t insn_length; /* bytes */
	uint8_t type;
};

struct rs_singlestep_event {
	uint64_t gfn; /* of RIP, which is at the next instruction */
};

/* rax, rbx, rcx, rdx hold the results already; RIP is still at the CPUID. */
struct rs_cpuid_event {
	uint32_t insn_length; /* bytes */
	uint32_t leaf;        /* what eax was */
	uint32_t subleaf;     /* what ecx was */
};

struct rs_interrupt_event {
	uint32_t vector;
	uint32_t type; /* as in struct rs_debug_event; 0: external interrupt */
	uint32_t error_code;
	uint64_t cr2; /* of a page fault */
};

/* The two words of the VMCS are Intel's, and stale for SLDT and STR to a register. */
struct rs_descriptor_event {
	uint32_t which; /* enum rs_descriptor */
	bool is_write;
	uint32_t instr_info;
	uint64_t exit_qualification;
};

struct rs_vmexit_event {
	uint64_t reason; /* SDM volume 3, appendix C */
	uint64_t qualification;
};

struct rs_io_event {
	uint32_t bytes; /* width of one access */
	uint16_t port;
	bool in;     /* IN or INS, else OUT or OUTS */
	bool string; /* INS or OUTS */
};

/*
 * Where things lie in a message of one version: byte offsets from its start, 0 where
 * that version has no such field. Instances are the library's and constant.
 */
struct rs_layout {
	uint32_t version;
	uint32_t message_size; /* bytes */
	uint16_t view; /* altp2m view, 2 bytes */
	uint16_t u;    /* the payload by reason */
	uint16_t data; /* registers in a request; registers or emulation data in a response */
	uint16_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
	uint16_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint16_t rflags, dr6, dr7, rip, cr0, cr2, cr3, cr4;
	uint16_t sysenter_cs, sysenter_esp, sysenter_eip, efer, star, lstar;
	uint16_t gdtr_base, npt_base, vmtrace_pos;
	uint16_t cs_base, ss_base, ds_base, es_base; /* 4 bytes each */
	uint16_t fs_base, gs_base;                   /* 8 bytes each */
	uint16_t cs, ss, ds, es, fs, gs; /* 4 bytes: limit (20 bits), attributes (12 bits) */
	uint16_t shadow_gs;
	uint16_t gdtr_limit;
	uint16_t cs_sel, ss_sel, ds_sel, es_sel, fs_sel, gs_sel; /* 2 bytes each */
};

struct rs_answer;

struct rs_event {
	enum rs_kind kind;
	uint32_t reason; /* Xen's number, also where kind is RS_UNKNOWN */
	uint32_t vcpu;
	uint32_t flags; /* RS_FLAG_* of the request */
	uint16_t view;  /* altp2m view, if flags has RS_FLAG_ALTERNATE_P2M; else 0 */
	bool synchronous; /* the vCPU waits for the answer */
	const void *message; /* as Xen wrote it, layout->message_size bytes */
	const struct rs_layout *layout;
	struct rs_answer *answer; /* what the engine will send; NULL for an event of rs_decode's */
	/* Of all events of the engine, in the order in which they were taken; see struct rs_page_event. */
	uint64_t serial;
	union {
		struct rs_page_event page; /* and for RS_EMUL_UNIMPLEMENTED */
		struct rs_sharing_event sharing;
		struct rs_paging_event paging;
		struct rs_cr_event cr;
		struct rs_msr_event msr;
		struct rs_debug_event breakpoint;
		struct rs_debug_event debug;
		struct rs_singlestep_event singlestep;
		struct rs_cpuid_event cpuid;
		struct rs_interrupt_event interrupt;
		struct rs_descriptor_event descriptor;
		struct rs_vmexit_event vmexit;
		struct rs_io_event io;
	};
};

/* A segment register. The limit is in bytes, granularity already applied. */
struct rs_segment {
	uint64_t base;
	uint32_t limit;
	uint16_t selector;
	/* type 0-3, S 4, DPL 5-6, P 7, AVL 8, L 9, D/B 10, G 11 (SDM volume 3, 3.4.5) */
	uint16_t attributes;
};

/*
 * The layout of a message version, or NULL for one that this library does not know.
 * Constant, for ever valid, callable by any thread.
 */
const struct rs_layout *rs_layout_find(uint32_t version);

/*
 * Reads a message (the first `size` bytes of it, which may be unaligned) into *event, which
 * then points to it; event->answer is NULL. A reason that is not known makes an event of
 * kind RS_UNKNOWN, no error. Callable by any thread; does not block.
 *
 * -EPROTONOSUPPORT: `version` is not known. -EMSGSIZE: `size` is not that version's size
 * of a message. -EPROTO: the message itself bears another version. On an error *event is
 * left alone.
 */
int rs_decode(const void *message, size_t size, uint32_t version, struct rs_event *event);

/* "mem_access", "write_ctrlreg", ...: Xen's word for a reason, "unknown" for an unknown one. */
const char *rs_reason_name(uint32_t reason);

static inline uint64_t rs_event_u64(const struct rs_event *event, uint16_t offset)
{
	uint64_t value;

	memcpy(&value, (const char *)event->message + offset, sizeof(value));
	return value;
}

static inline uint32_t rs_event_u32(const struct rs_event *event, uint16_t offset)
{
	uint32_t value;

	memcpy(&value, (const char *)event->message + offset, sizeof(value));
	return value;
}

static inline uint16_t rs_event_u16(const struct rs_event *event, uint16_t offset)
{
	uint16_t value;

	memcpy(&value, (const char *)event->message + offset, sizeof(value));
	return value;
}

/*
 * uint64_t rs_event_rip(const struct rs_event *event), and so on: the guest's registers
 * when the event happened.
 */
#define RS_EVENT_REGISTER(name)                                                          \
	static inline uint64_t rs_event_##name(const struct rs_event *event)             \
	{                                                                                \
		return rs_event_u64(event, event->layout->name);                         \
	}

RS_EVENT_REGISTER(rax)
RS_EVENT_REGISTER(rcx)
RS_EVENT_REGISTER(rdx)
RS_EVENT_REGISTER(rbx)
RS_EVENT_REGISTER(rsp)
RS_EVENT_REGISTER(rbp)
RS_EVENT_REGISTER(rsi)
RS_EVENT_REGISTER(rdi)
RS_EVENT_REGISTER(r8)
RS_EVENT_REGISTER(r9)
RS_EVENT_REGISTER(r10)
RS_EVENT_REGISTER(r11)
RS_EVENT_REGISTER(r12)
RS_EVENT_REGISTER(r13)
RS_EVENT_REGISTER(r14)
RS_EVENT_REGISTER(r15)
RS_EVENT_REGISTER(rip)
RS_EVENT_REGISTER(rflags)
RS_EVENT_REGISTER(cr0)
RS_EVENT_REGISTER(cr2)
RS_EVENT_REGISTER(cr3)
RS_EVENT_REGISTER(cr4)
RS_EVENT_REGISTER(dr6)
RS_EVENT_REGISTER(dr7)
RS_EVENT_REGISTER(sysenter_cs)
RS_EVENT_REGISTER(sysenter_esp)
RS_EVENT_REGISTER(sysenter_eip)
RS_EVENT_REGISTER(efer)
RS_EVENT_REGISTER(star)
RS_EVENT_REGISTER(lstar)
RS_EVENT_REGISTER(shadow_gs)
RS_EVENT_REGISTER(gdtr_base)
#undef RS_EVENT_REGISTER

static inline uint16_t rs_event_gdtr_limit(const struct rs_event *event)
{
	return rs_event_u16(event, event->layout->gdtr_limit);
}

/*
 * Guest physical address of the nested hypervisor's page tables, if the flags have
 * RS_FLAG_NESTED_P2M. Version 6 has no such field: 0.
 */
static inline uint64_t rs_event_npt_base(const struct rs_event *event)
{
	return event->layout->npt_base ? rs_event_u64(event, event->layout->npt_base) : 0;
}

/* Position in the vCPU's trace buffer, bytes; ~0 if not tracing, always so in version 6. */
static inline uint64_t rs_event_vmtrace_pos(const struct rs_event *event)
{
	return event->layout->vmtrace_pos ? rs_event_u64(event, event->layout->vmtrace_pos)
					  : UINT64_MAX;
}

static inline struct rs_segment rs_event_segment(const struct rs_event *event, uint64_t base,
						 uint16_t packed, uint16_t selector)
{
	uint32_t word = rs_event_u32(event, packed);
	struct rs_segment segment;

	segment.base = base;
	segment.selector = rs_event_u16(event, selector);
	segment.attributes = (uint16_t)(word >> 20);
	segment.limit = word & 0xfffff;
	if (segment.attributes & 0x800)
		segment.limit = segment.limit << 12 | 0xfff;
	return segment;
}

/* struct rs_segment rs_event_cs(const struct rs_event *event), and so on. */
#define RS_EVENT_SEGMENT(name, width)                                                    \
	static inline struct rs_segment rs_event_##name(const struct rs_event *event)    \
	{                                                                                \
		const struct rs_layout *layout = event->layout;                          \
                                                                                         \
		return rs_event_segment(event, rs_event_##width(event, layout->name##_base), \
					layout->name, layout->name##_sel);               \
	}

RS_EVENT_SEGMENT(cs, u32)
RS_EVENT_SEGMENT(ss, u32)
RS_EVENT_SEGMENT(ds, u32)
RS_EVENT_SEGMENT(es, u32)
RS_EVENT_SEGMENT(fs, u64)
RS_EVENT_SEGMENT(gs, u64)
#undef RS_EVENT_SEGMENT

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
