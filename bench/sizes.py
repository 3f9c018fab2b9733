"""Decisions a second in process by size of the tree: `python -m bench.sizes SHAPE QUESTIONS SECONDS`."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from random import Random
from typing import Literal

from bench.measure import Bench, on_server_core
from finetune_advisor.engine.evaluation.compiled import CompiledTree
from finetune_advisor.engine.model.conditions import InChoices
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.references import Reference
from finetune_advisor.engine.model.tree import Branch, Question, Recommendation, Tree

Shape = Literal["balanced", "chain"]
COUNTS = (10, 100, 1000, 10_000)
MEMORY = 6 << 30
PATIENCE = 30


@dataclass(frozen=True)
class Size:
    """Decisions a second on trees of a shape and a number of questions, and seconds until the first one."""

    shape: str
    questions: int
    decisions: float | None
    first_seconds: float | None
    failed: str = ""


def sizes(bench: Bench) -> list[Size]:
    """Each shape and size in a process of its own, on the server's core, bounded in time and memory."""
    found = []
    for shape in ("balanced", "chain"):
        for count in COUNTS:
            bench.say(f"{shape} tree of {count:,} questions")
            command = [sys.executable, "-m", "bench.sizes", shape, str(count), str(bench.seconds / 2)]
            found.append(_ran(command, shape, count))
    return found


def _ran(command: list[str], shape: str, count: int) -> Size:
    try:
        with on_server_core():
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return Size(shape, count, None, None, f"took more than {PATIENCE} s")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return Size(shape, count, None, None, last[:100])
    answer = json.loads(done.stdout)
    return Size(shape, count, answer["decisions"], answer["first"])


def generated(shape: Shape, count: int) -> Tree:
    """A tree of so many questions, each with an input of its own."""
    leaf = {True: "yes", False: "no"}

    def target(index: int, *, answer: bool) -> str:
        if shape == "balanced":
            child = 2 * index + (1 if answer else 2)
            return f"q{child}" if child < count else leaf[answer]
        return f"q{index + 1}" if not answer and index + 1 < count else leaf[answer]

    def branches(index: int) -> tuple[Branch, ...]:
        ends = {answer: target(index, answer=answer) for answer in (True, False)}
        return tuple(
            Branch(InChoices((answer,)), to, "" if to.startswith("q") else "because")
            for answer, to in ends.items()
        )

    inputs = {f"i{index}": Input(f"i{index}", "boolean", "an input") for index in range(count)}
    questions = {
        f"q{index}": Question(f"q{index}", "a question?", f"i{index}", branches(index))
        for index in range(count)
    }
    leaves = {name: Recommendation(name, name, "no", "a leaf") for name in leaf.values()}
    source = Reference("generated", "https://example.org/")
    return Tree("1.0.0", "current", "2026-11-22", "generated", source, inputs, "q0", questions, leaves)


def main(shape: Shape, count: int, seconds: float) -> None:
    """Print the decisions a second as JSON: random ways through balanced trees, the whole way of chains.

    A profile has the answers on its way, so that its size is the way's and not the tree's.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    tree, random = generated(shape, count), Random(count)
    chance = 0.5 if shape == "balanced" else 0.0
    profiles = [_way(tree, random, chance) for _ in range(20)]
    began = time.perf_counter()
    compiled = CompiledTree(tree)
    compiled.evaluate(profiles[0])
    first = time.perf_counter() - began
    done, began, taken = 0, time.perf_counter(), 0.0
    while taken < seconds:
        compiled.evaluate(profiles[done % 20])
        done += 1
        taken = time.perf_counter() - began
    print(json.dumps({"decisions": done / taken, "first": first}))


def _way(tree: Tree, random: Random, chance: float) -> dict[str, bool]:
    answers, node = {}, tree.root
    while node in tree.questions:
        question = tree.questions[node]
        answers[question.input] = random.random() < chance
        node = next(b.to for b in question.branches if b.test == InChoices((answers[question.input],)))
    return answers


if __name__ == "__main__":
    chosen: Shape = "balanced" if sys.argv[1] == "balanced" else "chain"
    main(chosen, int(sys.argv[2]), float(sys.argv[3]))
