"""Tree documents: what is loaded, and what an author is told of each fault."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from marshmallow import Schema, fields
from ruamel.yaml import YAML

from finetune_advisor.engine.model.conditions import Bound, ComparedWith, InChoices, InRange, Otherwise
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees import catalog, document_schema, loader

TREES = Path(__file__).parent
SMALL = (TREES / "small.yaml").read_text(encoding="utf-8")
CASES: dict[str, dict[str, Any]] = YAML(typ="safe").load(TREES / "faults.yaml")
ALL_CASES = {name: case for kind in CASES.values() for name, case in kind.items()}
JSON_SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "tree-document.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = Draft202012Validator(JSON_SCHEMA)
BUNDLED = sorted(catalog.BUNDLED_TREES_DIR.glob("*.yaml"))


EMPTY = "the file is empty; write the fields of a document"


def _written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "tree.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def _replaced(case: dict[str, Any]) -> str:
    assert SMALL.count(case["replace"]) == 1
    return SMALL.replace(case["replace"], case["by"])


def _message(path: Path) -> str:
    with pytest.raises(loader.DocumentError) as caught:
        loader.load_tree(path)
    return str(caught.value)


def _data(text: str) -> Any:
    """A document as JSON would carry it: dates as text."""
    return _dates_as_text(YAML(typ="safe").load(text))


def _dates_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _dates_as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_dates_as_text(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


@pytest.fixture(scope="module")
def small() -> Tree:
    """The small tree that the faults are made from."""
    return loader.load_tree(TREES / "small.yaml")


def test_each_kind_of_test_becomes_its_value(small: Tree) -> None:
    """is, in, ranges, comparisons and otherwise are read as what they say."""
    tests = {name: [b.test for b in q.branches] for name, q in small.questions.items()}
    assert tests == {
        "start": [InChoices((True,)), InChoices((False,))],
        "pick": [InChoices(("red", "green")), InChoices(("blue",))],
        "good": [
            InRange(upper=Bound(0.5, inclusive=False)),
            InRange(Bound(0.5, inclusive=True), Bound(0.8, inclusive=False)),
            Otherwise(),
        ],
        "enough": [ComparedWith("lt", "needed"), ComparedWith("gte", "needed")],
    }


def test_the_canonical_form_says_what_the_document_says(small: Tree) -> None:
    """A tree's plain form has every field of its document, but for comparisons and one-value choices."""
    expected = _data(SMALL)
    expected["questions"]["pick"]["branches"][1] = {"in": ["blue"], "to": "enough"}
    expected["questions"]["enough"]["branches"] = [
        {"lt_input": "needed", "to": "wait", "reason": "Rows are missing."},
        {"gte_input": "needed", "to": "tune", "reason": "Everything is there."},
    ]
    assert small.canonical == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("status: candidate", "status: current"),
        ("released: 2026-11-22", 'released: "2026-11-22"'),
        ("title: Tune\n", "title: ' Tune  '\n"),
        ("{lt: 0.5, to", "{lt: 5.0e-1, to"),
        ("minimum: 1\n", "minimum: 1.0\n"),
        (
            "  rows:\n    type: integer\n    label: Rows of data",
            "  rows:\n    label: Rows of data\n    type: integer",
        ),
        ("minimum: 1\n", "minimum: &one 1\n"),
        ("finetune: not_yet", "'finetune': \"not_yet\""),
        ("version: 7.0.0", "# A comment\nversion: 7.0.0"),
        ("version: 7.0.0", "\ufeffversion: 7.0.0"),
        ("    type: boolean\n", "    <<: {type: boolean}\n"),
    ],
)
def test_notation_does_not_change_the_digest(tmp_path: Path, small: Tree, old: str, new: str) -> None:
    """What YAML allows to be written in several ways is the same tree."""
    assert SMALL.count(old) == 1
    assert loader.load_tree(_written(tmp_path, SMALL.replace(old, new))).digest == small.digest


def test_a_flag_with_an_anchor_is_still_a_flag(tmp_path: Path, small: Tree) -> None:
    """true is true where it has an anchor, and where an alias repeats it."""
    text = SMALL.replace("{is: true, to", "{is: &truth true, to").replace(
        "otherwise: true", "otherwise: *truth"
    )
    assert loader.load_tree(_written(tmp_path, text)).digest == small.digest


