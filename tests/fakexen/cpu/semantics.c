/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* semantics.c: what instructions compute, against the processor that the test runs on: each
 * form is executed by both from the same registers, flags, memory and stack, several times.
 * The machine's memory lies at the same address for both, so pointers agree too. */
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/fakexen/cpu/machine.h"
#include "tests/unit/tap.h"

enum { CF = 1, PF = 4, AF = 16, ZF = 64, SF = 128, DF = 1024, OF = 2048,
       ARITHMETIC = CF | PF | AF | ZF | SF | OF };
enum { TRIES = 60, DATA = MACHINE_DATA, AREA = 4096, STACK_AT = 3072 };
enum {
	COUNT_7 = 1 << 16,              /* CL at most 7, 15 */
	COUNT_15 = 1 << 17,
	DIVIDES = 1 << 18               /* RDX made small, so that not all divisions fault */
};

struct form {
	const uint8_t *code, *end;
	const char *text;
	uint64_t options;               /* flags left undefined, and the above */
} __attribute__((aligned(8)));

/* The assembler has to know them too: a form's options are put down by it. */
__asm__(".set CF, 1\n.set PF, 4\n.set AF, 16\n.set ZF, 64\n.set SF, 128\n.set OF, 2048\n"
	".set ARITHMETIC, 0x8d5\n.set COUNT_7, 1 << 16\n.set COUNT_15, 1 << 17\n"
	".set DIVIDES, 1 << 18\n"
	/* what multiplication, division, bit tests and bit scans leave undefined */
	".set PRODUCT, PF + AF + ZF + SF\n.set DIVISION, ARITHMETIC + DIVIDES\n"
	".set BIT, PF + AF + SF + OF\n.set SCAN, BIT + CF");

/* One form: `text` may be several instructions. */
#define FORM(options, text)							\
	__asm__(".pushsection forms, \"aw\"\n.quad 771f, 772f, 773f, " #options "\n.popsection\n" \
		".pushsection .rodata\n771: " text "\n772:\n773: .asciz \"" text "\"\n.popsection\n")
#define SIZES(options, name, operands64, operands32, operands16, operands8)	\
	FORM(options, name "q " operands64); FORM(options, name "l " operands32); \
	FORM(options, name "w " operands16); FORM(options, name "b " operands8)
#define ALU(options, name)							\
	SIZES(options, name, "%r8, %rax", "%r8d, %eax", "%r8w, %ax", "%dl, %ah");	\
	SIZES(options, name, "%rcx, 8(%rsi)", "%ecx, 8(%rsi)", "%cx, 7(%rsi)", "%dh, 3(%rsi)"); \
	SIZES(options, name, "(%rsi,%rbx,4), %r11", "(%rsi,%rbx,4), %r11d", "4(%rdi), %dx", \
		"(%rdi), %bpl");						\
	SIZES(options, name, "$-5, %r9", "$0x12345678, %r9d", "$0x1234, %r9w", "$-128, %cl"); \
	SIZES(options, name, "$1, (%rdi)", "$-1, (%rdi)", "$0x7fff, (%rdi)", "$0x80, (%rdi)")
#define UNARY(options, name)							\
	SIZES(options, name, "%rdx", "%r10d", "%ax", "%ch");			\
	SIZES(options, name, "(%rsi)", "12(%rsi)", "(%rdi)", "-9(%rdi)")
#define SHIFT(one, some, name)							\
	SIZES(one, name, "$1, %rax", "$1, %eax", "$1, %ax", "$1, %ah");		\
	SIZES(some, name, "$5, %rdx", "$31, %edx", "$9, %dx", "$3, %dl");	\
	SIZES(some, name, "$63, (%rsi)", "$17, (%rsi)", "$15, (%rsi)", "$7, (%rsi)"); \
	FORM(some, name "q %cl, %r8"); FORM(some, name "l %cl, %r8d");		\
	FORM(some + COUNT_15, name "w %cl, %r8w"); FORM(some + COUNT_7, name "b %cl, (%rdi)")
#define CONDITION(name)								\
	FORM(0, "set" name " %al"); FORM(0, "set" name " (%rsi)");		\
	FORM(0, "cmov" name " %r8, %rax"); FORM(0, "cmov" name " (%rdi), %ecx"); \
	FORM(0, "j" name " 1f; movl $1, %eax; 1: incl %ecx")
