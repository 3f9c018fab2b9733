"""A step of load on a release that scales itself, seen second by second. Runs in the cluster."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

import requests
from bench.tools import vegeta

from tests.cluster.autoscaling import METRICS_SECONDS, current_metrics
from tests.cluster.keda import guide_trigger, running_keda
from tests.cluster.kubectl import temporary_namespace, wait_until
from tests.cluster.layout import Layout
from tests.cluster.operators import install_definitions
from tests.cluster.prometheus_pod import label_namespaces, scrape_by_name, start_prometheus
from tests.cluster.release import Release, merge_values, temporary_release

LOW_RATE, HIGH_RATE = 100, 1500
LOW_SECONDS, HIGH_SECONDS = 40, 200
STEADY_SECONDS = 30
"""How long the number of wanted pods stays as it is at the end of a run that has settled."""
MAX_UNSEEN_SECONDS = 10
"""How long the API server may leave the watch of the pods without an answer."""
SLOW_MS = 100
"""An answer that takes longer counts as slow."""
PIECE_SECONDS = 2
TIMEOUT_SECONDS = 30
WORKERS = 256
"""Requests of a piece that may be under way at once. Any others are never sent, which is reported."""
BODY = {"profile": {}, "tree_version": "1.0.0"}


@dataclass
class Second:
    """What came back of the requests that were sent in a second."""

    latencies: list[float] = field(default_factory=list)
    lost: int = 0

    @property
    def p99_ms(self) -> float:
        """The 99th percentile of the latencies, in milliseconds. A lost request counts as TIMEOUT_SECONDS."""
        ordered = sorted([*self.latencies, *[float(TIMEOUT_SECONDS)] * self.lost])
        return round(ordered[ceil(len(ordered) * 0.99) - 1] * 1000, 1) if ordered else 0.0


@dataclass
class Course:
    """A run: the pods that were wanted and ready by second of the run, and what came back."""

    wanted_pods: dict[int, int] = field(default_factory=dict)
    ready_pods: dict[int, int] = field(default_factory=dict)
    seconds: dict[int, Second] = field(default_factory=lambda: defaultdict(Second))
    errors: set[str] = field(default_factory=set)

    @property
    def sent(self) -> int:
        return sum(len(one.latencies) + one.lost for one in self.seconds.values())

    @property
    def lost(self) -> int:
        return sum(one.lost for one in self.seconds.values())

    @property
    def unsent(self) -> int:
        """Requests that the load generator didn't send, because too many others had no answer yet."""
        return LOW_RATE * LOW_SECONDS + HIGH_RATE * HIGH_SECONDS - self.sent

    @property
    def pods(self) -> int:
        """The number of pods that were wanted at the end."""
        return self.wanted_pods[max(self.wanted_pods)]

    @property
    def settled_after(self) -> int | None:
        """Seconds from the step of load until the scaler wanted the last number of pods and all were ready.

        None if the run ended soon after, so that it might have changed the number again.
        """
        steps = pairwise(sorted(self.wanted_pods.items()))
        changed = max((now for (_, before), (now, pods) in steps if pods != before), default=0)
        ready = [now for now, pods in self.ready_pods.items() if now >= changed and pods >= self.pods]
        if not ready or min(ready) > LOW_SECONDS + HIGH_SECONDS - STEADY_SECONDS:
            return None
        return max(0, min(ready) - LOW_SECONDS)

    @property
    def slow_seconds(self) -> int:
        """Seconds after the step of load in which more than one of a hundred answers was slow."""
        high = range(LOW_SECONDS, LOW_SECONDS + HIGH_SECONDS)
        return sum(one.p99_ms > SLOW_MS for second, one in self.seconds.items() if second in high)

    @property
    def unseen_seconds(self) -> int:
        """The longest time between two looks at the pods."""
        looks = [0, *sorted(self.wanted_pods), LOW_SECONDS + HIGH_SECONDS]
        return max(later - earlier for earlier, later in pairwise(looks))

    def as_json(self) -> dict[str, Any]:
        """All of it, for a plot."""
        return {
            "sent": self.sent,
            "lost": self.lost,
            "unsent": self.unsent,
            "errors": sorted(self.errors),
            "settled_after": self.settled_after,
            "slow_seconds": self.slow_seconds,
            "pods": self.pods,
            "wanted_pods": self.wanted_pods,
            "ready_pods": self.ready_pods,
            "p99_ms": {now: one.p99_ms for now, one in sorted(self.seconds.items())},
        }


@dataclass(frozen=True)
class Candidate:
    """Values with a scaler. KEDA has a threshold for each pod, and a window for the rate of requests, which
    are counted anew by a scrape after each interval.
    """

    values: Mapping[str, Any]
    threshold: int = 0
    window: str = ""
    interval: str = ""


