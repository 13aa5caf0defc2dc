/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reboot.c: what a toolstack does when a guest reboots: it destroys the domain, and makes another one
 * of the same name.
 *
 *	reboot DOMAIN NAME IMAGE     DOMAIN 0: there is none yet
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>
#include <xenstore.h>

#include "tests/xen/driver/guest.h"

static int set_name(uint32_t domain, const char *name)
{
	struct xs_handle *store = xs_open(0);
	char path[64];
	bool done;

	if (!store)
		return -1;
	snprintf(path, sizeof(path), "/local/domain/%u/name", domain);
	done = xs_write(store, XBT_NULL, path, name, (unsigned int)strlen(name));
	xs_close(store);
	return done ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct guest guest;
	int former;

	if (argc != 4)
		return 2;
	guest_interface_open();
	former = atoi(argv[1]);
	if (former && xc_domain_destroy(guest_interface(), (uint32_t)former)) {
		perror("xc_domain_destroy");
		return 1;
	}
	guest_create(&guest, argv[3], NULL);
	if (set_name(guest.domain, argv[2])) {
		perror("xs_write");
		return 1;
	}
	printf("%u\n", guest.domain);
	return 0;
}
