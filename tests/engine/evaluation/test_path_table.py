"""Tables of paths: what answers rule out, and the bounds of a search in them."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from finetune_advisor.engine.analysis import change_options
from finetune_advisor.engine.analysis.explanation import Explainer
from finetune_advisor.engine.evaluation import path_table
from finetune_advisor.engine.evaluation.path_table import PathTable
from finetune_advisor.engine.model.conditions import ComparedWith, Otherwise
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.references import Reference
from finetune_advisor.engine.model.tree import Branch, Question, Recommendation, Tree
from finetune_advisor.trees import catalog, loader

NAMES, VALUES = ("low", "middle", "high"), range(4)


def compared(name: str, other: str, onwards: str) -> Question:
    branches = (
        Branch(ComparedWith("lt", other), onwards, "Less."),
        Branch(Otherwise(), "no", "Not less."),
    )
    return Question(name, f"Is {name} less than {other}?", name, branches)


@pytest.fixture(scope="module")
def chain() -> Tree:
    """A tree that asks whether three integers ascend."""
    return Tree(
        version="1.0.0",
        status="current",
        released="2026-11-22",
        title="Title",
        source=Reference("Source", "https://example.org/"),
        inputs={n: Input(n, "integer", n, minimum=VALUES[0], maximum=VALUES[-1]) for n in NAMES},
        root="low",
        questions={
            "low": compared("low", "middle", "middle"),
            "middle": compared("middle", "high", "yes"),
        },
        recommendations={end: Recommendation(end, end, "no", "Summary") for end in ("yes", "no")},
    )


def test_a_chain_is_followed_through_what_is_unknown(chain: Tree) -> None:
    """Any answers leave the ends that some completion of them has, though the middle one is unknown."""
    table = PathTable.of(chain, 100)
    assert table is not None
    [block] = table.input_groups
    for answers in product([None, *VALUES], repeat=3):
        given = {name: value for name, value in zip(NAMES, answers, strict=True) if value is not None}
        ends = {
            "yes" if low < middle < high else "no"
            for low, middle, high in product(*([given[n]] if n in given else VALUES for n in NAMES))
        }
        assert ends == {*table.recommendations_of(table.all_paths & ~block.excluded_paths(given))}, given


@pytest.mark.parametrize("kept", [path_table.MAX_CELL_COMBINATIONS, 2])
def test_known_answers_are_told_apart_by_their_order(
    chain: Tree, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    """In one cell or in several, the first time and again, whether results are kept or made anew."""
    monkeypatch.setattr(path_table, "MAX_CELL_COMBINATIONS", kept)
    wide = {name: replace(input_, maximum=1000) for name, input_ in chain.inputs.items()}
    table = PathTable.of(replace(chain, inputs=wide))
    assert table is not None
    [block] = table.input_groups
    for low, middle, high in [*product([0, 400, 500, 600, 1000], repeat=3)] * 2:
        excluded = block.excluded_paths({"low": low, "middle": middle, "high": high})
        end = "yes" if low < middle < high else "no"
        assert table.recommendations_of(table.all_paths & ~excluded) == (end,)
    assert len(block._excluded_by_combination) <= kept


def test_a_block_of_many_combinations_is_cut(chain: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """An explanation that tried only some of them says so."""
    assert not Explainer(chain, PathTable.of(chain)).explain({"low": 1}).truncated
    monkeypatch.setattr(change_options, "MAX_COMBINATIONS", 10)
    assert Explainer(chain, PathTable.of(chain)).explain({"low": 1}).truncated


def test_no_set_of_changes_is_given_twice() -> None:
    """Where changes that go together are found in one order and in the other."""
    tree = loader.load_tree(catalog.BUNDLED_TREES_DIR / "2.0.0.yaml")
    found = Explainer(tree, PathTable.of(tree)).explain({}).counterfactuals
    sets = {(one.recommendation, frozenset(one.changes)) for one in found}

    assert found
    assert len(sets) == len(found)
