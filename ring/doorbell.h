/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * doorbell.h: how we sleep until Xen brings a request, and tell Xen of our responses.
 *
 * Xen raises the event channel for every request. The kernel masks the port when it
 * rings and keeps it masked until it is unmasked by us, and a port that is masked costs
 * nobody anything: so while we are busy, and for some looks after, the port stays
 * masked and we look at the page. Only before sleeping do we unmask it, and then look
 * again, because a request that came just before would ring no more. This is the
 * store-buffering pattern, with its full barrier inside the unmask:
 *
 *   S1  we: unmask (a system call, a full barrier), then look at req_prod
 *   X3  Xen: stores req_prod (X1), locked operation, then looks whether the port is masked
 *
 * At least one of the two sees the other. Model: tests/model/sleep.pml.
 *
 * The event channel itself is somebody else's: it comes in as four calls. One thread at
 * a time waits; rs_doorbell_notify may be called by any thread.
 */
#ifndef RS_RING_DOORBELL_H
#define RS_RING_DOORBELL_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

struct rs_ring;

/* All return 0 or more, or -errno, and get `context`. */
struct rs_doorbell_calls {
	/* Tells Xen. Runs vm_event_resume inside, which consumes all that was pushed. */
	int (*notify)(void *context);
	/* Lets the port ring again. A full barrier, as every system call is. */
	int (*unmask)(void *context);
	/* After the descriptor became readable: 1 our port rang (and is masked now), 0 not. */
	int (*pending)(void *context);
	/* The descriptor that becomes readable when the port rings. */
	int (*fd)(void *context);
};

struct rs_doorbell {
	const struct rs_doorbell_calls *calls;
	void *context;
	int wake_fd;    /* ends a wait when readable; -1: none */
	int sleep_fd;   /* an epoll of the port and of wake_fd; -1: not open */
	uint32_t looks; /* at the page with the port masked, before unmasking it */
	bool armed;     /* unmasked and, as far as we know, not rung since */
	uint64_t sleeps; /* how often we blocked, for statistics */
	uint64_t spurious; /* rung with nothing on the ring */
};

enum rs_doorbell_wait {
	RS_DOORBELL_TIMEOUT, /* nothing came in time */
	RS_DOORBELL_WORK,    /* rs_ring_take has something to do */
	RS_DOORBELL_WOKEN,   /* wake_fd is readable (reading it is the caller's), or a signal */
};

/* A freshly bound port is not masked. wake_fd may be -1; calls must outlive the doorbell. */
void rs_doorbell_init(struct rs_doorbell *doorbell, const struct rs_doorbell_calls *calls,
		      void *context, int wake_fd, uint32_t looks);

/*
 * Before the first wait: what wakes us is said to the kernel once, and not again for each sleep, as
 * poll() would have it. 0 or -errno.
 */
int rs_doorbell_open(struct rs_doorbell *doorbell);
void rs_doorbell_close(struct rs_doorbell *doorbell);

/*
 * Waits for a request: up to `looks` looks at the page, then unmasks, looks again, and
 * blocks for up to timeout_ms (-1: no limit; 0: never blocks). Returns an enum
 * rs_doorbell_wait, or the -errno of a failing call. Work on the page goes before
 * everything else, so ask your stop flag between two waits.
 */
int rs_doorbell_wait(struct rs_doorbell *doorbell, const struct rs_ring *ring, int timeout_ms);

/*
 * The two halves of that, for those who look at more than the page before they sleep.
 * rs_doorbell_arm is S1: it unmasks a port that has rung, and after it the page must be looked
 * at again. rs_doorbell_block then sleeps: RS_DOORBELL_WORK means only that the port rang.
 */
int rs_doorbell_unmask(struct rs_doorbell *doorbell);

static inline int rs_doorbell_arm(struct rs_doorbell *doorbell)
{
	return doorbell->armed ? 0 : rs_doorbell_unmask(doorbell);
}

int rs_doorbell_block(struct rs_doorbell *doorbell, int timeout_ms);

/*
 * Asleep at sleep_fd. RS_DOORBELL_WORK: the port's descriptor is readable, of which we are told once:
 * it has to be read before the next sleep. libc's epoll_wait() can be cancelled, which nobody wants
 * of us, and costs 31 instructions.
 */
static inline int rs_doorbell_sleep(int sleep_fd, long timeout_ms)
{
	struct epoll_event event;
	long ready = syscall(SYS_epoll_wait, sleep_fd, &event, 1L, timeout_ms);

	if (__builtin_expect(ready > 0, true))
		return (int)event.data.u32;
	if (ready == 0)
		return RS_DOORBELL_TIMEOUT;
	return errno == EINTR ? RS_DOORBELL_WOKEN : -errno;
}

/*
 * Tells Xen that responses were pushed: once a batch, after its rs_ring_push, and inside
 * the lock that orders the putters. Xen drains under two notifies side by side, so that
 * outside the lock two answers of one vCPU could take effect in the wrong order.
 * 0 or -errno. Model: tests/model/answer.pml.
 */
static inline int rs_doorbell_notify(const struct rs_doorbell *doorbell)
{
	int result = doorbell->calls->notify(doorbell->context);

	return result < 0 ? result : 0;
}

#endif
