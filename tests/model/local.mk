# SPDX-License-Identifier: LGPL-2.1-or-later
# Models of the protocols between us, our threads and Xen.

dist_check_SCRIPTS += tests/model/explore.sh
TESTS += tests/model/explore.sh
slow_tests += tests/model/explore.sh
source_tests += tests/model/explore.sh
EXTRA_DIST += tests/model/answer.pml tests/model/combine.pml tests/model/deadline.pml tests/model/deputy.pml \
	tests/model/lane.pml tests/model/park.pml tests/model/record.pml tests/model/removal.pml \
	tests/model/sleep.pml tests/model/straight.pml
