#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# deadlines.sh: events that stay open for too long, with the model's report as the judge.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

# scenario NAME [WORKERS]
scenario() {
	on_model --vcpus 4 --threads 2 -- "$build/tests/engine/deadlines" "$@"
	check "$*: $(grep -c '^ok' "$scratch/out") checks, status $status" [ "$status" = 0 ]
	[ "$status" = 0 ] || sed 's/^/# /' "$scratch/out"
	unharmed "$*"
}

scenario options
scenario stuck 2
scenario stuck 4
scenario others 2
scenario others 3
scenario all_stuck 2
scenario all_stuck 3
scenario asynchronous 2
scenario tell 2
scenario forgotten 1
scenario forgotten 3
scenario late_and_kept 2
scenario replied 2
finish
