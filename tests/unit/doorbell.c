/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* doorbell.c: spin, unmask, look again, block, with an event channel that is an eventfd. */
#include "ring/doorbell.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

#include "ring/ring.h"
#include "tests/unit/tap.h"

/* The event channel, and all that was called on it: u unmask, p pending, n notify. */
struct channel {
	_Alignas(4096) uint8_t page[4096];
	struct rs_ring ring;
	struct rs_doorbell doorbell;
	int fd, wake_fd;
	char calls[16];
	unsigned int call_count;
	int unmask_error;
	bool push_in_unmask; /* Xen brings a request just before the port is unmasked */
	bool is_other_port;
};

static void note(struct channel *channel, char call)
{
	if (channel->call_count < sizeof(channel->calls) - 1)
		channel->calls[channel->call_count++] = call;
}

static void push(struct channel *channel)
{
	struct rs_ring_page *page = (struct rs_ring_page *)channel->page;
	struct rs_message_head head = { .version = 7 };

	memcpy(page->slots + page->req_prod % 8 * 400, &head, sizeof(head));
	page->req_prod++;
}

static void ring_fd(int fd)
{
	eventfd_write(fd, 1);
}

static void take_all(struct channel *channel)
{
	uint8_t message[RS_RING_MESSAGE_SIZE_MAX];
	struct rs_ring_fault fault;

	while (rs_ring_take(&channel->ring, message, &fault) > 0)
		rs_ring_put(&channel->ring, message);
	rs_ring_push(&channel->ring);
}

static int channel_notify(void *context)
{
	note(context, 'n');
	return 0;
}

static int channel_unmask(void *context)
{
	struct channel *channel = context;

	note(channel, 'u');
	if (channel->push_in_unmask)
		push(channel);
	return channel->unmask_error;
}

static int channel_pending(void *context)
{
	struct channel *channel = context;
	eventfd_t count;

	note(channel, 'p');
	if (eventfd_read(channel->fd, &count))
		return -errno;
	return !channel->is_other_port;
}

static int channel_fd(void *context)
{
	return ((struct channel *)context)->fd;
}

static const struct rs_doorbell_calls calls = {
	.notify = channel_notify,
	.unmask = channel_unmask,
	.pending = channel_pending,
	.fd = channel_fd,
};

static struct channel *open_channel(void)
{
	static struct channel channel;

	memset(&channel, 0, sizeof(channel));
	channel.fd = eventfd(0, EFD_NONBLOCK);
	channel.wake_fd = eventfd(0, EFD_NONBLOCK);
	rs_ring_init(&channel.ring, channel.page, 400, 7, 4);
	rs_doorbell_init(&channel.doorbell, &calls, &channel, channel.wake_fd, 10);
	rs_doorbell_open(&channel.doorbell);
	return &channel;
}

/* Waits once and gives back the masked port, as after a first event. */
static struct channel *open_masked_channel(void)
{
	struct channel *channel = open_channel();

	push(channel);
	ring_fd(channel->fd);
	take_all(channel);
	rs_doorbell_wait(&channel->doorbell, &channel->ring, 0);
	memset(channel->calls, 0, sizeof(channel->calls));
	channel->call_count = 0;
	return channel;
}

static void close_channel(struct channel *channel)
{
	rs_doorbell_close(&channel->doorbell);
	if (channel->fd >= 0)
		close(channel->fd);
	close(channel->wake_fd);
}

static int wait_once(struct channel *channel, int timeout_ms)
{
	return rs_doorbell_wait(&channel->doorbell, &channel->ring, timeout_ms);
}

static void test_busy(void)
{
	struct channel *channel = open_masked_channel();

	tap_ok(!channel->doorbell.armed, "a port that has rung is left masked");
	push(channel);
	tap_ok(wait_once(channel, -1) == RS_DOORBELL_WORK && !channel->calls[0],
	       "while there is work, no call is made and the port stays masked");
	close_channel(channel);
}

