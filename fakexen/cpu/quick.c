/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quick.c: which instructions have forms for operands of 4 and of 8 bytes. Code consists mostly of
 * these; a form whose size is known when it is compiled takes a third of the host's
 * instructions, since masks, signs and accesses need not be worked out. */
#include <stddef.h>

#include "fakexen/cpu/op.h"

struct form {
	fx_op_run *any, *quick[2], *registers[2]; /* of 4 and of 8 bytes */
	bool shifts; /* only a register, by a count in the instruction or in CL */
};

#define FORM(name) fx_op_##name, { fx_op_##name##_quick4, fx_op_##name##_quick8 }
#define BOTH(name) FORM(name), { fx_op_##name##_register4, fx_op_##name##_register8 }, false
#define NONE { NULL, NULL }
static const struct form forms[] = {
	{ BOTH(add) }, { BOTH(sub) }, { BOTH(and) }, { BOTH(or) }, { BOTH(xor) }, { BOTH(cmp) },
	{ BOTH(test) }, { BOTH(inc) }, { BOTH(dec) }, { FORM(mov), NONE, false },
	{ FORM(shl), NONE, true }, { FORM(shr), NONE, true },
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
	bool memory = op->operand[0].kind == FX_OPERAND_MEMORY ||
		      op->operand[1].kind == FX_OPERAND_MEMORY;
	bool size8 = op->operand[0].size == 8;

	return form->registers[size8] && !memory ? form->registers[size8] : form->quick[size8];
}

void fx_quicken(struct fx_op *op)
{
	unsigned int size = op->operand[0].size;

	if (size != 4 && size != 8)
		return;
	for (unsigned int i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		if (is_for(&forms[i], op)) {
			op->run = choose(&forms[i], op);
			return;
		}
}
