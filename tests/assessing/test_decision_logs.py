"""Logs of decisions in every shape that is read, and what is wrong with any other line."""

from __future__ import annotations

import gzip
import json
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from finetune_advisor.assessing import decision_logs
from finetune_advisor.assessing.decision_logs import (
    LogEntry,
    LoggedDecision,
    OtherLine,
    UnreadableLine,
    iter_log,
)
from finetune_advisor.assessing.file_formats import BadFileError
from finetune_advisor.assessing.file_lines import MAX_LINE_BYTES

INPUTS = frozenset({"data_sensitive", "kb_tokens", "failure_type"})
RECEIPT = f"sha256:{'0' * 64}"
ANSWERS = {"data_sensitive": True}
DECIDED = LoggedDecision(1, ANSWERS, ("use_api",), None, None, None)


def entries(content: bytes, name: str = "decisions.log") -> list[LogEntry]:
    """What each line is."""
    return [*iter_log(BytesIO(content), name, INPUTS)]


def line(**members: Any) -> bytes:
    return json.dumps(members).encode()


@pytest.mark.parametrize(
    "members",
    [
        {"answers": ANSWERS, "recommendation": "use_api"},
        {"profile": ANSWERS, "recommendation": "use_api", "status": "decided"},
        {"profile": ANSWERS, "recommendation": {"id": "use_api", "title": "Use an API"}},
        {"answers": ANSWERS, "candidates": ["use_api"]},
        {"answers": ANSWERS, "recommendation": None, "candidates": ["use_api"]},
        {"answers": ANSWERS, "candidates": "use_api", "message": "decision"},
        {"answers": ANSWERS, "candidates": ["use_api"], "tree_version": 1, "receipt": None},
        {"answers": None, "profile": ANSWERS, "candidates": ["use_api"], "message": "decision"},
    ],
)
def test_a_decision_may_have_many_shapes(members: dict[str, Any]) -> None:
    """Answers or a profile; a recommendation, one as POST /assess answers it, or candidates."""
    assert [DECIDED] == entries(line(**members))


def test_the_tree_and_the_receipt_are_read() -> None:
    """From a line of the service, and from an answer of POST /assess. A receipt is a hash, or left out."""
    own = {"tree_version": "1.0.0", "tree_digest": "sha256:1", "receipt": RECEIPT, "masked": ["x"]}
    answer = {"tree": {"version": "2.0.0", "digest": "sha256:3"}, "receipt": f"{RECEIPT}\x1b[2J"}
    content = b"\n".join(line(answers=ANSWERS, candidates=["a", "b"], **more) for more in (own, answer))

    assert [
        LoggedDecision(1, ANSWERS, ("a", "b"), "1.0.0", "sha256:1", RECEIPT),
        LoggedDecision(2, ANSWERS, ("a", "b"), "2.0.0", "sha256:3", None),
    ] == entries(content)


def test_other_lines_are_passed_over_and_blank_ones_skipped() -> None:
    """A log has lines of requests between its decisions; numbers count every line, as editors do."""
    decided = line(answers=ANSWERS, recommendation="use_api")
    content = (
        b"\xef\xbb\xbf" + decided + b"\r\n\n  \n" + line(message="request", status=200) + b"\n" + decided
    )

    assert [DECIDED, OtherLine(4), DECIDED._replace(line=5)] == entries(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"INFO decision answers={}", "the line isn't JSON"),
        (b"[1]", "the line isn't a JSON object"),
        (b"1", "the line isn't a JSON object"),
        (line(recommendation="a"), "the line has no object `answers` or `profile`"),
        (line(answers=[], recommendation="a"), "the line has no object `answers` or `profile`"),
        (line(answers={}), "the line has no `recommendation` and no `candidates`"),
        (line(answers={}, candidates=[]), "the line has no `recommendation` and no `candidates`"),
        (
            line(answers={}, recommendation={"name": 1}),
            "the line has no `recommendation` and no `candidates`",
        ),
        (line(message="decision"), "the line has no object `answers` or `profile`"),
    ],
)
def test_what_is_no_decision_says_why(content: bytes, reason: str) -> None:
    """And the lines after it are read."""
    decided = line(answers=ANSWERS, recommendation="use_api")
    assert [UnreadableLine(1, reason), DECIDED._replace(line=2)] == entries(content + b"\n" + decided)


