"""How long the assessment of a complete profile takes, in process: `python -m bench.evaluation`.

For each bundled tree, one complete profile on each path: the answers of the path's witness, and the least
value of every other input. The plain evaluator in the same run is what to compare with. Prints microseconds
per assessment: the mean over all paths, and the slowest path; the best of five rounds each.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from finetune_advisor import catalog
from finetune_advisor.engine.compiled import CompiledTree
from finetune_advisor.engine.coverage import paths
from finetune_advisor.engine.evaluation import evaluate
from finetune_advisor.engine.inputs import Profile
from finetune_advisor.engine.tree import Tree

ROUNDS, REPEATS = 5, 20


def main() -> None:
    """Measure every bundled tree."""
    for tree in catalog.load().trees.values():
        profiles = _profiles(tree)
        compiled = CompiledTree(tree)
        for name, assess in (
            ("compiled", compiled.evaluate),
            ("plain", lambda profile, tree=tree: evaluate(tree, profile)),
        ):
            taken = [_microseconds(assess, profile) for profile in profiles]
            mean, slowest = sum(taken) / len(taken), max(taken)
            print(f"{tree.version} {name}: mean={mean:.1f} slowest={slowest:.1f} us, {len(taken)} paths")


def _profiles(tree: Tree) -> Sequence[Profile]:
    least = {name: one.value(one.axis.least) for name, one in tree.inputs.items()}
    return [{**least, **path.witness} for path in paths(tree) or ()]


def _microseconds(assess: Callable[[Profile], object], profile: Profile) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(REPEATS):
            assess(profile)
        best = min(best, time.perf_counter() - began)
    return best / REPEATS * 1e6


if __name__ == "__main__":
    main()
