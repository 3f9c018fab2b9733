"""`assess --batch` from and to Parquet, Arrow and CSV: the same results as from and to JSON Lines."""

from __future__ import annotations

import csv
import io
import json
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import feather, parquet

from finetune_advisor.assessing.column_files import ColumnFile
from finetune_advisor.assessing.column_names import RESULT_COLUMNS, BadColumnsError
from finetune_advisor.assessing.columns import MAX_BATCH_ROWS, ArrowAdvisor
from finetune_advisor.assessing.file_formats import BadFileError
from finetune_advisor.assessing.rendering import batch_result
from finetune_advisor.assessing.result_rows import flatten_result
from finetune_advisor.cli import main
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.evaluation.path_table import PathTable
from finetune_advisor.engine.model.inputs import Input, Value
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees import catalog
from tests import strategies
from tests.api.conftest import TYPED

BUNDLED = catalog.load_catalog(None, None)
TYPED_CATALOG = catalog.load_catalog(TYPED.parent)
TYPED_TREE = TYPED_CATALOG.trees["9.0.0-typed"]
TYPES = {
    "boolean": pa.bool_(),
    "enum": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
}
ROWS = 300
Profiles = list[dict[str, Value]]


def run(*arguments: str | Path, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(main, ["assess", "--batch", *map(str, arguments)], input=stdin)


def values(tree: Tree) -> dict[str, list[Value]]:
    """Values of each input, with those where branches part."""
    table = PathTable.of(tree)
    assert table is not None
    starts = {name: cells for group in table.input_groups for name, cells in group.cell_starts.items()}
    return {
        name: [input_.value(position) for position in (*starts[name], input_.axis.greatest)]
        if input_.is_numeric
        else [*(input_.choices or (False, True))]
        for name, input_ in tree.inputs.items()
    }


def random_profiles(tree: Tree, count: int = ROWS) -> Profiles:
    """Complete and partial ones, and some with one value that is no answer."""
    rng, options, found = random.Random(11), values(tree), []
    for index in range(count):
        share = (1, 0.9, 0.5, 0.2)[index % 4]
        profile = {n: rng.choice(v) for n, v in options.items() if rng.random() < share}
        found.append(profile)
    for name, input_ in tree.inputs.items():
        if input_.type == "enum":
            found.append({name: "nope"})
        elif input_.is_numeric:
            found.append({name: -1})
    return found


def as_table(profiles: Profiles, inputs: dict[str, Input]) -> pa.Table:
    return pa.table(
        {
            name: pa.array([profile.get(name) for profile in profiles], TYPES[input_.type])
            for name, input_ in inputs.items()
        }
    )


def write_jsonl(table: pa.Table, path: Path) -> None:
    rows = ({k: v for k, v in row.items() if v is not None} for row in table.to_pylist())
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def write_csv(table: pa.Table, path: Path) -> None:
    with path.open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(table.column_names)
        for row in table.to_pylist():
            rows.writerow([v if isinstance(v, str | None) else json.dumps(v) for v in row.values()])


def write_arrow(table: pa.Table, path: Path) -> None:
    open_writer = pa.ipc.new_stream if path.suffix == ".arrows" else pa.ipc.new_file
    with open_writer(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=97)


WRITERS: dict[str, Callable[[pa.Table, Path], None]] = {
    ".jsonl": write_jsonl,
    ".csv": write_csv,
    ".parquet": lambda table, path: parquet.write_table(table, path, row_group_size=101),
    ".arrow": write_arrow,
    ".arrows": write_arrow,
    ".feather": lambda table, path: feather.write_feather(table, str(path)),
}


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of results, whatever its format; lists are joined, and nothing is empty text."""
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return [*csv.DictReader(file)]
    table = (
        parquet.read_table(path)
        if path.suffix == ".parquet"
        else pa.ipc.open_stream(path.read_bytes()).read_all()
        if path.suffix == ".arrows"
        else feather.read_table(str(path))
    )
    return [{name: _as_cell(value) for name, value in row.items()} for row in table.to_pylist()]


def _as_cell(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else "" if value is None else str(value)


def results(lines: str) -> list[dict[str, Any]]:
    """The results in JSON Lines, without the numbers of lines and rows."""
    found = map(json.loads, lines.splitlines())
    return [{key: value for key, value in one.items() if key not in ("line", "row")} for one in found]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder for each bundled tree, with the same profiles in every format, and their results."""
    folders = {}
    for version, tree in BUNDLED.trees.items():
        folders[version] = tmp_path_factory.mktemp(version)
        table = as_table(random_profiles(tree), dict(tree.inputs))
        for suffix, write in WRITERS.items():
            write(table, folders[version] / f"in{suffix}")
        printed = run(folders[version] / "in.jsonl", "--tree-version", version)
        (folders[version] / "results").write_text(printed.stdout)
        (folders[version] / "summary").write_text(printed.stderr)
    return folders


@pytest.mark.parametrize("version", BUNDLED.trees)
@pytest.mark.parametrize("suffix", [suffix for suffix in WRITERS if suffix != ".jsonl"])
def test_results_are_the_same_from_every_format(
    tables: dict[str, Path], version: str, suffix: str
) -> None:
    """Row by row, as from JSON Lines, with the same counts on standard error."""
    expected = results((tables[version] / "results").read_text())
    printed = run(tables[version] / f"in{suffix}", "--tree-version", version)

    assert expected == results(printed.stdout)
    assert (tables[version] / "summary").read_text() == printed.stderr
    assert printed.exit_code == any(one["status"] == "invalid" for one in expected)
    assert {"decided", "undecided"} <= {one["status"] for one in expected}


@pytest.mark.parametrize("version", BUNDLED.trees)
@pytest.mark.parametrize("source", [".jsonl", ".parquet"])
@pytest.mark.parametrize("target", [suffix for suffix in WRITERS if suffix != ".jsonl"])
def test_results_are_the_same_in_every_format(
    tables: dict[str, Path], tmp_path: Path, version: str, source: str, target: str
) -> None:
    """Each has a row for each profile, with the members of JSON Lines as columns."""
    file = tables[version] / f"in{source}"
    expected = [
        dict(zip(RESULT_COLUMNS, map(_as_cell, flatten_result(result)), strict=True))
        for result in results((tables[version] / "results").read_text())
    ]
    printed = run(file, "--tree-version", version, "--output", tmp_path / f"out{target}")
    rows = read_rows(tmp_path / f"out{target}")
    for row in rows:
        row["error"] = row["error"].partition(": ")[2] if row["error"][:5] == "line " else row["error"]

    assert "" == printed.stdout
    assert expected == rows


def test_the_counts_of_recommendations_come_last(tmp_path: Path) -> None:
    """In the order of the tree, below the counts of statuses."""
    (tmp_path / "in.csv").write_text("prompt_engineering_sufficient\ntrue\n\nfalse\ntrue\nno\n")
    printed = run(tmp_path / "in.csv")

    assert [
        "4 profiles: 2 decided, 1 undecided, 1 invalid",
        "  use_prompt_engineering: 2",
    ] == printed.stderr.splitlines()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_tree_answers_columns_as_it_answers_profiles(data: st.DataObject) -> None:
    """Trees of every kind of test, with complete and partial profiles, twice through the same advisor."""
    tree = data.draw(strategies.trees())
    profiles = data.draw(
        st.lists(strategies.partial_profiles(tree), min_size=1, max_size=10), label="profiles"
    )
    advisor = ArrowAdvisor(tree)
    expected = [
        flatten_result(orjson.loads(orjson.dumps(batch_result(evaluate(tree, profile)))))
        for profile in profiles
    ]
    [batch] = as_table(profiles, dict(tree.inputs)).combine_chunks().to_batches()

    for _ in range(2):
        assert expected == [tuple(row.values()) for row in advisor.assess(batch).to_pylist()]


def assess(columns: dict[str, Any], tree: Tree = TYPED_TREE, **options: Any) -> list[dict[str, Any]]:
    advisor = ArrowAdvisor(tree, TYPED_CATALOG, **options)
    found: list[dict[str, Any]] = advisor.assess(pa.record_batch(columns)).to_pylist()
    return found


PLAIN = {"team": ["small", None], "drift": [2.5, -1], "corpus_length": [1000, 999]}


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("team", pa.large_string()),
        ("team", pa.string_view()),
        ("team", pa.dictionary(pa.int8(), pa.string())),
        ("team", pa.dictionary(pa.uint32(), pa.large_string())),
        ("drift", pa.float32()),
        ("drift", pa.float16()),
        ("drift", pa.decimal32(4, 1)),
        ("drift", pa.decimal128(38, 20)),
        ("drift", pa.decimal256(50, 30)),
        ("drift", pa.dictionary(pa.int32(), pa.float64())),
        *(("corpus_length", type_) for type_ in (pa.int16(), pa.int32(), pa.uint16(), pa.uint64())),
        *(("corpus_length", type_) for type_ in (pa.float32(), pa.float64(), pa.decimal128(10, 2))),
    ],
)
def test_the_width_of_a_type_makes_no_difference(name: str, type_: pa.DataType) -> None:
    """Integers, floats and decimals of any size, and text with a dictionary, answer as the plain types do."""
    written: list[Any] = PLAIN[name]
    if pa.types.is_decimal(type_):
        written = [Decimal(str(value)) for value in written]
    if pa.types.is_dictionary(type_):
        array = pa.array(written, type_.value_type).dictionary_encode().cast(type_)
    else:
        array = pa.array(written, type_)

    assert assess(PLAIN) == assess({**PLAIN, name: array})


