"""YAML documents that people write: loads their fields, and reports each fault by file, line and field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from marshmallow import Schema, ValidationError

from finetune_advisor.engine.analysis.validation import TreeFault
from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.trees import yaml_reader
from finetune_advisor.trees.yaml_reader import ParsedYaml, Pointer, YamlSyntaxError

# marshmallow's messages name no remedy, so they are recognised by their text and replaced or completed.
MARSHMALLOW_REQUIRED_MESSAGE = "Missing data for required field."
MARSHMALLOW_NULL_MESSAGE = "Field may not be null."
MISSING_FIELD_MESSAGE = "the field is missing; add it"
"""Replaces marshmallow's message for a required field."""
REMEDY_BY_MESSAGE = {
    MARSHMALLOW_NULL_MESSAGE: "give a value or remove the field",
    "Not a valid string.": "write text; quote what YAML reads as something else",
}
UNKNOWN_FIELD_PREFIX = "Unknown field"
KNOWN_FIELDS_PREFIX = "known are "


class DocumentError(FinetuneAdvisorError):
    """A document can't be used; each line of the message names file, line, field, problem and remedy."""


@dataclass(frozen=True)
class YamlDocument:
    """A parsed document with its source text and path."""

    path: Path
    text: str
    parsed: ParsedYaml

    def load(self, schema: Schema) -> Any:
        """Load the document with a schema, and return what the schema builds.

        Raises DocumentError with every fault.
        """
        if self.parsed.value is None:
            raise self.build_error(
                [TreeFault((), "the file is empty", "write the fields of a document")]
            )
        if self.parsed.faults:
            raise self.build_error(self.parsed.faults)
        try:
            return schema.load(self.parsed.value)
        except ValidationError as error:
            raise self.build_error(self._schema_faults(error.messages_dict)) from error

    def line(self, pointer: Pointer) -> int:
        """Return the line of a field, counted from 1.

        A field that isn't in the file, such as a missing one, has the line of the nearest enclosing value.
        """
        location = self.parsed.location
        for step in pointer:
            if step not in location.parts:
                break
            location = location.parts[step]
        return location.line

    def build_error(self, faults: Iterable[TreeFault]) -> DocumentError:
        """Build the error that lists the faults, one per line, in the order of the file."""
        # Faults on the same line are sorted by their text, so that the message is always the same.
        in_order = sorted(faults, key=lambda fault: (self.line(fault.pointer), fault.problem))
        return DocumentError("\n".join(map(self._format_fault, in_order)))

    def _format_fault(self, fault: TreeFault) -> str:
        # People count items from 1.
        keys = (str(key + 1) if isinstance(key, int) else key for key in fault.pointer)
        field = _on_one_line(".".join(keys)) or "document"
        return f"{self.path}:{self.line(fault.pointer)}: {field}: {fault.problem}; {fault.remedy}"

    def _schema_faults(self, messages: Mapping[Any, Any], pointer: Pointer = ()) -> Iterator[TreeFault]:
        """Turn marshmallow's nested messages into faults."""
        for key, inner in messages.items():
            # marshmallow files a message about an object as a whole under "_schema".
            inner_pointer = pointer if key == "_schema" else (*pointer, key)
            if isinstance(inner, Mapping):
                yield from self._schema_faults(inner, inner_pointer)
            else:
                yield from (self._build_fault(inner_pointer, message) for message in inner)

    def _build_fault(self, pointer: Pointer, message: str) -> TreeFault:
        text = MISSING_FIELD_MESSAGE if message == MARSHMALLOW_REQUIRED_MESSAGE else message
        problem, _, remedy = text.partition("; ")
        return TreeFault(pointer, problem.removesuffix("."), self._remedy(pointer, message, remedy))

    def _remedy(self, pointer: Pointer, message: str, remedy: str) -> str:
        """Choose the remedy for a schema's message."""
        if message.startswith(UNKNOWN_FIELD_PREFIX):
            return self._remedy_of_unknown(pointer, remedy.removeprefix(KNOWN_FIELDS_PREFIX).split(", "))
        # YAML takes # for a comment and & for an anchor, so an unquoted text may turn out empty.
        if message == MARSHMALLOW_NULL_MESSAGE and any(
            mark in self._source_line(pointer) for mark in (" #", " &")
        ):
            return "give a value; if # or & is part of a text, quote the whole text"
        return remedy or REMEDY_BY_MESSAGE.get(message, "correct the value")

    def _remedy_of_unknown(self, pointer: Pointer, known: list[str]) -> str:
        name = str(pointer[-1])
        close = get_close_matches(name, known, n=1)
        if close:
            return f"did you mean {close[0]}? Known are {', '.join(known)}"
        # The rest of a text behind a comma becomes a key of its own in {…}; no field has such a name.
        if " " in name or not name.isidentifier():
            return "if it is part of a text, quote the whole text: inside {…} a comma ends a text"
        return f"remove it; known are {', '.join(known)}"

    def _source_line(self, pointer: Pointer) -> str:
        return self.text.splitlines()[self.line(pointer) - 1]


def read_document(path: Path, kind: str) -> YamlDocument:
    """Read a YAML document from a file.

    Messages use `kind` to say what the file should be, such as "test suite". Raises DocumentError if the file
    can't be read or isn't YAML in UTF-8.
    """
    try:
        text = _read_bytes(path, kind).decode()
        return YamlDocument(path, text, yaml_reader.parse_yaml(text))
    except YamlSyntaxError as error:
        raise DocumentError(f"{path}:{error.line}: not YAML: {error.problem}; {error.remedy}") from error
    except UnicodeDecodeError as error:
        raise DocumentError(f"{path}:1: not UTF-8: {error}; save it in that encoding") from error
    except RecursionError as error:
        raise DocumentError(f"{path}:1: nested too deeply to be read; make it flatter") from error


def _read_bytes(path: Path, kind: str) -> bytes:
    try:
        # Opening a pipe or a device could block for ever.
        if path.is_file():
            return path.read_bytes()
    except OSError as error:
        raise DocumentError(f"{path}: can't be read: {error.strerror}; check its permissions") from error
    raise DocumentError(f"{path}: not a file; give the path of a {kind} (YAML)")


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


class DocumentSchema(Schema):
    """Base schema of documents; its message for an unknown field lists the known ones."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.error_messages["unknown"] = (
            f"{UNKNOWN_FIELD_PREFIX}; {KNOWN_FIELDS_PREFIX}{', '.join(self.fields)}"
        )
