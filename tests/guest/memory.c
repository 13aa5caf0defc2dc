/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory.c: a guest's physical memory, against a plain copy of it.
 *
 *	fakexen --guest guests/idle.elf --report FILE -- tests/guest/memory SCENARIO
 *
 * From 8 MiB on the guest touches nothing.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <ringside/ringside.h>

#include "ring/atomics.h"
#include "tests/guest/dom0.h"
#include "tests/guest/random.h"
#include "tests/unit/tap.h"

#define BLOCK (64 * FRAME)
#define BASE (8ULL << 20)
#define FRAMES 768
#define SIZE (FRAMES * FRAME)
#define LAST_FRAME 0xfefffULL /* of fakexen's guests: their special pages */

/* A sanitizer makes system calls of its own; it keeps what was freed, and finds leaks itself. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED false
#endif

static struct rs_guest *guest;
static struct rs_guest_options options = { .age_ms_max = RS_GUEST_AGELESS };
static uint8_t plain[SIZE];
static bool present[FRAMES];

static void open_guest(void)
{
	if (rs_guest_open(&guest, "guest1", &options)) {
		printf("Bail out! %s\n", rs_error_text());
		exit(1);
	}
}

static struct rs_guest_statistics statistics(void)
{
	struct rs_guest_statistics found;

	rs_guest_statistics(guest, &found);
	return found;
}

static void sleep_ms(unsigned int ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L },
		  NULL);
}

static uint64_t word_at(uint64_t address)
{
	uint64_t word = 0;

	if (rs_guest_read(guest, address, &word, sizeof(word), NULL))
		return ~0ULL;
	return word;
}

static bool put_word(uint64_t address, uint64_t word)
{
	return !rs_guest_write(guest, address, &word, sizeof(word), NULL);
}

static bool says(const char *words)
{
	if (strstr(rs_error_text(), words))
		return true;
	printf("# it said: %s\n", rs_error_text());
	return false;
}

/* ---- every address, length and alignment ---- */

/* How much of `size` bytes from `offset` on there is before the first missing frame. */
static size_t reachable(size_t offset, size_t size)
{
	size_t end = offset;

	while (end < offset + size && present[end / FRAME])
		end = (end / FRAME + 1) * FRAME;
	return end < offset + size ? (end > offset ? end - offset : 0) : size;
}

static bool read_once(size_t offset, size_t size, uint8_t *bytes)
{
	size_t wanted = reachable(offset, size), done = 99;
	int error;

	memset(bytes, 0xee, size + 1);
	error = rs_guest_read(guest, BASE + offset, bytes, size, &done);
	return TAP_SAME(error, wanted == size ? 0 : -EFAULT) && TAP_SAME(done, wanted) &&
	       TAP_SAME(memcmp(bytes, plain + offset, wanted), 0) &&
	       TAP_SAME(bytes[wanted], 0xee);
}

static bool write_once(size_t offset, size_t size, uint8_t *bytes, uint64_t *seed)
{
	size_t wanted = reachable(offset, size), done = 99;
	int error;

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(random_next(seed) >> 32);
	error = rs_guest_write(guest, BASE + offset, bytes, size, &done);
	memcpy(plain + offset, bytes, wanted);
	return TAP_SAME(error, wanted == size ? 0 : -EFAULT) && TAP_SAME(done, wanted);
}

static bool map_once(size_t offset, size_t size, uint64_t *seed)
{
	bool whole = size && reachable(offset, size) == size, writable = random_next(seed) & 1;
	bool good;
	void *bytes;
	int error = rs_guest_map(guest, BASE + offset, size, writable, &bytes);

	if (!whole)
		return TAP_SAME(error, size ? -EFAULT : -EINVAL) && !bytes;
	if (!TAP_SAME(error, 0))
		return false;
	good = TAP_SAME(memcmp(bytes, plain + offset, size), 0);
	if (writable) {
		memset(bytes, (int)size, size);
		memset(plain + offset, (int)size, size);
	}
	rs_guest_unmap(guest, bytes, size);
	return good;
}

