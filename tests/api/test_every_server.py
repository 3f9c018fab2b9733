"""Behind a load balancer any server may answer: every one of them gives the same bytes and the same ETag.

It doesn't matter when a server was started, which of its workers answers, what it was asked before, and how
the hashes of Python fall, whose seed orders sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack

import pytest
import requests

from tests.api import guide
from tests.api.test_explain import PROFILES
from tests.api.test_tree import PATHS
from tests.api.test_tree_changes import PAIRS, write_edited
from tests.api.test_tree_diagram import DECIDED, MERMAID, SVG, query
from tests.conftest import Server, start

TIMES = 12
"""How often a server of four workers is asked, so that more than one of them answers."""

Ask = Callable[[str], Iterable[object]]
"""What a server answers, given its URL."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """Two servers of the same trees with different hashes: one of one worker, and one of four."""
    folder = tmp_path_factory.mktemp("servers")
    trees = folder / "trees"
    trees.mkdir()
    write_edited(trees)
    with ExitStack() as running:
        started = []
        for seed, workers in (("0", "1"), ("1", "4")):
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("PYTHONHASHSEED", seed)
                server = start(folder / f"log-{seed}", TREES_DIR=str(trees), WORKERS=workers)
            running.callback(server.stop)
            started.append(server)
        yield started[0], started[1]


def answers(servers: tuple[Server, Server], ask: Ask, times: int = TIMES) -> set[tuple[object, ...]]:
    """The different answers, of the first server once and of the second one so many times."""
    one_worker, four_workers = servers
    return {tuple(ask(one_worker.url)), *(tuple(ask(four_workers.url)) for _ in range(times))}


def post(url: str, body: object) -> bytes:
    return requests.post(url, json=body, timeout=20).content


def get(url: str, **headers: str) -> tuple[str, bytes]:
    answer = requests.get(url, headers=headers, timeout=20)
    return answer.headers["ETag"], answer.content


def test_assessments_are_the_same(servers: tuple[Server, Server]) -> None:
    """Whether decided or not, byte for byte."""
    profiles = [
        {},
        *list(guide.complete_profiles())[::511],
        {"data_sensitive": True, "api_usable": False},
    ]

    def ask(url: str) -> Iterator[bytes]:
        return (post(f"{url}/assess", {"profile": profile}) for profile in profiles)

    assert len(answers(servers, ask)) == 1


def test_batches_are_the_same(servers: tuple[Server, Server]) -> None:
    """Results, what they have in common, and what is wrong with an item."""
    profiles = [*list(guide.complete_profiles())[::200], {}, {"unknown": 1, "also": 2}, None]

    def ask(url: str) -> Iterator[bytes]:
        yield post(f"{url}/assess/batch", {"profiles": profiles})

    assert len(answers(servers, ask)) == 1


def test_explanations_are_the_same(servers: tuple[Server, Server]) -> None:
    """Searches go through sets of answers, and come to the same in the same order."""

    def ask(url: str) -> Iterator[bytes]:
        return (post(f"{url}/assess/explain", {"profile": profile}) for profile in PROFILES[:12])

    assert len(answers(servers, ask, times=1)) == 1


def test_refusals_are_the_same(servers: tuple[Server, Server]) -> None:
    """A refusal is as reproducible as an answer: same errors, same order."""
    names = {f"unknown_{number}": 1 for number in range(30)}

    def ask(url: str) -> Iterator[bytes]:
        yield post(f"{url}/assess", {"profile": names, **names})

    assert len(answers(servers, ask)) == 1


def test_documents_are_the_same(servers: tuple[Server, Server]) -> None:
    """With the same ETag, so that a cache may ask any of them."""

    def ask(url: str) -> Iterator[tuple[str, bytes]]:
        return (get(f"{url}{path}") for path in PATHS)

    assert len(answers(servers, ask)) == 1


def test_pictures_are_the_same(servers: tuple[Server, Server]) -> None:
    """With the same ETag, for both kinds."""

    def ask(url: str) -> Iterator[tuple[str, bytes]]:
        path = f"{url}/tree/versions/1.0.0/diagram{query(DECIDED)}"
        return (get(path, Accept=accept) for accept in (SVG, MERMAID))

    assert len(answers(servers, ask)) == 1


def test_changes_are_the_same(servers: tuple[Server, Server]) -> None:
    """With the same ETag, whichever pairs of versions were compared before."""
    found = []
    for server, pairs in zip(servers, (PAIRS, PAIRS[::-1]), strict=True):
        paths = {(new, old): f"/tree/versions/{new}/changes?since={old}" for new, old in pairs}
        found.append({pair: get(f"{server.url}{path}") for pair, path in paths.items()})

    assert found[0] == found[1]
