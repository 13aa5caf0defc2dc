/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * speed.c: what reading a guest's memory costs, as one line of JSON.
 *
 *	fakexen --memory 1100 --guest guests/idle.elf -- tests/guest/speed MIB READS
 *
 * Beside it the same reads from memory of our own, of the same size and in pages of 4 KiB: what
 * the processor's caches and TLBs take of it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <ringside/ringside.h>

#include "tests/guest/random.h"

#define BASE (8ULL << 20)
#define GUEST_ROOT 0x110000 /* guests/map.h: the first GiB, one to one */

/* Of this thread alone: others may be busy. */
static double now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static double read_guest(struct rs_guest *guest, uint64_t size, unsigned long reads, uint64_t *sum)
{
	uint64_t seed = 1, word = 0;
	double begin = now_ns();

	for (unsigned long i = 0; i < reads; i++) {
		if (rs_guest_read(guest, BASE + random_next(&seed) % size / 8 * 8, &word, 8, NULL))
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

static double read_plain(const char *memory, uint64_t size, unsigned long reads, uint64_t *sum)
{
	uint64_t seed = 1, word;
	double begin = now_ns();

	for (unsigned long i = 0; i < reads; i++) {
		memcpy(&word, memory + random_next(&seed) % size / 8 * 8, 8);
		*sum += word;
	}
	return (now_ns() - begin) / (double)reads;
}

int main(int argc, char **argv)
{
	uint64_t size = argc > 1 ? strtoull(argv[1], NULL, 0) << 20 : 16 << 20, sum = 0;
	unsigned long reads = argc > 2 ? strtoul(argv[2], NULL, 0) : 1000;
	struct rs_guest_options options = { .age_ms_max = RS_GUEST_AGELESS };
	struct rs_guest_statistics before, after;
	struct rs_guest *guest;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	double begin, cold, warm, plain, walk;
	int error = rs_guest_open(&guest, "guest1", &options);

	if (error || memory == MAP_FAILED || madvise(memory, size, MADV_NOHUGEPAGE))
		return rs_perror("speed", error);
	begin = now_ns();
	error = rs_guest_read(guest, BASE, memory, size, NULL);
	if (error)
		return rs_perror("speed", error);
	cold = now_ns() - begin;
	translate(guest, 1, &sum);
	rs_guest_statistics(guest, &before);
	warm = read_guest(guest, size, reads, &sum);
	walk = translate(guest, reads, &sum);
	plain = read_plain(memory, size, reads, &sum);
	rs_guest_statistics(guest, &after);
	printf("{\"mib\": %" PRIu64 ", \"reads\": %lu, \"read_ns\": %.1f, \"plain_ns\": %.1f, "
	       "\"translate_ns\": %.1f, "
	       "\"cold_gib_per_s\": %.2f, \"frames_per_map\": %.1f, \"maps_while_warm\": %" PRIu64
	       ", \"sum\": %" PRIu64 "}\n",
	       size >> 20, reads, warm, plain, walk, (double)size / cold / 1.073741824,
	       (double)before.frames / (double)before.maps, after.maps - before.maps, sum);
	rs_guest_close(guest);
	return 0;
}
