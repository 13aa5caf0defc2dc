#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The comparator can fail: it sees every byte that is changed in a recorded message, and every
message that is missing, doubled or out of order; and it lets pass what it has an excuse for,
there and nowhere else."""
import os
import struct
import sys
from collections import Counter

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from compare import compare_recordings, compare_tests, unanswered  # noqa: E402
from excuses import BEAT, CALL, LAP, POLLING, ROOTS, STALE, TIME  # noqa: E402  (the path comes first)
from message import REASONS, end_of, fields_of, take_apart  # noqa: E402
from recording import Record, read_recording  # noqa: E402
from tap import Tap  # noqa: E402

FOLDER = os.path.join(os.environ["top_srcdir"], "tests", "traces", "lab")
recording = read_recording(os.path.join(FOLDER, "xen-4.17.tar.xz"))
tap = Tap()


def changed(records, place, at, bit=0x80):
    """The list with a bit of one byte of one message turned over."""
    message = bytearray(records[place].message)
    message[at] ^= bit
    copy = list(records)
    copy[place] = Record(records[place].is_response, bytes(message))
    return copy


def sees(this, that):
    """Whether there is a difference without an excuse; and the excuses."""
    used = Counter()
    return bool(list(compare_tests(this, that, used))), used


def one_of_each():
    """A message of each kind and way: test and place. Those that excuses speak of come last."""
    found = {}
    for test, records in recording.items():
        if test in ("vmexit", "ring-full", "detach-full"):
            continue
        for place, record in enumerate(records):
            fields = take_apart(record.message, record.is_response)
            kind = (record.is_response, fields["reason"], fields["flags"],
                    tuple(name for name, _, _ in fields_of(record.message, record.is_response)))
            found.setdefault(kind, (test, place))
    return found


def bytes_that_count(record):
    """Those before the end, and behind it those of fields."""
    places = set(range(end_of(record.message, record.is_response)))
    for _, code, at in fields_of(record.message, record.is_response):
        places |= set(range(at, at + struct.calcsize(code)))
    return sorted(places)


def check_bytes():
    kinds = one_of_each()
    missed, tried = [], 0
    for test, place in kinds.values():
        record = recording[test][place]
        for at in bytes_that_count(record):
            tried += 1
            if not sees([record], changed([record], 0, at))[0]:
                missed.append(f"{test}, message {place}: byte {at}")
    stale = [text for text in missed if text.startswith("descriptor, ")]
    tap.none(f"each of {tried} bytes of {len(kinds)} messages, changed, is seen",
             [text for text in missed if text not in stale])
    tap.ok(len(stale) in (0, 8), "but for the eight of a stale exit qualification",
           "\n".join(stale))
    tap.ok({REASONS[kind[1]] for kind in kinds if not kind[0]} == set(REASONS.values()) -
           {"unknown", "vmexit", "io_instruction"}, "every kind of event is among them")


def is_palindrome(records):
    return all(side == side[::-1] for side in (
        [take_apart(record.message, way) for record in records if record.is_response == way]
        for way in (False, True)))


def check_order():
    missed = []
    for test, records in recording.items():
        if test == "vmexit":
            continue  # check_excuses
        if not sees(records, records[:-1])[0]:
            missed.append(f"{test}: one message less")
        if not is_palindrome(records) and not sees(records, records[::-1])[0]:
            missed.append(f"{test}: in the other order")
        if not sees(records, records + records[-1:])[0]:
            missed.append(f"{test}: one message twice")
    tap.none(f"messages of {len(recording)} tests lost, doubled and turned round", missed)


def first(test, wanted):
    return next(place for place, record in enumerate(recording[test])
                if not record.is_response and wanted(take_apart(record.message, False)))


def place_of(test, place, name):
    return next(at for field, _, at in fields_of(recording[test][place].message, False)
                if field == name)


def check_excuse(text, test, wanted, name, excuse, bit, other_bit=None, other=None):
    """In the message that `wanted` finds, `name` may differ by `bit`, with `excuse`; not by
    `other_bit`, nor may the field `other`."""
    place = first(test, wanted)
    at = place_of(test, place, name)
    found, used = sees(recording[test], changed(recording[test], place, at, bit))
    tap.ok(not found and used[excuse], f"excused: {text}")
    if other_bit:
        tap.ok(sees(recording[test], changed(recording[test], place, at, other_bit))[0],
               f"no other bit of {name}")
    if other:
        at = place_of(test, place, other)
        tap.ok(sees(recording[test], changed(recording[test], place, at))[0], f"nor {other}")


def is_loops_call(fields):
    return REASONS[fields["reason"]] == "software_breakpoint" and fields["r12"] in ROOTS


def check_laps():
    """Two of them, of eight steps each."""
    steps = [record for record in recording["step-alone"] if not record.is_response]
    found, used = sees(steps, steps[2:8] + steps[:2] + steps[8:])
    tap.ok(not found and used[LAP], "excused: a lap that begins at another place")
    tap.ok(sees(steps, steps[1::-1] + steps[2:])[0], "not: two steps of it turned round")
    tap.ok(sees(steps, steps[1:])[0], "nor one left out")
    place = place_of("step-alone", 0, "rbx")
    tap.ok(sees(steps, changed(steps[2:8] + steps[:2] + steps[8:], 0, place))[0],
           "nor another register in it")


def check_excuses():
    check_excuse("the TSC in a loop's register", "ring-full", lambda fields: True, "r11", TIME,
                 0x80, other="r8")
    check_excuse("the TSC in a loop's call", "int3-hidden", is_loops_call, "rax", CALL, 0x80,
                 other="rbx")
    check_excuse("its parity", "int3-hidden", is_loops_call, "rflags", CALL, 4, other_bit=1)
    place = first("int3-hidden", lambda fields: not is_loops_call(fields))
    at = place_of("int3-hidden", place, "rax")
    tap.ok(sees(recording["int3-hidden"], changed(recording["int3-hidden"], place, at))[0],
           "not: rax in any other call")
    check_excuse("the parity of the heartbeat", "step",
                 lambda fields: REASONS[fields["reason"]] == "singlestep", "rflags", BEAT, 4,
                 other_bit=1, other="rax")
    check_excuse("what sldt leaves", "descriptor", lambda fields: fields.get("descriptor") == 3,
                 "exit_qualification", STALE, 0x80, other="instr_info")
    place = first("descriptor", lambda fields: fields.get("descriptor") == 2)
    at = place_of("descriptor", place, "exit_qualification")
    tap.ok(sees(recording["descriptor"], changed(recording["descriptor"], place, at))[0],
           "what sgdt has there is no leftover")
    check_laps()
    exits = recording["vmexit"]
    poll = next(record for record in exits[::-1] if not record.is_response and
                take_apart(record.message, False)["exit_reason"] == 18)
    found, used = sees(exits, [poll, *exits, poll])
    tap.ok(not found and used[POLLING], "excused: one poll more")
    cpuid = first("vmexit", lambda fields: fields["exit_reason"] == 10)
    tap.ok(sees(exits, exits[:cpuid] + exits[cpuid + 1:])[0], "not: one exit for CPUID less")
    tap.ok(sees(exits, changed(exits, cpuid, 56))[0], "nor another register in it")


def check_whole():
    used = Counter()
    found = dict(compare_recordings(recording, recording, used))
    tap.ok(len(found) == len(recording) and not any(found.values()),
           "a recording is equal to itself")
    less = dict(recording)
    del less["cr3"]
    tap.ok(dict(compare_recordings(recording, less, used))["cr3"], "a test that is missing")
    records = recording["cr3"]
    tap.ok(list(unanswered(records[:-1])) and not list(unanswered(records)),
           "a request without its answer")
    damaged = changed(records, 0, 8, 0x40)
    tap.ok(sees(records, damaged)[0], "a reason that does not exist")


check_whole()
check_bytes()
check_order()
check_excuses()
tap.done()
