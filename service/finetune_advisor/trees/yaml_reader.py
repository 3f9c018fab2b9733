"""Reads YAML 1.2 into plain values, and keeps the line of each value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar, NoReturn

import yaml
from yaml.constructor import ConstructorError, SafeConstructor
from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import CollectionStartEvent, ScalarEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError
from yaml.resolver import BaseResolver

from finetune_advisor.engine.analysis.validation import TreeFault

Pointer = tuple[str | int, ...]
MERGE_TAG = "tag:yaml.org,2002:merge"
# PyYAML follows YAML 1.1, where these characters end a plain text: a question mark in brackets begins a key,
# and NEL and Unicode's separators break lines. In YAML 1.2 they are part of the text.
MISREAD_PATTERNS = {
    "?": r"(?<=[^\s\[\]{},])\?",
    "\x85": "\x85",
    "\u2028": "\u2028",
    "\u2029": "\u2029",
}
"""Characters that PyYAML misreads, each with the pattern of the places where it does."""
QUOTE_REMEDY = 'if it is part of a text, quote the whole text: "…"'
SYNTAX_REMEDIES = [
    (r"found character '\\t'", "indent with spaces, not with tabs"),
    (
        r"unexpected end of stream",
        "close the quotes; inside of \"…\" write \\\" and inside of '…' write ''",
    ),
    (r"unknown escape character", "write two backslashes for one, or use single quotes"),
    (r"another document", "write one document per file"),
    (
        r"in the brackets",
        "close them; quote each text in them that has a comma, a colon, a # or a bracket",
    ),
    (
        r"could not find|<block end>|<document start>",
        'quote the whole text: "…"; or indent the line correctly',
    ),
    (r"not allowed here|cannot start|alias|anchor|node content|block scalar", QUOTE_REMEDY),
]
"""Patterns of the scanner's messages, each with its remedy; the first pattern that matches counts."""


class YamlSyntaxError(Exception):
    """A text isn't YAML; the error has the line, counted from 1, the problem and the remedy."""

    def __init__(self, line: int, problem: str, remedy: str) -> None:
        super().__init__(f"{line}: {problem}; {remedy}")
        self.line, self.problem, self.remedy = line, problem, remedy


@dataclass
class SourceLocation:
    """The line of a value, counted from 1, and the locations of its parts by key or index."""

    line: int
    parts: dict[str | int, SourceLocation] = field(default_factory=dict)


@dataclass(frozen=True)
class ParsedYaml:
    """A parsed text: its value, its source locations, and its use of YAML that documents may not contain.

    The faults are aliases and keys that aren't text.
    """

    value: Any
    location: SourceLocation
    faults: list[TreeFault]


def parse_yaml(text: str) -> ParsedYaml:
    """Parse a text as one YAML document; an empty text has the value None.

    Raises YamlSyntaxError if the text isn't YAML, and RecursionError if it is nested too deeply.
    """
    readable, characters = _replace_misread_characters(text)
    try:
        loader, node = _compose(readable)
        if node is None:
            return ParsedYaml(None, SourceLocation(1), [])
        builder = _Builder(loader, characters)
        value, location = builder.build(node, ())
    except YamlSyntaxError as error:
        problem = _restore_misread_characters(error.problem, characters)
        raise YamlSyntaxError(error.line, problem, error.remedy) from error
    return ParsedYaml(value, location, builder.faults)


def _replace_misread_characters(text: str) -> tuple[str, dict[int, str]]:
    """Replace the characters that PyYAML misreads by characters for private use.

    Returns the text and the original character of each replacement's code point.
    """
    # A replacement that the text has already, as it is or escaped, would be restored to a wrong character.
    taken = {ord(character) for character in re.findall("[\ue000-\uf8ff]", text)}
    taken |= {int(code, 16) for code in re.findall(r"\\(?:u|U0000)([0-9a-fA-F]{4})", text)}
    free = (chr(code) for code in range(0xE000, 0xF900) if code not in taken)
    replacements = dict(zip(MISREAD_PATTERNS, free, strict=False))
    for character, replacement in replacements.items():
        text = re.sub(MISREAD_PATTERNS[character], replacement, text)
    return text, {ord(replacement): character for character, replacement in replacements.items()}


def _restore_misread_characters(problem: str, characters: dict[int, str]) -> str:
    """Restore the original characters in a message of PyYAML."""
    # PyYAML quotes some characters as they are and others by repr, which escapes those for private use.
    for code, character in characters.items():
        problem = problem.replace(ascii(chr(code))[1:-1], ascii(character)[1:-1])
    return problem.translate(characters)


class _CoreResolver(BaseResolver):
    """Resolves scalars by YAML 1.2's core schema, with some extensions.

    The extensions are underscores between digits, binary numbers, dates and merge keys. Documents of earlier
    releases may use them, and released documents never change.
    """


