/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sleep.pml: how ring/doorbell.c sleeps while Xen brings requests.
 *
 * We: look at the page with the port masked, unmask, look again, block, read the port
 * (which the kernel has masked when it rang). Xen: stores req_prod, then rings unless the
 * port is masked. The port here is the weakest there could be: what rings while it is
 * masked is forgotten. A real one remembers it, so what holds here holds there.
 *
 * Both sides' stores wait in a store buffer, as on x86, until something flushes it: Xen's
 * is flushed by its locked operation on the port, ours by the system call that unmasks.
 * Without either, each side could miss what the other has stored: both then sleep.
 *
 * Property: no deadlock, so that each request is taken, at every interleaving.
 * BROKEN=1: we do not look again. BROKEN=2: we look again before our unmask is visible.
 * BROKEN=3: Xen looks at the port before its req_prod is visible.
 */
#ifndef BROKEN
#define BROKEN 0
#endif

#define REQUESTS 4
#define LOOKS 2

byte req_prod;       /* on the page */
bool masked;         /* the port; freshly bound, it is not */
bool rung;           /* its descriptor is readable */
byte xen_stored;     /* Xen's store of req_prod, not visible yet while != req_prod */
bool unmask_stored;  /* ours, likewise */

/* What the processors do at any time. */
active proctype store_buffers()
{
end:
	do
	:: atomic { xen_stored != req_prod -> req_prod = xen_stored }
	:: atomic { unmask_stored -> masked = false; unmask_stored = false }
	od
}

active proctype xen()
{
	byte sent;

	do
	:: sent < REQUESTS ->
		sent++;
		xen_stored = sent;                      /* X1 */
#if BROKEN != 3
		req_prod = xen_stored;                  /* locked: flushes */
#endif
		atomic {                                /* X3 */
			if
			:: !masked -> masked = true; rung = true
			:: else
			fi
		}
	:: sent == REQUESTS -> break
	od
}

active proctype we()
{
	byte req_cons, look;
	bool armed = true;

again:
	/* With the port masked, or as it is. */
	look = 0;
	do
	:: req_prod != req_cons -> req_cons++; goto taken
	:: else ->
		look++;
		if
		:: look == LOOKS -> break
		:: else
		fi
	od;
	/* S1: unmask, then look again. */
	if
	:: !armed ->
		unmask_stored = true;
#if BROKEN != 2
		atomic { masked = false; unmask_stored = false };       /* a system call: flushes */
#endif
		armed = true
	:: else
	fi;
#if BROKEN != 1
	if
	:: req_prod != req_cons -> req_cons++; goto taken
	:: else
	fi;
#endif
	/* Block, then read the port. */
	rung;
	rung = false;
	armed = false;
	goto again;

taken:
	if
	:: req_cons < REQUESTS -> goto again
	:: else
	fi
}
