"""A server whose trees change under load: what was lost, what was answered, and what it took."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import requests

from finetune_advisor.trees import loader
from tests.conftest import Server
from tests.reload.clients import Clients
from tests.reload.trees_folder import TreesFolder, broken, sound, version

COUNTER = re.compile(r"^(\w+?)\{(.*)\} (\S+)$|^(\w+) (\S+)$", re.MULTILINE)
STORM = 20
MAX_SIDE_BY_SIDE_SECONDS = 2.0
"""A bound for machines that are busy with other things; it is far lower on an idle one."""
CHANGE_SECONDS = 120
"""How long a change may take to be served on a machine that is busy with other things."""


@dataclass
class Findings:
    """What a run found."""

    answers: int = 0
    lost: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    """Answers of trees that weren't in the catalog at that time."""
    counted: float = 0
    memory_before: float = 0
    memory_after: float = 0
    reload_seconds: list[float] = field(default_factory=list)
    side_by_side_seconds: list[float] = field(default_factory=list)
    results: dict[str, float] = field(default_factory=dict)
    slowest: float = 0

    def __str__(self) -> str:
        times, overlaps = sorted(self.reload_seconds), sorted(self.side_by_side_seconds)
        return (
            f"{self.answers} answers, {len(self.lost)} lost, {len(self.strangers)} of other trees, "
            f"{self.counted:.0f} counted\n"
            f"memory: {self.memory_before:.1f} MB before, {self.memory_after:.1f} MB after\n"
            f"from a change to its first answer: median {times[len(times) // 2]:.1f} s, "
            f"at most {times[-1]:.1f} s\n"
            f"requests answered by the tree before, after the first answer of the next: "
            f"at most {overlaps[-1] * 1000:.0f} ms later\n"
            f"slowest answer: {self.slowest * 1000:.0f} ms\n"
            f"reloads: {self.results}"
        )


def read_metrics(url: str) -> dict[str, float]:
    """All series by name and labels."""
    text = requests.get(f"{url}/metrics", timeout=30).text
    return {
        f"{name}{{{labels}}}" if name else plain: float(value or plain_value)
        for name, labels, value, plain, plain_value in COUNTER.findall(text)
    }


def count_assessments(url: str) -> float:
    return sum(
        value
        for name, value in read_metrics(url).items()
        if name.startswith("finetune_advisor_assessments_total")
    )


def reload_results(url: str) -> dict[str, float]:
    """The numbers of reloads by result."""
    metrics = read_metrics(url)
    return {
        result: metrics[f'finetune_advisor_tree_reloads_total{{result="{result}"}}']
        for result in ("success", "failure")
    }


def processes_of(server: Server) -> list[int]:
    """The first process and its children."""
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def measure_memory(server: Server) -> float:
    """The proportional set sizes of all processes, in MB.

    Files aren't counted: their share depends on what other programs run from the same ones.
    """
    rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in processes_of(server)]
    sizes = re.findall(r"^Pss_(?:Anon|Shmem):\s+(\d+)", "".join(rollups), re.MULTILINE)
    return sum(map(int, sizes)) / 1000


def wait_until(condition: Callable[[], bool], seconds: float = CHANGE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def run(server: Server, folder: TreesFolder, good: int, bad: int, settling: float = 5) -> Findings:
    """Make so many good and broken changes under load, by turns and in all ways, and see what came of it.

    The folder holds `sound(0)`.
    """
    findings = Findings()
    digests = {version(0): loader.load_tree(folder.path / "tree.yaml").digest}
    clients = Clients(server.host, server.port)
    failures = 0
    with clients.asking():
        time.sleep(settling)
        findings.memory_before = measure_memory(server)
        ways = (folder.ways[number % len(folder.ways)] for number in count())
        for number in range(1, good + 1):
            if number * bad // good > (number - 1) * bad // good:
                text, message = broken(failures)
                next(ways)(text)
                failures += 1
                expected = float(failures)
                wait_until(lambda expected=expected: reload_results(server.url)["failure"] >= expected)
                assert message in server.log.read_text()
            next(ways)(sound(number))
            started = time.monotonic()
            if number % 5 == 0:
                for _ in range(STORM):
                    os.kill(server.process.pid, signal.SIGHUP)
            wait_until(lambda number=number: clients.has_seen(version(number)))
            findings.reload_seconds.append(time.monotonic() - started)
            digests[version(number)] = loader.load_tree(folder.path / "tree.yaml").digest
        time.sleep(settling)
        findings.memory_after = measure_memory(server)
    answers = clients.answers
    findings.answers, findings.lost = len(answers), clients.lost
    findings.side_by_side_seconds = clients.side_by_side()
    findings.strangers = [
        f"{answer.version} {answer.digest}"
        for answer in answers
        if digests[answer.version] != answer.digest
    ]
    findings.slowest = max(answer.answered - answer.asked for answer in answers)
    findings.counted = count_assessments(server.url)
    findings.results = reload_results(server.url)
    return findings
