#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# watches.sh: watches changed, limited and made by the dozen, with the model's report as the judge.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

vcpus=4

# scenario NAME [WORKERS [COUNT]]
scenario() {
	on_model --vcpus $vcpus --threads 2 -- "$build/tests/engine/watches" "$@"
	check "$*: $(grep -c '^ok' "$scratch/out") checks, status $status" [ "$status" = 0 ]
	[ "$status" = 0 ] || sed 's/^/# /' "$scratch/out"
	unharmed "$*"
}

for workers in 1 3; do
	for name in change mask change_inside change_by_many change_refused limit; do
		scenario $name $workers
	done
done

pauses() { jq '.hypercalls["domctl.pausedomain"]' "$scratch/report"; }
scenario many 1 10
few=$(pauses)
scenario many 3 100
check "many: as many pauses for 204 watches ($(pauses)) as for 24 ($few)" [ "$(pauses)" = "$few" ]

vcpus=16
scenario full 3
check "full: the log tells" grep -q '^# domain 1: eight events are open' "$scratch/out"
check "full: once" [ "$(grep -c 'eight events are open' "$scratch/out")" = 1 ]
vcpus=1
scenario order
check "order: the log tells of replies in vain" \
	grep -q '^# domain 1, vCPU 0: two watches replied differently' "$scratch/out"
scenario depth
scenario depth 2
finish
