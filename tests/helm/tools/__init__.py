"""Tools that others wrote for charts, each built once at a pinned version into `.tools/`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from bench import tools

from tests.helm.chart import CHART, Manifest
from tests.tools import built

HERE = Path(__file__).parent
OPERATORS = [
    "github.com/kedacore/keda/v2/apis/eventing/v1alpha1",
    "github.com/kedacore/keda/v2/apis/keda/v1alpha1",
    "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1",
    "sigs.k8s.io/gateway-api/apis/v1",
]


def score(manifests: Path) -> list[str]:
    """What kube-score criticises in a file, but for hints: lines that start with how bad it is."""
    said = _run([_kube_score(), "score", "--output-format", "ci", manifests], expect=(0, 1))
    return [line for line in said.splitlines() if line.startswith(("[CRITICAL]", "[WARNING]"))]


def scan(folder: Path) -> set[tuple[str, str]]:
    """What checkov finds in a folder: file and check."""
    command: list[str | Path] = [
        _checkov(),
        "-m",
        "checkov.main",
        "--directory",
        folder,
        "--framework",
        "kubernetes",
        "--output",
        "json",
    ]
    said = json.loads(_run([*command, "--quiet", "--skip-download"], expect=(0, 1)))
    assert said["summary"]["parsing_errors"] == 0
    return {(Path(one["file_path"]).stem, one["check_id"]) for one in said["results"]["failed_checks"]}


def conform(texts: Path, schemas: Path) -> list[str]:
    """What kubeconform has against the files of a folder, by schemas of objects that lie in another."""
    location = f"{schemas}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    said = _run(
        [_kubeconform(), "-strict", "-output", "json", "-schema-location", location, texts],
        expect=(0, 1),
    )
    return [f"{one['kind']} {one['name']}: {one['msg']}" for one in json.loads(said)["resources"]]


def violations(pods: Iterable[Manifest]) -> list[list[str]]:
    """Why Kubernetes' own admission forbids each pod under the standard "restricted"."""
    found: list[list[str]] = json.loads(
        _run([_kubernetes() / "pod-security"], standard_input=json.dumps(list(pods)))
    )
    return found


@cache
def definitions() -> dict[str, Any]:
    """The schemas of the operators' resources by apiVersion and kind."""
    texts = [path.read_text(encoding="utf-8") for path in operator_definitions().glob("*.yaml")]
    crds = [yaml.load(text, yaml.CSafeLoader) for text in texts]
    return {
        f"{crd['spec']['group']}/{version['name']} {crd['spec']['names']['kind']}": version["schema"]
        for crd in crds
        for version in crd["spec"]["versions"]
    }


def operator_definitions() -> Path:
    """The folder with the definitions of the operators' resources, as an API server takes them."""
    return _kubernetes() / "crds"


def readme() -> str:
    """The chart's README as helm-docs makes it."""
    return _run([_helm_docs(), "--chart-search-root", CHART, "--sort-values-order", "file", "--dry-run"])


def _kube_score() -> Path:
    return _built("kube-score", ["go"], _go("github.com/zegl/kube-score/cmd/kube-score")) / "kube-score"


def _kubeconform() -> Path:
    package = "github.com/yannh/kubeconform/cmd/kubeconform"
    return _built("kubeconform", ["go"], _go(package)) / "kubeconform"


def _helm_docs() -> Path:
    return _built("helm-docs", ["go"], _go("github.com/norwoodj/helm-docs/cmd/helm-docs")) / "helm-docs"


def _checkov() -> Path:
    return _built("checkov", [], tools.in_venv) / "venv" / "bin" / "python"


def _kubernetes() -> Path:
    def build(at: Path) -> None:
        tools.go_build(at, ".")
        (at / "kubernetes").rename(at / "pod-security")
        tools.go_build(at, "sigs.k8s.io/controller-tools/cmd/controller-gen")
        paths = [f"paths={package}" for package in OPERATORS]
        tools.run(["./controller-gen", "crd:maxDescLen=0", *paths, "output:crd:dir=crds"], at)

    return _built("kubernetes", ["go"], build)


def _go(package: str) -> Callable[[Path], None]:
    return lambda at: tools.go_build(at, package)


def _built(name: str, needed: Sequence[str], build: Callable[[Path], None]) -> Path:
    return built(f"chart-{name}", HERE / name, needed, build)


def _run(
    command: Sequence[str | Path], *, standard_input: str = "", expect: Sequence[int] = (0,)
) -> str:
    done = subprocess.run(command, input=standard_input, capture_output=True, text=True, timeout=300)
    assert done.returncode in expect, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout
