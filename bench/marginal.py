# SPDX-License-Identifier: LGPL-2.1-or-later
"""marginal.py: counts that do not jitter, for bench/instructions and bench/syscalls.

A contestant is run twice under a wrapper that counts (callgrind, strace), with a small and with a
greater number of events; what the greater number costs more, divided by how many more they are, is
the cost of an event. What a run costs by itself is in both and falls out.

How the guest brings its events decides what is counted:
  1    one vCPU, a pause before each event: one event a wake-up
  8    eight vCPUs at the same moment, a pause before each such moment: eight a wake-up
  hot  one vCPU without a pause: whoever looks finds the next event, and need not sleep
"""
import argparse
import collections
import json
import os
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIGURES = os.path.join(TOP, "bench", "figures.json")
TOLERANCE = 0.03
# Events of each vCPU in the two runs, vCPUs, and the pause. That is long enough for a contestant
# under callgrind to fall asleep, and for the eight to come before it is awake.
WAYS = {
    "1": {"events": (20, 120), "vcpus": 1, "period": 10000000},
    "8": {"events": (10, 60), "vcpus": 8, "period": 12000000},
    "hot": {"events": (100, 2100), "vcpus": 1, "period": 0},
}
# libc copies memory as every x86-64 processor can, so that a figure is not this processor's.
PLAIN = "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-ERMS,-FSRM"
# Who wakes does not push aside who has woken it: the other seven come first.
BATCH = "chrt --batch 0 "
# When events come at their time or not is the scheduler's doing, so no single run is judged: a run in
# which the contestant was not asleep, or the eight did not come at one moment, is made anew, and so
# is one that counts too much. What disturbs a clean run adds to it, a wake-up that came to nothing;
# so of its attempts the least counts, and what every attempt has is the contestant's own.
ATTEMPTS = 8


class Missing(Exception):
    """A program that counts is not installed, or may not."""