def test_a_line_that_is_too_long_is_read_in_parts() -> None:
    """It counts as one line, and never fills the memory."""
    decided = line(answers=ANSWERS, recommendation="use_api")
    content = b"x" * (2 * MAX_LINE_BYTES + 5) + b"\n" + decided
    reason = f"the line is longer than {MAX_LINE_BYTES} bytes; send a shorter one"

    assert [UnreadableLine(1, reason), DECIDED._replace(line=2)] == entries(content)


def test_compressed_lines_are_read() -> None:
    """By the suffix; a file that isn't what its name says is refused."""
    packed = gzip.compress(line(answers=ANSWERS, recommendation="use_api"))

    assert [DECIDED] == entries(packed, "decisions.log.gz")
    for broken in (packed[:-9], b"plain", packed[:12] + b"\xff" * 20):
        with pytest.raises(BadFileError, match=r"^d\.gz: can't be read: "):
            entries(broken, "d.gz")


def table(path: Path, columns: dict[str, Any]) -> bytes:
    """A Parquet file with columns."""
    parquet.write_table(pyarrow.table(columns), path / "t.parquet", row_group_size=2)
    return (path / "t.parquet").read_bytes()


def test_a_table_has_a_column_an_input(tmp_path: Path) -> None:
    """An empty cell is unknown; other columns are left alone; lists and texts of candidates are read."""
    content = table(
        tmp_path,
        {
            "id": [7, 8, 9],
            "data_sensitive": [True, None, False],
            "kb_tokens": [None, 12, 13],
            "failure_type": pyarrow.array(["style", None, "style"]).dictionary_encode(),
            "recommendation": ["use_api", None, None],
            "candidates": [["use_api"], ["a", "b"], None],
            "tree_version": ["1.0.0", "1.0.0", "1.0.0"],
        },
    )
    rows = entries(content, "t.parquet")
    answers = {"data_sensitive": None, "kb_tokens": 12, "failure_type": None}

    assert LoggedDecision(2, answers, ("a", "b"), "1.0.0", None, None) == rows[1]
    assert [1, 2, 3] == [row.line for row in rows]
    assert UnreadableLine(3, "the line has no `recommendation` and no `candidates`") == rows[2]


def test_decimals_are_the_nearest_doubles(tmp_path: Path) -> None:
    """As `assess --batch` reads them."""
    numbers = pyarrow.array([Decimal("0.10"), None], pyarrow.decimal128(5, 2))
    content = table(tmp_path, {"kb_tokens": numbers, "recommendation": ["x", "x"]})

    assert [{"kb_tokens": 0.1}, {"kb_tokens": None}] == [row.answers for row in entries(content, "t.pq")]


def test_a_table_may_have_all_answers_in_a_column(tmp_path: Path) -> None:
    """As a collector writes log lines into a table."""
    content = table(tmp_path, {"answers": [ANSWERS], "candidates": ["a,b"]})

    assert [DECIDED._replace(past=("a", "b"))] == entries(content, "T.PARQUET")


def repeated_column(path: Path) -> bytes:
    """A Parquet file that has a column twice."""
    columns = [pyarrow.array([1]), pyarrow.array([2])]
    parquet.write_table(pyarrow.Table.from_arrays(columns, ["kb_tokens"] * 2), path / "t.parquet")
    return (path / "t.parquet").read_bytes()


def test_a_table_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    """Broken, without answers, or without the library for it."""
    with pytest.raises(BadFileError, match=r"^t\.pq: can't be read as Parquet: "):
        entries(b"PAR1", "t.pq")
    with pytest.raises(BadFileError, match="has no column with the name of an input"):
        entries(table(tmp_path, {"a": [1], "recommendation": ["x"]}), "t.pq")
    with pytest.raises(BadFileError, match=r"^t\.pq: the column 'kb_tokens' is there twice; keep one"):
        entries(repeated_column(tmp_path), "t.pq")
    broken = pyarrow.array([b"\xff\xfe"]).view(pyarrow.string())
    with pytest.raises(BadFileError, match=r"^t\.pq: can't be read as Parquet: "):
        entries(table(tmp_path, {"failure_type": broken, "recommendation": ["x"]}), "t.pq")
    days = table(tmp_path, {"kb_tokens": [date(2026, 1, 1)], "recommendation": ["x"]})
    assert 1 == len(entries(days, "t.pq"))


def test_a_table_without_pyarrow_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line."""

    def import_nothing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(decision_logs, "import_module", import_nothing)
    with pytest.raises(BadFileError, match=r"needs pyarrow: pip install 'finetune-advisor\[arrow\]'$"):
        entries(b"", "t.parquet")
