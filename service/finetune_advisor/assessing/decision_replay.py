"""Replays logs of past decisions with a candidate tree, and counts what moves."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import IO, Any

import orjson
from semver import Version

from finetune_advisor.assessing.decision_logs import (
    LoggedDecision,
    UnreadableLine,
    iter_log,
)
from finetune_advisor.engine.analysis.replay import DecisionReplay, find_conflicting_inputs
from finetune_advisor.engine.analysis.replay_report import (
    DecisionGroup,
    DecisionWitness,
    LogLocation,
    ReplayReport,
)
from finetune_advisor.engine.evaluation.compiled import CompiledTree
from finetune_advisor.engine.model.inputs import Input, Profile, Value
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.schemas.requests import profile_schema
from finetune_advisor.trees.catalog import Catalog
from finetune_advisor.trees.document_schema import NAME_PATTERN

IS_NAME = re.compile(NAME_PATTERN).match
CACHE_SIZE = 4096
"""The logged decisions whose group is kept, with up to 1 KB each. Logs of booleans and enums repeat often."""


class _CannotJudgeError(Exception):
    """A decision can't be judged; the message says why."""


class LogReplay:
    """Judges each decision of some logs with a candidate tree, in constant memory.

    `catalog` has the trees that may have made the decisions. `report` has the counts so far.
    """

    def __init__(self, catalog: Catalog, candidate: Tree, max_witnesses: int) -> None:
        self._candidate, self._replay = candidate, DecisionReplay(candidate)
        # Served trees come last: a document with the version of one doesn't take its place.
        self._trees = (candidate, *catalog.retired.values(), *catalog.trees.values())
        self._deciding_trees = _DecidingTrees(self._trees, candidate)
        self._cache: dict[bytes, DecisionGroup] = {}
        families = {
            name: recommendation.family
            for tree in self._trees
            for name, recommendation in tree.recommendations.items()
        }
        self.report = ReplayReport(candidate, families, max_witnesses)

    def replay(self, file: IO[bytes], name: str) -> None:
        """Judge the decisions of a file. Raises BadFileError if it can't be read."""
        report = self.report
        # Logs may have answers to inputs that only the deciding tree asks for.
        input_names = frozenset(chain.from_iterable(tree.inputs for tree in self._trees))
        for entry in iter_log(file, name, input_names):
            if isinstance(entry, LoggedDecision):
                try:
                    group = self._find_group(entry)
                except _CannotJudgeError as error:
                    # A line that can't be judged must not hide what the other lines say.
                    report.count_unreadable(str(error), LogLocation(name, entry.line))
                    continue
                group.count += 1
                if len(group.witnesses) < report.max_witnesses:
                    group.witnesses.append(self._witness(entry, name))
            elif isinstance(entry, UnreadableLine):
                report.count_unreadable(entry.reason, LogLocation(name, entry.line))
            else:
                report.other_lines += 1

    def _find_group(self, decision: LoggedDecision) -> DecisionGroup:
        """Return the group that a decision belongs to, from a cache. Raises _CannotJudgeError."""
        try:
            # The text tells true from 1, which are equal in Python.
            key = orjson.dumps(decision[1:5])
        except orjson.JSONEncodeError:
            raise _CannotJudgeError("the answers have values that no input takes") from None
        group = self._cache.get(key)
        if group is None:
            group = self._judge(decision)
            # Emptied when full, as the caches of answers are.
            if len(self._cache) >= CACHE_SIZE:
                self._cache.clear()
            # orjson leaves room behind its text; a copy has none.
            self._cache[bytes(memoryview(key))] = group
        return group

    def _judge(self, decision: LoggedDecision) -> DecisionGroup:
        past = _read_outcome(decision.past)
        deciding = self._deciding_trees.find(decision)
        is_decided = len(past) == 1
        answers = self._read_answers(decision.answers, deciding, is_decided=is_decided)
        # What was decided is known from the log; only an undecided decision needs the tree that made it.
        obstacle = "" if is_decided else _find_obstacle(decision, deciding, answers, past)
        comparable = deciding.tree if deciding and not obstacle else None
        verdict = self._replay.judge(answers, past, comparable)
        if verdict is None:
            raise _CannotJudgeError(obstacle)
        return self.report.group_of(past, verdict)

    def _read_answers(
        self, answers: Profile, deciding: _DecidingTree | None, *, is_decided: bool
    ) -> Profile:
        """Return the answers that count, all valid. Raises _CannotJudgeError."""
        inputs = self._candidate.inputs
        if deciding:
            if deciding.other_units and not deciding.other_units.isdisjoint(answers):
                names = ", ".join(sorted(deciding.other_units & answers.keys()))
                raise _CannotJudgeError(f"{names}: another unit than in tree {deciding.tree.version}")
            # Trees ignore inputs of others, so that nearly all logs need no more than this check.
            if deciding.accepts(answers):
                return answers
            inputs = inputs if is_decided else deciding.inputs
        return _read_answers(answers, inputs, self._candidate)

    def _witness(self, decision: LoggedDecision, name: str) -> DecisionWitness:
        # The answers to other inputs weren't checked: they may be anything.
        answers = {
            input_name: value
            for input_name, value in decision.answers.items()
            if input_name in self._candidate.inputs and value is not None
        }
        return DecisionWitness(LogLocation(name, decision.line), decision.receipt, answers)