#define BITS(name)								\
	FORM(BIT, name "q $37, %rax"); FORM(BIT, name "l %ecx, %edx");	\
	FORM(BIT, name "w $15, (%rsi)"); FORM(BIT, "andl $511, %ecx; " name "q %rcx, (%rsi)"); \
	FORM(BIT, "movq $-700, %rcx; " name "l %ecx, 128(%rdi)")
#define STRING(options, name)							\
	FORM(options, name "b"); FORM(options, name "w"); FORM(options, name "l"); \
	FORM(options, name "q");							\
	FORM(options, "std; addq $64, %rsi; addq $64, %rdi; " name "w; cld")

ALU(0, "add"); ALU(0, "adc"); ALU(0, "sub"); ALU(0, "sbb"); ALU(0, "cmp");
ALU(AF, "and"); ALU(AF, "or"); ALU(AF, "xor");
SIZES(AF, "test", "%r8, %rax", "%r8d, 8(%rsi)", "$0x8001, (%rdi)", "$0x81, %ah");
UNARY(0, "inc"); UNARY(0, "dec"); UNARY(0, "neg"); UNARY(0, "not");
SIZES(0, "lock addq %rax, (%rsi); xadd", "%rax, %rdx", "%eax, (%rsi)", "%cx, %cx", "%ah, (%rdi)");
SIZES(0, "lock incl (%rsi); cmpxchg", "%r8, %rax", "%r8d, (%rsi)", "%r8w, %dx", "%dl, (%rdi)");
FORM(0, "movq (%rsi), %rax; lock cmpxchgq %r9, (%rsi)");
FORM(0, "movl (%rsi), %eax; cmpxchgl %r9d, (%rsi)");
FORM(0, "cmpxchg8b (%rsi)");
FORM(0, "movl (%rsi), %eax; movl 4(%rsi), %edx; lock cmpxchg8b (%rsi)");
FORM(0, "cmpxchg16b (%rsi)");
FORM(0, "movq (%rsi), %rax; movq 8(%rsi), %rdx; lock cmpxchg16b (%rsi)");
SHIFT(AF, AF + OF, "shl"); SHIFT(AF, AF + OF, "shr"); SHIFT(AF, AF + OF, "sar");
SHIFT(0, OF, "rol"); SHIFT(0, OF, "ror"); SHIFT(0, OF, "rcl"); SHIFT(0, OF, "rcr");
FORM(AF + OF, "shldq $13, %r8, %rax"); FORM(AF + OF, "shrdq $13, %r8, (%rsi)");
FORM(AF + OF, "shldl $31, %r8d, %eax"); FORM(AF + OF, "shrdl %cl, %r8d, (%rsi)");
FORM(AF + OF, "shldq %cl, %r8, (%rdi)"); FORM(AF + OF, "shldw $5, %r8w, %ax");
FORM(AF + OF + COUNT_15, "shrdw %cl, %r8w, %ax");
FORM(AF + OF + COUNT_15, "shldw %cl, %r8w, (%rsi)");
FORM(PRODUCT, "mulq %r8"); FORM(PRODUCT, "mull (%rsi)"); FORM(PRODUCT, "mulw %r9w");
FORM(PRODUCT, "mulb %dl");
FORM(PRODUCT, "imulq %r8"); FORM(PRODUCT, "imull (%rsi)"); FORM(PRODUCT, "imulw %r9w");
FORM(PRODUCT, "imulb %dh");
FORM(PRODUCT, "imulq %r8, %rax"); FORM(PRODUCT, "imull (%rsi), %edx");
FORM(PRODUCT, "imulw %ax, %cx");
FORM(PRODUCT, "imulq $-77, %r8, %rax"); FORM(PRODUCT, "imull $99999, (%rsi), %edx");
FORM(PRODUCT, "imulw $300, %ax, %cx");
FORM(DIVISION, "divq %r8"); FORM(DIVISION, "divl (%rsi)"); FORM(DIVISION, "divw %r9w");
FORM(DIVISION, "divb %cl"); FORM(DIVISION, "idivq %r8"); FORM(DIVISION, "idivl (%rsi)");
FORM(DIVISION, "idivw %r9w"); FORM(DIVISION, "idivb %cl"); FORM(DIVISION, "cqto; idivq %rcx");
FORM(DIVISION, "cltd; idivl %ecx"); FORM(DIVISION, "movabsq $-9223372036854775808, %rax; cqto; "
	"movq $-1, %rcx; idivq %rcx");
