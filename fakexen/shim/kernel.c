/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernel.c: the functions of libc that reach a driver through a descriptor. read() and
 * poll() are not among them: what a device gives to read is really there. */
#include <errno.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fakexen/shim/shim.h"

/* Of the two drivers' own request numbers ('P' and 'E' with no direction bits). */
static bool xen_request(unsigned long request)
{
	return _IOC_DIR(request) == _IOC_NONE &&
		(_IOC_TYPE(request) == 'P' || _IOC_TYPE(request) == 'E');
}

SHIM_EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	void *argument;
	int device = -1;

	va_start(list, request);
	argument = va_arg(list, void *);
	va_end(list);
	if (xen_request(request))
		device = shim_descriptor_identify(fd);
	if (device < 0)
		return SHIM_NEXT(ioctl)(fd, request, argument);
	switch (shim_model()->devices[device].kind) {
	case FX_DEVICE_PRIVCMD:
		return (int)shim_return(shim_privcmd_ioctl((unsigned int)device, request,
			argument));
	case FX_DEVICE_EVTCHN:
		return (int)shim_return(shim_evtchn_ioctl(fd, (unsigned int)device, request,
			argument));
	default:
		return (int)shim_return(-ENOTTY);
	}
}

SHIM_EXPORT ssize_t write(int fd, const void *data, size_t size)
{
	int device = shim_descriptor_device(fd);

	if (device < 0 || !shim_enter())
		return SHIM_NEXT(write)(fd, data, size);
	if (shim_model()->devices[device].kind != FX_DEVICE_EVTCHN)
		return shim_return(-EINVAL);
	return shim_return(shim_evtchn_write(fd, (unsigned int)device, data, size));
}

void *shim_map(void *address, size_t length, int prot, int flags, int fd, off_t offset)
{
	return (void *)syscall(SYS_mmap, address, length, (long)prot, (long)flags, (long)fd, offset);
}

static void *map_device(unsigned int device, void *address, size_t length, int prot, int flags)
{
	void *at;

	switch (shim_model()->devices[device].kind) {
	case FX_DEVICE_PRIVCMD:
		return shim_mapping_reserve(address, length, prot, flags);
	case FX_DEVICE_HYPERCALL:
		/* Buffers for hypercalls: memory that is there, and not a child's. */
		at = shim_map(address, length, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE |
			(flags & MAP_FIXED), -1, 0);
		if (at != MAP_FAILED)
			madvise(at, length, MADV_DONTFORK);
		return at;
	default:
		errno = ENODEV;
		return MAP_FAILED;
	}
}

SHIM_EXPORT void *mmap(void *address, size_t length, int prot, int flags, int fd, off_t offset)
{
	bool anonymous = flags & MAP_ANONYMOUS;
	int device = anonymous ? -1 : shim_descriptor_device(fd);
	void *at = MAP_FAILED;

	if (flags & MAP_FIXED)
		shim_mapping_replaced(address, length);
	if (device < 0 || !shim_enter())
		at = shim_map(address, length, prot, flags, fd, offset);
	/* ENODEV: a socket, which may be a device that this process has not met yet. */
	if (device < 0 && at == MAP_FAILED && errno == ENODEV && !anonymous) {
		device = shim_descriptor_identify(fd);
		if (device < 0)
			errno = ENODEV;
	}
	return device < 0 ? at : map_device((unsigned int)device, address, length, prot, flags);
}

SHIM_EXPORT void *mmap64(void *address, size_t length, int prot, int flags, int fd, off64_t offset)
{
	return mmap(address, length, prot, flags, fd, offset);
}

SHIM_EXPORT int munmap(void *address, size_t length)
{
	return (int)shim_return(shim_mapping_unmap(address, length));
}
