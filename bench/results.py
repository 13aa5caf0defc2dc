# SPDX-License-Identifier: LGPL-2.1-or-later
"""results.py: runs of the bench as they were written down, grouped, for report.py."""
import collections
import json
import statistics
import sys

# What tells two questions apart; who answers them is the contestant.
QUESTION = ("bed", "case", "kind", "method", "domains", "vcpus", "workers", "watches", "think_ns", "handler_ns",
            "period_ns", "changes_per_s")
UNITS = {"think_ns": "think", "handler_ns": "handler", "period_ns": "period", "changes_per_s": "changes/s"}


def load(paths):
    """All runs in these files, one object a line."""
    runs = []
    for path in paths:
        try:
            with open(path, encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    if line.strip():
                        try:
                            runs.append(json.loads(line))
                        except json.JSONDecodeError as error:
                            sys.exit(f"ringside bench: {path}:{number}: {error}")
        except OSError as error:
            sys.exit(f"ringside bench: {path}: {error.strerror}")
    if not runs:
        sys.exit("ringside bench: there is no run in these files")
    return runs


def figure(run, path):
    """What lies at a path such as ("rtt_ns", "p99"), or None."""
    for step in path:
        run = run.get(step) if isinstance(run, dict) else None
    return run


def question(run, but=()):
    return tuple((name, run.get(name)) for name in QUESTION if name not in but)


def group(runs, but=()):
    """{question: {contestant: [run]}}, without those that could not be made."""
    groups = collections.defaultdict(lambda: collections.defaultdict(list))
    for run in runs:
        if "not_yet" not in run:
            groups[question(run, but)][run["contestant"]].append(run)
    return groups


def order(item):
    """A key to sort questions by: numbers as numbers."""
    asked, _ = item
    return [(isinstance(value, (int, float)), value if value is not None else "") for _, value in asked]


def spread(runs, path):
    """(median, least, most) of a figure, or None."""
    found = [figure(run, path) for run in runs]
    found = [value for value in found if value is not None]
    return (statistics.median(found), min(found), max(found)) if found else None


def duration(ns):
    for limit, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "us")):
        if ns >= limit:
            return f"{ns / limit:.4g} {unit}"
    return f"{ns:.4g} ns"


def describe(asked):
    """A question in words, without what is as always."""
    words = []
    for name, value in asked:
        if value in (None, 0) or name == "bed" or (value == 1 and name in ("domains", "watches", "workers")):
            continue
        if name in ("case", "kind", "method"):
            words.append(str(value))
        else:
            shown = duration(value) if name.endswith("_ns") else value
            words.append(f"{UNITS.get(name, name)} {shown}")
    return ", ".join(words)
