#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# keeper.sh: `ringside watch` killed, and its keeper lets the guest go, with the model's report as the
# judge. KILLS says how many times, SEED where to begin; with JUDGE=1 the times count, too: they are
# this machine's, and it may be busy.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

# keeper VCPUS TEST COUNT [FAKEXEN OPTIONS]
keeper() {
	vcpus=$1 test=$2 count=$3; shift 3
	name="$test, $vcpus vCPUs${*:+ }$*"
	rm -f "$scratch/report"
	status=0
	timeout -k 5 "$((60 + count * 3))" "$fakexen" --report "$scratch/report" --vcpus "$vcpus" \
		--threads 2 "$@" -- "$build/tests/survival/keeper" "$ringside" "$test" "$count" \
		${SEED:+"$SEED"} >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
	check "$name: $(grep -c '^ok' "$scratch/out") checks, status $status" [ "$status" = 0 ]
	if [ "$status" = 0 ]; then
		grep '^# ' "$scratch/out"
	else
		sed 's/^/# /' "$scratch/out"
	fi
}

keeper 8 kills "${KILLS:-24}"
unharmed "24 kills, 8 vCPUs"
keeper 1 kills "${KILLS:-4}"
unharmed "kills, 1 vCPU"
keeper 2 kills "${KILLS:-6}" --no-altp2m
unharmed "kills, no views"
keeper 4 others 1
unharmed "one by one"
# A ring that is changed takes made-up answers: the verdict would count them.
keeper 4 keepers 1

# One state after the other, with the lab's driver: what the guest gets of its event.
on_model --domains 0 -- "$build/tests/xen/driver/driver" --image "$build/guests/mailbox.elf" \
	$(for state in request cr3 held msr int3 cpuid page descriptor stepping trap-flag icebp full; do
		echo "kept-$state"
	done)
check "each state by itself: $(grep -c '^ok' "$scratch/out") checks, status $status" [ "$status" = 0 ]

RINGSIDE_KEEPER=/nonexistent/keeper; export RINGSIDE_KEEPER
on_model -- "$ringside" watch guest1 --cr3 --count 5 --quiet
check "no keeper: status 0 (was $status)" [ "$status" = 0 ]
check "no keeper: one line" one_line
check "no keeper: it names what is missing, and what is left to do" \
	grep -q '/nonexistent/keeper.*ringside recover 1' "$scratch/err"
on_model -- "$ringside" watch guest1 --cr3 --count 5 --quiet --no-keeper
check "--no-keeper: status 0 (was $status)" [ "$status" = 0 ]
check "--no-keeper: nothing to say" [ ! -s "$scratch/err" ]
RINGSIDE_KEEPER=/bin/true
on_model -- "$ringside" watch guest1 --cr3 --count 5 --quiet
check "no keeper's program: status 0 (was $status)" [ "$status" = 0 ]
check "no keeper's program: one line" one_line
unharmed "no keeper's program"

run "$build/ringside-keeper" 3</dev/null
sleep 0.1
check "the keeper by hand: it does nothing" [ ! -s "$scratch/out" ]
finish
