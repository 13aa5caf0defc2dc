/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * deputy.pml: who looks after a watcher whose handler gets stuck although it has always been quick
 * (engine/wait.h, S5 and S6).
 *
 * One handler, any of them, gets stuck until all other requests have been handled. Its worker has
 * not given the role of the watcher up: so the deputy must take it, and must be awake. A tick of the
 * deputy comes at any time, so it may also find a watcher stuck that is not; that is harmless. Who is
 * not the watcher may leave the ring to the one there is, as it does after quick handlers.
 *
 * Property: no deadlock.
 * BROKEN=1: the deputy sleeps without another look. BROKEN=2: it looks, and says afterwards that it
 * sleeps. BROKEN=3: a watcher that finds no deputy wakes nobody. BROKEN=4: who takes the role from
 * one that is stuck is not known to be busy. BROKEN=5: who has left the ring to the watcher parks
 * without becoming the deputy.
 */
#ifndef BROKEN
#define BROKEN 0
#endif

#define WORKERS 2
#define REQUESTS 4
#define BUSY 8

byte ring;
byte watcher;           /* 0: none; with BUSY while it may be in a handler */
byte deputy;
bit beat[WORKERS + 1];  /* changes with each handler */
bool parked[WORKERS + 1];
byte handled;
bool stuck;

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
	i = 0
}

inline wake_deputy()
{
#if BROKEN != 3
	if
	:: deputy == 0 ->
		if
		:: watcher >= BUSY -> wake_one()
		:: else
		fi
	:: else
	fi
#else
	skip
#endif
}

inline handle()
{
	beat[me] = 1 - beat[me];
	wake_deputy();
	/* One of them and not two, beside whom nobody would be left. */
	atomic {
		if
		:: !stuck -> stuck = true; mine = false
		:: true
		fi
	};
	if
	:: !mine -> handled == REQUESTS - 1
	:: else
	fi;
	handled++
}

inline deputy_begin()
{
	atomic {
		if
		:: deputy == 0 -> deputy = me; is_deputy = true
		:: else -> is_deputy = false
		fi
	}
}

inline deputy_yield()
{
#if BROKEN == 1
	deputy = 0;
	is_deputy = false
#elif BROKEN == 2
	if
	:: watcher >= BUSY
	:: else -> deputy = 0; is_deputy = false
	fi
#else
	deputy = 0;             /* S6 */
	if
	:: watcher >= BUSY -> deputy_begin()
	:: else -> is_deputy = false
	fi
#endif
}

/* The watcher is in one handler since the last tick. */
inline replace()
{
	atomic {
		if
#if BROKEN == 4
		:: watcher == seen -> watcher = me; rescued = true
#else
		:: watcher == seen -> watcher = me | BUSY; rescued = true
#endif
		:: else
		fi
	}
}

inline tick()
{
	seen = watcher;
	if
	:: seen == 0 -> rescued = true
	:: else ->
		seen_beat = beat[seen & (BUSY - 1)];
		if
		:: seen == last && seen_beat == last_beat ->
			if
			:: seen >= BUSY -> replace()
			:: else -> deputy_yield()
			fi
		:: else -> last = seen; last_beat = seen_beat
		fi
	fi;
	seen = 0; seen_beat = 0
}

proctype worker(byte me)
{
	byte i, seen, last;
	bit seen_beat, last_beat;
	bool woken, mine, leaves, is_deputy, rescued;

again:
	if
	:: handled == REQUESTS -> goto done
	:: else
	fi;
	mine = false;
	leaves = false;
	if
	:: watcher != 0 && (watcher & (BUSY - 1)) != me -> leaves = true
	:: true
	fi;
	atomic {
		if
		:: !leaves && ring > 0 -> ring--; mine = true
		:: else
		fi
	};
	if
	:: mine -> handle(); goto again
	:: else
	fi;

	mine = false;
	atomic {
		if
		:: watcher == 0 || (watcher & (BUSY - 1)) == me -> watcher = me; mine = true
		:: else
		fi
	};
	if
	:: mine ->
		ring > 0 || handled == REQUESTS;
		atomic {                /* S5 */
			if
			:: watcher == me -> watcher = me | BUSY
			:: else
			fi
		};
		goto again
	:: else
	fi;

	parked[me] = true;
	if
	:: watcher == 0 -> parked[me] = false; goto again
	:: else
	fi;
#if BROKEN == 5
	if
	:: !leaves -> deputy_begin()
	:: else
	fi;
#else
	deputy_begin();
#endif
	do
	:: !parked[me] || rescued || handled == REQUESTS -> break
	:: is_deputy && parked[me] && !rescued && handled < REQUESTS -> tick()
	od;
	if
	:: is_deputy -> deputy = 0; is_deputy = false
	:: else
	fi;
	last = 0; last_beat = 0; rescued = false;
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
