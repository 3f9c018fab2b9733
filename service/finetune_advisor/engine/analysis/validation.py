"""Proofs that a tree is sound. Each fault that is found names its place in the document, and a remedy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
"""Words that can't be choices: in metrics, they label unanswered questions and default branches."""

NUMERIC_TYPES = frozenset({"integer", "number"})
TYPES_BY_FIELD: dict[str, frozenset[str]] = {
    "unit": NUMERIC_TYPES,
    "choices": frozenset({"enum"}),
    "choice_labels": frozenset({"enum"}),
    "choice_help": frozenset({"enum"}),
    "true_label": frozenset({"boolean"}),
    "false_label": frozenset({"boolean"}),
    "minimum": NUMERIC_TYPES,
    "maximum": NUMERIC_TYPES,
}
"""The fields of an input that only some types have."""


@dataclass(frozen=True)
class TreeFault:
    """A fault of a tree: its place in the document, the problem, and what to do about it."""

    pointer: tuple[str | int, ...]
    problem: str
    remedy: str


def find_faults(tree: Tree) -> list[TreeFault]:
    """Return the faults of a tree. A sound tree has none.

    In a sound tree, all names exist, all inputs are asked about, all nodes can be reached, and there is no
    cycle. The branches of each question are disjoint and cover every value. The result has only the faults
    of the first check that finds any.
    """
    # A later check needs trees that pass the earlier ones.
    for check in (
        _check_ranges,
        _check_names,
        _check_test_types,
        _check_unasked_inputs,
        _check_coverage,
        _check_cycles,
        _check_reachability,
    ):
        faults = list(check(tree))
        if faults:
            return faults
    return []


def _check_ranges(tree: Tree) -> Iterator[TreeFault]:
    for input_ in tree.inputs.values():
        pointer = ("inputs", input_.name)
        yield from _choice_faults(input_, pointer)
        if input_.is_numeric:
            yield from _range_end_faults(input_, pointer)
        for field, types in TYPES_BY_FIELD.items():
            if input_.type not in types and getattr(input_, field) not in (None, "", (), {}):
                problem = f"{input_.type} inputs have no {field}"
                yield TreeFault((*pointer, field), problem, f"remove {field}")


def _choice_faults(input_: Input, pointer: tuple[str, ...]) -> Iterator[TreeFault]:
    for index, choice in enumerate(input_.choices):
        if choice in RESERVED_CHOICES:
            problem = f"{choice} is reserved: metrics use it as a label"
            remedy = "use another word; profiles leave out unknown inputs"
            yield TreeFault((*pointer, "choices", index), problem, remedy)
    if input_.type == "enum" and len(set(input_.choices)) < max(2, len(input_.choices)):
        problem = "an enum needs at least two choices, and none twice"
        yield TreeFault((*pointer, "choices"), problem, "list different choices")
    if input_.type == "enum":
        for field in ("choice_labels", "choice_help"):
            for choice in getattr(input_, field).keys() - {*input_.choices}:
                remedy = f"use one of {', '.join(input_.choices)}"
                yield TreeFault((*pointer, field, choice), f"{choice} is not a choice", remedy)
        labels = {
            choice: words for choice, words in input_.choice_labels.items() if choice in input_.choices
        }
        unlabelled = [choice for choice in input_.choices if choice not in labels]
        yield from _repeated_label_faults(labels, unlabelled, (*pointer, "choice_labels"))
    if input_.type == "boolean":
        own = {"true_label": input_.true_label, "false_label": input_.false_label}
        labels = {field: words for field, words in own.items() if words}
        unlabelled = [
            words for field, words in (("true_label", "yes"), ("false_label", "no")) if not own[field]
        ]
        yield from _repeated_label_faults(labels, unlabelled, pointer)


def _repeated_label_faults(
    labels: Mapping[str, str], unlabelled: Iterable[str], pointer: tuple[str, ...]
) -> Iterator[TreeFault]:
    """Yield a fault for each label that reads like an earlier one, or like an answer without a label."""
    # People read an answer without a label by its name: `self_managed` as `Self managed`.
    taken = {name.replace("_", " ").casefold() for name in unlabelled}
    for name, label in labels.items():
        if label.casefold() in taken:
            problem, remedy = "another answer reads the same", "use words that tell them apart"
            yield TreeFault((*pointer, name), problem, remedy)
        taken.add(label.casefold())


