/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lstar.c: sets vCPU 0's LSTAR, as a kernel does: `lstar DOMAIN ADDRESS`. */
#include <stdlib.h>

#include <ringside/ringside.h>

int main(int argc, char **argv)
{
	struct rs_vcpu_registers registers;
	struct rs_guest *guest;
	int error;

	if (argc != 3)
		return 2;
	error = rs_guest_open(&guest, argv[1], NULL);
	if (error)
		return rs_perror("lstar", error);
	error = rs_guest_pause(guest);
	if (!error)
		error = rs_vcpu_read_registers(guest, 0, &registers);
	registers.lstar = strtoull(argv[2], NULL, 0);
	if (!error)
		error = rs_vcpu_write_registers(guest, 0, &registers);
	if (error)
		rs_perror("lstar", error);
	rs_guest_close(guest);
	return error != 0;
}
