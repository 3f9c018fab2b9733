"""Text in YAML 1.2 -> plain values, and the lines that they stand on."""

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
MISREAD_PATTERNS = {
    "?": r"(?<=[^\s\[\]{},])\?",
    "\x85": "\x85",
    "\u2028": "\u2028",
    "\u2029": "\u2029",
}
"""What YAML 1.2 takes for part of a text and PyYAML, as in YAML 1.1, does not: in brackets, a question mark
within a text begins a key, and NEL and the separators of Unicode break lines anywhere.
"""
QUOTE_REMEDY = 'if it is part of a text, quote the whole text: "…"'
SYNTAX_REMEDIES = [
    (r"found character '\\t'", "indent with spaces, not with tabs"),
    (
        r"unexpected end of stream",
        "close the quotes; inside of \"…\" write \\\" and inside of '…' write ''",
    ),
    (r"unknown escape character", "write two backslashes for one, or take single quotes"),
    (r"another document", "write one document a file"),
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
"""What mends the faults that the scanner describes so; the first that fits."""


class YamlSyntaxError(Exception):
    """A text isn't YAML: the line, counted from 1, the problem and the remedy."""

    def __init__(self, line: int, problem: str, remedy: str) -> None:
        super().__init__(f"{line}: {problem}; {remedy}")
        self.line, self.problem, self.remedy = line, problem, remedy


@dataclass
class SourceLocation:
    """The line where a value stands, counted from 1, and the places of its parts by key or index."""

    line: int
    parts: dict[str | int, SourceLocation] = field(default_factory=dict)


@dataclass(frozen=True)
class ParsedYaml:
    """What a text says: its value, the places in it, and the faults of what documents may not use."""

    value: Any
    location: SourceLocation
    faults: list[TreeFault]


def parse_yaml(text: str) -> ParsedYaml:
    """Read a text as one YAML document.

    Raises YamlSyntaxError if it isn't YAML, and RecursionError if it is nested too deeply.
    """
    readable, characters = _replace_misread_characters(text)
    try:
        loader, node = _compose(readable)
        if node is None:
            return ParsedYaml(None, SourceLocation(1), [])
        builder = _Builder(loader, characters)
        value, place = builder.build(node, ())
    except YamlSyntaxError as error:
        problem = _restore_misread_characters(error.problem, characters)
        raise YamlSyntaxError(error.line, problem, error.remedy) from error
    return ParsedYaml(value, place, builder.faults)


def _replace_misread_characters(text: str) -> tuple[str, dict[int, str]]:
    """Put characters for private use in place of those that PyYAML misreads; and what they stand for.

    Each is one that the text has neither as it is nor escaped.
    """
    taken = {ord(character) for character in text if "\ue000" <= character <= "\uf8ff"}
    taken |= {int(code, 16) for code in re.findall(r"\\(?:u|U0000)([0-9a-fA-F]{4})", text)}
    free = (chr(code) for code in range(0xE000, 0xF900) if code not in taken)
    stand_ins = dict(zip(MISREAD_PATTERNS, free, strict=False))
    for character, stand_in in stand_ins.items():
        text = re.sub(MISREAD_PATTERNS[character], stand_in, text)
    return text, {ord(stand_in): character for character, stand_in in stand_ins.items()}


def _restore_misread_characters(problem: str, characters: dict[int, str]) -> str:
    """What PyYAML says about a text, which it quotes as it is or as Python writes it."""
    for code, character in characters.items():
        problem = problem.replace(ascii(chr(code))[1:-1], ascii(character)[1:-1])
    return problem.translate(characters)


class _CoreResolver(BaseResolver):
    """The core schema of YAML 1.2, and beside it what this service has always read: underscores between
    digits, binary numbers, dates and merge keys.
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
    """PyYAML's values of scalars, but for the numbers of YAML 1.2."""

    BASES: ClassVar = {"0b": 2, "0o": 8, "0x": 16}

    def construct_yaml_int(self, node: ScalarNode) -> int:
        digits = node.value.replace("_", "").lower()
        return int(digits, self.BASES.get(digits.lstrip("+-")[:2], 10))

    def construct_yaml_float(self, node: ScalarNode) -> float:
        return float(re.sub(r"\.(?=inf|nan)", "", node.value.replace("_", "").lower()))


for _name in ("int", "float"):
    _CoreConstructor.add_constructor(
        f"tag:yaml.org,2002:{_name}", getattr(_CoreConstructor, f"construct_yaml_{_name}")
    )


class _FastLoader(_CoreConstructor, _CoreResolver, yaml.CBaseLoader):
    """libyaml, in C: it reads the bundled trees in 10 ms, where a scanner in Python takes 150."""


class _ThoroughLoader(_CoreConstructor, _CoreResolver, yaml.BaseLoader):
    """PyYAML's own scanner, for what libyaml refuses: it says more about a fault, and it takes surrogate
    pairs. It learns here that in YAML 1.2 tabs separate, and that an anchor may be given anew.
    """

    def scan_to_next_token(self) -> None:
        super().scan_to_next_token()
        while self.peek() == "\t" and self._separates():
            while self.peek() in " \t":
                self.forward()
            super().scan_to_next_token()

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, ScalarEvent | CollectionStartEvent):
            self.anchors.pop(event.anchor, None)
        return super().compose_node(parent, index)

    def _separates(self) -> bool:
        """Whether the tab here is no indentation: within a line, in brackets, or with nothing behind it."""
        if self.flow_level or not self.allow_simple_key:
            return True
        ahead = 0
        while self.peek(ahead) in " \t":
            ahead += 1
        return self.peek(ahead) in "#\r\n\0"


