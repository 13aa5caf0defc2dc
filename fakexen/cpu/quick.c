/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quick.c: which instructions have forms for operands of 4 and of 8 bytes. Code consists mostly of
 * these; a form whose size is known when it is compiled takes a third of the host's
 * instructions, since masks, signs and accesses need not be worked out. */
#include <stddef.h>

#include "fakexen/cpu/flags.h"
#include "fakexen/cpu/op.h"

struct form {
	/* of 4 and of 8 bytes */
	fx_op_run *any, *quick[2], *registers[2], *memory[2], *load[2];
	bool shifts; /* only a register, by a count in the instruction or in CL */
};

#define FORM(name) fx_op_##name, { fx_op_##name##_quick4, fx_op_##name##_quick8 }
#define PAIR(name, form) { fx_op_##name##_##form##4, fx_op_##name##_##form##8 }
#define ALL(name) FORM(name), PAIR(name, register), PAIR(name, memory), PAIR(name, load), false
#define NONE { NULL, NULL }
static const struct form forms[] = {
	{ ALL(add) }, { ALL(sub) }, { ALL(and) }, { ALL(or) }, { ALL(xor) }, { ALL(cmp) },
	{ ALL(test) }, { ALL(inc) }, { ALL(dec) }, { ALL(mov) },
	{ FORM(shl), NONE, NONE, NONE, true }, { FORM(shr), NONE, NONE, NONE, true },
};

static bool fits(const struct fx_operand *operand, unsigned int size)
{
	return operand->kind == FX_OPERAND_NONE || operand->kind == FX_OPERAND_IMMEDIATE ||
	       ((operand->kind == FX_OPERAND_REGISTER || operand->kind == FX_OPERAND_MEMORY) &&
		operand->size == size);
}

static bool is_for(const struct form *form, const struct fx_op *op)
{
	if (form->any != op->run || (op->flags & FX_OP_LOCK))
		return false;
	if (form->shifts)
		return op->operand[0].kind == FX_OPERAND_REGISTER &&
		       op->operand[1].kind != FX_OPERAND_MEMORY;
	return fits(&op->operand[1], op->operand[0].size);
}

static fx_op_run *choose(const struct form *form, const struct fx_op *op)
{
	bool size8 = op->operand[0].size == 8, is_plain = op->flags & FX_OP_PLAIN_ADDRESS;

	if (form->shifts)
		return form->quick[size8];
	if (op->operand[0].kind == FX_OPERAND_MEMORY)
		return is_plain ? form->memory[size8] : form->quick[size8];
	if (op->operand[1].kind == FX_OPERAND_MEMORY)
		return is_plain ? form->load[size8] : form->quick[size8];
	return form->registers[size8];
}

/* Those that are no arithmetic. */
static bool quicken_other(struct fx_op *op, bool code64)
{
	bool registers = op->operand[0].kind == FX_OPERAND_REGISTER &&
			 op->operand[1].kind == FX_OPERAND_REGISTER;

	if (op->run == fx_op_jcc && code64 && op->aux < 12) {
		op->run = fx_op_jcc_quick;
		op->displacement = fx_condition_flags(op->aux);
		op->aux = !(op->aux & 1);
	} else if (op->operand[0].size != 8) {
		return false;
	} else if (op->run == fx_op_lea && (op->flags & FX_OP_PLAIN_ADDRESS)) {
		op->run = fx_op_lea_quick8;
	} else if (registers && op->run == fx_op_bsf) {
		op->run = fx_op_bsf_quick8;
	} else if (registers && op->run == fx_op_bsr) {
		op->run = fx_op_bsr_quick8;
	} else {
		return false;
	}
	return true;
}

void fx_quicken(struct fx_op *op, bool code64)
{
	unsigned int size = op->operand[0].size;

	if (quicken_other(op, code64))
		return;
	if (size != 4 && size != 8)
		return;
	for (unsigned int i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		if (is_for(&forms[i], op)) {
			op->run = choose(&forms[i], op);
			return;
		}
}
