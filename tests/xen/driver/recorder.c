/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* recorder.c: keeps what goes over the ring. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/xen/driver/check.h"
#include "tests/xen/driver/guest.h"
#include "tests/xen/driver/recorder.h"
#include "tests/xen/driver/release.h"

#include <xenguest.h>

#include "tools/trace_writer.h"

static const char *folder; /* NULL: nothing is recorded */
static const char *test;
static struct trace_writer writer;
static char path[400];
static unsigned int messages;

/* A test with more is about speed or races, and its recording would tell nothing. */
#define MESSAGES_MAX 200

void recorder_start(const char *into)
{
	folder = into;
}

bool recorder_is_on(void)
{
	return folder;
}

static void set_path(const char *name, const char *suffix)
{
	snprintf(path, sizeof(path), "%s/%s%s", folder, name, suffix);
}

#define LEAVES_MAX 256
#define MSRS_MAX 64

/* Xen's default for guests (domain 0: there is no guest of that number) or a domain's own. The
 * number of leaves, or -1. */
static int read_policy(uint32_t domain, xen_cpuid_leaf_t *leaves)
{
	static xen_msr_entry_t msrs[MSRS_MAX];
	uint32_t leaf_count = LEAVES_MAX, msr_count = MSRS_MAX;
	xc_interface *xch = guest_interface();
	int error;
#if XEN_RELEASE >= 416
	xc_cpu_policy_t *policy = xc_cpu_policy_init();

	error = !policy ||
		(domain ? xc_cpu_policy_get_domain(xch, domain, policy)
			: xc_cpu_policy_get_system(xch, XEN_SYSCTL_cpu_policy_hvm_default,
						   policy)) ||
		xc_cpu_policy_serialise(xch, policy, leaves, &leaf_count, msrs, &msr_count);
	if (policy)
		xc_cpu_policy_destroy(policy);
#else
	error = domain ? xc_get_domain_cpu_policy(xch, domain, &leaf_count, leaves, &msr_count,
						  msrs)
		       : xc_get_system_cpu_policy(xch, XEN_SYSCTL_cpu_policy_hvm_default,
						  &leaf_count, leaves, &msr_count, msrs);
#endif
	return error ? -1 : (int)leaf_count;
}

static void keep_policy(const char *name, uint32_t domain)
{
	static xen_cpuid_leaf_t leaves[LEAVES_MAX];
	int count = read_policy(domain, leaves);
	char subleaf[12];
	FILE *file;

	if (count < 0)
		check_bail("CPUID policy: %s", strerror(errno));
	set_path(name, "");
	file = fopen(path, "w");
	if (!file)
		check_bail("%s: %s", path, strerror(errno));
	for (int i = 0; i < count; i++) {
		const xen_cpuid_leaf_t *leaf = &leaves[i];

		if (!leaf->a && !leaf->b && !leaf->c && !leaf->d)
			continue;
		snprintf(subleaf, sizeof(subleaf),
			 leaf->subleaf == XEN_CPUID_NO_SUBLEAF ? "-" : "%x", leaf->subleaf);
		fprintf(file, "%x %s %08x %08x %08x %08x\n", leaf->leaf, subleaf, leaf->a,
			leaf->b, leaf->c, leaf->d);
	}
	if (fclose(file))
		check_bail("%s: %s", path, strerror(errno));
}

void recorder_keep_policies(uint32_t domain)
{
	keep_policy("cpuid", 0);
	keep_policy("cpuid-guest", domain);
}

void recorder_begin(const char *name)
{
	test = folder ? name : NULL;
}

static void begin_file(const struct rs_layout *layout)
{
	int error;

	set_path(test, ".trace");
	error = trace_writer_open(&writer, path, layout->version, layout->message_size);
	if (error)
		check_bail("%s: %s", path, strerror(-error));
	messages = 0;
}

/* The file is made when there is something to put into it. */
void recorder_message(enum rs_message_way way, const void *message,
		      const struct rs_layout *layout, void *user)
{
	if (!test)
		return;
	if (!writer.stream)
		begin_file(layout);
	if (messages++ < MESSAGES_MAX)
		trace_writer_put(&writer, way == RS_MESSAGE_REQUEST ? MESSAGE_REQUEST
								    : MESSAGE_RESPONSE,
				 message);
}

void recorder_end(void)
{
	int error = writer.stream ? trace_writer_close(&writer) : 0;

	if (error)
		check_bail("%s: %s", path, strerror(-error));
	if (test && messages > MESSAGES_MAX) {
		check_note("%s: no recording: %u messages", test, messages);
		unlink(path);
	}
	messages = 0;
	test = NULL;
}
