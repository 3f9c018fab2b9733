"""The desk: what all contestants work from, laid out in a folder before anything is measured."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

from finetune_advisor import catalog
from finetune_advisor.app import create_app
from finetune_advisor.engine.evaluation import evaluate
from finetune_advisor.engine.inputs import Value
from finetune_advisor.engine.tree import Tree
from finetune_advisor.settings import Settings

VERSION = "1.0.0"
MEASURED = "2.0.0"
SEED = 20261122
PROFILES = 1000
EXPORTS = {"rego": "tree.rego", "jdm": "tree.jdm.json", "dmn": "tree.dmn"}
Profile = dict[str, bool]


@dataclass(frozen=True)
class Desk:
    """A folder with the tree in each notation and an answer to send back, and the profiles to ask with."""

    at: Path

    @cached_property
    def tree(self) -> Tree:
        return catalog.load().trees[VERSION]

    @cached_property
    def profiles(self) -> list[Profile]:
        """Complete profiles, drawn at random: the same ones in every run."""
        random = Random(SEED)
        return [{name: random.random() < 0.5 for name in self.tree.inputs} for _ in range(PROFILES)]

    def batch(self, size: int, number: int = 0) -> list[Profile]:
        """Some profiles in a row, from another place for each number, over and over again."""
        start = number * 97
        return [self.profiles[(start + index) % PROFILES] for index in range(size)]

    def partial(self, size: int, number: int) -> list[dict[str, Value]]:
        """Profiles that have half of the inputs of 2.0.0, others for each number."""
        random = Random(f"{SEED}.{number}")
        tree = catalog.load().trees[MEASURED]
        return [
            {
                name: one.value(random.choice(tree.cells[name]).plainest)
                for name, one in tree.inputs.items()
                if random.random() < 0.5
            }
            for _ in range(size)
        ]

    def expected(self, profile: Profile) -> str:
        """The recommendation that this service's engine decides on."""
        [found] = evaluate(self.tree, profile).candidates
        return found

    def lay(self) -> None:
        """Write every file that a contestant reads."""
        document = {**self.tree.canonical, "digest": self.tree.digest}
        self.file("tree.json").write_text(json.dumps(document))
        for notation, name in EXPORTS.items():
            command = [sys.executable, "-m", "finetune_advisor.cli", "tree", "export"]
            command += ["--format", notation, VERSION]
            done = subprocess.run(command, check=True, capture_output=True)
            self.file(name).write_bytes(done.stdout)
        client = create_app(Settings(log_level="error")).test_client()
        bodies = [client.post("/assess", json=request(one)).get_data() for one in self.profiles[:99]]
        self.file("answer.json").write_bytes(sorted(bodies, key=len)[49])  # of middle length

    def file(self, name: str) -> Path:
        return self.at / name


def request(profile: Profile) -> dict[str, Any]:
    """The body of POST /assess for a profile."""
    return {"profile": profile, "tree_version": VERSION}
