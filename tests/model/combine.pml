/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * combine.pml: who puts finished answers, and who only posts them (engine/responder.h).
 *
 * Three threads finish a turn each, again and again; a turn comes back to its thread when its
 * answer was put. One word holds a bit for each turn that is posted, and one that says
 * that somebody puts.
 *
 * Properties: one puts at a time; no answer is put twice; no deadlock, so none is left behind.
 * BROKEN=1: who posts does not say that somebody puts, so nobody may. BROKEN=2: leaves
 * without looking what was posted. BROKEN=3: who collects leaves the posted bits there.
 */
#ifndef BROKEN
#define BROKEN 0
#endif

#define THREADS 3
#define ROUNDS 2
#define PUTTING 128

byte word;
bool inside;
byte finished[THREADS], answered[THREADS];

inline put_all()
{
	assert(!inside);
	inside = true;
	bit_number = 0;
	do
	:: bit_number < THREADS ->
		if
		:: mine & (1 << bit_number) ->
			atomic {
				assert(finished[bit_number] == answered[bit_number] + 1);
				answered[bit_number]++
			}
		:: else
		fi;
		bit_number++
	:: else -> break
	od;
	inside = false
}

inline collect()
{
#if BROKEN == 3
	mine = word & 127
#else
	atomic { mine = word & 127; word = PUTTING }
#endif
}

proctype thread(byte me)
{
	byte round, mine, old, bit_number;

	do
	:: round < ROUNDS ->
		round++;
		finished[me]++;
		mine = 0;
		atomic {
			if
			:: word == 0 -> word = PUTTING; mine = 1 << me
			:: else
			fi
		}
		if
		:: mine == 0 ->
			atomic {
				old = word;
#if BROKEN == 1
				word = word | (1 << me)
#else
				word = word | (1 << me) | PUTTING
#endif
			}
			if
			:: old & PUTTING
			:: else ->
#if BROKEN != 1
				collect()
#endif
			fi
		:: else
		fi;
		do
		:: mine != 0 ->
			put_all();
#if BROKEN == 2
			word = 0;
			mine = 0
#else
			atomic {
				mine = 0;
				if
				:: word == PUTTING -> word = 0
				:: else -> mine = 255
				fi
			}
			if
			:: mine == 255 -> collect()
			:: else
			fi
#endif
		:: else -> break
		od;
		/* The turn comes back. */
		answered[me] == round
	:: else -> break
	od
}

init
{
	byte i;

	atomic {
		for (i : 0 .. THREADS - 1) { run thread(i) }
	};
	_nr_pr == 1;
	assert(word == 0)
}
