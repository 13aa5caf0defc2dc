#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# torture.sh: some seconds of it in each mode ($TORTURE_SECONDS each, 4 by default).
. "${top_srcdir:-.}/tests/e2e/tap.sh"

# torture VCPUS OPTIONS...
torture() {
	vcpus=$1; shift
	rm -f "$scratch/report"
	status=0
	timeout -k 5 $((${TORTURE_SECONDS:-4} + 60)) "$fakexen" --report "$scratch/report" \
		--vcpus "$vcpus" --threads 2 -- "$build/tests/torture/torture" \
		--seconds "${TORTURE_SECONDS:-4}" "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
	check "torture, $vcpus vCPUs $*: status $status" [ "$status" = 0 ]
	[ "$status" = 0 ] || sed 's/^/# /' "$scratch/out"
	unharmed "torture, $vcpus vCPUs $*"
}

torture 16 --workers 4 --seed 1
torture 16 --workers 3 --seed 2 --waiting block
torture 4 --workers 1 --seed 3
torture 16 --workers 4 --seed 4 --deadline 2
finish
