/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpuid.c: what CPUID says to a vCPU, and policies out of files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fakexen/p2m.h"
#include "tests/fakexen/hypercalls/fixture.h"
#include "tests/unit/tap.h"

static uint32_t out[4];
static char why[200];

static struct fx_domain *domain_of(uint32_t id)
{
	return fx_domain_find(fixture_caller()->model, id);
}

static void ask(uint32_t id, unsigned int vcpu, uint32_t leaf, uint32_t subleaf)
{
	fx_cpuid(domain_of(id), &domain_of(id)->vcpus[vcpu], leaf, subleaf, out);
}

static void a_vcpu(void)
{
	struct xen_domctl ctl = { 0 };
	uint32_t id = fixture_domain(3, 1);
	struct fx_cpu_state *cpu = &domain_of(id)->vcpus[2].cpu;

	ask(id, 2, 0, 0);
	tap_ok(out[0] == 0xd && !memcmp(&out[1], "Genu", 4), "leaf 0: the highest leaf, the vendor");
	ask(id, 2, 1, 0);
	tap_ok(out[1] >> 24 == 4 && (out[2] & 1u << 31) && !(out[2] & 1u << 27),
		"leaf 1: APIC id, a hypervisor, no OSXSAVE");
	cpu->cr4 |= 1 << 18;
	ask(id, 2, 1, 0);
	tap_ok(out[2] & 1u << 27, "OSXSAVE follows CR4");
	ask(id, 2, 0xb, 1);
	tap_ok((out[2] & 0xff) == 1 && out[3] == 4, "leaf b: its level and the x2APIC id");
	ask(id, 2, 0xd, 0);
	tap_ok(out[0] == 7 && out[1] == 576, "leaf d: states, and their size");
	cpu->xcr0 = 7;
	ask(id, 2, 0xd, 0);
	tap_ok(out[1] == 832, "which follows XCR0");
	ask(id, 2, 0xe, 0);
	tap_ok(!(out[0] | out[1] | out[2] | out[3]), "beyond the highest leaf all is zero");
	ask(id, 2, 0x40000000, 0);
	tap_ok(out[0] == 0x40000005 && !memcmp(&out[1], "XenVMMXenVMM", 12), "Xen's signature");
	ask(id, 2, 0x40000001, 0);
	tap_ok(out[0] == (4 << 16 | 17), "its version");
	ask(id, 2, 0x40000004, 0);
	tap_ok(out[1] == 2 && out[2] == id, "vCPU and domain in Xen's HVM leaf");
	fixture_domctl(&ctl, XEN_DOMCTL_destroydomain, id);
}

static int read_policy(const char *text)
{
	char path[] = "/tmp/fakexen-cpuid-XXXXXX";
	int fd = mkstemp(path), error;

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd))
		return 1;
	why[0] = '\0';
	error = fx_cpuid_policy_read(fixture_caller()->model, path, why, sizeof why);
	unlink(path);
	return error;
}

static void files(void)
{
	struct xen_domctl ctl = { 0 };
	uint32_t id;

	tap_ok(!read_policy("# a machine\n\n0 - 7 1 2 3\n\t4 1 11 22 33 44 # a cache\n"
		"80000000 - 80000001 0 0 0\n"), "a policy is read %s", why);
	id = fixture_domain(1, 1);
	ask(id, 0, 4, 1);
	tap_ok(out[0] == 0x11 && out[3] == 0x44, "a domain made then has it");
	ask(id, 0, 4, 2);
	tap_ok(out[0] == 0, "what it does not name is zero");
	fixture_domctl(&ctl, XEN_DOMCTL_destroydomain, id);
	tap_ok(read_policy("0 - 1 1 1 1\nx 0 0 0 0 0\n") == -EINVAL && strstr(why, ":2:"),
		"a bad word is told with its line");
	tap_ok(read_policy("0 - 1 1 1\n") == -EINVAL && read_policy("0 - 1 1 1 1 1\n") == -EINVAL,
		"too few words, too many");
	tap_ok(read_policy("0 - 1 1 1 100000000\n") == -EINVAL, "a number that is too large");
	tap_ok(read_policy("4 - 1 1 1 1\n") == -EINVAL && read_policy("1 0 1 1 1 1\n") == -EINVAL,
		"a subleaf that is missing, one that cannot be");
	tap_ok(read_policy("1 - 1 1 1 1\n") == -EINVAL && strstr(why, "80000000"),
		"the highest leaves have to be named");
	tap_ok(read_policy("") == -EINVAL, "an empty file");
	tap_ok(fx_cpuid_policy_read(fixture_caller()->model, "/nonexistent", why, sizeof why) ==
		-ENOENT, "none");
}

int main(void)
{
	a_vcpu();
	files();
	return tap_done();
}
