"""Step up the load on two nodes with different settings of the scaler: `python -m tests.cluster.scaling`.

It takes some four minutes for each setting. It writes `bench/results/scaling.json` and
`docs/images/scaling.svg`.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from bench.tools import UnavailableError, vegeta

from tests.cluster import host
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


def by_requests(threshold: int, window: str) -> Candidate:
    """KEDA with the guide's trigger, another threshold, and the time that its rate is an average of."""
    return Candidate({"autoscaling": {"mode": "keda", "maxReplicas": MAX_PODS}}, threshold, window)


CANDIDATES = {
    "CPU, 70 % of 100m": by_cpu(70, "100m"),
    "CPU, 70 % of 250m": by_cpu(70, "250m"),
    "CPU, 50 % of 100m": by_cpu(50, "100m"),
    "200 requests/s, over 1 min": by_requests(200, "1m"),
    "200 requests/s, over 2 min": by_requests(200, "2m"),
}


def main() -> None:
    """Run every candidate, in a cluster that is started for them."""
    if "CLUSTER_NODES" in os.environ:
        run_candidates(Path(os.environ["CLUSTER_STATE"]), sys.argv[1:])
        return
    exit_on_signals()
    if not shutil.which("prometheus"):
        sys.exit("the scalers by requests need prometheus")
    try:
        host.require(NODES)
        vegeta()  # in the cluster, no module can be downloaded
        parts = Parts.build(NODES)
        with new_cluster(NODES) as cluster:
            cluster.start(parts)
            status = cluster.run([sys.executable, "-m", "tests.cluster.scaling", *sys.argv[1:]])
    except (UnavailableError, ClusterError) as error:
        sys.exit(str(error))
    sys.exit(status)


def run_candidates(folder: Path, names: list[str]) -> None:
    """Run the candidates with these names, or all, one after the other, and write what came of them."""
    courses = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in names or CANDIDATES:
        course = run_step(CANDIDATES[name], folder)
        courses[name] = course.as_json()
        shown = {key: value for key, value in courses[name].items() if not isinstance(value, dict)}
        print(name, shown, flush=True)
        RESULTS.write_text(json.dumps(courses) + "\n", encoding="utf-8")
        PICTURE.write_text(plot.render(courses), encoding="utf-8")


if __name__ == "__main__":
    main()
