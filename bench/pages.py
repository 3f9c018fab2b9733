"""Pages beside explanations: the server's time for each kind of page to that of POST /assess/explain."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from bench.contestants import OWN, encoded, request
from bench.desk import SEED, Desk, Profile
from bench.measure import Bench
from bench.servers import Server
from bench.spread import Spread, ratios, spread
from finetune_advisor.assessing.answer_reading import write_answer
from finetune_advisor.engine.evaluation.exact import evaluate

ASKED = 100
"""Profiles that each round asks about, none of which was asked about before."""
MAX_ROUNDS = 7
DURATION = re.compile(r'http_request_duration_seconds_(sum|count)\{method="\w+",route="([^"]+)"\} (\S+)')
Ask = Callable[[Server, Desk, Profile], tuple[int, bytes]]


@dataclass(frozen=True)
class PageTime:
    """The milliseconds that the server takes for a page and for the explanation of the same profiles."""

    tree: str
    page: str
    milliseconds: Spread
    explain: Spread
    ratio: Spread


def page_times(bench: Bench, second: Desk) -> list[PageTime]:
    """The time of a question, of a plan and of a tree's page, for both trees."""
    with OWN.serving(bench.desk) as server:
        return [found for desk in (bench.desk, second) for found in _times(bench, server, desk)]


def _times(bench: Bench, server: Server, desk: Desk) -> Iterator[PageTime]:
    rounds = min(bench.rounds, MAX_ROUNDS)
    drawn = desk.drawn(ASKED * (rounds + 1), seed=SEED + 2)
    asked: dict[str, tuple[Ask, Sequence[Profile]]] = {
        "question": (_page, [_before_the_end(desk, profile) for profile in drawn]),
        "plan": (_page, drawn),
        "tree": (_tree_page, drawn),
    }
    for page, (ask, profiles) in asked.items():
        bench.say(f"pages of {desk.version}: {page}")
        pages: list[float] = []
        explanations: list[float] = []
        for number in range(rounds + 1):
            part = profiles[number * ASKED : (number + 1) * ASKED]
            kinds = [(ask, pages), (_explanation, explanations)]
            # Who comes first may find less in caches, so both do in turn.
            for kind, times in kinds[:: 1 if number % 2 else -1]:
                times.append(_mean_seconds(server, desk, part, kind))
        del pages[0], explanations[0]  # the first round warms up
        yield PageTime(
            desk.version,
            page,
            spread([seconds * 1e3 for seconds in pages]),
            spread([seconds * 1e3 for seconds in explanations]),
            ratios(pages, explanations),
        )


def _before_the_end(desk: Desk, profile: Profile) -> Profile:
    """The answers of a profile up to its last question, which an interview then asks."""
    path = evaluate(desk.tree, profile).path
    return {name: profile[name] for step in path[:-1] for name in step.question.inputs}


def _mean_seconds(server: Server, desk: Desk, profiles: Sequence[Profile], ask: Ask) -> float:
    """The server's own time for a request, from its metrics."""
    before = _total(server)
    for profile in profiles:
        status, content = ask(server, desk, profile)
        if status != 200:
            raise SystemExit(f"a page answers {status}: {content[:120]!r}")
    after = _total(server)
    return (after["sum"] - before["sum"]) / (after["count"] - before["count"])


def _total(server: Server) -> dict[str, float]:
    totals = {"sum": 0.0, "count": 0.0}
    for kind, route, value in DURATION.findall(server.ask("GET", "/metrics")[1].decode()):
        if route not in ("/metrics", "/healthz"):
            totals[kind] += float(value)
    return totals


def _explanation(server: Server, desk: Desk, profile: Profile) -> tuple[int, bytes]:
    return server.ask("POST", "/assess/explain", encoded(request(desk.version, profile)))


def _page(server: Server, desk: Desk, profile: Profile) -> tuple[int, bytes]:
    answers = {name: write_answer(value) for name, value in profile.items()}
    return server.ask("GET", f"/interview?{urlencode({'tree': desk.version, **answers})}")


def _tree_page(server: Server, desk: Desk, _: Profile) -> tuple[int, bytes]:
    return server.ask("GET", f"/trees/{desk.version}")
