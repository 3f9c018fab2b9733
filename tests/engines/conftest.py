"""What the tests of exported queries share: servers, and many decided rows of each bundled tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest

from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees import loader
from tests.conftest import ROOT
from tests.engines import postgresql, spark
from tests.engines.postgresql import PostgreSql
from tests.engines.spark import Spark
from tests.formats import decided_rows
from tests.formats.decided_rows import Decision, bundled

ROWS = 50_000
DecidedRows = tuple[list[Profile], list[Decision]]
DecideRows = Callable[[str], DecidedRows]
SqlEngine = PostgreSql | Spark


@pytest.fixture(scope="session")
def decided() -> DecideRows:
    """Random profiles of a bundled tree, and what the engine says of them; made once for each version."""

    @cache
    def decide(version: str) -> DecidedRows:
        rows = decided_rows.partial_profiles(bundled(version), ROWS)
        return rows, decided_rows.expected(bundled(version), rows)

    return decide


@pytest.fixture(scope="session", params=[postgresql.running, spark.running], ids=["postgres", "spark"])
def engine(request: pytest.FixtureRequest) -> Iterator[SqlEngine]:
    """A running PostgreSQL, or Spark of two cores in this process's own Java."""
    with request.param() as running:
        yield running


def other_tree(name: str) -> Tree:
    """A tree of the tests of notations."""
    return loader.load_tree(ROOT / "tests" / "formats" / f"{name}.yaml")


def differing(decisions: list[Decision], found: list[Decision]) -> int:
    """How many rows differ. pytest would take minutes to compare the lists."""
    return sum(ours != theirs for ours, theirs in zip(decisions, found, strict=True))
