/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* destroy.c: destroys a domain, given by its number, as a toolstack would. */
#include <stdio.h>
#include <stdlib.h>

#include <xenctrl.h>

int main(int argc, char **argv)
{
	xc_interface *xch = xc_interface_open(NULL, NULL, 0);

	if (argc != 2 || !xch || xc_domain_destroy(xch, atoi(argv[1]))) {
		perror("destroy");
		return 1;
	}
	xc_interface_close(xch);
	return 0;
}
