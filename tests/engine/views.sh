#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# views.sh: views that the user makes, on fakexen, with the model's report as the judge.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

# scenario NAME [FAKEXEN OPTIONS]: all its checks hold, and nothing is left behind.
scenario() {
	name=$1; shift
	on_model "$@" -- "$build/tests/engine/views" "$name"
	check "$name${*:+ ($*)}: $(grep -c '^ok' "$scratch/out") checks, status $status" \
		[ "$status" = 0 ]
	[ "$status" = 0 ] || sed 's/^/# /' "$scratch/out"
	unharmed "$name"
}

# hvm_ops: what the last scenario asked Xen of views, in hypercalls.
hvm_ops() { jq .hypercalls.hvm_op "$scratch/report"; }

for vcpus in 1 3; do
	scenario life --vcpus $vcpus
	scenario faults --vcpus $vcpus
done
scenario all_caught --vcpus 4 --threads 2
scenario missing
scenario renew
scenario no_altp2m --no-altp2m
scenario pool --memory 3000

scenario million --memory 4032
million=$(hvm_ops)
scenario one_more
one=$(hvm_ops)
# With what attaching, making a view, looking and detaching take.
check "a million pages: $million hypercalls" [ "$million" -le $((1000000 / 512 + 30)) ]
check "a hundred pages more: $one" [ "$one" -le 130 ]
finish
