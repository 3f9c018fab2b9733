"""YAML documents that people write: read with their lines, each fault named by file, line and field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marshmallow import Schema, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.scalarbool import ScalarBoolean

from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.soundness import Fault


class DocumentError(FinetuneAdvisorError):
    """A document can't be used; each line of the message names file, line, field and remedy."""


@dataclass(frozen=True)
class YamlDocument:
    """A parsed document; `marked` has the parser's values, which carry their line numbers."""

    path: Path
    marked: Any

    def load(self, schema: Schema) -> Any:
        """What the schema makes of the document. Raises DocumentError with every fault."""
        if self.marked is None:
            raise self.refusal([Fault((), "the file is empty", "write the fields of a document")])
        try:
            odd = [*_oddities(self.marked, (), set())]
            if odd:
                raise self.refusal(odd)
            return schema.load(_unmarked(self.marked))
        except ValidationError as error:
            raise self.refusal(_schema_faults(error.messages_dict)) from error

    def line(self, pointer: tuple[str | int, ...]) -> int:
        """The line of a field, or of the nearest thing around it that is in the file."""
        line, marked = 0, self.marked
        for step in pointer:
            try:
                places = marked.lc
                key = step if isinstance(step, int) else next(k for k in marked if _text(k) == step)
                line = (places.item(key) if isinstance(step, int) else places.key(key))[0]
                marked = marked[key]
            except (AttributeError, KeyError, IndexError, TypeError, StopIteration):
                break
        return line + 1

    def refusal(self, faults: Iterable[Fault]) -> DocumentError:
        """The error that names some faults, in the order of their lines."""
        found = sorted(faults, key=lambda fault: (self.line(fault.pointer), fault.problem))
        return DocumentError("\n".join(map(self._named, found)))

    def _named(self, fault: Fault) -> str:
        field = ".".join(str(key + 1) if isinstance(key, int) else key for key in fault.pointer)
        where = f"{self.path}:{self.line(fault.pointer)}: {_on_one_line(field) or 'document'}"
        return f"{where}: {fault.problem}; {fault.remedy}"


def read(path: Path, kind: str) -> YamlDocument:
    """The document in a file, which is to be of some kind. Raises DocumentError if it isn't YAML."""
    return YamlDocument(path, _parsed(path, _read(path, kind)))


def _read(path: Path, kind: str) -> bytes:
    try:
        if path.is_file():
            return path.read_bytes()
    except OSError as error:
        raise DocumentError(f"{path}: can't be read: {error.strerror}; check its permissions") from error
    raise DocumentError(f"{path}: not a file; give the path of a {kind} (YAML)")


def _parsed(path: Path, text: bytes) -> Any:
    try:
        yaml = YAML(typ="rt")
        yaml.Constructor = _Constructor
        return yaml.load(text.decode())
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = _on_one_line(str(error.problem).partition(" with value ")[0])
        raise DocumentError(f"{path}:{line}: not YAML: {problem}; correct the syntax") from error
    except UnicodeDecodeError as error:
        raise DocumentError(f"{path}:1: not UTF-8: {error}; save it in that encoding") from error
    except RecursionError as error:
        raise DocumentError(f"{path}:1: nested too deeply to be read; make it flatter") from error
    except Exception as error:  # the parser fails in many ways on odd tags
        reason = _on_one_line(str(error)) or type(error).__name__
        raise DocumentError(f"{path}:1: not YAML: {reason}; correct the file") from error


class _Constructor(RoundTripConstructor):
    """ruamel's, which doesn't say where an impossible date stands."""

    def construct_yaml_timestamp(self, node: ScalarNode, values: Any = None) -> Any:
        try:
            return super().construct_yaml_timestamp(node, values)
        except ValueError as error:
            problem = f"{node.value} is no date: {error}"
            raise ConstructorError(problem=problem, problem_mark=node.start_mark) from error


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", _Constructor.construct_yaml_timestamp)


def _oddities(value: Any, pointer: tuple[str | int, ...], seen: set[int]) -> Iterator[Fault]:
    """What YAML allows and a document here doesn't: keys that aren't text, and aliases."""
    if not isinstance(value, Mapping | list):
        return
    if id(value) in seen:
        yield Fault(pointer, "an alias stands here", "write it out, so that the document reads plainly")
        return
    seen.add(id(value))
    for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
        here = (*pointer, key if isinstance(value, list) else _text(key))
        if isinstance(value, Mapping) and not isinstance(key, str):
            yield Fault(here, "the key is not text", "quote it or write a name")
        yield from _oddities(item, here, seen)


def _unmarked(value: Any) -> Any:
    """Plain values in place of the parser's, which carry their line numbers."""
    if isinstance(value, Mapping):
        return {str(key): _unmarked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unmarked(item) for item in value]
    if isinstance(value, ScalarBoolean):
        return bool(value)
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _text(key: Any) -> str:
    if isinstance(key, Mapping | tuple):
        return "{…}" if isinstance(key, Mapping) else "[…]"
    return str(key) if isinstance(key, str) else str(key).lower()


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


REMEDIES = {
    "Missing data for required field.": "add it",
    "Unknown field.": "remove it or correct its name",
    "Field may not be null.": "give a value or remove the field",
    "Not a valid string.": "write text; quote what YAML reads as something else",
}


def _schema_faults(messages: Mapping[Any, Any], pointer: tuple[Any, ...] = ()) -> Iterator[Fault]:
    for key, inner in messages.items():
        here = pointer if key == "_schema" else (*pointer, key)
        if isinstance(inner, Mapping):
            yield from _schema_faults(inner, here)
        else:
            for message in inner:
                problem, _, remedy = message.partition("; ")
                remedy = remedy or REMEDIES.get(message, "correct the value")
                yield Fault(here, problem.removesuffix("."), remedy)