@pytest.mark.parametrize("text", ["0.1", "0.7", "0.3", "0.15", "0.85", "0.95"])
def test_a_decimal_is_the_nearest_double(text: str) -> None:
    """As the same digits in JSON: a threshold isn't missed by a rounding error."""
    tree = BUNDLED.trees["2.0.0"]
    advisor = ArrowAdvisor(tree, BUNDLED)
    known = {"rules_sufficient": [False], "success_metric": ["quantitative"], "eval_examples": [500]}
    receipts = [
        advisor.assess(pa.record_batch({**known, "target_score": target, "best_prompt_score": target}))
        for target in (
            pa.array([float(text)]),
            *(pa.array([Decimal(text)], pa.decimal128(38, scale)) for scale in (2, 20, 37)),
        )
    ]

    assert 1 == len({str(batch["receipt"]) for batch in receipts})


def test_null_is_unknown_and_nan_is_invalid() -> None:
    """A column may even have no type, as Pandas writes one that is all unknown."""
    nan = float("nan")
    drift = assess({"team": ["small"] * 3, "drift": [None, nan, 1.0], "api_usable": pa.nulls(3)})

    assert ["invalid" if row["error"] else "valid" for row in drift] == ["valid", "invalid", "valid"]
    assert "drift: NaN is not a number; write null for an unknown answer" == drift[1]["error"]
    [row] = assess({"corpus_length": [nan]})
    assert "corpus_length: NaN is not a number; write null for an unknown answer" == row["error"]


