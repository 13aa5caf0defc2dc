/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* call.h: how a shim has the launcher execute a call: it claims a slot, fills it in, rings
 * the bell and sleeps until the slot says done. The launcher finds the caller's memory by
 * its thread id. A caller that dies leaves the call undone or done, never half. */
#ifndef FAKEXEN_CALL_H
#define FAKEXEN_CALL_H

#include "fakexen/model.h"

enum fx_call_kind {
	FX_CALL_HYPERCALL,      /* op, args: privcmd_hypercall */
	FX_CALL_DM_OP,          /* args: domid, buffer count, address of privcmd_dm_op_buf[] */
	FX_CALL_MAP_FOREIGN,    /* args: domid, count, address of gfns, address of errors (int),
	                         * address of frames to fill in (uint32_t) */
	FX_CALL_MAP_RESOURCE,   /* args: domid, type, id | index << 32, count, address of frames */
	FX_CALL_UNMAP,          /* args: count, address of frames */
	FX_CALL_BIND_INTERDOMAIN,       /* args: remote domid, remote port */
	FX_CALL_BIND_UNBOUND,           /* args: remote domid */
	FX_CALL_BIND_VIRQ,              /* args: virq */
	FX_CALL_UNBIND,                 /* args: port */
	FX_CALL_RESTRICT,               /* args: domid */
};

/* A slot's state word: enum fx_call_state, whether the caller sleeps, and the caller's
 * thread id, so that claiming a slot is one instruction and a slot whose owner has died
 * can be told and taken back at any moment. */
#define FX_CALL_STATE_UNIT (1u << 24)
#define FX_CALL_SLEEPS (1u << 23)
#define FX_CALL_TID (FX_CALL_SLEEPS - 1)        /* Linux: at most 2^22 */

static inline uint32_t fx_call_state(uint32_t word)
{
	return word / FX_CALL_STATE_UNIT;
}

static inline uint32_t fx_call_word(uint32_t state, uint32_t tid)
{
	return state * FX_CALL_STATE_UNIT | tid;
}

#endif
