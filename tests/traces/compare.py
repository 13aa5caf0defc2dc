#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""compare.py THIS THAT [TEST...]: two beds' recordings of the same guest and the same answers.

Each test must have the same events and answers in both, field by field, vCPU by vCPU. What may
differ stands in excuses.py, each with its reason. Exit status 0: no difference without an excuse.
"""
import os
import sys
from collections import Counter

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from excuses import excuse_field, excuse_messages  # noqa: E402  (the path comes first)
from message import REASONS, take_apart  # noqa: E402
from recording import read_recording  # noqa: E402


def by_vcpu(records, is_response):
    """The messages of one way, taken apart, in their order. The order between two vCPUs, and
    between a request and an older answer, is who was faster."""
    found = {}
    for record in records:
        if record.is_response == is_response:
            fields = take_apart(record.message, is_response)
            found.setdefault(fields["vcpu_id"], []).append(fields)
    return found


def compare_messages(this, that, used):
    """What differs between two messages, taken apart."""
    if this["reason"] != that["reason"]:
        yield f"is {REASONS[this['reason']]} here and {REASONS[that['reason']]} there"
        return
    for name in sorted(set(this) | set(that)):
        values = this.get(name), that.get(name)
        if values[0] == values[1]:
            continue
        excuse = excuse_field(name, this, that)
        if excuse:
            used[excuse] += 1
        else:
            yield f"{name} is " + " here and ".join(
                "missing" if value is None else f"{value:#x}" for value in values) + " there"


def compare_tests(this, that, used):
    """What differs between two lists of records, in words. `used` counts excuses."""
    for is_response in False, True:
        way = "response" if is_response else "request"
        try:
            sides = [by_vcpu(records, is_response) for records in (this, that)]
        except ValueError as error:
            yield f"a {way} is damaged: {error}"
            continue
        for vcpu in sorted(set(sides[0]) | set(sides[1])):
            here, there = (excuse_messages(side.get(vcpu, []), used) for side in sides)
            for number, pair in enumerate(zip(here, there)):
                for text in compare_messages(*pair, used):
                    yield (f"vCPU {vcpu}, {way} {number} ({REASONS[pair[0]['reason']]}): "
                           f"{text}")
            if len(here) != len(there):
                yield f"vCPU {vcpu}: {len(here)} {way}s here and {len(there)} there"


def unanswered(records):
    """Requests and answers of each vCPU that do not belong together, within one recording."""
    asked, answered = (by_vcpu(records, is_response) for is_response in (False, True))
    for vcpu in sorted(set(asked) | set(answered)):
        reasons = [[fields["reason"] for fields in side.get(vcpu, [])]
                   for side in (asked, answered)]
        if sorted(reasons[0]) != sorted(reasons[1]):
            yield f"vCPU {vcpu}: {len(reasons[0])} requests and {len(reasons[1])} responses"


def compare_recordings(this, that, used, only=()):
    """Pairs of a test and its differences; a test that one side lacks is one."""
    for test in sorted(only or set(this) | set(that)):
        if test not in this or test not in that:
            yield test, [f"no recording {'here' if test not in this else 'there'}"]
        else:
            yield test, list(compare_tests(this[test], that[test], used))


def main():
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    used, bad = Counter(), 0
    this, that = (read_recording(path) for path in sys.argv[1:3])
    for test, differences in compare_recordings(this, that, used, sys.argv[3:]):
        bad += bool(differences)
        for text in differences:
            print(f"{test}: {text}")
    for excuse, count in used.items():
        print(f"# {count} times: {excuse}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
