"""The oldest Kubernetes that the chart takes: its API server, without controllers."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster.control_plane import api_server_command
from tests.cluster.examples import CLASSES
from tests.cluster.kubectl import apply_objects, create_namespace, list_objects, wait_until
from tests.cluster.layout import API_ADDRESS, Layout
from tests.cluster.release import Release, chart_under_test, example_values
from tests.helm import chart

PORT = 7443
PROGRAM = "kube-apiserver-oldest"
DEFAULT_ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An API server of the oldest version, for kubectl and Helm of this module. Its objects are apart."""
    layout = Layout.from_environment()
    own = ("--secure-port", str(PORT), "--etcd-prefix", "/oldest")
    folder = tmp_path_factory.mktemp("oldest")
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([*api_server_command(layout, PROGRAM), *own], stdout=log, stderr=log)
    config = json.loads(layout.admin.read_text(encoding="utf-8"))
    config["clusters"][0]["cluster"]["server"] = f"https://{API_ADDRESS}:{PORT}"
    (folder / "config").write_text(json.dumps(config), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(folder / "config"))
        try:
            wait_until("the server answers", lambda: list_objects("priorityclasses"), 60)
            apply_objects(*CLASSES)
            yield
        finally:
            server.terminate()
            server.wait()


def takes_no_operator(name: str) -> bool:
    """Whether an example has Kubernetes' own kinds alone, which is what this server knows."""
    groups = {one["apiVersion"].partition("/")[0] for one in chart.render(chart.case(name))}
    return not groups & {"keda.sh", "monitoring.coreos.com", "gateway.networking.k8s.io"}


@pytest.fixture(scope="module", params=[name for name in chart.cases() if takes_no_operator(name)])
def installed(request: pytest.FixtureRequest, oldest: None) -> tuple[Release, str]:
    """A release of each example in turn, and what Helm warned of."""
    values = example_values(request.param)
    namespace = create_namespace(request.param)  # stays, as no controller would empty it
    release = Release(namespace, full_name=values.get("fullnameOverride", "advisor-finetune-advisor"))
    apply_objects(DEFAULT_ACCOUNT, namespace=namespace)  # which a controller would make
    return release, release.upgrade(values, wait=False).stderr


def test_the_pinned_version_is_the_oldest() -> None:
    """deploy.md: "needs Kubernetes 1.25 or newer": the pinned version is a 1.25."""
    pins = Path(__file__).parents[1] / "programs" / "kubernetes-oldest" / "go.mod"
    about = yaml.safe_load((chart_under_test() / "Chart.yaml").read_text(encoding="utf-8"))
    [pinned] = re.findall(r"k8s\.io/kubernetes v(1\.\d+)\.", pins.read_text(encoding="utf-8"))
    assert about["kubeVersion"] == f">={pinned}.0-0"


def test_it_takes_an_example_without_a_warning(installed: tuple[Release, str]) -> None:
    """deploy.md: "needs Kubernetes 1.25 or newer": its API server takes every object."""
    _, warnings = installed
    assert "" == warnings


def test_it_admits_the_pods(installed: tuple[Release, str]) -> None:
    """deploy.md: "By default pods meet Pod Security's 'restricted' standard", as it was then."""
    release, _ = installed
    template = release.get_deployment()["spec"]["template"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": template["metadata"] | {"name": "a"},
        "spec": template["spec"],
    }
    said = release.kubectl("create", "--dry-run=server", "--filename", "-", stdin=json.dumps(pod))
    assert ("pod/a created (server dry run)\n", "") == (said.stdout, said.stderr)
