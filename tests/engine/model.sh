#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# model.sh: the engine's scenarios on fakexen, each with the model's report as its judge.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

# scenario NAME [FAKEXEN OPTIONS], of $program: all its checks hold, and nothing is left behind.
scenario() {
	name=$1; shift
	on_model "$@" -- "$build/tests/engine/$program" "$name"
	check "$name${*:+ ($*)}: $(grep -c '^ok' "$scratch/out") checks, status $status" \
		[ "$status" = 0 ]
	[ "$status" = 0 ] || sed 's/^/# /' "$scratch/out"
	unharmed "$name"
}

program=model
for vcpus in 1 4; do
	for name in kinds pages give_back registers executed steps emulate interrupt; do
		scenario $name --vcpus $vcpus --threads 2
	done
done
for name in deny inject step_everything refused resets; do
	scenario $name
done
scenario no_cpuid --no-capability cpuid

program=life
for vcpus in 1 4; do
	scenario unwatch --vcpus $vcpus --threads 2
	scenario detach --vcpus $vcpus --threads 2
done
scenario waiting
scenario taken
scenario detach --vcpus 16 --threads 2
finish
