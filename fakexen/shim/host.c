/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host.c: the model's host when it runs on a caller's thread, inside notify and unmask. */
#include <errno.h>
#include <sys/socket.h>

#include "fakexen/atomics.h"
#include "fakexen/futex.h"
#include "fakexen/shim/shim.h"
#include "fakexen/thread.h"

__thread unsigned int shim_system_calls __attribute__((tls_model("initial-exec")));

static uint64_t now(void *opaque)
{
	return fx_clock_now(&shim_model()->clock);
}

static void deliver(void *opaque, unsigned int device, uint32_t port)
{
	int end = shim_device_end(device);

	shim_system_calls++;
	if (end < 0 || send(end, &port, sizeof(port), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		shim_deliver_elsewhere(device, port);
}

static void wake(void *opaque, unsigned int slot, unsigned int vcpu)
{
	if (fx_thread_wake(shim_model(), fx_thread_of(shim_model(), slot, vcpu)))
		shim_system_calls++;
}

/* The calls that run here take nothing from a caller's memory. */
static int copy_in(void *opaque, pid_t pid, void *to, uint64_t from, size_t size)
{
	return -EFAULT;
}

static int copy_out(void *opaque, pid_t pid, uint64_t to, const void *from, size_t size)
{
	return -EFAULT;
}

static void log_line(void *opaque, const char *line)
{
}

const struct fx_host shim_host = {
	.now = now,
	.deliver = deliver,
	.wake = wake,
	.copy_in = copy_in,
	.copy_out = copy_out,
	.log = log_line,
};
