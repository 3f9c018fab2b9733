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
        value
        for value in list_choices(input_)
        if normalize_text(text) in _normalized_words(input_, value)
    ]
    return meant[0] if len(meant) == 1 else None


def _normalized_words(input_: Input, value: bool | str) -> set[str]:
    """The words for a choice, normalized: the author's, and the choice itself."""
    words = {find_own_words(input_, value), "" if isinstance(value, bool) else value}
    return {normalize_text(word) for word in words if word}


class NameIndex:
    """Names by what they are normalized to, so that matching a text takes the same time for any number."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._name_by_normalized: dict[str, str | None] = {}
        """None for what several names are normalized to."""
        for name in self._names:
            normalized = normalize_text(name)
            is_ambiguous = normalized in self._name_by_normalized
            self._name_by_normalized[normalized] = None if is_ambiguous else name
        self._name_by_normalized.pop("", None)  # a name without letters and digits

    def match(self, written: str) -> str | None:
        """Return the only name that a text means: it may have another case, or other separators."""
        if written in self._names:
            return written
        if len(written) > MAX_TEXT_LENGTH:
            return None
        return self._name_by_normalized.get(normalize_text(written))


def normalize_text(text: str) -> str:
    """A text in small letters; each run of characters that are no letter or digit becomes an underscore."""
    return re.sub(r"[\W_]+", "_", text.lower()).strip("_")


def suggest_names(written: str, names: Iterable[str]) -> list[str]:
    nearest = get_close_matches(written[:MAX_TEXT_LENGTH].lower(), [*names], 1)
    return [f"did you mean {nearest[0]}?"] if nearest else []
