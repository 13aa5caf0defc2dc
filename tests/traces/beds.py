#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One guest, two beds: the lab's driver on fakexen, with the guest and the CPUID policy out of a
recording of the real Xen 4.17. Every check must come out as it did there, and what goes over the
ring must be what went over it there, field by field (compare.py). fakexen is a 4.17, but of these
events 4.14 and 4.20 make the same messages.

After a change of a test: tests/xen/lab record --xen all --test NAME; of the guest, or of what the
engine answers by itself: without a name.
"""
import os
import subprocess
import sys
import tempfile
from collections import Counter

sys.dont_write_bytecode = True
SOURCE, BUILD = os.environ["top_srcdir"], os.environ["top_builddir"]
sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.join(SOURCE, "tests", "xen")]

from compare import compare_tests, unanswered  # noqa: E402  (the path comes first)
from excuses import excuse_leaf  # noqa: E402
from labkit.recording import check_of  # noqa: E402
from message import FLAG, REASONS, take_apart  # noqa: E402
from recording import files_of, read_recording  # noqa: E402
from tap import Tap  # noqa: E402

LIMIT = 300  # seconds, of a machine that does much else
LAB = os.path.join(SOURCE, "tests", "traces", "lab")
XEN = os.path.join(LAB, "xen-4.17.tar.xz")
# What else was recorded, and the tests whose events only one side has.
OTHERS = {"4.14": {"vmexit"}, "4.20": {"io"}}
# Skipped on the model, whose processor has no VCVTPS2PH.
BEYOND = {"host-deadly", "page-deadly"}
# All that the first engine can be told to watch (fakexen is a 4.17: no I/O events), and reply.
KINDS = {"mem_access", "write_ctrlreg", "mov_to_msr", "software_breakpoint", "singlestep",
         "guest_request", "debug_exception", "cpuid", "interrupt", "descriptor_access",
         "emul_unimplemented", "vmexit"}
REPLIES = {"VCPU_PAUSED", "EMULATE", "EMULATE_NOWRITE", "TOGGLE_SINGLESTEP",
           "SET_EMUL_READ_DATA", "DENY", "ALTERNATE_P2M", "SET_REGISTERS",
           "SET_EMUL_INSN_DATA", "GET_NEXT_INTERRUPT", "FAST_SINGLESTEP"}
tap = Tap()


def run_driver(folder):
    """The checks' results by test, and the folder with the model's recording."""
    record = os.path.join(folder, "record")
    os.mkdir(record)
    run = subprocess.run(
        [os.path.join(BUILD, "fakexen"), "--domains", "0", "--cpuid",
         os.path.join(folder, "cpuid"), "--log", os.path.join(folder, "log"), "--",
         os.path.join(BUILD, "tests/xen/driver/driver"), "--image",
         os.path.join(folder, "guest.elf"), "--record", record],
        capture_output=True, text=True, timeout=LIMIT, check=False)
    tap.ok(run.returncode == 0, "the driver's tests pass on the model", "\n".join(
        line for line in run.stdout.splitlines() if not line.startswith("ok")) + run.stderr)
    return by_test(filter(None, map(check_of, run.stdout.splitlines()))), record


def by_test(checks):
    found = {}
    for check in checks:
        result, _, test = check.rpartition(" ")
        found.setdefault(test, []).append(result)
    return found


def on_both(found):
    """Without the tests that the model leaves out."""
    return {test: value for test, value in found.items() if test not in BEYOND}


def compare_verdicts(there, here):
    tap.ok(all("skip" in here[test] for test in BEYOND), "what the model cannot execute it says")
    there, here = on_both(there), on_both(here)
    tap.none("every check comes out as under Xen", [
        f"{test}: {here[test]} here and {there[test]} there"
        for test in here.keys() & there.keys() if here[test] != there[test]])
    strangers = sorted(here.keys() ^ there.keys())
    if strangers:
        tap.skip(f"{len(strangers)} tests are not in both: {', '.join(strangers)}",
                 "the driver has changed: tests/xen/lab record")
    tests = here.keys() & there.keys()
    tap.ok(len(tests) >= 60, f"{len(tests)} tests are in both")
    return tests


def compare_traces(release, there, here, tests):
    used = Counter()
    for test in sorted(there.keys() & tests):
        tap.none(f"{release}: {test}", list(compare_tests(there[test], here[test], used))
                 if test in here else ["nothing goes over the model's ring"])
    for excuse, count in used.items():
        print(f"# {count} times: {excuse}")


def compare_with_others(here, guest):
    for release, alone in OTHERS.items():
        path = os.path.join(LAB, f"xen-{release}.tar.xz")
        there = on_both(read_recording(path))
        tap.ok(dict(files_of(path))["guest.elf"] == guest, f"{release}: the same guest",
               "record all releases again: tests/xen/lab record --xen all")
        strangers = sorted((there.keys() ^ here.keys()) - alone)
        if strangers:
            tap.skip(f"{release}: {len(strangers)} tests are not in both: {', '.join(strangers)}",
                     f"tests/xen/lab record --xen {release}, with --test NAME for each")
        compare_traces(release, there, here, there.keys() & here.keys())


def check_cover(recording):
    kinds, flags, registers, accesses, ways = set(), 0, set(), 0, set()
    for records in recording.values():
        for record in records:
            fields = take_apart(record.message, record.is_response)
            if record.is_response:
                flags |= fields["flags"]
                continue
            kind = REASONS[fields["reason"]]
            kinds.add(kind)
            ways.add((kind, bool(fields["flags"] & FLAG["VCPU_PAUSED"])))
            if kind == "write_ctrlreg":
                registers.add(fields["index"])
            if kind == "mem_access":
                accesses |= fields["access"]
    tap.ok(kinds == KINDS, "every kind of event is in the recording", kinds ^ KINDS)
    missing = {name for name in REPLIES if not flags & FLAG[name]}
    tap.ok(not missing, "every kind of answer too", missing)
    tap.ok(registers == {0, 1, 2, 3} and accesses & 7 == 7,
           "CR0, CR3, CR4 and XCR0; reading, writing and executing")
    tap.ok({(kind, way) for way in (False, True) for kind in
            ("write_ctrlreg", "guest_request", "debug_exception")} <= ways,
           "with and without waiting")


with tempfile.TemporaryDirectory() as scratch:
    files = dict(files_of(XEN))
    for name in ("cpuid", "guest.elf"):
        with open(os.path.join(scratch, name), "wb") as file:
            file.write(files[name])
    check_cover(read_recording(XEN))
    verdicts, recorded = run_driver(scratch)
    tests = compare_verdicts(by_test(files["verdict"].decode().splitlines()), verdicts)
    with open(os.path.join(recorded, "cpuid-guest"), encoding="ascii") as file:
        policies = [{excuse_leaf(line) for line in text.splitlines()}
                    for text in (files["cpuid-guest"].decode(), file.read())]
    tap.none("the guest's CPUID policy, made of the same one",
             sorted(policies[0] ^ policies[1]))
    model = read_recording(recorded)
    tap.none("the model has its answers, each once",
             [f"{test}: {text}" for test in model for text in unanswered(model[test])])
    compare_traces("4.17", read_recording(XEN), model, tests)
    compare_with_others({test: model[test] for test in model.keys() & tests}, files["guest.elf"])
tap.done()
