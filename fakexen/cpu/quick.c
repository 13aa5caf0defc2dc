/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quick.c: which instructions have forms for operands of 4 and of 8 bytes. Code consists mostly of
 * these; a form whose size is known when it is compiled takes a third of the host's
 * instructions, since masks, signs and accesses need not be worked out. */
#include "fakexen/cpu/op.h"

struct form {
	fx_op_run *any, *quick4, *quick8;
	bool shifts; /* only a register, by a count in the instruction or in CL */
};

#define FORM(name) fx_op_##name, fx_op_##name##_quick4, fx_op_##name##_quick8
static const struct form forms[] = {
	{ FORM(add), false }, { FORM(sub), false }, { FORM(and), false }, { FORM(or), false },
	{ FORM(xor), false }, { FORM(cmp), false }, { FORM(test), false }, { FORM(inc), false },
	{ FORM(dec), false }, { FORM(mov), false }, { FORM(shl), true }, { FORM(shr), true },
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

void fx_quicken(struct fx_op *op)
{
	unsigned int size = op->operand[0].size;

	if (size != 4 && size != 8)
		return;
	for (unsigned int i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		if (is_for(&forms[i], op)) {
			op->run = size == 8 ? forms[i].quick8 : forms[i].quick4;
			return;
		}
}
