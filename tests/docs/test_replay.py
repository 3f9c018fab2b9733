"""docs/replay.md, followed as it stands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from finetune_advisor.schemas.replays import (
    DecisionGroupSchema,
    DecisionWitnessSchema,
    InputDecisionsSchema,
    ReplaySchema,
    UnreadableSchema,
)
from tests.docs import pages

PAGE = pages.read(str(Path("docs") / "replay.md"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the page tells to save."""
    (tmp_path / "trees").mkdir()
    [candidate, _] = pages.blocks(PAGE, "yaml")
    [decisions] = pages.blocks(PAGE, "json")
    (tmp_path / "trees" / "candidate.yaml").write_text(candidate, encoding="utf-8")
    (tmp_path / "decisions.jsonl").write_text(decisions, encoding="utf-8")
    return tmp_path


def run(folder: Path, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Type a command into bash."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", f"exec 2>&1; {command}"],
        cwd=folder,
        env=os.environ | {"PATH": path} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("block", pages.blocks(PAGE, "console"), ids=lambda block: block[-40:])
def test_the_commands_print_what_is_shown(folder: Path, block: str) -> None:
    """On standard output and standard error."""
    command, _, shown = block.removeprefix("$ ").partition("\n")

    assert shown == run(folder, command).stdout


def test_the_step_of_a_job_fails_and_writes_its_summary(folder: Path) -> None:
    """The step's script, as a runner has it run."""
    [_, step] = pages.blocks(PAGE, "yaml")
    script = step.partition("run: |\n")[2]
    done = run(folder, script, GITHUB_STEP_SUMMARY=str(folder / "summary.md"))

    assert 1 == done.returncode
    assert "--fail-on-move: 25 % of the decisions move, and 2 % may\n" == done.stdout
    assert "| moved | 1 | 25.0% |" in (folder / "summary.md").read_text(encoding="utf-8")


def test_every_field_of_the_json_is_described(folder: Path) -> None:
    """And the command prints the fields that the page names."""
    below = pages.section(PAGE, "Reports for machines")
    schemas = (
        ReplaySchema,
        DecisionGroupSchema,
        InputDecisionsSchema,
        UnreadableSchema,
        DecisionWitnessSchema,
    )
    names = {field.data_key or name for schema in schemas for name, field in schema().fields.items()}
    printed = json.loads(
        run(
            folder, "finetune-advisor tree replay --tree trees/candidate.yaml --json decisions.jsonl"
        ).stdout
    )

    assert {*()} == {name for name in names if f"`{name}`" not in below}
    assert ReplaySchema().fields.keys() == printed.keys()
