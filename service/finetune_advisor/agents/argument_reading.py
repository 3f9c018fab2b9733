"""Reads the arguments of a call: what they plainly mean, or what is wrong, where, and what to do.

Models write answers in words of their own, nest objects too deep, and send null for what they don't know.
Where such an argument has exactly one meaning, it is understood, and the answer says so. Any other one is
refused with the messages of the API.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError
from marshmallow.exceptions import SCHEMA

from finetune_advisor.agents.input_text import describe_range_in_unit
from finetune_advisor.agents.name_matching import (
    MAX_TEXT_LENGTH,
    NameIndex,
    normalize_text,
    read_text,
    suggest_names,
)
from finetune_advisor.agents.tool import Tool
from finetune_advisor.assessing.answer_reading import write_answer
from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.schemas.error_details import MAX_ERRORS, iter_error_details, shorten_name
from finetune_advisor.schemas.fields import MAX_UNKNOWN_FIELDS, BoundedList, EnumField, StrictInteger
from finetune_advisor.schemas.requests import TreeVersionField
from finetune_advisor.schemas.strict_json import InvalidJsonError, parse_json
from finetune_advisor.trees.catalog import Catalog

PROFILE_ARGUMENT = "profile"
UNKNOWN_WORDS = frozenset(
    (
        "",
        "unknown",
        "not_known",
        "don_t_know",
        "dont_know",
        "do_not_know",
        "idk",
        "no_idea",
        "maybe",
        "unsure",
        "not_sure",
        "unclear",
        "tbd",
        "n_a",
        "null",
        "none",
    )
)
"""Texts that mean that an answer isn't known, unless they are a choice; normalized, without “I” or “I'm”."""
ARGUMENT_ALIASES = {
    "answers": PROFILE_ARGUMENT,
    "inputs": PROFILE_ARGUMENT,
    "tree": "tree_version",
    "version": "tree_version",
    "from": "older",
    "from_version": "older",
    "older_version": "older",
    "to": "newer",
    "to_version": "newer",
    "newer_version": "newer",
    "name": "input",
    "input_name": "input",
}
"""Names that models give to arguments, and the arguments that they mean."""
UNKNOWN_HINT = "if the answer isn't known, leave the input out; assess takes its name in `skipped`"
SHORT_NUMBER = re.compile(r"[0-9]{1,6}")
MAX_JSON_LENGTH = 100_000
"""The characters of a text that may be a profile in JSON."""


class WrongArgumentsError(FinetuneAdvisorError):
    """The arguments of a call are wrong. The message says what is wrong, where, and what to do."""


def read_arguments(
    tool: Tool, catalog: Catalog, arguments: Any
) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Read the arguments of a call of a tool.

    Returns the arguments as the tool takes them, and what was understood in another way than it was written.
    Raises WrongArgumentsError.
    """
    reader = _Reader(tool.argument_schema, catalog)
    try:
        plain = reader.repair(arguments)
        if isinstance(plain, dict):
            plain = {**tool.defaults, **plain}
        loaded: Mapping[str, Any] = tool.argument_schema.load(plain)
    except ValidationError as error:
        details = iter_error_details(error.messages_dict, tool.argument_schema, in_body=True)
        raise WrongArgumentsError(_describe_errors(tool, [*details], reader.hints)) from None
    return loaded, reader.list_understood()


def _describe_errors(tool: Tool, errors: list[dict[str, str]], hints: Mapping[str, str]) -> str:
    """Describe what is wrong with each argument, and what to do."""
    lines = [f"{tool.name} got wrong arguments, and answers nothing yet:"]
    for error in errors[:MAX_ERRORS]:
        pointer = error["pointer"].removeprefix("#/")
        hint = hints.get(pointer)
        detail = f"{error['detail']}; {hint}" if hint else error["detail"]
        lines.append(f"- {pointer.replace('/', '.').removeprefix('#') or 'the arguments'}: {detail}")
    if len(errors) > MAX_ERRORS:
        lines.append(f"- and {len(errors) - MAX_ERRORS} more")
    lines.append(f"Correct this and call {tool.name} again.")
    if PROFILE_ARGUMENT in tool.argument_schema.fields:
        lines[-1] += " describe_input says what an input means."
    return "\n".join(lines)


