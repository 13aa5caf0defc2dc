#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each recorded trace decodes to the NAME.jsonl beside it: the same records, and in each at
least the same keys and values."""
import glob
import json
import os
import subprocess

ringside = os.path.join(os.environ["top_builddir"], "ringside")
folder = os.path.join(os.environ["top_srcdir"], "tests", "traces")


def lines_of(text):
    return [json.loads(line) for line in text.splitlines()]


def differences(wanted, found):
    if len(wanted) != len(found):
        yield f"{len(found)} records instead of {len(wanted)}"
    for number, (want, got) in enumerate(zip(wanted, found)):
        for key, value in want.items():
            # A number is not a string of digits, and 1 is not true.
            if key not in got or type(got[key]) is not type(value) or got[key] != value:
                yield f"record {number}: {key} is {got.get(key)!r}, not {value!r}"


def check(trace):
    with open(trace[: -len(".trace")] + ".jsonl", encoding="ascii") as file:
        wanted = lines_of(file.read())
    run = subprocess.run([ringside, "decode", "--json", trace], capture_output=True, text=True)
    yield from differences(wanted, lines_of(run.stdout))
    if run.returncode or run.stderr:
        yield f"exit code {run.returncode}: {run.stderr}"
    plain = subprocess.run([ringside, "decode", trace], capture_output=True, text=True)
    if plain.returncode or plain.stderr or len(plain.stdout.splitlines()) != len(wanted):
        yield f"as text: exit code {plain.returncode}: {plain.stderr}"


traces = sorted(glob.glob(os.path.join(folder, "xen-*", "*.trace")))
print(f"1..{len(traces) + 1}")
print("ok 1" if len(traces) == 66 else "not ok 1", f"- {len(traces)} traces are here")
for number, trace in enumerate(traces):
    faults = list(check(trace))
    for fault in faults:
        print("#", fault)
    print("not ok" if faults else "ok", number + 2, "-", os.path.relpath(trace, folder))