/* A frame leaves, or a fresh one comes; told, so that it is seen at once. */
static bool change_once(size_t frame, bool told)
{
	uint64_t gfn = BASE / FRAME + frame;
	bool good = present[frame] ? dom0_remove(gfn) : dom0_populate(gfn);

	present[frame] = !present[frame];
	memset(plain + frame * FRAME, 0, FRAME);
	if (told)
		rs_guest_forget(guest, gfn * FRAME, FRAME);
	return TAP_SAME(good, true);
}

static size_t random_size(uint64_t *seed)
{
	static const size_t limits[] = { 1, 2, 9, 64, 4097, 9000, BLOCK + 2, 3 * BLOCK };
	uint64_t random = random_next(seed) >> 16;

	return random / 8 % (limits[random % 8] + 1);
}

static void scenario_random(unsigned int operations)
{
	uint8_t *bytes = malloc(SIZE + 1);
	uint64_t seed = 0x9e3779b97f4a7c15ULL;
	unsigned int count = 0;
	bool good = true;

	options.cache_bytes = 4 * BLOCK;
	open_guest();
	memset(present, true, sizeof(present));
	good &= TAP_SAME(rs_guest_read(guest, BASE, plain, SIZE, NULL), 0);
	for (; count < operations && good; count++) {
		size_t size = random_size(&seed), offset = (random_next(&seed) >> 16) % (SIZE - size);

		if (random_next(&seed) & 1)
			offset &= ~(size_t)7;
		switch (random_next(&seed) % 16) {
		case 0: good = change_once(offset / FRAME, true); break;
		case 1: good = map_once(offset, size % (20 * FRAME), &seed); break;
		case 2: case 3: case 4: case 5: case 6:
			good = write_once(offset, size, bytes, &seed);
			break;
		default: good = read_once(offset, size, bytes);
		}
	}
	tap_ok(good, "%u reads, writes, maps and changes of frames are as in a plain copy", count);
	tap_ok(statistics().evicted && statistics().cached_bytes <= options.cache_bytes,
	       "with %" PRIu64 " evictions from a cache of four blocks", statistics().evicted);
	tap_ok(TAP_SAME(statistics().maps - statistics().unmaps, statistics().cached_bytes / BLOCK),
	       "what was mapped is in the cache, or unmapped");
	rs_guest_close(guest);
	free(bytes);
}

/* ---- through page tables ---- */

#define TABLES BASE                   /* four tables of four levels */
#define VIRTUAL 0xffffffff80000000ULL /* the page that entry i of the lowest table maps is at */
#define VIRTUAL_FRAMES 64
#define MISSING 40                    /* but this one is not mapped */

/* Pages in a row, virtually; backwards, with gaps, physically. */
static uint64_t frame_behind(unsigned int page)
{
	return BASE / FRAME + 500 - 3 * (uint64_t)page;
}

static bool make_tables(void)
{
	bool good = put_word(TABLES + 511 * 8, (TABLES + FRAME) | 7) &&
		    put_word(TABLES + FRAME + 510 * 8, (TABLES + 2 * FRAME) | 7) &&
		    put_word(TABLES + 2 * FRAME, (TABLES + 3 * FRAME) | 7);

	for (unsigned int i = 0; i < VIRTUAL_FRAMES && good; i++)
		good = put_word(TABLES + 3 * FRAME + i * 8,
				i == MISSING ? 0 : frame_behind(i) * FRAME | 7);
	return good;
}

static bool access_virtual(uint64_t *seed, const struct rs_paging *paging, uint8_t *bytes)
{
	size_t size = random_size(seed) % (VIRTUAL_FRAMES * FRAME / 2);
	size_t offset = (random_next(seed) >> 16) % (VIRTUAL_FRAMES * FRAME - size);
	size_t hole = MISSING * FRAME, wanted = size, done = 99;
	bool writes = random_next(seed) & 1;
	int error;

	if (offset < hole + FRAME && offset + size > hole && size)
		wanted = offset < hole ? hole - offset : 0;
	for (size_t i = 0; i < size && writes; i++)
		bytes[i] = (uint8_t)(random_next(seed) >> 32);
	error = writes ? rs_guest_write_virtual(guest, paging, VIRTUAL + offset, bytes, size, &done)
		       : rs_guest_read_virtual(guest, paging, VIRTUAL + offset, bytes, size, &done);
	if (writes)
		memcpy(plain + offset, bytes, wanted);
	return TAP_SAME(error, wanted == size ? 0 : -EFAULT) && TAP_SAME(done, wanted) &&
	       TAP_SAME(memcmp(bytes, plain + offset, wanted), 0);
}