for _name, _pattern, _first in [
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    (
        "int",
        r"[-+]?(?:[0-9][0-9_]*|0b[01][01_]*|0o[0-7][0-7_]*|0x[0-9a-fA-F][0-9a-fA-F_]*)",
        "-+0123456789",
    ),
    (
        "float",
        (
            r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\._*[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
        ),
        "-+.0123456789",
    ),
    (
        "timestamp",
        (
            r"\d{4}-\d\d-\d\d|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?"
            r"(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?"
        ),
        "0123456789",
    ),
    ("merge", "<<", "<"),
]:
    _CoreResolver.add_implicit_resolver(
        f"tag:yaml.org,2002:{_name}", re.compile(rf"(?:{_pattern})\Z"), list(_first)
    )


class _CoreConstructor(SafeConstructor):
    """Constructs scalars as PyYAML does, except for numbers, which follow YAML 1.2."""

    BASES: ClassVar = {"0b": 2, "0o": 8, "0x": 16}

    def construct_yaml_int(self, node: ScalarNode) -> int:
        digits = node.value.replace("_", "").lower()
        # PyYAML takes a leading 0 for octal; in YAML 1.2 only 0o is.
        return int(digits, self.BASES.get(digits.lstrip("+-")[:2], 10))

    def construct_yaml_float(self, node: ScalarNode) -> float:
        # Python's float knows inf and nan without YAML's leading dot.
        return float(re.sub(r"\.(?=inf|nan)", "", node.value.replace("_", "").lower()))


for _name in ("int", "float"):
    _CoreConstructor.add_constructor(
        f"tag:yaml.org,2002:{_name}", getattr(_CoreConstructor, f"construct_yaml_{_name}")
    )


class _FastLoader(_CoreConstructor, _CoreResolver, yaml.CBaseLoader):
    """Loads with libyaml, which is written in C.

    It reads the bundled trees in 10 ms; PyYAML's scanner in Python takes 150 ms.
    """


class _ThoroughLoader(_CoreConstructor, _CoreResolver, yaml.BaseLoader):
    """Loads with PyYAML's scanner in Python, for texts that libyaml refuses.

    It describes faults in more detail, and accepts more of YAML 1.2: surrogate pairs, tabs as separators,
    and anchors that are defined again.
    """

    def scan_to_next_token(self) -> None:
        # PyYAML skips spaces only.
        super().scan_to_next_token()
        while self.peek() == "\t" and self._separates():
            while self.peek() in " \t":
                self.forward()
            super().scan_to_next_token()

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, ScalarEvent | CollectionStartEvent):
            # PyYAML refuses an anchor that it knows; it has to forget the earlier one.
            self.anchors.pop(event.anchor, None)
        return super().compose_node(parent, index)

    def _separates(self) -> bool:
        """Whether the next tab only separates tokens; YAML forbids tabs as indentation.

        A tab separates within a line, in brackets, and on a line that is blank or has only a comment.
        """
        if self.flow_level or not self.allow_simple_key:
            return True
        offset = 0
        while self.peek(offset) in " \t":
            offset += 1
        return self.peek(offset) in "#\r\n\0"


_Loader = _FastLoader | _ThoroughLoader | yaml.CSafeLoader | yaml.SafeLoader


def _compose(text: str) -> tuple[_Loader, Node | None]:
    """Compose the nodes of a text; returns the loader that succeeded and the root node.

    Raises YamlSyntaxError if neither loader can read the text.
    """
    # A document may declare that it is YAML 1.0 or 1.1, which PyYAML's own loaders implement.
    older = re.match(r"\ufeff?(?:#.*\n|\s)*%YAML[ \t]+1\.[01]\b", text)
    fast, thorough = (yaml.CSafeLoader, yaml.SafeLoader) if older else (_FastLoader, _ThoroughLoader)
    loader: _Loader
    try:
        loader = fast(text)
        return loader, loader.get_single_node()
    except YAMLError:
        pass  # the thorough loader reads more, or says better what is wrong
    try:
        loader = thorough(text)
        return loader, loader.get_single_node()
    except MarkedYAMLError as error:
        raise _explain_syntax_error(error) from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = f"the character U+{error.character:04X} is not allowed"
        raise YamlSyntaxError(line, problem, "remove it") from error
    except ValueError as error:  # an escape beyond Unicode, such as \U00110000
        raise YamlSyntaxError(1, f"an escape is no character: {error}", "correct it") from error


