#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# smoke.sh: the bench runs with each contestant, and bench/run with what it prints.
. "${top_srcdir:-.}/tests/bench/bed.sh"

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
runs "registers" "$events and .registers_ns.event_read > 0 and .registers_ns.context_write > 0" \
	--case registers --contestant engine
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
finish