def test_an_invalid_row_has_its_number(tmp_path: Path) -> None:
    """Counted from 1 through the whole file, as the lines of a text are."""
    count = MAX_BATCH_ROWS + 2
    table = pa.table({"team": ["nope", *["solo"] * (count - 2), "nope"]})
    parquet.write_table(table, tmp_path / "in.parquet")
    lines = run(tmp_path / "in.parquet", "--tree", TYPED).stdout.splitlines()

    assert count == len(lines)
    assert [1, count] == [json.loads(line)["row"] for line in lines if '"row"' in line]


def test_an_integer_may_be_a_whole_float() -> None:
    """As Pandas writes a column of integers in which one is missing; a fraction is invalid in its row."""
    whole, half, null = assess({"corpus_length": [1000.0, 0.5, None]})

    assert assess({"corpus_length": [1000]}) == [whole]
    assert "corpus_length: not an integer; give a whole number" == half["error"]
    assert assess({"corpus_length": pa.array([None], pa.int64())}) == [null]


def test_a_value_out_of_range_is_invalid_in_its_row() -> None:
    """However large it is."""
    rows = assess({"corpus_length": pa.array([2**64 - 1, 5], pa.uint64()), "best_score": [5.0, 0.5]})

    assert ["invalid", "decided"] == [row["status"] for row in rows]
    assert "out of range; give a value from" in rows[0]["error"]
    assert rows[0]["error"].count("out of range") == 2


