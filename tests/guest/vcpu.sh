#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# vcpu.sh: registers and control on fakexen, with the model's report as the judge of what is left.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

# scenario PROGRAM [ARGUMENT] [FAKEXEN OPTIONS]
scenario() {
	program=$1 argument=$2; shift 2
	on_model "$@" -- "$build/tests/guest/$program" "$argument"
	check "$program $argument: $(grep -c '^ok' "$scratch/out") checks, status $status" \
		[ "$status" = 0 ]
	[ "$status" = 0 ] || sed 's/^/# /' "$scratch/out"
}

for part in registers control; do
	scenario vcpu $part --vcpus 2 --threads 2 --guest "$build/guests/cr3loop.elf"
	unharmed "vcpu $part"
done
scenario vcpu ram --guest "$build/guests/idle.elf"
for vcpus in 2 4; do
	scenario microvmi $vcpus --vcpus $vcpus --threads 2
	unharmed "microvmi $vcpus"
done
finish
