"""Break the chart in one way after the other, and see that a named test fails each time.

Run it in a cluster: `python -m tests.cluster.seeded_faults [NAME]...`. Each fault is put into a copy of the
chart, which CLUSTER_CHART names. The test has to pass with the chart itself first.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from tests.cluster.layout import FOLDERS
from tests.conftest import ROOT

CHART = ROOT / "helm" / "finetune-advisor"
WAIT_SECONDS = "90"
"""How long Helm waits for pods: enough for those that come, and little for those that don't."""
PASSED, FAILED = 0, 1


@dataclass(frozen=True)
class Fault:
    """One change of a file, the test that has to fail, what it has to say, and the nodes that it needs."""

    name: str
    file: str
    old: str
    new: str
    test: str
    reason: str
    nodes: int = 1


FAULTS = [
    Fault(
        "liveness probe on the API's port",
        "templates/deployment.yaml",
        "livenessProbe:\n            httpGet: {path: /healthz, port: metrics}",
        "livenessProbe:\n            httpGet: {path: /healthz, port: http}",
        "test_install.py::test_probes_never_fail_once_a_pod_has_started",
        "Liveness probe failed",
    ),
    Fault(
        "readiness probe on a path that isn't there",
        "templates/deployment.yaml",
        "readinessProbe:\n            httpGet: {path: /readyz, port: metrics}",
        "readinessProbe:\n            httpGet: {path: /ready, port: metrics}",
        "test_install.py::test_wait_ends_when_two_pods_are_ready",
        "not ready",
    ),
    Fault(
        "drain seconds that don't reach the pods",
        "templates/_container.tpl",
        "{{- range $name, $value := .Values.settings }}",
        '{{- range $name, $value := omit .Values.settings "drainSeconds" }}',
        "test_drain.py::test_drain_seconds_tell_those_who_only_ask_for_readiness",
        "[200, 503] ==",
    ),
    Fault(
        "a capability is kept",
        "values.yaml",
        "capabilities: {drop: [ALL]}",
        "capabilities: {}",
        "test_install.py::test_wait_ends_when_two_pods_are_ready",
        "PodSecurity",
    ),
    Fault(
        "no seccomp profile",
        "values.yaml",
        "  seccompProfile: {type: RuntimeDefault}\n",
        "",
        "test_install.py::test_helm_and_the_api_server_warn_of_nothing",
        "PodSecurity",
    ),
    Fault(
        "a writable root filesystem",
        "values.yaml",
        "readOnlyRootFilesystem: true",
        "readOnlyRootFilesystem: false",
        "test_pod_rights.py::test_the_root_filesystem_is_read_only",
        "Read-only file system",
    ),
    Fault(
        "a mounted token",
        "templates/_container.tpl",
        "automountServiceAccountToken: false",
        "automountServiceAccountToken: true",
        "test_pod_rights.py::test_there_is_no_token",
        "assert 0",
    ),
    Fault(
        "a policy that lets all in",
        "templates/networkpolicy.yaml",
        "  ingress:\n",
        "  ingress:\n    - {}\n",
        "test_network_policy.py::test_named_senders_alone_get_in",
        "(True, False) == (True, True)",
    ),
    Fault(
        "a policy that lets all out",
        "templates/networkpolicy.yaml",
        "policyTypes: [Ingress, Egress]",
        "policyTypes: [Ingress]",
        "test_network_policy.py::test_pods_connect_to_nobody",
        "assert not True",
    ),
    Fault(
        "helm test asks once",
        "templates/tests/ports.yaml",
        "attempts=10",
        "attempts=1",
        "test_network_policy.py::test_helm_test_passes_where_senders_are_named",
        "HELM_TESTS == passed",
    ),
    Fault(
        "a preStop of 0",
        "templates/deployment.yaml",
        "{{- if .Values.drain.preStopSeconds }}",
        "{{- if false }}",
        "test_drain.py::test_a_pod_that_ends_answers_during_the_pause",
        "answered_until",
    ),
    Fault(
        "an old pod goes before a new one has come",
        "templates/deployment.yaml",
        "{maxUnavailable: 0, maxSurge: 1}",
        "{maxUnavailable: 1, maxSurge: 0}",
        "test_upgrade.py::test_two_pods_are_ready_at_any_time",
        "min(ready) >= 2",
    ),
    Fault(
        "settings that don't reach the pods",
        "templates/_container.tpl",
        "{{- range $name, $value := .Values.settings }}",
        '{{- range $name, $value := omit .Values.settings "maxBatch" }}',
        "test_upgrade.py::test_what_pods_contain_replaces_them[setting]",
        "after != before",
    ),
    Fault(
        "an init container that passes a broken tree",
        "templates/deployment.yaml",
        "args: [tree, check]",
        "args: [tree, check, --help]",
        "test_trees.py::test_the_log_of_check_trees_names_file_line_and_remedy",
        "no branch takes",
    ),
    Fault(
        "a hash that isn't the trees'",
        "templates/_trees.tpl",
        "toJson .Values.trees.documents | sha256sum",
        'toJson "always" | sha256sum',
        "test_trees.py::test_a_changed_tree_is_another_config_map_and_replaces_pods",
        "immutable",
    ),
    Fault(
        "trees that go with their release",
        "templates/trees-configmap.yaml",
        "helm.sh/resource-policy: keep",
        "example.com/note: none",
        "test_trees.py::test_an_uninstallation_leaves_trees",
        "{kept} == tree_config_maps(release)",
    ),
    Fault(
        "metrics on the public Service",
        "templates/service.yaml",
        "targetPort: http",
        "targetPort: metrics",
        "test_install.py::test_the_service_answers_on_port_80",
        "200 == 404",
    ),
    Fault(
        "notes that forward a wrong port",
        "templates/NOTES.txt",
        "8080:{{ .Values.service.port }}",
        "8081:{{ .Values.service.port }}",
        "test_install.py::test_the_notes_lead_to_an_answer",
        "an answer at the forwarded port",
    ),
    Fault(
        "nothing spreads pods",
        "templates/deployment.yaml",
        '{{- include "finetune-advisor.spreading" . | nindent 6 }}',
        "",
        "test_spreading.py::test_pods_run_on_different_nodes_if_one_is_disliked",
        "list_nodes() == nodes_of",
        nodes=2,
    ),
    Fault(
        "no disruption budget",
        "templates/poddisruptionbudget.yaml",
        "{{- if .enabled }}",
        "{{- if false }}",
        "test_disruptions.py::test_one_pod_may_be_evicted_and_the_second_not_yet",
        "disruption budget",
        nodes=2,
    ),
]