BITS("bt"); BITS("bts"); BITS("btr"); BITS("btc");
FORM(BIT, "lock btsq $3, (%rsi)");
FORM(SCAN, "bsfq %r8, %rax"); FORM(SCAN, "bsrq %r8, %rax"); FORM(SCAN, "bsfl (%rsi), %eax");
FORM(SCAN, "bsrw %cx, %dx"); FORM(SCAN, "xorl %ecx, %ecx; bsfq %rcx, %rax");
FORM(0, "popcntq %r8, %rax"); FORM(0, "popcntl (%rsi), %eax"); FORM(0, "popcntw %cx, %dx");
FORM(BIT, "tzcntq %r8, %rax"); FORM(BIT, "lzcntq %r8, %rax"); FORM(BIT, "tzcntl (%rsi), %eax");
FORM(BIT, "lzcntw %cx, %dx"); FORM(BIT, "xorl %ecx, %ecx; lzcntl %ecx, %eax");
FORM(0, "bswapq %rax"); FORM(0, "bswapl %r9d");
SIZES(0, "mov", "%r8, %rax", "%r8d, %eax", "%r8w, %ax", "%ah, %dl");
SIZES(0, "mov", "(%rsi), %rax", "%r8d, 3(%rsi)", "%ax, -2(%rsi)", "%bh, (%rdi)");
SIZES(0, "mov", "$-2, (%rsi)", "$77, %r10d", "$0x8000, (%rdi)", "$9, %sil");
FORM(0, "movabsq $0x1122334455667788, %r9");
FORM(0, "movzbl %ah, %eax"); FORM(0, "movzbq (%rsi), %r8"); FORM(0, "movzwl %cx, %edx");
FORM(0, "movzbw (%rsi), %ax"); FORM(0, "movsbl %ah, %eax"); FORM(0, "movsbq (%rsi), %r8");
FORM(0, "movswl %cx, %edx"); FORM(0, "movsbw (%rsi), %ax"); FORM(0, "movslq (%rsi), %rdx");
FORM(0, "movslq %r8d, %rax");
FORM(0, "movbeq (%rsi), %rax"); FORM(0, "movbel %ecx, (%rsi)"); FORM(0, "movbew (%rdi), %dx");
FORM(0, "movntiq %rax, (%rsi)"); FORM(0, "movntil %ecx, (%rdi)");
FORM(0, "leaq 77(%rsi,%rdi,8), %rax"); FORM(0, "leal -1(%rax,%rcx,2), %edx");
FORM(0, "leaw (%rcx), %dx"); FORM(0, "leaq 5(%eax,%ecx), %r9"); FORM(0, "leaq (,%rcx,4), %rax");
SIZES(0, "xchg", "%r8, %rax", "%r8d, (%rsi)", "%ax, %cx", "%ah, (%rdi)");
FORM(0, "xchgl %eax, %eax"); FORM(0, "xchgl %r8d, %r8d");
FORM(0, "pushq %rax"); FORM(0, "pushq %rsp"); FORM(0, "pushq $-3"); FORM(0, "pushq (%rsi)");
FORM(0, "pushw %ax"); FORM(0, "pushw $0x1234"); FORM(0, "popq %rcx"); FORM(0, "popq %rsp");
FORM(0, "popq (%rsi)"); FORM(0, "popq 8(%rsp)"); FORM(0, "popw %dx"); FORM(0, "popw (%rdi)");
FORM(0, "pushfq; popq %rax; andl $0xcd5, %eax"); FORM(0, "pushq $0x8d5; popfq");
FORM(0, "pushw $0x41; popfw"); FORM(0, "enter $32, $0"); FORM(0, "movq %rsp, %rbp; enter $8, $1");
FORM(0, "leaq 128(%rsp), %rbp; enter $16, $3"); FORM(0, "leaq 64(%rsp), %rbp; leave");
FORM(0, "leaq (%rdi), %rbx; xlatb"); FORM(0, "cbtw"); FORM(0, "cwtl"); FORM(0, "cltq");
FORM(0, "cwtd"); FORM(0, "cltd"); FORM(0, "cqto"); FORM(0, "sahf"); FORM(0, "lahf");
FORM(0, "clc"); FORM(0, "stc"); FORM(0, "cmc"); FORM(0, "stc; cmc; adcq $0, %rax");
FORM(0, "nop; nopw 8(%rsi); endbr64; prefetcht0 (%rsi); mfence; lfence; sfence");
CONDITION("o"); CONDITION("no"); CONDITION("b"); CONDITION("ae"); CONDITION("e"); CONDITION("ne");
CONDITION("be"); CONDITION("a"); CONDITION("s"); CONDITION("ns"); CONDITION("p"); CONDITION("np");
CONDITION("l"); CONDITION("ge"); CONDITION("le"); CONDITION("g");
FORM(0, "movl $5, %ecx; 1: addl %ecx, %eax; loop 1b");
FORM(0, "movl $5, %ecx; 1: decl %eax; loope 1b"); FORM(0, "movl $5, %ecx; 1: decl %eax; loopne 1b");
FORM(0, "xorl %ecx, %ecx; jrcxz 1f; incl %eax; 1: jecxz 2f; incl %edx; 2:");
FORM(0, "call 1f; incl %eax; jmp 2f; 1: ret; 2: decl %ecx");
FORM(0, "pushq $7; call 1f; incl %eax; jmp 2f; 1: ret $8; 2: decl %ecx");
FORM(0, "leaq 1f(%rip), %rax; pushq %rax; call *(%rsp); jmp 2f; 1: ret; 2: popq %rdx");
FORM(0, "jmp 1f; .byte 0xcc; 1: movl 2f(%rip), %eax; jmp 3f; 2: .long 0x12345; 3:");
STRING(0, "movs"); STRING(0, "stos"); STRING(0, "lods"); STRING(0, "scas"); STRING(0, "cmps");
FORM(0, "movl $9, %ecx; rep movsb"); FORM(0, "movl $300, %ecx; rep stosw");
FORM(0, "movl $3, %ecx; rep lodsq"); FORM(0, "movl $200, %ecx; repne scasb");
FORM(0, "movl $20, %ecx; xorl %eax, %eax; repe scasb");
FORM(0, "movl $20, %ecx; movq %rsi, %rdi; repe cmpsb"); FORM(0, "movl $20, %ecx; repne cmpsb");
FORM(0, "movl $64, %ecx; leaq 1(%rsi), %rdi; rep movsb"); FORM(0, "xorl %ecx, %ecx; rep stosq");
FORM(0, "xorl %ecx, %ecx; repe cmpsb"); FORM(0, "addq $2000, %rsi; movl $500, %ecx; rep movsb");
FORM(0, "movups (%rsi), %xmm1; movups %xmm1, (%rdi)");
FORM(0, "movdqu (%rsi), %xmm9; movdqu 16(%rsi), %xmm2; pxor %xmm9, %xmm2; movdqu %xmm2, (%rdi)");
FORM(0, "movdqu (%rsi), %xmm3; movdqu 5(%rsi), %xmm4; pandn %xmm3, %xmm4; por %xmm3, %xmm4; "
	"movdqu %xmm4, (%rdi)");
