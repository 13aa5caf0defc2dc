#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# breakpoints.sh: breakpoints that the engine places, on fakexen, with a guest that sums its code
# and the model's report as judges.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

# scenario NAME [FAKEXEN OPTIONS]: all its checks hold, and nothing is left behind.
scenario() {
	name=$1; shift
	on_model --guest "$build/guests/sums.elf" "$@" -- "$build/tests/engine/breakpoints" "$name"
	check "$name${*:+ ($*)}: $(grep -c '^ok' "$scratch/out") checks, status $status" \
		[ "$status" = 0 ]
	[ "$status" = 0 ] || sed 's/^/# /' "$scratch/out"
	unharmed "$name"
}

for vcpus in 1 2; do
	scenario few --vcpus $vcpus
	scenario written --vcpus $vcpus
	scenario ways --vcpus $vcpus
	scenario replies --vcpus $vcpus
	scenario fire --vcpus $vcpus
done
scenario thousand --vcpus 2 --threads 2
scenario refresh
scenario visible --no-altp2m
scenario visible --no-altp2m --vcpus 2
scenario refused
scenario middle
scenario stale --vcpus 2
scenario remapped
finish
