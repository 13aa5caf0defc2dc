# SPDX-License-Identifier: LGPL-2.1-or-later
"""tap: lines of TAP for the tests of this folder."""

SHOWN = 10


class Tap:
    def __init__(self):
        self.count = 0

    def ok(self, condition, name, detail=""):
        self.count += 1
        if not condition and detail:
            for line in str(detail).splitlines()[:SHOWN]:
                print("#", line)
        print("ok" if condition else "not ok", self.count, "-", name, flush=True)
        return condition

    def none(self, name, faults):
        """The list of what is wrong is empty."""
        return self.ok(not faults, name if not faults else f"{name} ({len(faults)} faults)",
                       "\n".join(faults))

    def skip(self, name, reason):
        self.count += 1
        print("ok", self.count, "-", name, "# SKIP", reason, flush=True)

    def done(self):
        print(f"1..{self.count}")
