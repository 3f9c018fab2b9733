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
    heading, *rest = (_decided if "recommendation" in assessment else _undecided)(assessment)
    blocks = [heading, *([fill(advice, WIDTH, break_on_hyphens=False)] if advice else []), *rest]
    tree = assessment["tree"]
    blocks.append(f"Tree {tree['version']}, receipt {assessment['receipt']}")
    return "\n\n".join(blocks)


def _decided(assessment: Mapping[str, Any]) -> Iterator[str]:
    leaf = assessment["recommendation"]
    yield f"{leaf['title']}\n[{leaf['id']}; fine-tune: {leaf['finetune'].replace('_', ' ')}]"
    yield fill(leaf["summary"], WIDTH)
    yield fill(f"Why: {leaf['reason']}", WIDTH)
    yield from _path(assessment)
    if "warnings" in assessment:
        yield _listed("Warnings", [warning["text"] for warning in assessment["warnings"]])
    if "not_needed" in assessment:
        yield fill(f"Not needed: {', '.join(assessment['not_needed'])}", WIDTH)
    for key, heading in LISTS.items():
        if key in leaf:
            yield _listed(heading, leaf[key], numbered=key == "next_steps")
    if "alternatives" in leaf:
        yield _listed("Instead", [f"{other['id']}: {other['when']}" for other in leaf["alternatives"]])
    if "references" in leaf:
        yield _listed("References", [f"{page['title']} <{page['url']}>" for page in leaf["references"]])


def _undecided(assessment: Mapping[str, Any]) -> Iterator[str]:
    yield "Undecided"
    yield from _path(assessment)
    yield _listed("Still possible", assessment["candidates"])
    asked = assessment["next_question"]
    facts = [asked["type"], asked.get("unit"), ", ".join(asked.get("choices", []))]
    lines = [f"Next question: {asked['text']}", fill(asked.get("help", ""), WIDTH)]
    lines.append(f"Answer with: {asked['input']} ({'; '.join(filter(None, facts))})")
    yield "\n".join(filter(None, lines))


def _path(assessment: Mapping[str, Any]) -> Iterator[str]:
    if assessment["path"]:
        yield _listed("Because", [_step(step) for step in assessment["path"]])
    if "ignored" in assessment:
        yield fill(f"Ignored by this tree: {', '.join(assessment['ignored'])}", WIDTH)


def _step(step: Mapping[str, Any]) -> str:
    """A question with its answer, and in words the branch that this takes, if it isn't the answer itself."""
    branch, other = step["branch"]["text"], step.get("compared_to")
    if branch in ("yes", "no"):
        return f"{step['text']} {branch.capitalize()}."
    answer = shown(step["answer"])
    compared = f", which is {shown(other['answer'])}" if other else ""
    words = f"{branch}{compared}"
    return f"{step['text']} {answer}" if words == answer else f"{step['text']} {answer} ({words})"


def shown(answer: Any) -> str:
    """An answer as people write it: yes, a choice, or a number."""
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    return answer if isinstance(answer, str) else grouped(answer)


def _listed(heading: str, items: list[str], *, numbered: bool = False) -> str:
    lines = [f"{heading}:"]
    for number, item in enumerate(items, 1):
        mark = f"{number}. " if numbered else "- "
        lines.append(fill(item, WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark)))
    return "\n".join(lines)
