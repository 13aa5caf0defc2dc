/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * straight.pml: a worker remembers which watch it found, and somebody removes that (Q1 and Q2 of
 * engine/straight.h).
 *
 * The worker's stores wait in a buffer, for as long as they like: it makes no barrier. The one that
 * the remover makes all threads pass empties it. (As stores to one place go: a buffer of one.)
 *
 * Property: no handler begins, or still runs, of a watch that was freed; no deadlock.
 * BROKEN=1: the remover makes no barrier. BROKEN=2: the worker looks at the table, then says what it
 * runs. BROKEN=3: the table changes only after the barrier.
 */
#ifndef BROKEN
#define BROKEN 0
#endif

#define VISITS 2
#define EVENTS 2

bool running;           /* as others see it */
bool waits, waiting;    /* in the worker's buffer: is there a store, and what */
bool changed, freed, done;

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

active proctype worker()
{
	byte visits, events;
	bool found;

	do
	:: visits < VISITS ->
		visits++;
#if BROKEN == 2
		found = changed;
#endif
		say(true);              /* Q1 */
#if BROKEN != 2
		found = changed;        /* Q1: for all that is done until it says otherwise */
#endif
		events = 0;
		do
		:: !found && events < EVENTS ->
			events++;
			handler()
		:: else -> break
		od;
		say(false)
	:: else -> break
	od;
	done = true
}

active proctype remover()
{
#if BROKEN != 3
	changed = true;                 /* Q2 */
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
	changed = true;
#endif
	!running;
	freed = true
}
