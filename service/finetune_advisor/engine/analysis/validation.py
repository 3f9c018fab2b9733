"""Soundness: what keeps a tree from being served, each fault with its place and its remedy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from graphlib import CycleError
from math import inf

from finetune_advisor.engine.evaluation.exact import (
    MAX_WALK_STEPS,
    TooManyWalkStepsError,
    reachable_branches,
)
from finetune_advisor.engine.model.conditions import (
    ALL_RELATIONS,
    ComparedWith,
    InChoices,
    InRange,
    Otherwise,
    Test,
    domain_of_test,
    relations_of_test,
)
from finetune_advisor.engine.model.domain import Domain, Position
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.region import Region
from finetune_advisor.engine.model.tree import Branch, Question, Tree

RESERVED_CHOICES = frozenset({"unknown", "otherwise"})
"""Words that stand for an answer that isn't given, or isn't said."""


@dataclass(frozen=True)
class TreeFault:
    """What is wrong with a tree: where in the document, what, and what to do about it."""

    pointer: tuple[str | int, ...]
    problem: str
    remedy: str


def find_faults(tree: Tree) -> list[TreeFault]:
    """Every fault of a tree, none for a sound one: no cycle, no dangling name, nothing unreachable, the
    branches of each question disjoint and covering every value, every input asked about.

    A later check needs the earlier ones to hold, so the first that finds something ends the search.
    """
    for check in (
        _check_ranges,
        _check_names,
        _check_test_types,
        _check_unasked_inputs,
        _check_coverage,
        _check_cycles,
        _check_reachability,
    ):
        found = list(check(tree))
        if found:
            return found
    return []


def _check_ranges(tree: Tree) -> Iterator[TreeFault]:
    for one in tree.inputs.values():
        here = ("inputs", one.name)
        yield from _choice_faults(one, here)
        if one.is_numeric:
            yield from _end_faults(one, here)
        else:
            for field in ("unit", "minimum", "maximum"):
                if getattr(one, field) not in (None, ""):
                    yield TreeFault(
                        (*here, field), f"{one.type} inputs have no {field}", f"remove {field}"
                    )


def _choice_faults(one: Input, here: tuple[str, ...]) -> Iterator[TreeFault]:
    for index, choice in enumerate(one.choices):
        if choice in RESERVED_CHOICES:
            problem = f"{choice} is not for choices: metrics say it of answers that aren't given"
            yield TreeFault(
                (*here, "choices", index), problem, "leave the input out, or use another word"
            )
    if one.type == "enum" and len(set(one.choices)) < max(2, len(one.choices)):
        yield TreeFault((*here, "choices"), "an enum needs two choices or more, each once", "list them")
    if one.type != "enum" and one.choices:
        yield TreeFault((*here, "choices"), f"{one.type} inputs have no choices", "remove choices")


def _end_faults(one: Input, here: tuple[str, ...]) -> Iterator[TreeFault]:
    for field in ("minimum", "maximum"):
        end = getattr(one, field)
        if one.type == "integer" and end is not None and end != int(end):
            yield TreeFault((*here, field), "a fraction is no end for integers", "use a whole number")
    if one.lowest >= one.highest:
        yield TreeFault(here, "the range holds fewer than two values", "set minimum below maximum")


def _check_names(tree: Tree) -> Iterator[TreeFault]:
    for name in sorted(tree.questions.keys() & tree.recommendations.keys()):
        problem = f"{name} names a question and a recommendation"
        yield TreeFault(("recommendations", name), problem, "rename one of them")
    if "none" in tree.recommendations:
        problem = "none is what metrics say while nothing is decided"
        yield TreeFault(("recommendations", "none"), problem, "use another name")
    if tree.root not in tree.questions:
        yield TreeFault(("root",), f"there is no question {tree.root}", "name the first question")
    for question in tree.questions.values():
        here = ("questions", question.id)
        if question.input not in tree.inputs:
            yield TreeFault(
                (*here, "input"), f"there is no input {question.input}", "declare it in inputs"
            )
        yield from _branch_names(tree, question)
    yield from _prose_names(tree)


def _check_unasked_inputs(tree: Tree) -> Iterator[TreeFault]:
    asked = {name for question in tree.questions.values() for name in question.inputs}
    asked.update(name for rule in tree.warnings for one in rule.when for name in one.inputs)
    for name in tree.inputs:
        if name not in asked:
            yield TreeFault(
                ("inputs", name), "no question asks about this input", "ask about it or remove it"
            )


def _branch_names(tree: Tree, question: Question) -> Iterator[TreeFault]:
    for index, branch in enumerate(question.branches):
        here = ("questions", question.id, "branches", index)
        leaf = branch.to in tree.recommendations
        if not leaf and branch.to not in tree.questions:
            problem = f"there is no question or recommendation {branch.to}"
            yield TreeFault((*here, "to"), problem, "declare it or correct the name")
        elif leaf and not branch.reason:
            yield TreeFault(here, f"the branch ends in {branch.to} without a reason", "add reason")
        elif branch.reason and not leaf:
            problem = f"the branch gives a reason but leads on to the question {branch.to}"
            yield TreeFault(
                (*here, "reason"), problem, "give the reason where the recommendation is reached"
            )
        if isinstance(branch.test, ComparedWith) and branch.test.input not in tree.inputs:
            problem = f"there is no input {branch.test.input}"
            yield TreeFault((*here, branch.test.operator), problem, "declare it in inputs")


def _prose_names(tree: Tree) -> Iterator[TreeFault]:
    for leaf in tree.recommendations.values():
        for index, other in enumerate(leaf.alternatives):
            if other.id == leaf.id or other.id not in tree.recommendations:
                pointer = ("recommendations", leaf.id, "alternatives", index, "id")
                yield TreeFault(pointer, f"{other.id} is no other recommendation", "name another one")
    yield from _warning_names(tree)
    for index, situation in enumerate(tree.situations):
        for place, name in enumerate(situation.questions):
            if name not in tree.questions:
                here = ("situations", index, "questions", place)
                yield TreeFault(here, f"there is no question {name}", "correct the name")


def _warning_names(tree: Tree) -> Iterator[TreeFault]:
    for index, warning in enumerate(tree.warnings):
        here = ("warnings", index)
        for place, name in enumerate(warning.recommendations):
            if name not in tree.recommendations:
                pointer = (*here, "recommendations", place)
                yield TreeFault(pointer, f"there is no recommendation {name}", "correct the name")
        for place, one in enumerate(warning.when):
            for name in one.inputs:
                if name not in tree.inputs:
                    pointer = (*here, "when", place)
                    yield TreeFault(pointer, f"there is no input {name}", "declare it in inputs")


def _warning_types(tree: Tree) -> Iterator[TreeFault]:
    for index, warning in enumerate(tree.warnings):
        for place, one in enumerate(warning.when):
            here = ("warnings", index, "when", place)
            if isinstance(one.test, Otherwise):
                yield TreeFault(here, "otherwise says nothing by itself", "use another test")
                continue
            others = {one.test.input} if isinstance(one.test, ComparedWith) else set()
            problem = _type_problem(tree, tree.inputs[one.input], one.test, others)
            if problem:
                yield TreeFault(here, *problem)
            elif not others and not domain_of_test(tree.inputs[one.input], one.test):
                yield TreeFault(
                    here, f"no value of {one.input} passes", "correct the test, or remove it"
                )


def _check_test_types(tree: Tree) -> Iterator[TreeFault]:
    yield from _warning_types(tree)
    for question in tree.questions.values():
        one = tree.inputs[question.input]
        others = {b.test.input for b in question.branches if isinstance(b.test, ComparedWith)}
        for index, branch in enumerate(question.branches):
            problem = _type_problem(tree, one, branch.test, others)
            if problem:
                here = ("questions", question.id, "branches", index)
                yield TreeFault(here, *problem)
        defaults = [i for i, b in enumerate(question.branches) if isinstance(b.test, Otherwise)]
        if defaults and defaults != [len(question.branches) - 1]:
            here = ("questions", question.id, "branches", defaults[0])
            yield TreeFault(here, "otherwise stands before another branch", "put one otherwise, last")


def _type_problem(tree: Tree, one: Input, test: Test, others: set[str]) -> tuple[str, str] | None:
    match test:
        case InChoices(values):
            return _choice_problem(one, values)
        case InRange():
            return _range_problem(one, test, others)
        case ComparedWith(_, other):
            return _comparison_problem(one, tree.inputs[other], others)
    return None


def _choice_problem(one: Input, values: tuple[bool | str, ...]) -> tuple[str, str] | None:
    allowed = (False, True) if one.type == "boolean" else one.choices
    if one.is_numeric:
        return f"is and in don't fit the {one.type} input {one.name}", "use lt, lte, gt, gte"
    if one.type == "boolean" and any(value in ("true", "false") for value in values):
        return f"true and false in quotes are text, and {one.name} is a boolean", "remove the quotes"
    if any(isinstance(value, bool) and str(value).lower() in one.choices for value in values):
        return f"without quotes this is a boolean, and {one.name} is an enum", "quote it"
    if not set(values) <= set(allowed) or len(set(values)) < len(values):
        options = ", ".join(str(value).lower() for value in allowed)
        given = ", ".join(str(value).lower() for value in values)
        return f"{given}: not answers to {one.name}, each once", f"choose from {options}"
    return None


def _range_problem(one: Input, test: InRange, others: set[str]) -> tuple[str, str] | None:
    if not one.is_numeric:
        return f"lt, lte, gt, gte don't fit the {one.type} input {one.name}", "use is or in"
    if others:
        return "one question compares with numbers and with an input", "split the question"
    ends = [end.value for end in (test.lower, test.upper) if end]
    if one.type == "integer" and any(end != int(end) for end in ends):
        return f"a fraction is no bound for the integer {one.name}", "use a whole number"
    return None


def _comparison_problem(one: Input, other: Input, others: set[str]) -> tuple[str, str] | None:
    if len(others) > 1:
        return "one question compares with several inputs", "split the question"
    if one.name == other.name:
        return f"{one.name} is compared with itself", "name another input"
    if not (one.is_numeric and other.is_numeric):
        return "only numbers can be compared", "compare integer or number inputs"
    if one.unit != other.unit:
        return f"{one.name} and {other.name} have different units", "compare inputs of one unit"
    return None


def _check_coverage(tree: Tree) -> Iterator[TreeFault]:
    for question in tree.questions.values():
        if question.compared_to is None:
            yield from _domain_cover(question, tree.inputs[question.input])
        else:
            yield from _relation_cover(question)


def _domain_cover(question: Question, one: Input) -> Iterator[TreeFault]:
    here = ("questions", question.id, "branches")
    domains = [domain_of_test(one, branch.test) for branch in question.branches]
    left = one.axis
    for index, (domain, branch) in enumerate(zip(domains, question.branches, strict=True)):
        taken = left if isinstance(branch.test, Otherwise) else domain
        if not taken:
            yield TreeFault((*here, index), f"no value of {one.name} takes this branch", "remove it")
        left -= taken
    for (first, second), position in _overlaps(domains).items():
        problem = f"overlaps branch {first + 1}, for example at {_shown(one, position)}"
        yield TreeFault((*here, second), problem, "make the tests disjoint")
    if left:
        problem = f"no branch takes {one.name} = {_shown(one, left.least)}"
        yield TreeFault(here, problem, "add a branch, or otherwise")


def _overlaps(domains: Iterable[Domain]) -> dict[tuple[int, int], Position]:
    """Pairs of branches that overlap, each with the least position that both take.

    Every span that overlaps one before it is in a pair; not every pair is found, as there can be a square
    of them.
    """
    spans = sorted(
        (low, high, index) for index, domain in enumerate(domains) for low, high in domain.spans
    )
    pairs: dict[tuple[int, int], Position] = {}
    furthest, holder = -inf, 0
    for low, high, index in spans:
        if low <= furthest:
            pairs.setdefault((min(holder, index), max(holder, index)), low)
        if high > furthest:
            furthest, holder = high, index
    return pairs


def _shown(one: Input, position: int | float) -> str:
    value = one.value(position)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _relation_cover(question: Question) -> Iterator[TreeFault]:
    here = ("questions", question.id, "branches")
    left = ALL_RELATIONS
    for index, branch in enumerate(question.branches):
        relations = left if isinstance(branch.test, Otherwise) else relations_of_test(branch.test)
        if not relations:
            yield TreeFault((*here, index), "nothing is left for otherwise", "remove it")
        if relations - left:
            yield TreeFault((*here, index), "overlaps an earlier branch", "make the tests disjoint")
        left -= relations
    if left:
        sign = min(left)
        problem = f"no branch takes {question.input} {sign} {question.compared_to}"
        yield TreeFault(here, problem, "add a branch, or otherwise")


def _check_cycles(tree: Tree) -> Iterator[TreeFault]:
    try:
        _ = tree.topological_index
    except CycleError as error:
        cycle = error.args[1]
        way = " -> ".join(cycle)
        yield TreeFault(("questions", cycle[0]), f"the questions form a cycle: {way}", "break it")


def _check_reachability(tree: Tree) -> Iterator[TreeFault]:
    taken: dict[str, set[Branch]] = {}
    try:
        for node, branches in reachable_branches(tree, Region(tree.axes, {}), MAX_WALK_STEPS):
            taken.setdefault(node, set()).update(branches)
    except TooManyWalkStepsError:
        problem = "the questions repeat or compare so many inputs that the tree can't be proven sound"
        yield TreeFault(("questions",), problem, "ask again about fewer inputs, or compare fewer")
        return
    reached = {tree.root, *(branch.to for branches in taken.values() for branch in branches)}
    for kind, nodes in (("questions", tree.questions), ("recommendations", tree.recommendations)):
        for name in nodes:
            if name not in reached:
                yield TreeFault((kind, name), "no profile comes here", "lead a branch here or remove it")
    for name, possible in taken.items():
        for index, branch in enumerate(tree.questions[name].branches):
            if branch not in possible:
                problem = "the answers that lead here contradict this branch, so nothing takes it"
                yield TreeFault(("questions", name, "branches", index), problem, "remove it")