@pytest.mark.parametrize(
    ("name", "column", "message"),
    [
        ("api_usable", ["true"], "is of type string, and the input takes booleans; cast it to bool"),
        ("api_usable", [1], "is of type int64, and the input takes booleans; cast it to bool"),
        (
            "team",
            [b"solo"],
            "is of type binary, and the input takes text, one of solo, small, large; cast it to string",
        ),
        ("team", [1], "cast it to string"),
        ("drift", ["1"], "is of type string, and the input takes numbers; cast it to double"),
        ("corpus_length", [True], "and the input takes whole numbers; cast it to int64"),
        ("drift", pa.array([1], pa.timestamp("us")), "is of type timestamp[us], and the input takes"),
        ("drift", pa.array(["a"]).dictionary_encode(), "is of type dictionary<values=string"),
        ("drift", [[1.0]], "is of type list<"),
        ("team", [{"a": "solo"}], "is of type struct<a: string>"),
    ],
)
def test_a_column_of_another_type_is_refused_once(
    tmp_path: Path, name: str, column: Any, message: str
) -> None:
    """Not a million times: the message has the column, its type, the type needed, and what to do."""
    table = pa.table({name: column, "best_score": ["x"]})
    parquet.write_table(table, tmp_path / "in.parquet")
    (tmp_path / "out.csv").write_text("kept")
    printed = run(
        tmp_path / "in.parquet", "--tree", TYPED, "--output", tmp_path / "out.csv", "--tree", TYPED
    )

    assert (1, "") == (printed.exit_code, printed.stdout)
    first, second = printed.stderr.removeprefix("Error: ").splitlines()
    assert first.startswith(f"{tmp_path}/in.parquet: the column '{name}' ")
    assert message in first
    assert "the column 'best_score' is of type string" in second
    assert "kept" == (tmp_path / "out.csv").read_text()


WIDE = {
    "ticket": [7, 8],
    "region": ["eu", None],
    "opened": pa.array([1, None], pa.timestamp("ms")),
    "price": [Decimal("1.50"), None],
    "tag": pa.array(["x", "y"]).dictionary_encode(),
    "open": [True, False],
    "score": [0.5, None],
    "api_usable": [True, None],
}
COPIED = {
    "id": "7",
    "region": "eu",
    "opened": "1970-01-01 00:00:00.001",
    "price": "1.50",
    "tag": "x",
    "open": "true",
    "score": "0.5",
}


@pytest.mark.parametrize("source", [".csv", ".parquet", ".arrow", ".arrows"])
@pytest.mark.parametrize("target", [".jsonl", ".csv", ".parquet", ".arrow"])
def test_other_columns_pass_through(tmp_path: Path, source: str, target: str) -> None:
    """Under their names, before the result, with their types where both formats have types."""
    path, out = tmp_path / f"in{source}", tmp_path / f"out{target}"
    table = pa.table(WIDE)
    if source == ".csv":
        text = table.set_column(2, "opened", table["opened"].cast(pa.string()))
        text = text.set_column(3, "price", table["price"].cast(pa.string()))
        write_csv(text, path)
    else:
        WRITERS[source](table, path)
    run(path, "--tree", TYPED, "--id-column", "ticket", "--pass-through", "--output", out)
    if target == ".jsonl":
        first, second = map(json.loads, out.read_text().splitlines())
        assert [*COPIED, "status"] == [*first][: len(COPIED) + 1]
        assert {"id": 8, "tag": "y", "open": False} == {
            key: json.loads(second[key]) if source == ".csv" and key != "tag" else second[key]
            for key in second
            if key in COPIED
        }
        first = {
            key: value if isinstance(value, str) else json.dumps(value) for key, value in first.items()
        }
    else:
        first, second = read_rows(out)
        assert [*COPIED, *RESULT_COLUMNS] == [*first]
        first["open"], first["opened"] = first["open"].lower(), COPIED["opened"]

    assert COPIED == {key: value for key, value in first.items() if key in COPIED}
    if source != ".csv" and target in (".parquet", ".arrow"):
        written = parquet.read_table(out) if target == ".parquet" else feather.read_table(str(out))
        types = [*(field.type for field in table.schema)][: len(COPIED)]
        types[4] = pa.string()
        assert types == [field.type for field in written.schema][: len(COPIED)]


