"""The workflow on GitHub: sound, and of the same make targets and Python versions as the project."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import yaml
from bench import tools

from tests.conftest import ROOT
from tests.tools import built

GITHUB = ROOT / ".github"
WORKFLOW = GITHUB / "workflows" / "ci.yaml"
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint"


def jobs() -> dict[str, Any]:
    """The workflow's jobs by name."""
    return dict(yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"])


def test_actionlint_has_nothing_to_say() -> None:
    """It checks the syntax, expressions and actions, and shellcheck the scripts."""
    folder = Path(__file__).parent / "tools" / "actionlint"
    place = built("actionlint", folder, ["go"], lambda at: tools.go_build(at, ACTIONLINT))
    shellcheck = Path(sys.executable).parent / "shellcheck"
    command = [place / "actionlint", "-no-color", "-pyflakes=", f"-shellcheck={shellcheck}", WORKFLOW]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert (0, "") == (done.returncode, done.stdout + done.stderr)


def test_suite_and_package_run_on_every_python_of_the_project() -> None:
    """The versions are those that the package's classifiers name."""
    about = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(about["project"]["classifiers"]))
    [pythons] = [step["with"] for step in jobs()["package"]["steps"] if "with" in step]

    assert named == jobs()["test"]["strategy"]["matrix"]["python"]
    assert named == pythons["python-version"].split()


def test_it_calls_every_target_that_a_submission_must_pass() -> None:
    """The targets of .ci/run, and the image, the engines and the package, which are large downloads."""
    wanted = re.findall(r"^make (\w+)$", (ROOT / ".ci" / "run").read_text("utf-8"), re.MULTILINE)
    called = {
        target.replace('"$TARGET"', name)
        for job in jobs().values()
        for step in job["steps"]
        for target in re.findall(r"make (\S+)", step.get("run", ""))
        for name in job.get("strategy", {}).get("matrix", {}).get("target", [""])
    }

    assert {*wanted, "image", "engines", "package"} == called


def test_each_form_asks_for_something() -> None:
    """What GitHub wants of an issue form: a name, a description, and questions with an id each."""
    forms = [path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config"]
    assert {"bug", "tree"} == {path.stem for path in forms}
    for path in forms:
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        questions = [part for part in form["body"] if part["type"] != "markdown"]
        assert form["name"]
        assert form["description"]
        assert len(questions) == len({part["id"] for part in questions})
        assert all(part["attributes"]["label"] for part in questions)
        assert any(part.get("validations", {}).get("required") for part in questions)
