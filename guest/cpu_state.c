/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu_state.c: the registers of a vCPU, read and set. */
#include <errno.h>
#include <string.h>

#include "guest/legal.h"
#include "guest/private.h"
#include "xen/context.h"
#include "xen/domain.h"
#include "xen/error.h"
#include "xen/sized.h"

int rs_vcpu_read_registers_sized(struct rs_guest *guest, uint32_t vcpu,
				 struct rs_vcpu_registers *out, size_t size)
{
	struct rs_vcpu_registers registers;
	int error = rs_xen_context_read(guest->xen, guest->domain, vcpu, &registers);

	memset(out, 0, size);
	if (!error)
		memcpy(out, &registers, size < sizeof(registers) ? size : sizeof(registers));
	return error;
}

/* With the domain paused. */
static int write_paused(struct rs_guest *guest, uint32_t vcpu,
			const struct rs_vcpu_registers *wanted, size_t size)
{
	struct rs_vcpu_registers registers, old;
	const char *bad;
	int error = rs_options_read(&registers, sizeof(registers), wanted, size);

	if (!error)
		error = rs_xen_context_read(guest->xen, guest->domain, vcpu, &old);
	if (error)
		return error;
	/* What an older program does not know stays as it is. */
	if (size < sizeof(registers))
		memcpy((char *)&registers + size, (char *)&old + size, sizeof(registers) - size);
	bad = rs_registers_illegal(&registers, &old);
	if (bad)
		return rs_fail(EINVAL, "vCPU %u of domain %u: %s", vcpu, guest->domain, bad);
	return rs_xen_context_write(guest->xen, guest->domain, vcpu, &registers);
}

int rs_vcpu_write_registers_sized(struct rs_guest *guest, uint32_t vcpu,
				  const struct rs_vcpu_registers *registers, size_t size)
{
	struct rs_error_note note;
	int error = rs_xen_domain_pause(guest->xen, guest->domain);

	if (error)
		return error;
	error = write_paused(guest, vcpu, registers, size);
	rs_error_keep(&note);
	rs_xen_domain_unpause(guest->xen, guest->domain);
	if (error)
		rs_error_restore(&note);
	return error;
}

int rs_guest_read_record(struct rs_guest *guest, uint16_t type, uint16_t instance, void *record,
			 size_t size, size_t *length)
{
	return rs_xen_context_record(guest->xen, guest->domain, type, instance, record, size,
				     length);
}
