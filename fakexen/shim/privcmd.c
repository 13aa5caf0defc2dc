/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* privcmd.c: what Linux's drivers/xen/privcmd.c makes of an ioctl. */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "fakexen/shim/shim.h"
#include "fakexen/futex.h"
#include <xen/sys/privcmd.h>

#define PAGES_MOST (1u << 20)

void shim_hypercall_cost(const struct fx_model *model)
{
	uint64_t until;

	if (!model->options.hypercall_ns)
		return;
	until = fx_monotonic_ns() + model->options.hypercall_ns;
	while (fx_monotonic_ns() < until)
		__builtin_ia32_pause();
}

static long hypercall(unsigned int device, const privcmd_hypercall_t *hypercall)
{
	struct fx_call call = { .kind = FX_CALL_HYPERCALL, .device = device, .op = hypercall->op };

	for (unsigned int i = 0; i < 5; i++)
		call.args[i] = hypercall->arg[i];
	return shim_call(&call);
}

static long dm_op(unsigned int device, const privcmd_dm_op_t *op)
{
	struct fx_call call = { .kind = FX_CALL_DM_OP, .device = device,
				.args = { op->dom, op->num, (uintptr_t)op->ubufs } };

	return shim_call(&call);
}

static long map_batch_pages(unsigned int device, uint32_t domid, uint64_t address, size_t count,
	const xen_pfn_t *gfns, int *errors)
{
	uint32_t *frames = malloc(count * sizeof(*frames));
	struct fx_call call = { .kind = FX_CALL_MAP_FOREIGN, .device = device, .args = { domid,
		count, (uintptr_t)gfns, (uintptr_t)errors, (uintptr_t)frames } };
	long result = frames ? shim_call(&call) : -ENOMEM;

	if (!result)
		result = shim_mapping_fill(address, frames, count);
	free(frames);
	return result;
}

static long map_batch_2(unsigned int device, const privcmd_mmapbatch_v2_t *batch)
{
	long error;

	if (!batch->num || batch->num > PAGES_MOST)
		return -EINVAL;
	error = shim_mapping_check(batch->addr, batch->num);
	if (error)
		return error;
	return map_batch_pages(device, batch->dom, batch->addr, batch->num, batch->arr, batch->err);
}

/* The older form has no room for errors: they go into the frame numbers' top bits. */
static long map_batch(unsigned int device, const privcmd_mmapbatch_t *batch)
{
	int *errors;
	long result;

	if (batch->num <= 0 || (uint32_t)batch->num > PAGES_MOST)
		return -EINVAL;
	result = shim_mapping_check(batch->addr, (size_t)batch->num);
	if (result)
		return result;
	errors = calloc((size_t)batch->num, sizeof(*errors));
	if (!errors)
		return -ENOMEM;
	result = map_batch_pages(device, batch->dom, batch->addr, (size_t)batch->num, batch->arr,
		errors);
	for (int i = 0; !result && i < batch->num; i++)
		if (errors[i])
			batch->arr[i] |= errors[i] == -ENOENT ? PRIVCMD_MMAPBATCH_PAGED_ERROR :
				PRIVCMD_MMAPBATCH_MFN_ERROR;
	free(errors);
	return result;
}

static long map_resource(unsigned int device, const privcmd_mmap_resource_t *resource)
{
	struct fx_call call = { .kind = FX_CALL_MAP_RESOURCE, .device = device, .args = {
		resource->dom, resource->type, resource->id | (uint64_t)resource->idx << 32,
		resource->num } };
	uint32_t *frames = NULL;
	long result;

	if (!resource->addr != !resource->num || resource->num > PAGES_MOST)
		return -EINVAL;
	if (resource->num) {
		result = shim_mapping_check(resource->addr, resource->num);
		if (result)
			return result;
		frames = malloc(resource->num * sizeof(*frames));
		if (!frames)
			return -ENOMEM;
		call.args[4] = (uintptr_t)frames;
	}
	result = shim_call(&call);
	if (!result && frames)
		result = shim_mapping_fill(resource->addr, frames, resource->num);
	free(frames);
	return result;
}

static long restrict_to(unsigned int device, const domid_t *domid)
{
	struct fx_call call = { .kind = FX_CALL_RESTRICT, .device = device, .args = { *domid } };

	return shim_call(&call);
}

long shim_privcmd_ioctl(unsigned int device, unsigned long request, void *argument)
{
	long result;

	switch (request) {
	case IOCTL_PRIVCMD_HYPERCALL:
	case IOCTL_PRIVCMD_DM_OP:
	case IOCTL_PRIVCMD_MMAPBATCH:
	case IOCTL_PRIVCMD_MMAPBATCH_V2:
	case IOCTL_PRIVCMD_MMAP_RESOURCE:
	case IOCTL_PRIVCMD_RESTRICT:
		if (!argument)
			return -EFAULT;
	}
	switch (request) {
	case IOCTL_PRIVCMD_HYPERCALL: result = hypercall(device, argument); break;
	case IOCTL_PRIVCMD_DM_OP: result = dm_op(device, argument); break;
	case IOCTL_PRIVCMD_MMAPBATCH: result = map_batch(device, argument); break;
	case IOCTL_PRIVCMD_MMAPBATCH_V2: result = map_batch_2(device, argument); break;
	case IOCTL_PRIVCMD_MMAP_RESOURCE: result = map_resource(device, argument); break;
	case IOCTL_PRIVCMD_RESTRICT: return restrict_to(device, argument);
	default: return -ENOTTY;
	}
	shim_hypercall_cost(shim_model());
	return result;
}
