"""`assess --batch`: profiles a line in, results a line out, whatever the lines hold and however many."""

from __future__ import annotations

import csv
import io
import json
import random
import tracemalloc
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from finetune_advisor.assessing import assessor, file_lines
from finetune_advisor.assessing.batch_files import BatchFile
from finetune_advisor.cli import main
from finetune_advisor.trees import catalog
from tests.api.conftest import TYPED
from tests.editions import DEPRECATED, write_ending

INPUTS: dict[str, list[Any]] = {
    "team": ["solo", "small", "large"],
    "corpus_tokens": [0, 999, 1000, 1_000_000],
    "best_score": [0, 0.25, 0.5, 1],
    "target_score": [0, 0.25, 0.5, 1],
    "drift": [-1, -0.5, 2.5],
    "api_usable": [True, False],
}
SHARED = {"api_usable": False, "team": "large"}
VERSION = "9.0.0-typed"


@pytest.fixture(autouse=True)
def _typed(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The typed tree is served beside the bundled ones."""
    trees = tmp_path_factory.mktemp("trees")
    (trees / "typed.yaml").write_bytes(TYPED.read_bytes())
    monkeypatch.setenv("FINETUNE_ADVISOR_TREES_DIR", str(trees))


def profiles() -> list[dict[str, Any]]:
    """Complete and partial ones."""
    rng = random.Random(5)
    shares = [share for share in (1, 0.6, 0.2) for _ in range(20)]
    return [{n: rng.choice(v) for n, v in INPUTS.items() if rng.random() < s} for s in shares]


def run(*arguments: str | Path, stdin: str | bytes = "") -> Result:
    return CliRunner().invoke(main, ["assess", "--batch", *map(str, arguments)], input=stdin)


def results(printed: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.stdout.splitlines()]


def as_json(rows: list[dict[str, Any]], file: Path) -> Path:
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return file


def as_csv(rows: list[dict[str, Any]], file: Path) -> Path:
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, INPUTS)
        writer.writeheader()
        for row in rows:
            writer.writerow({k: json.dumps(v) if isinstance(v, bool) else v for k, v in row.items()})
    return file


@pytest.mark.parametrize("written", ["True", "TRUE", "False", "FALSE", "true ", " FALSE"])
def test_booleans_may_be_in_capitals(written: str) -> None:
    """As spreadsheets and Python write them."""
    served = catalog.load_catalog(TYPED.parent)
    batch = BatchFile(served, served.trees[VERSION], {})
    rows = (f"api_usable,drift\n{cell},-1\n".encode() for cell in (written, written.lower().strip()))
    [same], [plain] = ([*batch.iter_results(io.BytesIO(row), "in.csv")] for row in rows)

    assert same[0] == plain[0]
    assert batch.summary.invalid_count == 0


LINES = {
    b'{"api_usable":1}': "#/api_usable",
    b'{"nope":true}': "#/nope",
    b"[]": "#",
    b"null": "#",
    b"{": "#",
    b'{"api_usable":true,"api_usable":true}': "#",
    b'{"\xff":true}': "#",
    b'{"a":"' + b"x" * file_lines.MAX_LINE_BYTES + b'"}': "#",
    b" " * (3 * file_lines.MAX_LINE_BYTES): "#",
}
ROWS = {
    b"true,1": "#/api_usable",
    b"null,true": "#/team",
    b"solo": "#",
    b"solo,true,": "#",
    b'""': "#",
    b'"solo,true': "#",
    b'"solo"x,true': "#",
    b"\xff,true": "#",
    b"solo,yes": "#/api_usable",
    b"huge,": "#/team",
}
CASES = [
    ("in.jsonl", b"", b"{}", LINES),
    ("in.jsonl", b"\xef\xbb\xbf", b"{}", LINES),
    ("in.csv", b"\xef\xbb\xbfteam,api_usable\r\n", b"solo,true\r", ROWS),
]


@pytest.mark.parametrize(("name", "header", "right", "lines"), CASES)
def test_a_bad_line_stops_nothing(
    tmp_path: Path, name: str, header: bytes, right: bytes, lines: dict[bytes, str]
) -> None:
    """It gets a result with its number in the file, those around it get theirs, and the exit code is 1."""
    file = tmp_path / name
    file.write_bytes(header + b"".join(b"%b\n%b\n" % (right, line) for line in lines) + right)
    printed = run(file, "--tree-version", VERSION)
    found = results(printed)

    assert printed.exit_code == 1
    assert len(found) == 2 * len(lines) + 1
    assert {one["status"] for one in found[::2]} <= {"decided", "undecided"}
    above = header.count(b"\n")
    expected = [("invalid", above + 2 * place + 2, at) for place, at in enumerate(lines.values())]
    assert expected == [(one["status"], one["line"], one["errors"][0]["pointer"]) for one in found[1::2]]
    assert printed.stderr.splitlines()[0].endswith(f", {len(lines)} invalid")


BLANK = (b"", b"\r", b" ", b"\t \r")


@pytest.mark.parametrize("blank", BLANK)
@pytest.mark.parametrize(
    ("file_format", "header", "right", "wrong"),
    [
        ("jsonl", b"", b"{}", b"{"),
        ("csv", b"team\n", b"solo", b"huge"),
        ("csv", b"team,drift\n", b"solo,", b"solo"),
    ],
    ids=["jsonl", "one column", "two columns"],
)
def test_blank_lines_are_skipped(
    file_format: str, header: bytes, right: bytes, wrong: bytes, blank: bytes
) -> None:
    """First, between and last, they have no result, and the lines below them keep their numbers."""
    lines = b"\n".join((right, blank, wrong, blank, right, blank, b""))
    stdin = b"%b\n%b%b" % (blank, header, lines)
    printed = run("-", "--format", file_format, "--tree-version", VERSION, stdin=stdin)
    number = 4 + header.count(b"\n")

    assert [None, number, None] == [one.get("line") for one in results(printed)]
    assert printed.stderr.startswith("3 profiles: ")
    assert printed.exit_code == 1


def test_a_column_alone_may_be_unknown() -> None:
    """In a file with one column, a quoted empty cell is an unknown answer, where a blank line is nothing."""
    served = catalog.load_catalog(TYPED.parent)
    file = io.BytesIO(b'team\n""\nsolo\n')
    found = BatchFile(served, served.trees[VERSION], {}).iter_results(file, "in.CSV")

    lines = [json.loads(line) for results, _ in found for line in results.splitlines()]
    assert [line["status"] for line in lines] == ["undecided", "decided"]


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (["--format", "csv"], "team,drift\nsolo,-1\n"),
        (["--format", "csv"], "\ufeffteam , drift\n solo , -1 \n"),
        (["--format", "csv"], '"team", "drift"\n"solo", "-1"\n'),
        (["--format", "csv"], "\nteam,drift\r\n\r\n\tsolo\t,-1\r\n"),
        (["--format", "jsonl"], '{"team": "solo", "drift": -1}'),
        ([], '{"team": "solo", "drift": -1}'),
        (["--id-column", "id"], '{"team": "solo", "drift": -1}'),
    ],
)
def test_a_profile_is_the_same_however_it_is_written(arguments: list[str], stdin: str) -> None:
    """--format reads standard input as CSV, too; spaces around names and cells make no difference."""
    [plain] = results(run("-", "--tree-version", VERSION, stdin='{"team":"solo","drift":-1}'))
    printed = run("-", "--tree-version", VERSION, *arguments, stdin=stdin)

    assert ([plain], 0) == (results(printed), printed.exit_code)


def test_a_format_outranks_the_name(tmp_path: Path) -> None:
    """A file with any ending, or another format's, is read as --format says."""
    for name in ("in", "in.txt", "in.jsonl"):
        (tmp_path / name).write_text("team\nsolo\n")
        assert run(tmp_path / name, "--format", "csv").stderr.startswith("1 profile: ")


IDENTIFIED = {
    "jsonl": [
        '{"id": "C-1", "team": "solo"}',
        '{"team": "huge", "id": 7}',
        '{"team": "solo"}',
        "{",
        "[]",
    ],
    "csv": ["id,team", " C-1 ,solo", '"7",huge', ",solo", "solo", "a,b,c"],
}


@pytest.mark.parametrize("file_format", IDENTIFIED)
def test_an_id_is_passed_through(file_format: str) -> None:
    """A result, an invalid one too, begins with the id of its line, where that has one and can be read."""
    stdin = "\n".join(IDENTIFIED[file_format])
    options = ["--format", file_format, "--id-column", "id"]
    printed = run("-", "--tree-version", VERSION, *options, stdin=stdin)
    found = results(printed)

    assert ["C-1", "7", None, None, None] == [one.get("id") and str(one["id"]) for one in found]
    assert ["id", "id", "status"] == [next(iter(one)) for one in found[:3]]
    assert [one["status"] for one in found[1:]] == ["invalid", found[2]["status"], "invalid", "invalid"]
    assert {key: value for key, value in found[0].items() if key != "id"} == found[2]


@pytest.mark.parametrize(
    ("options", "header", "message"),
    [
        (["--id-column", "team"], "team", "--id-column team: is an input; name a column that isn't"),
        (["--id-column", "id"], "team", "in.csv:1: there is no column 'id', which --id-column names"),
        (["--id-column", "id"], "id,id", "in.csv:1: the column 'id' is there twice; keep one"),
        (
            ["--id-column", "id"],
            "idd",
            "Error: {file}:1: there is no column 'id', which --id-column names",
        ),
        (["--id-column", "id"], "id,ref", "in.csv:1: 'ref': there is no such name here; remove it\n"),
        ([], "id,ref", "\n{file}:1: to pass 'id' through to the results, give --id-column id\n"),
        ([], "my id", "give --id-column 'my id'\n"),
    ],
)
def test_other_columns_are_named_with_a_remedy(
    tmp_path: Path, options: list[str], header: str, message: str
) -> None:
    """One column can be passed through; every other that is no input is named."""
    file = tmp_path / "in.csv"
    file.write_text(f"{header}\n")
    printed = run(file, *options)

    assert (printed.exit_code, printed.stdout) == (1, "")
    assert message.format(file=file) in printed.stderr
    assert printed.stderr.count("known are: ") <= 1


@pytest.mark.parametrize(
    ("file_format", "text", "message"),
    [
        (
            "jsonl",
            "team,drift\nsolo,1\n",
            "-:1: the line looks like the header of CSV; give --format csv",
        ),
        ("jsonl", '\n id; "team"\n', "-:2: the line looks like the header of CSV; give --format csv"),
        ("jsonl", "team\nsolo\n", "-:1: the line looks like the header of CSV; give --format csv"),
        (
            "jsonl",
            "sep=;\nteam;drift\n",
            "-:1: the line looks like the header of CSV; give --format csv",
        ),
        ("csv", '{"team": "solo", "drift": 1}\n', "-:1: the line looks like JSON; give --format jsonl"),
        ("csv", '[{"team": "solo"}]\n', "-:1: the line looks like JSON; give --format jsonl"),
        ("csv", "sep=,\nteam,drift\n", "-:1: the line is for a spreadsheet; remove it, and separate"),
        ("csv", "SEP=;\nteam;drift\n", "-:1: the line is for a spreadsheet; remove it, and separate"),
    ],
)
def test_a_file_in_another_format_gets_a_hint(file_format: str, text: str, message: str) -> None:
    """Its first line says what it is, and nothing is read as what it isn't."""
    printed = run("-", "--format", file_format, stdin=text)

    assert (printed.exit_code, printed.stdout) == (1, "")
    assert message in printed.stderr


@pytest.mark.parametrize("line", ["no", '"C-1"', '{"a": 1, team', "id,name", "[team]"])
def test_an_invalid_line_is_no_header(line: str) -> None:
    """What merely isn't JSON at the beginning of a file concerns no other line."""
    printed = run("-", stdin=f"{line}\n{{}}\n")

    assert [one["status"] for one in results(printed)] == ["invalid", "undecided"]


@pytest.mark.parametrize(
    ("file_format", "text"),
    [("jsonl", ""), ("jsonl", "\ufeff\n\n"), ("csv", "team\n"), ("csv", "\nteam\n\n")],
)
def test_an_empty_file_is_said_to_be_empty(file_format: str, text: str) -> None:
    """It isn't wrong, but hardly meant."""
    printed = run("-", "--format", file_format, stdin=text)

    assert (printed.exit_code, printed.stdout) == (0, "")
    assert printed.stderr.startswith(
        "-: the input is empty, or has nothing below a header; 0 profiles: "
    )


def test_standard_input_and_a_file_of_results(tmp_path: Path) -> None:
    """- reads JSON Lines; --output writes what would be printed."""
    stdin = "{}\n" * 3
    printed = run("-", stdin=stdin)
    file = tmp_path / "out.jsonl"
    written = run("-", "--output", file, stdin=stdin)

    assert (written.stdout, written.exit_code) == ("", 0)
    assert file.read_bytes() == printed.stdout_bytes
    assert len(results(printed)) == 3
    assert printed.stderr.startswith("3 profiles: ")
    assert run("-", stdin="{}").stderr.startswith("1 profile: ")
    assert run("-", "--output", file).exit_code == 0
    assert file.read_bytes() == b""


def test_results_replace_a_file_only_once_they_are_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stops the command keeps what was there, with nothing beside it."""
    old = tmp_path / "out.jsonl"
    old.write_text("kept")
    old.chmod(0o640)
    whole = BatchFile._assess_line
    lines = iter(range(2))

    def stopped(self: BatchFile, *given: Any) -> bytes:
        if next(lines, None) is None:
            raise KeyboardInterrupt
        return whole(self, *given)

    monkeypatch.setattr(BatchFile, "_assess_line", stopped)
    aborted = run("-", "--output", old, stdin="{}\n" * 3)

    assert (aborted.exit_code, old.read_text()) == (1, "kept")
    monkeypatch.undo()
    assert run("-", "--output", old, stdin="{}\n" * 3).exit_code == 0
    assert len(old.read_text().splitlines()) == 3
    assert old.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["out.jsonl"]


def test_a_device_or_a_path_that_is_not_there(tmp_path: Path) -> None:
    """A device isn't replaced, and a folder that isn't there is named."""
    assert run("-", "--output", "/dev/null", stdin="{}").exit_code == 0
    assert not Path("/dev/null").is_file()
    refused = run("-", "--output", tmp_path / "no" / "out", stdin="{}")

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert f"{tmp_path}/no/out: can't be written: No such file or directory" in refused.stderr


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("in.txt", "{}", "its name has to end in one of .jsonl, .ndjson, .csv"),
        (
            "in.csv",
            "team,nope\n",
            "in.csv:1: 'nope': there is no such name here; remove it\n",
        ),
        ("in.csv", "drift, tean\n", "in.csv:1: 'tean': there is no such name here; did you mean team?"),
        ("in.csv", "team,drift,team\n", "in.csv:1: the column 'team' is there twice; keep one"),
        ("in.csv", "team;drift\n", "in.csv:1: the header is one column; separate columns by commas"),
        ("in.csv", "team\tdrift\n", "in.csv:1: the header is one column; separate columns by commas"),
        ("in.csv", '"team\n', "in.csv:1: the line is not CSV, or a cell has several lines: "),
        ("in.csv", ",team\n", "in.csv:1: column 1 has no name; name an input, or remove the column"),
        (
            "in.csv",
            "",
            "in.csv:1: the file is empty; begin with a header that names an input in each col",
        ),
        ("in.csv", '""\ntrue\n', "in.csv:1: there is no header; name an input in each column"),
        ("in.csv", "\ntrue\n", "in.csv:2: 'true': there is no such name here; "),
    ],
)
def test_a_file_that_is_no_batch_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    """Its name or header says nothing about its lines: none is read, and nothing is written."""
    (tmp_path / name).write_text(text)
    printed = run(tmp_path / name, "--output", tmp_path / "out")

    assert (printed.exit_code, printed.stdout) == (1, "")
    assert message in printed.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--batch", "--json", "-"], "--json contradicts --batch"),
        (["--output", "x", "-"], "need --batch"),
        (["--format", "csv", "-"], "need --batch"),
        (["--id-column", "id", "-"], "need --batch"),
        (["--batch", "--format", "tsv", "-"], "'tsv' is not one of 'jsonl', 'csv'"),
        (["--batch", "nowhere.jsonl"], "does not exist"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(arguments: list[str], message: str) -> None:
    """Options that say nothing here are refused, not ignored."""
    printed = CliRunner().invoke(main, ["assess", *arguments])

    assert printed.exit_code == 2
    assert message in printed.stderr


def test_a_deprecated_version_says_so_apart_from_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On standard error, as results are for machines."""
    write_ending(tmp_path)
    monkeypatch.setenv("FINETUNE_ADVISOR_TREES_DIR", str(tmp_path))
    printed = run("-", "--tree-version", DEPRECATED, stdin="{}\n")

    assert len(results(printed)) == 1
    assert f"Tree {DEPRECATED} is deprecated" in printed.stderr


def test_progress_is_shown_to_whoever_watches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar is full once every byte is read, header included; without a terminal there is none."""
    file = as_csv(profiles(), tmp_path / "in.csv")
    bars = []
    real = click.progressbar

    def kept(**options: Any) -> Any:
        bars.append(real(**{**options, "update_min_steps": 1}))
        return bars[-1]

    monkeypatch.setattr(click, "progressbar", kept)
    run(file, "--tree-version", VERSION)

    assert bars[0].hidden
    assert bars[0].pos == bars[0].length == file.stat().st_size


class Generated(io.RawIOBase):
    """A file of so many lines that are never in memory together."""

    def __init__(self, lines: int) -> None:
        self._left, self._rest = lines, b""
        self._rng = random.Random(1)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest and self._left:
            self._left -= 1
            profile = {n: self._rng.choice(v) for n, v in INPUTS.items() if self._rng.random() < 0.9}
            drift = {"drift": self._rng.random()} if self._left % 2 else {"nope": 1}
            self._rest = json.dumps({**profile, **drift}).encode() + b"\n"
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


@pytest.mark.exhaustive
def test_memory_does_not_grow_with_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """10,000 lines, each different, take hardly more than the first 1,000 have taken."""
    monkeypatch.setattr(assessor, "CACHE_SIZE", 100)
    served = catalog.load_catalog(TYPED.parent)
    lines = 10_000
    one = BatchFile(served, served.trees[VERSION], {})
    found = one.iter_results(io.BufferedReader(Generated(lines)), "-")
    first = 0
    while first < lines // 10:
        first += next(found)[0].count(b"\n")
    tracemalloc.start()
    rest = sum(results.count(b"\n") for results, _ in found)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert first + rest == lines
    assert one.summary.invalid_count == lines // 2
    assert peak < 3_000_000  # one block of lines, and what is kept


@pytest.mark.parametrize("id_", ["[[1]]", "{}", "[" * 300 + "]" * 300])
def test_an_id_that_is_no_scalar_concerns_no_other_line(id_: str) -> None:
    """It is an error with its line, even where it is nested deeper than JSON is written."""
    stdin = f'{{"id": {id_}, "team": "solo"}}\n{{"id": 7, "team": "solo"}}\n'
    first, second = results(run("-", "--id-column", "id", "--tree-version", VERSION, stdin=stdin))

    assert {"pointer": "#", "detail": "'id' is not text, a number or a boolean; give one"} in first[
        "errors"
    ]
    assert second["id"] == 7


@pytest.mark.parametrize("number", ["18446744073709551616", "-9223372036854775809", "1e300"])
def test_an_id_that_would_lose_digits_is_refused(number: str) -> None:
    """Two ids could become one, and the results would join the wrong rows."""
    [result] = results(run("-", "--id-column", "id", stdin=f'{{"id": {number}}}'))
    assert ("invalid", "'id' is too large a number to be copied exactly; write it as text") == (
        result["status"],
        result["errors"][0]["detail"],
    )
    largest = results(run("-", "--id-column", "id", stdin='{"id": 18446744073709551615}'))
    assert [18446744073709551615] == [row["id"] for row in largest]
