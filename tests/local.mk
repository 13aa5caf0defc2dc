# SPDX-License-Identifier: LGPL-2.1-or-later
include tests/unit/local.mk
include tests/engine/local.mk
include tests/guest/local.mk
include tests/sim/local.mk
include tests/torture/local.mk
include tests/traces/local.mk
include tests/model/local.mk
include tests/fakexen/events/local.mk
include tests/fakexen/cpu/local.mk
include tests/fuzz/local.mk
include tests/e2e/local.mk
include tests/survival/local.mk
include tests/fakexen/hypercalls/local.mk
include tests/fakexen/semantics/local.mk
include tests/fakexen/shim/local.mk

EXTRA_DIST += tests/distributed.sh tests/installed.sh tests/thread.supp
dist_check_SCRIPTS += tests/arrows.sh tests/headers.sh
TESTS += tests/arrows.sh tests/headers.sh
source_tests += tests/arrows.sh
include tests/xen/local.mk
include tests/bench/local.mk