FORM(0, "movdqu (%rsi), %xmm3; pand 16(%rsi), %xmm3; movaps %xmm3, %xmm5; movups %xmm5, (%rdi)");
FORM(0, "movq %rax, %xmm0; movq %xmm0, %rcx; movd %edx, %xmm1; movd %xmm1, (%rdi); movq %xmm0, 8(%rdi)");
FORM(0, "movdqu (%rsi), %xmm1; movdqu 16(%rsi), %xmm2; movss %xmm1, %xmm2; movsd %xmm2, %xmm1; "
	"movdqu %xmm1, (%rdi); movdqu %xmm2, 16(%rdi)");
FORM(0, "movss (%rsi), %xmm1; movsd 8(%rsi), %xmm2; movdqu %xmm1, (%rdi); movdqu %xmm2, 16(%rdi); "
	"movss %xmm2, 40(%rdi)");
FORM(0, "movq (%rsi), %xmm7; movdqu %xmm7, (%rdi)");

extern const struct form __start_forms[], __stop_forms[];

struct registers {
	uint64_t gpr[16], rflags;
};

/* native_enter(registers): loads all of them, jumps to native_code, and comes back from
 * there to native_back, which stores them. The stack pointer is the guest's in between. */
uint64_t native_rsp, native_scratch;
const void *native_code;
struct registers *native_registers;
void native_enter(void);
void native_back(void);
__asm__(
	".text\nnative_enter:\n"
	"push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"mov %rsp, native_rsp(%rip)\n"
	"mov native_registers(%rip), %rdi\n"
	"pushq 128(%rdi); popfq\n"
	"mov 0(%rdi), %rax; mov 8(%rdi), %rcx; mov 16(%rdi), %rdx; mov 24(%rdi), %rbx\n"
	"mov 32(%rdi), %rsp; mov 40(%rdi), %rbp; mov 48(%rdi), %rsi\n"
	"mov 64(%rdi), %r8; mov 72(%rdi), %r9; mov 80(%rdi), %r10; mov 88(%rdi), %r11\n"
	"mov 96(%rdi), %r12; mov 104(%rdi), %r13; mov 112(%rdi), %r14; mov 120(%rdi), %r15\n"
	"mov 56(%rdi), %rdi\n"
	"jmp *native_code(%rip)\n"
	"native_back:\n"
	"mov %rdi, native_scratch(%rip)\n"
	"mov native_registers(%rip), %rdi\n"
	"mov %rax, 0(%rdi); mov %rcx, 8(%rdi); mov %rdx, 16(%rdi); mov %rbx, 24(%rdi)\n"
	"mov %rsp, 32(%rdi); mov %rbp, 40(%rdi); mov %rsi, 48(%rdi)\n"
	"mov %r8, 64(%rdi); mov %r9, 72(%rdi); mov %r10, 80(%rdi); mov %r11, 88(%rdi)\n"
	"mov %r12, 96(%rdi); mov %r13, 104(%rdi); mov %r14, 112(%rdi); mov %r15, 120(%rdi)\n"
	"mov native_scratch(%rip), %rax; mov %rax, 56(%rdi)\n"
	"mov native_rsp(%rip), %rsp\n"
	"pushfq; popq 128(%rdi); cld\n"
	"pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"ret\n");

static struct machine machine;
static uint8_t *stage;                  /* where both execute */
static sigjmp_buf escape;
static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Numbers where something happens, as often as any others. */
static uint64_t interesting(void)
{
	static const uint64_t edges[] = { 0, 1, 2, ~0ull, 1ull << 63, (1ull << 63) - 1, 0x80, 0x7f,
		0xff, 0x8000, 0x7fff, 0xffff, 0x80000000, 0x7fffffff, 0xffffffff, 0xfffffffe };

	return any() & 1 ? edges[any() % (sizeof(edges) / sizeof(edges[0]))] : any();
}

static void prepare(const struct form *form, struct registers *registers)
{
	uint64_t *gpr = registers->gpr;

	for (unsigned int i = 0; i < 16; i++)
		gpr[i] = interesting();
	gpr[FX_RBX] &= 15;
	gpr[FX_RSI] = MACHINE_LINEAR + DATA + 512;
	gpr[FX_RDI] = MACHINE_LINEAR + DATA + 1536;
	gpr[FX_RSP] = MACHINE_LINEAR + DATA + STACK_AT;
	if (form->options & COUNT_7)
		gpr[FX_RCX] &= ~0xf8ull;
	if (form->options & COUNT_15)
		gpr[FX_RCX] &= ~0xf0ull;
	if ((form->options & DIVIDES) && any() & 1)
		gpr[FX_RDX] = any() & 3;
	registers->rflags = (any() & ARITHMETIC) | 0x202;
	for (unsigned int i = 0; i < AREA; i += 8)
		*machine_word(&machine, DATA + i) = any() & 7 ? any() : interesting();
}

static void faulted(int signal)
{
	siglongjmp(escape, signal);
}

/* 0, or the signal that the form ended with. */
static int run_native(const struct form *form, struct registers *registers)
{
	size_t size = (size_t)(form->end - form->code);
	void (*back)(void) = native_back;
	static const uint8_t jump[6] = { 0xff, 0x25 };
	int signal = sigsetjmp(escape, 1);

	if (signal)
		return signal;
	memcpy(stage, form->code, size);
	memcpy(stage + size, jump, sizeof(jump));
	memcpy(stage + size + sizeof(jump), &back, sizeof(back));
	native_registers = registers;
	native_code = stage;
	native_enter();
	return 0;
}

/* The page of data is the one that was read and written last. */
static void touch(struct machine_cpu *vcpu)
{
	/* mov (%rsi), %al, twice; mov %al, (%rsi), twice; hlt */
	static const uint8_t code[] = { 0x8a, 6, 0x8a, 6, 0x88, 6, 0x88, 6, 0xf4 };

	memcpy(stage + 2048, code, sizeof(code));
	vcpu->state.rip = MACHINE_LINEAR + MACHINE_CODE + 2048;
	vcpu->state.gpr[FX_RSI] = MACHINE_LINEAR + DATA;
	fx_cpu_run(vcpu->cpu, 10000, &vcpu->exit);
	vcpu->state.halted = false;
	vcpu->state.rip = MACHINE_LINEAR + MACHINE_CODE;
}

/* True: it came to its end. Faults find no handler and shut the processor down. */
static bool run_guest(const struct form *form, struct registers *registers, bool touched)
{
	size_t size = (size_t)(form->end - form->code);
	struct machine_cpu *vcpu = &machine.vcpu[0];
	struct fx_cpu_state *state = &vcpu->state;
	enum fx_exit reason;

	machine_long_mode(&machine, MACHINE_LINEAR + MACHINE_CODE);
	memcpy(stage, form->code, size);
	stage[size] = 0xf4;
	state->idtr.limit = 0;
	if (touched)
		touch(vcpu);
	memcpy(state->gpr, registers->gpr, sizeof(registers->gpr));
	state->rflags = registers->rflags;
	do
		reason = fx_cpu_run(vcpu->cpu, 10000, &vcpu->exit);
	while (reason == FX_EXIT_PAUSE);
	memcpy(registers->gpr, state->gpr, sizeof(registers->gpr));
	registers->rflags = state->rflags;
	return reason == FX_EXIT_HLT &&
	       state->rip == MACHINE_LINEAR + MACHINE_CODE + size + 1;
}

static bool same(const struct form *form, const struct registers *guest,
	const struct registers *native, const uint8_t *memory)
{
	uint64_t counted = (ARITHMETIC | DF) & ~form->options;
	bool good = TAP_SAME(guest->rflags & counted, native->rflags & counted);

	for (unsigned int i = 0; i < 16; i++)
		if (guest->gpr[i] != native->gpr[i]) {
			printf("# register %u: %#" PRIx64 ", the host has %#" PRIx64 "\n", i,
				guest->gpr[i], native->gpr[i]);
			good = false;
		}
	for (unsigned int i = 0; i < AREA; i++)
		if (machine.memory[DATA + i] != memory[i]) {
			printf("# memory %u: %#x, the host has %#x\n", i, machine.memory[DATA + i],
				memory[i]);
			return false;
		}
	return good;
}

static bool once(const struct form *form, bool touched)
{
	struct registers start, native, guest;
	static uint8_t memory[AREA], result[AREA];
	int signal;
	bool ended;

	prepare(form, &start);
	memcpy(memory, machine.memory + DATA, AREA);
	native = guest = start;
	signal = run_native(form, &native);
	memcpy(result, machine.memory + DATA, AREA);
	memcpy(machine.memory + DATA, memory, AREA);
	ended = run_guest(form, &guest, touched);
	if (signal || !ended)
		return TAP_SAME(ended, !signal);
	if (same(form, &guest, &native, result))
		return true;
	printf("# from rax %#" PRIx64 " rcx %#" PRIx64 " rdx %#" PRIx64 " r8 %#" PRIx64
	       " r9 %#" PRIx64 " flags %#" PRIx64 "\n", start.gpr[FX_RAX], start.gpr[FX_RCX],
		start.gpr[FX_RDX], start.gpr[FX_R8], start.gpr[FX_R9], start.rflags);
	return false;
}

static void test(const struct form *form)
{
	bool good = true;

	for (unsigned int i = 0; i < TRIES && good; i++)
		good = once(form, i & 1);
	tap_ok(good, "%s", form->text);
}

int main(void)
{
	static uint8_t stack[65536];
	struct sigaction action = { .sa_handler = faulted, .sa_flags = SA_ONSTACK };

	machine_open(&machine, 4);
	if (machine.memory != (uint8_t *)MACHINE_LINEAR) {
		printf("1..0 # SKIP the address that the test needs is taken\n");
		return 0;
	}
	stage = machine.memory + MACHINE_CODE;
	if (mprotect(stage, MACHINE_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC)) {
		printf("1..0 # SKIP the system forbids memory that is written and executed\n");
		return 0;
	}
	sigaltstack(&(stack_t){ .ss_sp = stack, .ss_size = sizeof(stack) }, NULL);
	sigaction(SIGFPE, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	for (const struct form *form = __start_forms; form < __stop_forms; form++)
		test(form);
	machine_close(&machine);
	return tap_done();
}