@contextmanager
def broken_chart(fault: Fault) -> Iterator[Path]:
    """A copy of the chart with a fault. Raises ValueError if the place of the fault isn't there."""
    with tempfile.TemporaryDirectory(prefix="broken-chart-") as folder:
        chart = Path(folder) / "finetune-advisor"
        shutil.copytree(CHART, chart)
        path = chart / fault.file
        text = path.read_text(encoding="utf-8")
        if fault.old not in text:
            raise ValueError(f"{fault.name}: {fault.file} has no {fault.old!r}")
        path.write_text(text.replace(fault.old, fault.new), encoding="utf-8")
        yield chart


def run_test(fault: Fault, chart: Path) -> subprocess.CompletedProcess[str]:
    """pytest's result for the fault's test with a chart."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "--no-header",
        "--tb=short",
        "-p",
        "no:cacheprovider",
    ]
    environment = os.environ | {"CLUSTER_CHART": str(chart), "CLUSTER_WAIT_SECONDS": WAIT_SECONDS}
    test = f"{ROOT}/tests/cluster/{FOLDERS[fault.nodes]}/{fault.test}"
    return subprocess.run([*command, test], cwd=ROOT, env=environment, capture_output=True, text=True)


def try_fault(fault: Fault, *, control: bool) -> bool:
    """Whether a fault is noticed; prints what became of it."""
    problem = find_problem(fault, control=control)
    print(f"{fault.name}: {fault.test} {problem or 'notices it'}", flush=True)
    return not problem


def find_problem(fault: Fault, *, control: bool) -> str:
    """What is wrong with the fault's test: nothing ("") if it fails with the fault, and only with that."""
    if control and run_test(fault, CHART).returncode != PASSED:
        return "fails without the fault, too"
    with broken_chart(fault) as chart:
        done = run_test(fault, chart)
    if done.returncode != FAILED:
        return f"doesn't fail: exit code {done.returncode}"
    return "" if fault.reason in done.stdout else f"fails for another reason:\n{done.stdout[-2000:]}"


@click.command()
@click.option("--jobs", default=1, show_default=True, help="How many faults to try at once.")
@click.option(
    "--control/--no-control", default=True, help="Whether each test has to pass without the fault first."
)
@click.argument("names", nargs=-1)
def main(names: tuple[str, ...], jobs: int, control: bool) -> None:
    """Try the faults that this cluster can show, or those that are named."""
    nodes = int(os.environ["CLUSTER_NODES"])
    possible = {fault.name: fault for fault in FAULTS if fault.nodes == nodes}
    if not possible:
        raise click.UsageError(f"no fault is for a cluster of {nodes} nodes")
    if unknown := [name for name in names if name not in possible]:
        known = "; ".join(possible)
        raise click.UsageError(f"a cluster of {nodes} nodes has no fault {unknown[0]!r}, but: {known}")
    chosen = [possible[name] for name in names or possible]
    with ThreadPoolExecutor(jobs) as pool:
        found = list(pool.map(partial(try_fault, control=control), chosen))
    print(f"{sum(found)} of {len(chosen)} faults are noticed")
    sys.exit(sum(found) < len(chosen))


if __name__ == "__main__":
    main()
