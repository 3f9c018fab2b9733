"""YAML documents that people write: read with their lines, each fault named by file, line and field."""

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


class DocumentError(FinetuneAdvisorError):
    """A document can't be used; each line of the message names file, line, field and remedy."""


@dataclass(frozen=True)
class YamlDocument:
    """A parsed document, and the text that it was parsed from."""

    path: Path
    text: str
    parsed: ParsedYaml

    def load(self, schema: Schema) -> Any:
        """What the schema makes of the document. Raises DocumentError with every fault."""
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
        """The line of a field, or of the nearest thing around it that is in the file."""
        place = self.parsed.location
        for step in pointer:
            if step not in place.parts:
                break
            place = place.parts[step]
        return place.line

    def build_error(self, faults: Iterable[TreeFault]) -> DocumentError:
        """The error that names some faults, in the order of their lines."""
        found = sorted(faults, key=lambda fault: (self.line(fault.pointer), fault.problem))
        return DocumentError("\n".join(map(self._format_fault, found)))

    def _format_fault(self, fault: TreeFault) -> str:
        field = ".".join(str(key + 1) if isinstance(key, int) else key for key in fault.pointer)
        where = f"{self.path}:{self.line(fault.pointer)}: {_on_one_line(field) or 'document'}"
        return f"{where}: {fault.problem}; {fault.remedy}"

    def _schema_faults(self, messages: Mapping[Any, Any], pointer: Pointer = ()) -> Iterator[TreeFault]:
        for key, inner in messages.items():
            here = pointer if key == "_schema" else (*pointer, key)
            if isinstance(inner, Mapping):
                yield from self._schema_faults(inner, here)
            else:
                for message in inner:
                    problem, _, remedy = (
                        MISSING_FIELD_MESSAGE if message == MARSHMALLOW_REQUIRED_MESSAGE else message
                    ).partition("; ")
                    yield TreeFault(here, problem.removesuffix("."), self._remedy(here, message, remedy))

    def _remedy(self, pointer: Pointer, message: str, remedy: str) -> str:
        """What to do about a schema's message, given what stands in the file."""
        if message.startswith(UNKNOWN_FIELD_PREFIX):
            return self._remedy_of_unknown(pointer, remedy.removeprefix(KNOWN_FIELDS_PREFIX).split(", "))
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
        if " " in name or not name.isidentifier():
            return "quote the whole text if this is a part of one: inside {…} a comma ends it"
        return f"remove it; known are {', '.join(known)}"

    def _source_line(self, pointer: Pointer) -> str:
        return self.text.splitlines()[self.line(pointer) - 1]


def read_document(path: Path, kind: str) -> YamlDocument:
    """The document in a file, which is to be of some kind. Raises DocumentError if it isn't YAML."""
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
        if path.is_file():
            return path.read_bytes()
    except OSError as error:
        raise DocumentError(f"{path}: can't be read: {error.strerror}; check its permissions") from error
    raise DocumentError(f"{path}: not a file; give the path of a {kind} (YAML)")


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


MARSHMALLOW_REQUIRED_MESSAGE = "Missing data for required field."
MISSING_FIELD_MESSAGE = "the field is missing; add it"
"""What is said in its place."""
MARSHMALLOW_NULL_MESSAGE = "Field may not be null."
UNKNOWN_FIELD_PREFIX = "Unknown field"
KNOWN_FIELDS_PREFIX = "known are "
REMEDY_BY_MESSAGE = {
    MARSHMALLOW_NULL_MESSAGE: "give a value or remove the field",
    "Not a valid string.": "write text; quote what YAML reads as something else",
}


class DocumentSchema(Schema):
    """The base of what documents are loaded with: an unknown field is told with those that are known."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.error_messages["unknown"] = (
            f"{UNKNOWN_FIELD_PREFIX}; {KNOWN_FIELDS_PREFIX}{', '.join(self.fields)}"
        )
