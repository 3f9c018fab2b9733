"""An assessment as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import fill
from typing import Any

WIDTH = 88
LISTS = {
    "prerequisites": "First make sure of",
    "next_steps": "Next steps",
    "data_needed": "Data needed",
    "evaluation": "How to tell whether it worked",
    "risks": "Risks",
    "cautions": "Keep in mind",
}


def render(assessment: Mapping[str, Any]) -> str:
    """The answer of /assess as text. `assessment` is the answer's JSON object."""
    blocks = [*(_decided if "recommendation" in assessment else _undecided)(assessment)]
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
    steps = []
    for step in assessment["path"]:
        other = step.get("compared_to")
        compared = f" (against {other['input']}: {_shown(other['answer'])})" if other else ""
        steps.append(f"{step['text']} {_shown(step['answer'])}{compared}")
    if steps:
        yield _listed("Because", steps)
    if "ignored" in assessment:
        yield fill(f"Ignored by this tree: {', '.join(assessment['ignored'])}", WIDTH)


def _shown(answer: Any) -> str:
    return {True: "Yes.", False: "No."}[answer] if isinstance(answer, bool) else str(answer)


def _listed(heading: str, items: list[str], *, numbered: bool = False) -> str:
    lines = [f"{heading}:"]
    for number, item in enumerate(items, 1):
        mark = f"{number}. " if numbered else "- "
        lines.append(fill(item, WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark)))
    return "\n".join(lines)
