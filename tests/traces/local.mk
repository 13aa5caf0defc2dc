# SPDX-License-Identifier: LGPL-2.1-or-later
# Messages that a real Xen wrote, and files that are none. In lab/ are recordings of the lab's
# driver (tests/xen/lab record), against which fakexen is held.

trace_tests = tests/traces/beds.py tests/traces/comparator.py tests/traces/damaged.py \
	tests/traces/decode.py tests/traces/recorded.py
dist_check_SCRIPTS += $(trace_tests) tests/traces/compare.py
TESTS += $(trace_tests)
source_tests += tests/traces/comparator.py tests/traces/recorded.py
EXTRA_DIST += tests/traces/excuses.py tests/traces/lab tests/traces/message.py \
	tests/traces/recording.py tests/traces/tap.py tests/traces/xen-4.14 \
	tests/traces/xen-4.17 tests/traces/xen-4.20
