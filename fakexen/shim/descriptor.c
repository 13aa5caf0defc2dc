/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* descriptor.c: which descriptors are fake devices. A device is a connection to the
 * launcher, so it lives as long as an open description does: through dup, fork, exec and
 * over sockets. This process keeps a copy of the launcher's end of those that it uses,
 * to deliver ports without asking anybody. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fakexen/atomics.h"
#include "fakexen/shim/shim.h"

/* The device of a descriptor, plus 1. A stale "none" does no harm: what a program writes
 * to the event channel then goes to the launcher, and an ioctl looks again. */
static uint16_t devices[SHIM_DESCRIPTORS];

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;       /* for those who change ends[] */
static struct {
	int fd_plus_1;                  /* 0: none */
	uint64_t inode;                 /* an index can be used again for another device */
} ends[FX_DEVICES];

int shim_descriptor_device(int fd)
{
	if (fd < 0 || fd >= SHIM_DESCRIPTORS)
		return -1;
	return fx_load_relaxed(&devices[fd]) - 1;
}

void shim_descriptor_forget(int fd)
{
	if (shim_descriptor_device(fd) >= 0)
		fx_store_relaxed(&devices[fd], 0);
}

static void remember(int fd, unsigned int device)
{
	if (fd < SHIM_DESCRIPTORS)
		fx_store_relaxed(&devices[fd], (uint16_t)(device + 1));
}

void shim_descriptor_copied(int from, int to)
{
	int device = shim_descriptor_device(from);

	if (to < 0)
		return;
	if (device >= 0)
		remember(to, (unsigned int)device);
	else
		shim_descriptor_forget(to);
}

int shim_device_end(unsigned int device)
{
	/* F2: acquires F1, the inode that belongs to the descriptor. */
	int fd = fx_load_acquire(&ends[device].fd_plus_1) - 1;

	return fd >= 0 && ends[device].inode == shim_model()->devices[device].inode ? fd : -1;
}

/* Closes ends that no descriptor of this process needs. Not at once when a descriptor is
 * closed: another thread may just be about to send. */
static void sweep(void)
{
	bool used[FX_DEVICES] = { false };

	for (unsigned int fd = 0; fd < SHIM_DESCRIPTORS; fd++)
		if (devices[fd])
			used[devices[fd] - 1] = true;
	for (unsigned int device = 0; device < FX_DEVICES; device++) {
		int fd = ends[device].fd_plus_1 - 1;

		if (used[device] || fd < 0)
			continue;
		fx_store_release(&ends[device].fd_plus_1, 0);
		shim_unhide(fd);
	}
}

static int keep_end(unsigned int device, uint64_t inode, int fd)
{
	int old;

	fd = shim_hide(fd);
	if (fd < 0)
		return fd;
	pthread_mutex_lock(&mutex);
	old = ends[device].fd_plus_1 - 1;
	fx_store_release(&ends[device].fd_plus_1, 0);
	ends[device].inode = inode;
	/* F1: releases the inode to F2. */
	fx_store_release(&ends[device].fd_plus_1, fd + 1);
	pthread_mutex_unlock(&mutex);
	if (old >= 0)
		shim_unhide(old);
	return 0;
}

static int inode_of(int fd, uint64_t *inode)
{
	struct stat stat;

	if (syscall(SYS_fstat, fd, &stat))
		return -errno;
	*inode = stat.st_ino;
	return S_ISSOCK(stat.st_mode) ? 0 : -ENOTSOCK;
}

int shim_device_open(enum fx_device_kind kind, int flags)
{
	struct fx_wire_request request = { .layout = FX_WIRE_LAYOUT, .kind = FX_WIRE_OPEN,
					   .device = kind };
	struct fx_wire_reply reply;
	int fd, end = -1, error;

	if (!shim_enter())
		return -errno;
	pthread_mutex_lock(&mutex);
	sweep();
	pthread_mutex_unlock(&mutex);
	fd = shim_connect(FX_DEVICE_SOCKET,
		SOCK_STREAM | (flags & O_CLOEXEC ? SOCK_CLOEXEC : 0));
	if (fd < 0)
		return fd;
	error = inode_of(fd, &request.inode);
	if (!error)
		error = shim_ask(fd, &request, &reply, &end);
	if (!error)
		error = keep_end(reply.number, request.inode, end);
	if (!error && flags & O_NONBLOCK && syscall(SYS_fcntl, fd, F_SETFL, O_RDWR | O_NONBLOCK))
		error = -errno;
	if (error) {
		syscall(SYS_close, fd);
		return error;
	}
	remember(fd, reply.number);
	return fd;
}

/* Asks the launcher for its end of a device that this process did not open. */
static int find_end(unsigned int device, uint64_t inode)
{
	struct fx_wire_request request = { .layout = FX_WIRE_LAYOUT, .kind = FX_WIRE_FIND,
					   .device = device, .inode = inode };
	struct fx_wire_reply reply;
	int fd, end = -1, error;

	fd = shim_connect(FX_PROCESS_SOCKET, SOCK_SEQPACKET | SOCK_CLOEXEC);
	if (fd < 0)
		return fd;
	error = shim_ask(fd, &request, &reply, &end);
	syscall(SYS_close, fd);
	return error ? error : keep_end(device, inode, end);
}

int shim_descriptor_identify(int fd)
{
	int device = shim_descriptor_device(fd);
	struct fx_model *model;
	uint64_t inode;

	if (device >= 0 || fd < 0)
		return shim_enter() ? device : -1;
	if (!shim_active() || inode_of(fd, &inode))
		return -1;
	model = shim_enter();
	for (unsigned int i = 0; model && i < FX_DEVICES; i++) {
		if (model->devices[i].kind == FX_DEVICE_FREE || model->devices[i].inode != inode)
			continue;
		if (shim_device_end(i) < 0 && find_end(i, inode))
			return -1;
		remember(fd, i);
		return (int)i;
	}
	return -1;
}
