# SPDX-License-Identifier: LGPL-2.1-or-later
"""Verdict: what the tests' lines of TAP add up to.

A run passes if each test passed or was skipped with a reason, as many ran as the plan says,
and dom0 said last that the driver ended well. Anything less is a failure: silence too.
"""
import re


class Verdict:
    def __init__(self):
        self.passed = self.failed = 0
        self.skipped = []
        self.planned = None
        self.exit_status = None  # of the driver
        self.bail = None

    @property
    def complete(self):
        """Nothing more will come."""
        return self.exit_status is not None or self.bail is not None

    def read(self, line):
        found = re.match(r"(not )?ok\b(.*)", line)
        if found:
            skip = re.search(r"# SKIP\s*(.*)", line)
            if skip:
                self.skipped.append(skip.group(1) or "no reason")
            elif found.group(1):
                self.failed += 1
            else:
                self.passed += 1
        elif re.fullmatch(r"1\.\.\d+", line):
            self.planned = int(line[3:])
        elif line.startswith("Bail out!"):
            self.bail = line[len("Bail out!"):].strip() or "no reason"
        else:
            found = re.match(r"# lab: the driver ended with (\d+)", line)
            if found:
                self.exit_status = int(found.group(1))

    def why_not(self):
        """Why the run is no success, or None if it is one."""
        ran = self.passed + self.failed + len(self.skipped)
        if self.bail:
            return self.bail
        if self.failed:
            return f"{self.failed} of {ran} checks failed"
        if self.exit_status is None:
            return f"no verdict after {ran} checks"
        if self.planned is None:
            return f"the driver ended with {self.exit_status} before it said how many checks " \
                   f"there are (after {ran})"
        if ran != self.planned:
            return f"{ran} checks of {self.planned} ran"
        if self.exit_status:
            return f"the driver ended with {self.exit_status}"
        if not self.passed:
            return "not one check ran"
        return None

    def __str__(self):
        text = f"{self.passed} ok, {self.failed} not ok"
        return text + (f", {len(self.skipped)} skipped" if self.skipped else "")
