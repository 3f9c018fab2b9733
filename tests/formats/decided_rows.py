"""Rows for queries to decide: profiles of every kind, and what the service's engine says of them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from math import inf, nan, nextafter
from random import Random
from typing import Any

from finetune_advisor.engine.analysis import coverage
from finetune_advisor.engine.evaluation.compiled import CompiledTree
from finetune_advisor.engine.evaluation.exact import Assessment, evaluate
from finetune_advisor.engine.model.domain import MAX_SAFE_INTEGER
from finetune_advisor.engine.model.inputs import Input, Profile
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees import catalog, loader
from tests.conftest import ROOT
from tests.formats import profiles

Decision = tuple[str, str | None, str | None, str | None]
"""The status, the recommendation, its verdict and the candidates."""
BUNDLED_VERSIONS = ("1.0.0", "2.0.0", "3.0.0")
INVALID: Decision = ("invalid", None, None, None)
DENSITIES = (0.1, 0.4, 0.7, 0.95, 1.0)


def partial_profiles(tree: Tree, count: int, seed: int = 0) -> list[Profile]:
    """Complete and partial profiles, most of them along a path of the tree; the same each time.

    Numbers lie at the thresholds of their input and of those that it is compared with, right next to them,
    and anywhere.
    """
    random = Random(f"{tree.digest} {seed}")  # not for secrets
    witnesses = [path.witness for path in coverage.list_paths(tree) or ()]
    groups = {name: names for names in tree.input_groups for name in names}
    answers = {
        name: [*profiles.answers(tree, input_, groups[name]), *_anywhere(input_, random)]
        for name, input_ in tree.inputs.items()
    }
    return [_partial_profile(answers, witnesses, random) for _ in range(count)]


def _anywhere(input_: Input, random: Random) -> Iterator[int | float]:
    if input_.is_numeric:
        for _ in range(3):
            number = random.uniform(input_.lowest, input_.highest)
            yield int(number) if input_.type == "integer" else number


def _partial_profile(
    answers: Mapping[str, Sequence[Any]], witnesses: Sequence[Profile], random: Random
) -> Profile:
    complete = {name: random.choice(values) for name, values in answers.items()}
    # Few profiles reach the deep questions of a large tree by chance.
    if witnesses and random.random() < 0.7:
        complete |= random.choice(witnesses)
        complete |= {name: random.choice(answers[name]) for name in random.choices([*answers], k=2)}
    density = random.choice(DENSITIES)
    return {name: value for name, value in complete.items() if random.random() < density}


def expected(tree: Tree, asked: Sequence[Profile], exact: int = 200) -> list[Decision]:
    """What the engine says of profiles with valid answers; by its definition, of the first `exact` ones."""
    compiled = CompiledTree(tree)
    slowly = [_decision(evaluate(tree, profile)) for profile in asked[:exact]]
    return slowly + [_decision(compiled.evaluate(profile)) for profile in asked[exact:]]


def _decision(assessment: Assessment) -> Decision:
    recommendation = assessment.recommendation
    return (
        assessment.status,
        recommendation and recommendation.id,
        recommendation and recommendation.finetune,
        ",".join(assessment.candidates),
    )


def invalid_answers(input_: Input) -> list[Any]:
    """Answers that a column can carry and that the input can't have, with NaN and infinity."""
    if input_.type == "boolean":
        return []
    if input_.type == "enum":
        choice = input_.choices[0]
        return ["unknown", "", choice.upper(), f"{choice} ", f" {choice}"]
    low, high = float(input_.lowest), float(input_.highest)
    outside = [
        nextafter(low, -inf),
        nextafter(high, inf),
        -inf,
        inf,
        nan,
        -1e300,
        MAX_SAFE_INTEGER + 1.0,
    ]
    if input_.type == "integer":
        halves = [math.floor(low) + 0.5, math.ceil(high) - 0.5, 2**40 + 0.5]
        outside += [number for number in halves if number != int(number)]
    return outside


def with_invalid_answers(tree: Tree, *, nan_is_null: bool = False) -> list[Profile]:
    """Partial profiles with an invalid answer: each invalid answer of each input, and each of them alone."""
    invalid = [
        {name: value}
        for name, input_ in tree.inputs.items()
        for value in invalid_answers(input_)
        if not (nan_is_null and value != value)  # noqa: PLR0124 - NaN alone
    ]
    drawn = partial_profiles(tree, len(invalid), seed=1)
    return invalid + [{**profile, **answer} for profile, answer in zip(drawn, invalid, strict=True)]


def decision_table(version: str) -> tuple[list[Profile], list[Decision]]:
    """The rows of the decision table that was released with a tree, and what it says of each."""
    path = ROOT / "tests" / "golden" / version / "conformance" / "table.json"
    table = json.loads(path.read_text(encoding="utf-8"))
    outcomes = [outcome["recommendation"] for outcome in table["outcomes"]]
    tree = bundled(version)
    rows = [
        {n: value for n, value in zip(table["inputs"], answers, strict=True) if value is not None}
        for *answers, _ in table["rows"]
    ]
    ends = [outcomes[row[-1]] for row in table["rows"]]
    return rows, [("decided", end, tree.recommendations[end].finetune, end) for end in ends]


def bundled(version: str) -> Tree:
    """A bundled tree."""
    return loader.load_tree(catalog.BUNDLED_TREES_DIR / f"{version}.yaml")