def _range_end_faults(input_: Input, pointer: tuple[str, ...]) -> Iterator[TreeFault]:
    for field in ("minimum", "maximum"):
        end = getattr(input_, field)
        if input_.type == "integer" and end is not None and end != int(end):
            problem = f"the {field} of an integer can't be a fraction"
            yield TreeFault((*pointer, field), problem, "use a whole number")
    # A range of one value asks nothing, and an empty one has no valid answer.
    if input_.lowest >= input_.highest:
        yield TreeFault(pointer, "the range holds fewer than two values", "set minimum below maximum")


def _check_names(tree: Tree) -> Iterator[TreeFault]:
    for name in sorted(tree.questions.keys() & tree.recommendations.keys()):
        problem = f"{name} is the name of a question and of a recommendation"
        yield TreeFault(("recommendations", name), problem, "rename one of them")
    if "none" in tree.recommendations:
        problem = "none is reserved: metrics use it for undecided assessments"
        yield TreeFault(("recommendations", "none"), problem, "use another name")
    if tree.root not in tree.questions:
        yield TreeFault(("root",), f"there is no question {tree.root}", "name the first question")
    for question in tree.questions.values():
        if question.input not in tree.inputs:
            pointer = ("questions", question.id, "input")
            yield TreeFault(pointer, f"there is no input {question.input}", "declare it in inputs")
        yield from _branch_names(tree, question)
    yield from _text_names(tree)


def _check_unasked_inputs(tree: Tree) -> Iterator[TreeFault]:
    asked = {name for question in tree.questions.values() for name in question.inputs}
    # A warning may test an input that no question needs.
    asked.update(tree.warning_inputs)
    for name in tree.inputs:
        if name not in asked:
            problem = "no question asks about this input"
            yield TreeFault(("inputs", name), problem, "ask about it or remove it")


def _branch_names(tree: Tree, question: Question) -> Iterator[TreeFault]:
    for index, branch in enumerate(question.branches):
        pointer = ("questions", question.id, "branches", index)
        ends_here = branch.to in tree.recommendations
        if not ends_here and branch.to not in tree.questions:
            problem = f"there is no question or recommendation {branch.to}"
            yield TreeFault((*pointer, "to"), problem, "declare it or correct the name")
        elif ends_here and not branch.reason:
            # An assessment gives the reason of its last branch, and only this one.
            problem = f"the branch ends in {branch.to} without a reason"
            yield TreeFault(pointer, problem, "add reason")
        elif branch.reason and not ends_here:
            problem = f"the branch gives a reason but leads on to the question {branch.to}"
            remedy = "give the reason where the recommendation is reached"
            yield TreeFault((*pointer, "reason"), problem, remedy)
        if isinstance(branch.test, ComparedWith) and branch.test.input not in tree.inputs:
            problem = f"there is no input {branch.test.input}"
            yield TreeFault((*pointer, branch.test.operator), problem, "declare it in inputs")


def _text_names(tree: Tree) -> Iterator[TreeFault]:
    """Yield the faults of names in alternatives, warnings and situations."""
    for recommendation in tree.recommendations.values():
        for index, alternative in enumerate(recommendation.alternatives):
            name = alternative.id
            if name == recommendation.id or name not in tree.recommendations:
                pointer = ("recommendations", recommendation.id, "alternatives", index, "id")
                problem = f"{name} isn't another recommendation of this tree"
                yield TreeFault(pointer, problem, "correct the name")
    yield from _warning_names(tree)
    for index, situation in enumerate(tree.situations):
        for name_index, name in enumerate(situation.questions):
            if name not in tree.questions:
                problem = f"there is no question {name}"
                yield TreeFault(
                    ("situations", index, "questions", name_index), problem, "correct the name"
                )