static void scenario_virtual(void)
{
	struct rs_paging paging = rs_paging_4_level(TABLES);
	struct rs_translation translation;
	struct rs_guest_statistics before;
	static uint8_t bytes[SIZE];
	uint64_t seed = 99, word;
	bool good;

	open_guest();
	tap_ok(make_tables() && !rs_guest_translate(guest, &paging, VIRTUAL + 5 * FRAME + 7,
						    &translation) &&
	       TAP_SAME(translation.physical, frame_behind(5) * FRAME + 7) &&
	       TAP_SAME(translation.rights, RS_RIGHT_WRITE | RS_RIGHT_USER | RS_RIGHT_EXECUTE),
	       "four levels in the guest's memory are walked");
	memset(plain, 0, sizeof(plain));
	good = true;
	for (unsigned int i = 0; i < 2000 && good; i++)
		good = access_virtual(&seed, &paging, bytes);
	tap_ok(good, "2000 virtual reads and writes are as in a plain copy");
	before = statistics();
	for (unsigned int i = 0; i < 10000 && good; i++)
		good = !rs_guest_translate(guest, &paging, VIRTUAL + i % MISSING * FRAME,
					   &translation);
	tap_ok(good && TAP_SAME(statistics().maps, before.maps), "a warm translation maps nothing");
	tap_ok(rs_guest_translate(guest, &paging, VIRTUAL + MISSING * FRAME, &translation) ==
		       -EFAULT && TAP_SAME(translation.level, 1) && says("level 1"),
	       "the faulting level is told");
	put_word(TABLES + 2 * FRAME + 8, 0x0000123456789000 | 7);
	tap_ok(rs_guest_read_virtual(guest, &paging, VIRTUAL + (2 << 20), &word, 8, NULL) ==
		       -EFAULT && says("beyond the end"),
	       "a table that is no RAM");
	tap_ok(rs_guest_read_virtual(guest, &paging, UINT64_MAX - 3, &word, 8, NULL) == -EINVAL &&
	       rs_guest_read_virtual(guest, &paging, 1ULL << 47, &word, 8, NULL) == -EINVAL &&
	       says("canonical"), "what wraps or is not canonical");
	/* The guest's own: its first GiB is mapped one to one. */
	paging = rs_paging_4_level(0x110000);
	tap_ok(!rs_guest_translate(guest, &paging, 0x100123, &translation) &&
	       TAP_SAME(translation.physical, 0x100123) &&
	       TAP_SAME(translation.page_size, 2 << 20) && TAP_SAME(translation.level, 2),
	       "the guest's own page tables");
	rs_guest_close(guest);
}

/* ---- what the cache promises ---- */

static void scenario_cache(void)
{
	struct rs_guest_statistics before;
	uint64_t seed = 1;
	bool good = true;

	open_guest();
	tap_ok(TAP_SAME(rs_guest_read(guest, BASE, plain, SIZE, NULL), 0) &&
	       TAP_SAME(statistics().maps, SIZE / BLOCK) &&
	       TAP_SAME(statistics().frames / statistics().maps, 64),
	       "a cold range is mapped by 64 frames a call");
	before = statistics();
	for (unsigned int i = 0; i < 100000; i++)
		good &= word_at(BASE + random_next(&seed) % (SIZE - 8)) != ~0ULL;
	tap_ok(good && TAP_SAME(statistics().maps, before.maps), "a warm one not at all");
	tap_ok(put_word(BASE + 16, 1) && TAP_SAME(statistics().maps, before.maps + 1) &&
	       put_word(BASE + 24, 2) && TAP_SAME(word_at(BASE + 16), 1) &&
	       TAP_SAME(statistics().maps, before.maps + 1),
	       "the first write maps a block anew, for writing and reading");
	rs_guest_forget(guest, BASE, BLOCK);
	tap_ok(TAP_SAME(statistics().cached_bytes, SIZE - BLOCK) && TAP_SAME(word_at(BASE + 24), 2),
	       "what was forgotten is mapped again");
	rs_guest_forget(guest, 0, UINT64_MAX);
	tap_ok(TAP_SAME(statistics().cached_bytes, 0), "all is forgotten");
	rs_guest_close(guest);
}

