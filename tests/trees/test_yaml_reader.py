"""YAML: what is read from a text, and what an author is told who fell into one of its traps."""

from __future__ import annotations

from datetime import date, datetime
from math import inf, isnan
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from ruamel.yaml import YAML

from finetune_advisor.trees import catalog, loader, yaml_reader
from finetune_advisor.trees.yaml_reader import YamlSyntaxError, parse_yaml

ROOT = Path(__file__).parents[2]
SMALL = (ROOT / "tests" / "trees" / "small.yaml").read_text(encoding="utf-8")
QUOTE = yaml_reader.QUOTE_REMEDY
BRACKETS = "close them; quote each text in them that has a comma, a colon, a # or a bracket"
CLOSE = "close the quotes; inside of \"…\" write \\\" and inside of '…' write ''"
DOUBLE = "write two backslashes for one, or use single quotes"
WHOLE = 'quote the whole text: "…"; or indent the line correctly'


def _fault(text: str) -> str:
    with pytest.raises(YamlSyntaxError) as caught:
        parse_yaml(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *[(text, True) for text in ("true", "True", "TRUE", "!!bool true")],
        *[(text, text) for text in ("yes", "no", "on", "off", "y", "tRue", "=", "1.2.3", "10:30", "0b", ".")],
        *[(text, None) for text in ("~", "null", "Null", "NULL", "")],
        *[("1_000", 1000), ("012", 12), ("0o14", 12), ("0x1F", 31), ("-0b11", -3), ('!!int "5"', 5)],
        *[("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("-.5e-3", -0.0005), (".5e3", 500.0)],
        *[(".inf", inf), ("-.Inf", -inf), ("!!float 5", 5.0), ("!!str 5", "5")],
        ("2026-11-22", date(2026, 11, 22)),
        ("2026-11-22 10:00:00", datetime(2026, 11, 22, 10)),
        *[('"\\u00e9\\x41\\/"', "éA/"), ("'it''s'", "it's"), ("a #b", "a"), ("a#b", "a#b"), ("a:b", "a:b")],
        *[("{a: b? c, d: e? }", {"a": "b? c", "d": "e?"}), ("[a?b]", ["a?b"]), ("{? a : b}", {"a": "b"})],
        ("https://a?b", "https://a?b"),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(written: str, value: Any) -> None:
    """The core schema of YAML 1.2 decides what a bare word is; no and yes are text."""
    assert (value, type(value)) == (parse_yaml(f"k: {written}").value["k"], type(value))


def test_a_number_that_is_none() -> None:
    """.nan is a number to YAML."""
    assert isnan(parse_yaml("k: .nan").value["k"])


def test_a_document_for_yaml_1_1_is_read_as_such() -> None:
    """Who says %YAML 1.1 gets its booleans and octal numbers."""
    text = "# old\n%YAML 1.1\n---\na: no\nb: 012\n"
    assert {"a": False, "b": 10} == parse_yaml(text).value
    assert {"a": "no", "b": 12} == parse_yaml(text.replace("1.1", "1.2")).value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: b\t\n", {"a": "b"}),
        ("a: b\t# c\n", {"a": "b"}),
        ("a:\tb\n", {"a": "b"}),
        ("a: [b,\tc]\t\n", {"a": ["b", "c"]}),
        ("a:\n\t# c\n  b: 1\n", {"a": {"b": 1}}),
        ("a: b\n\t\nc: d\n", {"a": "b", "c": "d"}),
        ("a: b # c\n \t# d\nc: d\n\t", {"a": "b", "c": "d"}),
        ('a: "\\ud83d\\ude00"\n', {"a": "😀"}),
        ('a: "\\ud83d\\ude00"\t# c\nb:\n\t# c\n  [c\t, d]\n', {"a": "😀", "b": ["c", "d"]}),
        ("a: 😀\n", {"a": "😀"}),
        ("a: x\u2028y\n", {"a": "x\u2028y"}),
        ('a: "x \u2029 y"\n', {"a": "x \u2029 y"}),
        ("a: \ue000? \u2028\n", {"a": "\ue000? \u2028"}),
        ('a: "\\ue000 what? \\ue001"\n', {"a": "\ue000 what? \ue001"}),
        ('a: "\\uE000\\U0000E001\ue002 what? \u2029"\n', {"a": "\ue000\ue001\ue002 what? \u2029"}),
        ("a: [x\\ue000?]\n", {"a": ["x\\ue000?"]}),
        ("a: &x 1\nb: &x 2\nc: *x\n", {"a": 1, "b": 2, "c": 2}),
        ("a: &x [1]\nb: &x {c: 2}\n", {"a": [1], "b": {"c": 2}}),
        ("\ufeffa: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
    ],
)
def test_what_yaml_1_2_allows_is_read(text: str, value: Any) -> None:
    """Tabs that separate, surrogate pairs, separators of Unicode and repeated anchors are fine."""
    assert value == parse_yaml(text).value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}\n", {"k": 3, "l": 2}),
        ("a: [&x {k: 1}, &y {k: 2, m: 4}]\nb: {<<: [*x, *y]}\n", {"k": 1, "m": 4}),
        ("b: {<<: {<<: {k: 1}, l: 2}}\n", {"k": 1, "l": 2}),
    ],
)
def test_merge_keys_fill_in(text: str, value: Any) -> None:
    """<< gives what is not said, the first mapping of several before the later ones."""
    assert value == parse_yaml(text).value["b"]