@dataclass(frozen=True)
class _DecidingTree:
    """A tree that may have made a decision, beside the candidate tree.

    `inputs` are those of both, and `accepts` tells plainly valid answers to them. `conflicts` are the inputs
    whose type, unit or range differs between the two trees. `other_units` are the conflicts whose unit
    differs: an answer can be valid in both trees, and mean different amounts.
    """

    tree: Tree
    compiled: CompiledTree
    inputs: Mapping[str, Input]
    accepts: Callable[[Any], bool]
    conflicts: Sequence[str]
    other_units: frozenset[str]

    @classmethod
    def beside(cls, candidate: Tree, tree: Tree) -> _DecidingTree:
        """Prepare a tree for decisions that the candidate tree judges."""
        conflicts = find_conflicting_inputs(tree, candidate)
        other_units = (n for n in conflicts if tree.inputs[n].unit != candidate.inputs[n].unit)
        both = Catalog({"deciding": tree, "candidate": candidate}, candidate)
        accepts = profile_schema(both)().is_plainly_valid
        return cls(tree, CompiledTree(tree), both.inputs, accepts, conflicts, frozenset(other_units))


class _DecidingTrees:
    """The trees that may have made the decisions of a log, by digest and by version."""

    def __init__(self, trees: Sequence[Tree], candidate: Tree) -> None:
        self._candidate = candidate
        self._by_digest = {tree.digest: tree for tree in trees}
        self._by_version = {tree.version: tree for tree in trees}
        self._prepared: dict[str, _DecidingTree] = {}

    def find(self, decision: LoggedDecision) -> _DecidingTree | None:
        """Return the tree that made a decision: the one with its digest or, without a digest, its version."""
        digest, version = decision.tree_digest, decision.tree_version
        # A version can be served with other content on another day; a digest can't.
        tree = self._by_digest.get(digest) if digest else self._by_version.get(version or "")
        if tree is None:
            return None
        if tree.digest not in self._prepared:
            self._prepared[tree.digest] = _DecidingTree.beside(self._candidate, tree)
        return self._prepared[tree.digest]


def _find_obstacle(
    decision: LoggedDecision, deciding: _DecidingTree | None, answers: Profile, past: tuple[str, ...]
) -> str:
    """Say why the tree that made an undecided decision can't be asked; empty if it can be."""
    version = decision.tree_version or ""
    name = f"tree {version}" if Version.is_valid(version) else "a tree that the line doesn't name"
    if deciding is None:
        return f"undecided by {name}, which isn't served here"
    if deciding.conflicts:
        return f"undecided by {name}, where other values are valid for {', '.join(deciding.conflicts)}"
    if not {*past} <= {*deciding.compiled.candidates(answers)}:
        return f"the candidates can't come from {name} and these answers"
    return ""


def _read_outcome(past: tuple[Any, ...]) -> tuple[str, ...]:
    """Return the candidates of a decision. Raises _CannotJudgeError if they aren't names."""
    if not all(isinstance(name, str) and IS_NAME(name) for name in past):
        raise _CannotJudgeError("the recommendation or a candidate isn't the id of one")
    return past


def _read_answers(answers: Mapping[str, Any], inputs: Mapping[str, Input], candidate: Tree) -> Profile:
    """Return the answers to some inputs. Raises _CannotJudgeError for a value that an input can't have."""
    profile: dict[str, Value] = {}
    for name, value in answers.items():
        if value is not None and name in inputs:
            try:
                inputs[name].position(value)
            except (ValueError, TypeError):
                tree = f"tree {candidate.version}" if name in candidate.inputs else "its own tree"
                raise _CannotJudgeError(f"{name}: not a value of this input in {tree}") from None
            profile[name] = value
    return profile
