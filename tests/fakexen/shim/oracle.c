/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* oracle.c: see oracle.h. */
#include "config.h"

#include "tests/fakexen/shim/oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fakexen/atomics.h"
#include "fakexen/wire.h"

static int connect_to_launcher(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *folder = getenv(FX_RUNTIME_VARIABLE);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (!folder || fd < 0)
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", folder, FX_PROCESS_SOCKET);
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) ? -1 : fd;
}

/* The connection stays open: it is the oracle's lease. */
static int ask_for_memory(int fd)
{
	struct fx_wire_request request = { .layout = FX_WIRE_LAYOUT, .kind = FX_WIRE_ENTER };
	struct fx_wire_reply reply;
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { &reply, sizeof(reply) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	int memory;

	if (send(fd, &request, sizeof(request), 0) != sizeof(request) ||
	    recvmsg(fd, &message, MSG_CMSG_CLOEXEC) != sizeof(reply) || !CMSG_FIRSTHDR(&message))
		return -1;
	memcpy(&memory, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(memory));
	return memory;
}

struct fx_model *oracle_enter(void)
{
	int fd = connect_to_launcher();
	int memory = fd < 0 ? -1 : ask_for_memory(fd);
	struct stat stat;
	void *model;

	if (memory < 0 || fstat(memory, &stat))
		return NULL;
	model = mmap(NULL, (size_t)stat.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	close(memory);
	return model == MAP_FAILED ? NULL : model;
}

void oracle_read(struct fx_model *model, struct oracle_reading *reading)
{
	memset(reading, 0, sizeof(*reading));
	for (unsigned int i = 0; i < FX_DOM0_PORTS; i++)
		reading->ports += fx_load_acquire(&model->ports[i].state) != FX_PORT_FREE;
	for (unsigned int i = 0; i < FX_DEVICES; i++)
		reading->devices += fx_load_acquire(&model->devices[i].kind) != FX_DEVICE_FREE;
	for (uint32_t i = 0; i < model->frame_count; i++)
		reading->frames += fx_frame(model, i)->owner != 0;
	reading->mappings = fx_load_acquire(&model->mappings);
}
