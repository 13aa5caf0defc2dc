/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* regs.c: `ringside regs`: the registers of a guest's vCPUs. */
#include "tools/commands.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <ringside/ringside.h>

#include "tools/number.h"

static const char usage[] =
	"usage: ringside regs DOMAIN [VCPU] [--json]\n"
	"\n"
	"Prints the registers of a domain's vCPUs, or of one. Each is paused for the moment.\n"
	"\n"
	"  --json   one JSON object a vCPU, a line each\n";

struct name {
	const char *name;
	size_t offset;
};

#define NAME(name) { #name, offsetof(struct rs_vcpu_registers, name) }

static const struct name values[] = {
	NAME(rax), NAME(rbx), NAME(rcx), NAME(rdx), NAME(rsi), NAME(rdi), NAME(rbp), NAME(rsp),
	NAME(r8), NAME(r9), NAME(r10), NAME(r11), NAME(r12), NAME(r13), NAME(r14), NAME(r15),
	NAME(rip), NAME(rflags), NAME(cr0), NAME(cr2), NAME(cr3), NAME(cr4), NAME(xcr0),
	NAME(efer), NAME(dr0), NAME(dr1), NAME(dr2), NAME(dr3), NAME(dr6), NAME(dr7),
	NAME(star), NAME(lstar), NAME(cstar), NAME(sfmask), NAME(shadow_gs), NAME(tsc_aux),
	NAME(sysenter_cs), NAME(sysenter_esp), NAME(sysenter_eip), NAME(apic_base),
};

static const struct name segments[] = {
	NAME(cs), NAME(ss), NAME(ds), NAME(es), NAME(fs), NAME(gs), NAME(tr), NAME(ldtr),
};

static const struct name tables[] = { NAME(gdtr), NAME(idtr) };

#define COUNT(names) (sizeof(names) / sizeof((names)[0]))

static const void *at(const struct rs_vcpu_registers *registers, const struct name *name)
{
	return (const char *)registers + name->offset;
}

static void print_text(uint32_t vcpu, const struct rs_vcpu_registers *registers)
{
	printf("vcpu %" PRIu32 "\n", vcpu);
	for (size_t i = 0; i < COUNT(values); i++)
		printf("  %-12s %016" PRIx64 "%s", values[i].name,
		       *(const uint64_t *)at(registers, &values[i]),
		       i % 2 && i + 1 < COUNT(values) ? "\n" : i % 2 ? "" : "  ");
	putchar('\n');
	for (size_t i = 0; i < COUNT(segments); i++) {
		const struct rs_segment *segment = at(registers, &segments[i]);

		printf("  %-12s %04x  base %016" PRIx64 "  limit %08" PRIx32 "  attributes %03x\n",
		       segments[i].name, segment->selector, segment->base, segment->limit,
		       segment->attributes);
	}
	for (size_t i = 0; i < COUNT(tables); i++) {
		const struct rs_table_register *table = at(registers, &tables[i]);

		printf("  %-12s       base %016" PRIx64 "  limit %04x\n", tables[i].name,
		       table->base, table->limit);
	}
}

static void print_json(uint32_t vcpu, const struct rs_vcpu_registers *registers)
{
	printf("{\"vcpu\": %" PRIu32, vcpu);
	for (size_t i = 0; i < COUNT(values); i++)
		printf(", \"%s\": \"%#" PRIx64 "\"", values[i].name,
		       *(const uint64_t *)at(registers, &values[i]));
	for (size_t i = 0; i < COUNT(segments); i++) {
		const struct rs_segment *segment = at(registers, &segments[i]);

		printf(", \"%s\": {\"selector\": \"%#x\", \"base\": \"%#" PRIx64
		       "\", \"limit\": \"%#" PRIx32 "\", \"attributes\": \"%#x\"}",
		       segments[i].name, segment->selector, segment->base, segment->limit,
		       segment->attributes);
	}
	for (size_t i = 0; i < COUNT(tables); i++) {
		const struct rs_table_register *table = at(registers, &tables[i]);

		printf(", \"%s\": {\"base\": \"%#" PRIx64 "\", \"limit\": \"%#x\"}",
		       tables[i].name, table->base, table->limit);
	}
	puts("}");
}

static int print_vcpu(struct rs_guest *guest, uint32_t vcpu, bool json)
{
	struct rs_vcpu_registers registers;
	int error = rs_vcpu_read_registers(guest, vcpu, &registers);

	if (error)
		return error;
	if (json)
		print_json(vcpu, &registers);
	else
		print_text(vcpu, &registers);
	return 0;
}

/* Of all, what the guest has not started is left out. */
static int print_all(struct rs_guest *guest, bool json)
{
	int error = 0;

	for (uint32_t vcpu = 0; vcpu < rs_guest_vcpu_count(guest) && !error; vcpu++) {
		error = print_vcpu(guest, vcpu, json);
		if (error == -ENODATA)
			error = 0;
	}
	return error;
}

int regs_main(int argc, char **argv)
{
	static const struct option known[] = { { "json", no_argument, NULL, 'j' },
					       { "help", no_argument, NULL, 'h' },
					       { NULL, 0, NULL, 0 } };
	struct rs_guest *guest = NULL;
	uint64_t vcpu = UINT64_MAX;
	bool json = false;
	int option, error;

	while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return EXIT_DONE;
		}
		if (option != 'j')
			return EXIT_USAGE;
		json = true;
	}
	if (argc - optind < 1 || argc - optind > 2 ||
	    (argc - optind == 2 && (!parse_number(argv[optind + 1], &vcpu) || vcpu > UINT32_MAX))) {
		fprintf(stderr, "ringside regs: a domain, and perhaps a vCPU's number (ringside regs "
				"--help)\n");
		return EXIT_USAGE;
	}
	error = rs_guest_open(&guest, argv[optind], NULL);
	if (!error)
		error = vcpu == UINT64_MAX ? print_all(guest, json)
					   : print_vcpu(guest, (uint32_t)vcpu, json);
	if (error)
		fprintf(stderr, "ringside regs: %s\n", rs_strerror(error));
	rs_guest_close(guest);
	return finish_output("regs", error);
}
