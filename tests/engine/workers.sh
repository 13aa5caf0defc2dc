#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# workers.sh: several threads on one engine, with the model's report as the judge.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

# scenario VCPUS NAME [WORKERS [WAITING]]
scenario() {
	vcpus=$1; shift
	on_model --vcpus "$vcpus" --threads 2 -- "$build/tests/engine/workers" "$@"
	check "$* ($vcpus vCPUs): $(grep -c '^ok' "$scratch/out") checks, status $status" \
		[ "$status" = 0 ]
	[ "$status" = 0 ] || sed 's/^/# /' "$scratch/out"
	unharmed "$*"
}

for workers in 1 4; do
	for name in storm waiting_handlers later later_inside pull pull_many detach_under_load \
			idle; do
		scenario 4 $name $workers
	done
done
scenario 4 stuck 2
scenario 4 stuck 2 block
scenario 4 mutual 4
scenario 4 filters 2
scenario 4 filters 1
scenario 4 record 1
scenario 8 stopped 4
scenario 2 detach_inside 2
scenario 4 loop 1
scenario 16 storm 4 block
scenario 16 pull 4 block
scenario 2 storm 2 spin
scenario 4 waiting_handlers 4 block

# set DOMAINS THREADS: many domains, served by some threads.
set_of() {
	on_model --domains "$1" --memory 8 --threads 2 -- "$build/tests/engine/set" "$1" "$2"
	check "set of $1 domains, $2 threads: $(grep -c '^ok' "$scratch/out") checks, status $status" \
		[ "$status" = 0 ]
	[ "$status" = 0 ] || sed 's/^/# /' "$scratch/out"
	unharmed "set of $1 domains"
}
set_of 8 2
set_of 32 3
set_of 3 1
finish
