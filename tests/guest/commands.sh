#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# commands.sh: ringside read, regs, step, pause, resume and dump, on fakexen.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

# nothing_mapped NAME: of a guest that rests, which the verdict would miss running.
nothing_mapped() {
	check "$1: no page is left mapped" [ "$(jq .mappings "$scratch/report")" = 0 ]
}

idle="--guest $build/guests/idle.elf"

# script [FAKEXEN OPTIONS] -- TEXT: a shell in dom0, with $ringside, $scratch and $fill.
script() {
	options=
	while [ "$1" != -- ]; do options="$options $1"; shift; done
	on_model $options -- env ringside="$ringside" scratch="$scratch" \
		fill="$build/tests/guest/fill" sh -c "$2"
}

on_model $idle -- "$ringside" read guest1 0x100000 40
check "read: a hexdump of three lines" [ "$(wc -l <"$scratch/out")" = 3 ]
check "read: each with its address" grep -q '^0000000000100020 ' "$scratch/out"
on_model $idle -- "$ringside" read guest1 0x100000 40 --cr3 0x110000
check "read --cr3: of a virtual address" grep -q '^0000000000100020 ' "$scratch/out"
on_model $idle -- "$ringside" read guest1 0x3fffff0 32
check "read: up to a hole, exit status 7 (was $status)" [ "$status" = 7 ]
check "read: what is before it" [ "$(wc -l <"$scratch/out")" = 1 ]
check "read: the frame is named" said 0x4000
on_model $idle -- "$ringside" read guest1 0x7f0000000000 8 --cr3 0x110000
check "read --cr3: mapped nowhere, with the level" said 'level 4'
on_model $idle -- "$ringside" read guest1 0xfffffffffffffff8 16
check "read: a length that wraps, exit status 2 (was $status)" [ "$status" = 2 ]

on_model --vcpus 3 -- "$ringside" regs guest1
check "regs: each vCPU" [ "$(grep -c ^vcpu "$scratch/out")" = 3 ]
on_model --vcpus 3 -- "$ringside" regs guest1 2 --json
check "regs --json: one of them" [ "$(jq -r '.vcpu, .cs.selector' "$scratch/out" | head -n 1)" = 2 ]
check "regs --json: in 64-bit mode" [ "$(($(jq -r .efer "$scratch/out") & 0x400))" != 0 ]
on_model -- "$ringside" regs guest1 7
check "regs: a vCPU that does not exist, exit status 4 (was $status)" [ "$status" = 4 ]
check "regs: which is named" said 'vCPU 7'

script -- '"$ringside" pause guest1; "$ringside" info guest1 | grep -w paused
	"$ringside" resume guest1 && "$ringside" info guest1 | grep -w running
	"$ringside" resume guest1'
check "pause, resume" [ "$(wc -l <"$scratch/out")" = 2 ]
check "resume: once too often fails" [ "$status" = 1 ]
check "resume: and says why" said 'not paused'
unharmed "pause, resume"

# All of a guest that stands still: its raw image, and what is read of it.
script $idle -- '"$ringside" pause guest1; cd "$scratch"
	"$ringside" dump guest1 image --raw && "$ringside" dump guest1 core &&
	"$ringside" read guest1 0 0x4000000 --raw >read && cmp -n 67108864 image read
	status=$?; "$ringside" resume guest1; exit $status'
check "dump --raw: what is read (exit status $status)" [ "$status" = 0 ]
check "dump --raw: addresses are offsets" [ "$(stat -c %s "$scratch/image")" = $((0xff000000)) ]
check "dump --raw: zeros take no room" [ "$(stat -c %b "$scratch/image")" -lt 16384 ]
readelf -lWn "$scratch/core" >"$scratch/elf" 2>&1
check "dump: an ELF core with a note for the vCPU" grep -q NT_PRSTATUS "$scratch/elf"
segment=$(grep -m 1 'LOAD' "$scratch/elf")
check "dump: its first segment is the RAM, at its address" \
	sh -c 'set -- $1; [ "$3" = 0x0000000000000000 ] && [ "$4" = 0x0000000000000000 ] &&
	[ "$5" = 0x4000000 ]' - "$segment"
offset=$(set -- $segment; echo $(($2)))
check "dump: and holds it" cmp -n 67108864 -i "$offset:0" "$scratch/core" "$scratch/image"
nothing_mapped "dump"
if command -v gdb >/dev/null; then
	gdb -batch -nx -ex 'x/2xb 0x100000' "$scratch/core" >"$scratch/gdb" 2>/dev/null ||
		gdb -batch -nx -ex "core-file $scratch/core" -ex 'x/2xb 0x100000' >"$scratch/gdb" 2>&1
	check "dump: gdb reads it" grep -q '^0x100000:.*0x' "$scratch/gdb"
else
	skip "dump: gdb reads it" "no gdb"
fi
rm -f "$scratch/image" "$scratch/core" "$scratch/read"