def run_step(candidate: Candidate, folder: Path) -> Course:
    """Install a release with a scaler, step up its load, and see what came of it."""
    course = Course()
    with temporary_release("scaling") as release, _completed(candidate, release, folder) as values:
        release.upgrade(values)
        wait_until("the scaler knows the pods' use", lambda: current_metrics(release), METRICS_SECONDS)
        release.wait_for_pods(2)
        targets = write_targets(folder / "targets", release.url("/assess"))
        started = time.time()
        with _watching_pods(release, course, started):
            low = attack(targets, LOW_RATE, LOW_SECONDS, folder)
            high = attack(targets, HIGH_RATE, HIGH_SECONDS, folder)
        for results in (*low, *high):
            read_results(results, started, course)
    if course.unseen_seconds > MAX_UNSEEN_SECONDS:
        raise RuntimeError(f"nobody saw the pods for {course.unseen_seconds} s")
    return course


@contextmanager
def _completed(candidate: Candidate, release: Release, folder: Path) -> Iterator[Mapping[str, Any]]:
    """The values of a candidate. For KEDA, it runs meanwhile, with a Prometheus that its trigger asks."""
    if not candidate.threshold:
        yield candidate.values
        return
    install_definitions()
    scrape = {
        **label_namespaces(scrape_by_name(release)),
        "scrape_interval": candidate.interval,
        "scrape_timeout": "10s",
    }
    keys = Path(tempfile.mkdtemp(dir=folder)) / "keys"
    with (
        running_keda(Layout.from_environment(), keys),
        temporary_namespace("monitoring", restricted=False) as namespace,
    ):
        prometheus = start_prometheus(namespace, (scrape, {"groups": []}))
        trigger = guide_trigger(release, prometheus, str(candidate.threshold))
        query, windows = re.subn(r"\[\w+\]", f"[{candidate.window}]", trigger["metadata"]["query"])
        assert windows == 1, "the guide's query has a window"
        trigger["metadata"]["query"] = query
        yield merge_values(candidate.values, {"autoscaling": {"keda": {"triggers": [trigger]}}})


def write_targets(path: Path, url: str) -> Path:
    """A file with the one request that vegeta repeats."""
    body = base64.b64encode(json.dumps(BODY).encode()).decode()
    header = {"Content-Type": ["application/json"]}
    target = {"method": "POST", "url": url, "header": header, "body": body}
    path.write_text(json.dumps(target) + "\n", encoding="utf-8")  # vegeta wants whole lines
    return path


def attack(targets: Path, rate: int, seconds: int, folder: Path) -> list[Path]:
    """Send requests at a fixed rate, and give the files with what came back.

    Every PIECE_SECONDS the connections are new ones, as with many callers, so that new pods get their share.
    """
    started = time.monotonic()
    pieces = []
    for number in range(seconds // PIECE_SECONDS):
        time.sleep(max(0.0, started + number * PIECE_SECONDS - time.monotonic()))
        results = folder / f"{rate}-{number}.bin"
        command = [
            *(str(vegeta()), "attack", "-format=json", f"-targets={targets}", f"-rate={rate}/s"),
            *(f"-duration={PIECE_SECONDS}s", f"-workers={WORKERS}", f"-max-workers={WORKERS}"),
            *("-max-body=0", f"-timeout={TIMEOUT_SECONDS}s", f"-output={results}"),
        ]
        pieces.append((subprocess.Popen(command), results))
    for piece, _ in pieces:
        assert piece.wait(PIECE_SECONDS + 2 * TIMEOUT_SECONDS) == 0, piece.args
    return [results for _, results in pieces]


def read_results(results: Path, started: float, course: Course) -> None:
    """Sort what came back into the seconds in which it was asked."""
    encode = [str(vegeta()), "encode", "-to=csv", str(results)]
    lines = subprocess.run(encode, check=True, capture_output=True, text=True).stdout.splitlines()
    for line in lines:
        asked, status, latency, _, _, error, *_ = line.split(",")
        second = course.seconds[int(int(asked) / 1e9 - started)]
        if status == "200":
            second.latencies.append(int(latency) / 1e9)
        else:
            second.lost += 1
            course.errors.add(error or status)


@contextmanager
def _watching_pods(release: Release, course: Course, started: float) -> Iterator[None]:
    """Note the numbers of pods each second, by a proxy to the API server: kubectl takes a tenth of a core."""
    proxy = subprocess.Popen(["kubectl", "proxy", "--port=0"], stdout=subprocess.PIPE, text=True)
    assert proxy.stdout
    address = proxy.stdout.readline().rsplit(" ", 1)[-1].strip()
    path = f"apis/apps/v1/namespaces/{release.namespace}/deployments/{release.full_name}"
    stopped = threading.Event()

    def watch() -> None:
        with requests.Session() as session:
            session.trust_env = False
            while not stopped.wait(1):
                try:
                    answer = session.get(f"http://{address}/{path}", timeout=5)
                    answer.raise_for_status()
                except requests.RequestException:  # the API server may be slow for a moment
                    continue
                found, now = answer.json(), int(time.time() - started)
                course.wanted_pods[now] = found["spec"]["replicas"]
                course.ready_pods[now] = found["status"].get("readyReplicas", 0)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
        proxy.terminate()
        proxy.wait()
