/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* doorbell.c: spin with the port masked, unmask, look again, block. */
#include "ring/doorbell.h"

#include <errno.h>
#include <time.h>

#include "ring/atomics.h"
#include "ring/ring.h"

void rs_doorbell_init(struct rs_doorbell *doorbell, const struct rs_doorbell_calls *calls,
		      void *context, int wake_fd, uint32_t looks)
{
	*doorbell = (struct rs_doorbell){
		.calls = calls,
		.context = context,
		.wake_fd = wake_fd,
		.looks = looks,
		.armed = true,
	};
}

static bool spin(const struct rs_doorbell *doorbell, const struct rs_ring *ring)
{
	for (uint32_t look = 0; look < doorbell->looks; look++) {
		if (rs_ring_pending(ring))
			return true;
		rs_cpu_relax();
	}
	return rs_ring_pending(ring);
}

static int64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* What is left of a limit; -1 is no limit. */
static int remaining_ms(int timeout_ms, int64_t deadline)
{
	int64_t left;

	if (timeout_ms <= 0)
		return timeout_ms;
	left = deadline - now_ms();
	return left > 0 ? (int)left : 0;
}

int rs_doorbell_fds(const struct rs_doorbell *doorbell, struct pollfd fds[2])
{
	int fd = doorbell->calls->fd(doorbell->context);

	fds[0] = (struct pollfd){ .fd = fd, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = doorbell->wake_fd, .events = POLLIN }; /* -1 is none */
	return fd < 0 ? fd : 0;
}

int rs_doorbell_wait_of(const struct pollfd fds[2], int ready)
{
	if (ready < 0)
		return errno == EINTR ? RS_DOORBELL_WOKEN : -errno;
	if (fds[1].revents)
		return RS_DOORBELL_WOKEN;
	if (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL))
		return -EIO;
	return RS_DOORBELL_TIMEOUT;
}

/*
 * Sleeps with the port unmasked. RS_DOORBELL_WORK here means only that the port rang,
 * which has masked it.
 */
int rs_doorbell_block(struct rs_doorbell *doorbell, int timeout_ms)
{
	struct pollfd fds[2];
	int error = rs_doorbell_fds(doorbell, fds);

	if (error)
		return error;
	doorbell->sleeps++;
	return rs_doorbell_block_at(doorbell, doorbell->calls, doorbell->context, fds, timeout_ms);
}

int rs_doorbell_unmask(struct rs_doorbell *doorbell)
{
	int error;

	/* S1: unmask, then look again, against X3. A port that is armed has been looked at
	 * since by spin. */
	error = doorbell->calls->unmask(doorbell->context);
	if (error < 0)
		return error;
	doorbell->armed = true;
	return 0;
}

int rs_doorbell_wait(struct rs_doorbell *doorbell, const struct rs_ring *ring, int timeout_ms)
{
	int64_t deadline = timeout_ms > 0 ? now_ms() + timeout_ms : 0;

	for (;;) {
		int left, result;

		if (spin(doorbell, ring))
			return RS_DOORBELL_WORK;
		result = rs_doorbell_arm(doorbell);
		if (result < 0)
			return result;
		if (rs_ring_pending(ring))
			return RS_DOORBELL_WORK;
		left = remaining_ms(timeout_ms, deadline);
		result = rs_doorbell_block(doorbell, left);
		if (result < 0)
			return result;
		if (rs_ring_pending(ring))
			return RS_DOORBELL_WORK;
		if (result == RS_DOORBELL_WOKEN)
			return result;
		if (result == RS_DOORBELL_WORK)
			doorbell->spurious++;
		if (left == 0)
			return RS_DOORBELL_TIMEOUT;
	}
}
