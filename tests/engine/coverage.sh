#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# coverage.sh: breakpoints that go when they are hit, on fakexen, with a guest that sums its code and
# the model's report as judges.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

# scenario NAME [FAKEXEN OPTIONS]: all its checks hold, and nothing is left behind.
scenario() {
	name=$1; shift
	on_model --guest "$build/guests/sums.elf" "$@" -- "$build/tests/engine/coverage" "$name"
	check "$name${*:+ ($*)}: $(grep -c '^ok' "$scratch/out") checks, status $status" \
		[ "$status" = 0 ]
	[ "$status" = 0 ] || sed 's/^/# /' "$scratch/out"
	unharmed "$name"
}

for vcpus in 1 2; do
	scenario once --vcpus $vcpus
	scenario beside --vcpus $vcpus
done
scenario fire --vcpus 4 --threads 2
scenario refused
scenario many
grep '^# placed' "$scratch/out"
# Of each page: whether it is RAM, its access three times, and shown in another's place twice.
check "two thousand pages: $(jq .hypercalls.hvm_op "$scratch/report") hypercalls" \
	[ "$(jq .hypercalls.hvm_op "$scratch/report")" -le 22000 ]
finish
