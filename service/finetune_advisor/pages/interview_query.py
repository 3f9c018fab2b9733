"""The query of an interview: the tree, the answers and the questions that were skipped, as a URL has them.

The URL is all that there is of an interview, so that each step can be bookmarked, shared and gone back to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from finetune_advisor.assessing.answer_reading import UnreadableAnswerError, read_answer, write_answer
from finetune_advisor.assessing.interview import find_question
from finetune_advisor.engine.model.inputs import Input, Profile, Value
from finetune_advisor.engine.model.tree import Question, Tree
from finetune_advisor.schemas.error_details import MAX_ERRORS, MAX_NAME_LENGTH, unknown_name_detail
from finetune_advisor.trees.catalog import Catalog

TREE, SKIP, SUBMITTED, CHANGE = "tree", "skip", "question", "change"
WORKSHEET_INPUT = "input"
CONTROL_PARAMETERS = (TREE, SKIP, SUBMITTED, CHANGE, WORKSHEET_INPUT)
"""What a query has besides answers: the version, inputs that aren't known, the question whose form was sent,
the question that is asked again, and the input that is being worked out.
"""
MAX_TYPED_LENGTH = 200
"""Characters of a faulty answer that are shown again."""


@dataclass(frozen=True)
class InterviewQuery:
    """What a query says. `faults` says for each input what is wrong with its answer, and `typed` has that
    answer; `problems` say what else can't be read.
    """

    tree: Tree
    answers: Mapping[str, Value] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    submitted: Question | None = None
    change: Question | None = None
    faults: Mapping[str, str] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def parameters(self, *, without: Question | None = None) -> list[tuple[str, str]]:
        """The query in its one form, as names with values; `without` leaves a question out."""
        hidden = without.inputs if without else ()
        pairs = [(TREE, self.tree.version)]
        pairs += [
            (field_name(name), write_answer(self.answers[name]))
            for name in self.tree.inputs
            if name in self.answers and name not in hidden
        ]
        pairs += [
            (SKIP, name) for name in self.skipped if name not in hidden and name not in self.answers
        ]
        return pairs

    def form_fields(self) -> list[tuple[str, str]]:
        """The query with each name once, as fields of a form: the skipped inputs stand in one of them."""
        pairs = [pair for pair in self.parameters() if pair[0] != SKIP]
        skipped = ",".join(name for name in self.skipped if name not in self.answers)
        return [*pairs, (SKIP, skipped)] if skipped else pairs

    def url(self, *, change: Question | None = None) -> str:
        """The query in its one form, to be put behind a path."""
        return f"{self._encoded}&{urlencode({CHANGE: change.id})}" if change else self._encoded

    @cached_property
    def _encoded(self) -> str:
        # A plan has dozens of links that differ in their end alone.
        return f"?{urlencode(self.parameters())}"

    def worksheet_url(self, input_: Input) -> str:
        """The query of the page that works out an input; empty if the input has no worksheet."""
        if input_.worksheet is None:
            return ""
        return f"?{urlencode([*self.parameters(), (WORKSHEET_INPUT, input_.name)])}"

    def with_answers(self, answers: Profile) -> InterviewQuery:
        """The query with other answers to some inputs."""
        return InterviewQuery(self.tree, {**self.answers, **answers}, self.skipped)

    @property
    def missing(self) -> tuple[str, ...]:
        """The inputs of the submitted question that were neither answered nor skipped."""
        if self.submitted is None or set(self.submitted.inputs) & set(self.skipped):
            return ()
        return tuple(name for name in self.submitted.inputs if name not in self.answers)


def field_name(input_name: str) -> str:
    """The name of an input in a query: its own, with a dot at the end if a control has the same name."""
    return f"{input_name}." if input_name in CONTROL_PARAMETERS else input_name


def read_query(catalog: Catalog, arguments: MultiDict[str, str]) -> InterviewQuery:
    """What the query of a request says.

    Raises UnknownVersionError or RetiredVersionError for a tree that isn't served.
    """
    tree = catalog.pick(arguments.get(TREE) or None)
    faults: dict[str, str] = {}
    typed: dict[str, str] = {}
    answers: dict[str, Value] = {}
    for name, input_ in tree.inputs.items():
        texts = [text for text in arguments.getlist(field_name(name)) if text.strip()]
        if len(texts) > 1:
            faults[name] = "Give one answer; the link gives several"
        elif texts:
            try:
                answers[name] = read_answer(input_, texts[0])
            except UnreadableAnswerError as error:
                faults[name] = str(error)
                typed[name] = texts[0][:MAX_TYPED_LENGTH]
    skipped = set(_list_skipped(arguments))
    submitted, change = (find_question(tree, arguments.get(name, "")) for name in (SUBMITTED, CHANGE))
    if submitted and skipped.intersection(submitted.inputs):
        # "I don't know yet" was chosen. A question can be skipped with one of its two numbers given.
        if answers.keys() >= {*submitted.inputs}:
            answers = {name: answers[name] for name in answers if name not in submitted.inputs}
        skipped.update(submitted.inputs)
        faults = {name: fault for name, fault in faults.items() if name not in submitted.inputs}
    unknown = tuple(name for name in tree.inputs if name in skipped and name not in answers)
    problems = tuple(_find_problems(catalog, tree, arguments))
    return InterviewQuery(tree, answers, unknown, submitted, change, faults, typed, problems)


def _list_skipped(arguments: MultiDict[str, str]) -> list[str]:
    """The names of skipped inputs. A form has a single field for them, in which commas separate them."""
    return [name for text in arguments.getlist(SKIP) for name in text.split(",")]


def _find_problems(catalog: Catalog, tree: Tree, arguments: MultiDict[str, str]) -> Iterator[str]:
    """What is wrong with a query apart from its answers, as sentences."""
    known = {field_name(name) for name in catalog.inputs} | set(CONTROL_PARAMETERS)
    unknown = [name for name in arguments if name not in known]
    for name in unknown[:MAX_ERRORS]:
        short = name[:MAX_NAME_LENGTH]
        hint = unknown_name_detail(short, list(tree.inputs)).partition("; known are")[0]
        yield f"'{short}': {hint}"
    if len(unknown) > MAX_ERRORS:
        yield f"{len(unknown) - MAX_ERRORS} more names aren't known"
    for name in (TREE, SUBMITTED, CHANGE, WORKSHEET_INPUT):
        if len(arguments.getlist(name)) > 1:
            yield f"'{name}': it is given more than once; the first one counts"
    strange = [name for name in dict.fromkeys(_list_skipped(arguments)) if name not in catalog.inputs]
    for name in strange[:MAX_ERRORS]:
        yield f"'skip={name[:MAX_NAME_LENGTH]}': the tree asks about nothing of that name"
    for name in (SUBMITTED, CHANGE):
        asked = arguments.get(name, "")
        if asked and not find_question(tree, asked):
            yield f"'{name}={asked[:MAX_NAME_LENGTH]}': the tree has no such question"
