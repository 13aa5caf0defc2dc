#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# examples.sh: each example does what it says, on fakexen, and lets go of the guest.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

# nothing_mapped NAME: of a guest that rests, which the verdict would miss running.
nothing_mapped() {
	check "$1: no page is left mapped" [ "$(jq .mappings "$scratch/report")" = 0 ]
}

# until_said NAME PATTERN ARGUMENTS...: runs an example until it has said something, ends it as
# Ctrl-C does, and looks for the pattern. What it says comes in pieces of some KiB.
until_said() {
	example=$1 pattern=$2; shift 2
	rm -f "$scratch/said"
	on_model --vcpus 2 -- sh -c 'out=$1; shift
		"$@" >"$out" & pid=$!; tries=0
		while [ ! -s "$out" ] && [ $tries -lt 200 ]; do
			sleep 0.1; tries=$((tries + 1))
		done
		kill -INT $pid; wait $pid' - "$scratch/said" "$build/examples/$example" "$@"
	check "$example: exit status 0 (was $status)" [ "$status" = 0 ]
	check "$example: says what happens" grep -q "$pattern" "$scratch/said"
	unharmed "$example"
}

until_said cr-events 'vcpu [01]: cr3 0x11[01]000 -> 0x11[01]000 at 0x' guest1
until_said msr-events 'vcpu [01]: msr 0xc0000082 0x[0-9a-f]* -> 0x' guest1
until_said interrupt-events 'int3 at 0x10[0-9a-f]*, physical 0x10[0-9a-f]*, 1 bytes' guest1
until_said mem-events 'vcpu [01]: rw- at 0x130[0-9a-f]*, virtual 0x130' guest1 0x130
# A function of the guest stands for the entry of system calls.
until_said syscalls 'vcpu [01] cr3 0x11[01]000: system call [0-9]* (0x' guest1 0x131000

# It says what it has counted at its end. A busy machine may need more than a moment.
for seconds in 1 4 15; do
	on_model --vcpus 2 -- sh -c '"$1" guest1 & pid=$!; sleep "$0"; kill -INT $pid; wait $pid' \
		"$seconds" "$build/examples/process-switches"
	[ "$(wc -l <"$scratch/out")" != 2 ] || break
done
check "process-switches: counts both address spaces" \
	[ "$(grep -c '^cr3 0x11[01]000: [1-9][0-9]* switches' "$scratch/out")" = 2 ]
unharmed "process-switches"

on_model --guest "$build/guests/idle.elf" -- sh -c '"$1" pause guest1
	"$2" guest1 "$0/dump" && "$1" dump guest1 "$0/image" --raw; "$1" resume guest1
	cmp -n 67108864 "$0/dump" "$0/image"' "$scratch" "$ringside" "$build/examples/mem-dump"
check "mem-dump: is what ringside dump says (status $status)" [ "$status" = 0 ]
rm -f "$scratch/dump" "$scratch/image"
nothing_mapped "mem-dump"

on_model --vcpus 3 -- "$build/examples/regs-dump" guest1
check "regs-dump: each vCPU" [ "$(grep -c '^vcpu [012]: rip 0x10.* cr3 0x11' "$scratch/out")" = 3 ]
rm -f "$scratch/said"
on_model -- sh -c '"$0" guest1 5 >"$2" & while ! grep -q "is paused" "$2"; do sleep 0.1; done
	"$1" info guest1 | grep -w paused; wait $!
	"$1" info guest1 | grep -w running' "$build/examples/pause" "$ringside" "$scratch/said"
check "pause: and runs on" [ "$(grep -cw 'paused\|running' "$scratch/out")" = 2 ]
unharmed "pause"
finish
