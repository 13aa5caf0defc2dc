#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# trace.sh: `ringside trace` shows which pages and which blocks a guest executes, each once.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

sums=$build/guests/sums.elf # guests/map.h: functions of 16 bytes in the pages 0x132 to 0x135

# found WHAT: how many lines say so, and how many different ones.
lines() { grep -c "^$1 " "$scratch/out"; }
different() { grep "^$1 " "$scratch/out" | cut -d' ' -f2 | sort -u | wc -l; }

for vcpus in 1 2; do
	on_model --vcpus $vcpus --guest "$sums" -- "$ringside" trace guest1 --pages 0x100-0x1ff \
		--seconds 1.5
	check "pages, $vcpus vCPUs: exit status 0 (was $status)" [ "$status" = 0 ]
	check "pages, $vcpus vCPUs: those of the functions" \
		[ "$(grep -c '^page 0x13[2345] ' "$scratch/out")" = 4 ]
	check "pages, $vcpus vCPUs: each once" [ "$(lines page)" = "$(different page)" ]
	check "pages, $vcpus vCPUs: a summary" \
		grep -q "^$(lines page) of 256 pages executed$" "$scratch/out"
	check "pages, $vcpus vCPUs: a fault each, and one of each vCPU at most" \
		[ "$(jq '.domains[0].requests' "$scratch/report")" -le $(($(lines page) * vcpus)) ]
	unharmed "pages, $vcpus vCPUs"
done

for i in $(seq 0 199); do printf '%#x 16\n' $((0x132000 + i * 16)); done >"$scratch/blocks"
printf '# not there\n0x8000000000\n\n0x101234 4 # never executed, being no instruction of the guest\n' \
	>>"$scratch/blocks"
on_model --guest "$sums" -- "$ringside" trace guest1 --blocks "$scratch/blocks" --count 200 \
	--seconds 20 --drcov "$scratch/cov"
check "blocks: exit status 0 (was $status)" [ "$status" = 0 ]
check "blocks: each once" [ "$(lines block) $(different block)" = "200 200" ]
check "blocks: a summary" \
	grep -q '^200 of 201 blocks executed, in 2 pages; 1 are mapped nowhere$' "$scratch/out"
unharmed "blocks"
check "drcov: its head" \
	[ "$(head -n 4 "$scratch/cov" | head -c 160 | tr '\n' '|' | cut -d'|' -f1,3)" = \
	"DRCOV VERSION: 2|Module Table: version 2, count 2" ]
check "drcov: as many blocks" grep -aq '^BB Table: 200 bbs$' "$scratch/cov"
check "drcov: eight bytes each" [ "$(($(sed -n '/^BB Table/,$p' "$scratch/cov" | wc -c) - 18))" -ge 1600 ]
on_model --guest "$sums" -- "$ringside" trace guest1 --blocks "$scratch/blocks" --cr3 0x111000 \
	--seconds 0.5 --quiet
check "blocks of another address space: none" grep -q '^0 of 201 blocks' "$scratch/out"
unharmed "blocks of another address space"

on_model --no-altp2m -- "$ringside" trace guest1 --pages 0x100-0x1ff --seconds 0.2
check "pages without altp2m: exit status 7 (was $status)" [ "$status" = 7 ]
echo "0x132000 nonsense" >"$scratch/wrong"
run "$ringside" trace guest1 --blocks "$scratch/wrong"
check "a wrong line: exit status 3 (was $status)" [ "$status" = 3 ]
check "a wrong line: which" said 'wrong:1: '
for arguments in "" "guest1" "guest1 --pages x" "guest1 --pages 5-4" "guest1 --pages 1 --cr3 2" \
	"guest1 --pages 1 --blocks x" "guest1 --pages 1 more" "guest1 --count 0 --pages 1" "--nonsense"; do
	run "$ringside" trace $arguments
	check "trace $arguments: a usage error" [ "$status" = 2 ]
	check "trace $arguments: one line" one_line
done
run "$ringside" trace --help
check "trace --help" [ "$status" = 0 -a -s "$scratch/out" ]
finish