@pytest.mark.parametrize("case", ALL_CASES.values(), ids=ALL_CASES)
def test_a_fault_is_told_with_line_field_and_remedy(tmp_path: Path, case: dict[str, Any]) -> None:
    """The message has one line for each fault: path, line, field, problem and what to do."""
    path = _written(tmp_path, _replaced(case))
    assert _message(path).split("\n") == [f"{path}:{fault}" for fault in case["faults"]]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A path that leads nowhere, or to a directory, is no file."""
    for path in (tmp_path / "none.yaml", tmp_path):
        expected = f"{path}: not a file; give the path of a tree document (YAML)"
        assert _message(path) == expected


def test_a_file_that_can_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that the system doesn't hand over is told with the system's reason."""
    path = _written(tmp_path, SMALL)

    def refuse(*_: Any, **__: Any) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert _message(path) == f"{path}: can't be read: Permission denied; check its permissions"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param(
            b"title: caf\xe9\n",
            "1: not UTF-8: 'utf-8' codec can't decode byte 0xe9 in position 10: "
            "invalid continuation byte; save it in that encoding",
            id="Latin-1",
        ),
        pytest.param(
            "title: x\n".encode("utf-16"),
            "1: not UTF-8: 'utf-8' codec can't decode byte 0xff in position 0: "
            "invalid start byte; save it in that encoding",
            id="UTF-16",
        ),
        pytest.param(b"", f"1: document: {EMPTY}", id="an empty file"),
        pytest.param(b"- a\n- b\n", "1: document: Invalid input type; correct the value", id="a list"),
        pytest.param(b"Hello!\n", "1: document: Invalid input type; correct the value", id="a text"),
        pytest.param(b"# only\n", f"1: document: {EMPTY}", id="a comment"),
        pytest.param(
            b"[" * 1000,
            "1: nested too deeply to be read; make it flatter",
            id="deep nesting",
        ),
    ],
)
def test_a_file_that_is_no_tree_document(tmp_path: Path, content: bytes, line: str) -> None:
    """Whatever a file holds, the message says what is wrong with it."""
    path = _written(tmp_path, content)
    assert _message(path) == f"{path}:{line}"


def test_everything_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    """An empty mapping is told of every field that a document needs."""
    path = _written(tmp_path, "{}")
    names = ["version", "status", "released", "title", "source", "inputs", "root", "questions"]
    expected = [f"{path}:1: {n}: the field is missing; add it" for n in [*names, "recommendations"]]
    assert _message(path).split("\n") == expected


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        pytest.param(
            "title: Is there enough data?",
            "title: One\ntitle: Two",
            '5: not YAML: found duplicate key "title"',
            id="a field",
        ),
        pytest.param(
            "title: Is there enough data?",
            "title: One\ntitle: |\n  Two\n  Three",
            '5: not YAML: found duplicate key "title"',
            id="a text of several lines",
        ),
        pytest.param(
            "  pick:\n    text: Which",
            "  start:\n    text: Which",
            '39: not YAML: found duplicate key "start"',
            id="a question",
        ),
    ],
)
def test_a_repeated_key_is_told_in_one_line(tmp_path: Path, old: str, new: str, line: str) -> None:
    """A key that is there twice is named with the line of the second, and its value isn't recited."""
    path = _written(tmp_path, SMALL.replace(old, new))
    message = _message(path)
    assert message.startswith(f"{path}:{line}")
    assert message.count("\n") == 0
    assert "Which" not in message


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("3", "3"),
        ("~", "none"),
        ("1.5", "1.5"),
        ("true", "true"),
        ("2026-11-22", "2026-11-22"),
    ],
)
def test_a_key_that_is_no_text_is_told(tmp_path: Path, key: str, shown: str) -> None:
    """YAML allows any value as a key; one that isn't text is a fault like any other, wherever it is."""
    text = SMALL.replace("root: start", f"{key}: x\nroot: start").replace("  colour:", f"  {key}:")
    path = _written(tmp_path, text)
    assert _message(path).split("\n") == [
        f"{path}:11: inputs.{shown}: the key is not text; quote it or write a name",
        f"{path}:30: {shown}: the key is not text; quote it or write a name",
    ]


@pytest.mark.parametrize(
    ("key", "shown"), [("[a, b]", "[…]"), ("{a: b}", "{…}"), ('"ro\\not"', "ro ot")]
)
def test_a_key_of_any_shape_is_told_in_one_line(tmp_path: Path, key: str, shown: str) -> None:
    """Lists, mappings and texts of several lines can be keys, and take one line in the message."""
    path = _written(tmp_path, SMALL.replace("root: start", f"{key}: x\nroot: start"))
    assert _message(path).startswith(f"{path}:30: {shown}: ")
    assert _message(path).count("\n") == 0


