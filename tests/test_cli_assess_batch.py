"""`assess --batch`: what its input, defaults and output may be."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from finetune_advisor.cli import main


def run(*arguments: str | Path, stdin: str = "") -> Result:
    return CliRunner().invoke(main, ["assess", "--batch", *map(str, arguments)], input=stdin)


@pytest.mark.parametrize("file", ["-", "/dev/stdin"])
def test_standard_input_has_one_reader(file: str) -> None:
    """Profiles and defaults can't both be read from it: whichever comes second would find nothing."""
    printed = run("--format", "jsonl", "--defaults", "-", file, stdin="{}\n")

    assert (2, "") == (printed.exit_code, printed.stdout)
    message = "FILE and --defaults both read standard input; give a path for one of them"
    assert message in printed.stderr


@pytest.mark.parametrize("defaults_are_read", [True, False])
def test_profiles_or_defaults_are_read_from_standard_input(
    tmp_path: Path, *, defaults_are_read: bool
) -> None:
    """One of them may be, and the other comes from a file."""
    file = tmp_path / "in.jsonl"
    file.write_text("{}\n")
    arguments = ["-", file] if defaults_are_read else [file, "-"]

    assert 0 == run("--defaults", *arguments, stdin="{}\n").exit_code
