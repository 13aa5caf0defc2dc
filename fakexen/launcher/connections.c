/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* connections.c: the two sockets at which processes enter and devices are opened, and what
 * comes over the connections (see wire.h). The thread that executes calls looks here
 * before each one: a process that its parent has seen dead is then dead here too. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fakexen/launcher/launcher.h"
#include "fakexen/port.h"
#include "fakexen/wire.h"

enum kind {
	PROCESS_DOOR, DEVICE_DOOR,      /* listening */
	PROCESS,                        /* or one that only asks */
	NEW_DEVICE, DEVICE,
};

struct connection {
	enum kind kind;
	int fd;
	uint32_t device;
	struct process *process;        /* NULL: has not entered */
	struct connection *next;        /* all of them, to be freed */
};

struct connections {
	pthread_mutex_t mutex;
	int epoll_fd;
	uint32_t last_number;
	struct connection *all;
};

static struct connection *add(struct connections *connections, enum kind kind, int fd)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = connection };

	if (!connection || epoll_ctl(connections->epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
		free(connection);
		close(fd);
		return NULL;
	}
	connection->kind = kind;
	connection->fd = fd;
	connection->next = connections->all;
	connections->all = connection;
	return connection;
}

static void drop(struct connections *connections, struct connection *connection)
{
	struct connection **link = &connections->all;

	while (*link != connection)
		link = &(*link)->next;
	*link = connection->next;
	/* Closing is not enough: shims have copies of a device's end, and epoll goes by the
	 * open description. */
	epoll_ctl(connections->epoll_fd, EPOLL_CTL_DEL, connection->fd, NULL);
	close(connection->fd);
	free(connection);
}

static void end_connection(struct launcher *launcher, struct connection *connection)
{
	if (connection->kind == DEVICE)
		device_close(launcher, connection->device);
	if (connection->process)
		process_leave(launcher, connection->process);
	drop(launcher->connections, connection);
}

/* The launcher's end of a device or the model's memory goes along with the answer. */
static int answer(int fd, const struct fx_wire_reply *reply, int passed)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };
	struct iovec part = { (void *)(uintptr_t)reply, sizeof(*reply) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (passed >= 0) {
		control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.header), &passed, sizeof(passed));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(*reply) ? 0 : -errno;
}

/* ---- requests ---- */

static int enter(struct launcher *launcher, struct connection *connection)
{
	struct connections *connections = launcher->connections;
	struct fx_wire_reply reply = { .number = connections->last_number + 1 };

	if (connection->process)
		return -EPROTO;
	connection->process = process_enter(launcher, reply.number);
	if (!connection->process)
		return -ENOMEM;
	connections->last_number = reply.number;
	return answer(connection->fd, &reply, launcher->memory_fd);
}

static int find(struct launcher *launcher, const struct connection *connection,
	const struct fx_wire_request *request)
{
	const struct fx_device *device = &launcher->model->devices[request->device % FX_DEVICES];
	struct fx_wire_reply reply = { .number = request->device };

	if (device->kind == FX_DEVICE_FREE || device->inode != request->inode)
		reply.error = ENODEV;
	return answer(connection->fd, &reply, reply.error ? -1 : device->launcher_fd);
}

static void deliver(struct launcher *launcher, const struct fx_wire_request *request)
{
	uint32_t device = request->device % FX_DEVICES;

	if (launcher->model->devices[device].kind == FX_DEVICE_EVTCHN)
		launcher->host.deliver(launcher->host.opaque, device, request->port);
}

static int open_device(struct launcher *launcher, struct connection *connection,
	const struct fx_wire_request *request)
{
	int device = device_open(launcher, request->device, request->inode, connection->fd);
	struct fx_wire_reply reply = { .error = device < 0 ? -device : 0,
				       .number = (uint32_t)device };

	if (device < 0) {
		answer(connection->fd, &reply, -1);
		return device;
	}
	connection->kind = DEVICE;
	connection->device = (uint32_t)device;
	return answer(connection->fd, &reply, connection->fd);
}

static int take_request(struct launcher *launcher, struct connection *connection)
{
	struct fx_wire_request request;
	ssize_t got = recv(connection->fd, &request, sizeof(request), MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got != sizeof(request))
		return -ECONNRESET;
	if (request.layout != FX_WIRE_LAYOUT) {
		struct fx_wire_reply reply = { .error = EPROTO };

		log_line("a process has the shim of another build");
		return answer(connection->fd, &reply, -1) ? -EPROTO : 0;
	}
	if (connection->kind == NEW_DEVICE)
		return request.kind == FX_WIRE_OPEN ? open_device(launcher, connection, &request) :
			-EPROTO;
	switch (request.kind) {
	case FX_WIRE_ENTER: return enter(launcher, connection);
	case FX_WIRE_FIND: return find(launcher, connection, &request);
	case FX_WIRE_DELIVER: deliver(launcher, &request); return 0;
	default: return -EPROTO;
	}
}

/* Port numbers written without the shim's help: by write() in a program that got the
 * descriptor from another, or by writev(). */
static int take_unmasks(struct launcher *launcher, const struct connection *connection)
{
	uint32_t ports[256];
	ssize_t got = recv(connection->fd, ports, sizeof(ports), MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (!got)
		return -ECONNRESET;
	for (size_t i = 0; i < (size_t)got / sizeof(ports[0]); i++)
		fx_port_unmask(launcher->model, &launcher->host, connection->device, ports[i]);
	return 0;
}

static void accept_from(struct launcher *launcher, const struct connection *door)
{
	int fd = accept4(door->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		add(launcher->connections, door->kind == PROCESS_DOOR ? PROCESS : NEW_DEVICE, fd);
}

static void serve(struct launcher *launcher, struct connection *connection)
{
	int error;

	switch (connection->kind) {
	case PROCESS_DOOR:
	case DEVICE_DOOR:
		accept_from(launcher, connection);
		return;
	case DEVICE:
		error = take_unmasks(launcher, connection);
		break;
	default:
		error = take_request(launcher, connection);
	}
	if (error)
		end_connection(launcher, connection);
}

void connections_serve(struct launcher *launcher)
{
	struct connections *connections = launcher->connections;
	struct epoll_event event;

	pthread_mutex_lock(&connections->mutex);
	/* One at a time: serving one may end another that epoll would have told of too. */
	while (epoll_wait(connections->epoll_fd, &event, 1, 0) == 1)
		serve(launcher, event.data.ptr);
	pthread_mutex_unlock(&connections->mutex);
}

int connections_fd(const struct launcher *launcher)
{
	return launcher->connections->epoll_fd;
}

/* ---- birth and end ---- */

static void listen_at(struct launcher *launcher, enum kind kind, const char *name, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", launcher->folder, name);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 128) ||
	    !add(launcher->connections, kind, fd))
		die("socket %s: %s", address.sun_path, strerror(errno));
}

void connections_start(struct launcher *launcher)
{
	struct connections *connections = calloc(1, sizeof(*connections));

	if (!connections)
		die("out of memory");
	pthread_mutex_init(&connections->mutex, NULL);
	connections->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	launcher->connections = connections;
	listen_at(launcher, PROCESS_DOOR, FX_PROCESS_SOCKET, SOCK_SEQPACKET);
	listen_at(launcher, DEVICE_DOOR, FX_DEVICE_SOCKET, SOCK_STREAM);
}

void connections_end(struct launcher *launcher)
{
	struct connections *connections = launcher->connections;

	while (connections->all)
		end_connection(launcher, connections->all);
	close(connections->epoll_fd);
	pthread_mutex_destroy(&connections->mutex);
	free(connections);
	launcher->connections = NULL;
}
