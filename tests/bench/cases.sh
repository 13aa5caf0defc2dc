#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# cases.sh: every case of the bench runs, and it sees a handler that is slow on purpose.
. "${top_srcdir:-.}/tests/bench/bed.sh"

runs "mix of four kinds" "$events" --kind mix
runs "cpuid" "$events" --kind cpuid --contestant engine
runs "guest requests" "$events" --kind request --contestant engine
runs "no stamps" '.events > 0 and .rtt_ns == null' --kind bare --contestant spin
runs "cpu" "$events and .rtt_ns.p50 > 100000" --case cpu --handler 100000 --contestant engine
# So that the instrument can fail: a handler that sleeps 1 ms is seen by the guest.
runs "wait" "$events and .rtt_ns.p99 > 1000000" --case wait --handler 1000000 --contestant hybrid
runs "watches" "$events and .watches == 100" --case watches --watches 100 --contestant engine
runs "vcpus" "$events and .vcpus == 1" --case vcpus --vcpus 1 --contestant hybrid
runs "domains" "$events and .domains == 2" --domains 2 --case domains \
	--contestant engine,engine-set,engine-block
runs "a set with two threads" "$events and .domains == 3 and .workers == 2" --domains 3 --case domains \
	--contestant engine-set --workers 2
runs "64 domains" "$events and .domains == 64" --domains 64 --vcpus 1 --case domains \
	--contestant engine-set
runs "churn" "$events and .changes_made_per_s > 0" --case churn --changes 1000 --contestant engine
runs "burst" '.events > 0 and .events < 100' --case burst --contestant hybrid
runs "idle" '.events == 0 and .cpu_share < 0.5' --case idle --contestant engine
runs "attach" '.first_event_ns > 0' --case attach --contestant engine
runs "detach" '.detach_ns > 0' --case detach --contestant engine
for method in host emulate fast step; do
	runs "past, $method" "$events and .method == \"$method\"" --case past --method $method \
		--contestant engine
done
runs "pages" '.work_ns > 0 and .undo_ns > 0' --case pages --contestant engine
registers='.registers_ns | .event_read > 0 and .event_write > 0'
for kind in cr3 cpuid breakpoint request; do
	runs "registers, $kind" "$events and ($registers)" --case registers --kind $kind --contestant engine
done
# The context is hypercalls, the event is memory: two orders of magnitude between them, at least one.
holds "registers: by the context they cost ten times as much" \
	'.registers_ns | .context_read > 10 * .event_read and .context_write > 10 * .event_write'
# Nothing is cut off at either end of such a run, however busy the machine is.
runs "a fixed number" '.events == 100' --events 50 --contestant hybrid,engine
holds "a fixed number: a notify for each batch" '.notifies_per_event > 0 and .notifies_per_event < 1.2'
for case in deadline stuck; do
	runs "$case" "$events and .workers == 2" --case $case --contestant engine
done
runs "workers" "$events and .workers == 2" --workers 2 --contestant engine
finish
