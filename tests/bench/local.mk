# SPDX-License-Identifier: LGPL-2.1-or-later
# The bench, and the counts that do not jitter.
bench_tests = tests/bench/cases.sh tests/bench/counts.py tests/bench/smoke.sh
TESTS += $(bench_tests)
slow_tests += tests/bench/cases.sh
source_tests += $(bench_tests)
EXTRA_DIST += $(bench_tests) tests/bench/bed.sh
