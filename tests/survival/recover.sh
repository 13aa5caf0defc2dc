#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# recover.sh: `ringside watch` killed at random moments, then `ringside recover`, with the model's
# report as the judge. KILLS says how many times, SEED where to begin.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

# left_nothing NAME: answers that nobody asked for are the way in which vCPUs are let go, so
# they are counted, and nothing else is left.
left_nothing() {
	check "$1: nothing is left" jq -e 'all(.domains[]; .paused_vcpus == 0 and .pause_count == 0 and
		.views == 0 and .changed_code_bytes == 0 and .ring_enabled == false and .ran_on) and
		.mappings == 0 and .ports == 0' "$scratch/report"
}

# kills VCPUS COUNT [FAKEXEN OPTIONS]
kills() {
	vcpus=$1 count=$2; shift 2
	on_model --vcpus "$vcpus" --threads 2 "$@" -- "$build/tests/survival/recover" "$ringside" \
		"$count" ${SEED:+"$SEED"}
	check "$count kills, $vcpus vCPUs $*: $(grep -c '^ok' "$scratch/out") checks, status $status" \
		[ "$status" = 0 ]
	[ "$status" = 0 ] || sed 's/^/# /' "$scratch/out"
	left_nothing "$count kills, $vcpus vCPUs $*"
}

kills 4 "${KILLS:-8}"
kills 1 "${KILLS:-4}"
kills 2 "${KILLS:-4}" --no-altp2m
kills 8 "${KILLS:-4}"

# One state after the other, with the lab's driver: what the guest gets of its event.
recovered="request cr3 held msr int3 int3-unwatched cpuid page descriptor stepping trap-flag icebp full"
on_model --domains 0 -- "$build/tests/xen/driver/driver" --image "$build/guests/mailbox.elf" \
	$(for name in $recovered; do echo "recovered-$name"; done)
check "each state by itself: $(grep -c '^ok' "$scratch/out") checks, status $status" [ "$status" = 0 ]
check "each state by itself: 13 recoveries" \
	[ "$(grep -c '^ok.*: rs_recover$' "$scratch/out")" = 13 ]
check "a CPUID's result is right" grep -q '^ok.*recovered-cpuid: with the record' "$scratch/out"

on_model -- "$ringside" recover guest1
check "nothing to recover: status 0 (was $status)" [ "$status" = 0 ]
check "nothing to recover: says so" grep -q nothing "$scratch/out"
on_model -- "$ringside" recover nobody
check "no such domain: status 4 (was $status)" [ "$status" = 4 ]
check "no such domain: one line" one_line
for arguments in "" "guest1 2" "--nonsense guest1"; do
	run "$ringside" recover $arguments
	check "recover $arguments: a usage error" [ "$status" = 2 ]
	check "recover $arguments: one line" one_line
done
finish
