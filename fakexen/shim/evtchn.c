/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* evtchn.c: what Linux's drivers/xen/evtchn.c makes of an ioctl and of a write. Notify
 * and unmask, the hot ones, run here, in the caller's context, as in real life; they make
 * one real system call if the model itself made none, so that counts and costs are those
 * of the real thing. */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fakexen/atomics.h"
#include "fakexen/port.h"
#include "fakexen/shim/shim.h"
#include <xen/sys/evtchn.h>

static long call(unsigned int device, uint32_t kind, uint64_t first, uint64_t second)
{
	struct fx_call call = { .kind = kind, .device = device, .args = { first, second } };

	return shim_call(&call);
}

static bool bound_here(const struct fx_model *model, unsigned int device, uint32_t port)
{
	return port < FX_DOM0_PORTS && model->ports[port].state != FX_PORT_FREE &&
		model->ports[port].device == device;
}

static long notify(int fd, unsigned int device, const struct ioctl_evtchn_notify *notify)
{
	struct fx_model *model = shim_model();

	if (!bound_here(model, device, notify->port))
		return -ENOTCONN;
	fx_count(&model->notifies);
	shim_system_calls = 0;
	fx_port_send(model, &shim_host, notify->port);
	if (!shim_system_calls)
		syscall(SYS_ioctl, fd, IOCTL_EVTCHN_NOTIFY, notify);
	shim_hypercall_cost(model);
	return 0;
}

long shim_evtchn_write(int fd, unsigned int device, const void *ports, size_t size)
{
	struct fx_model *model = shim_model();
	const evtchn_port_t *port = ports;

	size &= ~(sizeof(*port) - 1);
	if (size > FX_PAGE)
		size = FX_PAGE;
	if (!size)
		return 0;
	shim_system_calls = 0;
	/* As the driver does: a port that is not this device's is passed over. */
	for (size_t i = 0; i < size / sizeof(*port); i++) {
		fx_count(&model->unmasks);
		fx_port_unmask(model, &shim_host, device, port[i]);
	}
	if (!shim_system_calls)
		syscall(SYS_write, fd, "", 0);
	shim_hypercall_cost(model);
	return (long)size;
}

/* Forgets what has not been read. */
static long reset(int fd)
{
	evtchn_port_t ports[64];

	while (recv(fd, ports, sizeof(ports), MSG_DONTWAIT) > 0)
		;
	return 0;
}

long shim_evtchn_ioctl(int fd, unsigned int device, unsigned long request, void *argument)
{
	const struct ioctl_evtchn_bind_interdomain *interdomain = argument;
	const unsigned int *number = argument;  /* all the others hold one number */
	const struct ioctl_evtchn_restrict_domid *restricted = argument;
	long result;

	if (request == IOCTL_EVTCHN_RESET)
		return reset(fd);
	if (!argument)
		return -EFAULT;
	switch (request) {
	case IOCTL_EVTCHN_NOTIFY: return notify(fd, device, argument);
	case IOCTL_EVTCHN_BIND_INTERDOMAIN:
		result = call(device, FX_CALL_BIND_INTERDOMAIN, interdomain->remote_domain,
			interdomain->remote_port);
		break;
	case IOCTL_EVTCHN_BIND_UNBOUND_PORT:
		result = call(device, FX_CALL_BIND_UNBOUND, *number, 0);
		break;
	case IOCTL_EVTCHN_BIND_VIRQ: result = call(device, FX_CALL_BIND_VIRQ, *number, 0); break;
	case IOCTL_EVTCHN_UNBIND: result = call(device, FX_CALL_UNBIND, *number, 0); break;
	case IOCTL_EVTCHN_RESTRICT_DOMID:
		return call(device, FX_CALL_RESTRICT, restricted->domid, 0);
	default: return -ENOSYS;
	}
	shim_hypercall_cost(shim_model());
	return result;
}
