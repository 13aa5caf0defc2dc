# SPDX-License-Identifier: LGPL-2.1-or-later
"""labkit: the parts of tests/xen/lab, a module for each noun."""
