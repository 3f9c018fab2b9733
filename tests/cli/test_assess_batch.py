"""`assess --batch`: what its input, defaults and output may be."""

from __future__ import annotations

import subprocess
import sys
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


@pytest.mark.parametrize("name", ["in.jsonl", "link", "hard", "../{folder}/in.jsonl"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["in.jsonl"], "is FILE itself"), (["--defaults", "in.jsonl", "-"], "is the file of --defaults")],
    ids=["profiles", "defaults"],
)
def test_results_do_not_replace_what_they_are_made_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, arguments: list[str], said: str
) -> None:
    """However the path of --output is written, and through links."""
    monkeypatch.chdir(tmp_path)
    read = tmp_path / "in.jsonl"
    read.write_text("{}\n")
    Path("link").symlink_to(read)
    Path("hard").hardlink_to(read)
    printed = run("--output", name.format(folder=tmp_path.name), *arguments)

    assert (2, "{}\n") == (printed.exit_code, read.read_text())
    assert said in " ".join(printed.stderr.split())


def test_results_do_not_replace_what_standard_input_is(tmp_path: Path) -> None:
    """A file that a shell redirects is an input, too."""
    read = tmp_path / "in.jsonl"
    read.write_text("{}\n")
    command = [sys.executable, "-m", "finetune_advisor.cli", "assess", "--batch", "--output", read, "-"]
    with read.open() as stdin:
        refused = subprocess.run(command, stdin=stdin, capture_output=True, check=False)

    assert (2, "{}\n") == (refused.returncode, read.read_text())
    assert b"is FILE itself" in refused.stderr
