/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* read.c: `ringside read`: bytes of a guest's memory. */
#include "tools/commands.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <ringside/ringside.h>

#include "tools/number.h"

#define LINE 16
#define AT_ONCE 65536

static const char usage[] =
	"usage: ringside read DOMAIN ADDRESS LENGTH [--raw] [--cr3 CR3]\n"
	"\n"
	"Prints LENGTH bytes of a domain's memory from a physical address on, as a hexdump.\n"
	"\n"
	"  --raw       the bytes themselves\n"
	"  --cr3 CR3   the address is virtual, in the address space of that CR3 (four levels)\n"
	"\n"
	"Where a frame is missing it ends there, with exit status 7. Pauses nobody.\n";

struct wanted {
	const char *domain;
	uint64_t address, length, cr3;
	bool raw, is_virtual;
};

static void print_line(uint64_t address, const unsigned char *bytes, size_t count)
{
	printf("%016" PRIx64 " ", address);
	for (size_t i = 0; i < LINE; i++) {
		fputs(i == LINE / 2 ? "  " : " ", stdout);
		if (i < count)
			printf("%02x", bytes[i]);
		else
			fputs("  ", stdout);
	}
	fputs("  |", stdout);
	for (size_t i = 0; i < count; i++)
		putchar(isprint(bytes[i]) ? bytes[i] : '.');
	fputs("|\n", stdout);
}

static void print(const struct wanted *wanted, uint64_t address, const unsigned char *bytes,
		  size_t count)
{
	if (wanted->raw) {
		fwrite(bytes, 1, count, stdout);
		return;
	}
	for (size_t i = 0; i < count; i += LINE)
		print_line(address + i, bytes + i, count - i < LINE ? count - i : LINE);
}

static int read_some(struct rs_guest *guest, const struct wanted *wanted, uint64_t address,
		     void *bytes, size_t count, size_t *done)
{
	struct rs_paging paging = rs_paging_4_level(wanted->cr3);

	if (wanted->is_virtual)
		return rs_guest_read_virtual(guest, &paging, address, bytes, count, done);
	return rs_guest_read(guest, address, bytes, count, done);
}

static int read_all(struct rs_guest *guest, const struct wanted *wanted)
{
	static unsigned char bytes[AT_ONCE];
	uint64_t done = 0;
	int error = 0;

	while (done < wanted->length && !error && !ferror(stdout)) {
		uint64_t left = wanted->length - done;
		size_t part;

		error = read_some(guest, wanted, wanted->address + done, bytes,
				  left < AT_ONCE ? (size_t)left : AT_ONCE, &part);
		print(wanted, wanted->address + done, bytes, part);
		done += part;
	}
	return error;
}

/* False: it makes no sense, and that was said. */
static bool parse(struct wanted *wanted, int argc, char **argv)
{
	static const struct option known[] = {
		{ "raw", no_argument, NULL, 'r' },
		{ "cr3", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'r') {
			wanted->raw = true;
		} else if (option == 'c' && parse_number(optarg, &wanted->cr3)) {
			wanted->is_virtual = true;
		} else {
			if (option == 'c')
				fprintf(stderr, "ringside read: %s is no CR3\n", optarg);
			return false;
		}
	}
	if (argc - optind == 3 && parse_number(argv[optind + 1], &wanted->address) &&
	    parse_number(argv[optind + 2], &wanted->length)) {
		wanted->domain = argv[optind];
		return true;
	}
	fprintf(stderr, "ringside read: a domain, an address and a length (ringside read --help)\n");
	return false;
}

int read_main(int argc, char **argv)
{
	struct wanted wanted = { 0 };
	struct rs_guest *guest = NULL;
	int error;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage, stdout);
		return EXIT_DONE;
	}
	if (!parse(&wanted, argc, argv))
		return EXIT_USAGE;
	error = rs_guest_open(&guest, wanted.domain, NULL);
	if (!error)
		error = read_all(guest, &wanted);
	if (error)
		fprintf(stderr, "ringside read: %s\n", rs_strerror(error));
	rs_guest_close(guest);
	return finish_output("read", error);
}
