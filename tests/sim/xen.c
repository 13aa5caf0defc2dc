/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xen.c: libxenctrl is the real one; the libraries below it, which speak with the kernel, are these:
 * a hypercall is a call of the model's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fakexen/hypercall.h"
#include "fakexen/model.h"
#include "fakexen/port.h"

#include <xencall.h>
#include <xendevicemodel.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>

#include "tests/sim/sim.h"

#define HANDLES 32
#define QUEUE 32

struct xenevtchn_handle {
	struct sim_process *process;
	uint32_t device; /* of the model's; 0: closed */
	int fd;          /* only a number; its readiness is the queue's */
	uint32_t port;   /* that it has bound; 0: none */
	uint32_t queue[QUEUE], count;
};

bool xen_is_short_of_memory, xen_loses_doorbells;

static struct xenevtchn_handle handles[HANDLES];
static uint32_t devices;
static char privcmd; /* what all other handles are */

static struct fx_caller caller(void)
{
	return (struct fx_caller){ .model = world_model, .host = &world_host, .restricted_to = -1 };
}

static int result_of(int64_t result)
{
	if (result >= 0)
		return (int)result;
	errno = (int)-result;
	return -1;
}

/* -- libxencall -- */

/* A view's table takes memory when a page comes into it, not when one that is there changes. */
static bool is_new_to_view(const struct xen_hvm_altp2m_set_mem_access_multi *multi)
{
	const uint64_t *gfns = multi->pfn_list.p;

	return multi->view && multi->nr && gfns[multi->opaque] < FX_GFNS &&
	       !world_domain()->view_p2m[multi->view][gfns[multi->opaque]].present;
}

static bool altp2m_wants_memory(const struct xen_hvm_altp2m_op *op)
{
	switch (op->cmd) {
	case HVMOP_altp2m_create_p2m: return true;
	case HVMOP_altp2m_set_domain_state: return op->u.domain_state.state;
	case HVMOP_altp2m_set_mem_access_multi: return is_new_to_view(&op->u.set_mem_access_multi);
	default: return false;
	}
}

static bool wants_memory(unsigned int op, const uint64_t arguments[5])
{
	if (op == __HYPERVISOR_memory_op)
		return (arguments[0] & 0x3f) == XENMEM_populate_physmap;
	if (op == __HYPERVISOR_hvm_op && arguments[0] == HVMOP_altp2m)
		return altp2m_wants_memory((const void *)(uintptr_t)arguments[1]);
	return false;
}

static int hypercall(unsigned int op, const uint64_t arguments[5])
{
	struct fx_caller self = caller();
	int64_t result;

	fiber_edge("before a hypercall");
	if (xen_is_short_of_memory && wants_memory(op, arguments) &&
	    sim_happens("Xen is short of memory", 12))
		result = -ENOMEM;
	else
		result = fx_hypercall(&self, op, arguments);
	sim_now += 300;
	fiber_edge("after a hypercall");
	return result_of(result);
}

xencall_handle *xencall_open(struct xentoollog_logger *logger, unsigned int flags)
{
	return (xencall_handle *)&privcmd;
}

int xencall_close(xencall_handle *handle)
{
	return 0;
}

int xencall1(xencall_handle *handle, unsigned int op, uint64_t a)
{
	return hypercall(op, (uint64_t[5]){ a });
}

int xencall2(xencall_handle *handle, unsigned int op, uint64_t a, uint64_t b)
{
	return hypercall(op, (uint64_t[5]){ a, b });
}

int xencall3(xencall_handle *handle, unsigned int op, uint64_t a, uint64_t b, uint64_t c)
{
	return hypercall(op, (uint64_t[5]){ a, b, c });
}

int xencall4(xencall_handle *handle, unsigned int op, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	return hypercall(op, (uint64_t[5]){ a, b, c, d });
}

void *xencall_alloc_buffer_pages(xencall_handle *handle, size_t count)
{
	void *buffer = aligned_alloc(FX_PAGE, count * FX_PAGE);

	/* As the real one: libxenctrl counts on it. */
	return buffer ? memset(buffer, 0, count * FX_PAGE) : NULL;
}

