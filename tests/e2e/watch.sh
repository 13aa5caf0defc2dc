#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# watch.sh: `ringside watch` and `info` do what their manual says, on the default guest.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

data=0x130 code=0x131   # guests/map.h: the pages that worker.S reads, writes and calls

# goes_on OPTIONS...: the guest gets past what is watched: it switches CR3 in every round, so
# one that hangs on an instruction, reporting it for ever, does so no more.
goes_on() {
	on_model -- "$ringside" watch guest1 --cr3 "$@" --count 400 --seconds 10 --json
	check "$*: the guest goes on while it is watched" \
		[ "$(tail -n 100 "$scratch/out" | jq -r .reason | grep -c write_ctrlreg)" -ge 5 ]
	check "$*: and its other events come too" \
		[ "$(jq -r .reason "$scratch/out" | grep -vc write_ctrlreg)" -ge 5 ]
}

# reports NAME REASON OPTIONS...: --json shows events of that reason, the guest unharmed.
reports() {
	name=$1 reason=$2; shift 2
	on_model -- "$ringside" watch guest1 "$@" --count 20 --seconds 10 --json
	check "$name: exit status 0 (was $status)" [ "$status" = 0 ]
	check "$name: 20 events" [ "$(wc -l <"$scratch/out")" = 20 ]
	check "$name: all of them $reason" [ "$(jq -r .reason "$scratch/out" | sort -u)" = "$reason" ]
	unharmed "$name"
}

reports cr3 write_ctrlreg --cr3
check "cr3: from one root to another" \
	sh -c 'jq -e "select(.index != 1 or .new == .old)" "$0" >/dev/null; [ $? = 4 ]' "$scratch/out"
reports cr4 write_ctrlreg --cr4
reports xcr0 write_ctrlreg --xcr0
reports msr mov_to_msr --msr 0xc0000082
check "msr: its index" [ "$(jq -r .msr "$scratch/out" | sort -u)" = 0xc0000082 ]
reports breakpoint software_breakpoint --breakpoint
reports "break" software_breakpoint --break 0x131000
check "break: at that address, and the guest's own INT3 is its own" \
	[ "$(jq -r .rip "$scratch/out" | sort -u)" = 0x131000 ]
reports "break in an address space" software_breakpoint --break 0x131000@0x110000
reports cpuid cpuid --cpuid
reports descriptor descriptor_access --descriptor
reports guest-request guest_request --guest-request
reports "page, nothing allowed" mem_access --page $data:n
reports "page, execution only closed" mem_access --page $code:rw
check "page, execution only closed: X and nothing else" \
	[ "$(jq -r '.access % 8' "$scratch/out" | sort -u)" = 4 ]
reports "page, writes closed" mem_access --page $data:r
reports "two pages" mem_access --page $data-$code:n

goes_on --msr 0xc0000082
goes_on --breakpoint
goes_on --cpuid
goes_on --descriptor
goes_on --guest-request
goes_on --page $data:n
goes_on --page $data:r
goes_on --page $code:rw

# That the byte is still there is looked at each time, in what is mapped of the guest.
on_model -- "$ringside" watch guest1 --breakpoint --count 1000 --seconds 30 --quiet
mapped=$(jq .mapped "$scratch/report")
check "1000 breakpoints of the guest's own: no page is mapped for each ($mapped)" [ "$mapped" -lt 500 ]

on_model --no-altp2m -- "$ringside" watch guest1 --page $data:n --count 20 --seconds 10 --json
check "page without altp2m: 20 events" [ "$(wc -l <"$scratch/out")" = 20 ]
unharmed "page without altp2m"

on_model --vcpus 4 -- "$ringside" watch guest1 --cr3 --msr 0xc0000082 --breakpoint --cpuid \
	--page $data-$code:n --descriptor --guest-request --cr4 --seconds 2 --quiet
check "everything at once on 4 vCPUs (status $status)" [ "$status" = 0 ]
check "everything at once: a summary" grep -q ' events in ' "$scratch/out"
check "everything at once: how long each kind took" \
	[ "$(grep -c '^[a-z_]* [0-9]*: handler p50 .* us; queued p50 .* us' "$scratch/out")" = 7 ]
check "everything at once: the events of each vCPU" \
	grep -q '^vCPU 0 [0-9]*, 1 [0-9]*, 2 [0-9]*, 3 [0-9]*$' "$scratch/out"
check "everything at once: one open at a time is no news" \
	sh -c "! grep -q 'open at once' '$scratch/out'"
unharmed "everything at once on 4 vCPUs"

on_model --vcpus 2 -- "$ringside" watch guest1 --cr3 --deadline 60000 --count 20
check "with a deadline there are two workers" [ "$status" = 0 ]
check "and none is missed" grep -q '^2 workers' "$scratch/out"
unharmed "with a deadline"
run "$ringside" watch guest1 --cr3 --workers 1 --deadline 50
check "a deadline with one worker is refused" [ "$status" = 2 ]

on_model --domains 2 -- "$ringside" watch 2 --cr3 --count 5
check "a domain by its number" [ "$status" = 0 ]
check "text: a line an event, and a summary" [ "$(grep -c 'cr3\|CR3' "$scratch/out")" -ge 5 ]

# Up to its end, so that some come while the engine is being freed.
for command in 'watch guest1 --cr3 --breakpoint' 'trace guest1 --pages 0x100-0x1ff'; do
	on_model -- sh -c '"$0" '"$command"' >/dev/null & pid=$!; sleep 0.5; n=0
		while [ $n -lt 20000 ] && kill -INT $pid 2>/dev/null; do n=$((n + 1)); done
		wait $pid' "$ringside"
	check "${command%% *}: SIGINT, again and again: exit status 0 (was $status)" [ "$status" = 0 ]
	unharmed "${command%% *}: SIGINT, again and again"
done
for signal in INT TERM HUP; do
	on_model -- sh -c '"$0" watch guest1 --cr3 --breakpoint --page '$data':n --quiet & pid=$!
		sleep 0.5; kill -'$signal' $pid; kill -'$signal' $pid; wait $pid' "$ringside"
	check "SIG$signal, twice: exit status 0 (was $status)" [ "$status" = 0 ]
	unharmed "SIG$signal, twice"
done

on_model -- "$ringside" watch guest1 --cr3 --table --seconds 1.5
check "--table: plain lines where there is no terminal" \
	sh -c 'grep -q "^cr3 " "$0" && ! grep -q "$(printf "\033")" "$0"' "$scratch/out"

on_model -- "$ringside" info guest1
check "info: exit status 0" [ "$status" = 0 ]
check "info: says what can be watched" grep -q 'can be watched.*breakpoint' "$scratch/out"
check "info: altp2m is there" grep -q 'altp2m  *yes' "$scratch/out"
on_model --no-altp2m -- "$ringside" info guest1
check "info: altp2m is off, with its cure" grep -q 'altp2m  *no: .*altp2m=' "$scratch/out"

run "$ringside" --version
check "--version" grep -q '^ringside [0-9]' "$scratch/out"
for command in "" watch info decode; do
	run "$ringside" $command --help
	check "ringside $command --help" [ "$status" = 0 -a -s "$scratch/out" ]
done

finish
