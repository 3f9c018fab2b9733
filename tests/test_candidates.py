"""Tree 2.0.0, still a draft: sound, and true to its worked examples."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import median

import pytest
from ruamel.yaml import YAML

from finetune_advisor import documents
from finetune_advisor.api.schemas.assessments import AssessmentSchema
from finetune_advisor.engine.evaluation import evaluate
from finetune_advisor.engine.inputs import Profile
from finetune_advisor.engine.tree import Tree
from tests.conftest import ROOT

TABLE = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^\| \[[^\]]+\]\(([^)]+)\) \| `(\w+)` \|", TABLE, re.MULTILINE))


@pytest.fixture(scope="module")
def draft() -> Tree:
    """The draft, proven sound as it is loaded."""
    return documents.load(ROOT / "candidates" / "2.0.0.yaml")


def profile_of(name: str) -> Profile:
    """The profile of an example."""
    given: Profile = YAML(typ="safe", pure=True).load((ROOT / "examples" / name).read_text())
    return given


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_ends_where_its_table_says(draft: Tree, name: str) -> None:
    """Each worked example is decided, as examples/README.md tells."""
    assert evaluate(draft, profile_of(name)).candidates == (EXAMPLES[name],)


def test_every_example_stands_in_the_table() -> None:
    """No example is left out of the table, and each recommendation has one."""
    assert sorted(EXAMPLES) == sorted(path.name for path in Path(ROOT / "examples").glob("*.yaml"))


def test_the_examples_reach_every_recommendation(draft: Tree) -> None:
    """The gallery shows each outcome at least once."""
    assert set(EXAMPLES.values()) == draft.recommendations.keys()


def test_an_interview_asks_for_nothing_that_it_does_not_need(draft: Tree) -> None:
    """From nothing, answered by next_question alone, each example ends where it should; the median
    interview asks for twelve inputs at most.
    """
    lengths = []
    for name, expected in EXAMPLES.items():
        known: dict[str, object] = {}
        while (open_ := evaluate(draft, known).next_question) is not None:  # type: ignore[arg-type]
            known[open_.input.name] = profile_of(name)[open_.input.name]
        assert evaluate(draft, known).candidates == (expected,)  # type: ignore[arg-type]
        lengths.append(len(known))

    assert median(lengths) <= 12


def test_warnings_come_with_the_answer(draft: Tree) -> None:
    """The answer has the texts and references of the warnings that hold."""
    answer = AssessmentSchema().dump(evaluate(draft, profile_of("20-brand-voice.yaml")))

    assert "few_preference_pairs" in [warning["id"] for warning in answer["warnings"]]
    assert all(warning["text"] and warning["references"] for warning in answer["warnings"])
    assert answer["recommendation"]["family"] == "fine_tuning"
    assert answer["recommendation"]["data_needed"]
    assert answer["recommendation"]["evaluation"]
