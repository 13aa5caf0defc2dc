/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options.c: fakexen's command line. */
#include "config.h"

#include "fakexen/launcher/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakexen/launcher/launcher.h"
#include "fakexen/model.h"

#define MEMORY_MOST (FX_GFNS / 256 - 64)        /* MiB: gfns are kept free above */
#define DOMAINS_MOST 64
#define COST_MOST 1000000000u

enum { OPTION_VCPUS = 256, OPTION_MEMORY, OPTION_DOMAINS, OPTION_GUEST, OPTION_CPUID,
       OPTION_NO_ALTP2M, OPTION_NO_CAPABILITY, OPTION_MESSAGES, OPTION_COST, OPTION_THREADS,
       OPTION_LOG, OPTION_REPORT, OPTION_PV, OPTION_HELP, OPTION_VERSION };

static const struct option known[] = {
	{ "vcpus", required_argument, NULL, OPTION_VCPUS },
	{ "memory", required_argument, NULL, OPTION_MEMORY },
	{ "domains", required_argument, NULL, OPTION_DOMAINS },
	{ "guest", required_argument, NULL, OPTION_GUEST },
	{ "cpuid", required_argument, NULL, OPTION_CPUID },
	{ "no-altp2m", no_argument, NULL, OPTION_NO_ALTP2M },
	{ "no-capability", required_argument, NULL, OPTION_NO_CAPABILITY },
	{ "message-version", required_argument, NULL, OPTION_MESSAGES },
	{ "hypercall-ns", required_argument, NULL, OPTION_COST },
	{ "threads", required_argument, NULL, OPTION_THREADS },
	{ "log", required_argument, NULL, OPTION_LOG },
	{ "report", required_argument, NULL, OPTION_REPORT },
	{ "pv", no_argument, NULL, OPTION_PV },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
"Usage: fakexen [OPTIONS] -- COMMAND [ARGS]\n"
"Runs COMMAND, a program that uses Xen's tool libraries, against a model of the Xen\n"
"hypervisor instead of a real one.\n"
"\n"
"  --vcpus N             vCPUs of each domain (1)\n"
"  --memory MIB          memory of each domain (64)\n"
"  --domains N           how many domains: ids from 1, names guest1, guest2, ... (1)\n"
"  --guest IMAGE         a PVH ELF that they boot\n"
"  --cpuid FILE          what their CPUID says: leaf, subleaf or -, eax, ebx, ecx, edx\n"
"                        in hexadecimal on each line\n"
"  --pv                  one domain more, a PV one, which cannot be monitored\n"
"  --threads N           how many threads run the vCPUs (1)\n"
"  --no-altp2m           as without altp2m=1 on Xen's command line\n"
"  --no-capability NAME  the monitor does not offer NAME (write-ctrlreg, mov-to-msr,\n"
"                        singlestep, software-breakpoint, guest-request,\n"
"                        debug-exception, cpuid, privileged-call, interrupt,\n"
"                        descriptor-access, emul-unimplemented, vmexit)\n"
"  --message-version N   which version of vm_event messages it says it has\n"
"  --hypercall-ns N      each hypercall takes N nanoseconds more\n"
"  --log FILE            what the hypervisor would print on its console\n"
"  --report FILE         at the end: what happened, as JSON\n"
"  --help, --version\n"
"\n"
"The exit status is COMMAND's, 128 + N if signal N ended it, 125 if fakexen failed,\n"
"126 or 127 if COMMAND could not be run.\n";

static void die_usage(const char *what, const char *value)
{
	fprintf(stderr, "fakexen: %s%s%s\nTry 'fakexen --help'.\n", what, value ? ": " : "",
		value ? value : "");
	exit(EXIT_FAKEXEN);
}

static uint32_t number(const char *name, const char *text, uint32_t least, uint32_t most)
{
	char *end, message[80];
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (!errno && end != text && !*end && text[0] != '-' && value >= least && value <= most)
		return (uint32_t)value;
	snprintf(message, sizeof(message), "--%s takes a number from %u to %u, not", name, least,
		most);
	die_usage(message, text);
	return 0;
}

static uint32_t capability(const char *name)
{
	static const struct {
		const char *name;
		uint32_t event;
	} capabilities[] = {
		{ "write-ctrlreg", XEN_DOMCTL_MONITOR_EVENT_WRITE_CTRLREG },
		{ "mov-to-msr", XEN_DOMCTL_MONITOR_EVENT_MOV_TO_MSR },
		{ "singlestep", XEN_DOMCTL_MONITOR_EVENT_SINGLESTEP },
		{ "software-breakpoint", XEN_DOMCTL_MONITOR_EVENT_SOFTWARE_BREAKPOINT },
		{ "guest-request", XEN_DOMCTL_MONITOR_EVENT_GUEST_REQUEST },
		{ "debug-exception", XEN_DOMCTL_MONITOR_EVENT_DEBUG_EXCEPTION },
		{ "cpuid", XEN_DOMCTL_MONITOR_EVENT_CPUID },
		{ "privileged-call", XEN_DOMCTL_MONITOR_EVENT_PRIVILEGED_CALL },
		{ "interrupt", XEN_DOMCTL_MONITOR_EVENT_INTERRUPT },
		{ "descriptor-access", XEN_DOMCTL_MONITOR_EVENT_DESC_ACCESS },
		{ "emul-unimplemented", XEN_DOMCTL_MONITOR_EVENT_EMUL_UNIMPLEMENTED },
		{ "vmexit", XEN_DOMCTL_MONITOR_EVENT_VMEXIT },
	};

	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++)
		if (!strcmp(name, capabilities[i].name))
			return 1u << capabilities[i].event;
	die_usage("--no-capability: unknown", name);
	return 0;
}

static void take(struct options *options, int option)
{
	switch (option) {
	case OPTION_VCPUS: options->vcpus = number("vcpus", optarg, 1, FX_VCPUS); break;
	case OPTION_MEMORY: options->memory_mib = number("memory", optarg, 2, MEMORY_MOST); break;
	case OPTION_DOMAINS: options->domains = number("domains", optarg, 0, DOMAINS_MOST); break;
	case OPTION_GUEST: options->guest = optarg; break;
	case OPTION_CPUID: options->cpuid = optarg; break;
	case OPTION_NO_ALTP2M: options->altp2m = false; break;
	case OPTION_NO_CAPABILITY: options->capabilities_off |= capability(optarg); break;
	case OPTION_MESSAGES:
		options->message_version = number("message-version", optarg, 1, UINT32_MAX);
		break;
	case OPTION_COST: options->hypercall_ns = number("hypercall-ns", optarg, 0, COST_MOST); break;
	case OPTION_THREADS: options->threads = number("threads", optarg, 1, FX_THREADS); break;
	case OPTION_LOG: options->log = optarg; break;
	case OPTION_REPORT: options->report = optarg; break;
	case OPTION_PV: options->pv = true; break;
	case OPTION_HELP: fputs(usage, stdout); exit(0);
	case OPTION_VERSION: puts("fakexen " PACKAGE_VERSION); exit(0);
	default: die_usage("wrong option", NULL);
	}
}

void options_parse(struct options *options, int argc, char **argv)
{
	int option;

	*options = (struct options){ .vcpus = 1, .memory_mib = 64, .domains = 1, .threads = 1,
				     .altp2m = true };
	/* "+": what follows COMMAND is COMMAND's. */
	while ((option = getopt_long(argc, argv, "+", known, NULL)) != -1)
		take(options, option);
	if (optind >= argc)
		die_usage("no COMMAND", NULL);
	options->command = argv + optind;
}
