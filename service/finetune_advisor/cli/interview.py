"""`interview`: answer a tree's questions in the terminal."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import click

from finetune_advisor.assessing.advisor import Advisor
from finetune_advisor.assessing.answer_reading import (
    UnreadableAnswerError,
    read_answer,
    read_quantities,
    write_answer,
)
from finetune_advisor.assessing.interview import Interviewer, list_warning_questions
from finetune_advisor.cli.errors import report_errors
from finetune_advisor.cli.output import print_json, print_utf8
from finetune_advisor.cli.tree_selection import add_tree_options, choose_tree
from finetune_advisor.engine.analysis.explanation import Explanation
from finetune_advisor.engine.evaluation.worksheets import work_out_answer
from finetune_advisor.engine.model.inputs import Input, Value, input_of_quantity
from finetune_advisor.engine.model.tree import Question, Tree
from finetune_advisor.engine.model.worksheets import Worksheet, WorksheetQuantity
from finetune_advisor.formats import answer_words, assessment_text, worksheet_text
from finetune_advisor.formats.plan_markdown import render_plan_markdown
from finetune_advisor.formats.plan_text import render_plan_text
from finetune_advisor.schemas.assessments import AssessmentSchema
from finetune_advisor.schemas.explanations import ExplanationSchema
from finetune_advisor.schemas.requests import DEFAULT_COUNTERFACTUALS

HELP, BACK, UNKNOWN, WORK_OUT = "?", "<", "-", "w"


@dataclass
class Notes:
    """What was said so far: answers, inputs that aren't known, and how both were before each question."""

    answers: dict[str, Value] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    before: list[tuple[dict[str, Value], tuple[str, ...]]] = field(default_factory=list)

    def go_back(self) -> None:
        """Forget the answer to the last question; at the first one, nothing."""
        if self.before:
            self.answers, self.skipped = self.before.pop()


@click.command()
@add_tree_options
@click.option(
    "--format",
    "plan_format",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    help="Form of the plan; json is the answer of POST /assess/explain. Default: text.",
)
def interview(tree_version: str | None, document: Path | None, plan_format: str) -> None:
    """Answer questions, and get a plan.

    Asks what still matters, one question at a time, on standard error. Type ? for help, - for what you
    don't know yet, and < to go back. Some numbers can be worked out from others: type w there. The plan is
    printed on standard output.
    """
    with report_errors():
        catalog, tree = choose_tree(tree_version, document)
        advisor = Advisor(tree, catalog)
    interviewer = Interviewer(advisor)
    notes = Notes()
    while question := _say_next_question(interviewer, notes):
        _ask(tree, question, notes)
    if plan_format == "json":
        explanation = advisor.explain(notes.answers)
        print_json(ExplanationSchema().dump(explanation))
    else:
        _print_plan(interviewer.explain_plan(notes.answers, DEFAULT_COUNTERFACTUALS), plan_format)


def _say_next_question(interviewer: Interviewer, notes: Notes) -> Question | None:
    """The next question, announced: first those that decide, then those that can add a warning."""
    state = interviewer.state(notes.answers, notes.skipped)
    if state.question:
        _say(f"\n{state.question.text}  [{state.left}]")
        return state.question
    for question in list_warning_questions(notes.answers, state.assessment, notes.skipped):
        _say("\nThe plan is decided. This answer can add a warning:")
        return question
    return None


def _ask(tree: Tree, question: Question, notes: Notes) -> None:
    """Ask for each input of a question that has no answer yet.

    If the user doesn't know one, the question's other missing inputs are skipped, too. The user can also
    go back.
    """
    before = dict(notes.answers), notes.skipped
    for name in question.inputs:
        if name in notes.answers:
            continue
        said = _prompt(tree, tree.inputs[name], question)
        if said == BACK:
            notes.answers, notes.skipped = before
            notes.go_back()
            return
        if said == UNKNOWN:
            missing = [other for other in question.inputs if other not in notes.answers]
            notes.skipped = (*notes.skipped, *missing)
            break
        notes.answers = {**notes.answers, name: read_answer(tree.inputs[name], said)}
    notes.before.append(before)