@pytest.mark.parametrize(
    "value", ["!!bool maybe", '!!int ""', "!!int x", "!!float x", "!!binary x", "!mine x"]
)
def test_a_tag_that_does_not_fit_is_told(tmp_path: Path, value: str) -> None:
    """A value whose tag says something else than its text never gets past the loader."""
    path = _written(tmp_path, SMALL.replace("title: Is there enough data?", f"title: {value}"))
    assert _message(path).startswith(f"{path}:")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("cautions: [Look twice.]", "cautions: &all [*all]"),
        ("cautions: [Look twice.]", "cautions: &all [[*all]]"),
        ("summary: A small tree with each kind of test.", "summary: &all {more: *all}"),
        ("inputs:\n", "inputs: &all\n  again: *all\n"),
        ("version: 7.0.0", "&all\nversion: *all"),
    ],
)
def test_a_value_inside_itself_is_told(tmp_path: Path, old: str, new: str) -> None:
    """An alias to what it stands in never ends, and is a fault."""
    assert old in SMALL
    path = _written(tmp_path, SMALL.replace(old, new))
    assert _message(path).startswith(f"{path}:")


Place = tuple[str | int, ...]


def _places(value: Any, here: Place = ()) -> Iterator[Place]:
    """Where everything in a document is."""
    if here:
        yield here
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield from _places(value[key], (*here, key))


ORIGINALS: dict[str, Any] = {
    path.stem: YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    for path in (TREES / "small.yaml", catalog.BUNDLED_TREES_DIR / "1.0.0.yaml")
}
PLACES = {name: list(_places(data)) for name, data in ORIGINALS.items()}
ODD: list[Any] = [None, True, 0, -1.5, "", "no", "odd", [], {}, [[]], {"a": 1}, date(2026, 1, 1), 2**70]


def _damaged(original: Any, place: Place, how: str, odd: Any) -> Any:
    damaged = deepcopy(original)
    parent = damaged
    for key in place[:-1]:
        parent = parent[key]
    if how == "replace":
        parent[place[-1]] = deepcopy(odd)
        return damaged
    value = parent.pop(place[-1])
    if how == "rename" and isinstance(parent, dict):
        parent[odd if isinstance(odd, str | int | float | date | None) else "odd"] = value
    return damaged


def _told(path: Path) -> list[str]:
    """The lines of the message, without the path, if a document isn't loaded."""
    try:
        loader.load_tree(path)
    except loader.DocumentError as error:
        return [line.removeprefix(f"{path}:") for line in str(error).split("\n")]
    return []


@pytest.mark.exhaustive
@pytest.mark.parametrize(("name", "examples"), [("small", 200), ("1.0.0", 50)])
def test_a_damaged_document_is_loaded_or_told(tmp_path: Path, name: str, examples: int) -> None:
    """Whatever is deleted, replaced or renamed, the document is a tree or each fault has its line."""
    path = tmp_path / "damaged.yaml"

    @settings(deadline=None, max_examples=examples)
    @given(
        st.sampled_from(PLACES[name]),
        st.sampled_from(("delete", "replace", "rename")),
        st.sampled_from(ODD),
    )
    def check(place: Place, how: str, odd: Any) -> None:
        with path.open("w", encoding="utf-8") as file:
            YAML(typ="safe").dump(_damaged(ORIGINALS[name], place, how, odd), file)
        lines = len(path.read_text(encoding="utf-8").splitlines())
        for fault in _told(path):
            number, _, rest = fault.partition(": ")
            assert number in {str(line) for line in range(1, lines + 1)}
            assert "; " in rest

    check()


def test_any_typing_error_is_loaded_or_told(tmp_path: Path) -> None:
    """Characters that are lost or typed in by accident end in a tree or in a message."""
    path = tmp_path / "typed.yaml"

    @settings(deadline=None, max_examples=60)
    @given(st.integers(0, len(SMALL)), st.integers(0, 9), st.text(max_size=4))
    def check(start: int, length: int, text: str) -> None:
        typed = SMALL[:start] + text + SMALL[start + length :]
        path.write_bytes(typed.encode())
        for fault in _told(path):
            assert fault.partition(": ")[0].isdigit()

    check()


