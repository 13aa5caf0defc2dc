/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record.pml: that the record says at any instant which requests are open (engine/record.h).
 *
 * One worker takes, another answers in any order, and a reader may look at any moment, which
 * stands for the death of both at that moment. Turns are used again as soon as their answer is
 * pushed. Numbers are one more than the ring's, so that 0 is none.
 *
 * Property: what the rule calls open are req_cons - rsp_prod requests, and each of those that were
 * taken and not pushed is among them.
 * BROKEN=1: "no answer" is written before the number. BROKEN=2: req_cons before the number.
 * BROKEN=3: the answer's number after rsp_prod.
 */
#ifndef BROKEN
#define BROKEN 0
#endif

#define TURNS 3
#define REQUESTS 5

byte request[TURNS], answer[TURNS];     /* the record */
byte req_cons, rsp_prod;                /* the record's, and the page's */
bool unused[TURNS] = true;
bool posted[TURNS];
byte truly[TURNS];                      /* the request that a turn holds, once it is taken */

#define is_open(t) (request[t] != 0 && request[t] <= req_cons && (answer[t] == 0 || answer[t] > rsp_prod))

active proctype taker()
{
	byte t, next;

	do
	:: next < REQUESTS ->
		if
		:: unused[0] -> t = 0
		:: unused[1] -> t = 1
		:: unused[2] -> t = 2
		fi;
		unused[t] = false;
#if BROKEN == 1
		answer[t] = 0;
		request[t] = next + 1;
#elif BROKEN == 2
		answer[t] = 0;
#else
		request[t] = next + 1;
		answer[t] = 0;
#endif
		/* The copy. */
		skip;
		next++;
		atomic { req_cons = next; truly[t] = next };
#if BROKEN == 2
		request[t] = next;
#endif
		posted[t] = true
	:: else -> break
	od
}

active proctype putter()
{
	byte t, put;

	do
	:: put < REQUESTS ->
		if
		:: posted[0] -> t = 0
		:: posted[1] -> t = 1
		:: posted[2] -> t = 2
		fi;
		posted[t] = false;
		put++;
#if BROKEN == 3
		atomic { rsp_prod = put; truly[t] = 0 };
		answer[t] = put;
#else
		answer[t] = put;
		atomic { rsp_prod = put; truly[t] = 0 };
#endif
		unused[t] = true
	:: else -> break
	od
}

active proctype reader()
{
	byte count, t;

	/* At any moment, once. */
	d_step {
		count = 0;
		t = 0;
		do
		:: t < TURNS ->
			if
			:: is_open(t) -> count++
			:: else
			fi;
			assert(truly[t] == 0 || is_open(t));
			t++
		:: else -> break
		od;
		assert(count == req_cons - rsp_prod)
	}
}
