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

# A few lines word for word, without the time.
LINES = """
xen-4.14 cr0 0 request  vcpu 0 write_ctrlreg CR0 0x80000033 -> 0x8000003b rip 0x100168 cr3 0x110000 [VCPU_PAUSED]
xen-4.17 msr 2 request  vcpu 0 mov_to_msr SYSENTER_EIP 0xffff8000deadb000 -> 0xffff8000deadbff0 rip 0x100182 cr3 0x110000 [VCPU_PAUSED]
xen-4.17 int3 3 response vcpu 0 software_breakpoint rip 0x100198 rax 0x5 [VCPU_PAUSED|SET_REGISTERS]
xen-4.14 read-data 1 response vcpu 0 mem_access read data, 8 bytes: edfecefaedfecefa [VCPU_PAUSED|EMULATE|SET_EMUL_READ_DATA]
xen-4.20 mem-view 6 request  vcpu 0 mem_access gfn 0x122 offset 0 X|GLA_VALID|FAULT_WITH_GLA gla 0x122000 rip 0x122000 cr3 0x110000 view 1 [VCPU_PAUSED|ALTERNATE_P2M]
xen-4.20 mem-view 7 response vcpu 0 mem_access goes on in view 0 for one step, then view 1 [VCPU_PAUSED|ALTERNATE_P2M|FAST_SINGLESTEP]
xen-4.20 descriptor 8 request  vcpu 0 descriptor_access write GDTR rip 0x1001f9 cr3 0x110000 [VCPU_PAUSED]
xen-4.20 io 0 request  vcpu 0 io_instruction out port 0x1234, 1 bytes rip 0x10029e cr3 0x110000 [VCPU_PAUSED]
"""
for line in LINES.strip().splitlines():
    release, name, number, text = line.split(" ", 3)
    run = decode(os.path.join(folder, release, name + ".trace"))
    found = run.stdout.splitlines()[int(number)].split(" ", 1)[1]
    ok(found == text, f"{release} {name} {number} as text", found)
print(f"1..{count}")
