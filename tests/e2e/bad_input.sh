#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# bad_input.sh: whatever is wrong gets one clear line and its exit code, soon, and the guest
# runs on.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

# refused NAME STATUS WORD: what the last run has to have come to.
refused() {
	check "$1: exit status $2 (was $status)" [ "$status" = "$2" ]
	check "$1: says '$3'" said "$3"
	check "$1: in one line" one_line
}

run "$ringside" watch guest1
refused "no Xen at all" 4 "xen"

on_model -- "$ringside" watch nobody
refused "no such domain by name" 4 "nobody"
unharmed "no such domain by name"

on_model -- "$ringside" watch 4711
refused "no such domain by number" 4 "4711"

on_model -- "$ringside" info nobody
refused "info of no such domain" 4 "nobody"

# Somebody who may not open the devices. The programs move to where he can read them.
if command -v setpriv >/dev/null && [ "$(id -u)" = 0 ]; then
	mkdir -p "$scratch/bin/.libs" "$scratch/bin/guests"
	cp "$fakexen" "$ringside" "$scratch/bin/"
	cp "$build"/.libs/libfakexen-shim.so "$scratch/bin/.libs/"
	cp "$build"/guests/worker.elf "$scratch/bin/guests/"
	run "$scratch/bin/fakexen" -- setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$scratch/bin/ringside" watch guest1
	refused "no permission" 5 "permission"
else
	skip "no permission" "needs root and setpriv"
fi

on_model --pv -- "$ringside" watch pv1
refused "a PV domain" 7 "PVH"

on_model -- sh -c '"$0" watch guest1 --quiet --seconds 3 >/dev/null & sleep 0.7
	"$0" watch guest1 --seconds 1; status=$?; wait; exit $status' "$ringside"
refused "the ring is taken" 6 "another"
unharmed "the ring is taken"

on_model -- sh -c '"$0" watch guest1 --cr3 --quiet >/dev/null & pid=$!; sleep 0.5
	"$1" 1; start=$(date +%s%N); wait $pid; status=$?
	echo $(( ($(date +%s%N) - start) / 1000000 )); exit $status' "$ringside" \
	"$build/tests/e2e/destroy"
refused "the guest is destroyed while watched" 8 "guest1\|domain 1"
took=$(tail -n 1 "$scratch/out")
check "the guest is destroyed while watched: noticed within a second ($took ms)" \
	[ "${took:-9999}" -lt 1000 ]

on_model -- sh -c '"$0" watch guest1 --cr3 --seconds 5 >/dev/full' "$ringside"
refused "a full output" 1 "space"
unharmed "a full output"

on_model -- sh -c '"$0" watch guest1 --cr3 --seconds 5 >&-' "$ringside"
refused "a closed output" 1 "output"
unharmed "a closed output"

on_model -- sh -c '{ "$0" watch guest1 --cr3 --seconds 5; echo $? >"$1/status"; } |
	head -n 2 >/dev/null' "$ringside" "$scratch"
check "a reader that goes away ends it quietly" [ ! -s "$scratch/err" ]
check "a reader that goes away is no failure" [ "$(cat "$scratch/status")" = 0 ]
unharmed "a reader that goes away"

for arguments in "" "guest1 --msr x" "guest1 --break x" "guest1 --break 5@" "guest1 --page 5" "guest1 --page 5:q" "guest1 --page 9-5:n" \
	"guest1 guest2" "guest1 --nonsense" "guest1 --count 0" "guest1 --seconds -1"; do
	run "$ringside" watch $arguments
	check "watch $arguments: a usage error" [ "$status" = 2 ]
	check "watch $arguments: one line" one_line
done

on_model -- "$ringside" watch guest1 --page 0x300:w
refused "a page that could be written and not read" 2 "page"
unharmed "a page that could be written and not read"

on_model -- "$ringside" watch guest1 --msr 0x9000
refused "an MSR outside the bitmaps" 2 "msr"
unharmed "an MSR outside the bitmaps"

on_model -- "$ringside" watch guest1 --page 0xfffffff:n
refused "a page that is not the guest's" 7 "page\|gfn\|frame"
unharmed "a page that is not the guest's"

# Releases before 4.14, and one to come.
for version in 5 8; do
	on_model --message-version $version -- "$ringside" watch guest1 --cr3
	refused "messages of version $version" 7 "version $version, and 6 and 7 (Xen 4.14"
	unharmed "messages of version $version"
done

# What an AMD processor has: neither views nor the monitor trap flag.
amd="--no-altp2m --no-capability singlestep"
on_model $amd -- "$ringside" watch guest1 --break 0x100000
check "a breakpoint on AMD: exit status 7 (was $status)" [ "$status" = 7 ]
check "a breakpoint on AMD: says why" said "cannot single-step"
unharmed "a breakpoint on AMD"
on_model $amd -- "$ringside" step guest1 0 3
refused "a step on AMD" 7 "cannot single-step\|does not report"
unharmed "a step on AMD"
on_model $amd -- "$ringside" watch guest1 --page 0x130:n --count 2 --json
check "a page on AMD: exit status 0 (was $status)" [ "$status" = 0 ]
check "a page on AMD: it is watched all the same, in the host's map" \
	[ "$(jq -r .reason "$scratch/out" | sort -u)" = mem_access ]
unharmed "a page on AMD"
finish