def parse(description, combinations):
    """The command line; `combinations` are the (contestant, kind, way) that are counted if it names none."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--build", default=os.environ.get("top_builddir") or os.path.join(TOP, "build"))
    parser.add_argument("--contestant")
    parser.add_argument("--kind")
    parser.add_argument("--way", help="1, 8, hot: see bench/README.md")
    parser.add_argument("--check", action="store_true", help="fail where it is worse than bench/figures.json")
    parser.add_argument("--update", action="store_true", help="write bench/figures.json")
    parser.add_argument("--table", action="store_true", help="print what bench/figures.json holds, as Markdown")
    parser.add_argument("--quiet", action="store_true", help="the sums only")
    options = parser.parse_args()
    if options.contestant or options.kind or options.way:
        combinations = [(contestant, kind, way) for contestant in (options.contestant or "block").split(",")
                        for kind in (options.kind or "cr3").split(",") for way in (options.way or "1").split(",")]
    options.combinations = combinations
    return options


def need(program):
    if not shutil.which(program):
        raise Missing(f"{program} is not installed")


def run_once(options, contestant, kind, way, events, wrapper):
    """One run; the object that `ringside bench` printed."""
    about = WAYS[way]
    command = [os.path.join(options.build, "fakexen"), "--vcpus", str(about["vcpus"]), "--guest",
               os.path.join(options.build, "guests/bench.elf"), "--",
               os.path.join(options.build, "ringside"), "bench", "guest1", "--case", "null", "--kind", kind,
               "--contestant", contestant, "--events", str(events), "--repeat", "1", "--attempts", "1"]
    if about["period"]:
        command += ["--period", str(about["period"])]
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) > 1:
        command = ["taskset", "-c", str(cpus[0])] + command + ["--cpu", str(cpus[1])]
        wrapper = f"taskset -c {cpus[1]} {wrapper}"     # who counts too: the guest never rests
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300,
                            env=dict(os.environ, GLIBC_TUNABLES=PLAIN, RINGSIDE_BENCH_WRAPPER=BATCH + wrapper))
    if result.returncode:
        raise Missing(f"{contestant}: status {result.returncode}: {result.stderr.strip()[-300:]}")
    return json.loads(result.stdout.splitlines()[-1])


def is_clean(run, way):
    """Whether the contestant slept before each event, and as many came as were to come."""
    if way == "1":
        return run["waits_per_event"] >= 0.98
    if way == "hot":
        return run["waits_per_event"] <= 0.005
    # Two for eight: the port rings once more for those that came while it was read. And one notify
    # for eight, but for some: the engine learns how quick the handler is, and again when the
    # machine has pushed it aside in the middle of one.
    notifies = run.get("notifies_per_event", 0) * run["events"]
    return run["waits_per_event"] <= 0.27 and notifies <= run["events"] / 8 + 16


class Least:
    """Of the runs of one length: a clean one before any other, then the one that counted least."""

    def __init__(self):
        self.rank, self.counts, self.events = None, {}, 0

    def offer(self, counts, run, way):
        rank = (not is_clean(run, way), sum(counts.values()) / run["events"])
        if self.rank is None or rank < self.rank:
            self.rank, self.counts, self.events = rank, counts, run["events"]

    def clean(self):
        return self.rank is not None and not self.rank[0]


def difference(small, great):
    """{name: cost of an event}, of the least that each length has come to."""
    more = collections.Counter(great.counts)
    more.subtract(small.counts)
    return {name: number / (great.events - small.events) for name, number in more.items() if number}


def count(options, contestant, kind, way, wrapper, read, enough):
    """{name: cost of an event}, and whether it was counted in clean runs. `read(folder)` gives {name:
    count} of the run that has just ended; `wrapper(folder)` gives the words in front of the contestant;
    `enough(total)` says whether an outcome of clean runs is taken as it is, or more attempts are made."""
    lengths = [(events, Least()) for events in WAYS[way]["events"]]
    small, great = (least for _, least in lengths)
    for _ in range(ATTEMPTS):
        for events, least in lengths:
            with tempfile.TemporaryDirectory() as folder:
                run = run_once(options, contestant, kind, way, events, wrapper(folder))
                least.offer(read(folder), run, way)
        cost = difference(small, great)
        if small.clean() and great.clean() and enough(sum(cost.values())):
            break
    return cost, small.clean() and great.clean()


def compiler(options):
    """The compiler of the build: its figures are its own."""
    with open(os.path.join(options.build, "config.log"), encoding="utf-8", errors="replace") as log:
        words = next((line for line in log if line.startswith("gcc version") or "clang version" in line), "")
    return " ".join(words.split()[:3]).split(".")[0] if words else "unknown"


def load():
    if not os.path.exists(FIGURES):
        return {}
    with open(FIGURES, encoding="utf-8") as file:
        return json.load(file)


def save(figures):
    with open(FIGURES, "w", encoding="utf-8") as file:
        json.dump(figures, file, indent=1, sort_keys=True)
        file.write("\n")


def is_worse(found, known, slack):
    return known is None or found > known * (1 + TOLERANCE) + slack


def verdict(name, found, known, slack):
    """A line about a figure, and whether it is worse than it may be."""
    if known is None:
        return f"{name}: {found:.4g}, and no figure is committed", True
    if is_worse(found, known, slack):
        return f"{name}: {found:.4g}, worse than {known:.4g} by {100 * (found / known - 1):.1f} %", True
    if found < known * (1 - TOLERANCE) - slack:
        return f"{name}: {found:.4g}, better than {known:.4g}: commit it (--update)", False
    return f"{name}: {found:.4g} (committed: {known:.4g})", False


def print_table(figures):
    """A line for each contestant, a column for each kind and way."""
    contestants = sorted({name.split()[0] for name in figures})
    columns = sorted({tuple(name.split()[1:]) for name in figures}, key=lambda column: (column[1], column[0]))
    print("| an event | " + " | ".join(" ".join(column) for column in columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for contestant in contestants:
        cells = (figures.get(" ".join((contestant, *column))) for column in columns)
        print(f"| {contestant} | " + " | ".join("" if cell is None else f"{cell:,.4g}" for cell in cells) + " |")


def by_object(cost):
    """What names like "function (object)" add up to by object, the greatest first: a line, or none."""
    sums = collections.Counter()
    for name, number in cost.items():
        if name.endswith(")") and " (" in name:
            sums[name[name.rindex(" (") + 2:-1]] += number
    return ", ".join(f"{number:.2f} in {thing}" for thing, number in sums.most_common() if number >= 0.005)


def main(options, noun, wrapper, read, slack):
    """Counts every combination, prints, and compares or writes if that was asked for. Differences
    up to `slack` are none. What is written down is the least of all attempts."""
    figures, failed = load(), 0
    built_by = compiler(options)
    known = figures.setdefault(noun, {}).setdefault(built_by, {})
    if options.table:
        print_table(known)
        return 0
    if options.check and not known:
        print(f"skipped: no figures of {built_by} are committed (bench/{noun} --update makes them)")
        return 0
    for contestant, kind, way in options.combinations:
        name = f"{contestant} {kind} {way}"
        bar = known.get(name)

        def enough(total, bar=bar):
            return not options.update and not (options.check and is_worse(total, bar, slack))

        cost, clean = count(options, contestant, kind, way, wrapper, read, enough)
        total = sum(cost.values())
        line, worse = verdict(name, total, bar, slack)
        if not clean:
            print(f"{name}: there was no clean run: the machine is too busy to judge", file=sys.stderr)
            worse = False
        print(line if options.check else f"{name}: {total:.2f} {noun} an event", flush=True)
        failed += options.check and worse
        if by_object(cost):
            print(f"  {by_object(cost)}", flush=True)
        if not options.quiet:
            for part, number in sorted(cost.items(), key=lambda item: -item[1]):
                if number >= 0.005:
                    print(f"  {number:10.2f}  {part}")
        known[name] = round(total, 3)
    if options.update:
        save(figures)
    return 1 if failed else 0