void xencall_free_buffer_pages(xencall_handle *handle, void *buffer, size_t count)
{
	free(buffer);
}

void *xencall_alloc_buffer(xencall_handle *handle, size_t size)
{
	return calloc(1, size);
}

void xencall_free_buffer(xencall_handle *handle, void *buffer)
{
	free(buffer);
}

int xencall_buffers_never_fault(xencall_handle *handle)
{
	return 1;
}

/* -- libxendevicemodel -- */

xendevicemodel_handle *xendevicemodel_open(struct xentoollog_logger *logger, unsigned int flags)
{
	return (xendevicemodel_handle *)&privcmd;
}

int xendevicemodel_close(xendevicemodel_handle *handle)
{
	return 0;
}

int xendevicemodel_restrict(xendevicemodel_handle *handle, domid_t domain)
{
	return 0;
}

int xendevicemodel_inject_event(xendevicemodel_handle *handle, domid_t domain, int vcpu,
				uint8_t vector, uint8_t type, uint32_t error_code,
				uint8_t length, uint64_t extra)
{
	struct xen_dm_op op = { .op = XEN_DMOP_inject_event, .u.inject_event = {
		.vcpuid = (uint32_t)vcpu, .vector = vector, .type = type,
		.error_code = error_code, .insn_len = length, .cr2 = extra } };
	struct fx_dm_buffer buffer = { (uintptr_t)&op, sizeof(op) };
	struct fx_caller self = caller();

	fiber_edge("before a device model's call");
	return result_of(fx_dm_op(&self, domain, 1, &buffer));
}

/* -- libxenforeignmemory -- */

static uint32_t frame_at(const void *page)
{
	return (uint32_t)((size_t)((const uint8_t *)page - fx_page(world_model, 0)) / FX_PAGE);
}

static void unmap(struct sim_process *process, uint32_t frame)
{
	for (uint32_t i = process->frame_count; i--;)
		if (process->frames[i] == frame) {
			process->frames[i] = process->frames[--process->frame_count];
			fx_unmap_foreign(world_model, &world_host, frame);
			return;
		}
	sim_complain("frame %u is unmapped, and is not mapped", frame);
}

xenforeignmemory_handle *xenforeignmemory_open(struct xentoollog_logger *logger,
					       unsigned int flags)
{
	return (xenforeignmemory_handle *)&privcmd;
}

int xenforeignmemory_close(xenforeignmemory_handle *handle)
{
	return 0;
}

int xenforeignmemory_restrict(xenforeignmemory_handle *handle, domid_t domain)
{
	return 0;
}

/* Frames that follow each other, all of them or none. */
void *xenforeignmemory_map(xenforeignmemory_handle *handle, uint32_t domain, int protection,
			   size_t pages, const xen_pfn_t gfns[], int errors[])
{
	struct sim_process *process = fiber_process();
	struct fx_caller self = caller();
	uint32_t first = 0;

	fiber_edge("mmap");
	for (size_t i = 0; i < pages; i++) {
		int64_t frame = fx_map_foreign(&self, domain, gfns[i]);

		if (process->frame_count == SIM_FRAMES_MAX)
			sim_complain("more than %u foreign pages are mapped", SIM_FRAMES_MAX);
		if (frame >= 0)
			process->frames[process->frame_count++] = (uint32_t)frame;
		first = i ? first : (uint32_t)frame;
		if (frame < 0 || (uint32_t)frame != first + i) {
			if (frame >= 0)
				unmap(process, (uint32_t)frame);
			while (i--)
				unmap(process, first + (uint32_t)i);
			errno = frame < 0 ? (int)-frame : ENOMEM;
			return NULL;
		}
		if (errors)
			errors[i] = 0;
	}
	return fx_page(world_model, first);
}

int xenforeignmemory_unmap(xenforeignmemory_handle *handle, void *address, size_t pages)
{
	fiber_edge("munmap");
	for (size_t i = 0; i < pages; i++)
		unmap(fiber_process(), frame_at(address) + (uint32_t)i);
	return 0;
}

