"""A plan as Markdown: an assessment with its path, its steps, its sources, and what would change it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from finetune_advisor.engine.analysis.explanation import Explanation
from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.engine.model.references import Reference
from finetune_advisor.engine.model.tree import Recommendation
from finetune_advisor.formats import answered_questions, explanation_words, labels
from finetune_advisor.formats.assessment_text import LIST_HEADINGS

SPECIAL_CHARACTERS = re.compile(r"([\\`*_\[\]<>#|])")


def render_plan_markdown(explanation: Explanation) -> str:
    """The plan of an explained assessment, or what is still possible, as Markdown."""
    assessment = explanation.assessment
    recommendation = assessment.recommendation
    blocks = [
        *(_decided(assessment, recommendation) if recommendation else _undecided(assessment)),
        *_answers(assessment),
        *_explanation(explanation),
        _footer(assessment),
    ]
    return "\n\n".join(blocks) + "\n"


def _decided(assessment: Assessment, recommendation: Recommendation) -> Iterator[str]:
    tree = assessment.tree
    yield f"# {_escape(recommendation.title)}"
    yield f"Fine-tune: **{labels.FINETUNE_LABELS[recommendation.finetune]}**"
    yield _escape(recommendation.summary)
    yield from _section("Why", assessment.reasons)
    warnings = [
        " ".join([_escape(warning.text), *map(_link, warning.references)])
        for warning in assessment.warnings
    ]
    yield from _list_below("Warnings", warnings)
    lists = vars(recommendation) | {"cautions": tree.cautions if recommendation.finetune != "no" else ()}
    for field, heading in LIST_HEADINGS.items():
        yield from _section(heading, lists[field], numbered=field == "next_steps")
    alternatives = [
        f"{tree.recommendations[one.id].title}: {one.when}" for one in recommendation.alternatives
    ]
    yield from _section("Instead", alternatives)
    yield from _list_below("Sources", map(_link, recommendation.references))


def _undecided(assessment: Assessment) -> Iterator[str]:
    tree = assessment.tree
    yield "# Undecided"
    titles = [tree.recommendations[name].title for name in assessment.candidates]
    yield from _section("Still possible", titles)


def _answers(assessment: Assessment) -> Iterator[str]:
    answers = answered_questions.describe_answered_questions(assessment)
    yield from _section(answered_questions.ANSWERS_HEADING, answers, numbered=True)


def _explanation(explanation: Explanation) -> Iterator[str]:
    yield from _section(explanation_words.REASON_HEADING, explanation_words.describe_reason(explanation))
    heading = explanation_words.choose_changes_heading(
        is_decided=explanation.assessment.outcome is not None
    )
    yield from _section(heading, explanation_words.describe_counterfactuals(explanation))
    if explanation.truncated:
        yield explanation_words.MORE_CHANGES_NOTE


def _footer(assessment: Assessment) -> str:
    tree = assessment.tree
    return f"Tree {_escape(tree.version)}, digest `{tree.digest}`, receipt `{assessment.receipt}`"


def _section(heading: str, texts: Iterable[str], *, numbered: bool = False) -> Iterator[str]:
    """A heading with a list of texts below it; nothing if there is nothing to list."""
    yield from _list_below(heading, map(_escape, texts), numbered=numbered)


def _list_below(heading: str, items: Iterable[str], *, numbered: bool = False) -> Iterator[str]:
    """A heading with a list of Markdown below it; nothing if there is nothing to list."""
    lines = [f"{f'{number}.' if numbered else '-'} {item}" for number, item in enumerate(items, 1)]
    if lines:
        yield "\n".join([f"## {heading}", "", *lines])


def _link(page: Reference) -> str:
    return f"[{_escape(page.title)}](<{page.url}>)"


def _escape(text: str) -> str:
    """A text as Markdown that shows it as it stands, on one line."""
    return SPECIAL_CHARACTERS.sub(r"\\\1", " ".join(text.split()))
