/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lane.pml: who takes, and who owns a lane (engine/taker.h, engine/lane.h).
 *
 * Three workers; the takers' lock is tried and never waited for. One vCPU has several requests,
 * which come while others of its run; a second vCPU has one. Who brings a lane's count from 0
 * to 1 owns it, until it has brought it back to 0.
 *
 * Properties: each request is taken once, one vCPU's run one at a time and in order, and all
 * of them have run in the end.
 * BROKEN=1: no lock for taking. BROKEN=2: the owner leaves by a look whether the queue is empty,
 * then a store. BROKEN=3: the taker queues after it has counted.
 */
#ifndef BROKEN
#define BROKEN 0
#endif

#define WORKERS 3
#define REQUESTS 4
#define LANES 2

byte pushed;  /* by Xen */
byte taken;
bool taking;

byte queue[8];               /* four for each lane */
byte in[LANES], out[LANES], count[LANES];
bool inside[LANES];
byte ran[LANES], last[LANES];
byte total, left_loop;

#define lane_of(request) (request == 2 -> 1 : 0)

active proctype xen()
{
	do
	:: pushed < REQUESTS -> pushed++
	:: else -> break
	od
}

inline take()
{
	request = taken;
	lane = lane_of(request);
#if BROKEN == 3
	atomic { old = count[lane]; count[lane]++ };
	queue[lane * 4 + in[lane]] = request + 1;
	in[lane]++;
#else
	queue[lane * 4 + in[lane]] = request + 1;
	in[lane]++;
	atomic { old = count[lane]; count[lane]++ };
#endif
	taken = request + 1
}

/* A lane that is ours: its first turn is `request`. */
inline run_lane()
{
	do
	:: true ->
		assert(!inside[lane]);
		inside[lane] = true;
		atomic {
			assert(request + 1 > last[lane]);
			last[lane] = request + 1;
			ran[lane]++;
			total++
		};
		inside[lane] = false;
		out[lane]++;
#if BROKEN == 2
		if
		:: out[lane] == in[lane] -> count[lane] = 0; break
		:: else
		fi;
#else
		atomic { count[lane]--; left = count[lane] };
		if
		:: left == 0 -> break
		:: else
		fi;
#endif
		assert(queue[lane * 4 + out[lane]] != 0);
		request = queue[lane * 4 + out[lane]] - 1
	od
}

proctype worker()
{
	byte request, lane, old, left;
	bool got;

	do
	:: taken < pushed ->
		got = false;
#if BROKEN == 1
		got = true;
#else
		atomic {
			if
			:: !taking -> taking = true; got = true
			:: else
			fi
		}
#endif
		if
		:: got && taken < pushed ->
			take();
			taking = false;
			if
			:: old == 0 -> run_lane()
			:: else
			fi
		:: got && taken >= pushed -> taking = false
		:: !got
		fi
	:: taken >= REQUESTS -> break
	od;
	left_loop++
}

init
{
	byte i;

	atomic {
		for (i : 1 .. WORKERS) { run worker() }
	};
	left_loop == WORKERS;
	assert(total == REQUESTS && ran[0] == 3 && ran[1] == 1);
	assert(count[0] == 0 && count[1] == 0)
}
