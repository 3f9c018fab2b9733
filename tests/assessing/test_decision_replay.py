"""Replays of logs: what is counted, what can't be judged, and that memory stays bounded."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import replace
from io import BytesIO, RawIOBase
from typing import Any

import pytest

from finetune_advisor.assessing import decision_replay
from finetune_advisor.assessing.decision_replay import LogReplay
from finetune_advisor.engine.analysis import replay as engine_replay
from finetune_advisor.engine.analysis import replay_report
from finetune_advisor.engine.analysis.replay_report import DecisionWitness, LogLocation, ReplayReport
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees.catalog import Catalog, load_catalog
from tests.mutants import retargeted, swapped

PROMPTED = {"prompt_engineering_sufficient": True}
RECEIPT = "sha256:" + "0" * 64


@pytest.fixture(scope="module")
def served() -> Catalog:
    """The bundled trees."""
    return load_catalog()


def replay(
    catalog: Catalog, candidate: Tree, *lines: dict[str, Any], witnesses: int = 3
) -> ReplayReport:
    """The report on a log with these lines."""
    replayed = LogReplay(catalog, candidate, witnesses)
    replayed.replay(BytesIO(b"\n".join(json.dumps(line).encode() for line in lines)), "log")
    return replayed.report


def decision(answers: dict[str, Any], *candidates: str, **more: Any) -> dict[str, Any]:
    """A line of a log."""
    return {"answers": answers, "candidates": candidates, **more}


def undecided(tree: Tree, answers: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A line of a log, as a tree decides."""
    return decision(answers, *evaluate(tree, answers).candidates, tree_version=tree.version, **more)


def reasons(report: ReplayReport) -> list[str]:
    """Why lines weren't judged."""
    return [group.reason for group in report.unreadable]


def test_decisions_are_counted_by_pair_and_input(tree: Tree, served: Catalog) -> None:
    """Same, moved and depending ones, with the first of each as witnesses."""
    lines = [
        decision(PROMPTED, "use_prompt_engineering", receipt=RECEIPT),
        decision(PROMPTED | {"kb_tokens": 7}, "use_rag"),
        decision({"prompt_engineering_sufficient": False}, "use_rag"),
        decision(PROMPTED, "use_rag"),
        {"message": "request"},
        {"nothing": 1},
    ]
    report = replay(served, tree, *lines, witnesses=1)

    assert (1, 2, 1) == tuple(map(report.count, ("same", "moved", "depends")))
    assert (4, 1, 1) == (report.decisions, report.other_lines, report.unreadable_count)
    [moved], [depends] = report.groups("moved"), report.groups("depends")
    assert (("use_rag",), ("use_prompt_engineering",)) == (moved.past, moved.verdict.candidates)
    # Answers that the candidate doesn't know aren't shown: nothing says what they are.
    assert [DecisionWitness(LogLocation("log", 2), None, PROMPTED)] == moved.witnesses
    assert {"knowledge_retrieval_problem", "real_time_data_needed"} <= {*depends.verdict.depends_on}
    assert dict.fromkeys(depends.verdict.depends_on, 1) == report.decisions_by_input
    assert 50 == report.moved_percentage()
    assert 75 == report.moved_percentage(count_depends=True)
    assert (
        DecisionWitness(LogLocation("log", 1), RECEIPT, PROMPTED)
        == report.groups("same")[0].witnesses[0]
    )


def test_a_recommendation_of_the_same_family_is_told(served: Catalog) -> None:
    """A move to another id of the same family is a move, and says so."""
    newest = served.trees["3.0.0"]
    root = newest.questions[newest.root]
    ids = {name: recommendation.family for name, recommendation in newest.recommendations.items()}
    [name] = [branch.to for branch in root.branches if branch.to in ids][:1]
    renamed = replace(newest.recommendations[name], id="renamed")
    candidate = replace(
        newest,
        recommendations={**newest.recommendations, "renamed": renamed},
        questions={
            question.id: replace(
                question,
                branches=tuple(
                    replace(branch, to="renamed") if branch.to == name else branch
                    for branch in question.branches
                ),
            )
            for question in newest.questions.values()
        },
    )
    recommendations = {key: value for key, value in candidate.recommendations.items() if key != name}
    candidate = replace(candidate, recommendations=recommendations)
    [answer] = [
        newest.inputs[root.input].value(condition.domain.least)  # type: ignore[union-attr]  # no comparison
        for condition, branch in newest.branch_conditions[root.id]
        if branch.to == name
    ][:1]
    report = replay(served, candidate, decision({root.input: answer}, name))
    [moved] = report.groups("moved")

    assert ((name,), ("renamed",)) == (moved.past, moved.verdict.candidates)
    assert report.stays_in_family(moved)


