"""Step up the load on two nodes with different settings of the scaler: `python -m tests.cluster.scaling`.

It takes some five minutes for each setting. It writes `bench/results/scaling.json` and
`docs/images/scaling.svg`.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

import click
from bench.tools import UnavailableError, vegeta

from tests.cluster import host
from tests.cluster.layout import Layout
from tests.cluster.namespaces import exit_on_signals
from tests.cluster.running import ClusterError, Parts, new_cluster
from tests.cluster.scaling import plot
from tests.cluster.scaling.load_step import Candidate, run_step
from tests.conftest import ROOT

NODES = 2
MAX_PODS = 20
RESULTS = ROOT / "bench" / "results" / "scaling.json"
PICTURE = ROOT / "docs" / "images" / "scaling.svg"


def by_cpu(target: int, requests: str) -> Candidate:
    """An HPA with a target of CPU use, as a percentage of the request of CPU."""
    values = {
        "autoscaling": {
            "mode": "hpa",
            "maxReplicas": MAX_PODS,
            "hpa": {"targetCPUUtilization": target},
        },
        "resources": {"requests": {"cpu": requests}},
    }
    return Candidate(values)


def by_requests(threshold: int, window: str, interval: str) -> Candidate:
    """KEDA with the guide's trigger, another threshold, the time that its rate is an average of, and the time
    between scrapes.
    """
    values = {"autoscaling": {"mode": "keda", "maxReplicas": MAX_PODS}}
    return Candidate(values, threshold, window, interval)


CANDIDATES = {
    "CPU, 50 % of 100m": by_cpu(50, "100m"),
    "CPU, 70 % of 100m": by_cpu(70, "100m"),
    "CPU, 175 % of 100m": by_cpu(175, "100m"),
    "CPU, 70 % of 250m": by_cpu(70, "250m"),
    "200 requests/s, over 1 min": by_requests(200, "1m", "15s"),
    "200 requests/s, over 2 min": by_requests(200, "2m", "30s"),
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(CANDIDATES)))
def main(names: tuple[str, ...]) -> None:
    """Step up the load on candidates, or on those with NAMES, in a cluster that is started for them."""
    if "CLUSTER_NODES" in os.environ:
        layout = Layout.from_environment()
        if layout.nodes != NODES:
            raise click.UsageError(f"it needs a cluster of {NODES} nodes")
        sys.exit(run_candidates(layout.state, names or tuple(CANDIDATES)))
    exit_on_signals()
    try:
        host.require(NODES)
        vegeta()  # in the cluster, no module can be downloaded
        parts = Parts.build(NODES)
        with new_cluster(NODES) as cluster:
            cluster.start(parts)
            status = cluster.run([sys.executable, "-m", "tests.cluster.scaling", *names])
            if status:
                cluster.keep_logs("scaling")
    except (UnavailableError, ClusterError) as error:
        sys.exit(str(error))
    sys.exit(status)


def run_candidates(folder: Path, names: tuple[str, ...]) -> int:
    """Run candidates one after the other, and write what came of them. Returns 1 if one failed."""
    courses = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    status = 0
    for name in names:
        courses.pop(name, None)
        try:
            course = run_step(CANDIDATES[name], folder).as_json()
        except Exception:  # noqa: BLE001  # the others may do better
            print(name, traceback.format_exc(), file=sys.stderr, flush=True)
            status = 1
        else:
            courses[name] = course
            figures = {key: value for key, value in course.items() if not isinstance(value, dict)}
            print(name, figures, flush=True)
        write_results({name: courses[name] for name in CANDIDATES if name in courses})
    return status


def write_results(courses: plot.Courses) -> None:
    """Write the results, and their plot if there are any."""
    RESULTS.write_text(json.dumps(courses) + "\n", encoding="utf-8")
    if courses:
        PICTURE.write_text(plot.render(courses), encoding="utf-8")


if __name__ == "__main__":
    main()
