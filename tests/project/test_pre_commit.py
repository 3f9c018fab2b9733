"""The hooks before a commit are the commands of `make check`."""

from __future__ import annotations

import re
import subprocess

import yaml

from tests.conftest import ROOT


def test_the_hooks_are_what_make_check_runs() -> None:
    """The same commands in the same order, from this environment: nothing is downloaded."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    [repository] = config["repos"]
    hooks = [re.sub(r"^bash -c '(.*)'$", r"\1", hook["entry"]) for hook in repository["hooks"]]
    makefile = ["make", "--dry-run", "--always-make", "--no-print-directory", "check"]
    commands = subprocess.run(makefile, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert "local" == repository["repo"]
    assert {"system"} == {hook["language"] for hook in repository["hooks"]}
    assert commands.splitlines()[-len(hooks) :] == hooks
