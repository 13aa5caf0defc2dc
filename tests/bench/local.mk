# SPDX-License-Identifier: LGPL-2.1-or-later
# The bench, and the counts that do not jitter.
bench_tests = tests/bench/counts.py tests/bench/smoke.sh
TESTS += $(bench_tests)
source_tests += $(bench_tests)
EXTRA_DIST += $(bench_tests)
