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


def wanted_of(trace):
    with open(trace[: -len(".trace")] + ".jsonl", encoding="ascii") as file:
        return lines_of(file.read())


def decode(*arguments):
    return subprocess.run([ringside, "decode", *arguments], capture_output=True, text=True)


count = 0


def ok(condition, name, detail=""):
    global count
    count += 1
    if not condition and detail:
        print("#", detail)
    print("ok" if condition else "not ok", count, "-", name)


traces = sorted(glob.glob(os.path.join(folder, "xen-*", "*.trace")))
ok(len(traces) == 66, f"{len(traces)} traces are here")
run = decode("--json", *traces)
ok(run.returncode == 0 and not run.stderr, "all in one go", f"{run.returncode}: {run.stderr}")
found = lines_of(run.stdout)
for trace in traces:
    wanted = wanted_of(trace)
    faults = list(differences(wanted, found[: len(wanted)]))
    del found[: len(wanted)]
    for fault in faults:
        print("#", fault)
    ok(not faults, os.path.relpath(trace, folder))
ok(not found, "and no record more")
run = decode(*traces)
ok(run.returncode == 0 and not run.stderr and len(run.stdout.splitlines()) ==
   sum(len(wanted_of(trace)) for trace in traces), "one line a message as text")
print(f"1..{count}")
