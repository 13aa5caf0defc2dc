/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* device.c: open descriptions of /dev/xen/... in all processes. */
#include <errno.h>

#include "fakexen/atomics.h"
#include "fakexen/launcher/launcher.h"
#include "fakexen/port.h"

int device_open(struct launcher *launcher, uint32_t kind, uint64_t inode, int fd)
{
	if (kind != FX_DEVICE_PRIVCMD && kind != FX_DEVICE_HYPERCALL && kind != FX_DEVICE_EVTCHN)
		return -ENODEV;
	for (int i = 0; i < FX_DEVICES; i++) {
		struct fx_device *device = &launcher->model->devices[i];

		if (device->kind != FX_DEVICE_FREE)
			continue;
		device->inode = inode;
		device->launcher_fd = fd;
		device->restricted_to = -1;
		fx_store_release(&device->kind, kind);
		return i;
	}
	return -ENFILE;
}

void device_close(struct launcher *launcher, uint32_t device)
{
	struct fx_device *which = &launcher->model->devices[device];

	world_stop(launcher->world);
	if (which->kind == FX_DEVICE_EVTCHN)
		fx_port_unbind_device(launcher->model, device);
	fx_store_release(&which->kind, FX_DEVICE_FREE);
	which->inode = 0;
	which->launcher_fd = -1;
	world_go(launcher->world);
}