@pytest.mark.parametrize("source", [".csv", ".parquet"])
@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        (["team", "region"], [], "'region': there is no such name here; remove it"),
        (
            ["team", "region"],
            [],
            "to pass every other column through to the results, give --pass-through",
        ),
        (["team", "region"], [], "to pass 'region' through to the results, give --id-column region"),
        (["team", "drit"], [], "'drit': there is no such name here; did you mean drift?"),
        (["team"], ["--id-column", "id"], "there is no column 'id', which --id-column names"),
        (["team"], ["--id-column", "team"], "--id-column team: is an input; name a column that isn't"),
        (["region"], ["--pass-through"], "no column is an input; known are: "),
        (
            ["team", "status"],
            ["--pass-through"],
            "the results have a column 'status' of their own; rename",
        ),
        (["team", "line"], ["--pass-through"], "the results have a column 'line' of their own; rename"),
        (["team", "x", "id"], ["--pass-through", "--id-column", "x"], "have a column 'id' of their own"),
        (["team", "x", "x"], ["--pass-through"], "the column 'x' is there twice; keep one"),
        (["team", "drift", "team"], [], "the column 'team' is there twice; keep one"),
        (["team", ""], ["--pass-through"], "column 2 has no name; name an input, or remove the column"),
        (["team", *(f"c{n}" for n in range(99))], [], "and 79 more columns that are no inputs"),
    ],
)
def test_names_that_do_not_fit_are_refused(
    tmp_path: Path, source: str, columns: list[str], options: list[str], message: str
) -> None:
    """With what to do, alike in every format with columns; a typo never passes in silence."""
    path = tmp_path / f"in{source}"
    if source == ".csv":
        path.write_text(f"{','.join(columns)}\n")
    else:
        parquet.write_table(pa.table([pa.array(["solo"])] * len(columns), names=columns), path)
    printed = run(path, "--tree", TYPED, *options)

    assert (1, "") == (printed.exit_code, printed.stdout)
    assert message in printed.stderr


def test_a_column_that_looks_like_a_typo_is_noted(tmp_path: Path) -> None:
    """It passes through, as asked, and a note names it and the input that may have been meant."""
    (tmp_path / "in.csv").write_text("team,api_usble,region\nsolo,true,eu\n")
    printed = run(tmp_path / "in.csv", "--tree", TYPED, "--pass-through")

    assert 0 == printed.exit_code
    assert "Passed through, but named nearly as an input: api_usble (api_usable?)\n" in printed.stderr


def test_json_lines_have_no_columns_to_pass_through() -> None:
    """Each object may have other members, so they are named one by one, by --id-column."""
    printed = run("-", "--pass-through", stdin=b'{"region":"eu"}')

    assert (1, "") == (printed.exit_code, printed.stdout)
    assert (
        "--pass-through needs columns, and JSON Lines has none; name the key to copy" in printed.stderr
    )


def test_nested_columns_pass_through_where_the_format_has_them(tmp_path: Path) -> None:
    """Parquet has lists and structs. CSV and JSON Lines don't get them, and say so before any result."""
    table = pa.table({"team": ["solo"], "tags": [["a", "b"]], "owner": [{"name": "x"}]})
    parquet.write_table(table, tmp_path / "in.parquet")
    options = ["--tree", TYPED, "--pass-through", "--output"]
    run(tmp_path / "in.parquet", *options, tmp_path / "out.parquet")
    refused = run(tmp_path / "in.parquet", *options, tmp_path / "out.csv")

    written = parquet.read_table(tmp_path / "out.parquet")
    assert (table["tags"], table["owner"]) == (written["tags"], written["owner"])
    assert (1, False) == (refused.exit_code, (tmp_path / "out.csv").exists())
    message = (
        "the column 'tags' of type list<element: string> can't be written as text; write the results"
    )
    assert message in refused.stderr


def test_inputs_of_other_versions_are_ignored(tmp_path: Path) -> None:
    """They are named in the results, and a note says which version knows them."""
    parquet.write_table(
        pa.table({"api_usable": [True, True], "kb_tokens": [None, 5]}), tmp_path / "in.parquet"
    )
    first, second = results((printed := run(tmp_path / "in.parquet")).stdout)

    assert (None, ["kb_tokens"]) == (first.get("ignored"), second["ignored"])
    assert "Tree 1.0.0 ignores 1 input given here. Tree 2.0.0 knows it: ask" in printed.stderr
    run(tmp_path / "in.parquet", "--output", tmp_path / "out.arrow")
    assert ["", "kb_tokens"] == [row["ignored"] for row in read_rows(tmp_path / "out.arrow")]


