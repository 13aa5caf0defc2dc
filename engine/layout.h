/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * layout.h: the offsets behind struct rs_layout, as lists.
 *
 * Each list gives F(name, Xen's name, offset): the tables in layout.c are made of it, and
 * tests/unit/layout.c asserts each line against the headers of the build's Xen. Version 7
 * put npt_base and vmtrace_pos before the segments; the rest did not move.
 */
#ifndef RS_ENGINE_LAYOUT_H
#define RS_ENGINE_LAYOUT_H

#define RS_LAYOUT_VIEW 16
#define RS_LAYOUT_U 24
#define RS_LAYOUT_DATA 56
/* The same in both versions: breakpoints are looked up by it. */
#define RS_LAYOUT_RIP 208

#define RS_LAYOUT_HEAD(F)                  \
	F(rax, rax, 56)                    \
	F(rcx, rcx, 64)                    \
	F(rdx, rdx, 72)                    \
	F(rbx, rbx, 80)                    \
	F(rsp, rsp, 88)                    \
	F(rbp, rbp, 96)                    \
	F(rsi, rsi, 104)                   \
	F(rdi, rdi, 112)                   \
	F(r8, r8, 120)                     \
	F(r9, r9, 128)                     \
	F(r10, r10, 136)                   \
	F(r11, r11, 144)                   \
	F(r12, r12, 152)                   \
	F(r13, r13, 160)                   \
	F(r14, r14, 168)                   \
	F(r15, r15, 176)                   \
	F(rflags, rflags, 184)             \
	F(dr6, dr6, 192)                   \
	F(dr7, dr7, 200)                   \
	F(rip, rip, RS_LAYOUT_RIP)         \
	F(cr0, cr0, 216)                   \
	F(cr2, cr2, 224)                   \
	F(cr3, cr3, 232)                   \
	F(cr4, cr4, 240)                   \
	F(sysenter_cs, sysenter_cs, 248)   \
	F(sysenter_esp, sysenter_esp, 256) \
	F(sysenter_eip, sysenter_eip, 264) \
	F(efer, msr_efer, 272)             \
	F(star, msr_star, 280)             \
	F(lstar, msr_lstar, 288)           \
	F(gdtr_base, gdtr_base, 296)

#define RS_LAYOUT_7(F)               \
	F(npt_base, npt_base, 304)   \
	F(vmtrace_pos, vmtrace_pos, 312)

/* `first`: where the segments begin, 304 in version 6 and 320 in version 7. */
#define RS_LAYOUT_TAIL(F, first)                \
	F(cs_base, cs_base, first)              \
	F(ss_base, ss_base, (first) + 4)        \
	F(ds_base, ds_base, (first) + 8)        \
	F(es_base, es_base, (first) + 12)       \
	F(fs_base, fs_base, (first) + 16)       \
	F(gs_base, gs_base, (first) + 24)       \
	F(cs, cs, (first) + 32)                 \
	F(ss, ss, (first) + 36)                 \
	F(ds, ds, (first) + 40)                 \
	F(es, es, (first) + 44)                 \
	F(fs, fs, (first) + 48)                 \
	F(gs, gs, (first) + 52)                 \
	F(shadow_gs, shadow_gs, (first) + 56)   \
	F(gdtr_limit, gdtr_limit, (first) + 64) \
	F(cs_sel, cs_sel, (first) + 66)         \
	F(ss_sel, ss_sel, (first) + 68)         \
	F(ds_sel, ds_sel, (first) + 70)         \
	F(es_sel, es_sel, (first) + 72)         \
	F(fs_sel, fs_sel, (first) + 74)         \
	F(gs_sel, gs_sel, (first) + 76)

#define RS_LAYOUT_TAIL_6 304
#define RS_LAYOUT_TAIL_7 320
#define RS_LAYOUT_SIZE_6 384
#define RS_LAYOUT_SIZE_7 400

#endif
