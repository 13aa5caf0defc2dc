/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* attach.c: the process and the launcher. A process enters when it first needs the
 * model, and again after a fork: the connection that stands for it in the launcher must
 * not be shared with its parent. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "fakexen/atomics.h"
#include "fakexen/shim/shim.h"

static struct {
	pthread_mutex_t mutex;
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct fx_model *model;         /* mapped once, stays */
	int memory_fd;
	int lease;                      /* the connection that stands for this process */
	uint32_t process;               /* 0: has not entered */
} attachment = { .mutex = PTHREAD_MUTEX_INITIALIZER, .memory_fd = -1, .lease = -1 };

bool shim_active(void)
{
	return attachment.folder[0] != '\0';
}

struct fx_model *shim_model(void)
{
	/* E2: acquires E1. */
	return fx_load_acquire(&attachment.process) ? attachment.model : NULL;
}

uint32_t shim_process(void)
{
	return fx_load_relaxed(&attachment.process);
}

int shim_memory_fd(void)
{
	return attachment.memory_fd;
}

int shim_connect(const char *name, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int size = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s",
		attachment.folder, name);
	int fd, error;

	if (size < 0 || (size_t)size >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, type, 0);
	if (fd < 0)
		return -errno;
	while (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		if (errno == EINTR)
			continue;
		error = errno;
		syscall(SYS_close, fd);
		return -error;
	}
	return fd;
}

static int receive(int fd, struct fx_wire_reply *reply, int *passed)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { reply, sizeof(*reply) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header;
	ssize_t got;

	do
		got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(passed, CMSG_DATA(header), sizeof(*passed));
	if (got != sizeof(*reply))
		return -EIO;
	return -reply->error;
}

int shim_ask(int fd, const struct fx_wire_request *request, struct fx_wire_reply *reply,
	int *passed)
{
	int error;

	*passed = -1;
	while (send(fd, request, sizeof(*request), MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	error = receive(fd, reply, passed);
	if (error && *passed >= 0) {
		syscall(SYS_close, *passed);
		*passed = -1;
	}
	return error;
}

/* The model's memfd is known from here on; maps it unless an ancestor has. */
static int map_model(int fd)
{
	struct stat stat;
	void *model;

	if (attachment.model) {
		syscall(SYS_close, fd);
		return 0;
	}
	fd = shim_hide(fd);
	if (fd < 0)
		return fd;
	if (fstat(fd, &stat))
		goto failed;
	model = shim_map(NULL, stat.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (model == MAP_FAILED)
		goto failed;
	attachment.memory_fd = fd;
	attachment.model = model;
	return 0;
failed:
	shim_unhide(fd);
	return -ENOMEM;
}

static int enter(void)
{
	struct fx_wire_request request = { .layout = FX_WIRE_LAYOUT, .kind = FX_WIRE_ENTER };
	struct fx_wire_reply reply;
	int fd, passed, error;

	fd = shim_connect(FX_PROCESS_SOCKET, SOCK_SEQPACKET | SOCK_CLOEXEC);
	if (fd < 0)
		return fd;
	error = shim_ask(fd, &request, &reply, &passed);
	if (!error && passed < 0)
		error = -EPROTO;
	if (!error)
		error = map_model(passed);
	if (error) {
		syscall(SYS_close, fd);
		return error;
	}
	attachment.lease = shim_hide(fd);
	if (attachment.lease < 0)
		return attachment.lease;
	/* E1: releases the model and the lease to E2. */
	fx_store_release(&attachment.process, reply.number);
	return 0;
}

struct fx_model *shim_enter(void)
{
	struct fx_model *model = shim_model();
	int error;

	if (model || !shim_active())
		return model;
	pthread_mutex_lock(&attachment.mutex);
	error = attachment.process ? 0 : enter();
	pthread_mutex_unlock(&attachment.mutex);
	if (error)
		errno = -error;
	return shim_model();
}

void shim_deliver_elsewhere(unsigned int device, uint32_t port)
{
	struct fx_wire_request request = { .layout = FX_WIRE_LAYOUT, .kind = FX_WIRE_DELIVER,
					   .device = device, .port = port };

	send(attachment.lease, &request, sizeof(request), MSG_NOSIGNAL);
}

bool shim_launcher_lives(void)
{
	char byte;
	ssize_t got = recv(attachment.lease, &byte, 1, MSG_DONTWAIT | MSG_PEEK);

	return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static void before_fork(void)
{
	pthread_mutex_lock(&attachment.mutex);
	shim_mapping_before_fork();
}

static void after_fork_parent(void)
{
	shim_mapping_after_fork(false);
	pthread_mutex_unlock(&attachment.mutex);
}

static void after_fork_child(void)
{
	shim_mapping_after_fork(true);
	shim_unhide(attachment.lease);
	attachment.lease = -1;
	attachment.process = 0;
	pthread_mutex_init(&attachment.mutex, NULL);
}

__attribute__((constructor)) static void start(void)
{
	const char *folder = getenv(FX_RUNTIME_VARIABLE);

	if (!folder || strlen(folder) >= sizeof(attachment.folder))
		return;
	strcpy(attachment.folder, folder);
	pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}
