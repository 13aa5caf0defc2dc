#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# memory.sh: a guest's memory on fakexen, with the model's report as the judge of what is left.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

# scenario NAME [ARGUMENT]: all its checks hold, and nothing is left behind.
scenario() {
	on_model --vcpus 2 --pv --guest "$build/guests/idle.elf" -- \
		"$build/tests/guest/memory" "$@"
	check "$*: $(grep -c '^ok' "$scratch/out") checks, status $status" [ "$status" = 0 ]
	[ "$status" = 0 ] || sed 's/^/# /' "$scratch/out"
	check "$*: no page is left mapped" [ "$(jq .mappings "$scratch/report")" = 0 ]
}

for name in random virtual cache changes no_calls threads bad destroyed; do
	scenario $name
done
scenario cycles 5000

# What it costs is not for here to judge; that it can be measured is.
on_model --guest "$build/guests/idle.elf" -- "$build/tests/guest/speed" 16 1000
check "the measuring program measures" [ "$(jq .maps_while_warm "$scratch/out")" = 0 ]
check "beside it what the processor takes of it" [ "$(jq '.read_near_ns > 0 and .plain_far_ns > 0 and
	.mapped_far_depending_ns > 0' "$scratch/out")" = true ]
finish
