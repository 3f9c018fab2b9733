"""An assessment as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


def render_assessment_text(assessment: Mapping[str, Any], advice: str = "") -> str:
    """The answer of /assess as text. `assessment` is the answer's JSON object; advice follows the title."""
    body = (_decided if "recommendation" in assessment else _undecided)(assessment)
    return "\n\n".join(
        filter(
            None, [format_title(assessment), wrap_paragraph(advice), *body, format_footer(assessment)]
        )
    )


def format_title(assessment: Mapping[str, Any]) -> str:
    """What comes out, in a line or two."""
    if "recommendation" not in assessment:
        return "Undecided"
    leaf = assessment["recommendation"]
    return f"{leaf['title']}\n[{leaf['id']}; fine-tune: {leaf['finetune'].replace('_', ' ')}]"


def format_footer(assessment: Mapping[str, Any]) -> str:
    """Which tree said so, and the receipt."""
    return f"Tree {assessment['tree']['version']}, receipt {assessment['receipt']}"


def wrap_paragraph(paragraph: str) -> str:
    """A paragraph in lines, whose options stay whole."""
    return fill(paragraph, LINE_WIDTH, break_on_hyphens=False)


def _decided(assessment: Mapping[str, Any]) -> Iterator[str]:
    leaf = assessment["recommendation"]
    yield fill(leaf["summary"], LINE_WIDTH)
    yield fill(f"Why: {leaf['reason']}", LINE_WIDTH)
    yield from format_path(assessment)
    if "warnings" in assessment:
        yield format_list("Warnings", [warning["text"] for warning in assessment["warnings"]])
    if "not_needed" in assessment:
        yield fill(f"Not needed: {', '.join(assessment['not_needed'])}", LINE_WIDTH)
    for key, heading in LIST_HEADINGS.items():
        if key in leaf:
            yield format_list(heading, leaf[key], numbered=key == "next_steps")
    if "alternatives" in leaf:
        yield format_list(
            "Instead", [f"{other['id']}: {other['when']}" for other in leaf["alternatives"]]
        )
    if "references" in leaf:
        yield format_list(
            "References", [f"{page['title']} <{page['url']}>" for page in leaf["references"]]
        )


def _undecided(assessment: Mapping[str, Any]) -> Iterator[str]:
    yield from format_path(assessment)
    yield format_list("Still possible", assessment["candidates"])
    asked = assessment["next_question"]
    facts = [asked["type"], asked.get("unit"), ", ".join(asked.get("choices", []))]
    lines = [f"Next question: {asked['text']}", fill(asked.get("help", ""), LINE_WIDTH)]
    lines.append(f"Answer with: {asked['input']} ({'; '.join(filter(None, facts))})")
    yield "\n".join(filter(None, lines))


def format_path(assessment: Mapping[str, Any]) -> Iterator[str]:
    """The questions answered on the way, with the branch that each answer takes, and the ignored inputs."""
    if assessment["path"]:
        yield format_list("Because", [_step(step) for step in assessment["path"]])
    if "ignored" in assessment:
        yield fill(f"Ignored by this tree: {', '.join(assessment['ignored'])}", LINE_WIDTH)


def _step(step: Mapping[str, Any]) -> str:
    """A question with its answer, and in words the branch that this takes, if it isn't the answer itself."""
    branch, other = step["branch"]["text"], step.get("compared_to")
    if branch in ("yes", "no"):
        return f"{step['text']} {branch.capitalize()}."
    given = format_answer(step["answer"])
    compared = f", which is {format_answer(other['answer'])}" if other else ""
    words = f"{branch}{compared}"
    return f"{step['text']} {given}" if words == given else f"{step['text']} {given} ({words})"


def format_answer(value: Any) -> str:
    """An answer as people write it: yes, a choice, or a number."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else group_digits(value)


def format_list(heading: str, items: list[str], *, numbered: bool = False) -> str:
    """A heading with items below it."""
    lines = [f"{heading}:"]
    for number, item in enumerate(items, 1):
        mark = f"{number}. " if numbered else "- "
        lines.append(fill(item, LINE_WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark)))
    return "\n".join(lines)