_Loader = _FastLoader | _ThoroughLoader | yaml.CSafeLoader | yaml.SafeLoader


def _compose(text: str) -> tuple[_Loader, Node | None]:
    """The nodes of a text, and who read them. PyYAML's own loaders are those for YAML 1.1."""
    older = re.match(r"\ufeff?(?:#.*\n|\s)*%YAML[ \t]+1\.[01]\b", text)
    fast, thorough = (yaml.CSafeLoader, yaml.SafeLoader) if older else (_FastLoader, _ThoroughLoader)
    loader: _Loader
    try:
        loader = fast(text)
        return loader, loader.get_single_node()
    except YAMLError:
        pass
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
    """Turns nodes into values and places, and notes what documents may not use."""

    loader: _Loader
    characters: dict[int, str]
    faults: list[TreeFault] = field(default_factory=list)
    begun: set[int] = field(default_factory=set)
    mappings: dict[int, tuple[dict[str, Any], SourceLocation]] = field(default_factory=dict)

    def build(self, node: Node, pointer: Pointer) -> tuple[Any, SourceLocation]:
        if isinstance(node, ScalarNode):
            return self._scalar(node), SourceLocation(_start_line(node))
        if id(node) in self.begun:
            return self._alias(node, pointer)
        self.begun.add(id(node))
        if isinstance(node, MappingNode):
            return self._mapping(node, pointer)
        return self._sequence(node, pointer)

    def _alias(self, node: Node, pointer: Pointer) -> tuple[Any, SourceLocation]:
        remedy = "write it out, so that the document reads plainly"
        self.faults.append(TreeFault(pointer, "an alias stands here", remedy))
        return None, SourceLocation(_start_line(node))

    def _sequence(self, node: Node, pointer: Pointer) -> tuple[list[Any], SourceLocation]:
        place = SourceLocation(_start_line(node))
        values = []
        for index, item in enumerate(node.value):
            value, place.parts[index] = self.build(item, (*pointer, index))
            values.append(value)
        return values, place

    def _mapping(self, node: MappingNode, pointer: Pointer) -> tuple[dict[str, Any], SourceLocation]:
        place = SourceLocation(_start_line(node))
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
            values[key], part = self.build(value_node, (*pointer, key))
            place.parts[key] = SourceLocation(_start_line(key_node), part.parts)
        for value_node in merged:
            self._merge(value_node, values, place, pointer)
        self.mappings[id(node)] = values, place
        return values, place

    def _merge(
        self, node: Node, values: dict[str, Any], place: SourceLocation, pointer: Pointer
    ) -> None:
        """Add what a mapping, or each of several, says beside the fields that are there."""
        for source in node.value if isinstance(node, SequenceNode) else [node]:
            if not isinstance(source, MappingNode):
                _raise_syntax_error(source, "<< takes a mapping", "write the fields out")
            if id(source) in self.mappings:
                given, parts = self.mappings[id(source)]
                if any(isinstance(value, dict | list) for value in given.values()):
                    self._alias(source, pointer)
            else:
                given, parts = self.build(source, pointer)
            for key in given or ():
                if key not in values:
                    values[key], place.parts[key] = given[key], parts.parts[key]

    def _key(self, node: Node, pointer: Pointer) -> str:
        """A key as text; what isn't text is a fault."""
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
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            kind = node.tag.rpartition(":")[2]
            problem = (
                f"{node.value} is no date: {error}" if kind == "timestamp" else f"not a value of {kind}"
            )
            _raise_syntax_error(node, " ".join(problem.split()), "correct it, or put it in quotes")
        if isinstance(value, str) and not value.isascii():
            return _join_surrogate_pairs(value, node).translate(self.characters)
        return value


def _join_surrogate_pairs(text: str, node: ScalarNode) -> str:
    """A text whose surrogate pairs, as JSON escapes them, are the characters that they stand for."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        _raise_syntax_error(node, "the text has half a character (a lone surrogate)", "write it whole")


def _start_line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _raise_syntax_error(node: Node, problem: str, remedy: str) -> NoReturn:
    raise YamlSyntaxError(_start_line(node), problem, remedy)


def _explain_syntax_error(error: MarkedYAMLError) -> YamlSyntaxError:
    """The scanner's fault in one line, with what most likely mends it."""
    problem = " ".join(str(error.problem).split())
    opened = error.context_mark.line + 1 if error.context_mark else 1
    for context, opening in (
        ("a flow mapping", "brackets"),
        ("a flow sequence", "brackets"),
        ("quoted", "quotes"),
    ):
        if context in str(error.context):
            problem += f", in the {opening} that open on line {opened}"
    said = f"{error.context} {problem}"
    remedy = next(
        (remedy for pattern, remedy in SYNTAX_REMEDIES if re.search(pattern, said)), "correct the syntax"
    )
    return YamlSyntaxError(
        error.problem_mark.line + 1 if error.problem_mark else opened, problem, remedy
    )
