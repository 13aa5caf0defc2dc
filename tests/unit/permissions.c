/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* permissions.c: the tree of small numbers against a plain array of them. */
#include "altp2m/permissions.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/tap.h"

#define FRAMES 8192 /* of the array; wide enough for tables of two levels */
#define BASE 0x3fe00 /* so that the array crosses a border of the third */
#define ROUNDS 20000

static uint8_t flat[FRAMES];

static uint32_t some(uint32_t limit)
{
	return (uint32_t)rand() % limit;
}

/* Every frame, and where every run of equal ones ends. */
static bool is_like_flat(const struct rs_permissions *tree)
{
	for (uint32_t i = 0; i < FRAMES; i++) {
		uint32_t end = i;

		if (rs_permissions_get(tree, BASE + i) != flat[i])
			return TAP_SAME(rs_permissions_get(tree, BASE + i), flat[i]);
		if (i && flat[i] == flat[i - 1])
			continue;
		while (end + 1 < FRAMES && flat[end + 1] == flat[i])
			end++;
		if (rs_permissions_end(tree, BASE + i, BASE + FRAMES - 1) != BASE + end)
			return TAP_SAME(rs_permissions_end(tree, BASE + i, BASE + FRAMES - 1),
					BASE + end);
	}
	return true;
}

static void test_random(void)
{
	struct rs_permissions tree;
	bool good = true;

	srand(7);
	rs_permissions_init(&tree, 7);
	memset(flat, 7, sizeof(flat));
	for (unsigned int round = 0; round < ROUNDS && good; round++) {
		uint32_t first = some(FRAMES), length = some(round % 2 ? 3 : 1500) + 1;
		uint32_t last = first + length > FRAMES ? FRAMES - 1 : first + length - 1;
		uint32_t value = some(RS_PERMISSIONS_VALUE_MAX + 1);

		good &= !rs_permissions_set(&tree, BASE + first, BASE + last, value);
		memset(flat + first, (int)value, last - first + 1);
		if (round % 500 == 0)
			good &= is_like_flat(&tree);
	}
	tap_ok(good && is_like_flat(&tree), "%d ranges and single frames, as in an array", ROUNDS);
	tap_ok(TAP_SAME(rs_permissions_get(&tree, BASE - 1), 7) &&
		       TAP_SAME(rs_permissions_get(&tree, BASE + FRAMES), 7),
	       "their neighbours are as they were");
	rs_permissions_free(&tree);
}

static void test_limits(void)
{
	uint64_t last = RS_PERMISSIONS_GFN_LIMIT - 1;
	struct rs_permissions tree;

	rs_permissions_init(&tree, 0);
	tap_ok(!rs_permissions_set(&tree, 0, last, 5) && TAP_SAME(tree.bytes, 0) &&
		       TAP_SAME(rs_permissions_get(&tree, last), 5) &&
		       TAP_SAME(rs_permissions_end(&tree, 0, last), last),
	       "all frames at once take nothing");
	tap_ok(!rs_permissions_set(&tree, last, last, 6) &&
		       TAP_SAME(rs_permissions_get(&tree, last), 6) &&
		       TAP_SAME(rs_permissions_end(&tree, 0, last), last - 1),
	       "the last frame is an exception");
	rs_permissions_free(&tree);
}

static void test_size(void)
{
	struct rs_permissions tree;
	bool good = true;

	rs_permissions_init(&tree, 7);
	good &= !rs_permissions_set(&tree, 1000, 1000999, 1);
	tap_ok(good && tree.bytes < 32768, "a range of a million frames: %zu bytes", tree.bytes);
	for (uint64_t gfn = 1000; gfn < 1001000; gfn += 2)
		good &= !rs_permissions_set(&tree, gfn, gfn, 5);
	tap_ok(good && tree.bytes < 1 << 20, "every second one an exception: %zu bytes",
	       tree.bytes);
	rs_permissions_free(&tree);
}

int main(void)
{
	test_random();
	test_limits();
	test_size();
	return tap_done();
}
