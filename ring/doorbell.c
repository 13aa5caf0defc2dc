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
		.sleep_fd = -1,
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

/* `data`: what rs_doorbell_sleep returns then. */
static int add(const struct rs_doorbell *doorbell, int fd, uint32_t events, uint32_t data)
{
	struct epoll_event event = { .events = events, .data.u32 = data };

	if (fd < 0)
		return fd;
	return epoll_ctl(doorbell->sleep_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int rs_doorbell_open(struct rs_doorbell *doorbell)
{
	int error = 0;

	doorbell->sleep_fd = epoll_create1(EPOLL_CLOEXEC);
	if (doorbell->sleep_fd < 0)
		return -errno;
	if (doorbell->wake_fd >= 0)
		error = add(doorbell, doorbell->wake_fd, EPOLLIN, RS_DOORBELL_WOKEN);
	/* On its edge: it is read each time, so the kernel need not look whether it still is readable. */
	if (!error)
		error = add(doorbell, doorbell->calls->fd(doorbell->context), EPOLLIN | EPOLLET,
			    RS_DOORBELL_WORK);
	if (error)
		rs_doorbell_close(doorbell);
	return error;
}

void rs_doorbell_close(struct rs_doorbell *doorbell)
{
	if (doorbell->sleep_fd >= 0)
		close(doorbell->sleep_fd);
	doorbell->sleep_fd = -1;
}

/*
 * Sleeps with the port unmasked. RS_DOORBELL_WORK here means only that the port rang,
 * which has masked it.
 */
int rs_doorbell_block(struct rs_doorbell *doorbell, int timeout_ms)
{
	int result, rang;

	doorbell->sleeps++;
	result = rs_doorbell_sleep(doorbell->sleep_fd, timeout_ms);
	if (result != RS_DOORBELL_WORK)
		return result;
	rang = doorbell->calls->pending(doorbell->context);
	if (rang <= 0)
		return rang < 0 ? rang : RS_DOORBELL_TIMEOUT;
	doorbell->armed = false;
	return RS_DOORBELL_WORK;
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
