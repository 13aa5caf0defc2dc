#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the lab's driver recorded under the real Xen (tests/traces/lab): each request answered
once, and `ringside decode` reads the same out of every message as message.py, which was written
apart from it."""
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from compare import unanswered  # noqa: E402  (the path comes first)
from message import FLAG, PAYLOADS, REASONS, SEGMENTS, take_apart  # noqa: E402
from recording import files_of, read_recording  # noqa: E402
from tap import Tap  # noqa: E402

RINGSIDE = os.path.join(os.environ["top_builddir"], "ringside")
FOLDER = os.path.join(os.environ["top_srcdir"], "tests", "traces", "lab")
RELEASES = {"4.14": 6, "4.17": 7, "4.20": 7}
# decode's words for fields that have another name in Xen's header
KEYS = {"new_value": "new", "old_value": "old", "vcpu_id": "vcpu", "string": "str",
        "msr_efer": "efer", "msr_star": "star", "msr_lstar": "lstar",
        "fast_singlestep_p2midx": "p2midx"}
tap = Tap()


def number(value):
    return int(value, 16) if isinstance(value, str) else value


def key_of(name, fields):
    if name == "exit_qualification" and REASONS[fields["reason"]] == "vmexit":
        return "qualification"
    return KEYS.get(name, name)


def registers_of(decoded):
    """decode's registers, under Xen's names and with the segments' words put together again."""
    found = dict(decoded.get("registers", {}))
    for name in SEGMENTS:
        segment = found.pop(name, None)
        if not segment:
            continue
        limit, attributes = number(segment["limit"]), segment["attributes"]
        found[name + "_base"] = segment["base"]
        found[name + "_sel"] = segment["selector"]
        found[name] = (limit >> 12 if attributes & 0x800 else limit) | attributes << 20
    return found


def faults_of(message, is_response, decoded):
    fields = take_apart(message, is_response)
    if decoded["direction"] != ("response" if is_response else "request"):
        yield f"its direction is {decoded['direction']}"
    if decoded["reason"] != REASONS[fields["reason"]]:
        yield f"its reason is {decoded['reason']}, not {REASONS[fields['reason']]}"
    values = decoded | registers_of(decoded) | {"interrupt_cr2": decoded.get("cr2")}
    echoed = {field[0] for field in PAYLOADS[fields["reason"]]} if is_response else ()
    for name, value in fields.items():
        if name == "reason" or name.startswith("data[") or name == "size" or name in echoed:
            continue
        if name == "npt_base" and not fields["flags"] & FLAG["NESTED_P2M"]:
            continue
        found = values.get(key_of(name, fields))
        if found is None or number(found) != value:
            yield f"{name} is {found!r}, not {value:#x}"
    data = bytes(fields[f"data[{i}]"] for i in range(len(fields)) if f"data[{i}]" in fields)
    if data and decoded.get("emul_read", decoded.get("emul_insn")) != data.hex():
        yield f"its data is not {data.hex()}"


def check_release(release, version):
    path = os.path.join(FOLDER, f"xen-{release}.tar.xz")
    recording = read_recording(path)
    tap.ok(len(recording) >= 60, f"{release}: {len(recording)} tests are recorded")
    tap.none(f"{release}: every request has its answer, and no other",
             [f"{test}: {text}" for test, records in recording.items()
              for text in unanswered(records)])
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for name, content in files_of(path):
            if name.endswith(".trace"):
                names.append(os.path.join(folder, name))
                with open(names[-1], "wb") as file:
                    file.write(content)
        run = subprocess.run([RINGSIDE, "decode", "--json", *names], capture_output=True,
                             text=True, check=False)
    decoded = [json.loads(line) for line in run.stdout.splitlines()]
    wanted = [(test, record) for test in (os.path.basename(name)[:-len(".trace")]
                                          for name in names) for record in recording[test]]
    tap.ok(run.returncode == 0 and len(decoded) == len(wanted),
           f"{release}: all {len(wanted)} messages are decoded", run.stderr)
    tap.none(f"{release}: field by field", [
        f"{test}, {found['direction']} {REASONS[take_apart(record.message, False)['reason']]}: "
        f"{text}" for (test, record), found in zip(wanted, decoded)
        for text in faults_of(record.message, record.is_response, found)])
    tap.ok(all(found["version"] == version for found in decoded),
           f"{release}: messages of version {version}")


if __name__ == "__main__":
    for name in RELEASES:
        check_release(name, RELEASES[name])
    tap.done()
