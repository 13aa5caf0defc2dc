/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* demo.h: a guest of four vCPUs that runs guests/worker.S, and a command that works on it. */
#ifndef TESTS_XEN_DRIVER_DEMO_H
#define TESTS_XEN_DRIVER_DEMO_H

/* Runs `command` by the shell, with the guest's number for %s; then checks, as TAP, that the
 * guest is as if nobody had been there. The program's exit status. */
int demo_run(const char *image, const char *command);

/* The test "command" takes the guest that lies beside `image`. */
void demo_guest_beside(const char *image);

#endif