def test_defaults_fill_what_a_row_lacks(tmp_path: Path) -> None:
    """As for JSON Lines; a value of the row wins."""
    parquet.write_table(
        pa.table({"prompt_engineering_sufficient": [None, False]}), tmp_path / "in.parquet"
    )
    (tmp_path / "defaults.json").write_text('{"prompt_engineering_sufficient": true}')
    printed = run(tmp_path / "in.parquet", "--defaults", tmp_path / "defaults.json")

    assert ["decided", "undecided"] == [result["status"] for result in results(printed.stdout)]


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".arrows"])
def test_a_file_without_rows_gives_one_without_results(tmp_path: Path, suffix: str) -> None:
    """It has the columns of results, and the summary says that nothing was there."""
    table = pa.table({"team": pa.array([], pa.string()), "ticket": pa.array([], pa.int16())})
    WRITERS[suffix](table, tmp_path / f"in{suffix}")
    printed = run(
        *(tmp_path / f"in{suffix}", "--tree", TYPED, "--id-column", "ticket"),
        *("--output", tmp_path / f"out{suffix}"),
    )

    assert 0 == printed.exit_code
    assert "the input is empty, or has nothing below a header; 0 profiles: " in printed.stderr
    assert [] == read_rows(tmp_path / f"out{suffix}")
    if suffix == ".parquet":
        assert ["id", *RESULT_COLUMNS] == parquet.read_schema(tmp_path / "out.parquet").names


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".arrows", ".feather"])
def test_a_damaged_file_gets_a_message(tables: dict[str, Path], tmp_path: Path, suffix: str) -> None:
    """Cut anywhere, or with any byte changed: results or one line that names the file, never a traceback."""
    whole, rng = (tables["1.0.0"] / f"in{suffix}").read_bytes(), random.Random(3)
    title = "Parquet" if suffix == ".parquet" else "Arrow"
    cuts = [whole[: rng.randrange(len(whole))] for _ in range(30)]
    changed = [bytearray(whole) for _ in range(70)]
    for content in changed:
        content[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
    advisor, refused = ArrowAdvisor(BUNDLED.default, BUNDLED), 0
    for content in (b"", b"garbage" * 99, *cuts, *map(bytes, changed)):
        try:
            file = ColumnFile(advisor, io.BytesIO(content), "in", title.lower())
            read = sum(rows for _, rows in file.iter_batches())
        except BadFileError:  # any other exception fails
            refused += 1
        else:
            assert 0 <= read <= ROWS + 1
    assert refused >= 30
    (tmp_path / f"in{suffix}").write_bytes(whole[: len(whole) // 2])
    printed = run(tmp_path / f"in{suffix}")
    assert (1, True) == (printed.exit_code, isinstance(printed.exception, SystemExit))
    assert f"in{suffix}: can't be read as {title}: " in printed.stderr


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """Arrow doesn't look at the bytes of texts until somebody asks."""
    array = pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xff"))
    write_arrow(pa.table({"team": ["solo"], "note": array}), tmp_path / "in.arrow")
    printed = run(
        *(tmp_path / "in.arrow", "--tree", TYPED, "--pass-through"), "--output", tmp_path / "out.arrow"
    )

    assert 1 == printed.exit_code
    assert "in.arrow: can't be read as Arrow: " in printed.stderr


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("in.jsonl", b"PAR1\n", [], "in.jsonl:1: this is a binary file; give --format parquet"),
        ("in.csv", b"ARROW1\0\0\n", ["--format", "jsonl"], "a binary file; give --format arrow"),
        ("in.csv", b"team\n", ["--format", "parquet"], "in.csv: can't be read as Parquet: "),
        ("in.parquet", b"team\n", ["--format", "arrow"], "in.parquet: can't be read as Arrow: "),
    ],
)
def test_another_format_is_recognised(
    tmp_path: Path, name: str, content: bytes, options: list[str], message: str
) -> None:
    """Where the file itself says what it is, the message does, too."""
    (tmp_path / name).write_bytes(content)
    printed = run(tmp_path / name, *options)

    assert (1, "") == (printed.exit_code, printed.stdout)
    assert message in printed.stderr


PROGRAM = [sys.executable, "-m", "finetune_advisor.cli", "assess", "--batch"]


@pytest.mark.parametrize("file_format", ["parquet", "arrow", "csv"])
def test_results_go_through_a_pipe(tables: dict[str, Path], file_format: str) -> None:
    """Arrow comes as a stream, which is also read from a pipe. Parquet can't be read from one."""
    stream = (tables["1.0.0"] / "in.arrows").read_bytes()
    options = ["--format", "arrow", "--output-format", file_format, "-"]
    done = subprocess.run([*PROGRAM, *options], input=stream, capture_output=True)
    table = {
        "parquet": lambda: parquet.read_table(io.BytesIO(done.stdout)),
        "arrow": lambda: pa.ipc.open_stream(done.stdout).read_all(),
        "csv": lambda: [*csv.DictReader(io.StringIO(done.stdout.decode()))],
    }[file_format]()

    assert (0, ROWS) == (done.returncode, len(table)), done.stderr
    refused = subprocess.run([*PROGRAM, "--format", "parquet", "-"], input=stream, capture_output=True)
    assert 1 == refused.returncode
    message = b"Error: -: can't be read as Parquet: its end has to be read first, which a pipe can't do;"
    assert message in refused.stderr


def test_a_reader_may_leave(tables: dict[str, Path]) -> None:
    """As `head` does: no traceback is printed."""
    read, write = os.pipe()
    os.close(read)
    command = [*PROGRAM, "--output-format", "parquet", str(tables["1.0.0"] / "in.parquet")]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE)
    os.close(write)

    assert (1, False) == (done.returncode, b"Traceback" in done.stderr), done.stderr


