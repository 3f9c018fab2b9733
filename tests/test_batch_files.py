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

from finetune_advisor import batch_files, catalog
from finetune_advisor.api import assessing
from finetune_advisor.batch_files import BatchFile
from finetune_advisor.cli import main
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
    served = catalog.load(TYPED.parent)
    batch = BatchFile(served, served.trees[VERSION], {})
    rows = (f"api_usable,drift\n{cell},-1\n".encode() for cell in (written, written.lower().strip()))
    [same], [plain] = ([*batch.results(io.BytesIO(row), "in.csv")] for row in rows)

    assert same[0] == plain[0]
    assert batch.invalid == 0


LINES = {
    b'{"api_usable":1}': "#/api_usable",
    b'{"nope":true}': "#/nope",
    b"[]": "#",
    b"null": "#",
    b"": "#",
    b"{": "#",
    b'{"api_usable":true,"api_usable":true}': "#",
    b'{"\xff":true}': "#",
    b'{"a":"' + b"x" * batch_files.LONGEST_LINE + b'"}': "#",
    b" " * (3 * batch_files.LONGEST_LINE): "#",
}
ROWS = {
    b"true,1": "#/api_usable",
    b"null,true": "#/team",
    b"solo": "#",
    b"solo,true,": "#",
    b"": "#",
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
    assert printed.stderr.endswith(f", {len(lines)} invalid\n")


def test_a_column_alone_may_be_unknown() -> None:
    """In a file with one column, an empty line is an empty cell."""
    served = catalog.load(TYPED.parent)
    file = io.BytesIO(b"team\n\nsolo\n")
    found = BatchFile(served, served.trees[VERSION], {}).results(file, "in.CSV")

    assert [json.loads(result)["status"] for result, _ in found] == ["undecided", "decided"]


def test_standard_input_and_a_file_of_results(tmp_path: Path) -> None:
    """- reads JSON Lines; --output writes what would be printed, in place of what was read if need be."""
    stdin = "{}\n" * 3
    printed = run("-", stdin=stdin)
    file = tmp_path / "both.jsonl"
    file.write_text(stdin)
    written = run(file, "--output", file)

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
    whole = BatchFile._result
    lines = iter(range(2))

    def stopped(self: BatchFile, *given: Any) -> bytes:
        if next(lines, None) is None:
            raise KeyboardInterrupt
        return whole(self, *given)

    monkeypatch.setattr(BatchFile, "_result", stopped)
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
            "in.csv:1: 'nope': there is no such name here; remove it; known are: ",
        ),
        ("in.csv", "drift, team\n", "in.csv:1: ' team': there is no such name here; did you mean team?"),
        ("in.csv", "team,drift,team\n", "in.csv:1: the column 'team' is there twice; keep one"),
        ("in.csv", "team;drift\n", "in.csv:1: the header is one column; separate columns by commas"),
        ("in.csv", "team\tdrift\n", "in.csv:1: the header is one column; separate columns by commas"),
        ("in.csv", '"team\n', "in.csv:1: the line is not CSV, or a cell has several lines: "),
        ("in.csv", ",team\n", "in.csv:1: column 1 has no name; name an input, or remove the column"),
        ("in.csv", "", "in.csv:1: there is no header; name an input in each column"),
        ("in.csv", "\ntrue\n", "in.csv:1: there is no header; name an input in each column"),
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
        (["--batch", "--json", "-"], "--json goes without --batch"),
        (["--output", "x", "-"], "go with --batch"),
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
    monkeypatch.setattr(assessing, "KEPT", 100)
    served = catalog.load(TYPED.parent)
    lines = 10_000
    one = BatchFile(served, served.trees[VERSION], {})
    found = one.results(io.BufferedReader(Generated(lines)), "-")
    for _ in range(lines // 10):
        next(found)
    tracemalloc.start()
    rest = sum(1 for _ in found)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert rest == lines - lines // 10
    assert one.invalid == lines // 2
    assert peak < 2_000_000
