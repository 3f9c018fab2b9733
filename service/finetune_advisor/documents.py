"""Tree documents: YAML files that are read, proven sound and turned into trees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from marshmallow import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.scalarbool import ScalarBoolean

from finetune_advisor.document_schema import TreeDocument
from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.soundness import Fault, faults
from finetune_advisor.engine.tree import Tree


class DocumentError(FinetuneAdvisorError):
    """A tree document can't be served; each line of the message names file, line, field and remedy."""


def load(path: Path) -> Tree:
    """The tree of a document. Raises DocumentError with every fault that was found."""
    marked = _parsed(path, _read(path))
    try:
        tree, found = _verified(marked)
    except RecursionError as error:
        raise DocumentError(f"{path}:1: document: nested too deeply; write it flat") from error
    if tree is None or found:
        found.sort(key=lambda fault: (_line_number(marked, fault.pointer), fault.problem))
        raise DocumentError("\n".join(_line(path, marked, fault) for fault in found))
    return tree


def _read(path: Path) -> bytes:
    try:
        if path.is_file():
            return path.read_bytes()
    except OSError as error:
        raise DocumentError(f"{path}: can't be read: {error.strerror}; check its permissions") from error
    raise DocumentError(f"{path}: not a file; give the path of a tree document (YAML)")


def _parsed(path: Path, text: bytes) -> Any:
    try:
        return YAML(typ="rt").load(text.decode())
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = _on_one_line(str(error.problem).partition(" with value ")[0])
        raise DocumentError(f"{path}:{line}: not YAML: {problem}; correct the syntax") from error
    except Exception as error:  # the parser fails in many ways on odd tags
        reason = _on_one_line(str(error)) or type(error).__name__
        raise DocumentError(f"{path}:1: not YAML in UTF-8: {reason}; correct the file") from error


def _verified(marked: Any) -> tuple[Tree | None, list[Fault]]:
    """The tree, if it could be made, and what is wrong."""
    odd = [*_odd_keys(marked)]
    if odd:
        return None, odd
    try:
        tree: Tree = TreeDocument().load(_unmarked(marked))
    except ValidationError as error:
        return None, [*_schema_faults(error.messages_dict)]
    return tree, faults(tree)


def _odd_keys(value: Any, pointer: tuple[str | int, ...] = ()) -> Iterator[Fault]:
    """YAML allows any value as a key; here it has to be text."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            here = (*pointer, _text(key))
            if not isinstance(key, str):
                yield Fault(here, "the key is not text", "quote it or write a name")
            yield from _odd_keys(item, here)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _odd_keys(item, (*pointer, index))


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
    return str(key) if isinstance(key, str) else str(key).lower()


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _line(path: Path, marked: Any, fault: Fault) -> str:
    field = ".".join(str(key + 1) if isinstance(key, int) else key for key in fault.pointer)
    where = f"{path}:{_line_number(marked, fault.pointer)}: {_on_one_line(field) or 'document'}"
    return f"{where}: {fault.problem}; {fault.remedy}"


def _line_number(marked: Any, pointer: tuple[str | int, ...]) -> int:
    """The line of a field, or of the nearest thing around it that is in the file."""
    line = 0
    for step in pointer:
        try:
            places = marked.lc
            key = step if isinstance(step, int) else next(k for k in marked if _text(k) == step)
            line = (places.item(key) if isinstance(step, int) else places.key(key))[0]
            marked = marked[key]
        except (AttributeError, KeyError, IndexError, TypeError, StopIteration):
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
