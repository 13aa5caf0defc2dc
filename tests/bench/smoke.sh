#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# smoke.sh: every case of the bench runs, at a size that proves nothing about speed, and the
# bench sees a handler that is slow on purpose.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

guest=$build/guests/bench.elf
seconds=0.03

# bench [--domains N] OPTIONS...: on a guest of two vCPUs; the objects are in $scratch/out.
bench() {
	domains=1 names=guest1
	if [ "$1" = --domains ]; then domains=$2 names=$(seq -f guest%g -s ' ' "$2"); shift 2; fi
	# shellcheck disable=SC2086
	on_model --vcpus 2 --domains "$domains" --guest "$guest" -- "$ringside" bench --repeat 1 \
		--attempts 1 --warmup 0.01 --seconds "$seconds" "$@" $names
}

# meets CONDITION: of every object that was printed, and there are some.
meets() { jq -es "length > 0 and all(.[]; $1)" <"$scratch/out" >/dev/null 2>&1; }

# holds NAME CONDITION
holds() {
	check "$1" meets "$2"
}

# runs NAME CONDITION OPTIONS...: on a busy machine nothing may happen in so short a time, so what
# does not hold gets one longer run.
runs() {
	name=$1 condition=$2; shift 2
	bench "$@"
	meets "$condition" || { seconds=1; bench "$@"; seconds=0.03; }
	check "$name: exit status 0 (was $status)" [ "$status" = 0 ]
	holds "$name: $condition" "$condition"
	unharmed "$name"
}

events='.events > 0 and .events_per_s > 0 and .rtt_ns.p50 > 0 and .rtt_ns.p50 <= .rtt_ns.p99'

bench --list
check "--list: cases, kinds, contestants" [ "$(grep -c ':$' "$scratch/out")" = 3 ]

runs "null" "$events" --contestant block,hybrid,spin,classic,engine,engine-block,engine-spin
check "null: each contestant once" \
	[ "$(jq -r .contestant "$scratch/out" | sort -u | wc -l)" = 7 ]
holds "null: the keys that are promised" '. as $run | all("bed", "case", "kind", "contestant",
	"vcpus", "workers", "domains", "watches", "think_ns", "handler_ns", "events", "events_per_s",
	"rtt_ns", "cpu_ns_per_event", "syscalls_per_event", "notifies_per_event", "batch", "rejected",
	"seed", "machine"; . as $key | $run | has($key))'
holds "null: the model's figures are called the model's" \
	'.bed == "fakexen" and (.machine | has("xen") | not)'
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
# Nothing is cut off at either end of such a run, however busy the machine is.
runs "a fixed number" '.events == 100' --events 50 --contestant hybrid,engine
holds "a fixed number: a notify for each batch" '.notifies_per_event > 0 and .notifies_per_event < 1.2'
bench --case watches --contestant block
holds "what a contestant cannot do is said" '.not_yet and (has("events_per_s") | not)'

bench --histogram "$scratch/histogram" --contestant hybrid
check "--histogram: percentiles" grep -q '^#.Max' "$scratch/histogram"
run "$fakexen" -- "$ringside" bench guest1
check "another guest: refused with its reason" said 'does not run the bench'
run "$ringside" bench guest1 --kind nothing
check "an unknown kind: exit status 2 (was $status)" [ "$status" = 2 ]

run "$source/bench/run" --build "$build" --no-pin --case null --kind cr3 --contestant hybrid,engine \
	--vcpus 1,2 --think 3000 --repeat 1 --seconds 0.02 --attempts 1 --json "$scratch/json"
check "bench/run: exit status 0 (was $status)" [ "$status" = 0 ]
check "bench/run: a table that says it is the model's" grep -q 'not times of Xen' "$scratch/out"
check "bench/run: a line each in --json" [ "$(wc -l <"$scratch/json")" = 4 ]
run "$ringside" bench --compare "$scratch/json" "$scratch/json"
check "--compare: a file is not better than itself" grep -q '^0 better, 0 worse' "$scratch/out"
if /usr/bin/python3 -c 'import matplotlib' 2>/dev/null; then
	run "$ringside" bench --report "$scratch/page.html" "$scratch/json"
	check "--report: a page with plots" grep -q '<svg' "$scratch/page.html"
	check "--report: no title calls the model Xen" sh -c '! grep -q "(on Xen)" "$0"' "$scratch/page.html"
else
	skip "--report" "python3-matplotlib is not installed"
fi
runs "workers" "$events and .workers == 2" --workers 2 --contestant engine
finish
