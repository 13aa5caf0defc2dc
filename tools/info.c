/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* info.c: `ringside info`: what this Xen and a domain on it offer, and what is missing with
 * its cure. */
#include "tools/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ringside/ringside.h>

#include "tools/exit_code.h"

static const char usage[] =
	"usage: ringside info [DOMAIN]\n"
	"\n"
	"Says what this Xen, and the domain of that name or number, offer to somebody who wants\n"
	"to watch it, and what is missing, with its cure. Changes nothing.\n";

static void row(const char *name, const char *value)
{
	printf("  %-26s %s\n", name, value);
}

static void print_xen(const struct rs_probe *probe)
{
	char text[160];

	printf("Xen\n");
	snprintf(text, sizeof(text), "%u.%u%s (this build is for %u.%u)", probe->xen_major,
		probe->xen_minor, probe->xen_extra, probe->built_major, probe->built_minor);
	row("release", text);
	if (!probe->usable) {
		row("usable", "no: Xen refuses tools of another release; install the ringside "
			"that was built for this one");
		return;
	}
	snprintf(text, sizeof(text), "%u%s", probe->message_version,
		probe->message_version == 6 || probe->message_version == 7 ? "" :
		" (not supported: 6 and 7 are)");
	row("vm_event message version", text);
	row("deny CR and MSR writes", probe->can_deny ? "yes" : "no: needs Xen 4.14");
	row("fast single-step", probe->fast_step_needs_monitor ?
		"yes, with single-step events on (Xen before 4.19)" : "yes");
	snprintf(text, sizeof(text), "%u", probe->access_default);
	row("XENMEM_access_default", text);
	snprintf(text, sizeof(text), "%u, view 0 included", probe->view_count_max);
	row("altp2m views", text);
}

static const char *altp2m_words(enum rs_altp2m state)
{
	switch (state) {
	case RS_ALTP2M_UNSUPPORTED:
		return "no: boot Xen with altp2m=1 (Intel processors with EPT only)";
	case RS_ALTP2M_DISABLED:
		return "no: put altp2m=\"external\" into the guest's configuration";
	case RS_ALTP2M_AVAILABLE: return "yes";
	case RS_ALTP2M_ACTIVE: return "yes, and somebody uses it now";
	default: return "unknown";
	}
}

static const char *state_words(const struct rs_probe *probe)
{
	return probe->dying ? "dying: it will be gone soon" :
		probe->shutdown ? "shut down" :
		probe->paused ? "paused: it raises no events until it is unpaused" : "running";
}

static void print_kinds(const struct rs_probe *probe)
{
	bool first = true;

	printf("  %-26s", "can be watched");
	for (unsigned int kind = 1; kind < RS_KIND_COUNT; kind++)
		if (probe->kinds & 1u << kind) {
			printf("%s%s", first ? " " : ", ", rs_kind_name(kind));
			first = false;
		}
	printf("%s\n", first ? " nothing" : "");
}

static void print_domain(const struct rs_probe *probe)
{
	char text[160];

	printf("domain %u%s%s\n", probe->domain, *probe->name ? ": " : "", probe->name);
	row("kind", probe->hvm ? "HVM or PVH" :
		"PV: cannot be watched; run the guest as PVH (type=\"pvh\")");
	row("state", state_words(probe));
	snprintf(text, sizeof(text), "%u", probe->vcpu_count);
	row("vCPUs", text);
	snprintf(text, sizeof(text), "%llu MiB, frames up to %#llx",
		(unsigned long long)probe->memory_bytes >> 20, (unsigned long long)probe->max_gfn);
	row("memory", text);
	if (!probe->hvm)
		return;
	row("hardware-assisted paging", probe->hap ? "yes" :
		"no: no page can be watched; put hap=1 into the guest's configuration");
	row("altp2m", altp2m_words(probe->altp2m));
	row("monitor ring", !probe->ring_known ? "unknown" : probe->ring_taken ?
		"taken: another agent holds it; stop that one first" : "free");
	print_kinds(probe);
}

int info_main(int argc, char **argv)
{
	struct rs_probe probe;
	int error;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage, stdout);
		return EXIT_DONE;
	}
	if (argc > 2 || (argc == 2 && *argv[1] == '-')) {
		fprintf(stderr, "ringside info: at most one domain (ringside info --help)\n");
		return EXIT_USAGE;
	}
	memset(&probe, 0, sizeof(probe));
	error = rs_probe(argc > 1 ? argv[1] : NULL, &probe);
	if (error) {
		fprintf(stderr, "ringside info: %s\n", rs_strerror(error));
		if (error != -EACCES)
			return exit_code_of(error);
	}
	print_xen(&probe);
	if (probe.has_domain) {
		putchar('\n');
		print_domain(&probe);
	}
	if (fflush(stdout) && errno != EPIPE) {
		fprintf(stderr, "ringside info: cannot write the output: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	return exit_code_of(error);
}
