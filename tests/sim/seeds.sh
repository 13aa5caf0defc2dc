#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# seeds.sh: some seeds of the simulator, always the same; and that a seed says the same twice.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

sim="$build/tests/sim/sim --image $build/guests/worker.elf"
seeds=${SIM_SEEDS:-250}

run $sim --first 1 --seeds "$seeds" --go-on
check "$seeds seeds without a complaint: $(tail -n 1 "$scratch/out" | sed 's/^# //')" \
	[ "$status" = 0 ]

run $sim --replay 12
mv "$scratch/out" "$scratch/once"
run $sim --replay 12
check "a seed is the same a second time: $(wc -l <"$scratch/out") lines" \
	cmp -s "$scratch/once" "$scratch/out"

for first in 1000000 1000010; do
	SIM_LOG=$scratch/log run "${top_srcdir:-.}/tests/sim/run" --seeds 10 --build "$build"
	check "tests/sim/run: ten seeds from $first on" grep -q "^$first 10 0 " "$scratch/log"
done
check "tests/sim/run: what was run adds up" grep -q '20 in all, of which 0 had' "$scratch/out"
finish
