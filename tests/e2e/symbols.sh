#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# symbols.sh: breakpoints by name. The guest, whose functions are at 0x132000 and so on (guests/map.h),
# stands for a kernel whose entry_SYSCALL_64 is the first of them, but for its LSTAR, which is set.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

# system_map ENTRY: a kernel that was linked so that its functions begin there.
system_map() {
	printf '%016x T %s\n' $(($1 - 0x2000)) _stext "$1" entry_SYSCALL_64 $(($1 + 16)) second \
		$(($1 + 0x1000)) on_another_page
	printf '%016x t second.cold\n%016x d in_a_module\t[one]\n' $(($1 + 64)) $(($1 + 80))
}

# isf ENTRY: the same as Volatility's symbol files have it, among other things.
isf() {
	printf '{ "metadata": { "format": "6.2.0", "linux": {} }, "base_types": { "char": { "size": 1,\n'
	printf '"signed": true, "kind": "char", "endian": "little" } }, "user_types": { "symbols":\n'
	printf '{ "second": { "address": 4096 } } }, "enums": { "a\\"},{": [ { "symbols": {} } ] },\n'
	printf '"symbols": { "without_address": { "type": { "kind": "base", "name": "void" } },\n'
	printf '"entry_SYSCALL_64": { "address": %u },\n' "$1"
	printf '"second": { "type": { "kind": "base", "name": "void" }, "address": %u } } }\n' \
		"${1%000}010"
}

# watch_name LSTAR NAME: the events of a breakpoint there.
watch_name() {
	on_model --guest "$build/guests/sums.elf" -- sh -c '"$1" guest1 "$2" && shift 2 && exec "$@"' \
		sh "$build/tests/e2e/lstar" "$1" "$ringside" watch guest1 --symbols "$scratch/map" \
		--break "$2" --count 5 --seconds 20 --json
}

system_map 0x132000 >"$scratch/map"
for place in second:0x132010 second+0x10:0x132020 on_another_page:0x133000; do
	watch_name 0x132000 "${place%:*}"
	check "${place%:*}: exit status 0 (was $status)" [ "$status" = 0 ]
	check "${place%:*}: it is hit" \
		[ "$(jq -r .rip "$scratch/out" | sort -u)" = "${place#*:}" ]
	unharmed "${place%:*}"
done
isf 0x132000 >"$scratch/map"
for format in plain xz; do
	[ $format = plain ] || { xz "$scratch/map" && mv "$scratch/map.xz" "$scratch/map"; }
	watch_name 0x132000 second
	check "an ISF, $format: exit status 0 (was $status)" [ "$status" = 0 ]
	check "an ISF, $format: it is hit" [ "$(jq -r .rip "$scratch/out" | sort -u)" = 0x132010 ]
	unharmed "an ISF, $format"
done
# Linked 32 MiB lower: the guest, 32 MiB up, is a kernel that was moved; what LSTAR says is mapped
# there, and tells where the others are.
system_map 0x132000 >"$scratch/map"
on_model --guest "$build/guests/sums.elf" -- sh -c '"$1" guest1 0x2132000 && shift 1 && exec "$@"' \
	sh "$build/tests/e2e/lstar" "$ringside" watch guest1 --symbols "$scratch/map" --break second \
	--seconds 0.3 --verbose
check "a kernel that KASLR has moved: exit status 0 (was $status)" [ "$status" = 0 ]
check "a kernel that KASLR has moved: by how much" said '0x2000000 above its symbols'
unharmed "a kernel that KASLR has moved"

# wrong STATUS TEXT NAME LSTAR: is refused.
wrong() {
	watch_name "$4" second
	check "$3: exit status $1 (was $status)" [ "$status" = "$1" ]
	check "$3: says so" said "$2"
	unharmed "$3"
}
wrong 3 'of another kernel' "another kernel's file" 0x132040
wrong 3 'LSTAR is 0' "no kernel yet" 0
system_map 0xffffffff81132000 >"$scratch/map"
wrong 7 'mapped nowhere' "a kernel that is not mapped where vCPU 0 is" 0xffffffff81332000
# Beyond 2^63, where JSON's readers part.
isf 0xffffffff81132000 >"$scratch/map"
wrong 7 'mapped nowhere' "an ISF of a kernel that is not mapped" 0xffffffff81332000
wrong 3 'of another kernel' "another kernel's ISF" 0xffffffff81332040
printf '0000000000132000 T something\n' >"$scratch/map"
wrong 3 'no entry_SYSCALL_64' "no Linux kernel's file" 0x132000
system_map 0x132000 >"$scratch/map"
watch_name 0x132000 nobody
check "a name that is not there: exit status 2 (was $status)" [ "$status" = 2 ]
check "a name that is not there: says so" said 'nobody'

# refused NAME TEXT: $scratch/other is no file of symbols.
refused() {
	run "$ringside" watch guest1 --symbols "$scratch/other" --break second
	check "$1: exit status 3 (was $status)" [ "$status" = 3 ]
	check "$1: says so in one line" one_line
	check "$1: $2" said "$2"
}
echo "this is no System.map" >"$scratch/other"
refused "another file" 'neither a System.map'
: >"$scratch/other"
refused "an empty file" 'neither a System.map'
isf 0x132000 | head -c 200 >"$scratch/other"
refused "an ISF that ends too soon" 'nor a Volatility ISF'
echo '{ "symbols": [ 1 ] }' >"$scratch/other"
refused "other JSON" 'nor a Volatility ISF'
echo '[[[[' >"$scratch/other"
refused "other JSON yet" 'nor a Volatility ISF'
isf 0x132000 | xz | head -c 100 >"$scratch/other"
refused "a damaged .xz" 'Input/output error'
run "$ringside" watch guest1 --symbols "$scratch/none" --break second
check "a file that is not there: exit status 3 (was $status)" [ "$status" = 3 ]
run "$ringside" watch guest1 --break second
check "a name without a file: a usage error" [ "$status" = 2 ]
finish