static void scenario_changes(void)
{
	uint64_t gfn = BASE / FRAME + 3;
	unsigned int tries = 0;

	options.age_ms_max = 50;
	open_guest();
	put_word(BASE + 3 * FRAME, 0x1111);
	tap_ok(dom0_remove(gfn) && dom0_populate(gfn), "a frame goes, and another takes its place");
	while (word_at(BASE + 3 * FRAME) == 0x1111 && tries++ < 1000)
		sleep_ms(10);
	tap_ok(TAP_SAME(word_at(BASE + 3 * FRAME), 0) && statistics().aged,
	       "untold, it is seen when the mapping has its age");
	rs_guest_close(guest);

	options.age_ms_max = RS_GUEST_AGELESS;
	open_guest();
	put_word(BASE + 3 * FRAME, 0x2222);
	dom0_remove(gfn);
	rs_guest_forget(guest, gfn * FRAME, 1);
	tap_ok(TAP_SAME(word_at(BASE + 3 * FRAME), ~0ULL) && word_at(BASE + 2 * FRAME) != ~0ULL,
	       "ballooned out: its neighbours are there");
	dom0_populate(gfn);
	tap_ok(TAP_SAME(word_at(BASE + 3 * FRAME), 0), "back, it is seen at once");
	rs_guest_close(guest);
}

/* ---- no system call ---- */

static uint32_t system_calls;

static void on_system_call(int number, siginfo_t *info, void *context)
{
	rs_add_relaxed(&system_calls, 1);
}