/* -- libxenevtchn -- */

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
	struct xenevtchn_handle *handle = handles;

	while (handle < handles + HANDLES && handle->device)
		handle++;
	if (handle == handles + HANDLES)
		sim_complain("more than %u event channel devices", HANDLES);
	*handle = (struct xenevtchn_handle){ .process = fiber_process(), .device = ++devices,
					     .fd = open("/dev/null", O_RDWR | O_CLOEXEC) };
	return handle;
}

static void close_handle(struct xenevtchn_handle *handle)
{
	if (handle->port)
		fx_port_unbind(world_model, handle->device, handle->port);
	close(handle->fd);
	handle->device = 0;
}

int xenevtchn_close(xenevtchn_handle *handle)
{
	close_handle(handle);
	return 0;
}

int xenevtchn_restrict(xenevtchn_handle *handle, domid_t domain)
{
	return 0;
}

int xenevtchn_fd(xenevtchn_handle *handle)
{
	return handle->fd;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *handle, uint32_t domain,
						     evtchn_port_t remote)
{
	int port;

	fiber_edge("bind");
	if (handle->port)
		sim_complain("a second port is bound by one device");
	port = fx_port_bind_interdomain(world_model, handle->device, domain, remote);
	if (port < 0)
		return result_of(port);
	handle->port = (uint32_t)port;
	fx_port_settle(world_model, &world_host, (uint32_t)port);
	return port;
}

int xenevtchn_unbind(xenevtchn_handle *handle, evtchn_port_t port)
{
	fiber_edge("unbind");
	handle->port = 0;
	return result_of(fx_port_unbind(world_model, handle->device, port));
}

struct xenevtchn_handle *xen_event_handle(int fd)
{
	for (unsigned int i = 0; i < HANDLES; i++)
		if (handles[i].device && handles[i].fd == fd)
			return &handles[i];
	return NULL;
}

bool xen_event_is_ready(const struct xenevtchn_handle *handle)
{
	return handle->count;
}

long xen_event_read(struct xenevtchn_handle *handle, uint32_t *port)
{
	fiber_edge("read of an event channel");
	if (!handle->count) {
		errno = EAGAIN;
		return -1;
	}
	*port = handle->queue[0];
	memmove(handle->queue, handle->queue + 1, --handle->count * sizeof(*handle->queue));
	return sizeof(*port);
}

long xen_event_unmask(struct xenevtchn_handle *handle, uint32_t port)
{
	if (!plant_stays_masked())
		fx_port_unmask(world_model, &world_host, handle->device, port);
	fiber_edge("after unmasking");
	return sizeof(port);
}

long xen_event_notify(struct xenevtchn_handle *handle, uint32_t port)
{
	fiber_edge("before a notify");
	if (port >= FX_DOM0_PORTS || world_model->ports[port].device != handle->device ||
	    world_model->ports[port].state == FX_PORT_FREE) {
		errno = ENOTCONN;
		return -1;
	}
	fx_port_send(world_model, &world_host, port);
	sim_now += 200;
	fiber_edge("after a notify");
	return 0;
}

static void push(struct xenevtchn_handle *handle, uint32_t port)
{
	if (handle->count == QUEUE)
		sim_complain("port %u has rung %u times, and nobody has heard it", port, QUEUE);
	handle->queue[handle->count++] = port;
	sim_fd_changes++;
}

/* A doorbell that is lost leaves its port as it was: the next one rings. */
void xen_event_deliver(uint32_t device, uint32_t port)
{
	for (unsigned int i = 0; i < HANDLES; i++) {
		if (handles[i].device != device)
			continue;
		if (xen_loses_doorbells && sim_happens("a doorbell is lost", 20)) {
			world_model->ports[port].enabled = 1;
			return;
		}
		push(&handles[i], port);
		if (sim_happens("a doorbell rings twice", 60))
			push(&handles[i], port);
	}
}

void xen_forget(struct sim_process *process)
{
	for (unsigned int i = 0; i < HANDLES; i++)
		if (handles[i].device && handles[i].process == process)
			close_handle(&handles[i]);
	while (process->frame_count)
		fx_unmap_foreign(world_model, &world_host,
				 process->frames[--process->frame_count]);
}