@pytest.mark.parametrize("path", [*BUNDLED, TREES / "small.yaml"], ids=lambda path: path.name)
def test_the_json_schema_accepts_what_is_served(path: Path) -> None:
    """Editors find no fault in the bundled trees."""
    errors = VALIDATOR.iter_errors(_data(path.read_text(encoding="utf-8")))
    assert [error.message for error in errors] == []


def test_the_json_schema_is_one() -> None:
    """The JSON Schema itself is valid."""
    Draft202012Validator.check_schema(JSON_SCHEMA)


NOT_IN_JSON = {"a number that is none"}
MISSHAPEN = {name: case for name, case in CASES["misshapen"].items() if name not in NOT_IN_JSON}


@pytest.mark.parametrize("case", MISSHAPEN.values(), ids=MISSHAPEN)
def test_the_json_schema_refuses_what_is_misshapen(case: dict[str, Any]) -> None:
    """What the service refuses for its shape, an editor marks while it is typed."""
    assert not VALIDATOR.is_valid(_data(_replaced(case)))


DEFINED = {
    "source": "reference",
    "inputs": "input",
    "questions": "question",
    "branches": "branch",
    "recommendations": "recommendation",
    "alternatives": "alternative",
    "references": "reference",
    "situations": "situation",
    "warnings": "warning",
    "when": "circumstance",
    "worksheet": "worksheet",
    "quantities": "quantity",
    "constants": "constant",
}


def _loaded_fields(schema: Schema, place: str = "document") -> Iterator[tuple[str, str, bool]]:
    """Each field that marshmallow loads, with the object that it belongs to and whether it is required."""
    for name, field in schema.fields.items():
        yield place, name, field.required
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, fields.Nested | document_schema.KeyedObjects):
            yield from _loaded_fields(inner.schema, DEFINED[name])


def _described_fields() -> Iterator[tuple[str, str, bool]]:
    """Each field that the JSON Schema describes, in the same words."""
    for place, schema in {"document": JSON_SCHEMA, **JSON_SCHEMA["$defs"]}.items():
        for name in schema.get("properties", {}):
            yield place, name, name in schema["required"]


def test_the_json_schema_has_the_fields_of_the_service() -> None:
    """Both know the same fields, and require the same; but what a list has to hold is proven later."""
    loaded = set(_loaded_fields(document_schema.TreeDocument()))
    described = set(_described_fields())
    lists = {("question", "branches"), ("warning", "when")}
    assert described - {(*one, True) for one in lists} == loaded - {(*one, False) for one in lists}


def test_the_guide_marks_the_required_fields() -> None:
    """docs/authoring.md names each field of a document, and marks those that are required."""
    guide = (Path(__file__).parents[2] / "docs" / "authoring.md").read_text(encoding="utf-8")
    rows = "".join(line.split(" | ")[0] for line in guide.splitlines() if line.startswith("| `"))
    fields_ = document_schema.TreeDocument().fields
    assert {name: field.required for name, field in fields_.items()} == {
        name: f"`{name}`\\*" in rows for name in fields_ if f"`{name}`" in rows
    }


def test_every_field_is_explained() -> None:
    """Each object and each field of the JSON Schema has a title and a description for people."""
    named = [*JSON_SCHEMA["$defs"].items(), ("document", JSON_SCHEMA)]
    for name, schema in named:
        for field, inner in {name: schema, **schema.get("properties", {})}.items():
            assert (field, inner["title"].strip() != "") == (field, True)
            assert (field, inner["description"].endswith(".")) == (field, True)


URLS = [
    *[
        "https://wiki/ai",
        "http://localhost",
        "http://localhost:8080/x",
        "https://wiki.",
        "https://my_wiki/x",
    ],
    *["https://[::1]/", "https://[2001:db8::1]:443/a", "https://10.0.0.1/"],
    *[
        "https://xn--bcher-kva.example/",
        "https://wiki/~team/page_(1)",
        "https://user:pw@wiki/",
        "https://a?b",
    ],
    *[
        "https://a#f",
        "HTTPS://WIKI/",
        "https://wiki:/x",
        "https://wiki/a%20b?c=d&e=/?#g/?",
        "https://a//b/../c",
    ],
]
IRIS = {
    "https://bücher.example/ä": "https://b%C3%BCcher.example/%C3%A4",
    "https://例え/": "https://%E4%BE%8B%E3%81%88/",
    "https://a/<b>[1]|{}": "https://a/%3Cb%3E%5B1%5D%7C%7B%7D",
    "https://a/100%?%zz=%41": "https://a/100%25?%25zz=%41",
    "https://a/#b#c": "https://a/#b%23c",
}
"""What isn't a URI by RFC 3986 as it stands, and the URI that it is served as."""

