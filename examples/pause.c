/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pause.c: pauses a guest for some seconds.
 *
 *	pause DOMAIN SECONDS
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <ringside/ringside.h>

int main(int argc, char **argv)
{
	struct rs_guest *guest;
	int error;

	if (argc != 3) {
		fprintf(stderr, "usage: pause DOMAIN SECONDS\n");
		return 2;
	}
	error = rs_guest_open(&guest, argv[1], NULL);
	if (error)
		return rs_perror("pause", error);
	error = rs_guest_pause(guest);
	if (!error) {
		printf("%s is paused\n", argv[1]);
		fflush(stdout);
		sleep((unsigned int)strtoul(argv[2], NULL, 0));
		error = rs_guest_resume(guest);
	}
	if (error)
		rs_perror("pause", error);
	/* This, too, would resume it. */
	rs_guest_close(guest);
	return error != 0;
}
