/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* destroy.c: destroys a domain, given by its number, or suspends it, as a toolstack would. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>
#include <xen/sched.h>

int main(int argc, char **argv)
{
	xc_interface *xch = xc_interface_open(NULL, NULL, 0);

	bool suspend = argc == 3 && !strcmp(argv[2], "suspend");
	int result;

	if ((argc != 2 && !suspend) || !xch)
		return 2;
	result = suspend ? xc_domain_shutdown(xch, atoi(argv[1]), SHUTDOWN_suspend)
			 : xc_domain_destroy(xch, atoi(argv[1]));
	if (result) {
		perror("destroy");
		return 1;
	}
	xc_interface_close(xch);
	return 0;
}