NO_URLS = [
    *[
        "wiki/ai",
        "//wiki/ai",
        "https:wiki",
        "https://",
        "https:///x",
        "https://?x",
        "https://#x",
        "ftp://a/",
    ],
    *[
        "https://a b/",
        "https://a/b c",
        "https://[::1",
        "https://::1/",
        "https://a:b/",
        "https://a@",
        "https://[a]/",
    ],
    *[
        "javascript:alert(1)",
        "https://a/\tb",
        "https://<a>/",
        "https://a\\b",
        "mailto:a@b.c",
        "https://[::1]x/",
    ],
]


def _with_url(url: str) -> str:
    return SMALL.replace("https://example.org/notes", url.replace("\\", "\\\\").replace("\t", "\\t"))


@pytest.mark.parametrize("url", [*URLS, *IRIS])
def test_any_web_address_is_a_source(tmp_path: Path, url: str) -> None:
    """The service and the JSON Schema take hosts of an intranet, ports, addresses, users, other scripts."""
    text = _with_url(url)
    served = loader.load_tree(_written(tmp_path, text)).source.url
    assert served == IRIS.get(url, url)
    assert Draft202012Validator(
        {"type": "string", "format": "uri"}, format_checker=FormatChecker(["uri"])
    ).is_valid(served)
    assert VALIDATOR.is_valid(_data(text))


@pytest.mark.parametrize("url", NO_URLS)
def test_what_is_no_web_address_is_refused(tmp_path: Path, url: str) -> None:
    """Without a scheme or a host, or with a space in it, neither the service nor the JSON Schema takes it."""
    text = _with_url(url)
    expected = "6: source.url: not a URL; write one such as https://wiki.example/ai"
    assert _message(_written(tmp_path, text)).endswith(f":{expected}")
    assert not VALIDATOR.is_valid(_data(text))


def test_the_json_schema_has_the_same_rule_for_urls() -> None:
    """Both hold a URL against one pattern."""
    url = JSON_SCHEMA["$defs"]["reference"]["properties"]["url"]
    assert document_schema.UrlField.PATTERN == url["pattern"]


def test_a_boolean_is_no_choice_of_that_name(tmp_path: Path) -> None:
    """true is a choice of an enum only in quotes."""
    text = SMALL.replace("[red, green, blue]", '[red, green, "true"]').replace("is: blue", "is: true")
    fault = "true and false without quotes are booleans, and colour is an enum; add quotes"
    assert _message(_written(tmp_path, text)).endswith(f"44: questions.pick.branches.2: {fault}")
    assert loader.load_tree(_written(tmp_path, text.replace("is: true, to: en", 'is: "true", to: en')))


@pytest.mark.parametrize("finetune", ["no", '"no"', "'no'", "yes"])
def test_no_and_yes_need_no_quotes(tmp_path: Path, finetune: str) -> None:
    """In YAML 1.2 no and yes are text, as docs/authoring.md says."""
    text = SMALL.replace("finetune: not_yet", f"finetune: {finetune}")
    tree = loader.load_tree(_written(tmp_path, text))
    assert tree.recommendations["wait"].finetune == finetune.strip("\"'")


def test_half_a_character_is_no_text(tmp_path: Path) -> None:
    """A lone surrogate can't be written out again, so it is refused."""
    path = _written(tmp_path, SMALL.replace("title: Is there enough data?", 'title: "\\ud800"'))
    assert "the text has half a character (a lone surrogate); write it whole" in _message(path)


def test_a_control_character_is_no_text(tmp_path: Path) -> None:
    """Not every notation carries one, and nobody sees it."""
    path = _written(tmp_path, SMALL.replace("title: Is there enough data?", 'title: "nul\\0"'))
    assert _message(path) == f"{path}:4: title: the text has a control character (U+0000); remove it"


def test_a_warning_needs_circumstances(tmp_path: Path) -> None:
    """A warning that would always be said is a caution, and is refused here."""
    path = _written(tmp_path, SMALL + "warnings:\n  - {id: always, when: [], text: Mind the gap.}\n")
    assert "a warning needs one or more conditions; add them" in _message(path)
