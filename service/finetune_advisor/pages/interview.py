"""GET /interview: one question a page, and the plan at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request

from finetune_advisor.assessing.answer_reading import write_answer
from finetune_advisor.assessing.assessor import Assessor
from finetune_advisor.assessing.interview import (
    WARNING_PREFIX,
    Interviewer,
    InterviewState,
    find_question,
    list_settled_questions,
)
from finetune_advisor.engine.analysis.explanation import Explanation
from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.tree import Question, Tree
from finetune_advisor.formats import answer_words
from finetune_advisor.formats.svg import Picture
from finetune_advisor.pages.answer_list import describe_answers
from finetune_advisor.pages.caching import keep_private
from finetune_advisor.pages.interview_query import InterviewQuery, field_name, read_query
from finetune_advisor.pages.plan_page import describe_plan
from finetune_advisor.trees.catalog import Catalog, RetiredVersionError, UnknownVersionError

METRICS_ENDPOINT = "interview"
"""What metrics call a decided result that a page shows."""
MAX_CHANGES_SHOWN = 6
"""Counterfactuals on a plan; the API lists more."""


class Interviews:
    """The interviews about the trees of a catalog."""

    def __init__(
        self, catalog: Catalog, assessors: Mapping[str, Assessor], pictures: Mapping[str, Picture]
    ) -> None:
        self.catalog, self.assessors, self._pictures = catalog, assessors, pictures
        self.interviewers = {version: Interviewer(assessor) for version, assessor in assessors.items()}

    def state(self, query: InterviewQuery) -> InterviewState:
        """Where the interview of a query stands."""
        return self.interviewers[query.tree.version].state(query.answers, query.skipped)

    def explain(self, query: InterviewQuery) -> Explanation:
        """The explanation of a query's answers, as POST /assess/explain gives it."""
        explainer = self.assessors[query.tree.version].explainer
        return explainer.explain(query.answers, limit=MAX_CHANGES_SHOWN)

    def explain_plan(self, query: InterviewQuery) -> Explanation:
        """The explanation that the plan of a query's answers shows."""
        interviewer = self.interviewers[query.tree.version]
        return interviewer.explain_plan(query.answers, MAX_CHANGES_SHOWN)

    def record(self, query: InterviewQuery, assessment: Assessment) -> None:
        """Record a decided result that a page shows, as the other endpoints record theirs."""
        self.assessors[query.tree.version].record(query.answers, assessment, METRICS_ENDPOINT)

    def has_picture(self, tree: Tree) -> bool:
        """Whether there is a picture of a tree: a very large one has none."""
        return self._pictures[tree.version].can_be_drawn


def add_view(blp: Blueprint, interviews: Interviews) -> None:
    """Add the interview."""

    @blp.get("/interview")
    def interview() -> Response:
        """Ask the next question, or show the plan."""
        return keep_private(_answer(interviews))


def _answer(interviews: Interviews) -> Response:
    try:
        query = read_query(interviews.catalog, request.args)
    except (RetiredVersionError, UnknownVersionError) as error:
        return refuse([f"'tree': {error}"], None)
    if query.problems:
        return refuse(query.problems, query)
    if query.faults or query.missing:
        return _ask_again(interviews, query)
    if query.submitted:
        return redirect(f"interview{query.url()}", 303)  # type: ignore[return-value]  # a Response
    state = interviews.state(query)
    question = query.change or state.question
    if question:
        return make_response(_render_question(query, question, state, {}))
    if state.assessment.outcome and request.method == "GET":
        interviews.record(query, state.assessment)
    explanation = interviews.explain_plan(query)
    shown = describe_plan(query, state, explanation, has_picture=interviews.has_picture(query.tree))
    return make_response(render_template("plan.html", **shown))


def refuse(problems: Any, query: InterviewQuery | None) -> Response:
    """The page for a link that can't be read, with the way on."""
    onwards = f"{query.url()}" if query else ""
    page = render_template("unreadable.html", problems=problems, onwards=onwards)
    return make_response(page, 422)


def _ask_again(interviews: Interviews, query: InterviewQuery) -> Response:
    """The page of the question whose answer is at fault, with what was typed."""
    messages = dict(query.faults)
    for name in query.missing:
        messages.setdefault(name, _describe_missing(query.tree.inputs[name]))
    question = next(
        question
        for question in _list_questions(query)
        if question and messages.keys() & {*question.inputs}
    )
    state = interviews.state(query)
    return make_response(_render_question(query, question, state, messages), 422)


def _list_questions(query: InterviewQuery) -> Iterator[Question | None]:
    """Every question, the submitted one first: together they ask about each input of the tree."""
    tree = query.tree
    yield query.submitted
    yield from tree.ordered_questions
    yield from (find_question(tree, f"{WARNING_PREFIX}{name}") for name in tree.warning_inputs)


def _describe_missing(input_: Input) -> str:
    if input_.is_numeric:
        return f"Enter {answer_words.describe_range(input_)}, or choose 'I don't know yet'"
    return "Choose an answer, or 'I don't know yet'"


def _render_question(
    query: InterviewQuery, question: Question, state: InterviewState, messages: Mapping[str, str]
) -> str:
    tree = query.tree
    settled = list_settled_questions(tree, query.answers, state.assessment, query.skipped)
    others = [other for other in settled if other != question]
    before = others[: sum(_place(tree, other) < _place(tree, question) for other in others)]
    return render_template(
        "question.html",
        tree=tree,
        question=question,
        fields=[_describe_field(query, tree.inputs[name], messages) for name in question.inputs],
        hidden=query.parameters(without=question),
        answer_fields=query.form_fields(),
        errors=[
            {"text": f"{tree.inputs[name].label}: {text}", "field": name}
            for name, text in messages.items()
            if name in question.inputs
        ],
        skip=next((n for n in question.inputs if n not in query.answers), question.input),
        progress=str(state.left) if state.question is question else "",
        back=query.url(change=before[-1]) if before else "",
        answers=describe_answers(query, state.assessment, others),
    )


def _place(tree: Tree, question: Question) -> float:
    # Questions that can only add a warning come last.
    return tree.topological_index.get(question.id, inf)


def _describe_field(query: InterviewQuery, input_: Input, messages: Mapping[str, str]) -> dict[str, Any]:
    name = input_.name
    given = write_answer(query.answers[name]) if name in query.answers else query.typed.get(name, "")
    return {
        "name": field_name(name),
        "id": name,
        "input": input_,
        "value": given,
        "error": messages.get(name, ""),
        "range": answer_words.describe_range(input_) if input_.is_numeric else "",
        "worksheet": query.worksheet_url(input_),
        "choices": [
            {
                "value": write_answer(value),
                "label": answer_words.describe_choice(input_, value),
                "help": answer_words.find_choice_help(input_, value),
            }
            for value in ([] if input_.is_numeric else answer_words.list_choices(input_))
        ],
    }
