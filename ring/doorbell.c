/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* doorbell.c: spin with the port masked, unmask, look again, block. */
#include "ring/doorbell.h"

#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

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

/*
 * Sleeps with the port unmasked. RS_DOORBELL_WORK here means only that the port rang,
 * which has masked it.
 */
int rs_doorbell_block(struct rs_doorbell *doorbell, int timeout_ms)
{
	struct pollfd fds[] = {
		{ .fd = doorbell->calls->fd(doorbell->context), .events = POLLIN },
		{ .fd = doorbell->wake_fd, .events = POLLIN }, /* poll ignores a negative one */
	};
	int ready, rang;

	if (fds[0].fd < 0)
		return fds[0].fd;
	doorbell->sleeps++;
	/* libc's poll() can be cancelled, which nobody wants of us, and costs 31 instructions. */
	ready = (int)syscall(SYS_poll, fds, 2L, (long)timeout_ms);
	if (ready < 0)
		return errno == EINTR ? RS_DOORBELL_WOKEN : -errno;
	if (fds[0].revents & POLLIN) {
		rang = doorbell->calls->pending(doorbell->context);
		if (rang < 0)
			return rang;
		if (rang) {
			doorbell->armed = false;
			return RS_DOORBELL_WORK;
		}
	}
	if (fds[1].revents)
		return RS_DOORBELL_WOKEN;
	if (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL))
		return -EIO;
	return RS_DOORBELL_TIMEOUT;
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
