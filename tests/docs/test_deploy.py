"""The figures of docs/deploy.md, held to the results that they come from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import chain
from typing import Any

import pytest

from tests.docs import pages

COURSES: dict[str, dict[str, Any]] = json.loads(pages.read("bench/results/scaling.json"))
STEP_SECOND = 40
GUIDE = " ".join(pages.read("docs/deploy.md").split())


def first_pod_after(course: Mapping[str, Any]) -> int:
    """The seconds from the step until more than two pods were ready."""
    seconds = (int(second) for second, pods in course["ready_pods"].items() if pods > 2)
    return min(second for second in seconds if second > STEP_SECOND) - STEP_SECOND


def test_no_scaler_lost_a_request() -> None:
    """deploy.md: "No scaler lost a request"."""
    assert len(COURSES) == 6
    assert {0} == {course["lost"] for course in COURSES.values()}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "CPU, 70 % of 100m",
            r"With the default.*?, (\d+) pods were wanted. In (\d+) of the 200 seconds",
        ),
        ("CPU, 50 % of 100m", r"With 50 % it was (\d+) pods and (\d+) seconds"),
        ("CPU, 70 % of 250m", r"With 70 % of 250m it was (\d+) pods and (\d+) seconds"),
    ],
)
def test_pods_and_slow_seconds_are_those_measured(name: str, sentence: str) -> None:
    """deploy.md: "14 pods were wanted. In 71 of the 200 seconds after the step"."""
    [(pods, slow)] = re.findall(sentence, GUIDE)
    course = COURSES[name]
    assert (int(pods), int(slow)) == (course["pods"], course["slow_seconds"])


def test_the_first_pods_came_as_late_as_said() -> None:
    """deploy.md: "added the first pod after 55 seconds, and CPU use after 9 to 25"."""
    [said] = re.findall(r"first pod after (\d+) seconds, and CPU use after (\d+) to (\d+)", GUIDE)
    by_cpu = [first_pod_after(course) for name, course in COURSES.items() if name.startswith("CPU")]
    by_query = first_pod_after(COURSES["200 requests/s, over 2 min"])
    assert [*map(int, said)] == [*chain([by_query], (min(by_cpu), max(by_cpu)))]
