/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* emulation.c: the table. */
#include "altp2m/emulation.h"

#include <Zydis/Zydis.h>

/*
 * With their memory operand's page closed, with their own page closed, and in place of an INT3. Not
 * there: MUL, IMUL of three operands, BSF and BSR, which leave other undefined flags; all of SSE, AVX
 * and x87 but plain moves and XOR, since of these only some forms were run; what was not run at
 * all.
 */
#define RIGHT(X)                                                                              \
	X(ADC) X(ADD) X(AND) X(BT) X(BTC) X(BTR) X(BTS) X(CALL) X(CMOVB) X(CMOVBE)            \
	X(CMOVL) X(CMOVLE) X(CMOVNB) X(CMOVNBE) X(CMOVNL) X(CMOVNLE) X(CMOVNO) X(CMOVNP)      \
	X(CMOVNS) X(CMOVNZ) X(CMOVO) X(CMOVP) X(CMOVS) X(CMOVZ) X(CMP) X(CMPXCHG)             \
	X(CMPXCHG16B) X(CMPXCHG8B) X(DEC) X(DIV) X(ENDBR64) X(ENTER) X(INC) X(JB) X(JBE)      \
	X(JL) X(JLE) X(JMP) X(JNB) X(JNBE) X(JNL) X(JNLE) X(JNO) X(JNP) X(JNS) X(JNZ)         \
	X(JO) X(JP) X(JS) X(JZ) X(LEAVE) X(MOV) X(MOVAPS) X(MOVBE) X(MOVDQA) X(MOVDQU)        \
	X(MOVNTI) X(MOVSB) X(MOVSQ) X(MOVSW) X(MOVSX) X(MOVSXD) X(MOVUPS) X(MOVZX)     \
	X(NEG) X(NOP) X(NOT) X(OR) X(POP) X(POPCNT) X(PUSH) X(RCL) X(RCR) X(RET) X(ROL)       \
	X(ROR) X(SAR) X(SBB) X(SETB) X(SETBE) X(SETL) X(SETLE) X(SETNB) X(SETNBE)             \
	X(SETNL) X(SETNLE) X(SETNO) X(SETNP) X(SETNS) X(SETNZ) X(SETO) X(SETP) X(SETS)        \
	X(SETZ) X(SHL) X(SHLD) X(SHR) X(SHRD) X(STOSB) X(STOSD) X(STOSQ) X(STOSW) X(SUB)      \
	X(TEST) X(XADD) X(XCHG) X(XOR) X(XORPS)

/* Loads under a mask read what is fed to them from the wrong end. */
#define OWN_DATA(X) X(VMASKMOVPD) X(VMASKMOVPS) X(VPMASKMOVD) X(VPMASKMOVQ)
#define UNIMPLEMENTED(X) X(XSAVE) X(XSAVE64) X(RDPMC) X(VMCALL)
#define FAULTS(X) X(IRETQ) X(XRSTOR) X(XRSTOR64) X(XSAVEOPT) X(XSAVEOPT64)
#define ENDLESS(X) X(INT)
#define PANICS(X) X(VCVTPS2PH)

#define ENTRY(verdict, name) [ZYDIS_MNEMONIC_##name] = RS_EMULATION_##verdict,
#define ENTRY_RIGHT(name) ENTRY(RIGHT, name)
#define ENTRY_OWN_DATA(name) ENTRY(OWN_DATA, name)
#define ENTRY_UNIMPLEMENTED(name) ENTRY(UNIMPLEMENTED, name)
#define ENTRY_FAULTS(name) ENTRY(FAULTS, name)
#define ENTRY_ENDLESS(name) ENTRY(ENDLESS, name)
#define ENTRY_PANICS(name) ENTRY(PANICS, name)

static const uint8_t table[ZYDIS_MNEMONIC_MAX_VALUE + 1] = {
	RIGHT(ENTRY_RIGHT) OWN_DATA(ENTRY_OWN_DATA) UNIMPLEMENTED(ENTRY_UNIMPLEMENTED)
	FAULTS(ENTRY_FAULTS) ENDLESS(ENTRY_ENDLESS) PANICS(ENTRY_PANICS)
};

enum rs_emulation rs_emulation_of(uint32_t mnemonic)
{
	return mnemonic <= ZYDIS_MNEMONIC_MAX_VALUE ? (enum rs_emulation)table[mnemonic]
						    : RS_EMULATION_UNKNOWN;
}
