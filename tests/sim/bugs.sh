#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# bugs.sh: the simulator finds each of the bugs that are planted in it (tests/sim/plant.c) within
# 10 thousand seeds, which are a minute of one processor; and cuts down the seed that shows one.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

sim="$build/tests/sim/sim --image $build/guests/worker.elf"

for bug in $($sim --bugs); do
	run $sim --plant "$bug" --seeds 10000
	check "$bug is found: $(grep -m 1 '^# seed' "$scratch/out" | sed 's/^# //')" \
		[ "$status" = 1 ]
done

run $sim --plant sources-last --shrink 5
check "a seed is cut down: $(sed -n 2p "$scratch/out")" \
	sh -c 'tail -n 1 "$1" | grep -q "an intercept is left"' - "$scratch/out"
finish
