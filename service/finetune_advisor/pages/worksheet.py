"""GET /interview/worksheet: work out the answer to an input, and go on with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.datastructures import MultiDict

from finetune_advisor.assessing.answer_reading import read_quantities, write_answer
from finetune_advisor.assessing.interview import WARNING_PREFIX, find_question
from finetune_advisor.engine.evaluation.worksheets import (
    UnknownWorksheetError,
    find_worksheet,
    work_out_answer,
)
from finetune_advisor.engine.model.inputs import Input, input_of_quantity
from finetune_advisor.engine.model.tree import Question, Tree
from finetune_advisor.engine.model.worksheets import Worksheet, WorksheetQuantity
from finetune_advisor.formats import answer_words, worksheet_text
from finetune_advisor.pages.caching import keep_private
from finetune_advisor.pages.interview import Interviews, refuse
from finetune_advisor.pages.interview_query import (
    MAX_TYPED_LENGTH,
    WORKSHEET_INPUT,
    InterviewQuery,
    read_query,
)
from finetune_advisor.schemas.error_details import (
    MAX_ERRORS,
    MAX_NAME_LENGTH,
    shorten_name,
    unknown_name_detail,
)
from finetune_advisor.trees.catalog import RetiredVersionError, UnknownVersionError

QUANTITY_PREFIX = "quantity."
"""Precedes the name of a quantity in a query. No input has a dot in its name, except at its end."""


def add_view(blp: Blueprint, interviews: Interviews) -> None:
    """Add the worksheets."""

    @blp.get("/interview/worksheet")
    def worksheet() -> Response:
        """Ask for the quantities of a worksheet, and show the answer that follows."""
        return keep_private(_answer(interviews))


def _answer(interviews: Interviews) -> Response:
    quantities, interview = _split_query(request.args)
    name = shorten_name(interview.get(WORKSHEET_INPUT, ""))
    try:
        query = read_query(interviews.catalog, interview)
        input_, worksheet = find_worksheet(query.tree, name)
    except (RetiredVersionError, UnknownVersionError) as error:
        return refuse([f"'tree': {error}"], None)
    except UnknownWorksheetError as error:
        return refuse([f"'{WORKSHEET_INPUT}': {error}"], query)
    if problems := [*query.problems, *_find_problems(query, worksheet, quantities)]:
        return refuse(problems[:MAX_ERRORS], query)
    texts = quantities.to_dict()
    numbers, messages = read_quantities(worksheet, texts) if texts else ({}, {})
    shown = _describe_form(query, input_, worksheet, texts, messages)
    if texts and not messages:
        shown |= _describe_result(query, input_, worksheet, numbers)
    return make_response(render_template("worksheet.html", **shown), 422 if messages else 200)


def _split_query(arguments: MultiDict[str, str]) -> tuple[MultiDict[str, str], MultiDict[str, str]]:
    """The quantities of a query by name, and the rest, which is the query of an interview."""
    quantities: MultiDict[str, str] = MultiDict()
    interview: MultiDict[str, str] = MultiDict()
    for name, text in arguments.items(multi=True):
        if name.startswith(QUANTITY_PREFIX):
            quantities.add(name.removeprefix(QUANTITY_PREFIX), text)
        else:
            interview.add(name, text)
    return quantities, interview


def _find_problems(
    query: InterviewQuery, worksheet: Worksheet, quantities: MultiDict[str, str]
) -> Iterator[str]:
    """What is wrong with the answers of a query and the names of its quantities, as sentences."""
    for name, text in query.faults.items():
        yield f"'{query.tree.inputs[name].label}': {text}"
    for name in quantities:
        field = f"'{QUANTITY_PREFIX}{name[:MAX_NAME_LENGTH]}'"
        if name not in worksheet.quantities:
            yield f"{field}: {unknown_name_detail(name[:MAX_NAME_LENGTH], list(worksheet.quantities))}"
        elif len(quantities.getlist(name)) > 1:
            yield f"{field}: it is given more than once; give it once"


def _describe_form(
    query: InterviewQuery,
    input_: Input,
    worksheet: Worksheet,
    texts: Mapping[str, str],
    messages: Mapping[str, str],
) -> dict[str, Any]:
    """What the template shows of a worksheet, with what was typed."""
    return {
        "tree": query.tree,
        "input": input_,
        "worksheet": worksheet,
        "fields": [
            _describe_field(quantity, texts, messages) for quantity in worksheet.quantities.values()
        ],
        "hidden": [*query.parameters(), (WORKSHEET_INPUT, input_.name)],
        "errors": [
            {"text": f"{worksheet.quantities[name].label}: {text}", "field": _field_id(name)}
            for name, text in messages.items()
        ],
        "back": query.url(change=_question_about(query.tree, input_)),
        "formula": worksheet_text.describe_formula(worksheet),
        "references": _list_references(worksheet),
    }


def _describe_field(
    quantity: WorksheetQuantity, texts: Mapping[str, str], messages: Mapping[str, str]
) -> dict[str, Any]:
    input_ = input_of_quantity(quantity)
    default = "" if quantity.default is None else write_answer(quantity.default)
    return {
        "name": f"{QUANTITY_PREFIX}{quantity.name}",
        "id": _field_id(quantity.name),
        "input": input_,
        "value": texts.get(quantity.name, default)[:MAX_TYPED_LENGTH],
        "error": messages.get(quantity.name, ""),
        "range": answer_words.describe_range(input_),
    }


def _field_id(name: str) -> str:
    # The page has ids of its own, such as `content`.
    return f"quantity-{name}"


def _describe_result(
    query: InterviewQuery, input_: Input, worksheet: Worksheet, numbers: Mapping[str, int | float]
) -> dict[str, Any]:
    """The answer that follows from quantities, and the query of the interview that goes on with it."""
    answer = work_out_answer(query.tree, input_.name, numbers)
    return {
        "result": answer_words.describe_answer(input_, answer.value),
        "onwards": query.with_answers({input_.name: answer.value}).url(),
        "given": [
            answer_words.describe_labelled_answer(input_of_quantity(quantity), answer.quantities[name])
            for name, quantity in worksheet.quantities.items()
        ],
    }


def _question_about(tree: Tree, input_: Input) -> Question | None:
    """The first question about an input, or the one that is asked about it for the sake of warnings."""
    questions = (question for question in tree.ordered_questions if input_.name in question.inputs)
    return next(questions, None) or find_question(tree, f"{WARNING_PREFIX}{input_.name}")


def _list_references(worksheet: Worksheet) -> list[Any]:
    """The sources of a worksheet and of its constants, each once."""
    constants = (page for constant in worksheet.constants.values() for page in constant.references)
    return list(dict.fromkeys([*worksheet.references, *constants]))
