"""What a text means among names and answers: exactly one of them, or none; and which are near."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from finetune_advisor.assessing.answer_reading import UnreadableAnswerError, read_answer
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.formats.answer_words import find_own_words, list_choices

MAX_TEXT_LENGTH = 200
"""The characters of a text that may stand for another value; a longer one is left as it is."""


def read_text(input_: Input, text: str) -> bool | int | float | str | None:
    """Return the answer that a text means exactly, or None."""
    if input_.is_numeric:
        without_unit = text.strip().removesuffix(input_.unit) if input_.unit else text
        try:
            return read_answer(input_, without_unit)
        except UnreadableAnswerError:
            return None
    if input_.type == "boolean":
        try:
            return read_answer(input_, text)
        except UnreadableAnswerError:
            pass
    elif text in input_.choices:
        return text
    meant = [
        value for value in list_choices(input_) if _normalize(text) in _normalized_words(input_, value)
    ]
    return meant[0] if len(meant) == 1 else None


def _normalized_words(input_: Input, value: bool | str) -> set[str]:
    """The words for a choice, normalized: the author's, and the choice itself."""
    words = {find_own_words(input_, value), "" if isinstance(value, bool) else value}
    return {_normalize(word) for word in words if word}


def match_name(written: str, names: Iterable[str]) -> str | None:
    """Return the only name that a text means: it may be written in another case, or with other separators."""
    if written in names:
        return written
    if len(written) > MAX_TEXT_LENGTH:
        return None
    normalized = _normalize(written)
    matches = [name for name in names if _normalize(name) == normalized]
    return matches[0] if normalized and len(matches) == 1 else None


def _normalize(text: str) -> str:
    return re.sub(r"[\W_]+", "_", text.lower()).strip("_")


def suggest_names(written: str, names: Iterable[str]) -> list[str]:
    nearest = get_close_matches(written[:MAX_TEXT_LENGTH].lower(), [*names], 1)
    return [f"did you mean {nearest[0]}?"] if nearest else []
