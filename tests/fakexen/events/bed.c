/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bed.c: see bed.h. */
#include "tests/fakexen/events/bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FRAMES 4096

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* A clock that moves when one looks at it. */
static uint64_t now(void *opaque)
{
	struct bed *bed = opaque;

	return bed->clock += 10;
}

static void deliver(void *opaque, unsigned int device, uint32_t port)
{
	struct bed *bed = opaque;

	if (device == BED_DEVICE && port == bed->port)
		bed->delivered++;
}

static void wake(void *opaque, unsigned int slot, unsigned int vcpu)
{
	struct bed *bed = opaque;

	if (slot == BED_SLOT)
		bed->woken[vcpu]++;
}

static int copy_in(void *opaque, pid_t pid, void *to, uint64_t from, size_t size)
{
	(void)opaque, (void)pid;
	memcpy(to, (const void *)from, size);
	return 0;
}

static int copy_out(void *opaque, pid_t pid, uint64_t to, const void *from, size_t size)
{
	(void)opaque, (void)pid;
	memcpy((void *)to, from, size);
	return 0;
}

static void log_line(void *opaque, const char *line)
{
	struct bed *bed = opaque;

	bed->logged++;
	printf("# %s\n", line);
}

void bed_make(struct bed *bed, unsigned int vcpus)
{
	memset(bed, 0, sizeof(*bed));
	bed->host = (struct fx_host){ bed, now, deliver, wake, copy_in, copy_out, log_line };
	bed->size = fx_model_size(2, FRAMES);
	bed->model = mmap(NULL, bed->size, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (bed->model == MAP_FAILED)
		die("mmap");
	fx_model_init(bed->model, 2, FRAMES);
	bed->domain = fx_domain(bed->model, BED_SLOT);
	bed->domain->state = FX_DOMAIN_ALIVE;
	bed->domain->id = 1;
	bed->domain->is_hvm = true;
	bed->domain->vcpu_count = vcpus;
	bed->domain->max_pages = FRAMES;
	bed->domain->default_access = XENMEM_access_rwx;
	bed->domain->params[HVM_PARAM_MONITOR_RING_PFN] = BED_RING_GFN;
	for (unsigned int i = 0; i < vcpus; i++)
		bed->domain->vcpus[i].exists = bed->domain->vcpus[i].up = true;
	bed->model->options.altp2m = true;
}

void bed_destroy(struct bed *bed)
{
	munmap(bed->model, bed->size);
}

void bed_populate(struct bed *bed, uint64_t gfn, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		if (fx_p2m_populate(bed->model, bed->domain, gfn + i))
			die("populate");
}

uint8_t *bed_page(struct bed *bed, uint64_t gfn)
{
	return fx_page(bed->model, fx_p2m_entry(bed->domain, gfn)->frame);
}

void bed_enable(struct bed *bed)
{
	uint32_t xen_port;
	int port;

	if (!fx_p2m_entry(bed->domain, BED_RING_GFN)->present)
		bed_populate(bed, BED_RING_GFN, 1);
	if (fx_vm_event_enable(bed->model, bed->domain, &xen_port))
		die("enable");
	bed->page = (vm_event_sring_t *)bed_page(bed, BED_RING_GFN);
	SHARED_RING_INIT(bed->page);
	bed->req_cons = bed->rsp_prod = 0;
	port = fx_port_bind_interdomain(bed->model, BED_DEVICE, bed->domain->id, xen_port);
	if (port < 0)
		die("bind");
	bed->port = port;
	fx_port_settle(bed->model, &bed->host, port);
	fx_port_unmask(bed->model, &bed->host, BED_DEVICE, port);
	bed->delivered = 0;
}

int bed_report_reason(struct bed *bed, unsigned int vcpu, uint32_t reason, bool sync)
{
	const struct fx_event event = { .reason = reason };

	return fx_vm_event_report(bed->model, &bed->host, bed->domain, bed_vcpu(bed, vcpu),
		&event, sync);
}

int bed_report(struct bed *bed, unsigned int vcpu, bool sync)
{
	return bed_report_reason(bed, vcpu, VM_EVENT_REASON_GUEST_REQUEST, sync);
}

uint32_t bed_waiting(const struct bed *bed)
{
	return bed->page->req_prod - bed->req_cons;
}

vm_event_request_t bed_take(struct bed *bed)
{
	return bed->page->ring[bed->req_cons++ % 8].req;
}

void bed_put(struct bed *bed, const vm_event_response_t *response)
{
	bed->page->ring[bed->rsp_prod % 8].rsp = *response;
	bed->page->rsp_prod = ++bed->rsp_prod;
}

void bed_answer(struct bed *bed, unsigned int vcpu, uint32_t flags)
{
	const vm_event_response_t response = {
		.version = VM_EVENT_INTERFACE_VERSION,
		.flags = flags,
		.reason = VM_EVENT_REASON_GUEST_REQUEST,
		.vcpu_id = vcpu,
	};

	bed_put(bed, &response);
}

void bed_notify(struct bed *bed)
{
	if (fx_port_send(bed->model, &bed->host, bed->port))
		die("send");
}
