"""Tree documents: YAML files that are read, proven sound and turned into trees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from marshmallow import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from finetune_advisor.document_schema import TreeDocument
from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.soundness import Fault, faults
from finetune_advisor.engine.tree import Tree


class DocumentError(FinetuneAdvisorError):
    """A tree document can't be served; each line of the message names file, line, field and remedy."""


def load(path: Path) -> Tree:
    """The tree of a document. Raises DocumentError with every fault that was found."""
    marked = _read(path)
    try:
        tree: Tree = TreeDocument().load(_unmarked(marked))
        found = faults(tree)
    except ValidationError as error:
        found = [*_schema_faults(error.messages_dict)]
    if found:
        raise DocumentError("\n".join(_line(path, marked, fault) for fault in found))
    return tree


def _read(path: Path) -> Any:
    if not path.is_file():
        raise DocumentError(f"{path}: not a file; give the path of a tree document (YAML)")
    try:
        return YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DocumentError(f"{path}:{line}: not YAML: {error.problem}; correct the syntax") from error
    except (YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise DocumentError(f"{path}:1: not YAML in UTF-8: {reason}; correct the file") from error
    except OSError as error:
        raise DocumentError(f"{path}: can't be read: {error.strerror}; check its permissions") from error


def _unmarked(value: Any) -> Any:
    """Plain values in place of the parser's, which carry their line numbers."""
    if isinstance(value, Mapping):
        return {key: _unmarked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unmarked(item) for item in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _line(path: Path, marked: Any, fault: Fault) -> str:
    field = ".".join(str(key + 1) if isinstance(key, int) else key for key in fault.pointer)
    where = f"{path}:{_line_number(marked, fault.pointer)}: {field or 'document'}"
    return f"{where}: {fault.problem}; {fault.remedy}"


def _line_number(marked: Any, pointer: tuple[str | int, ...]) -> int:
    """The line of a field, or of the nearest thing around it that is in the file."""
    line = 0
    for key in pointer:
        try:
            places = marked.lc
            line = (places.item(key) if isinstance(key, int) else places.key(key))[0]
            marked = marked[key]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line + 1


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