/* From here on this thread's system calls are signals, but those by which it ends. */
static bool forbid_system_calls(void)
{
	static const int allowed[] = { SYS_exit, SYS_exit_group, SYS_futex, SYS_madvise, SYS_munmap,
				       SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack };
	enum { COUNT = sizeof(allowed) / sizeof(allowed[0]) };
	struct sock_filter filter[2 * COUNT + 2];
	struct sock_fprog program = { .len = 2 * COUNT + 2, .filter = filter };
	struct sigaction action = { .sa_sigaction = on_system_call, .sa_flags = SA_SIGINFO };

	filter[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	for (unsigned int i = 0; i < COUNT; i++) {
		filter[1 + 2 * i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
								 (uint32_t)allowed[i], 0, 1);
		filter[2 + 2 * i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
								 SECCOMP_RET_ALLOW);
	}
	filter[1 + 2 * COUNT] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
	sigaction(SIGSYS, &action, NULL);
	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

enum { FILTERED = 1, CLOCK_IS_A_CALL, READ_WRONG };

static void *read_without_calls(void *result)
{
	uint64_t seed = 7;
	struct timespec time;
	uint64_t sum = 0;
	int *verdict = result;

	if (SANITIZED || !forbid_system_calls()) {
		*verdict = FILTERED;
		return NULL;
	}
	clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
	if (rs_load_relaxed(&system_calls)) {
		*verdict = CLOCK_IS_A_CALL;
		return NULL;
	}
	for (unsigned int i = 0; i < 200000; i++)
		sum |= word_at(BASE + random_next(&seed) % (SIZE - 8));
	if (sum)
		*verdict = READ_WRONG;
	return NULL;
}

static void scenario_no_calls(void)
{
	pthread_t thread;
	int verdict = 0;

	open_guest();
	if (rs_guest_read(guest, BASE, plain, SIZE, NULL))
		printf("# %s\n", rs_error_text());
	pthread_create(&thread, NULL, read_without_calls, &verdict);
	pthread_join(thread, NULL);
	if (verdict == FILTERED || verdict == CLOCK_IS_A_CALL)
		tap_ok(true, "warm reads make no system call # SKIP %s", verdict == FILTERED ?
		       "system calls cannot be filtered here" : "the clock is a system call here");
	else
		tap_ok(TAP_SAME(system_calls, 0) && TAP_SAME(verdict, 0),
		       "200000 warm reads make no system call");
	rs_guest_close(guest);
}

/* ---- threads ---- */

#define THREADS 4
#define OWN_FRAMES 96 /* which begins in the middle of a block, and shares that */

static uint32_t stop_forgetting;

static void *use_own(void *number)
{
	uint64_t seed = 77 + (uintptr_t)number, base = BASE + (uintptr_t)number * OWN_FRAMES * FRAME;
	uint64_t words[OWN_FRAMES] = { 0 };
	uintptr_t wrong = 0;

	for (unsigned int i = 0; i < OWN_FRAMES; i++)
		wrong += !put_word(base + i * FRAME + 8, 0);
	for (unsigned int i = 0; i < 4000; i++) {
		unsigned int frame = random_next(&seed) % OWN_FRAMES;

		wrong += word_at(base + frame * FRAME + 8) != words[frame];
		words[frame] = random_next(&seed) >> 1;
		wrong += !put_word(base + frame * FRAME + 8, words[frame]);
	}
	return (void *)wrong;
}

static void *forget_all(void *unused)
{
	uint64_t seed = 5;

	while (!rs_load_relaxed(&stop_forgetting)) {
		rs_guest_forget(guest, BASE + random_next(&seed) % SIZE, BLOCK);
		sleep_ms(1);
	}
	return NULL;
}

static void scenario_threads(void)
{
	pthread_t threads[THREADS], forgetter;
	uintptr_t wrong = 0;

	options.cache_bytes = 3 * BLOCK;
	options.age_ms_max = 20;
	open_guest();
	pthread_create(&forgetter, NULL, forget_all, NULL);
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, use_own, (void *)i);
	for (unsigned int i = 0; i < THREADS; i++) {
		void *result;

		pthread_join(threads[i], &result);
		wrong += (uintptr_t)result;
	}
	rs_store_relaxed(&stop_forgetting, 1);
	pthread_join(forgetter, NULL);
	tap_ok(TAP_SAME(wrong, 0), "%d threads and three blocks: each finds what it wrote", THREADS);
	tap_ok(TAP_SAME(statistics().maps - statistics().unmaps,
			statistics().cached_bytes / BLOCK), "and nothing is mapped twice");
	rs_guest_close(guest);
}

/* ---- bad input ---- */

static void scenario_bad(void)
{
	struct rs_guest *other;
	uint8_t bytes[64];
	size_t done = 99;
	void *pages;

	tap_ok(rs_guest_open(&other, "nobody", NULL) == -ESRCH && !other, "no such name");
	tap_ok(rs_guest_open(&other, "4711", NULL) == -ESRCH && !other, "no such number");
	tap_ok(rs_guest_open(&other, "pv1", NULL) == -EOPNOTSUPP && says("PV"), "a PV domain");
	options.cache_bytes = BLOCK - 1;
	tap_ok(rs_guest_open(&other, "guest1", &options) == -EINVAL && says("cache_bytes"),
	       "a cache without room for a block");
	options.cache_bytes = 0;
	open_guest();
	tap_ok(rs_guest_domain(guest) == 1 && !strcmp(rs_guest_domain_name(guest), "guest1") &&
	       rs_guest_vcpu_count(guest) == 2, "who it is");
	tap_ok(TAP_SAME(rs_guest_address_max(guest), LAST_FRAME << 12 | 0xfff),
	       "the greatest address is the last frame's last byte");
	tap_ok(rs_guest_read(guest, UINT64_MAX - 3, bytes, 5, &done) == -EINVAL && !done &&
	       says("2^64"), "a length that wraps");
	tap_ok(rs_guest_read(guest, UINT64_MAX - 3, bytes, 4, &done) == -EFAULT && !done &&
	       says("beyond the end"), "the last bytes of all");
	tap_ok(rs_guest_write(guest, (LAST_FRAME + 1) << 12, bytes, 1, &done) == -EFAULT && !done &&
	       says("beyond the end"), "beyond the end of memory");
	tap_ok(rs_guest_read(guest, (LAST_FRAME << 12) + 4090, bytes, 16, &done) == -EFAULT &&
	       TAP_SAME(done, 6), "over the end of memory: up to it");
	tap_ok(rs_guest_read(guest, 0xfee00000, bytes, 4, &done) == -EFAULT && !done &&
	       says("no RAM"), "a device's page: the local APIC");
	tap_ok(!rs_guest_read(guest, 1ULL << 60, bytes, 0, &done) && !done, "nothing, anywhere");
	tap_ok(rs_guest_map(guest, BASE, 0, false, &pages) == -EINVAL && !pages,
	       "a mapping of nothing");
	tap_ok(rs_guest_map(guest, 0, 5ULL << 30, false, &pages) == -EINVAL && !pages && says("4 GiB"),
	       "a mapping of too much");
	tap_ok(rs_guest_map(guest, UINT64_MAX, 2, false, &pages) == -EINVAL && !pages,
	       "a mapping that wraps");
	tap_ok(rs_guest_map(guest, LAST_FRAME << 12, 8192, false, &pages) == -EFAULT && !pages &&
	       says("0xff000"), "a mapping over the end names the first missing frame");
	rs_guest_close(guest);
	rs_guest_close(NULL);
}

static void scenario_destroyed(void)
{
	uint64_t word;

	open_guest();
	put_word(BASE, 0x77);
	tap_ok(dom0_destroy(), "the guest is destroyed");
	tap_ok(TAP_SAME(word_at(BASE), 0x77), "what is mapped is as it was last");
	rs_guest_forget(guest, 0, UINT64_MAX);
	tap_ok(rs_guest_read(guest, BASE, &word, 8, NULL) == -ESRCH && says("exist"),
	       "then it is gone");
	rs_guest_close(guest);
}

/* ---- nothing leaks ---- */

static unsigned long lines_of(const char *path)
{
	FILE *file = fopen(path, "r");
	unsigned long lines = 0;
	int c;

	while (file && (c = getc(file)) != EOF)
		lines += c == '\n';
	if (file)
		fclose(file);
	return lines;
}

static unsigned long resident_pages(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long all, resident = 0;

	if (file && fscanf(file, "%lu %lu", &all, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return resident;
}

static void scenario_cycles(unsigned long cycles)
{
	long lines = 0, pages = 0, grown;
	bool good = true;
	void *bytes;

	open_guest();
	for (unsigned long i = 0; i < cycles && good; i++) {
		if (i == cycles / 10) {
			lines = (long)lines_of("/proc/self/maps");
			pages = (long)resident_pages();
		}
		good = !rs_guest_map(guest, BASE + i % 4096, 1 + i % 5000, i & 1, &bytes);
		rs_guest_unmap(guest, bytes, 1 + i % 5000);
	}
	tap_ok(good, "%lu ranges are mapped and unmapped", cycles);
	lines = (long)lines_of("/proc/self/maps") - lines;
	grown = (long)resident_pages() - pages;
	/* The C library may have mapped something too, in these thousands of cycles. */
	tap_ok(lines < 16 && (grown < 64 || SANITIZED),
	       "%ld mappings more are left, and %ld pages of memory", lines, grown);
	rs_guest_close(guest);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (!strcmp(name, "random"))
		scenario_random(argc > 2 ? (unsigned int)atoi(argv[2]) : 1500);
	else if (!strcmp(name, "virtual"))
		scenario_virtual();
	else if (!strcmp(name, "cache"))
		scenario_cache();
	else if (!strcmp(name, "changes"))
		scenario_changes();
	else if (!strcmp(name, "no_calls"))
		scenario_no_calls();
	else if (!strcmp(name, "threads"))
		scenario_threads();
	else if (!strcmp(name, "bad"))
		scenario_bad();
	else if (!strcmp(name, "destroyed"))
		scenario_destroyed();
	else if (!strcmp(name, "cycles"))
		scenario_cycles(argc > 2 ? strtoul(argv[2], NULL, 10) : 1000);
	else
		return 2;
	return tap_done();
}
