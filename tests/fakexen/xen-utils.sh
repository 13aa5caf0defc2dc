#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# xen-utils.sh: Xen's own tools, as Debian ships them, on the model: what nobody here wrote
# is the best test that it tells the truth. They come out of the package xen-utils-4.17,
# unpacked into a cache (nothing is installed, no daemon runs).
#
# XEN_UTILS_MODES: the modes of xen-access to try; "all" for those with altp2m too, which make a
# hypercall for each of a million frame numbers before they begin.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

release=4.17
modes=${XEN_UTILS_MODES:-write exec breakpoint debug cpuid desc_access write_ctrlreg_cr4}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ringside
tools=$cache/xen-utils/usr/lib/xen-$release/bin

# fetch_tools: 0, or 1 with the reason in $why.
fetch_tools() {
	[ -x "$tools/xen-access" ] && return 0
	mkdir -p "$cache" || { why="cannot write to $cache"; return 1; }
	command -v dpkg-deb >/dev/null && command -v apt-get >/dev/null ||
		{ why="no apt-get and dpkg-deb"; return 1; }
	(cd "$cache" && apt-get download -q "xen-utils-$release") >"$scratch/fetch" 2>&1 ||
		{ why="apt-get download xen-utils-$release: $(tail -n 1 "$scratch/fetch")"; return 1; }
	rm -rf "$cache/unpacking"
	dpkg-deb -x "$cache/xen-utils-$release"_*.deb "$cache/unpacking" >"$scratch/fetch" 2>&1 &&
		mv "$cache/unpacking" "$cache/xen-utils" ||
		{ why="dpkg-deb: $(tail -n 1 "$scratch/fetch")"; return 1; }
	[ -x "$tools/xen-access" ] || { why="the package has no xen-access"; return 1; }
}

if ! fetch_tools; then
	echo "1..0 # SKIP $why"
	exit 0
fi
ldd "$tools/xen-access" | grep -q 'not found' &&
	{ echo "1..0 # SKIP xen-access needs libraries of another release"; exit 0; }

# Inside fakexen: runs xen-access until it has printed such a line (and half a second more),
# or for so long, and then interrupts it.
cat >"$scratch/watch" <<'END'
stdbuf -oL "$1" 1 "$2" >"$3" 2>"$4" & pid=$!
until grep -q "$5" "$3" || [ "$6" = 0 ] || ! kill -0 "$pid" 2>/dev/null; do
	sleep 0.2
	set -- "$1" "$2" "$3" "$4" "$5" "$(($6 - 1))"
done
sleep 0.5
kill -INT "$pid"; sleep 0.3; kill -KILL "$pid"
END

# access MODE GUEST SECONDS LINE KIND: xen-access in that mode, for so long at most: it prints
# such a line, and the model has made events of that kind. Its own teardown races, and so is
# no oracle: neither its exit status nor what it leaves behind counts.
access() {
	case " $modes " in *" all "*|*" $1 "*) ;; *) return 0 ;; esac
	rm -f "$scratch/report"
	: >"$scratch/out"
	timeout -k 5 "$(($3 + 20))" "$fakexen" --vcpus 2 --report "$scratch/report" \
		--guest "$build/guests/$2.elf" -- sh "$scratch/watch" "$tools/xen-access" "$1" \
		"$scratch/out" "$scratch/err" "$4" "$(($3 * 5))" >/dev/null 2>&1 </dev/null || true
	check "xen-access $1: prints '$4'" grep -q "$4" "$scratch/out"
	check "xen-access $1: events of kind $5" \
		[ "$(jq ".domains[0].events.$5 // 0" "$scratch/report" 2>/dev/null || echo 0)" -gt 0 ]
	check "xen-access $1: the domain lives" \
		[ "$(jq -r '.domains[0].state' "$scratch/report")" = alive ]
}

access write worker 10 'PAGE ACCESS: [r-]w-' mem_access
access exec worker 10 'PAGE ACCESS: --x' mem_access
access breakpoint worker 10 'Breakpoint: rip=' software_breakpoint
access debug debug 10 'Debug exception: rip=' debug_exception
access cpuid worker 10 'CPUID executed: rip=' cpuid
access desc_access worker 10 'Descriptor access: rip=' descriptor_access
access write_ctrlreg_cr4 worker 10 'reg=CR4' write_ctrlreg
access altp2m_write worker 120 'PAGE ACCESS: [r-]w-' mem_access
access altp2m_exec worker 120 'PAGE ACCESS: --x' mem_access
access altp2m_write_no_gpt worker 120 'PAGE ACCESS: --x' mem_access

on_model -- "$tools/xen-hvmctx" 1
check "xen-hvmctx: exit status 0 (was $status)" [ "$status" = 0 ]
check "xen-hvmctx: the processor's record" grep -q 'CPU:.*rax' "$scratch/out"
check "xen-hvmctx: the local APIC's record" grep -q 'LAPIC' "$scratch/out"
finish
