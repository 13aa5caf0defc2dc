/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options.h: fakexen's command line. */
#ifndef FAKEXEN_LAUNCHER_OPTIONS_H
#define FAKEXEN_LAUNCHER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
	uint32_t vcpus, memory_mib, domains, threads, hypercall_ns, message_version;
	bool pv, altp2m;
	uint32_t capabilities_off;      /* 1 << XEN_DOMCTL_MONITOR_EVENT_... */
	const char *guest, *cpuid, *log, *report;
	char **command;                 /* ends with NULL */
};

/* Fills in the options, or says what is wrong (or helps) and leaves the program. */
void options_parse(struct options *options, int argc, char **argv);

#endif
