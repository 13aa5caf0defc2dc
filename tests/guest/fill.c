/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fill.c: fills a guest's memory with numbers, each page with others, from 8 MiB on, where the
 * guests of guests/ have nothing. Of each eight pages one stays as it is.
 *
 *	tests/guest/fill DOMAIN
 */
#include <errno.h>
#include <stdlib.h>

#include <ringside/ringside.h>

#include "tests/guest/random.h"

#define PAGE 4096u
#define BASE (8ULL << 20)

static void fill(struct rs_guest *guest, uint64_t begin, uint64_t end)
{
	static uint64_t words[PAGE / 8];

	for (uint64_t at = begin; at < end; at += PAGE) {
		uint64_t seed = at;

		if (at / PAGE % 8 == 7)
			continue;
		for (unsigned int i = 0; i < PAGE / 8; i++)
			words[i] = random_next(&seed);
		if (rs_guest_write(guest, at, words, PAGE, NULL))
			exit(rs_perror("fill", -EIO));
	}
}

int main(int argc, char **argv)
{
	struct rs_guest *guest;
	uint64_t begin, end = BASE;
	int error = argc == 2 ? rs_guest_open(&guest, argv[1], NULL) : -EINVAL;

	if (error)
		exit(rs_perror("fill", error));
	while (!(error = rs_guest_find_ram(guest, end, &begin, &end)))
		fill(guest, begin, end);
	rs_guest_close(guest);
	return error == -ENOENT ? 0 : rs_perror("fill", error);
}
