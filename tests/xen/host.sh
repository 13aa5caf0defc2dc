#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# host.sh: `lab host`, which runs the lab's driver in the dom0 that it finds: here fakexen's.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

RINGSIDE_BUILD=$(cd "$build" && pwd)
export RINGSIDE_BUILD

# host [FAKEXEN OPTIONS] -- ARGUMENTS
host() {
	model=
	while [ "$1" != -- ]; do model="$model $1"; shift; done
	shift
	# shellcheck disable=SC2086
	on_model $model -- "$source/tests/xen/lab" host "$@"
}

# passed NAME LEAST: all checks, and so many of them.
passed() {
	check "$1: exit status 0 (was $status)" [ "$status" = 0 ]
	check "$1: $(grep -c '^ok' "$scratch/out") checks" [ "$(grep -c '^ok' "$scratch/out")" -ge "$2" ]
	grep '^not ok' "$scratch/out" | sed 's/^/# /'
}

host --domains 0 -- --test int3 --test view-own --test step
passed "a guest that it makes" 15
host --vcpus 2 --guest "$build/guests/mailbox.elf" -- --domain 1
passed "a guest that somebody else made" 300
unharmed "a guest that somebody else made"

host --domains 0 -- --test nonsense
check "no such test: exit status 2 (was $status)" [ "$status" = 2 ]
check "no such test: one line that names it" one_line
check "no such test: its name" said nonsense
host --domains 1 -- --domain 77
check "no such domain: exit status 1 (was $status)" [ "$status" = 1 ]
check "no such domain: why" grep -q '^Bail out!.*No such process' "$scratch/out"
host --domains 1 -- --domain 1 --test int3
check "another guest: exit status 1 (was $status)" [ "$status" = 1 ]
check "another guest: why" grep -q '^Bail out!.*does not run the guest' "$scratch/out"
finish
