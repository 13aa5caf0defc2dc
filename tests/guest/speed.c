/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * speed.c: what reading a guest's memory costs, as one line of JSON.
 *
 *	fakexen --memory 1100 --guest guests/idle.elf -- tests/guest/speed MIB READS
 *
 * Beside it the same reads without a call: from one mapping of the guest's range, and from memory of
 * our own in pages of 4 KiB. That is what the processor's caches and TLBs take of it, in two ways: where
 * each address is known before (the processor overlaps such reads, the more of them the fewer
 * instructions there are between two), and where it depends on what was read last.
 *
 * Each figure is the least of ROUNDS, taken by turns: others may be busy.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <ringside/ringside.h>

#include "tests/guest/random.h"

#define ROUNDS 10
#define BASE (8ULL << 20)
#define NEAR_SIZE 4096 /* in the processor's first cache: what is left is our own */
#define GUEST_ROOT 0x110000 /* guests/map.h: the first GiB, one to one */

struct place { /* where to read: in a guest, or at `memory` */
	struct rs_guest *guest;
	const char *memory;
	uint64_t size;
};

/* Of this thread alone. */
static double now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* All that is read is 0, which only we know. */
static inline __attribute__((always_inline)) double
read_words(const struct place *place, bool depends, unsigned long reads, uint64_t *sum)
{
	uint64_t seed = 1, word = 0;
	double begin = now_ns();

	for (unsigned long i = 0; i < reads; i++) {
		uint64_t at = (random_next(&seed) + (depends ? word : 0)) % place->size / 8 * 8;

		if (!place->guest)
			memcpy(&word, place->memory + at, 8);
		else if (rs_guest_read(place->guest, BASE + at, &word, 8, NULL))
			exit(rs_perror("read", -1));
		*sum += word;
	}
	return (now_ns() - begin) / (double)reads;
}

/* By the guest's own tables, of which those for 2 MiB pages are three levels deep. */
static double translate(struct rs_guest *guest, unsigned long times, uint64_t *sum)
{
	struct rs_paging paging = rs_paging_4_level(GUEST_ROOT);
	struct rs_translation translation;
	uint64_t seed = 1;
	double begin = now_ns();

	for (unsigned long i = 0; i < times; i++) {
		if (rs_guest_translate(guest, &paging, random_next(&seed) >> 34, &translation))
			exit(rs_perror("translate", -1));
		*sum += translation.level;
	}
	return (now_ns() - begin) / (double)times;
}

static double least(double a, double b)
{
	return a && a < b ? a : b;
}

/* Prints a line's keys: `name` and `name`_depending, of a guest, a mapping of it and plain memory. */
static void compare(const char *name, const struct place places[3], unsigned long reads, uint64_t *sum)
{
	static const char *const whose[] = { "read", "mapped", "plain" };
	double best[2][3] = { { 0 } };

	for (unsigned int round = 0; round < ROUNDS; round++)
		for (unsigned int i = 0; i < 6; i++) {
			const struct place *place = &places[i % 3];
			unsigned long some = reads / ROUNDS;

			best[i / 3][i % 3] = least(best[i / 3][i % 3],
						   i < 3 ? read_words(place, false, some, sum)
							 : read_words(place, true, some, sum));
		}
	for (unsigned int i = 0; i < 6; i++)
		printf("\"%s_%s%s_ns\": %.1f, ", whose[i % 3], name, i < 3 ? "" : "_depending",
		       best[i / 3][i % 3]);
}

int main(int argc, char **argv)
{
	uint64_t size = argc > 1 ? strtoull(argv[1], NULL, 0) << 20 : 16 << 20, sum = 0;
	unsigned long reads = argc > 2 ? strtoul(argv[2], NULL, 0) : 1000;
	struct rs_guest_options options = { .age_ms_max = RS_GUEST_AGELESS };
	struct rs_guest_statistics before, after;
	struct rs_guest *guest;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	double begin, cold;
	void *range;
	int error = rs_guest_open(&guest, "guest1", &options);

	if (error || memory == MAP_FAILED || madvise(memory, size, MADV_NOHUGEPAGE))
		return rs_perror("speed", error);
	begin = now_ns();
	error = rs_guest_read(guest, BASE, memory, size, NULL);
	cold = now_ns() - begin;
	if (!error)
		error = rs_guest_map(guest, BASE, size, false, &range);
	if (error)
		return rs_perror("speed", error);
	translate(guest, 1, &sum);
	rs_guest_statistics(guest, &before);
	printf("{\"mib\": %" PRIu64 ", \"reads\": %lu, ", size >> 20, reads);
	compare("far", (struct place[]){ { guest, NULL, size }, { NULL, range, size },
					 { NULL, memory, size } }, reads, &sum);
	compare("near", (struct place[]){ { guest, NULL, NEAR_SIZE }, { NULL, range, NEAR_SIZE },
					  { NULL, memory, NEAR_SIZE } }, reads, &sum);
	printf("\"translate_ns\": %.1f, ", translate(guest, reads, &sum));
	rs_guest_statistics(guest, &after);
	printf("\"cold_gib_per_s\": %.2f, \"frames_per_map\": %.1f, \"maps_while_warm\": %" PRIu64
	       ", \"sum\": %" PRIu64 "}\n", (double)size / cold / 1.073741824,
	       (double)before.frames / (double)before.maps, after.maps - before.maps, sum);
	rs_guest_unmap(guest, range, size);
	rs_guest_close(guest);
	return 0;
}