def _prompt(tree: Tree, input_: Input, question: Question) -> str:
    """A text that answers an input, or one of the marks for going back and for not knowing."""
    choices = [write_answer(value) for value in _choices(input_)]
    _say(f"  {input_.label}")
    for number, value in enumerate(_choices(input_), 1):
        _say(f"  {number}. {answer_words.describe_choice(input_, value)}")
    while True:
        said: str = click.prompt(f"  {_describe_answers(input_)}", type=str, err=True).strip()
        if said == HELP:
            _say_help(question, input_)
            continue
        if said in (BACK, UNKNOWN):
            return said
        if said == WORK_OUT and input_.worksheet:
            answer = _work_out(tree, input_, input_.worksheet)
            if answer:
                return answer
            continue
        if said.isdecimal() and 0 < int(said[:9]) <= len(choices):
            return choices[int(said) - 1]
        try:
            read_answer(input_, said)
        except UnreadableAnswerError as error:
            _say(f"  {error}; {HELP} helps.")
        else:
            return said


def _say_help(question: Question, input_: Input) -> None:
    choices = [
        f"{answer_words.describe_choice(input_, value)}: {text}"
        for value in _choices(input_)
        if (text := answer_words.find_choice_help(input_, value))
    ]
    for text in filter(None, (question.help, input_.help, *choices)):
        _say(assessment_text.wrap_paragraph(text))


def _work_out(tree: Tree, input_: Input, worksheet: Worksheet) -> str:
    """Ask for the quantities of a worksheet; the answer that follows, or an empty text to go back."""
    _say(assessment_text.wrap_paragraph(worksheet.summary))
    texts: dict[str, str] = {}
    for name, quantity in worksheet.quantities.items():
        said = _prompt_quantity(worksheet, quantity)
        if said == BACK:
            return ""
        texts[name] = said
    numbers, _ = read_quantities(worksheet, texts)
    answer = work_out_answer(tree, input_.name, numbers)
    _say(f"  {worksheet_text.describe_formula(worksheet)}")
    _say(f"  = {answer_words.describe_answer(input_, answer.value)}")
    return write_answer(answer.value)


def _prompt_quantity(worksheet: Worksheet, quantity: WorksheetQuantity) -> str:
    """A text that gives a quantity, or the mark for going back. The user may leave a default as it is."""
    input_ = input_of_quantity(quantity)
    _say(f"  {quantity.label}")
    default = "" if quantity.default is None else write_answer(quantity.default)
    marks = f"({HELP} help, {BACK} back)" if quantity.help else f"({BACK} back)"
    while True:
        text = f"  {_describe_numbers(input_)} {marks}"
        said: str = click.prompt(text, type=str, default=default or None, err=True).strip()
        if said == HELP:
            _say(assessment_text.wrap_paragraph(quantity.help or quantity.label))
            continue
        _, faults = read_quantities(worksheet, {quantity.name: said})
        if said == BACK or quantity.name not in faults:
            return said
        _say(f"  {faults[quantity.name]}; {BACK} goes back.")


def _choices(input_: Input) -> tuple[bool | str, ...]:
    return () if input_.is_numeric else answer_words.list_choices(input_)


def _describe_answers(input_: Input) -> str:
    marks = f"{HELP} help, {UNKNOWN} don't know, {BACK} back"
    if input_.worksheet:
        marks = f"{WORK_OUT} work it out, {marks}"
    if input_.is_numeric:
        return f"{_describe_numbers(input_)} ({marks})"
    return f"1 to {len(_choices(input_))} ({marks})"


def _describe_numbers(input_: Input) -> str:
    unit = f", {input_.unit}" if input_.unit else ""
    return f"{answer_words.describe_range(input_).capitalize()}{unit}"


def _say(text: str) -> None:
    click.echo(text, err=True)


def _print_plan(explanation: Explanation, plan_format: str) -> None:
    if plan_format == "markdown":
        print_utf8(render_plan_markdown(explanation))
    else:
        answer = AssessmentSchema().dump(explanation.assessment)
        click.echo(render_plan_text(explanation, answer))
