#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# restricted.sh: an engine whose handles are good for one domain, with the model's report as the judge.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

on_model --domains 2 --memory 8 -- "$build/tests/engine/restricted"
check "restricted: $(grep -c '^ok' "$scratch/out") checks, status $status" [ "$status" = 0 ]
[ "$status" = 0 ] || sed 's/^/# /' "$scratch/out"
unharmed restricted
finish
