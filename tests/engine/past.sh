#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# past.sh: ways past a page fault, on fakexen, with the model's report as the judge.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

# scenario NAME [FAKEXEN OPTIONS]: all its checks hold, and nothing is left behind.
scenario() {
	name=$1; shift
	on_model "$@" -- "$build/tests/engine/past" "$name"
	check "$name${*:+ ($*)}: $(grep -c '^ok' "$scratch/out") checks, status $status" \
		[ "$status" = 0 ]
	[ "$status" = 0 ] || sed 's/^/# /' "$scratch/out"
	unharmed "$name"
}

for name in deadly given default several executed crossing forged replies; do
	scenario $name
done
finish
