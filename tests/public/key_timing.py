"""How long wrong keys take to be found wrong: as long as each other, however near they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import median, quantiles
from time import perf_counter_ns

CALLS_A_SAMPLE = 20
WARM_UP_SAMPLES = 20
MAX_STANDARD_ERRORS = 5
"""By how many standard errors a median may be off by chance: one of a million is off by more."""


@dataclass(frozen=True)
class Timing:
    """Nanoseconds of a call: the median of the samples, and the standard error of that median."""

    median: float
    error: float


def time_keys(
    find_name: Callable[[str], object], keys: Mapping[str, Sequence[str]], samples: int
) -> dict[str, Timing]:
    """Time a function with several kinds of keys, in random order, so that all share the same noise."""
    random, kinds = Random(22), list(keys)
    durations: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(samples + WARM_UP_SAMPLES):
        random.shuffle(kinds)
        for kind in kinds:
            ones = keys[kind]
            chosen = [ones[(number * CALLS_A_SAMPLE + i) % len(ones)] for i in range(CALLS_A_SAMPLE)]
            started = perf_counter_ns()
            for key in chosen:
                find_name(key)
            durations[kind].append((perf_counter_ns() - started) / CALLS_A_SAMPLE)
    return {kind: _summarize(values[WARM_UP_SAMPLES:]) for kind, values in durations.items()}


def _summarize(durations: Sequence[float]) -> Timing:
    low, _, high = quantiles(durations)
    # Robust: a pause of the machine is an outlier, and counts for as much as any other sample.
    deviation = (high - low) / 1.349
    return Timing(median(durations), 1.2533 * deviation / len(durations) ** 0.5)


def exceeds_noise(timing: Timing, controls: Collection[Timing]) -> bool:
    """Whether a kind of keys takes longer or shorter than controls do, which differ by nothing but noise.

    Where the keys lie in memory makes each kind differ by some nanoseconds, whatever the keys are. So the
    spread of the controls is allowed on both sides of them, and chance besides.
    """
    lowest, highest = (bound(control.median for control in controls) for bound in (min, max))
    allowed = highest - lowest + MAX_STANDARD_ERRORS * max(timing.error, *(c.error for c in controls))
    return not lowest - allowed <= timing.median <= highest + allowed