@pytest.mark.parametrize(
    "text", ["a: &x {k: [1]}\nb: {<<: *x}\n", "&a {<<: *a}\n", "a: &x [1]\nb: *x\n"]
)
def test_an_alias_of_more_than_a_scalar_is_a_fault(text: str) -> None:
    """A document reads plainly: only scalars, and flat mappings by merge keys, are said once for two."""
    assert ["an alias is not allowed here"] == [fault.problem for fault in parse_yaml(text).faults]


def test_merge_keys_do_not_multiply() -> None:
    """Mappings that each merge the one before twice are read in no time, though 2^60 merges are said."""
    lines = [f"k{i}: &k{i} {{<<: [*k{i - 1}, *k{i - 1}]}}\n" for i in range(1, 60)]
    assert {"a": 1} == parse_yaml("k0: &k0 {a: 1}\n" + "".join(lines)).value["k59"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("t: MyCorp: should we?\n", f"1: mapping values are not allowed here; {QUOTE}"),
        ("t: %50 off\n", f"1: found character '%' that cannot start any token; {QUOTE}"),
        ("t: @me\n", f"1: found character '@' that cannot start any token; {QUOTE}"),
        ("t: `x`\n", f"1: found character '`' that cannot start any token; {QUOTE}"),
        ("t: *bold* x\n", f"1: expected alphabetic or numeric character, but found '*'; {QUOTE}"),
        ("t: *bold\n", f"1: found undefined alias 'bold'; {QUOTE}"),
        ("t: & Co\n", f"1: expected alphabetic or numeric character, but found ' '; {QUOTE}"),
        ("t: !important x\n", f"1: the tag !important means nothing here; {QUOTE}"),
        ("t: | x\n", f"1: expected a comment or a line break, but found 'x'; {QUOTE}"),
        ("t: > 5 x\n", f"1: expected a comment or a line break, but found '5'; {QUOTE}"),
        ("t: - x\n", f"1: sequence entries are not allowed here; {QUOTE}"),
        ("t: ? x\n", f"1: mapping keys are not allowed here; {QUOTE}"),
        ("t: , x\n", f"1: expected the node content, but found ','; {QUOTE}"),
        ("t: [draft] x\n", f"1: expected <block end>, but found '<scalar>'; {WHOLE}"),
        ('t: "a" b\n', f"1: expected <block end>, but found '<scalar>'; {WHOLE}"),
        ("t: 'it's'\n", f"1: expected <block end>, but found '<scalar>'; {WHOLE}"),
        ("t: b\nc\nd: e\n", f"3: could not find expected ':'; {WHOLE}"),
        ("{t: x: y}\n", "1: expected ',' or '}', but got ':', in the brackets that open on line 1; "
         + BRACKETS),
        ("a: {t: Case #1}\nb: 1\n",
         "2: expected ',' or '}', but got '<scalar>', in the brackets that open on line 1; " + BRACKETS),
        ("a: [t\nb: 1\n", "2: expected ',' or ']', but got ':', in the brackets that open on line 1; "
         + BRACKETS),
        ('a: "b\nc: 1\n', "3: found unexpected end of stream, in the quotes that open on line 1; " + CLOSE),
        ('t: "\\d"\n',
         "1: found unknown escape character 'd', in the quotes that open on line 1; " + DOUBLE),
        ('t: "x\\?"\n',
         "1: found unknown escape character '?', in the quotes that open on line 1; " + DOUBLE),
        ('t: "x\\\u2028"\n',
         "1: found unknown escape character '\\u2028', in the quotes that open on line 1; " + DOUBLE),
        ("t: *what?\n", f"1: expected alphabetic or numeric character, but found '?'; {QUOTE}"),
        ("t: !what? x\n", "1: expected ' ', but found '?'; correct the syntax"),
        ("a:\n\tb: 1\n",
         "2: found character '\\t' that cannot start any token; indent with spaces, not with tabs"),
        ("a: 1\n---\nb: 2\n", "2: but found another document; write one document per file"),
        ("%YAML 3.0\n---\na: 1\n",
         "1: found incompatible YAML document (version 1.* is required); correct the syntax"),
        ("a: 1\nb: \x07\n", "2: the character U+0007 is not allowed; remove it"),
        ('a: "\\U00110000"\n', "1: an escape is no character: chr() arg not in range(0x110000); correct it"),
        ('a: 1\nb: "\\ud800"\n', "2: the text has half a character (a lone surrogate); write it whole"),
        ("a: 1\na: 2\n", '2: found duplicate key "a"; remove one of the two'),
        ("<<: 1\n", "1: << takes a mapping; write the fields out"),
        ("<<: [1]\n", "1: << takes a mapping; write the fields out"),
        ("a: !!int x\n", "1: not a value of int; correct it, or put it in quotes"),
        ("a: !!bool maybe\n", "1: not a value of bool; correct it, or put it in quotes"),
        ("a: " + "9" * 5000 + "\n", "1: not a value of int; correct it, or put it in quotes"),
        ("a: 2026-02-30\n",
         "1: 2026-02-30 is no date of the calendar; correct it, or put it in quotes"),
    ],
)  # fmt: skip
def test_a_trap_of_yaml_is_told_with_its_remedy(text: str, fault: str) -> None:
    """The message has the line, what the reader met, and what to write instead."""
    assert fault == _fault(text)


