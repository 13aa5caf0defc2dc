/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* decode.c: from Zydis's idea of an instruction to ours. Everything that is known when
 * the bytes are known is worked out here, once. */
#include <errno.h>

#include <Zydis/Zydis.h>

#include "fakexen/cpu/private.h"

struct known {
	fx_op_run *run;
	uint8_t aux;
	uint8_t flags;
};

enum { ENDS = FX_OP_ENDS, UNIMPLEMENTED = FX_OP_UNIMPLEMENTED, UNHANDLEABLE = FX_OP_UNHANDLEABLE };

#define CONDITIONS(ON) ON(O, 0) ON(NO, 1) ON(B, 2) ON(NB, 3) ON(Z, 4) ON(NZ, 5) ON(BE, 6)	\
	ON(NBE, 7) ON(S, 8) ON(NS, 9) ON(P, 10) ON(NP, 11) ON(L, 12) ON(NL, 13) ON(LE, 14) ON(NLE, 15)
#define ON_CONDITION(name, number)							\
	[ZYDIS_MNEMONIC_J##name] = { fx_op_jcc, number, 0 },				\
	[ZYDIS_MNEMONIC_SET##name] = { fx_op_set, number, 0 },				\
	[ZYDIS_MNEMONIC_CMOV##name] = { fx_op_cmov, number, 0 },

/* Instructions that are told apart by their mnemonic alone. */
static const struct known known[ZYDIS_MNEMONIC_MAX_VALUE + 1] = {
	CONDITIONS(ON_CONDITION)
	[ZYDIS_MNEMONIC_ADD] = { fx_op_add, 0, 0 },
	[ZYDIS_MNEMONIC_ADC] = { fx_op_adc, 0, 0 },
	[ZYDIS_MNEMONIC_SUB] = { fx_op_sub, 0, 0 },
	[ZYDIS_MNEMONIC_SBB] = { fx_op_sbb, 0, 0 },
	[ZYDIS_MNEMONIC_AND] = { fx_op_and, 0, 0 },
	[ZYDIS_MNEMONIC_OR] = { fx_op_or, 0, 0 },
	[ZYDIS_MNEMONIC_XOR] = { fx_op_xor, 0, 0 },
	[ZYDIS_MNEMONIC_CMP] = { fx_op_cmp, 0, 0 },
	[ZYDIS_MNEMONIC_TEST] = { fx_op_test, 0, 0 },
	[ZYDIS_MNEMONIC_INC] = { fx_op_inc, 0, 0 },
	[ZYDIS_MNEMONIC_DEC] = { fx_op_dec, 0, 0 },
	[ZYDIS_MNEMONIC_NEG] = { fx_op_neg, 0, 0 },
	[ZYDIS_MNEMONIC_NOT] = { fx_op_not, 0, 0 },
	[ZYDIS_MNEMONIC_XADD] = { fx_op_xadd, 0, 0 },
	[ZYDIS_MNEMONIC_CMPXCHG] = { fx_op_cmpxchg, 0, 0 },
	[ZYDIS_MNEMONIC_CMPXCHG8B] = { fx_op_cmpxchg_pair, 4, 0 },
	[ZYDIS_MNEMONIC_CMPXCHG16B] = { fx_op_cmpxchg_pair, 8, 0 },
	[ZYDIS_MNEMONIC_MUL] = { fx_op_mul, 0, 0 },
	[ZYDIS_MNEMONIC_IMUL] = { fx_op_imul, 0, 0 },
	[ZYDIS_MNEMONIC_DIV] = { fx_op_div, 0, 0 },
	[ZYDIS_MNEMONIC_IDIV] = { fx_op_idiv, 0, 0 },
	[ZYDIS_MNEMONIC_SHL] = { fx_op_shl, 0, 0 },
	[ZYDIS_MNEMONIC_SHR] = { fx_op_shr, 0, 0 },
	[ZYDIS_MNEMONIC_SAR] = { fx_op_sar, 0, 0 },
	[ZYDIS_MNEMONIC_ROL] = { fx_op_rol, 0, 0 },
	[ZYDIS_MNEMONIC_ROR] = { fx_op_ror, 0, 0 },
	[ZYDIS_MNEMONIC_RCL] = { fx_op_rcl, 0, 0 },
	[ZYDIS_MNEMONIC_RCR] = { fx_op_rcr, 0, 0 },
	[ZYDIS_MNEMONIC_SHLD] = { fx_op_shld, 0, 0 },
	[ZYDIS_MNEMONIC_SHRD] = { fx_op_shrd, 0, 0 },
	[ZYDIS_MNEMONIC_BT] = { fx_op_bt, 0, 0 },
	[ZYDIS_MNEMONIC_BTS] = { fx_op_bts, 0, 0 },
	[ZYDIS_MNEMONIC_BTR] = { fx_op_btr, 0, 0 },
	[ZYDIS_MNEMONIC_BTC] = { fx_op_btc, 0, 0 },
	[ZYDIS_MNEMONIC_BSF] = { fx_op_bsf, 0, 0 },
	[ZYDIS_MNEMONIC_BSR] = { fx_op_bsr, 0, 0 },
	[ZYDIS_MNEMONIC_POPCNT] = { fx_op_popcnt, 0, 0 },
	[ZYDIS_MNEMONIC_LZCNT] = { fx_op_lzcnt, 0, 0 },
	[ZYDIS_MNEMONIC_TZCNT] = { fx_op_tzcnt, 0, 0 },
	[ZYDIS_MNEMONIC_BSWAP] = { fx_op_bswap, 0, 0 },
	[ZYDIS_MNEMONIC_MOV] = { fx_op_mov, 0, 0 },
	[ZYDIS_MNEMONIC_MOVNTI] = { fx_op_mov, 0, 0 },
	[ZYDIS_MNEMONIC_MOVZX] = { fx_op_movzx, 0, 0 },
	[ZYDIS_MNEMONIC_MOVSX] = { fx_op_movsx, 0, 0 },
	[ZYDIS_MNEMONIC_MOVSXD] = { fx_op_movsx, 0, 0 },
	[ZYDIS_MNEMONIC_MOVBE] = { fx_op_movbe, 0, 0 },
	[ZYDIS_MNEMONIC_LEA] = { fx_op_lea, 0, 0 },
	[ZYDIS_MNEMONIC_XCHG] = { fx_op_xchg, 0, 0 },
	[ZYDIS_MNEMONIC_PUSH] = { fx_op_push, 0, 0 },
	[ZYDIS_MNEMONIC_POP] = { fx_op_pop, 0, 0 },
	[ZYDIS_MNEMONIC_PUSHF] = { fx_op_pushf, 0, 0 },
	[ZYDIS_MNEMONIC_PUSHFD] = { fx_op_pushf, 0, 0 },
	[ZYDIS_MNEMONIC_PUSHFQ] = { fx_op_pushf, 0, 0 },
	[ZYDIS_MNEMONIC_POPF] = { fx_op_popf, 0, ENDS },
	[ZYDIS_MNEMONIC_POPFD] = { fx_op_popf, 0, ENDS },
	[ZYDIS_MNEMONIC_POPFQ] = { fx_op_popf, 0, ENDS },
	[ZYDIS_MNEMONIC_PUSHA] = { fx_op_pusha, 0, 0 },
	[ZYDIS_MNEMONIC_PUSHAD] = { fx_op_pusha, 0, 0 },
	[ZYDIS_MNEMONIC_POPA] = { fx_op_popa, 0, 0 },
	[ZYDIS_MNEMONIC_POPAD] = { fx_op_popa, 0, 0 },
	[ZYDIS_MNEMONIC_ENTER] = { fx_op_enter, 0, 0 },
	[ZYDIS_MNEMONIC_LEAVE] = { fx_op_leave, 0, 0 },
	[ZYDIS_MNEMONIC_XLAT] = { fx_op_xlat, 0, 0 },
	[ZYDIS_MNEMONIC_CBW] = { fx_op_cbw, 0, 0 },
	[ZYDIS_MNEMONIC_CWDE] = { fx_op_cbw, 0, 0 },
	[ZYDIS_MNEMONIC_CDQE] = { fx_op_cbw, 0, 0 },
	[ZYDIS_MNEMONIC_CWD] = { fx_op_cwd, 0, 0 },
	[ZYDIS_MNEMONIC_CDQ] = { fx_op_cwd, 0, 0 },
	[ZYDIS_MNEMONIC_CQO] = { fx_op_cwd, 0, 0 },
	[ZYDIS_MNEMONIC_SAHF] = { fx_op_sahf, 0, 0 },
	[ZYDIS_MNEMONIC_LAHF] = { fx_op_lahf, 0, 0 },
	/* aux: 1 for DF instead of CF; plus 4 to set it, 8 to flip it */
	[ZYDIS_MNEMONIC_CLC] = { fx_op_flag, 0, 0 },
	[ZYDIS_MNEMONIC_STC] = { fx_op_flag, 4, 0 },
	[ZYDIS_MNEMONIC_CMC] = { fx_op_flag, 8, 0 },
	[ZYDIS_MNEMONIC_CLD] = { fx_op_flag, 1, 0 },
	[ZYDIS_MNEMONIC_STD] = { fx_op_flag, 5, 0 },
	[ZYDIS_MNEMONIC_NOP] = { fx_op_nop, 0, 0 },
	[ZYDIS_MNEMONIC_ENDBR32] = { fx_op_nop, 0, 0 },
	[ZYDIS_MNEMONIC_ENDBR64] = { fx_op_nop, 0, 0 },
	[ZYDIS_MNEMONIC_PREFETCH] = { fx_op_nop, 0, 0 },
	[ZYDIS_MNEMONIC_PREFETCHNTA] = { fx_op_nop, 0, 0 },
	[ZYDIS_MNEMONIC_PREFETCHT0] = { fx_op_nop, 0, 0 },
	[ZYDIS_MNEMONIC_PREFETCHT1] = { fx_op_nop, 0, 0 },
	[ZYDIS_MNEMONIC_PREFETCHT2] = { fx_op_nop, 0, 0 },
	[ZYDIS_MNEMONIC_PREFETCHW] = { fx_op_nop, 0, 0 },
	[ZYDIS_MNEMONIC_PREFETCHWT1] = { fx_op_nop, 0, 0 },
	[ZYDIS_MNEMONIC_LFENCE] = { fx_op_nop, 0, 0 },
	[ZYDIS_MNEMONIC_SFENCE] = { fx_op_nop, 0, 0 },
	[ZYDIS_MNEMONIC_MFENCE] = { fx_op_mfence, 0, 0 },
	[ZYDIS_MNEMONIC_PAUSE] = { fx_op_pause, 0, ENDS },
	[ZYDIS_MNEMONIC_JMP] = { fx_op_jmp, 0, ENDS },
	[ZYDIS_MNEMONIC_CALL] = { fx_op_call, 0, ENDS },
	[ZYDIS_MNEMONIC_RET] = { fx_op_ret, 0, ENDS },
	[ZYDIS_MNEMONIC_LOOP] = { fx_op_loop, 0, ENDS },
	[ZYDIS_MNEMONIC_LOOPE] = { fx_op_loop, 1, ENDS },
	[ZYDIS_MNEMONIC_LOOPNE] = { fx_op_loop, 2, ENDS },
	[ZYDIS_MNEMONIC_JCXZ] = { fx_op_jrcxz, 0, ENDS },
	[ZYDIS_MNEMONIC_JECXZ] = { fx_op_jrcxz, 0, ENDS },
	[ZYDIS_MNEMONIC_JRCXZ] = { fx_op_jrcxz, 0, ENDS },
	[ZYDIS_MNEMONIC_IRET] = { fx_op_iret, 0, ENDS | UNHANDLEABLE },
	[ZYDIS_MNEMONIC_IRETD] = { fx_op_iret, 0, ENDS | UNHANDLEABLE },
	[ZYDIS_MNEMONIC_IRETQ] = { fx_op_iret, 0, ENDS | UNHANDLEABLE },
	[ZYDIS_MNEMONIC_INT3] = { fx_op_int3, 0, ENDS },
	[ZYDIS_MNEMONIC_INT1] = { fx_op_int1, 0, ENDS },
	[ZYDIS_MNEMONIC_INT] = { fx_op_int, 0, ENDS },
	[ZYDIS_MNEMONIC_UD0] = { fx_op_ud2, 0, ENDS },
	[ZYDIS_MNEMONIC_UD1] = { fx_op_ud2, 0, ENDS },
	[ZYDIS_MNEMONIC_UD2] = { fx_op_ud2, 0, ENDS },
	[ZYDIS_MNEMONIC_SYSCALL] = { fx_op_syscall, 0, ENDS },
	[ZYDIS_MNEMONIC_SYSRET] = { fx_op_sysret, 0, ENDS },
	[ZYDIS_MNEMONIC_SYSENTER] = { fx_op_sysenter, 0, ENDS },
	[ZYDIS_MNEMONIC_SYSEXIT] = { fx_op_sysexit, 0, ENDS },
	[ZYDIS_MNEMONIC_HLT] = { fx_op_hlt, 0, ENDS },
	[ZYDIS_MNEMONIC_CPUID] = { fx_op_cpuid, 0, ENDS },
	[ZYDIS_MNEMONIC_VMCALL] = { fx_op_vmcall, 0, ENDS | UNIMPLEMENTED },
	[ZYDIS_MNEMONIC_VMMCALL] = { fx_op_vmcall, 0, ENDS | UNIMPLEMENTED },
	[ZYDIS_MNEMONIC_VMFUNC] = { fx_op_vmfunc, 0, ENDS },
	[ZYDIS_MNEMONIC_CLI] = { fx_op_cli, 0, ENDS },
	[ZYDIS_MNEMONIC_STI] = { fx_op_sti, 0, ENDS },
	[ZYDIS_MNEMONIC_LMSW] = { fx_op_lmsw, 0, ENDS },
	[ZYDIS_MNEMONIC_SMSW] = { fx_op_smsw, 0, 0 },
	[ZYDIS_MNEMONIC_CLTS] = { fx_op_clts, 0, ENDS },
	[ZYDIS_MNEMONIC_XSETBV] = { fx_op_xsetbv, 0, ENDS },
	[ZYDIS_MNEMONIC_XGETBV] = { fx_op_xgetbv, 0, 0 },
	[ZYDIS_MNEMONIC_RDMSR] = { fx_op_rdmsr, 0, ENDS },
	[ZYDIS_MNEMONIC_WRMSR] = { fx_op_wrmsr, 0, ENDS },
	[ZYDIS_MNEMONIC_RDTSC] = { fx_op_rdtsc, 0, 0 },
	[ZYDIS_MNEMONIC_RDTSCP] = { fx_op_rdtscp, 0, 0 },
	[ZYDIS_MNEMONIC_RDPMC] = { fx_op_rdpmc, 0, ENDS | UNIMPLEMENTED },
	[ZYDIS_MNEMONIC_INVLPG] = { fx_op_invlpg, 0, ENDS },
	[ZYDIS_MNEMONIC_WBINVD] = { fx_op_wbinvd, 0, 0 },
	[ZYDIS_MNEMONIC_SWAPGS] = { fx_op_swapgs, 0, 0 },
	[ZYDIS_MNEMONIC_RDFSBASE] = { fx_op_fsgsbase, 0, 0 },
	[ZYDIS_MNEMONIC_RDGSBASE] = { fx_op_fsgsbase, 1, 0 },
	[ZYDIS_MNEMONIC_WRFSBASE] = { fx_op_fsgsbase, 2, 0 },
	[ZYDIS_MNEMONIC_WRGSBASE] = { fx_op_fsgsbase, 3, 0 },
	[ZYDIS_MNEMONIC_IN] = { fx_op_io, 1, ENDS },
	[ZYDIS_MNEMONIC_OUT] = { fx_op_io, 0, ENDS },
	[ZYDIS_MNEMONIC_INSB] = { fx_op_io_string, 1, ENDS },
	[ZYDIS_MNEMONIC_INSW] = { fx_op_io_string, 1, ENDS },
	[ZYDIS_MNEMONIC_INSD] = { fx_op_io_string, 1, ENDS },
	[ZYDIS_MNEMONIC_OUTSB] = { fx_op_io_string, 0, ENDS },
	[ZYDIS_MNEMONIC_OUTSW] = { fx_op_io_string, 0, ENDS },
	[ZYDIS_MNEMONIC_OUTSD] = { fx_op_io_string, 0, ENDS },
	/* aux: the identity in the VM-exit instruction information */
	[ZYDIS_MNEMONIC_SGDT] = { fx_op_sgdt, 0, ENDS },
	[ZYDIS_MNEMONIC_SIDT] = { fx_op_sidt, 1, ENDS },
	[ZYDIS_MNEMONIC_LGDT] = { fx_op_lgdt, 2, ENDS },
	[ZYDIS_MNEMONIC_LIDT] = { fx_op_lidt, 3, ENDS },
	[ZYDIS_MNEMONIC_SLDT] = { fx_op_sldt, 0, ENDS },
	[ZYDIS_MNEMONIC_STR] = { fx_op_str, 1, ENDS },
	[ZYDIS_MNEMONIC_LLDT] = { fx_op_lldt, 2, ENDS },
	[ZYDIS_MNEMONIC_LTR] = { fx_op_ltr, 3, ENDS },
	[ZYDIS_MNEMONIC_MOVSB] = { fx_op_movs, 0, 0 },
	[ZYDIS_MNEMONIC_MOVSW] = { fx_op_movs, 0, 0 },
	[ZYDIS_MNEMONIC_MOVSQ] = { fx_op_movs, 0, 0 },
	[ZYDIS_MNEMONIC_STOSB] = { fx_op_stos, 0, 0 },
	[ZYDIS_MNEMONIC_STOSW] = { fx_op_stos, 0, 0 },
	[ZYDIS_MNEMONIC_STOSD] = { fx_op_stos, 0, 0 },
	[ZYDIS_MNEMONIC_STOSQ] = { fx_op_stos, 0, 0 },
	[ZYDIS_MNEMONIC_LODSB] = { fx_op_lods, 0, 0 },
	[ZYDIS_MNEMONIC_LODSW] = { fx_op_lods, 0, 0 },
	[ZYDIS_MNEMONIC_LODSD] = { fx_op_lods, 0, 0 },
	[ZYDIS_MNEMONIC_LODSQ] = { fx_op_lods, 0, 0 },
	[ZYDIS_MNEMONIC_SCASB] = { fx_op_scas, 0, 0 },
	[ZYDIS_MNEMONIC_SCASW] = { fx_op_scas, 0, 0 },
	[ZYDIS_MNEMONIC_SCASD] = { fx_op_scas, 0, 0 },
	[ZYDIS_MNEMONIC_SCASQ] = { fx_op_scas, 0, 0 },
	[ZYDIS_MNEMONIC_CMPSB] = { fx_op_cmps, 0, 0 },
	[ZYDIS_MNEMONIC_CMPSW] = { fx_op_cmps, 0, 0 },
	[ZYDIS_MNEMONIC_CMPSQ] = { fx_op_cmps, 0, 0 },
	/* aux: 1 if memory has to be aligned */
	[ZYDIS_MNEMONIC_MOVUPS] = { fx_op_vector_move, 0, 0 },
	[ZYDIS_MNEMONIC_MOVUPD] = { fx_op_vector_move, 0, 0 },
	[ZYDIS_MNEMONIC_MOVDQU] = { fx_op_vector_move, 0, 0 },
	[ZYDIS_MNEMONIC_LDDQU] = { fx_op_vector_move, 0, 0 },
	[ZYDIS_MNEMONIC_MOVAPS] = { fx_op_vector_move, 1, 0 },
	[ZYDIS_MNEMONIC_MOVAPD] = { fx_op_vector_move, 1, 0 },
	[ZYDIS_MNEMONIC_MOVDQA] = { fx_op_vector_move, 1, 0 },
	[ZYDIS_MNEMONIC_MOVNTPS] = { fx_op_vector_move, 1, 0 },
	[ZYDIS_MNEMONIC_MOVNTPD] = { fx_op_vector_move, 1, 0 },
	[ZYDIS_MNEMONIC_MOVNTDQ] = { fx_op_vector_move, 1, 0 },
	/* aux: bytes; from register to register movss and movsd leave the rest alone (16) */
	[ZYDIS_MNEMONIC_MOVD] = { fx_op_vector_scalar, 4, 0 },
	[ZYDIS_MNEMONIC_MOVQ] = { fx_op_vector_scalar, 8, 0 },
	[ZYDIS_MNEMONIC_MOVSS] = { fx_op_vector_scalar, 4 | 16, 0 },
	/* aux: 0 and, 1 and-not, 2 or, 3 xor */
	[ZYDIS_MNEMONIC_PAND] = { fx_op_vector_logic, 0, 0 },
	[ZYDIS_MNEMONIC_ANDPS] = { fx_op_vector_logic, 0, 0 },
	[ZYDIS_MNEMONIC_ANDPD] = { fx_op_vector_logic, 0, 0 },
	[ZYDIS_MNEMONIC_PANDN] = { fx_op_vector_logic, 1, 0 },
	[ZYDIS_MNEMONIC_ANDNPS] = { fx_op_vector_logic, 1, 0 },
	[ZYDIS_MNEMONIC_ANDNPD] = { fx_op_vector_logic, 1, 0 },
	[ZYDIS_MNEMONIC_POR] = { fx_op_vector_logic, 2, 0 },
	[ZYDIS_MNEMONIC_ORPS] = { fx_op_vector_logic, 2, 0 },
	[ZYDIS_MNEMONIC_ORPD] = { fx_op_vector_logic, 2, 0 },
	[ZYDIS_MNEMONIC_PXOR] = { fx_op_vector_logic, 3, 0 },
	[ZYDIS_MNEMONIC_XORPS] = { fx_op_vector_logic, 3, 0 },
	[ZYDIS_MNEMONIC_XORPD] = { fx_op_vector_logic, 3, 0 },
	[ZYDIS_MNEMONIC_FXSAVE] = { fx_op_fxsave, 0, 0 },
	[ZYDIS_MNEMONIC_FXSAVE64] = { fx_op_fxsave, 0, 0 },
	[ZYDIS_MNEMONIC_FXRSTOR] = { fx_op_fxrstor, 0, 0 },
	[ZYDIS_MNEMONIC_FXRSTOR64] = { fx_op_fxrstor, 0, 0 },
	[ZYDIS_MNEMONIC_XSAVE] = { fx_op_xsave, 0, UNIMPLEMENTED },
	[ZYDIS_MNEMONIC_XSAVE64] = { fx_op_xsave, 0, UNIMPLEMENTED },
	[ZYDIS_MNEMONIC_XSAVEOPT] = { fx_op_xsave, 0, UNHANDLEABLE },
	[ZYDIS_MNEMONIC_XSAVEOPT64] = { fx_op_xsave, 0, UNHANDLEABLE },
	[ZYDIS_MNEMONIC_XRSTOR] = { fx_op_xrstor, 0, UNHANDLEABLE },
	[ZYDIS_MNEMONIC_XRSTOR64] = { fx_op_xrstor, 0, UNHANDLEABLE },
	[ZYDIS_MNEMONIC_LDMXCSR] = { fx_op_ldmxcsr, 0, 0 },
	[ZYDIS_MNEMONIC_STMXCSR] = { fx_op_stmxcsr, 0, 0 },
	[ZYDIS_MNEMONIC_FNINIT] = { fx_op_fninit, 0, 0 },
	[ZYDIS_MNEMONIC_FWAIT] = { fx_op_nop, 0, 0 },
	[ZYDIS_MNEMONIC_FNSTCW] = { fx_op_fnstcw, 0, 0 },
	[ZYDIS_MNEMONIC_FLDCW] = { fx_op_fldcw, 0, 0 },
	[ZYDIS_MNEMONIC_FNSTSW] = { fx_op_fnstsw, 0, 0 },
};

static uint8_t segment_number(ZydisRegister reg)
{
	switch (reg) {
	case ZYDIS_REGISTER_ES: return FX_ES;
	case ZYDIS_REGISTER_CS: return FX_CS;
	case ZYDIS_REGISTER_SS: return FX_SS;
	case ZYDIS_REGISTER_FS: return FX_FS;
	case ZYDIS_REGISTER_GS: return FX_GS;
	default: return FX_DS;
	}
}

static uint8_t gpr_offset(ZydisRegister reg)
{
	if (reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH)
		return (uint8_t)(8 * (reg - ZYDIS_REGISTER_AH) + 1);
	if (reg >= ZYDIS_REGISTER_AL && reg <= ZYDIS_REGISTER_BL)
		return (uint8_t)(8 * (reg - ZYDIS_REGISTER_AL));
	if (reg >= ZYDIS_REGISTER_SPL && reg <= ZYDIS_REGISTER_R15B)
		return (uint8_t)(8 * (reg - ZYDIS_REGISTER_SPL + 4));
	return (uint8_t)(8 * ZydisRegisterGetId(reg));
}

static void take_register(struct fx_operand *operand, ZydisRegister reg)
{
	switch (ZydisRegisterGetClass(reg)) {
	case ZYDIS_REGCLASS_GPR8:
	case ZYDIS_REGCLASS_GPR16:
	case ZYDIS_REGCLASS_GPR32:
	case ZYDIS_REGCLASS_GPR64:
		operand->kind = FX_OPERAND_REGISTER;
		operand->reg = gpr_offset(reg);
		break;
	case ZYDIS_REGCLASS_XMM:
		operand->kind = FX_OPERAND_VECTOR;
		operand->reg = (uint8_t)ZydisRegisterGetId(reg);
		break;
	case ZYDIS_REGCLASS_SEGMENT:
		operand->kind = FX_OPERAND_SYSTEM;
		operand->reg = segment_number(reg);
		break;
	case ZYDIS_REGCLASS_CONTROL:
	case ZYDIS_REGCLASS_DEBUG:
		operand->kind = FX_OPERAND_SYSTEM;
		operand->reg = (uint8_t)ZydisRegisterGetId(reg);
		break;
	default:        /* MMX, x87, YMM: nothing executes them */
		operand->kind = FX_OPERAND_NONE;
		break;
	}
}

static void take_memory(struct fx_op *op, const ZydisDecodedOperandMem *mem, bool code64)
{
	op->displacement = mem->disp.has_displacement ? mem->disp.value : 0;
	op->base = op->index = FX_BASE_NONE;
	if (mem->base == ZYDIS_REGISTER_RIP || mem->base == ZYDIS_REGISTER_EIP)
		op->base = FX_BASE_RIP;
	else if (mem->base != ZYDIS_REGISTER_NONE)
		op->base = gpr_offset(mem->base);
	if (mem->index != ZYDIS_REGISTER_NONE) {
		op->index = gpr_offset(mem->index);
		op->scale = (uint8_t)__builtin_ctz(mem->scale ? mem->scale : 1);
	}
	op->segment = segment_number(mem->segment);
	if (!code64 || op->segment == FX_FS || op->segment == FX_GS)
		op->flags |= FX_OP_SEGMENT_BASE;
}

/* When all of the instruction is known. */
static void note_plain_address(struct fx_op *op, bool code64)
{
	if (code64 && op->address_size == 8 && op->base != FX_BASE_RIP &&
		!(op->flags & FX_OP_SEGMENT_BASE))
		op->flags |= FX_OP_PLAIN_ADDRESS;
}

static void take_operand(struct fx_op *op, unsigned int number, const ZydisDecodedOperand *from,
	bool code64)
{
	struct fx_operand *to = &op->operand[number];

	to->size = (uint8_t)(from->size / 8);
	switch (from->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		take_register(to, from->reg.value);
		break;
	case ZYDIS_OPERAND_TYPE_MEMORY:
		to->kind = FX_OPERAND_MEMORY;
		take_memory(op, &from->mem, code64);
		break;
	case ZYDIS_OPERAND_TYPE_POINTER:
		to->kind = FX_OPERAND_IMMEDIATE;
		op->immediate = from->ptr.offset;
		op->displacement = from->ptr.segment;
		break;
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		to->kind = FX_OPERAND_IMMEDIATE;
		if (number && op->operand[number - 1].kind == FX_OPERAND_IMMEDIATE)
			op->displacement = from->imm.value.s;
		else
			op->immediate = from->imm.value.u;
		break;
	default:
		to->kind = FX_OPERAND_NONE;
		break;
	}
}

/* Forms that share a mnemonic and have nothing else in common. */
static struct known special(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *operand)
{
	bool string = insn->meta.category == ZYDIS_CATEGORY_STRINGOP;
	ZydisRegisterClass to = ZYDIS_REGCLASS_INVALID, from = ZYDIS_REGCLASS_INVALID;

	switch (insn->mnemonic) {
	case ZYDIS_MNEMONIC_MOVSD:
		return string ? (struct known){ fx_op_movs, 0, 0 } :
			(struct known){ fx_op_vector_scalar, 8 | 16, 0 };
	case ZYDIS_MNEMONIC_CMPSD:
		return string ? (struct known){ fx_op_cmps, 0, 0 } : (struct known){ NULL, 0, 0 };
	case ZYDIS_MNEMONIC_JMP:
	case ZYDIS_MNEMONIC_CALL:
	case ZYDIS_MNEMONIC_RET:
		if (insn->meta.branch_type != ZYDIS_BRANCH_TYPE_FAR)
			break;
		return (struct known){ insn->mnemonic == ZYDIS_MNEMONIC_JMP ? fx_op_far_jump :
			insn->mnemonic == ZYDIS_MNEMONIC_CALL ? fx_op_far_call : fx_op_far_return,
			0, ENDS };
	case ZYDIS_MNEMONIC_MOV:
		if (operand[0].type == ZYDIS_OPERAND_TYPE_REGISTER)
			to = ZydisRegisterGetClass(operand[0].reg.value);
		if (operand[1].type == ZYDIS_OPERAND_TYPE_REGISTER)
			from = ZydisRegisterGetClass(operand[1].reg.value);
		if (to == ZYDIS_REGCLASS_CONTROL)
			return (struct known){ fx_op_mov_to_cr, 0, ENDS };
		if (from == ZYDIS_REGCLASS_CONTROL)
			return (struct known){ fx_op_mov_from_cr, 0, 0 };
		if (to == ZYDIS_REGCLASS_DEBUG)
			return (struct known){ fx_op_mov_to_dr, 0, ENDS | UNHANDLEABLE };
		if (from == ZYDIS_REGCLASS_DEBUG)
			return (struct known){ fx_op_mov_from_dr, 0, UNHANDLEABLE };
		if (to == ZYDIS_REGCLASS_SEGMENT)
			return (struct known){ fx_op_mov_to_segment, 0, ENDS };
		if (from == ZYDIS_REGCLASS_SEGMENT)
			return (struct known){ fx_op_mov_from_segment, 0, 0 };
		break;
	default:
		break;
	}
	return known[insn->mnemonic];
}

/* String instructions and xlat name no operand, but their source has a segment to choose. */
static void take_implicit_segment(struct fx_op *op, const ZydisDecodedInstruction *insn,
	const ZydisDecodedOperand *operand, bool code64)
{
	ZydisRegister base;

	if (insn->meta.category != ZYDIS_CATEGORY_STRINGOP &&
	    insn->meta.category != ZYDIS_CATEGORY_IOSTRINGOP &&
	    insn->mnemonic != ZYDIS_MNEMONIC_XLAT)
		return;
	for (unsigned int i = 0; i < insn->operand_count; i++) {
		if (operand[i].type != ZYDIS_OPERAND_TYPE_MEMORY)
			continue;
		base = operand[i].mem.base;
		if (ZydisRegisterGetId(base) == FX_RSI || ZydisRegisterGetId(base) == FX_RBX)
			take_memory(op, &operand[i].mem, code64);
	}
}

static void take_instruction(struct fx_op *op, const ZydisDecodedInstruction *insn,
	const ZydisDecodedOperand *operand, bool code64)
{
	struct known as = special(insn, operand);
	unsigned int count = insn->operand_count_visible;

	op->length = insn->length;
	op->size = insn->operand_width / 8;
	op->address_size = insn->address_width / 8;
	op->run = as.run ? as.run : fx_op_unknown;
	op->aux = as.aux;
	op->flags = as.run ? as.flags : ENDS;
	if (insn->attributes & ZYDIS_ATTRIB_HAS_LOCK)
		op->flags |= FX_OP_LOCK;
	if (insn->attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE))
		op->flags |= FX_OP_REP;
	if (insn->attributes & ZYDIS_ATTRIB_HAS_REPNE)
		op->flags |= FX_OP_REPNE;
	for (unsigned int i = 0; i < count && i < 3; i++)
		take_operand(op, i, &operand[i], code64);
	/* exchanging with memory locks the bus with or without the prefix */
	if (insn->mnemonic == ZYDIS_MNEMONIC_XCHG)
		op->flags |= FX_OP_LOCK;
	if (insn->mnemonic == ZYDIS_MNEMONIC_LEA)
		op->flags &= (uint8_t)~FX_OP_SEGMENT_BASE;
	take_implicit_segment(op, insn, operand, code64);
	note_plain_address(op, code64);
	fx_quicken(op, code64);
}

int fx_decode(struct fx_op *op, const uint8_t *bytes, unsigned int size, bool code64)
{
#define NEWER { [ZYDIS_DECODER_MODE_LZCNT] = true, [ZYDIS_DECODER_MODE_TZCNT] = true,	\
		[ZYDIS_DECODER_MODE_CET] = true }
	static const ZydisDecoder decoders[2] = {
		{ ZYDIS_MACHINE_MODE_LONG_COMPAT_32, ZYDIS_STACK_WIDTH_32, NEWER },
		{ ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64, NEWER },
	};
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand operand[ZYDIS_MAX_OPERAND_COUNT];
	ZyanStatus status;

	memset(op, 0, sizeof(*op));
	op->base = op->index = FX_BASE_NONE;
	op->segment = FX_DS;
	if (size > ZYDIS_MAX_INSTRUCTION_LENGTH)
		size = ZYDIS_MAX_INSTRUCTION_LENGTH;
	status = ZydisDecoderDecodeFull(&decoders[code64], bytes, size, &insn, operand);
	if (status == ZYDIS_STATUS_NO_MORE_DATA)
		return -E2BIG;
	if (!ZYAN_SUCCESS(status)) {
		op->run = status == ZYDIS_STATUS_INSTRUCTION_TOO_LONG ? fx_op_too_long :
			fx_op_unknown;
		op->length = 1;
		op->flags = ENDS;
		return -EINVAL;
	}
	take_instruction(op, &insn, operand, code64);
	return 0;
}