@dataclass
class _Builder:
    """Builds values and source locations from nodes, and collects faults."""

    loader: _Loader
    characters: dict[int, str]
    faults: list[TreeFault] = field(default_factory=list)
    started: set[int] = field(default_factory=set)
    mappings: dict[int, tuple[dict[str, Any], SourceLocation]] = field(default_factory=dict)

    def build(self, node: Node, pointer: Pointer) -> tuple[Any, SourceLocation]:
        if isinstance(node, ScalarNode):
            return self._scalar(node), SourceLocation(_start_line(node))
        # An alias is the node of its anchor once more.
        if id(node) in self.started:
            return self._alias(node, pointer)
        self.started.add(id(node))
        if isinstance(node, MappingNode):
            return self._mapping(node, pointer)
        return self._sequence(node, pointer)

    def _alias(self, node: Node, pointer: Pointer) -> tuple[Any, SourceLocation]:
        # Nested aliases multiply: a few lines could stand for gigabytes.
        fault = TreeFault(pointer, "an alias is not allowed here", "write the value out in full")
        self.faults.append(fault)
        return None, SourceLocation(_start_line(node))

    def _sequence(self, node: Node, pointer: Pointer) -> tuple[list[Any], SourceLocation]:
        location = SourceLocation(_start_line(node))
        values = []
        for index, item in enumerate(node.value):
            value, location.parts[index] = self.build(item, (*pointer, index))
            values.append(value)
        return values, location

    def _mapping(self, node: MappingNode, pointer: Pointer) -> tuple[dict[str, Any], SourceLocation]:
        location = SourceLocation(_start_line(node))
        values: dict[str, Any] = {}
        keys: set[str] = set()
        merged = []
        for key_node, value_node in node.value:
            if key_node.tag == MERGE_TAG:
                merged.append(value_node)
                continue
            key = self._key(key_node, pointer)
            if key in keys:
                name = " ".join(key.split())
                _raise_syntax_error(key_node, f'found duplicate key "{name}"', "remove one of the two")
            keys.add(key)
            values[key], value_location = self.build(value_node, (*pointer, key))
            # A value may begin below its key; messages point at the line of the key.
            location.parts[key] = SourceLocation(_start_line(key_node), value_location.parts)
        # Fields that are written out override merged ones, wherever the << is.
        for value_node in merged:
            self._merge(value_node, values, location, pointer)
        self.mappings[id(node)] = values, location
        return values, location

    def _merge(
        self, node: Node, values: dict[str, Any], location: SourceLocation, pointer: Pointer
    ) -> None:
        """Add the fields of one or several merged mappings, except for those that `values` has already."""
        for source in node.value if isinstance(node, SequenceNode) else [node]:
            if not isinstance(source, MappingNode):
                _raise_syntax_error(source, "<< takes a mapping", "write the fields out")
            if id(source) in self.mappings:
                merged, merged_location = self.mappings[id(source)]
                # A merge repeats nested values as an alias does.
                if any(isinstance(value, dict | list) for value in merged.values()):
                    self._alias(source, pointer)
            else:
                merged, merged_location = self.build(source, pointer)
            for key in merged or ():
                if key not in values:
                    values[key], location.parts[key] = merged[key], merged_location.parts[key]

    def _key(self, node: Node, pointer: Pointer) -> str:
        """Return a key as text, and note a fault if it isn't text."""
        if isinstance(node, ScalarNode):
            value = self._scalar(node)
            key = value if isinstance(value, str) else str(value).lower()
        else:
            value, key = None, "{…}" if isinstance(node, MappingNode) else "[…]"
        if not isinstance(value, str):
            self.faults.append(
                TreeFault((*pointer, key), "the key is not text", "quote it or write a name")
            )
        return key

    def _scalar(self, node: ScalarNode) -> Any:
        try:
            value = self.loader.construct_object(node)
        except ConstructorError:
            _raise_syntax_error(node, f"the tag {node.tag} means nothing here", QUOTE_REMEDY)
        # PyYAML's constructors check little: a wrong value under an explicit tag fails in many ways.
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            kind = node.tag.rpartition(":")[2]
            problem = (
                f"{node.value} is no date of the calendar"
                if kind == "timestamp"
                else f"not a value of {kind}"
            )
            _raise_syntax_error(node, " ".join(problem.split()), "correct it, or put it in quotes")
        if isinstance(value, str) and not value.isascii():
            return _join_surrogate_pairs(value, node).translate(self.characters)
        return value


def _join_surrogate_pairs(text: str, node: ScalarNode) -> str:
    """Replace surrogate pairs, as JSON escapes characters beyond U+FFFF, by the characters themselves."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        _raise_syntax_error(node, "the text has half a character (a lone surrogate)", "write it whole")


def _start_line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _raise_syntax_error(node: Node, problem: str, remedy: str) -> NoReturn:
    raise YamlSyntaxError(_start_line(node), problem, remedy)


def _explain_syntax_error(error: MarkedYAMLError) -> YamlSyntaxError:
    """Describe a fault of the scanner in one line, with the most likely remedy."""
    problem = " ".join(str(error.problem).split())
    opening_line = error.context_mark.line + 1 if error.context_mark else 1
    # The scanner notices a missing bracket or quote where the text ends; the mistake is where it opens.
    for context, opening in (
        ("a flow mapping", "brackets"),
        ("a flow sequence", "brackets"),
        ("quoted", "quotes"),
    ):
        if context in str(error.context):
            problem += f", in the {opening} that open on line {opening_line}"
    message = f"{error.context} {problem}"
    remedies = (remedy for pattern, remedy in SYNTAX_REMEDIES if re.search(pattern, message))
    line = error.problem_mark.line + 1 if error.problem_mark else opening_line
    return YamlSyntaxError(line, problem, next(remedies, "correct the syntax"))
