# SPDX-License-Identifier: LGPL-2.1-or-later
# Messages that a real Xen wrote, and files that are none.

dist_check_SCRIPTS += tests/traces/decode.py tests/traces/damaged.py
TESTS += tests/traces/decode.py tests/traces/damaged.py
EXTRA_DIST += tests/traces/xen-4.14 tests/traces/xen-4.17 tests/traces/xen-4.20
