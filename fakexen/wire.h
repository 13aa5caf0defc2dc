/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wire.h: what a shim and the launcher say to each other, over two unix sockets in the
 * launcher's private folder (named by the environment variable FX_RUNTIME_VARIABLE).
 *
 * - "process" (SOCK_SEQPACKET): a process enters, and gets the model's memfd and a number.
 *   It keeps the connection, close-on-exec: when that ends, the process has died or has
 *   executed another program, and its foreign mappings are gone.
 * - "device" (SOCK_STREAM): the connection is the device. The caller's end is the
 *   descriptor that its open() returns; when its last copy is closed, the launcher sees
 *   the end of the connection. On the event channel device port numbers come to be read;
 *   numbers that the caller writes (where no shim takes them) are ports to unmask. */
#ifndef FAKEXEN_WIRE_H
#define FAKEXEN_WIRE_H

#include <stdint.h>

#include "fakexen/model.h"

#define FX_RUNTIME_VARIABLE "FAKEXEN_RUNTIME"
#define FX_PROCESS_SOCKET "process"
#define FX_DEVICE_SOCKET "device"

/* A shim and a launcher of two builds must not meet. */
#define FX_WIRE_LAYOUT ((uint32_t)(sizeof(struct fx_model) ^ sizeof(struct fx_domain) << 7))

enum fx_wire_kind {
	FX_WIRE_ENTER = 1,      /* process: answered with its number, and the memfd */
	FX_WIRE_FIND,           /* process: the launcher's end of a device, by its inode */
	FX_WIRE_DELIVER,        /* process: this port to that device; no answer */
	FX_WIRE_OPEN,           /* device: answered with its index and the launcher's end */
};

struct fx_wire_request {
	uint32_t layout;        /* FX_WIRE_LAYOUT */
	uint32_t kind;
	uint32_t device;        /* OPEN: an enum fx_device_kind; else an index */
	uint32_t port;
	uint64_t inode;         /* OPEN, FIND: of the caller's end */
};

struct fx_wire_reply {
	int32_t error;          /* 0 or an errno */
	uint32_t number;        /* the process's or device's */
};

#endif
