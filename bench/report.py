"""The report: Markdown for people and JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

from bench.contestants import BARE, FLOOR, OWN
from bench.measure import BATCH, BUSY, Throughput
from bench.results import Results, targets
from bench.spread import Spread, figure, spread


def data(results: Results) -> str:
    """Everything, as JSON."""
    held = [{**asdict(one), "verdict": one.verdict} for one in targets(results)]
    return json.dumps({**asdict(results), "targets": held}, indent=1) + "\n"


def text(results: Results) -> str:
    """The tables, as Markdown."""
    sections = [
        _targets,
        _contestants,
        _batches,
        _command_line,
        _latency,
        _telemetry,
        _shadow,
        _operations,
        _pages,
        _sizes,
        _skipped,
        _machine,
    ]
    head = [
        "# Results",
        "",
        f"Written by `make bench`: {results.rounds} rounds of {results.seconds:g} s for each contestant,",
        "one after the other in each round.",
        "Figures are medians, with the least and the greatest in brackets; ratios are taken within a round.",
        "How to read them: [../README.md](../README.md).",
        "",
        "![Throughput to plain Flask, and latency against load](results.svg)",
    ]
    return "\n".join([*head, *(line for section in sections for line in section(results))]) + "\n"


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    if not lines:
        return []
    return ["", f"## {title}", "", "| " + " | ".join(head) + " |", "|---" * len(head) + "|", *lines]


def _targets(results: Results) -> list[str]:
    rows = [
        (
            one.what,
            f"{'≥' if one.least else '≤'} {figure(one.bound)}",
            _said(one.measured),
            _said(one.by_cpu),
            one.verdict,
        )
        for one in targets(results)
    ]
    table = _table("Targets", ("what", "target", "measured", "by CPU time", ""), rows)
    return [*table, "", "A target is passed by the median."]


def _contestants(results: Results) -> list[str]:
    rows = []
    for name, found in sorted(
        results.throughput.items(), key=lambda item: -spread(item[1].rates).median
    ):
        about = f"**{name}**: {results.about[name]}"
        start, held = results.starts.get(name), results.memory.get(name)
        rows.append(
            (
                about,
                str(spread(found.rates)),
                _said(results.to(FLOOR.name, name)),
                _said(results.to(BARE.name, name)),
                figure(spread(found.cpu).median),
                f"{spread(_busy(found)).median:.0%}",
                _said(results.cpu_to(FLOOR.name, name)),
                figure(spread(found.p50).median),
                figure(spread(found.p99).median),
                figure(start.median) if start else "–",
                f"{held.rss:.0f} / {held.pss:.0f}" if held else "–",
            )
        )
    head = ("one profile a request", "requests/s", "× plain Flask", "× bare WSGI")
    table = _table(
        "One profile a request, on one core",
        (
            *head,
            "CPU µs",
            "of its core",
            "× plain Flask by CPU",
            "p50 ms",
            "p99 ms",
            "start s",
            "RSS / PSS MiB",
        ),
        rows,
    )
    alone = results.orjson_one_seconds
    if alone:
        table += [
            "",
            f"orjson alone reads one request of this service and writes its answer in {alone * 1e6:.1f} µs:",
            f"{1 / alone:,.0f} a second in process. Latencies here are those of a saturated server.",
        ]
    return table


def _batches(results: Results) -> list[str]:
    rows = [
        (
            one.contestant,
            one.tree,
            one.kind,
            f"{one.size:,}",
            str(spread(one.rates)),
            str(spread(one.by_cpu)),
        )
        for one in sorted(results.batches, key=lambda one: (one.tree, one.kind, one.size))
    ]
    for one in results.batches:
        if one.orjson_seconds:
            rates = spread([BATCH / seconds for seconds in one.orjson_seconds])
            rows.append(("orjson alone", one.tree, one.kind, f"{BATCH:,}", str(rates), "–"))
    head = ("", "tree", "profiles", "a request", "decisions/s", "decisions/s of CPU time")
    return _table("Many profiles a request, on one core", head, rows)


def _command_line(results: Results) -> list[str]:
    rows = [(name, str(found)) for name, found in results.command_line.items()]
    return _table("`assess --batch`, half a million profiles", ("format", "profiles/s"), rows)


def _latency(results: Results) -> list[str]:
    shown = [(f"{one.share:.0%}", one) for one in results.latency]
    shown += [(f"{one.share:.0%} of that of {name}", one) for name, one in results.limits.items()]
    rows = [
        (share, str(one.offered), str(one.p50), str(one.p99), str(one.ratio)) for share, one in shown
    ]
    head = ("of the peak", "requests/s", "p50 ms", "p99 ms", "p99 / p50")
    table = _table(f"Latency of {OWN.name} against load, and of the limits", head, rows)
    return [*table, "", f"At {BUSY:.0%} of the peak measured in every round, at other shares in two."]


def _telemetry(results: Results) -> list[str]:
    rows = [
        (what, str(cost), str(results.telemetry_share(what))) for what, cost in results.telemetry.items()
    ]
    head = ("", "CPU µs, median and quartiles", "of the server's CPU time for a request")
    return _table("What telemetry costs", head, rows)


def _shadow(results: Results) -> list[str]:
    rows = [
        (
            one.tree,
            f"{one.size:,}",
            str(one.rate),
            str(one.cpu),
            _said(one.p50),
            _said(one.p99),
            f"{one.repeated:.0%}",
        )
        for one in results.shadow
    ]
    head = ("tree", "profiles a request", "requests/s", "CPU time", "p50", "p99", "repeated")
    return _table("The server with a shadow tree, as a multiple of the one without", head, rows)


def _operations(results: Results) -> Iterator[str]:
    rows = [
        (str(one.workers), str(one.milliseconds), f"{one.size / 1024:.0f}") for one in results.scrapes
    ]
    head = ("workers", "milliseconds, median and quartiles", "KiB")
    yield from _table("GET /metrics", head, rows)
    if results.workers:
        here = results.workers
        where = "apart from" if here.apart else "shared with"
        rows = [(str(here.one), str(here.two), str(here.gain))]
        title = f"A second worker, on two cores {where} the load generator"
        yield from _table(title, ("one worker, requests/s", "two workers, requests/s", "gain"), rows)


def _pages(results: Results) -> list[str]:
    rows = [
        (one.page, one.tree, str(one.milliseconds), str(one.explain), str(one.ratio))
        for one in results.pages
    ]
    head = ("page", "tree", "milliseconds", "`/assess/explain`, milliseconds", "ratio")
    return _table("Server time of pages, for profiles never seen", head, rows)


def _sizes(results: Results) -> list[str]:
    rows = [
        (
            one.shape,
            f"{one.questions:,}",
            figure(one.decisions) if one.decisions else one.failed,
            f"{one.first_seconds:.3f}" if one.first_seconds else "–",
        )
        for one in results.sizes
    ]
    head = ("shape", "questions", "decisions/s", "first decision, s")
    return _table("Decisions in process by size of the tree", head, rows)


def _skipped(results: Results) -> list[str]:
    rows = [(what, why.replace("|", "\\|").replace("\n", " ")) for what, why in results.skipped.items()]
    return _table("Skipped", ("what", "why"), rows)


def _machine(results: Results) -> list[str]:
    facts = {
        **results.machine,
        "time stolen by the host": f"{results.stolen:.1f} s of {results.took:.0f} s, all cores together",
    }
    machine = _table("Machine", ("", ""), facts.items())
    return machine + _table("Versions", ("", ""), results.versions.items())


def _busy(found: Throughput) -> list[float]:
    """How much of its core a server had: less than all if other work had the rest."""
    return [rate * used / 1e6 for rate, used in zip(found.rates, found.cpu, strict=True)]


def _said(one: Spread | None) -> str:
    return str(one) if one else "–"