def test_undecided_decisions_are_compared_with_their_own_tree(tree: Tree, served: Catalog) -> None:
    """By digest if the line has it, else by version; a candidate with a served version isn't taken for it."""
    edited = replace(next(swapped(tree)), version="1.0.0")
    by_version = replay(served, edited, undecided(tree, {}))
    by_digest = replay(served, edited, undecided(tree, {}, tree_digest=tree.digest))
    by_itself = replay(served, edited, undecided(edited, {}, tree_digest=edited.digest))

    assert 0 == by_version.count("same") == by_digest.count("same")
    assert 1 == by_itself.count("same")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, "undecided by a tree that the line doesn't name, which isn't served here"),
        ({"tree_version": "7.7.7"}, "undecided by tree 7.7.7, which isn't served here"),
        (
            {"tree_version": "1.0.0", "tree_digest": RECEIPT},
            "undecided by tree 1.0.0, which isn't served here",
        ),
        ({"tree_version": "2.0.0"}, "the candidates can't come from tree 2.0.0 and these answers"),
        (
            {"tree_version": "x" * 999},
            "undecided by a tree that the line doesn't name, which isn't served here",
        ),
    ],
)
def test_undecided_decisions_need_their_tree(
    tree: Tree, served: Catalog, more: dict[str, Any], reason: str
) -> None:
    """Without it, only those that have no candidate in common are judged: they moved."""
    candidates = "consider_finetuning", "use_smaller_model"
    report = replay(
        served,
        tree,
        decision({"prompt_engineering_sufficient": False}, *candidates, **more),
        decision(PROMPTED, *candidates, **more),
    )
    assert [reason] == reasons(report)
    assert (1, 1) == (report.count("moved"), report.decisions)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"prompt_engineering_sufficient": 1}, "prompt_engineering_sufficient: not a value"),
        ({"prompt_engineering_sufficient": "yes"}, "prompt_engineering_sufficient: not a value"),
        ({"prompt_engineering_sufficient": [True]}, "prompt_engineering_sufficient: not a value"),
        ({"kb_tokens": -1}, "kb_tokens: not a value of this input in tree 2.0.0"),
        ({"kb_tokens": 1.5}, "kb_tokens: not a value"),
        ({"kb_tokens": True}, "kb_tokens: not a value"),
        ({"rag_status": "maybe"}, "rag_status: not a value"),
        ({"rag_status": {}}, "rag_status: not a value"),
    ],
)
def test_values_that_the_candidate_cannot_have_are_not_judged(
    served: Catalog, answers: dict[str, Any], reason: str
) -> None:
    """Even right after an equal value of the right type: 1 is no boolean, and true no number."""
    valid = {"prompt_engineering_sufficient": True, "kb_tokens": 1, "rag_status": "below_target"}
    candidate = served.trees["2.0.0" if answers.keys().isdisjoint(PROMPTED) else "1.0.0"]
    before = {name: valid[name] for name in answers}
    report = replay(served, candidate, decision(before, "x"), decision(answers, "x"))

    assert 1 == report.decisions == report.unreadable_count
    assert reasons(report)[0].startswith(reason)


def test_unknown_answers_may_be_null_and_other_inputs_anything(tree: Tree, served: Catalog) -> None:
    """A table has null for them; answers that the candidate doesn't know are of no effect."""
    answers = PROMPTED | {"data_sensitive": None, "kb_tokens": "many", "no_such_input": {}}
    report = replay(served, tree, decision(answers, "use_prompt_engineering", tree_version="2.0.0"))

    assert 1 == report.count("same")
    assert [PROMPTED] == [witness.answers for witness in report.groups("same")[0].witnesses]


