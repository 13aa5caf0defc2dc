/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* execute.c: what a call does. The drivers' own checks are here, Xen's in hypercalls/. */
#include <errno.h>
#include <stdlib.h>

#include "fakexen/call.h"
#include "fakexen/launcher/launcher.h"
#include "fakexen/port.h"
#include <xen/sys/privcmd.h>

#define PAGES_MOST (1u << 20)
#define DM_BUFFERS_MOST 16      /* the driver's default limits */
#define DM_BUFFER_SIZE_MOST 4096
#define PAGES_AT_ONCE 512

/* privcmd refuses what is not about the domain that the device is restricted to. */
static bool allowed(const struct fx_caller *caller, uint32_t domid)
{
	return caller->restricted_to < 0 || (uint32_t)caller->restricted_to == domid;
}

static int64_t dm_op(const struct fx_caller *caller, const uint64_t args[5])
{
	privcmd_dm_op_buf_t buffers[DM_BUFFERS_MOST];
	struct fx_dm_buffer copies[DM_BUFFERS_MOST];
	uint64_t count = args[1];

	if (!allowed(caller, (uint32_t)args[0]))
		return -EPERM;
	if (!count)
		return 0;
	if (count > DM_BUFFERS_MOST)
		return -E2BIG;
	if (caller->host->copy_in(caller->host->opaque, caller->pid, buffers, args[2],
			count * sizeof(buffers[0])))
		return -EFAULT;
	for (uint64_t i = 0; i < count; i++) {
		if (buffers[i].size > DM_BUFFER_SIZE_MOST)
			return -E2BIG;
		copies[i] = (struct fx_dm_buffer){ (uintptr_t)buffers[i].uptr, buffers[i].size };
	}
	return fx_dm_op(caller, (uint32_t)args[0], (uint32_t)count, copies);
}

/* Maps up to PAGES_AT_ONCE pages: what succeeds is counted for the process at once. */
static int map_pages(struct process *process, const struct fx_caller *caller, uint32_t domid,
	const xen_pfn_t *gfns, size_t count, int *errors, uint32_t *frames)
{
	for (size_t i = 0; i < count; i++) {
		int64_t frame = fx_map_foreign(caller, domid, gfns[i]);
		int error = 0;

		if (frame >= 0) {
			error = process_map(process, (uint32_t)frame, caller->model->frame_count);
			if (error)
				fx_unmap_foreign(caller->model, caller->host, (uint32_t)frame);
		}
		errors[i] = frame < 0 ? (int)frame : error;
		frames[i] = errors[i] ? FX_NO_FRAME : (uint32_t)frame;
	}
	return 0;
}

static int64_t map_foreign(struct process *process, const struct fx_caller *caller,
	const uint64_t args[5])
{
	const struct fx_host *host = caller->host;
	xen_pfn_t gfns[PAGES_AT_ONCE];
	uint32_t frames[PAGES_AT_ONCE];
	int errors[PAGES_AT_ONCE];
	uint64_t count = args[1], at_once;

	if (!allowed(caller, (uint32_t)args[0]))
		return -EPERM;
	if (count > PAGES_MOST)
		return -EINVAL;
	for (uint64_t i = 0; i < count; i += at_once) {
		at_once = count - i < PAGES_AT_ONCE ? count - i : PAGES_AT_ONCE;
		if (host->copy_in(host->opaque, caller->pid, gfns, args[2] + i * sizeof(gfns[0]),
				at_once * sizeof(gfns[0])))
			return -EFAULT;
		map_pages(process, caller, (uint32_t)args[0], gfns, at_once, errors, frames);
		if (host->copy_out(host->opaque, caller->pid, args[3] + i * sizeof(errors[0]),
				errors, at_once * sizeof(errors[0])) ||
		    host->copy_out(host->opaque, caller->pid, args[4] + i * sizeof(frames[0]),
				frames, at_once * sizeof(frames[0])))
			return -EFAULT;
	}
	return 0;
}

