"""How long wrong keys take to be found wrong: as long as each other, however near they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter_ns

CALLS_A_SAMPLE = 20
WARM_UP_SAMPLES = 20
MAX_STANDARD_ERRORS = 5
"""By how many standard errors two medians may differ by chance: one comparison of a million differs more."""


@dataclass(frozen=True)
class Timing:
    """Nanoseconds of a call: the median of the samples, and the standard error of that median."""

    median: float
    error: float

    def differs_from(self, other: Timing) -> bool:
        """Whether chance doesn't explain the difference of two medians."""
        noise = (self.error**2 + other.error**2) ** 0.5
        return abs(self.median - other.median) > MAX_STANDARD_ERRORS * noise


def time_keys(
    find_name: Callable[[str], object], keys: Mapping[str, Sequence[str]], samples: int
) -> dict[str, Timing]:
    """Time a function with several kinds of keys, in turn, so that all share the same noise."""
    durations: dict[str, list[float]] = {kind: [] for kind in keys}
    for number in range(samples + WARM_UP_SAMPLES):
        for kind, ones in keys.items():
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