def _warning_names(tree: Tree) -> Iterator[TreeFault]:
    for index, warning in enumerate(tree.warnings):
        for name_index, name in enumerate(warning.recommendations):
            if name not in tree.recommendations:
                pointer = ("warnings", index, "recommendations", name_index)
                yield TreeFault(pointer, f"there is no recommendation {name}", "correct the name")
        for condition_index, condition in enumerate(warning.when):
            for name in condition.inputs:
                if name not in tree.inputs:
                    pointer = ("warnings", index, "when", condition_index)
                    yield TreeFault(pointer, f"there is no input {name}", "declare it in inputs")


def _check_test_types(tree: Tree) -> Iterator[TreeFault]:
    yield from _warning_types(tree)
    for question in tree.questions.values():
        pointer = ("questions", question.id, "branches")
        input_ = tree.inputs[question.input]
        others = {b.test.input for b in question.branches if isinstance(b.test, ComparedWith)}
        for index, branch in enumerate(question.branches):
            problem = _type_problem(tree, input_, branch.test, others)
            if problem:
                yield TreeFault((*pointer, index), *problem)
        defaults = [i for i, b in enumerate(question.branches) if isinstance(b.test, Otherwise)]
        if defaults and defaults != [len(question.branches) - 1]:
            message = "otherwise comes before another branch"
            yield TreeFault(
                (*pointer, defaults[0]), message, "use otherwise only once, in the last branch"
            )


def _warning_types(tree: Tree) -> Iterator[TreeFault]:
    for index, warning in enumerate(tree.warnings):
        for condition_index, condition in enumerate(warning.when):
            pointer = ("warnings", index, "when", condition_index)
            input_, test = tree.inputs[condition.input], condition.test
            if isinstance(test, Otherwise):
                yield TreeFault(pointer, "a warning can't test otherwise", "use another test")
                continue
            others = {test.input} if isinstance(test, ComparedWith) else set()
            problem = _type_problem(tree, input_, test, others)
            if problem:
                yield TreeFault(pointer, *problem)
            elif not others and not domain_of_test(input_, test):
                message = f"no value of {input_.name} passes this test"
                yield TreeFault(pointer, message, "correct the test, or remove it")


def _type_problem(
    tree: Tree, input_: Input, test: Test, compared_inputs: set[str]
) -> tuple[str, str] | None:
    """Return the problem and the remedy if a test doesn't fit the type of its input.

    `compared_inputs` has the inputs that the question or warning compares with.
    """
    match test:
        case InChoices(values):
            return _choice_problem(input_, values)
        case InRange():
            return _range_problem(input_, test, compared_inputs)
        case ComparedWith(_, other):
            return _comparison_problem(input_, tree.inputs[other], compared_inputs)
    return None


def _choice_problem(input_: Input, values: tuple[bool | str, ...]) -> tuple[str, str] | None:
    name = input_.name
    if input_.is_numeric:
        return f"is and in can't test the {input_.type} input {name}", "use lt, lte, gt, gte"
    # YAML authors often confuse true and "true", so these two mistakes get messages of their own.
    if input_.type == "boolean" and any(value in ("true", "false") for value in values):
        return f"true and false in quotes are text, and {name} is a boolean", "remove the quotes"
    if any(isinstance(value, bool) and str(value).lower() in input_.choices for value in values):
        return f"true and false without quotes are booleans, and {name} is an enum", "add quotes"
    allowed = (False, True) if input_.type == "boolean" else input_.choices
    for value in values:
        if value not in allowed:
            options = ", ".join(str(option).lower() for option in allowed)
            return f"{str(value).lower()} isn't a value of {name}", f"choose from {options}"
    if len(set(values)) < len(values):
        return f"a value of {name} is listed twice", "list each value once"
    return None


def _range_problem(input_: Input, test: InRange, compared_inputs: set[str]) -> tuple[str, str] | None:
    if not input_.is_numeric:
        return f"lt, lte, gt, gte can't test the {input_.type} input {input_.name}", "use is or in"
    if compared_inputs:
        return "the question compares with numbers and with an input", "split the question"
    ends = [end.value for end in (test.lower, test.upper) if end]
    if input_.type == "integer" and any(end != int(end) for end in ends):
        return f"the integer {input_.name} can't be compared with a fraction", "use a whole number"
    return None


