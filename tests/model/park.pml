/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * park.pml: who watches the ring and who parks (engine/wait.h), with slow handlers.
 *
 * The first handler that runs gets stuck until all other requests have been handled: so
 * somebody else must take them, and must not be asleep. A worker takes what is on the ring,
 * keeps one, and offers the others; or, as long as another one watches, leaves the ring to it, as
 * it does after quick handlers. (How the ring itself wakes the watcher is sleep.pml.)
 *
 * Property: no deadlock.
 * BROKEN=1: parks without looking again. BROKEN=2: gives the role up only after looking who
 * sleeps. BROKEN=3: who offers work wakes nobody that sleeps at the event channel. BROKEN=4:
 * the watcher blocks without a look at what was offered. BROKEN=5: who has left the ring to the watcher
 * parks without a look whether there still is one.
 */
#ifndef BROKEN
#define BROKEN 0
#endif

#define WORKERS 2
#define REQUESTS 4

byte ring, ready;
byte watcher;           /* 0: none */
bool parked[WORKERS + 1];
bool blocked, kicked;   /* the watcher, asleep at the event channel; and woken there */
byte handled;
bool first;

active proctype xen()
{
	byte sent;

	do
	:: sent < REQUESTS -> sent++; ring++
	:: else -> break
	od
}

inline wake_one()
{
	woken = false;
	i = 1;
	do
	:: i <= WORKERS ->
		atomic {
			if
			:: parked[i] && !woken -> parked[i] = false; woken = true
			:: else
			fi
		};
		i++
	:: else -> break
	od;
#if BROKEN != 3
	if
	:: !woken && blocked -> kicked = true
	:: else
	fi
#endif
}

inline give_up()
{
	if
	:: watcher == me -> watcher = 0
	:: else
	fi
}

/* Before a handler that is slow. */
inline guard()
{
#if BROKEN != 2
	give_up();
#endif
	if
	:: ready > 0 -> wake_one()
	:: else
	fi;
	if
	:: watcher == 0 -> wake_one()
	:: else
	fi
#if BROKEN == 2
	;
	give_up()
#endif
}

inline handle()
{
	guard();
	atomic { stuck = !first; first = true };
	if
	:: stuck -> handled == REQUESTS - 1
	:: else
	fi;
	handled++
}

proctype worker(byte me)
{
	byte i;
	bool woken, stuck, mine, leaves;

again:
	if
	:: handled == REQUESTS -> goto done
	:: else
	fi;
	mine = false;
	atomic {
		if
		:: ready > 0 -> ready--; mine = true
		:: else
		fi
	};
	leaves = false;
	if
	:: !mine && watcher != 0 && watcher != me -> leaves = true
	:: true
	fi;
	if
	:: !mine && !leaves ->
		atomic {
			if
			:: ring > 0 -> mine = true; ready = ready + ring - 1; ring = 0
			:: else
			fi
		}
	:: else
	fi;
	if
	:: mine -> handle(); goto again
	:: else
	fi;

	mine = false;
	atomic {
		if
		:: watcher == 0 || watcher == me -> watcher = me; mine = true
		:: else
		fi
	};
	if
	:: mine ->
		blocked = true;         /* S3 */
#if BROKEN != 4
		if
		:: ready > 0 -> blocked = false; goto again
		:: else
		fi;
#endif
		ring > 0 || kicked || handled == REQUESTS;
		kicked = false;
		blocked = false;
		goto again
	:: else
	fi;

	parked[me] = true;              /* S2 */
#if BROKEN == 5
	if
	:: ready > 0 || (watcher == 0 && !leaves) -> parked[me] = false; goto again
	:: else
	fi;
#elif BROKEN != 1
	if
	:: ready > 0 || watcher == 0 -> parked[me] = false; goto again
	:: else
	fi;
#endif
	!parked[me] || handled == REQUESTS;
	parked[me] = false;
	goto again;
done:
	skip
}

init
{
	byte k;

	atomic {
		for (k : 1 .. WORKERS) { run worker(k) }
	}
}
