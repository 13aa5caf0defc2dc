#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""report.py: `ringside bench --report` and `--compare`.

    report.py --report OUT.html FILE.json...   one page with plots and the tables behind them
    report.py --compare A.json B.json          what got better or worse beyond the noise
"""
import html
import io
import statistics
import sys

sys.dont_write_bytecode = True   # where this lies is not ours to write
import results  # noqa: E402

RATE, P50, P99 = ("events_per_s",), ("rtt_ns", "p50"), ("rtt_ns", "p99")
# Cases that are a number or two, and no curve.
SINGLE = ("attach", "detach", "idle", "pages")
COST, CALLS = ("cpu_ns_per_event",), ("syscalls_per_event",)

# ---- compare ----

# What is compared, whether more is better, and how much of it is noise whatever the ranges say.
COMPARED = (("events/s", RATE, True, 0.03), ("p50", P50, False, 0.03), ("p99", P99, False, 0.05),
            ("CPU ns/event", COST, False, 0.03), ("calls/event", CALLS, False, 0.03),
            ("first event ns", ("first_event_ns",), False, 0.05), ("detach ns", ("detach_ns",), False, 0.05),
            ("work ns", ("work_ns",), False, 0.05))


def judge(before, after, more_is_better, noise):
    """"better", "worse" or None: the ranges do not touch, and the medians lie apart."""
    if after[1] > before[2]:
        up = True
    elif after[2] < before[1]:
        up = False
    else:
        return None
    if not before[0] or abs(after[0] / before[0] - 1) <= noise:
        return None
    return "better" if up == more_is_better else "worse"


def agree(first, second, shared):
    """How far the contestants' ratios to each other lie apart in the two files: the steadiest of all
    figures, and so what tells whether a table can be trusted."""
    apart, references = [], set()
    for asked in shared:
        names = [name for name in first[asked] if name in second[asked]]
        reference = next((name for name in ("hybrid", "block") if name in names), None)
        rates = [{name: results.spread(some[asked][name], RATE) for name in names} for some in (first, second)]
        for name in names:
            if reference and name != reference and all(rate[name] and rate[name][0] and rate[reference]
                                                       and rate[reference][0] for rate in rates):
                before, after = (rate[name][0] / rate[reference][0] for rate in rates)
                apart.append(abs(after / before - 1))
                references.add(reference)
    if apart:
        print(f"ratios of events/s to {', '.join(sorted(references))}: {100 * statistics.median(apart):.1f} % apart at the median, "
              f"{100 * max(apart):.1f} % at most, of {len(apart)}")


def compare(paths):
    first, second = (results.group(results.load([path])) for path in paths)
    shared = [asked for asked in first if asked in second]
    counts = {"better": 0, "worse": 0, "same": 0}
    for asked in shared:
        for contestant in first[asked]:
            if contestant not in second[asked]:
                continue
            for name, path, more_is_better, noise in COMPARED:
                before = results.spread(first[asked][contestant], path)
                after = results.spread(second[asked][contestant], path)
                if not before or not after:
                    continue
                verdict = judge(before, after, more_is_better, noise)
                counts[verdict or "same"] += 1
                if verdict:
                    change = 100 * (after[0] / before[0] - 1)
                    print(f"{verdict:6}  {contestant}, {results.describe(asked)}: {name} {before[0]:.4g} "
                          f"({before[1]:.4g} - {before[2]:.4g}) -> {after[0]:.4g} ({after[1]:.4g} - "
                          f"{after[2]:.4g}), {change:+.1f} %")
    agree(first, second, shared)
    if not shared:
        print("these files have no question in common")
        return 1
    beds = sorted({dict(asked)["bed"] for asked in shared})
    print(f"{counts['better']} better, {counts['worse']} worse, {counts['same']} within the noise "
          f"(bed: {', '.join(beds)})")
    return 0


# ---- plots ----

# Colours that stand for a variable of the page's style, so that the page decides.
INK, FAINT = "#000001", "#000002"
SERIES = [f"#0000{16 + i:02x}" for i in range(10)]
VARIABLES = {INK: "--ink", FAINT: "--faint", **{colour: f"--s{i}" for i, colour in enumerate(SERIES)}}
MARKERS = "osD^vPX*<>"
BANDS_MOST = 3


def plotting():
    try:
        import matplotlib
    except ImportError:
        sys.exit("ringside bench: --report draws with matplotlib: install the Debian package python3-matplotlib")
    matplotlib.use("svg")
    from matplotlib import pyplot
    pyplot.rcParams.update({
        "svg.fonttype": "none", "font.size": 10, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": FAINT,
        "xtick.color": INK, "ytick.color": INK, "grid.color": FAINT, "grid.linewidth": 0.5, "axes.grid": True,
        "legend.frameon": False, "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none",
        "axes.spines.top": False, "axes.spines.right": False,
    })
    return pyplot


class Style:
    """Each contestant has one colour and one marker in all plots."""

    def __init__(self, runs):
        names = sorted({run["contestant"] for run in runs})
        self.of = {name: (SERIES[i % len(SERIES)], MARKERS[i % len(MARKERS)]) for i, name in enumerate(names)}


def svg(pyplot, figure, label):
    stream = io.StringIO()
    figure.savefig(stream, format="svg", bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)
    text = stream.getvalue()
    text = text[text.index("<svg"):]
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    return text.replace("<svg", f'<svg role="img" aria-label="{html.escape(label)}"', 1)


def draw(axes, style, series):
    """Lines through the medians. The ranges are bands behind a few lines, and bars on many."""
    for contestant, points in sorted(series.items()):
        colour, marker = style.of[contestant]
        points.sort()
        xs, least, most = ([x for x, _ in points], [y[1] for _, y in points], [y[2] for _, y in points])
        axes.plot(xs, [y[0] for _, y in points], color=colour, marker=marker, markersize=5, linewidth=1.6,
                  label=contestant)
        if len(series) <= BANDS_MOST:
            axes.fill_between(xs, least, most, color=colour, alpha=0.15, linewidth=0)
        else:
            axes.vlines(xs, least, most, color=colour, alpha=0.6, linewidth=1)


def legend(axes):
    """Below, where it hides nothing."""
    axes.legend(fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.17), ncol=4, columnspacing=1.4)


def line_plot(pyplot, style, title, x_label, y_label, series, log_x=True, log_y=False):
    """`series`: {contestant: [(x, (median, least, most))]}."""
    figure, axes = pyplot.subplots(figsize=(6.2, 3.6))
    draw(axes, style, series)
    if log_x:
        axes.set_xscale("log", base=2 if max(x for points in series.values() for x, _ in points) <= 128 else 10)
        ticks = sorted({x for points in series.values() for x, _ in points})
        axes.set_xticks(ticks, [f"{x:g}" for x in ticks])
        axes.minorticks_off()
    if log_y:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set_title(title, fontsize=11)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    legend(axes)
    return svg(pyplot, figure, title)


def table(headings, rows):
    cells = "".join(f"<th>{html.escape(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return (f'<details><summary>the table behind it</summary><div class="wide"><table><tr>{cells}</tr>{body}'
            "</table></div></details>")


def number(value):
    return f"{value:,.0f}" if abs(value) >= 10000 else f"{value:.4g}"


def shown(spread, scale=1):
    if spread is None:
        return ""
    middle, least, most = (number(value / scale) for value in spread)
    return f"{middle} ({least} - {most})"


class Page:
    def __init__(self, runs):
        self.runs = runs
        self.pyplot = plotting()
        self.style = Style(runs)
        self.parts = []

    def bed_of(self, asked):
        bed = dict(asked)["bed"]
        return {"fakexen": "on fakexen, a model", "lab": "real Xen, emulated", "xen": "on Xen"}.get(bed, bed)

    def against(self, axis, x_label, plots, heading):
        """Plots against one part of the question, for all questions in which it varies."""
        sections = []
        for asked, contestants in sorted(results.group(self.runs, but=(axis,)).items(), key=results.order):
            if len({run[axis] for runs in contestants.values() for run in runs}) < 2:
                continue
            sections.append(self.section(asked, contestants, axis, x_label, plots))
        if sections:
            self.parts.append(f"<h2>{html.escape(heading)}</h2>" + "".join(sections))

    def section(self, asked, contestants, axis, x_label, plots):
        by_value = {}
        for contestant, runs in contestants.items():
            for run in runs:
                by_value.setdefault((contestant, run[axis]), []).append(run)
        text, columns = "", []
        for y_label, path, scale, log_y in plots:
            series, known = {}, {}
            for (contestant, x), runs in by_value.items():
                spread = results.spread(runs, path)
                known[(contestant, x)] = spread
                if spread:
                    series.setdefault(contestant, []).append((x, tuple(y / scale for y in spread)))
            if not series:
                continue
            columns.append((y_label, known, scale))
            title = f"{y_label} ({self.bed_of(asked)})"
            text += f"<figure>{line_plot(self.pyplot, self.style, title, x_label, y_label, series, log_y=log_y)}</figure>"
        rows = [[contestant, x, len(by_value[(contestant, x)])] +
                [shown(known[(contestant, x)], scale) for _, known, scale in columns]
                for contestant, x in sorted(by_value)]
        return (f"<h3>{html.escape(results.describe(asked))}</h3><div class=plots>{text}</div>" +
                table(["contestant", x_label, "runs"] + [name for name, _, _ in columns], rows))

    def percentiles(self):
        """Latency curves: how long the guest stood still, for each question."""
        sections = []
        shares = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999))
        for asked, contestants in sorted(results.group(self.runs).items(), key=results.order):
            if dict(asked)["case"] in SINGLE:
                continue
            series, rows = {}, []
            for contestant, runs in contestants.items():
                spreads = [(1 / (1 - share), results.spread(runs, ("rtt_ns", name))) for name, share in shares]
                if any(spread is None for _, spread in spreads):
                    continue
                series[contestant] = [(x, tuple(y / 1000 for y in spread)) for x, spread in spreads]
                longest = results.spread(runs, ("rtt_ns", "max"))
                rows.append([contestant, len(runs)] + [shown(spread, 1000) for _, spread in spreads] +
                            [shown(longest, 1000)])
            if not series:
                continue
            title = f"round trip, us ({self.bed_of(asked)})"
            sections.append(f"<div><h3>{html.escape(results.describe(asked))}</h3><figure>" +
                            self.curve(title, series) + "</figure>" +
                            table(["contestant", "runs", "p50", "p90", "p99", "p99.9", "longest"], rows) + "</div>")
        if sections:
            self.parts.append("<h2>How long the guest stood still</h2><div class=plots>" + "".join(sections) +
                              "</div>")

    def curve(self, title, series):
        figure, axes = self.pyplot.subplots(figsize=(6.2, 3.6))
        draw(axes, self.style, series)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks([2, 10, 100, 1000], ["50 %", "90 %", "99 %", "99.9 %"])
        axes.minorticks_off()
        axes.set_title(title, fontsize=11)
        axes.set_xlabel("of the events took no longer")
        axes.set_ylabel("us")
        legend(axes)
        return svg(self.pyplot, figure, title)

    def batches(self):
        """Cost of an event against how many shared a notify, over all runs that tell."""
        series, rows = {}, []
        for asked, contestants in results.group(self.runs).items():
            for contestant, runs in contestants.items():
                cost, notifies = results.spread(runs, COST), results.spread(runs, ("notifies_per_event",))
                if cost and notifies and notifies[0] > 0 and cost[0] > 0:
                    series.setdefault((dict(asked)["bed"], contestant), []).append((1 / notifies[0], cost))
                    rows.append([contestant, results.describe(asked), f"{1 / notifies[0]:.3g}", shown(cost)])
        for bed in sorted({bed for bed, _ in series}):
            of_bed = {contestant: points for (some, contestant), points in series.items() if some == bed}
            title = f"CPU ns an event ({self.bed_of([('bed', bed)])})"
            self.parts.append("<h2>Cost against batch size</h2><div class=plots><figure>" +
                              self.scatter(title, of_bed) + "</figure></div>" +
                              table(["contestant", "question", "events with one notify", "CPU ns/event"], sorted(rows)))

    def scatter(self, title, series):
        figure, axes = self.pyplot.subplots(figsize=(6.2, 3.6))
        for contestant, points in sorted(series.items()):
            colour, marker = self.style.of[contestant]
            axes.scatter([x for x, _ in points], [y[0] for _, y in points], color=colour, marker=marker, s=26,
                         label=contestant)
        axes.set_yscale("log")
        axes.set_title(title, fontsize=11)
        axes.set_xlabel("events with one notify, mean")
        axes.set_ylabel("CPU ns an event")
        legend(axes)
        return svg(self.pyplot, figure, title)

    def single(self):
        """Cases that are a number or two: attach, detach, idle, pages."""
        columns = (("first event, us", ("first_event_ns",), 1000), ("detach, us", ("detach_ns",), 1000),
                   ("closing, us", ("work_ns",), 1000), ("opening, us", ("undo_ns",), 1000),
                   ("sleeps/s", ("sleeps_per_s",), 1), ("CPU share", ("cpu_share",), 1))
        rows = []
        for asked, contestants in sorted(results.group(self.runs).items(), key=results.order):
            if dict(asked)["case"] not in SINGLE:
                continue
            for contestant, runs in sorted(contestants.items()):
                rows.append([contestant, results.describe(asked), len(runs)] +
                            [shown(results.spread(runs, path), scale) for _, path, scale in columns])
        if rows:
            self.parts.append("<h2>Coming, going, waiting</h2>" +
                              table(["contestant", "question", "runs"] + [name for name, _, _ in columns],
                                    rows).replace("<details>", "<details open>"))

    def not_yet(self):
        lines = sorted({f"{run['contestant']}, {results.describe(results.question(run))}: {run['not_yet']}"
                        for run in self.runs if "not_yet" in run})
        if lines:
            self.parts.append("<h2>Not yet</h2><ul>" + "".join(f"<li>{html.escape(line)}" for line in lines) + "</ul>")

    def machines(self):
        seen = {}
        for run in self.runs:
            seen.setdefault(str(sorted(run["machine"].items(), key=str)), (run["bed"], run["machine"]))
        text = ""
        for bed, machine in seen.values():
            rows = "".join(f"<tr><th>{html.escape(name)}</th><td>{html.escape(self.flat(value))}</td></tr>"
                           for name, value in [("bed", bed)] + sorted(machine.items()))
            text += f'<div class="wide"><table>{rows}</table></div>'
        done = [run for run in self.runs if "not_yet" not in run]
        rejected = sum(run["rejected"] for run in done)
        disturbed = sum(run["disturbed"] for run in done)
        self.parts.append(f"<h2>Where</h2>{text}<p>{len(done)} runs; {rejected} more were thrown away because the "
                          f"machine was disturbed, and {disturbed} disturbed ones kept for want of better.</p>")

    @staticmethod
    def flat(value):
        return "; ".join(f"{name}: {text}" for name, text in value.items()) if isinstance(value, dict) else str(value)

    def make(self):
        usual = (("thousand events/s", RATE, 1000, False), ("p99 of the round trip, us", P99, 1000, True))
        cost = (("CPU ns an event", COST, 1, False), ("p99 of the round trip, us", P99, 1000, True))
        self.against("vcpus", "vCPUs", usual, "Throughput and tail against vCPUs")
        self.against("workers", "workers", usual, "Throughput and tail against workers")
        self.percentiles()
        self.against("watches", "watches", cost + (("closing, us", ("work_ns",), 1000, True),), "Cost against watches")
        self.against("domains", "domains", cost, "Cost against domains")
        self.batches()
        self.single()
        self.not_yet()
        self.machines()
        beds = sorted({run["bed"] for run in self.runs})
        return TEMPLATE.replace("@NOTE@", NOTES if "fakexen" in beds else "").replace("@BODY@", "\n".join(self.parts))


NOTES = """<p class=note>Figures from <b>fakexen</b> are a model's: they compare contestants with each other, and are
not times of Xen.</p>"""

TEMPLATE = """<!doctype html>
<html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width"><title>ringside bench</title>
<style>
:root { color-scheme: light dark; --page: #fcfcfa; --ink: #20242a; --faint: #c4c8ce; --note: #fff3d6;
  --s0: #1f6fb4; --s1: #c8500f; --s2: #2a8a3e; --s3: #9b2fae; --s4: #b01d3a; --s5: #6b5a10; --s6: #117a78;
  --s7: #6450c8; --s8: #86603f; --s9: #5c6670; }
@media (prefers-color-scheme: dark) { :root { --page: #16191d; --ink: #dfe3e8; --faint: #4a5058; --note: #3a3216;
  --s0: #6cb2f0; --s1: #f5935a; --s2: #6fcf80; --s3: #d98bea; --s4: #f07a90; --s5: #d8c25a; --s6: #5cc9c5;
  --s7: #a99bf5; --s8: #cfa57e; --s9: #a5afba; } }
body { background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; max-width: 76rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--faint); } h3 { font-size: 1rem; }
figure { margin: 0; min-width: 0; } .plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(30rem, 1fr));
  gap: 1.5rem; } svg { max-width: 100%; height: auto; } svg text { font-family: system-ui, sans-serif !important; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
td, th { padding: .2rem .7rem; border-bottom: 1px solid var(--faint); text-align: left; vertical-align: top; }
.note { background: var(--note); padding: .6rem 1rem; border-radius: .3rem; } summary { cursor: pointer; }
</style>
<h1>ringside bench</h1>
@NOTE@
@BODY@
</html>
"""


def report(path, files):
    page = Page(results.load(files)).make()
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(page)
    except OSError as error:
        sys.exit(f"ringside bench: {path}: {error.strerror}")
    return 0


def main():
    words = sys.argv[1:]
    if len(words) >= 3 and words[0] == "--report":
        return report(words[1], words[2:])
    if len(words) == 3 and words[0] == "--compare":
        return compare(words[1:])
    print(__doc__.strip(), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