def test_an_undecided_decision_needs_valid_answers_for_both_trees(tree: Tree, served: Catalog) -> None:
    """The tree that made it is asked, too."""
    line = decision({"kb_tokens": "many"}, "use_rag", "use_api", tree_version="2.0.0")

    assert ["kb_tokens: not a value of this input in its own tree"] == reasons(
        replay(served, tree, line)
    )


def test_an_input_with_another_meaning_is_not_mistaken(served: Catalog) -> None:
    """A number in another unit says something else; with other limits only undecided decisions are lost."""
    old = served.trees["2.0.0"]
    months = old.inputs["payback_months"]

    def candidate(**fields: Any) -> Tree:
        inputs = {**old.inputs, months.name: replace(months, **fields)}
        return replace(old, version="9.9.9", inputs=inputs)

    unit = replay(
        served,
        candidate(unit="days"),
        decision({"payback_months": 3}, "use_api", tree_version="2.0.0"),
        decision({}, "use_api", tree_version="2.0.0"),
    )
    limits = replay(
        served,
        candidate(maximum=5),
        decision({"payback_months": 3}, "use_api", tree_version="2.0.0"),
        undecided(old, {"payback_months": 3}),
    )

    assert ["payback_months: another unit than in tree 2.0.0"] == reasons(unit)
    assert ["undecided by tree 2.0.0, where other values are valid for payback_months"] == reasons(
        limits
    )
    assert 1 == unit.decisions == limits.decisions


@pytest.mark.parametrize("candidates", [("Use RAG",), ("a", 1), ("x" * 65,), (None, "a")])
def test_outcomes_are_names(tree: Tree, served: Catalog, candidates: tuple[Any, ...]) -> None:
    """No text of a log gets into the report that isn't the name of a recommendation."""
    report = replay(served, tree, decision(PROMPTED, *candidates))

    assert ["the recommendation or a candidate isn't the id of one"] == reasons(report)


def test_groups_and_reasons_are_bounded(
    tree: Tree, served: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log may name any number of recommendations: beyond a limit they are counted together."""
    monkeypatch.setattr(replay_report, "MAX_GROUPS", 3)
    monkeypatch.setattr(replay_report, "MAX_LOCATIONS", 1)
    outcomes = [decision(PROMPTED, f"r{number}") for number in range(9)]
    versions = [decision({}, "use_rag", "use_api", tree_version=f"8.{n}.0") for n in range(9)]
    report = replay(served, tree, *outcomes, *versions, witnesses=1)
    moved = report.groups("moved")

    assert [6, 1, 1, 1] == [group.count for group in moved]
    assert (replay_report.OTHER_OUTCOMES, 1) == (moved[0].past, len(moved[0].witnesses))
    assert [6, 1, 1, 1] == [group.count for group in report.unreadable]
    assert replay_report.OTHER_REASONS == report.unreadable[0].reason
    assert [1, 1, 1, 1] == [len(group.locations) for group in report.unreadable]


class EndlessLog(RawIOBase):
    """A log that is made while it is read."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)

    def readline(self, size: int | None = -1, /) -> bytes:
        return next(self._lines, b"")


def numbered_lines(tree: Tree, count: int) -> Iterator[bytes]:
    """Decisions with ever new numbers, decided and not."""
    for number in range(count):
        answers = {"kb_tokens": number, "eval_examples": number * 7 % 5000}
        line = undecided(tree, answers) if number % 400 == 0 else decision(answers, f"r{number % 2000}")
        yield json.dumps(line).encode() + b"\n"


def test_memory_does_not_grow_with_the_log(served: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches are emptied when they are full, and witnesses are few."""
    monkeypatch.setattr(decision_replay, "CACHE_SIZE", 64)
    monkeypatch.setattr(engine_replay, "CACHE_SIZE", 8)
    tree = served.trees["3.0.0"]
    replayed = LogReplay(served, next(retargeted(tree)), 1)
    used = []
    tracemalloc.start()
    for count in (2000, 8000):
        replayed.replay(EndlessLog(numbered_lines(tree, count)), "log")  # type: ignore[arg-type]  # read by lines
        used.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()

    assert 10_000 == replayed.report.decisions
    # A line that left only a hundred bytes behind would exceed it.
    assert used[1] - used[0] < 600_000
