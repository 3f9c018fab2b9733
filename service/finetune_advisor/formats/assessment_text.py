"""An assessment as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import fill
from typing import Any

from finetune_advisor.formats.numbers import grouped

WIDTH = 88
LISTS = {
    "prerequisites": "First make sure of",
    "next_steps": "Next steps",
    "data_needed": "Data needed",
    "evaluation": "How to tell whether it worked",
    "risks": "Risks",
    "cautions": "Keep in mind",
}


def render(assessment: Mapping[str, Any], advice: str = "") -> str:
    """The answer of /assess as text. `assessment` is the answer's JSON object; advice follows the title."""
    body = (_decided if "recommendation" in assessment else _undecided)(assessment)
    return "\n\n".join(filter(None, [title(assessment), wrap(advice), *body, footer(assessment)]))


def title(assessment: Mapping[str, Any]) -> str:
    """What comes out, in a line or two."""
    if "recommendation" not in assessment:
        return "Undecided"
    leaf = assessment["recommendation"]
    return f"{leaf['title']}\n[{leaf['id']}; fine-tune: {leaf['finetune'].replace('_', ' ')}]"


def footer(assessment: Mapping[str, Any]) -> str:
    """Which tree said so, and the receipt."""
    return f"Tree {assessment['tree']['version']}, receipt {assessment['receipt']}"


def wrap(paragraph: str) -> str:
    """A paragraph in lines, whose options stay whole."""
    return fill(paragraph, WIDTH, break_on_hyphens=False)


def _decided(assessment: Mapping[str, Any]) -> Iterator[str]:
    leaf = assessment["recommendation"]
    yield fill(leaf["summary"], WIDTH)
    yield fill(f"Why: {leaf['reason']}", WIDTH)
    yield from path(assessment)
    if "warnings" in assessment:
        yield listed("Warnings", [warning["text"] for warning in assessment["warnings"]])
    if "not_needed" in assessment:
        yield fill(f"Not needed: {', '.join(assessment['not_needed'])}", WIDTH)
    for key, heading in LISTS.items():
        if key in leaf:
            yield listed(heading, leaf[key], numbered=key == "next_steps")
    if "alternatives" in leaf:
        yield listed("Instead", [f"{other['id']}: {other['when']}" for other in leaf["alternatives"]])
    if "references" in leaf:
        yield listed("References", [f"{page['title']} <{page['url']}>" for page in leaf["references"]])


def _undecided(assessment: Mapping[str, Any]) -> Iterator[str]:
    yield from path(assessment)
    yield listed("Still possible", assessment["candidates"])
    asked = assessment["next_question"]
    facts = [asked["type"], asked.get("unit"), ", ".join(asked.get("choices", []))]
    lines = [f"Next question: {asked['text']}", fill(asked.get("help", ""), WIDTH)]
    lines.append(f"Answer with: {asked['input']} ({'; '.join(filter(None, facts))})")
    yield "\n".join(filter(None, lines))


def path(assessment: Mapping[str, Any]) -> Iterator[str]:
    """The questions answered on the way, with the branch that each answer takes, and the ignored inputs."""
    if assessment["path"]:
        yield listed("Because", [_step(step) for step in assessment["path"]])
    if "ignored" in assessment:
        yield fill(f"Ignored by this tree: {', '.join(assessment['ignored'])}", WIDTH)


def _step(step: Mapping[str, Any]) -> str:
    """A question with its answer, and in words the branch that this takes, if it isn't the answer itself."""
    branch, other = step["branch"]["text"], step.get("compared_to")
    if branch in ("yes", "no"):
        return f"{step['text']} {branch.capitalize()}."
    given = answer(step["answer"])
    compared = f", which is {answer(other['answer'])}" if other else ""
    words = f"{branch}{compared}"
    return f"{step['text']} {given}" if words == given else f"{step['text']} {given} ({words})"


def answer(value: Any) -> str:
    """An answer as people write it: yes, a choice, or a number."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else grouped(value)


def listed(heading: str, items: list[str], *, numbered: bool = False) -> str:
    """A heading with items below it."""
    lines = [f"{heading}:"]
    for number, item in enumerate(items, 1):
        mark = f"{number}. " if numbered else "- "
        lines.append(fill(item, WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark)))
    return "\n".join(lines)