class _Reader:
    """Reads the arguments of one call, and notes what it understood and what would help."""

    def __init__(self, schema: Schema, catalog: Catalog) -> None:
        self._fields, self._inputs = schema.fields, catalog.inputs
        self._input_index = NameIndex(catalog.inputs)
        self._max_names = len(catalog.inputs) + MAX_UNKNOWN_FIELDS
        self._understood: dict[str, None] = {}
        """What was understood in another way than it was written, in order, each once."""
        self.hints: dict[str, str] = {}
        """Advice that completes the message about an argument, by the argument's place, as in `profile/x`."""

    def repair(self, arguments: Any) -> Any:
        """Return the arguments with everything that has exactly one other meaning in its place.

        Raises ValidationError for more names than any right call has, before it reads them.
        """
        if arguments is None:
            return {}
        if not isinstance(arguments, dict):
            return arguments
        self._require_few_names(arguments, SCHEMA)
        given = {name: value for name, value in arguments.items() if value is not None}
        for name in arguments:
            if name not in given:
                self._note(f"`{shorten_name(name)}` null as left out")
        given = self._rename_arguments(given)
        if PROFILE_ARGUMENT in self._fields:
            given = self._gather_profile(given)
        return {name: self._repair_argument(name, value) for name, value in given.items()}

    def _rename_arguments(self, given: dict[str, Any]) -> dict[str, Any]:
        """Rename arguments that are given by an alias, unless the argument itself is given."""
        renamed = dict(given)
        for other, name in ARGUMENT_ALIASES.items():
            is_free = name in self._fields and name not in renamed
            if is_free and other in renamed and other not in {*self._fields, *self._inputs}:
                renamed[name] = renamed.pop(other)
                self._note(f"`{other}` as `{name}`")
        return renamed

    def _gather_profile(self, given: dict[str, Any]) -> dict[str, Any]:
        """Put answers that stand beside the profile into it, and read a profile that is nested or a text."""
        beside = {
            name: value
            for name, value in given.items()
            if name not in self._fields and self._input_index.match(name) is not None
        }
        if PROFILE_ARGUMENT not in given and not beside:
            return given
        profile = self._unwrap(given.get(PROFILE_ARGUMENT, {}))
        if not isinstance(profile, dict):
            return {**given, PROFILE_ARGUMENT: profile}
        self._require_few_names(profile, PROFILE_ARGUMENT)
        answers = self._repair_answers(profile)
        for name, value in self._repair_answers(beside).items():
            if answers.setdefault(name, value) != value:
                return {**given, PROFILE_ARGUMENT: answers}  # the two contradict each other
        if beside:
            self._note("answers beside `profile` as parts of it")
        rest = {name: value for name, value in given.items() if name not in beside}
        return {**rest, PROFILE_ARGUMENT: answers}

    def _unwrap(self, profile: Any) -> Any:
        """Return a profile that is a JSON text, or the only member of an object, as a plain object."""
        if isinstance(profile, str) and len(profile) <= MAX_JSON_LENGTH:
            try:
                parsed = parse_json(profile.encode())
            except (InvalidJsonError, UnicodeEncodeError):
                return profile
            if isinstance(parsed, dict):
                self._note("the text in `profile` as the object that it holds")
                profile = parsed
        if (
            isinstance(profile, dict)
            and profile.keys() == {PROFILE_ARGUMENT}
            and isinstance(profile[PROFILE_ARGUMENT], dict)
        ):
            self._note("the object in `profile.profile` as the profile")
            profile = profile[PROFILE_ARGUMENT]
        return profile

    def _repair_answers(self, profile: Mapping[str, Any]) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        for written, value in profile.items():
            name = self._repair_name(written)
            if value is None:
                self._note(f"{shorten_name(name)} null as not known")
            elif name in answers:
                answers[written] = value  # named twice: the second one is refused as unknown
            else:
                answers[name] = self._repair_answer(name, value)
        return answers

    def _repair_name(self, written: str) -> str:
        """Return the input that a name means, or the name itself."""
        name = self._input_index.match(written)
        if name is None or name == written:
            return written
        self._note(f"{_quote(written)} as {name}")
        return name

    def _repair_answer(self, name: str, value: Any) -> Any:
        if name not in self._inputs or not isinstance(value, str) or len(value) > MAX_TEXT_LENGTH:
            self._hint_at_values(name, value)
            return value
        answer = read_text(self._inputs[name], value)
        if answer is None:
            self._hint_at_values(name, value)
            return value
        if answer != value:
            self._note(f"{name} {_quote(value)} as {write_answer(answer)}")
        return answer

    def _hint_at_values(self, name: str, value: Any) -> None:
        """Note what would help with an answer that may be wrong."""
        input_ = self._inputs.get(name)
        if input_ is None:
            return
        hints = []
        if input_.is_numeric:
            hints.append(f"it takes {describe_range_in_unit(input_)}")
        if isinstance(value, str):
            hints.extend(suggest_names(value, input_.choices))
            if (
                normalize_text(value[:MAX_TEXT_LENGTH]).removeprefix("i_").removeprefix("m_")
                in UNKNOWN_WORDS
            ):
                hints.append(UNKNOWN_HINT)
        if hints:
            self.hints[f"{PROFILE_ARGUMENT}/{name}"] = "; ".join(hints)

    def _repair_argument(self, name: str, value: Any) -> Any:
        """Return an argument beside the profile with what it means."""
        field = self._fields.get(name)
        if isinstance(field, BoundedList):
            items = [value] if isinstance(value, str) else value
            if items is not value:
                self._note(f"`{name}` as a list of one")
            # A list that is too long is refused as it is.
            if isinstance(items, list) and len(items) <= field.max_items:
                names = [self._repair_name(item) if isinstance(item, str) else item for item in items]
                self._suggest_inputs(name, names)
                return names
        if isinstance(field, StrictInteger) and isinstance(value, str) and SHORT_NUMBER.fullmatch(value):
            self._note(f"`{name}` “{value}” as a number")
            return int(value)
        if isinstance(field, EnumField) and isinstance(value, str):
            written = value.strip().removeprefix("v") if isinstance(field, TreeVersionField) else value
            choice = written if written in field.choices else NameIndex(field.choices).match(value)
            if choice is None:
                self.hints[name] = "; ".join(suggest_names(value, field.choices))
            elif choice != value:
                self._note(f"`{name}` {_quote(value)} as {choice}")
                return choice
        return value

    def _suggest_inputs(self, argument: str, names: list[Any]) -> None:
        """Note the inputs that are nearest to unknown names in a list."""
        texts = [(index, name) for index, name in enumerate(names) if isinstance(name, str)]
        unknown = [(index, name) for index, name in texts if name not in self._inputs]
        for index, name in unknown[:MAX_ERRORS]:
            self.hints[f"{argument}/{index}"] = "; ".join(suggest_names(name, self._inputs))

    def _note(self, understood: str) -> None:
        self._understood[understood] = None

    def list_understood(self) -> tuple[str, ...]:
        """Return what was understood in another way than written: the first notes, and how many more."""
        notes = tuple(self._understood)
        more = (f"and {len(notes) - MAX_ERRORS} more",) if len(notes) > MAX_ERRORS else ()
        return notes[:MAX_ERRORS] + more

    def _require_few_names(self, members: Mapping[str, Any], place: str) -> None:
        """Refuse an object with very many names. Raises ValidationError."""
        if len(members) > self._max_names:
            raise ValidationError({place: [f"more than {self._max_names} names; give fewer"]})


def _quote(text: str) -> str:
    return f"“{shorten_name(text)}”"
