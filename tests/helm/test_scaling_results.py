"""The plot and the figures of docs/deploy.md, "Scale", held to the results that they come from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.cluster.scaling import plot
from tests.cluster.scaling.load_step import HIGH_SECONDS, LOW_SECONDS, SLOW_MS
from tests.docs import pages

COURSES: dict[str, dict[str, Any]] = json.loads(pages.read("bench/results/scaling.json"))
GUIDE = " ".join(pages.read("docs/deploy.md").split())


def first_pod_after(course: Mapping[str, Any]) -> int:
    """The seconds from the step until more than two pods were ready."""
    seconds = (int(second) for second, pods in course["ready_pods"].items() if pods > 2)
    return min(second for second in seconds if second > LOW_SECONDS) - LOW_SECONDS


def test_the_plot_is_that_of_the_results() -> None:
    """docs/images/scaling.svg is what `python -m tests.cluster.scaling` draws."""
    assert plot.render(COURSES) == pages.read("docs/images/scaling.svg")


def test_no_scaler_lost_a_request() -> None:
    """deploy.md: "No scaler lost a request, but with 50 % the callers couldn't send 2 of 100"."""
    assert len(COURSES) == 6
    assert {0} == {course["lost"] for course in COURSES.values()}
    [percent, unsent] = re.findall(r"with (\d+) % the callers couldn't send (\d+) of 100", GUIDE)[0]
    course = COURSES[f"CPU, {percent} % of 100m"]
    assert int(unsent) == round(100 * course["unsent"] / (course["unsent"] + course["sent"]))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("CPU, 70 % of 100m", r"(\d+) pods were wanted, and (\d+) of 200 seconds were slow"),
        ("CPU, 50 % of 100m", r"With 50 % it was the limit, (\d+) pods, and (\d+) seconds"),
        ("CPU, 175 % of 100m", r"with 175 % of 100m it was (\d+) pods and (\d+) seconds"),
        ("CPU, 70 % of 250m", r"with 70 % of 250m (\d+) pods and (\d+) seconds"),
    ],
)
def test_pods_and_slow_seconds_are_those_measured(name: str, sentence: str) -> None:
    """deploy.md: "With the chart's target, 70 % of the 100m that a pod requests"."""
    course = COURSES[name]
    high = range(LOW_SECONDS, LOW_SECONDS + HIGH_SECONDS)
    slow = sum(latency > SLOW_MS for now, latency in course["p99_ms"].items() if int(now) in high)
    assert [(str(course["pods"]), str(slow))] == re.findall(sentence, GUIDE)


def test_the_first_pods_came_as_late_as_said() -> None:
    """deploy.md: "a first new pod that is ready after 25 seconds in place of 9"."""
    said = re.findall(r"after (\d+) seconds in place of (\d+).* was ready after (\d+) seconds", GUIDE)
    names = ("CPU, 70 % of 250m", "CPU, 70 % of 100m", "200 requests/s, over 2 min")
    assert said == [tuple(str(first_pod_after(COURSES[name])) for name in names)]