def _comparison_problem(
    input_: Input, other: Input, compared_inputs: set[str]
) -> tuple[str, str] | None:
    if len(compared_inputs) > 1:
        return "the question compares with several inputs", "split the question"
    if input_.name == other.name:
        return f"{input_.name} is compared with itself", "name another input"
    if not (input_.is_numeric and other.is_numeric):
        return "only numbers can be compared", "compare integer or number inputs"
    # Equal units can't prove that a comparison makes sense, but different ones show that it doesn't.
    if input_.unit != other.unit:
        return f"{input_.name} and {other.name} have different units", "compare inputs of one unit"
    return None


def _check_coverage(tree: Tree) -> Iterator[TreeFault]:
    for question in tree.questions.values():
        if question.compared_to is None:
            yield from _domain_coverage_faults(question, tree.inputs[question.input])
        else:
            yield from _relation_coverage_faults(question)


def _domain_coverage_faults(question: Question, input_: Input) -> Iterator[TreeFault]:
    pointer = ("questions", question.id, "branches")
    domains = [domain_of_test(input_, branch.test) for branch in question.branches]
    remaining = input_.axis
    for index, (domain, branch) in enumerate(zip(domains, question.branches, strict=True)):
        taken = remaining if isinstance(branch.test, Otherwise) else domain
        if not taken:
            problem = f"no value of {input_.name} takes this branch"
            yield TreeFault((*pointer, index), problem, "remove it")
        remaining -= taken
    for (first, second), position in _overlaps(domains).items():
        # People count branches from 1.
        problem = f"overlaps branch {first + 1}, for example at {_value_text(input_, position)}"
        yield TreeFault((*pointer, second), problem, "make the tests disjoint")
    if remaining:
        problem = f"no branch takes {input_.name} = {_value_text(input_, remaining.least)}"
        yield TreeFault(pointer, problem, "add a branch, or otherwise")


def _overlaps(domains: Iterable[Domain]) -> dict[tuple[int, int], Position]:
    """Return pairs of branches that overlap, each with the least position that both take.

    Every span that overlaps an earlier one is in a pair, but not every pair is found.
    """
    # The number of all pairs can be the square of the number of branches.
    spans = sorted(
        (low, high, index) for index, domain in enumerate(domains) for low, high in domain.spans
    )
    pairs: dict[tuple[int, int], Position] = {}
    greatest_end, its_branch = -inf, 0
    for low, high, index in spans:
        if low <= greatest_end:
            pairs.setdefault((min(its_branch, index), max(its_branch, index)), low)
        if high > greatest_end:
            greatest_end, its_branch = high, index
    return pairs


def _value_text(input_: Input, position: int | float) -> str:
    value = input_.value(position)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _relation_coverage_faults(question: Question) -> Iterator[TreeFault]:
    pointer = ("questions", question.id, "branches")
    remaining = ALL_RELATIONS
    for index, branch in enumerate(question.branches):
        is_default = isinstance(branch.test, Otherwise)
        relations = remaining if is_default else relations_of_test(branch.test)
        if not relations:
            yield TreeFault((*pointer, index), "nothing is left for otherwise", "remove it")
        if relations - remaining:
            yield TreeFault((*pointer, index), "overlaps an earlier branch", "make the tests disjoint")
        remaining -= relations
    if remaining:
        relation = min(remaining)  # any one will do; the least one makes the message reproducible
        problem = f"no branch takes {question.input} {relation} {question.compared_to}"
        yield TreeFault(pointer, problem, "add a branch, or otherwise")


def _check_cycles(tree: Tree) -> Iterator[TreeFault]:
    try:
        _ = tree.topological_index
    except CycleError as error:
        cycle = error.args[1]
        arrows = " -> ".join(cycle)
        yield TreeFault(("questions", cycle[0]), f"the questions form a cycle: {arrows}", "break it")


def _check_reachability(tree: Tree) -> Iterator[TreeFault]:
    # A branch that some value takes can still contradict all answers that lead to its question.
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
