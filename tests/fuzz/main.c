/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* main.c: gives each file of $top_srcdir/tests/fuzz/corpus/NAME to the target once, as TAP. */
#include <dirent.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_SIZE_MAX 65536

static size_t read_file(const char *path, uint8_t *bytes)
{
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file) {
		perror(path);
		exit(99);
	}
	size = fread(bytes, 1, INPUT_SIZE_MAX, file);
	fclose(file);
	return size;
}

static void run(const char *path, const char *name)
{
	static uint8_t input[INPUT_SIZE_MAX];
	size_t size = read_file(path, input);
	/* Of its exact size, so that a sanitizer sees the first byte too far. */
	uint8_t *exact = malloc(size ? size : 1);
	static unsigned int count;

	if (!exact)
		exit(99);
	memcpy(exact, input, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	printf("ok %u - %s\n", ++count, name);
	fflush(stdout);
}

static int is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	const char *source = getenv("top_srcdir");
	const char *target = strrchr(argv[0], '/');
	struct dirent **entries;
	char path[4096];
	int count;

	target = target ? target + 1 : argv[0];
	if (!strncmp(target, "lt-", 3))
		target += 3;
	for (int i = 1; i < argc; i++)
		run(argv[i], argv[i]);
	if (argc > 1)
		return 0;
	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", source ? source : ".", target);
	count = scandir(path, &entries, is_file, alphasort);
	if (count <= 0) {
		printf("Bail out! no corpus in %s\n", path);
		return 99;
	}
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s/%s", source ? source : ".",
			 target, entries[i]->d_name);
		run(path, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	printf("1..%d\n", count);
	return 0;
}
