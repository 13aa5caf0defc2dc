/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * deadline.pml: who answers an event that is open for too long (engine/deadline.h).
 *
 * A worker runs the handler of a turn, which returns a reply, or keeps the event for a replier. The
 * deadline may strike at any moment: it claims, builds the answer in a substitute, and the putter, in
 * whatever thread, settles. The turn has a second event when the first one's is over, which a late
 * replier must not answer. What is read and written of the turn stands for its event and its answer.
 *
 * Properties: each event is answered exactly once; nobody who holds the turn finds it another event's;
 * it is freed exactly once; when all are done nothing is late any more, and the lane has gone on.
 * BROKEN=1: the deadline claims by a store. BROKEN=2: it frees the turn when it has settled, whoever
 * still holds it. BROKEN=3: a worker looks at the mark before it says that it has returned.
 * BROKEN=4: of a reply that comes late, but before its handler keeps the event, nothing is left.
 */
#ifndef BROKEN
#define BROKEN 0
#endif

/* The turn's word. */
bool runs, kept, claimed, replied, returned, missed, settled;
byte serial = 1;

byte answers;       /* of the first event */
bool answered_next; /* by somebody who meant the first */
bool is_free, reused;
byte freed, late = 10; /* 10: none */
bool handed;        /* the replier has the event */
bool handler_inside, replier_inside;

#define may_claim() (serial == 1 && !missed && !returned && ((kept && !claimed) || \
		     (runs && !kept && (!claimed || replied))))

/* It is another event's, when a taker likes. */
inline reuse()
{
	serial = 2;
	runs = false; kept = false; claimed = false; replied = false;
	returned = false; missed = false; settled = false;
	is_free = false;
	reused = true
}

/* Within an atomic. Nobody may hold it any more. */
inline free_turn()
{
	assert(!is_free && !reused);
	assert(!handler_inside);
	freed++;
	is_free = true
}

inline answer()
{
	answers++;
	assert(answers == 1)
}

/* Within an atomic: a late reply is refused. Of one that is kept it is the last of it. */
inline give_up()
{
	if
	:: serial == 1 && missed && kept && !returned ->
		returned = true;
		if
		:: settled -> free_turn()
		:: else
		fi
	:: serial == 1 && missed && !kept && !returned -> replied = replied || BROKEN != 4
	:: else
	fi
}

proctype worker()
{
	bool later, was_missed, was_replied, was_settled;

	atomic { runs = true; handler_inside = true }; /* Z1 */
	if
	:: later = true; handed = true
	:: later = false
	fi;
	/* It still has the event in its hands, up to here. */
	assert(!reused);
#if BROKEN == 3
	was_missed = missed; was_settled = settled;
	handler_inside = false;
	atomic {
		if
		:: later -> kept = true; was_replied = replied
		:: else -> returned = true
		fi
	};
#else
	atomic {                                       /* Z3, E2 */
		was_missed = missed; was_replied = replied; was_settled = settled;
		handler_inside = false;
		if
		:: later -> kept = true
		:: else -> returned = true
		fi
	};
#endif
	if
	:: was_missed ->
		late--;
		if
		:: !later && was_settled -> atomic { free_turn() }
		:: later && was_replied -> atomic { give_up() }
		:: else
		fi
	:: !was_missed && (!later || was_replied) ->
		atomic { answer() };
		atomic { serial = 0; free_turn() }
	:: else
	fi
}

proctype replier()
{
	bool ours, last;

end_replier:
	handed;
	atomic {
		ours = serial == 1 && !claimed;
		if
		:: ours -> claimed = true; answered_next = serial == 2
		:: else
		fi
	};
	assert(!answered_next);
	if
	:: ours ->
		atomic {                              /* publish: E1, E3 */
			if
			:: serial != 1 || returned -> last = false
			:: else -> replied = true; last = kept && !missed
			fi
		};
		if
		:: last ->
			atomic { answer() };
			atomic { serial = 0; free_turn() }
		:: else
		fi
	:: else ->
		/* Refused; one that was kept is ours to give up. */
		atomic { give_up() }
	fi
}

/* Strikes once, or not at all. */
proctype deadline()
{
	bool won, was_kept;

	if
	:: skip
	:: goto out
	fi;
#if BROKEN == 1
	won = may_claim();
	was_kept = kept;
	if
	:: won -> atomic { claimed = true; missed = true }
	:: else
	fi;
#else
	atomic {                                              /* Z2 */
		won = may_claim();
		was_kept = kept;
		if
		:: won -> claimed = true; missed = true
		:: else
		fi
	};
#endif
	if
	:: won ->
		/* By addition: the handler may have returned before. */
		if
		:: !was_kept -> late++
		:: else
		fi;
		/* The substitute is made of the turn, and put. */
		assert(!reused && !is_free);
		atomic { answer() };
		assert(!reused && !is_free);
		atomic {
			settled = true;                       /* Z4 */
			if
			:: returned || BROKEN == 2 -> free_turn()
			:: else
			fi
		}
	:: else
	fi;
out:
	skip
}

/* Gives the turn to the next event, once it is free. */
proctype taker()
{
end_taker:
	is_free;
	atomic { reuse() }
}

init
{
	atomic { run worker(); run replier(); run deadline(); run taker() };
	timeout;
	assert(answers == 1 && late == 10);
	assert(freed == 1 && reused)
}
