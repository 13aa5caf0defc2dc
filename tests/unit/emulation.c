/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * emulation.c: each instruction that Xen's emulator is trusted with is among those that the lab
 * compares with what the processor does.
 */
#include "altp2m/emulation.h"

#include <Zydis/Zydis.h>

#include "altp2m/instruction.h"
#include "tests/unit/tap.h"
#include "tests/xen/driver/forms.h"

static bool is_run[ZYDIS_MNEMONIC_MAX_VALUE + 1];

static void note_form(const struct form *form)
{
	struct rs_instruction known = rs_instruction_decode(form->code, form->size, RS_WIDTH_64);
	ZydisDecodedInstruction instruction;
	ZydisDecoder decoder;

	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	if (ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, form->code, form->size,
						       &instruction)))
		is_run[instruction.mnemonic] = true;
	if (!known.is_proved || known.length > form->size)
		tap_ok(false, "%s: is run, and trusted", form->text);
}

int main(void)
{
	unsigned int trusted = 0, missing = 0;

	for (unsigned int i = 0; i < form_count; i++)
		note_form(&forms[i]);
	for (uint32_t i = 0; i <= ZYDIS_MNEMONIC_MAX_VALUE; i++) {
		if (rs_emulation_of(i) != RS_EMULATION_RIGHT)
			continue;
		trusted++;
		if (is_run[i])
			continue;
		missing++;
		printf("# %s is trusted, and has no form\n",
		       ZydisMnemonicGetString((ZydisMnemonic)i));
	}
	tap_ok(trusted > 100 && TAP_SAME(missing, 0), "%u trusted, all of them run by the lab",
	       trusted);
	tap_ok(rs_emulation_of(ZYDIS_MNEMONIC_MAX_VALUE + 1) == RS_EMULATION_UNKNOWN,
	       "what is no instruction");
	return tap_done();
}
