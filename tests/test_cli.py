"""The command, as its users type it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from finetune_advisor import catalog
from finetune_advisor.app import create_app
from finetune_advisor.cli import main

HYBRID = {
    "prompt_engineering_sufficient": False,
    "knowledge_retrieval_problem": True,
    "real_time_data_needed": False,
    "data_volume_very_large": True,
}


def run(*arguments: str, stdin: str = "") -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(main, arguments, input=stdin)


def test_json_is_the_answer_of_the_api() -> None:
    """assess --json prints the bytes that POST /assess answers."""
    served = create_app().test_client().post("/assess", json={"profile": HYBRID})
    printed = run("assess", "--json", "-", stdin=json.dumps(HYBRID))

    assert printed.exit_code == 0
    assert printed.stdout == f"{served.text}\n"


def test_text_tells_the_whole_answer(tmp_path: Path) -> None:
    """assess prints the recommendation, why, the path and what to do, from a YAML file too."""
    profile = tmp_path / "profile.yaml"
    profile.write_text("".join(f"{name}: {str(value).lower()}\n" for name, value in HYBRID.items()))
    printed = run("assess", str(profile))

    assert printed.exit_code == 0
    assert "[consider_hybrid; fine-tune: partly]" in printed.stdout
    for heading in (
        "Why: ",
        "Because:",
        "First make sure of:",
        "Next steps:\n1. ",
        "Risks:",
        "Instead:",
    ):
        assert heading in printed.stdout
    assert "- Is it primarily a knowledge retrieval problem? Yes." in printed.stdout
    assert "Keep in mind:" in printed.stdout
    assert max(map(len, printed.stdout.splitlines())) <= 100


def test_text_of_an_undecided_profile_asks_the_next_question() -> None:
    """assess names what is still possible, and the next question with the input that answers it."""
    printed = run("assess", "-", stdin="{}")

    assert printed.exit_code == 0
    assert printed.stdout.startswith("Undecided\n")
    assert "Still possible:\n- use_prompt_engineering\n" in printed.stdout
    assert "Next question: Is prompt engineering alone enough?" in printed.stdout
    assert "Answer with: prompt_engineering_sufficient (boolean)" in printed.stdout


def test_text_names_what_was_not_needed() -> None:
    """assess says which open questions make no difference."""
    profile = {key: value for key, value in HYBRID.items() if key != "real_time_data_needed"}
    printed = run("assess", "-", stdin=json.dumps(profile | {"data_volume_very_large": False}))

    assert "Not needed: real_time_data_needed" in printed.stdout


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        (
            '{"data_sensitiv": true}',
            "data_sensitiv: there is no such name here; did you mean data_sensitive?",
        ),
        ('{"data_sensitive": "yes"}', "data_sensitive: not a boolean; give true or false"),
        ("[]", "not an object; give one in braces"),
        ("{a", "neither JSON nor YAML"),
        ('{"data_sensitive": true, "data_sensitive": false}', "duplicate key"),
        ("\x00", "neither JSON nor YAML"),
        ("", "not an object"),
    ],
)
def test_a_wrong_profile_is_refused(stdin: str, message: str) -> None:
    """assess says where the profile is wrong and what to do, and exits with 1."""
    printed = run("assess", "-", stdin=stdin)

    assert printed.exit_code == 1
    assert message in printed.stderr
    assert "Traceback" not in printed.stderr


def test_an_unknown_version_is_refused() -> None:
    """assess --tree-version lists the versions that there are."""
    printed = run("assess", "--tree-version", "9.0.0", "-", stdin="{}")

    assert printed.exit_code == 1
    assert printed.stderr == "Error: no such tree version is served; served are 1.0.0\n"


def test_check_proves_the_bundled_trees() -> None:
    """tree check without files checks what would be served."""
    printed = run("tree", "check")

    assert printed.exit_code == 0
    assert printed.stdout.startswith("1.0.0 (current): sound; 11 questions, 7 recommendations; sha256:")


def test_check_takes_files(tmp_path: Path) -> None:
    """tree check FILE checks a document, with the bundled ones beside it."""
    own = tmp_path / "own.yaml"
    text = (catalog.BUNDLED / "1.0.0.yaml").read_text()
    own.write_text(text.replace("version: 1.0.0", "version: 1.1.0", 1))
    printed = run("tree", "check", str(own), str(catalog.BUNDLED / "1.0.0.yaml"))

    assert printed.exit_code == 0
    assert [line.split()[0] for line in printed.stdout.splitlines()] == ["1.0.0", "1.1.0"]


def test_check_reports_every_fault(tmp_path: Path) -> None:
    """tree check names the faults of all files at once, and exits with 1."""
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text("version: 1.0.0\n")
    printed = run("tree", "check", str(tmp_path / "one.yaml"), str(tmp_path / "two.yaml"))

    assert printed.exit_code == 1
    for name in ("one.yaml", "two.yaml"):
        assert f"{tmp_path}/{name}:1: title: Missing data for required field; add it" in printed.stderr


def test_settings_lists_every_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """settings shows each variable with its value here."""
    monkeypatch.setenv("FINETUNE_ADVISOR_PORT", "9000")
    printed = run("settings")

    assert printed.exit_code == 0
    assert "FINETUNE_ADVISOR_PORT=9000\n    Port to listen on" in printed.stdout
    assert "FINETUNE_ADVISOR_TREES_DIR=unset\n" in printed.stdout


@pytest.mark.parametrize("command", [["openapi"], ["settings"], ["tree", "check"], ["assess", "-"]])
def test_a_wrong_setting_stops_every_command(
    monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """No command runs on settings that it would misread."""
    monkeypatch.setenv("FINETUNE_ADVISOR_PROT", "1")
    printed = run(*command, stdin="{}")

    assert printed.exit_code == 1
    assert "did you mean FINETUNE_ADVISOR_PORT?" in printed.stderr
