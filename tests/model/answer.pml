/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * answer.pml: how several workers answer on one ring (ring/ring.h, ring/doorbell.h).
 *
 * A worker takes a request, and in one critical section puts the answer, pushes and
 * notifies. The notify runs Xen's vm_event_resume in the worker's own call: it takes each
 * response under Xen's lock and lets it take effect after that lock is dropped. A vCPU that is
 * answered brings its next request. vCPU 0 has two requests in flight at once (an
 * asynchronous one, then a synchronous one), which two workers may hold.
 *
 * Properties: no deadlock, so no answer is lost and all requests are answered; when a
 * worker leaves its critical section nothing is left unconsumed, so none is delayed; a
 * vCPU's answers take effect in the order in which they were put; a response never
 * overwrites a request that was not taken, nor a response that was not consumed.
 * BROKEN=1: notify after the critical section. BROKEN=2: leave the notify to a worker that is
 * in one already. BROKEN=3: an answer too many, put without asking whether the slot's
 * request was taken.
 */
#ifndef BROKEN
#define BROKEN 0
#endif

#define SLOTS 4
#define VCPUS 3
#define WORKERS 2
#define TOTAL 7         /* answers: the ring wraps */

/* The page. A slot holds a request or a response, of a vCPU. */
byte slot_vcpu[SLOTS];
bool slot_taken[SLOTS] = true;  /* may be overwritten by a response */
byte slot_order[SLOTS];         /* of a response: which of its vCPU's answers it is */
byte req_prod, rsp_prod;

/* Xen */
byte rsp_cons, brought;
byte applied[VCPUS];

/* We. All that is ours is under one of the two locks. */
bool taking, answering, notifying;
byte req_cons, rsp_put;
byte put_count[VCPUS];

/* Under Xen's lock: a vCPU's next request, if the guest has any left. */
inline bring(vcpu)
{
	if
	:: brought < TOTAL ->
		assert(req_prod - rsp_cons < SLOTS);
		slot_vcpu[req_prod % SLOTS] = vcpu;
		slot_taken[req_prod % SLOTS] = false;
		req_prod++;
		brought++
	:: else
	fi
}

/* vm_event_resume, in the caller's context. */
inline notify()
{
	do
	:: atomic {
		rsp_cons != rsp_prod ->
		vcpu = slot_vcpu[rsp_cons % SLOTS];
		order = slot_order[rsp_cons % SLOTS];
		rsp_cons++
	   };
	   atomic {
		assert(order == applied[vcpu]);
		applied[vcpu]++;
		bring(vcpu)
	   }
	:: else -> break
	od
}

inline put()
{
	assert(rsp_put != req_cons || BROKEN == 3);
	atomic {
		assert(slot_taken[rsp_put % SLOTS]);
		slot_vcpu[rsp_put % SLOTS] = mine;
		slot_order[rsp_put % SLOTS] = put_count[mine];
		put_count[mine]++
	};
	rsp_put++
}

proctype worker()
{
	byte mine, vcpu, order;

	do
	:: atomic { !taking && req_cons != req_prod -> taking = true };
	   if
	   :: req_cons == req_prod -> taking = false
	   :: else ->
		mine = slot_vcpu[req_cons % SLOTS];
		slot_taken[req_cons % SLOTS] = true;
		req_cons++;
		taking = false;

		atomic { !answering -> answering = true };
		put();
#if BROKEN == 3
		if
		:: rsp_put == TOTAL - 2 -> put()
		:: else
		fi;
#endif
		rsp_prod = rsp_put;
#if BROKEN == 0 || BROKEN == 3
		notify();
		assert(rsp_cons == rsp_prod);
		answering = false
#elif BROKEN == 1
		answering = false;
		notify()
#else
		answering = false;
		if
		:: notifying
		:: atomic { !notifying -> notifying = true };
		   notify();
		   notifying = false
		fi
#endif
	   fi
	:: req_cons == TOTAL -> break
	od
}

init
{
	byte i;

	atomic {
		bring(0);
		for (i : 0 .. VCPUS - 1) { bring(i) };
		for (i : 1 .. WORKERS) { run worker() }
	};
	/* All workers have gone: was everything answered, and did it take effect? */
	_nr_pr == 1;
	assert(rsp_cons == TOTAL && brought == TOTAL)
}