static void test_sleep(void)
{
	struct channel *channel = open_masked_channel();

	tap_ok(wait_once(channel, 0) == RS_DOORBELL_TIMEOUT && !strcmp(channel->calls, "u"),
	       "with nothing to do the port is unmasked before sleeping");
	tap_ok(wait_once(channel, 1) == RS_DOORBELL_TIMEOUT && !strcmp(channel->calls, "u"),
	       "and not again while it is unmasked");
	push(channel);
	ring_fd(channel->fd);
	take_all(channel);
	push(channel);
	tap_ok(wait_once(channel, -1) == RS_DOORBELL_WORK && !strcmp(channel->calls, "u"),
	       "work that is seen in time saves the read of the port");
	take_all(channel);
	tap_ok(wait_once(channel, 0) == RS_DOORBELL_TIMEOUT && channel->doorbell.spurious == 2 &&
		       !strcmp(channel->calls, "up"),
	       "the ring that it left behind is read later, as one for nothing");
	close_channel(channel);
}

static void test_look_again(void)
{
	struct channel *channel = open_masked_channel();
	uint64_t sleeps = channel->doorbell.sleeps;

	channel->push_in_unmask = true;
	tap_ok(wait_once(channel, -1) == RS_DOORBELL_WORK && !strcmp(channel->calls, "u") &&
		       channel->doorbell.sleeps == sleeps,
	       "a request that came just before the unmask is seen without sleeping");
	close_channel(channel);
}

static void test_rings(void)
{
	struct channel *channel = open_channel();
	uint8_t message[RS_RING_MESSAGE_SIZE_MAX];

	ring_fd(channel->fd);
	tap_ok(wait_once(channel, 5) == RS_DOORBELL_TIMEOUT && channel->doorbell.spurious == 1,
	       "a ring with nothing on the page is no work");
	tap_ok(!strcmp(channel->calls, "pu"), "it is read, and the port unmasked again");
	channel->is_other_port = true;
	ring_fd(channel->fd);
	tap_ok(wait_once(channel, 5) == RS_DOORBELL_TIMEOUT && channel->doorbell.armed,
	       "another port's ring leaves ours unmasked");
	tap_ok(rs_ring_peek(&channel->ring, message) == 0, "and brings nothing");
	close_channel(channel);
}

static void test_wake(void)
{
	struct channel *channel = open_channel();

	ring_fd(channel->wake_fd);
	tap_ok(wait_once(channel, -1) == RS_DOORBELL_WOKEN, "the wake descriptor ends a wait");
	push(channel);
	tap_ok(wait_once(channel, -1) == RS_DOORBELL_WORK, "but work goes first");
	close_channel(channel);
}

static void on_alarm(int signal_number)
{
	(void)signal_number;
}

static void test_signal(void)
{
	struct channel *channel = open_channel();
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval timer = { .it_value = { .tv_usec = 2000 } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	tap_ok(wait_once(channel, -1) == RS_DOORBELL_WOKEN, "so does a signal");
	close_channel(channel);
}

static void test_errors(void)
{
	struct channel *channel = open_masked_channel();

	channel->unmask_error = -EIO;
	tap_ok(wait_once(channel, -1) == -EIO && !channel->doorbell.armed,
	       "an unmask that fails is an error, not a sleep");
	channel->unmask_error = 0;
	rs_doorbell_close(&channel->doorbell);
	tap_ok(wait_once(channel, -1) == -EBADF, "so is a doorbell that is not open");
	close(channel->fd);
	channel->fd = -EINVAL;
	tap_ok(rs_doorbell_open(&channel->doorbell) == -EINVAL &&
	       channel->doorbell.sleep_fd < 0, "a channel without a descriptor cannot be opened");
	channel->fd = 1000;
	tap_ok(rs_doorbell_open(&channel->doorbell) == -EBADF, "nor one whose descriptor is not");
	channel->fd = -1;
	close_channel(channel);
}

static void test_notify(void)
{
	struct channel *channel = open_channel();

	tap_ok(rs_doorbell_notify(&channel->doorbell) == 0 && !strcmp(channel->calls, "n"),
	       "notify notifies");
	close_channel(channel);
}

int main(void)
{
	alarm(20); /* a wait that never ends is a failure, too */
	test_busy();
	test_sleep();
	test_look_again();
	test_rings();
	test_wake();
	test_errors();
	test_notify();
	alarm(0);
	test_signal();
	return tap_done();
}
