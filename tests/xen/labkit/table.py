# SPDX-License-Identifier: LGPL-2.1-or-later
"""table: what each release of Xen can do, out of the last whole run of each, as Markdown."""
import re

from .problem import Problem

# What a user asks for, and the tests that show it, by the first words of their names.
ROWS = (
    ("CR0, CR3, CR4, XCR0", ("cr0", "cr3", "cr4", "xcr0", "cr-")),
    ("MSRs", ("msr",)),
    ("a write denied", ("deny-",)),
    ("breakpoints (`INT3`)", ("int3", "inject")),
    ("CPUID", ("cpuid",)),
    ("descriptor tables", ("descriptor",)),
    ("guest request", ("request",)),
    ("every VM exit", ("vmexit",)),
    ("I/O instructions", ("io",)),
    ("single-step, debug exceptions", ("step", "debug")),
    ("next interrupt", ("interrupt",)),
    ("page access by altp2m views", ("page-", "view-")),
    ("page access by the host's map", ("host-",)),
    ("Xen's emulator against the processor", ("emulation",)),
    ("memory, physical and virtual", ("memory",)),
    ("registers and pauses", ("vcpu-",)),
    ("replies that any event takes", ("reply-",)),
    ("many vCPUs, a full ring", ("ring-", "two-")),
    ("`ringside watch`", ("command",)),
    ("what libmicrovmi promises", ("microvmi",)),
    ("attach, unwatch, probe", ("attach-", "probe", "watch-", "unwatch")),
    ("detach in the middle of anything", ("detach-",)),
    ("a guest that ends", ("guest-",)),
    ("recovery after `kill -9`", ("killed-", "recovered-", "kept-")),
    ("handles and handlers, restricted", ("privilege-",)),
    ("a stock Linux guest", ("linux",)),
)
# They measure, or are broken on purpose.
NO_ROW = ("bench", "cost", "answer-left-out")


def _row_of(test):
    for number, (_, starts) in enumerate(ROWS):
        if test.startswith(starts):
            return number
    if test.startswith(NO_ROW):
        return None
    raise Problem(f"test {test} belongs to no row of the table: name one in labkit/table.py")


def _cell(checks):
    """CHECKS: (test, passed, reason to skip or None) of one row and release."""
    reasons = {test: reason for test, _, reason in checks if reason}
    if not checks:
        return "not tested"
    if not all(passed for _, passed, _ in checks):
        return "**fails**"
    why_not = "; ".join(sorted(set(reasons.values())))
    if all(test in reasons for test, _, _ in checks):
        return f"no: {why_not}"
    return f"yes ({len(checks) - len(reasons)})" + (f"; {why_not}" if reasons else "")


def _column(log):
    column = [[] for _ in ROWS]
    for line in log.read_text(errors="replace").splitlines():
        found = re.match(r"(not )?ok \d+ - ([\w-]+):.*?(?:# SKIP (.*))?$", line.strip("\r"))
        if found and (row := _row_of(found.group(2))) is not None:
            column[row].append((found.group(2), not found.group(1), found.group(3)))
    return [_cell(checks) for checks in column]


def make_table(logs):
    """LOGS: the file of TAP lines for each release's name."""
    columns = [_column(log) for log in logs.values()]
    lines = ["| watched, answered, checked | " + " | ".join(f"Xen {name}" for name in logs) + " |",
             "|---" * (len(logs) + 1) + "|"]
    for number, (label, _) in enumerate(ROWS):
        lines.append(f"| {label} | " + " | ".join(column[number] for column in columns) + " |")
    return "\n".join(lines)
