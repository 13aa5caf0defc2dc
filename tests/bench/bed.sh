# SPDX-License-Identifier: LGPL-2.1-or-later
# bed.sh: ringside bench on fakexen, at a size that proves nothing about speed. Sourced.
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