@pytest.mark.parametrize("target", [".csv", ".parquet", ".arrow"])
def test_results_replace_a_file_only_once_they_are_complete(
    tables: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    """A file that turns out to be damaged, or Ctrl+C, leaves what was there, with nothing beside it."""
    out = tmp_path / f"out{target}"
    out.write_text("kept")

    def stopped(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ArrowAdvisor, "assess_rows", stopped)
    printed = run(tables["1.0.0"] / "in.parquet", "--output", out)

    assert (1, "kept") == (printed.exit_code, out.read_text())
    assert [out] == [*tmp_path.iterdir()]


def test_without_pyarrow_a_line_says_what_to_install(tables: dict[str, Path], tmp_path: Path) -> None:
    """And CSV is written without it."""
    hidden = "import sys; sys.modules['pyarrow'] = None; from finetune_advisor.cli import main; main()"
    command = [sys.executable, "-c", hidden, "assess", "--batch"]
    refused = subprocess.run([*command, tables["1.0.0"] / "in.parquet"], capture_output=True, text=True)
    written = subprocess.run(
        [*command, tables["1.0.0"] / "in.csv", "--output", tmp_path / "out.csv"], capture_output=True
    )

    remedy = "Parquet and Arrow need the library pyarrow: pip install 'finetune-advisor[arrow]'"
    assert (1, f"Error: {remedy}\n") == (refused.returncode, refused.stderr)
    assert (0, ROWS) == (written.returncode, len(read_rows(tmp_path / "out.csv")))


def test_a_type_that_parquet_lacks_is_refused(tmp_path: Path) -> None:
    """A column of such a type passes from Arrow to Arrow only."""
    odd = pa.array([pa.MonthDayNano([1, 2, 3])])
    write_arrow(pa.table({"team": ["solo"], "span": odd}), tmp_path / "in.arrow")
    options = ["--tree", TYPED, "--pass-through", "--output"]
    refused = run(tmp_path / "in.arrow", *options, tmp_path / "out.parquet")

    assert 1 == refused.exit_code
    assert "Error: the results can't be written in this format: " in refused.stderr
    assert 0 == run(tmp_path / "in.arrow", *options, tmp_path / "out.feather").exit_code


def test_an_advisor_survives_a_pickle() -> None:
    """As engines with several processes need, with the options that it was made with."""
    batch = pa.record_batch({"team": ["solo", None], "region": ["eu", "us"]})
    advisor = ArrowAdvisor(
        TYPED_TREE, TYPED_CATALOG, defaults={"drift": 1}, pass_through=True, id_column="region"
    )
    copy = pickle.loads(pickle.dumps(advisor))

    assert advisor.assess(batch).equals(copy.assess(batch))
    assert ["id", *RESULT_COLUMNS] == copy.result_schema(batch.schema).names


def test_batches_may_have_different_columns() -> None:
    """One advisor takes them in any order, and faults have a list for programs."""
    advisor = ArrowAdvisor(TYPED_TREE, TYPED_CATALOG)
    team, usable = (
        pa.record_batch({"team": ["solo"]}),
        pa.record_batch({"api_usable": [True], "team": pa.array([None], pa.string())}),
    )
    first, second = advisor.assess(team), advisor.assess(usable)

    assert first != second
    assert [first, second, first] == [advisor.assess(batch) for batch in (team, usable, team)]
    with pytest.raises(BadColumnsError) as raised:
        advisor.assess(pa.record_batch({"team": [1], "drift": ["x"]}))
    assert 2 == len(raised.value.faults)
