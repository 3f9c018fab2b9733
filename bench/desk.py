"""The desk: what all contestants work from, laid out in a folder before anything is measured."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random

from finetune_advisor.app import create_app
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.model.inputs import Value
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.settings import Settings
from finetune_advisor.trees import catalog

FIRST, SECOND = "1.0.0", "2.0.0"
"""The trees that are measured: one of yes and no, and one of numbers and choices besides."""
SEED = 20261122
PROFILES = 20_000
"""Profiles that are drawn: many more than anything keeps."""
EXPORTS = {"rego": "tree.rego", "jdm": "tree.jdm.json", "dmn": "tree.dmn"}
Profile = dict[str, Value]


@dataclass(frozen=True)
class Desk:
    """A folder with a tree in each notation and an answer to send back, and the profiles to ask with."""

    at: Path
    version: str = FIRST

    @property
    def is_second(self) -> bool:
        return self.version == SECOND

    @cached_property
    def tree(self) -> Tree:
        return catalog.load_catalog().trees[self.version]

    @cached_property
    def profiles(self) -> list[Profile]:
        """Complete profiles, drawn at random with their names in any order: the same ones in every run."""
        return self.drawn(PROFILES)

    def drawn(self, count: int, share: float = 1, seed: int = SEED) -> list[Profile]:
        """Profiles that have about a share of the tree's inputs, their names in any order."""
        random = Random(seed)
        found = []
        for _ in range(count):
            names = [name for name in self.tree.inputs if share == 1 or random.random() < share]
            random.shuffle(names)
            found.append({name: self._value(random, name) for name in names})
        return found

    def batch(self, size: int, number: int = 0) -> list[Profile]:
        """So many profiles, for each number the ones that follow."""
        return [self.profiles[(number * size + index) % PROFILES] for index in range(size)]

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
            command += ["--format", notation, self.version]
            done = subprocess.run(command, check=True, capture_output=True)
            self.file(name).write_bytes(done.stdout)
        client = create_app(Settings(log_level="error")).test_client()
        asked = [{"profile": one, "tree_version": self.version} for one in self.profiles[:99]]
        bodies = [client.post("/assess", json=one).get_data() for one in asked]
        self.file("answer.json").write_bytes(sorted(bodies, key=len)[49])  # of middle length

    def file(self, name: str) -> Path:
        return self.at / name

    def _value(self, random: Random, name: str) -> Value:
        """A value of an input, as often from each span between two thresholds of the tree."""
        input_, cell = self.tree.inputs[name], random.choice(self.tree.partition[name])
        low, high = cell.spans[0]
        if not input_.is_numeric:
            return input_.value(low)
        high = min(high, low + 1000)
        if input_.type == "integer":
            return random.randint(int(low), int(high))
        return input_.value(min(max(round(random.uniform(low, high), 3), low), high))
