/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench.c: `ringside bench` as it is, on a guest that runs guests/bench.S: that the program measures
 * on a real Xen too, and what it finds there.
 *
 * In the emulator a tick is an instruction, of anybody: Xen, dom0's kernel, the contestant.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/xen/driver/tests.h"

#define LINE_MAX_BYTES 32768 /* of the bench: an object with the machine in it */
#define OPTIONS "--warmup 0.01 --seconds 0.1 --repeat 1 --attempts 1"

static const char *const contestants[] = {
	"block", "classic", "hybrid", "spin", "engine", "engine-block", "engine-spin",
};
#define COUNT (sizeof(contestants) / sizeof(*contestants))
enum { BLOCK = 0, SPIN = 3, ENGINE_BLOCK = 5 };

/* What the engine may add to `block` with one processor, where nothing jitters. */
#define LIMIT_PERCENT 120

static char image[256] = "/bench.elf";

void bench_guest_beside(const char *other)
{
	const char *slash = strrchr(other, '/');

	snprintf(image, sizeof(image), "%.*sbench.elf", slash ? (int)(slash - other) + 1 : 0,
		 other);
}

static bool is_alone(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) < 2;
}

/* The number behind `key` in an object of the bench; 0: there is none. */
static uint64_t number_at(const char *object, const char *key)
{
	const char *found = strstr(object, key);

	return found ? strtoull(found + strlen(key), NULL, 10) : 0;
}

/* What a run of all contestants has printed: median ticks of each; 0: it did not measure. */
static void read_runs(FILE *from, uint64_t *ticks)
{
	static char line[LINE_MAX_BYTES];

	while (fgets(line, sizeof(line), from)) {
		const char *who = strstr(line, "\"contestant\":\"");

		if (line[0] != '{' || !who) {
			check_note("%.*s", (int)strcspn(line, "\n"), line);
			continue;
		}
		who += strlen("\"contestant\":\"");
		for (size_t i = 0; i < COUNT; i++)
			if (!strncmp(who, contestants[i], strlen(contestants[i])) &&
			    who[strlen(contestants[i])] == '"')
				ticks[i] = number_at(line, "\"rtt_ticks\":{\"p50\":");
	}
}

static bool measure(const struct guest *guest, const char *kind, uint64_t *ticks)
{
	char command[512];
	size_t at = (size_t)snprintf(command, sizeof(command), "ringside bench %s --kind %s " OPTIONS
				     " --contestant ", guest->name, kind);
	FILE *output;

	for (size_t i = 0; i < COUNT; i++)
		at += (size_t)snprintf(command + at, sizeof(command) - at, "%s%s", i ? "," : "",
				       contestants[i]);
	snprintf(command + at, sizeof(command) - at, " 2>&1");
	memset(ticks, 0, COUNT * sizeof(*ticks));
	output = popen(command, "r");
	if (!output)
		return false;
	read_runs(output, ticks);
	return !pclose(output);
}

/* Among all: with one processor a spinner's round trip is so long that it takes minutes. */
static bool has_two(void)
{
	return !is_alone();
}

static bool is_missing(void)
{
	if (!system("ringside --version >/dev/null 2>&1") && !access(image, R_OK))
		return false;
	check_skip("there is no ringside in PATH, or no guest for it", "ringside bench");
	return true;
}

static void make_guest(struct guest *guest)
{
	guest_create(guest, image, &(struct guest_options){ .vcpu_count = 1, .paused = true });
	guest_rest(guest, false);
}

/* One kind, a line for each contestant. The instrument must tell a sleeper from a spinner. */
static void cr3(struct bed *bed)
{
	struct guest guest;
	uint64_t ticks[COUNT];

	if (is_missing())
		return;
	make_guest(&guest);
	check(measure(&guest, "cr3", ticks), "ringside bench ends well");
	guest_destroy(&guest);
	for (size_t i = 0; i < COUNT; i++)
		check(ticks[i], "%-12s %7" PRIu64 " ticks for a round trip of CR3, %s",
		      contestants[i], ticks[i], is_alone() ? "one dom0 CPU" : "two dom0 CPUs");
	if (is_alone()) {
		check(100 * ticks[ENGINE_BLOCK] <= LIMIT_PERCENT * ticks[BLOCK],
		      "the engine adds no more to block than it may");
		check(ticks[SPIN] > 2 * ticks[BLOCK], "who spins on the guest's CPU is seen");
	} else {
		check(ticks[SPIN] < ticks[BLOCK], "what a sleep costs is seen");
	}
}

/* All kinds, a line for each. */
static void kinds(struct bed *bed)
{
	static const char *const names[] = { "cr3", "msr", "cpuid", "request", "breakpoint", "page" };
	struct guest guest;
	char line[200];

	if (is_missing())
		return;
	make_guest(&guest);
	for (size_t kind = 0; kind < sizeof(names) / sizeof(*names); kind++) {
		uint64_t ticks[COUNT];
		bool good = measure(&guest, names[kind], ticks);
		size_t at = 0;

		for (size_t i = 0; i < COUNT; i++) {
			at += (size_t)snprintf(line + at, sizeof(line) - at, " %s %" PRIu64,
					       contestants[i], ticks[i]);
			good &= ticks[i] != 0;
		}
		check(good, "%-10s%s", names[kind], line);
	}
	guest_destroy(&guest);
}

const struct test tests_of_bench[] = {
	{ "bench", cr3, "ringside bench: ticks for a round trip of CR3, by contestant",
	  .unattached = true, .only_if = has_two },
	{ "bench-kinds", kinds, "the same for each kind of event", .unattached = true,
	  .only_by_name = true },
	{ 0 },
};
