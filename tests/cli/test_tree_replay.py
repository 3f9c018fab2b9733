"""`tree replay`: its reports, its exit codes, and what it says of a wrong command line."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pyarrow
import pytest
from click.testing import CliRunner, Result
from pyarrow import parquet

from finetune_advisor.cli import main

RECEIPT = f"sha256:{'0' * 64}"
PROMPTED = {"prompt_engineering_sufficient": True}
SAME = {"answers": PROMPTED, "recommendation": "use_prompt_engineering"}
MOVED = {"answers": PROMPTED, "recommendation": "use_rag"}
DEPENDS = {"profile": {}, "recommendation": {"id": "use_rag"}}
LINES = [SAME, SAME, MOVED, DEPENDS]


def run(*arguments: str, stdin: bytes = b"") -> Result:
    """Run the command in this process, with tree 1.0.0 as the candidate."""
    return CliRunner().invoke(main, ["tree", "replay", "--tree", "1.0.0", *arguments], input=stdin)


def lines(*decisions: object) -> bytes:
    """A log."""
    return b"\n".join(json.dumps(decision).encode() for decision in decisions)


def test_files_of_all_kinds_are_counted_together(tmp_path: Path) -> None:
    """A log, a compressed one, a table and standard input; places name the file."""
    (tmp_path / "a.log").write_bytes(lines(*LINES))
    (tmp_path / "b.gz").write_bytes(gzip.compress(lines(*LINES)))
    columns = {"prompt_engineering_sufficient": [True, None], "recommendation": ["use_rag", "use_rag"]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "c.parquet")
    names = [str(tmp_path / name) for name in ("a.log", "b.gz", "c.parquet")]
    printed = run("--json", *names, "-", stdin=lines(MOVED))
    report = json.loads(printed.stdout)

    assert 0 == printed.exit_code
    assert (11, 4, 4, 3) == tuple(report[name] for name in ("decisions", "same", "moved", "depends"))
    [move] = report["moves"]
    assert (["use_rag"], ["use_prompt_engineering"], False) == (
        move["from"],
        move["to"],
        move["same_family"],
    )
    assert [(names[0], 3), (names[1], 3), (names[2], 1)] == [
        (w["file"], w["line"]) for w in move["witnesses"]
    ]
    assert all(PROMPTED == witness["answers"] for witness in move["witnesses"])


def test_the_text_has_counts_pairs_inputs_and_reasons() -> None:
    """Numbers stand below each other, and each pair has its witnesses."""
    log = lines(*[SAME] * 1200, MOVED, DEPENDS, {"message": "request"}, 1, {})
    printed = run("--witnesses", "1", "-", stdin=log)

    assert 1 == printed.exit_code
    assert printed.stdout.startswith(
        "1,202 decisions, replayed with tree 1.0.0. Not judged: 2 lines. Not about decisions: 1 line.\n\n"
        "  1,200   99.8%  same\n"
        "      1    0.1%  moved\n"
        "      1    0.1%  depends on inputs that the log lacks\n\n"
        "Moved:\n"
        "  use_rag -> use_prompt_engineering: 1\n"
        "    -:1201\n"
        "      prompt_engineering_sufficient: true\n\n"
        "Inputs that decisions depend on:\n"
        "  prompt_engineering_sufficient: 1\n"
    )
    assert re.search(
        r"^  use_rag -> one of 7: (\w+, ){4}…, depending on prompt_eng", printed.stdout, re.M
    )
    assert printed.stdout.endswith(
        "Not judged:\n"
        "  the line isn't a JSON object: 1 (-:1204)\n"
        "  the line has no object `answers` or `profile`: 1 (-:1205)\n"
    )


def test_the_markdown_has_the_same_in_tables(tmp_path: Path) -> None:
    """Names of files can't break out of their cells."""
    log = tmp_path / "a|b`c.log"
    log.write_bytes(lines(SAME, MOVED | {"receipt": RECEIPT}, DEPENDS, *[1] * 7))
    printed = run("--markdown", "--witnesses", "1", str(log)).stdout
    cells = r"\| `use_rag` \| `use_prompt_engineering` \|  \| 1 \| 33\.3% \|"

    assert printed.startswith("# Replay with tree 1.0.0\n\n3 decisions, replayed with tree 1.0.0. ")
    assert re.search(rf"^{cells}$", printed, re.M)
    assert "| `prompt_engineering_sufficient` | 1 | 33.3% |\n" in printed
    assert "- `use_rag -> use_prompt_engineering`, for example\n  - `" in printed
    assert f"a\\|b'c.log:2 {RECEIPT}`: `prompt_engineering_sufficient: true`\n" in printed
    assert re.search(r"^\| the line isn't a JSON object \| 7 \| `.*:4, .*, …` \|$", printed, re.M)