@pytest.mark.exhaustive
@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 5000, "- " * 5000, "[" * 900 + "]" * 900])
def test_deep_nesting_ends_in_an_error(text: str) -> None:
    """However deep a text is nested, the reader neither crashes nor hangs."""
    with pytest.raises((RecursionError, YamlSyntaxError)):
        parse_yaml(text)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "path",
    [
        path
        for folder in (catalog.BUNDLED_TREES_DIR, ROOT / "tests")
        for path in sorted(folder.rglob("*.yaml"))
        if "\n---\n" not in path.read_text("utf-8")  # several documents in a file
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_another_reader_reads_the_same(path: Path) -> None:
    """A slower reader of YAML 1.2 gives the same values for every document in this repository."""
    text = path.read_text(encoding="utf-8")
    assert YAML(typ="safe", pure=True).load(text) == parse_yaml(text).value


def _seconds_of_refusal(path: Path, text: str) -> float:
    path.write_text(text, encoding="utf-8")
    start = process_time()
    with pytest.raises(loader.DocumentError):
        loader.load_tree(path)
    return process_time() - start


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "faults",
    [
        lambda count: SMALL + "".join(f"key{i}: x\n" for i in range(count)),
        lambda count: SMALL.replace(
            "root: start", "".join(f"  in{i}: {{type: x}}\n" for i in range(count)) + "root: start"
        ),
        lambda count: SMALL.replace(
            "      - {otherwise: true",
            "".join(f"      - {{gte: 0.{i + 1}, to: tune, reason: x}}\n" for i in range(count))
            + "      - {otherwise: true",
        ),
    ],
    ids=["unknown fields", "faulty inputs", "branches that overlap"],
)  # fmt: skip
def test_the_time_grows_with_the_faults_and_not_with_their_square(tmp_path: Path, faults: Any) -> None:
    """Sixteen times as many faults take about sixteen times as long, and not 256 times."""
    few = min(_seconds_of_refusal(tmp_path / "few.yaml", faults(250)) for _ in range(3))
    many = _seconds_of_refusal(tmp_path / "many.yaml", faults(4000))
    assert many < 64 * few
