/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* script.h: lets vCPU 0 of the running guest execute a few instructions of the test's own,
 * and tells what it reported meanwhile. The guest is cr3loop, told to read; vCPU 0 is taken
 * out of it by its registers. */
#ifndef TESTS_FAKEXEN_SEMANTICS_SCRIPT_H
#define TESTS_FAKEXEN_SEMANTICS_SCRIPT_H

#include "tests/fakexen/semantics/dom0.h"

/* Pages of their own; the code finds DATA in rsi and PAGE in rdi. */
#define SCRIPT_CODE 0x140000u
#define SCRIPT_DATA 0x141000u   /* results: words that the code stores */
#define SCRIPT_PAGE 0x142000u   /* to be watched */
#define SCRIPT_OTHER 0x143000u
#define SCRIPT_STACK 0x145000u  /* the top */
#define SCRIPT_GFN (SCRIPT_PAGE / PAGE)
#define OTHER_GFN (SCRIPT_OTHER / PAGE)

/* Guest code, in AT&T's syntax; it ends by running off its end. */
struct snippet {
	const uint8_t *begin, *end;
};
#define SNIPPET(name, text)                                                            \
	extern const uint8_t name##_begin[], name##_end[];                             \
	__asm__(".pushsection .rodata\n" #name "_begin: " text "\n" #name "_end: .byte 0\n" \
		".popsection");                                                        \
	static const struct snippet name = { name##_begin, name##_end }

#define EVENTS_MAX 64

struct script {
	bool done;              /* ran off its end */
	unsigned int count;     /* of events; the first EVENTS_MAX are kept */
	vm_event_request_t event[EVENTS_MAX];
	uint64_t bp, db, ud, gp, pf;    /* exceptions that the guest has got meanwhile */
};

/* What becomes of an event. The response is prepared as a plain answer. */
typedef void answerer(const vm_event_request_t *request, vm_event_response_t *response);

/* Runs it to its end, or until an exception has thrown the guest out of it, or nothing has
 * happened for a while. Valid until the next one. */
const struct script *script_run(struct snippet code, answerer *answer);
/* The same in two halves: starts it; goes on answering. */
void script_start(struct snippet code);
const struct script *script_finish(answerer *answer);
/* Goes on answering for so long, until an event has come. */
const struct script *script_wait(answerer *answer, int milliseconds);

/* Whether what was started has not come to its end, in 50 ms. */
bool script_stands(void);

/* A word of SCRIPT_DATA. */
uint64_t script_result(unsigned int word);
/* Words of SCRIPT_PAGE and SCRIPT_OTHER, as dom0 sees them. */
volatile uint64_t *script_word(uint64_t address);

/* Answers: plainly; EMULATE with the request's u; SET_REGISTERS with RIP past `length`. */
void plain(const vm_event_request_t *request, vm_event_response_t *response);
void emulate(const vm_event_request_t *request, vm_event_response_t *response);
void skip(const vm_event_request_t *request, vm_event_response_t *response, unsigned int length);

static inline bool reported(const struct script *script, unsigned int index, uint32_t reason)
{
	return script->count > index && script->event[index].reason == reason;
}

#endif
