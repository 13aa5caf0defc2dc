/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * removal.pml: when a watch is freed (engine/dispatch.c, engine/watch.c).
 *
 * Two workers look a watch up in a read section, store it as the one that they run, leave the
 * section, and call its handler. A remover unpublishes it, waits for a grace period, then
 * until no worker runs it, and frees it. Or, with a handler as the remover (of the other
 * worker's), it buries it: whoever ends the last handler of it frees it.
 *
 * Properties: no handler of a freed watch is called or running; it is freed once, in both ways.
 * BROKEN=1: the worker leaves the section before its store. BROKEN=2: no grace period.
 * BROKEN=3: who ends a handler looks for buried ones first, and clears what it runs then.
 */
#ifndef BROKEN
#define BROKEN 0
#endif

#define WORKERS 2
#define TURNS 2

bool published = true;
bool section[WORKERS];
byte period[WORKERS];     /* read sections ended: what a grace period waits for */
bool running[WORKERS];
bool inside[WORKERS];
byte freed;
bool buried, burial;      /* `leaving`; the mutex */
bool by_handler;          /* which of the two ways */

inline free_it()
{
	atomic {
		freed++;
		assert(freed == 1);
		assert(!inside[0] && !inside[1])
	}
}

/* Frees what is buried, if nobody runs it. */
inline exhume()
{
	atomic { !burial -> burial = true };
	if
	:: buried ->
		if
		:: !running[0] ->
			if
			:: !running[1] -> buried = false; free_it()
			:: else
			fi
		:: else
		fi
	:: else
	fi;
	burial = false
}

inline grace()
{
	j = 0;
	do
	:: j < WORKERS ->
		seen = period[j];
		if
		:: section[j] -> !section[j] || period[j] != seen
		:: else
		fi;
		j++
	:: else -> break
	od
}

proctype worker(byte me)
{
	byte turn;
	bool found, any;

	do
	:: turn < TURNS ->
		turn++;
		section[me] = true;
		found = published;
#if BROKEN == 1
		section[me] = false;
		running[me] = found;
#else
		running[me] = found;
		period[me]++;
		section[me] = false;
#endif
		if
		:: found ->
			atomic { assert(freed == 0); inside[me] = true };
			assert(freed == 0);
			inside[me] = false
		:: else
		fi;
#if BROKEN == 3
		any = buried;
		running[me] = false;
#else
		running[me] = false;    /* R2 */
		any = buried;           /* R3 */
#endif
		if
		:: any -> exhume()
		:: else
		fi
	:: else -> break
	od
}

proctype remover()
{
	byte j, seen;

	if
	:: by_handler = false
	:: by_handler = true
	fi;
	published = false;
#if BROKEN != 2
	grace();
#endif
	if
	:: by_handler ->
		atomic { !burial -> burial = true };
		buried = true;          /* U2 */
		burial = false;
		exhume()
	:: else ->
		!running[0];
		!running[1];
		free_it()
	fi
}

init
{
	atomic {
		run worker(0);
		run worker(1);
		run remover()
	};
	_nr_pr == 1;
	assert(freed == 1)
}
