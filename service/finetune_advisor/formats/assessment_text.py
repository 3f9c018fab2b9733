"""An assessment as text for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import fill
from typing import Any

from finetune_advisor.formats.numbers import group_digits

LINE_WIDTH = 88
LIST_HEADINGS = {
    "prerequisites": "First make sure of",
    "next_steps": "Next steps",
    "data_needed": "Data needed",
    "evaluation": "How to tell whether it worked",
    "risks": "Risks",
    "cautions": "Keep in mind",
}


def render_assessment_text(
    assessment: Mapping[str, Any],
    advice: str = "",
    *,
    answers: Sequence[str] = (),
    more: Sequence[str] = (),
) -> str:
    """Render an answer of POST /assess, given as its JSON object, as text of at most 88 columns.

    `advice` is a paragraph that follows the title. `answers` are the blocks that tell the answers; without
    them, the path does. `more` are blocks of text before the last line.
    """
    render_body = _decided if "recommendation" in assessment else _undecided
    body = render_body(assessment, answers or [*format_path(assessment)])
    blocks = [format_title(assessment), wrap_paragraph(advice), *body]
    return join_blocks(*blocks, *more, format_footer(assessment))


def join_blocks(*blocks: str) -> str:
    """Join blocks of text by empty lines, without the empty ones."""
    return "\n\n".join(filter(None, blocks))


def format_title(assessment: Mapping[str, Any]) -> str:
    """Format the outcome as one or two lines."""
    if "recommendation" not in assessment:
        return "Undecided"
    recommendation = assessment["recommendation"]
    verdict = recommendation["finetune"].replace("_", " ")
    return f"{recommendation['title']}\n[{recommendation['id']}; fine-tune: {verdict}]"


def format_footer(assessment: Mapping[str, Any]) -> str:
    """Format the tree's version and the receipt as a line."""
    return f"Tree {assessment['tree']['version']}, receipt {assessment['receipt']}"


def wrap_paragraph(paragraph: str) -> str:
    """Wrap a paragraph into lines of at most 88 columns."""
    # A command-line option such as --tree-version has to stay whole to be copied.
    return fill(paragraph, LINE_WIDTH, break_on_hyphens=False)


def _decided(assessment: Mapping[str, Any], answers: Iterable[str]) -> Iterator[str]:
    recommendation = assessment["recommendation"]
    yield fill(recommendation["summary"], LINE_WIDTH)
    yield fill(f"Why: {recommendation['reason']}", LINE_WIDTH)
    yield from answers
    # Answers of the API leave out empty lists.
    if "warnings" in assessment:
        yield format_list("Warnings", list(map(_warning, assessment["warnings"])))
    if "not_needed" in assessment:
        yield fill(f"Not needed: {', '.join(assessment['not_needed'])}", LINE_WIDTH)
    for field, heading in LIST_HEADINGS.items():
        if field in recommendation:
            # Only the order of the steps means something.
            yield format_list(heading, recommendation[field], numbered=field == "next_steps")
    if "alternatives" in recommendation:
        alternatives = recommendation["alternatives"]
        yield format_list("Instead", [f"{other['id']}: {other['when']}" for other in alternatives])
    if "references" in recommendation:
        references = recommendation["references"]
        yield format_list("References", list(map(_reference, references)))


def _undecided(assessment: Mapping[str, Any], answers: Iterable[str]) -> Iterator[str]:
    yield from answers
    yield format_list("Still possible", assessment["candidates"])
    question = assessment["next_question"]
    facts = [question["type"], question.get("unit"), ", ".join(question.get("choices", []))]
    lines = [f"Next question: {question['text']}", fill(question.get("help", ""), LINE_WIDTH)]
    lines.append(f"Answer with: {question['input']} ({'; '.join(filter(None, facts))})")
    yield "\n".join(filter(None, lines))


def format_path(assessment: Mapping[str, Any]) -> Iterator[str]:
    """Format the answered questions, each with the branch that its answer takes, and the ignored inputs."""
    if assessment["path"]:
        yield format_list("Because", [_step(step) for step in assessment["path"]])
    if "ignored" in assessment:
        yield fill(f"Ignored by this tree: {', '.join(assessment['ignored'])}", LINE_WIDTH)


def _warning(warning: Mapping[str, Any]) -> str:
    return " ".join([warning["text"], *map(_reference, warning.get("references", ()))])


def _reference(page: Mapping[str, Any]) -> str:
    return f"{page['title']} <{page['url']}>"


def _step(step: Mapping[str, Any]) -> str:
    """Format a question with its answer, and with the branch if that says more than the answer."""
    branch, other = step["branch"]["text"], step.get("compared_to")
    if branch in ("yes", "no"):
        return f"{step['text']} {branch.capitalize()}."
    answer = format_answer(step["answer"])
    # The branch names the other input; readers can't check the comparison without its value.
    comparison = f", which is {format_answer(other['answer'])}" if other else ""
    taken_branch = f"{branch}{comparison}"
    note = "" if taken_branch == answer else f" ({taken_branch})"
    return f"{step['text']} {answer}{note}"


def format_answer(value: Any) -> str:
    """Format an answer for people: yes or no, a choice, or a number with grouped digits."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else group_digits(value)


def format_list(heading: str, items: list[str], *, numbered: bool = False) -> str:
    """Format a heading with a wrapped item below it for each text."""
    lines = [f"{heading}:"]
    for number, item in enumerate(items, 1):
        mark = f"{number}. " if numbered else "- "
        # Addresses and names stay whole, so that they can be copied.
        lines.append(
            fill(
                item,
                LINE_WIDTH,
                initial_indent=mark,
                subsequent_indent=" " * len(mark),
                break_on_hyphens=False,
                break_long_words=False,
            )
        )
    return "\n".join(lines)