@pytest.mark.parametrize("form", [[], ["--markdown"], ["--json"]])
def test_no_witness_means_no_answer(form: list[str]) -> None:
    """With --witnesses 0, nothing that a person answered is in the report."""
    printed = run("--witnesses", "0", *form, "-", stdin=lines(*LINES))

    assert 0 == printed.exit_code
    assert not re.search(r"true|-:3|for example", printed.stdout.replace('"truncated":true', ""))


def test_moves_within_a_family_say_so() -> None:
    """A recommendation of one version, and its successor of the same family in another one."""
    line = {"answers": {"rules_sufficient": True}, "recommendation": "redesign_task"}
    arguments = ["tree", "replay", "--tree", "2.0.0", "-"]
    printed = CliRunner().invoke(main, arguments, input=lines(line)).stdout

    assert "  redesign_task -> no_llm_needed (same family): 1\n" in printed


@pytest.mark.parametrize(
    ("options", "exit_code", "message"),
    [
        (["--fail-on-move", "25"], 0, ""),
        (["--fail-on-move", "24.9"], 1, "--fail-on-move: 25 % of the decisions move, and 24.9 % may\n"),
        (["--fail-on-move", "50", "--count-depends"], 0, ""),
        (
            ["--fail-on-move", "49", "--count-depends"],
            1,
            "--fail-on-move: 50 % of the decisions move or depend on further inputs, and 49 % may\n",
        ),
        (
            ["--fail-on-move", "0", "--json"],
            1,
            "--fail-on-move: 25 % of the decisions move, and 0 % may\n",
        ),
    ],
)
def test_a_share_of_moves_fails_the_command(options: list[str], exit_code: int, message: str) -> None:
    """Standard error says why; the report is printed all the same."""
    printed = run(*options, "-", stdin=lines(*LINES))

    assert (exit_code, message) == (printed.exit_code, printed.stderr)
    assert "1" in printed.stdout


@pytest.mark.parametrize(
    ("options", "exit_code"), [([], 1), (["--ignore-unreadable"], 0), (["--fail-on-move", "100"], 1)]
)
def test_a_line_that_cannot_be_judged_gives_exit_code_1(options: list[str], exit_code: int) -> None:
    """As an invalid line of a batch does, unless it is to be ignored."""
    assert exit_code == run(*options, "-", stdin=lines(*LINES, {})).exit_code


@pytest.mark.parametrize("form", [[], ["--markdown"], ["--json"]])
def test_a_log_without_decisions_passes_no_gate(form: list[str]) -> None:
    """It is no error by itself, but nothing has been proven either."""
    empty, gated = (
        run(*form, "-"),
        run(*form, "--fail-on-move", "100", "-", stdin=lines({"message": "x"})),
    )

    assert (0, 1) == (empty.exit_code, gated.exit_code)
    wrapped, failed = gated.stderr.splitlines()
    assert wrapped.startswith("No line is a decision. If a collector put its own JSON around")
    assert "--fail-on-move: the files have no decision that can be judged" == failed
    assert "" == empty.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--json", "--markdown", "-"], "--json and --markdown contradict each other; give one"),
        (["--count-depends", "-"], "--count-depends needs --fail-on-move"),
        (["no-such-file"], "'no-such-file' does not exist"),
        (["--fail-on-move", "101", "-"], "101.0 is not in the range"),
        ([], "Missing argument 'FILE...'"),
    ],
)
def test_a_wrong_command_line_gives_exit_code_2(arguments: list[str], message: str) -> None:
    """With what is wrong."""
    printed = run(*arguments)

    assert 2 == printed.exit_code
    assert message in printed.stderr


def test_a_file_that_cannot_be_read_gives_one_line(tmp_path: Path) -> None:
    """And no report, which would leave that file out."""
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    printed = run(str(tmp_path / "t.parquet"))

    assert (1, "") == (printed.exit_code, printed.stdout)
    assert re.fullmatch(r"Error: \S+t\.parquet: can't be read as Parquet: .*\n", printed.stderr)