static int64_t map_resource(struct process *process, const struct fx_caller *caller,
	const uint64_t args[5])
{
	const struct fx_host *host = caller->host;
	uint32_t frame_numbers[PAGES_AT_ONCE];

	if (!allowed(caller, (uint32_t)args[0]))
		return -EPERM;
	if (args[3] > PAGES_AT_ONCE)
		return -E2BIG;
	for (uint64_t i = 0; i < args[3]; i++) {
		int64_t frame = fx_map_resource(caller, (uint32_t)args[0], (uint32_t)args[1],
			(uint32_t)args[2], (args[2] >> 32) + i);

		if (frame >= 0 && process_map(process, (uint32_t)frame, caller->model->frame_count)) {
			fx_unmap_foreign(caller->model, caller->host, (uint32_t)frame);
			frame = -ENOMEM;
		}
		if (frame < 0) {
			while (i--)
				if (process_unmap(process, frame_numbers[i]))
					fx_unmap_foreign(caller->model, caller->host, frame_numbers[i]);
			return frame;
		}
		frame_numbers[i] = (uint32_t)frame;
	}
	if (!args[3])           /* how large it is */
		return fx_map_resource(caller, (uint32_t)args[0], (uint32_t)args[1],
			(uint32_t)args[2], UINT64_MAX);
	return host->copy_out(host->opaque, caller->pid, args[4], frame_numbers,
		args[3] * sizeof(frame_numbers[0]));
}

static int64_t unmap(struct process *process, const struct fx_caller *caller,
	const uint64_t args[5])
{
	const struct fx_host *host = caller->host;
	uint32_t frames[PAGES_AT_ONCE];

	if (args[0] > PAGES_AT_ONCE)
		return -EINVAL;
	if (host->copy_in(host->opaque, caller->pid, frames, args[1], args[0] * sizeof(frames[0])))
		return -EFAULT;
	for (uint64_t i = 0; i < args[0]; i++)
		if (process_unmap(process, frames[i]))
			fx_unmap_foreign(caller->model, caller->host, frames[i]);
	return 0;
}

/* A restricted event channel device binds to its domain only, and no VIRQ. */
static int64_t bind(const struct launcher *launcher, const struct fx_call *call,
	const struct fx_device *device)
{
	struct fx_model *model = launcher->model;
	uint32_t domid = call->kind == FX_CALL_BIND_VIRQ ? DOMID_SELF : (uint32_t)call->args[0];
	int port;

	if (device->restricted_to >= 0 && (uint32_t)device->restricted_to != domid)
		return -EACCES;
	switch (call->kind) {
	case FX_CALL_BIND_INTERDOMAIN:
		port = fx_port_bind_interdomain(model, call->device, domid,
			(uint32_t)call->args[1]);
		break;
	case FX_CALL_BIND_UNBOUND:
		port = fx_port_bind_unbound(model, call->device, domid);
		break;
	default:
		port = fx_port_bind_virq(model, call->device, (uint32_t)call->args[0]);
	}
	if (port > 0)
		fx_port_settle(model, &launcher->host, (uint32_t)port);
	return port;
}

static int64_t restrict_device(struct fx_device *device, uint32_t domid)
{
	if (device->kind == FX_DEVICE_EVTCHN) {
		if (device->restricted_to >= 0)
			return -EACCES;
		if (!domid || domid >= DOMID_FIRST_RESERVED)
			return -EINVAL;
	} else if (device->restricted_to >= 0 && (uint32_t)device->restricted_to != domid) {
		return -EINVAL;
	}
	device->restricted_to = (int32_t)domid;
	return 0;
}

int64_t execute(struct launcher *launcher, const struct fx_call *call, uint32_t tid)
{
	struct fx_model *model = launcher->model;
	struct fx_device *device = &model->devices[call->device % FX_DEVICES];
	struct fx_caller caller = { .model = model, .host = &launcher->host, .pid = (pid_t)tid,
				    .restricted_to = device->restricted_to };
	struct process *process = process_find(call->process);

	if (!process)           /* it died with the call posted */
		return -ESRCH;
	switch (call->kind) {
	case FX_CALL_HYPERCALL:
		return caller.restricted_to >= 0 ? -EPERM :
			fx_hypercall(&caller, call->op, call->args);
	case FX_CALL_DM_OP: return dm_op(&caller, call->args);
	case FX_CALL_MAP_FOREIGN: return map_foreign(process, &caller, call->args);
	case FX_CALL_MAP_RESOURCE: return map_resource(process, &caller, call->args);
	case FX_CALL_UNMAP: return unmap(process, &caller, call->args);
	case FX_CALL_BIND_INTERDOMAIN:
	case FX_CALL_BIND_UNBOUND:
	case FX_CALL_BIND_VIRQ: return bind(launcher, call, device);
	case FX_CALL_UNBIND: return fx_port_unbind(model, call->device, (uint32_t)call->args[0]);
	case FX_CALL_RESTRICT: return restrict_device(device, (uint32_t)call->args[0]);
	default: return -ENOTTY;
	}
}
