/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * straight.pml: a worker remembers which watch it found, and somebody removes that (Q1 and Q2, A1 and
 * A2 of engine/straight.h).
 *
 * The worker's stores wait in a buffer, for as long as they like: it makes no barrier. The one that
 * the remover makes all threads pass empties it. (As stores to one place go: a buffer of one.)
 *
 * Property: no handler begins, or still runs, of a watch that was freed; no deadlock.
 * BROKEN=1: the remover makes no barrier. BROKEN=2: the worker looks whether it is called, then says
 * what it runs. BROKEN=3: the worker is called only after the barrier. BROKEN=4: the worker has heard, and
 * goes on believing what it knew. BROKEN=5: the worker is called before the table has changed.
 */
#ifndef BROKEN
#define BROKEN 0
#endif

#define VISITS 3
#define EVENTS 2

bool running;           /* as others see it */
bool waits, waiting;    /* in the worker's buffer: is there a store, and what */
bool changed, called, freed, done;

active proctype memory()
{
	do
	:: atomic { waits -> running = waiting; waits = false }
	:: done && !waits -> break
	od
}

inline say(value)
{
	atomic { !waits -> waiting = value; waits = true }
}

inline handler()
{
	assert(!freed);
	skip;
	assert(!freed)
}

/* What is known may be believed unless somebody calls; else the table is asked. */
inline ask()
{
	heard = called;
	if
	:: !heard && believes -> usable = true
	:: else -> usable = !changed; believes = usable
	fi
}

active proctype worker()
{
	byte visits, events;
	bool believes = true, heard, usable;

	do
	:: visits < VISITS ->
		visits++;
#if BROKEN == 2
		ask();
#endif
		say(true);              /* Q1 */
#if BROKEN != 2
		ask();                  /* Q1: for all that is done until it says otherwise */
#endif
		events = 0;
		do
		:: usable && events < EVENTS ->
			events++;
			handler()
		:: else -> break
		od;
		say(false);
		if
		:: called ->
			called = false; /* A2 */
#if BROKEN != 4
			believes = false
#endif
		:: else
		fi
	:: else -> break
	od;
	done = true
}

active proctype remover()
{
#if BROKEN == 5
	called = true;
#endif
	changed = true;                 /* Q2 */
#if BROKEN != 3 && BROKEN != 5
	called = true;                  /* A1 */
#endif
#if BROKEN != 1
	atomic {
		if
		:: waits -> running = waiting; waits = false
		:: else
		fi
	};
#endif
#if BROKEN == 3
	called = true;
#endif
	!running;
	freed = true
}