# In several runs of RAM, with data in each piece of it, which several threads take.
script --memory 90 $idle -- '"$ringside" pause guest1; cd "$scratch"
	"$fill" guest1 && "$ringside" dump guest1 image --raw && "$ringside" dump guest1 core &&
	"$ringside" read guest1 0 0x5a00000 --raw >read && cmp -n 94371840 image read
	status=$?; "$ringside" resume guest1; exit $status'
check "dump --raw: of much data, what is read (exit status $status)" [ "$status" = 0 ]
check "dump --raw: of much data, its pages of zeros take no room" \
	[ "$(stat -c %b "$scratch/image")" -lt 156000 ]
offset=$(($(readelf -lWn "$scratch/core" | awk '/LOAD/ { print $2; exit }')))
check "dump: of much data, holds it" \
	cmp -n 94371840 -i "$offset:0" "$scratch/core" "$scratch/image"
nothing_mapped "dump, of much data"
rm -f "$scratch/image" "$scratch/core" "$scratch/read"

script $idle -- 'ulimit -f 8; "$ringside" dump guest1 "$scratch/full" --raw'
check "dump: a file that may not grow, exit status 1 (was $status)" [ "$status" = 1 ]
check "dump: says so" said 'too large'
check "dump: leaves nothing" [ ! -e "$scratch/full" -a ! -e "$scratch/full.part" ]
if mkdir "$scratch/disk" && mount -t tmpfs -o size=16k none "$scratch/disk" 2>/dev/null; then
	script $idle -- '"$ringside" dump guest1 "$scratch/disk/full"'
	check "dump: a full disk, exit status 1 (was $status)" [ "$status" = 1 ]
	check "dump: says so" said 'space'
	check "dump: leaves nothing there" [ -z "$(ls "$scratch/disk")" ]
	umount "$scratch/disk"
else
	skip "dump: a full disk" "no tmpfs can be mounted"
fi
on_model $idle -- "$ringside" dump guest1 /dev/null
check "dump: to what is no file" said 'no regular file'

# Each hypercall takes 2 ms, so that it is interrupted before it ends.
script --hypercall-ns 2000000 $idle -- '"$ringside" dump guest1 "$scratch/half" & pid=$!
	while [ ! -e "$scratch/half.part" ]; do sleep 0.01; done
	kill -INT $pid; wait $pid'
check "dump: interrupted, exit status 1 (was $status)" [ "$status" = 1 ]
check "dump: says so" said 'interrupted'
check "dump: leaves nothing" [ ! -e "$scratch/half" -a ! -e "$scratch/half.part" ]
nothing_mapped "dump, interrupted"

# Each line's address is behind the one before, or that one was a jump.
on_model --vcpus 2 -- "$ringside" step guest1 1 300
check "step: exit status 0 (was $status)" [ "$status" = 0 ]
check "step: an instruction a line" [ "$(wc -l <"$scratch/out")" = 300 ]
check "step: each is what the guest would execute" [ "$(perl -ne '
	($at, $bytes, $text) = /^([0-9a-f]{16})  ([0-9a-f]+) +(.+)/ or $bad++;
	$bad++ if $text eq "(bad)" || defined $next && hex $at != $next && $last !~ /^(j|call|ret|iret|int|syscall|ud)/;
	($next, $last) = (hex($at) + length($bytes) / 2, $text);
	END { print $bad + 0 }' "$scratch/out")" = 0 ]
unharmed "step"
on_model --vcpus 2 -- "$ringside" step guest1 1 1
check "step: one instruction" [ "$status" = 0 -a "$(wc -l <"$scratch/out")" = 1 ]
unharmed "step: one"
on_model $idle -- "$ringside" step guest1 0 1000000000 --seconds 1
check "step: a vCPU that rests is given up, exit status 1 (was $status)" [ "$status" = 1 ]
check "step: says so" said 'in 1 seconds'
on_model -- "$ringside" step guest1 9 1
check "step: a vCPU that does not exist, exit status 4 (was $status)" [ "$status" = 4 ]
check "step: which is named" said 'vCPU 9'

for arguments in "step guest1 0" "step guest1 0 0" "step guest1 x 5" "step guest1 0 5 --seconds 0" \
	"read" "read guest1 0x10" "read guest1 x 5" "read guest1 5 -5" \
	"read guest1 5 5 --cr3 q" "regs" "regs guest1 x" "pause" "resume a b" "dump guest1" \
	"dump guest1 a b" "dump --nonsense"; do
	run "$ringside" $arguments
	check "$arguments: a usage error" [ "$status" = 2 ]
	check "$arguments: one line" one_line
done
for command in read regs step pause resume dump; do
	run "$ringside" $command --help
	check "ringside $command --help" [ "$status" = 0 -a -s "$scratch/out" ]
	on_model -- "$ringside" $command nobody 1 1
	[ $command = pause -o $command = resume ] && on_model -- "$ringside" $command nobody
	[ $command = regs -o $command = dump ] && on_model -- "$ringside" $command nobody 1
	check "$command: no such domain, exit status 4 (was $status)" [ "$status" = 4 ]
done
finish
