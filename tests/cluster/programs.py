"""The programs of a cluster, built once by Go from the modules pinned in `programs/`.

Each folder there has a go.mod with versions and a go.sum with checksums. For another version, run there
`go get -tool PACKAGE@VERSION`. In `programs/kubernetes`, write the version into every line that has one, and
run `go mod tidy -e`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import tools

PINS = Path(__file__).parent / "programs"
BUILD_SECONDS = 3600
"""The longest time for one program. Kubernetes' API server takes five minutes on two idle cores."""


@dataclass(frozen=True)
class GoModule:
    """A folder of pins, and the packages of the programs that are built from it."""

    folder: str
    packages: Mapping[str, str]
    tags: str = ""

    def build(self) -> Path:
        """The folder that has the programs. Raises UnavailableError if one can't be built here."""
        return tools.built(self.folder, PINS / self.folder, ["go"], self._build_in, group="cluster")

    def _build_in(self, place: Path) -> None:
        flags = " ".join(["-s", "-w", *self._version_flags(place)])
        options = ["-mod=readonly", "-trimpath", f"-tags={self.tags}", f"-ldflags={flags}"]
        for program, package in self.packages.items():
            command = ["nice", "go", "build", *options, "-o", program, package]
            tools.run(command, place, seconds=BUILD_SECONDS)

    def _version_flags(self, place: Path) -> Iterable[str]:
        """What Kubernetes' own build tells its programs about their version, which clients compare."""
        kubernetes = re.search(
            r"k8s\.io/kubernetes v((\d+)\.(\d+)\.\d+)", (place / "go.mod").read_text()
        )
        if kubernetes:
            version, major, minor = kubernetes.groups()
            for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
                yield f"-X {package}.gitVersion=v{version}"
                yield f"-X {package}.gitMajor={major} -X {package}.gitMinor={minor}"


def _commands(repository: str, *names: str, prefix: str = "") -> dict[str, str]:
    return {prefix + name.rpartition("/")[2]: f"{repository}/{name}" for name in names}


CLIENTS = (
    GoModule("helm", {"helm": "helm.sh/helm/v4/cmd/helm"}),
    GoModule("helm-4.2.0", {"helm-4.2.0": "helm.sh/helm/v4/cmd/helm"}),
    GoModule("helm-4.1.4", {"helm-4.1.4": "helm.sh/helm/v4/cmd/helm"}),
    GoModule("helm-4.0.5", {"helm-4.0.5": "helm.sh/helm/v4/cmd/helm"}),
    GoModule("helm-4.0.4", {"helm-4.0.4": "helm.sh/helm/v4/cmd/helm"}),
    GoModule("helm-3.22.0", {"helm-3.22.0": "helm.sh/helm/v3/cmd/helm"}),
    GoModule("helm-3.21.4", {"helm-3.21.4": "helm.sh/helm/v3/cmd/helm"}),
)
CONTROL_PLANE = (
    GoModule("etcd", {"etcd": "go.etcd.io/etcd/server/v3"}),
    GoModule(
        "kubernetes",
        _commands(
            "k8s.io/kubernetes/cmd",
            "kubectl",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kubelet",
            "kube-proxy",
        ),
    ),
)
# Until 1.30, the API server has the libraries of clouds in it unless it is built without.
OLDEST = (
    GoModule(
        "kubernetes-oldest",
        {"kube-apiserver-oldest": "k8s.io/kubernetes/cmd/kube-apiserver"},
        tags="providerless",
    ),
)
"""What clusters without nodes have, too: the API server of the oldest version that the chart takes."""
NODE = (
    GoModule(
        "containerd",
        _commands(
            "github.com/containerd/containerd/v2/cmd", "containerd", "containerd-shim-runc-v2", "ctr"
        ),
    ),
    GoModule(
        "network-plugins",
        _commands(
            "github.com/containernetworking/plugins/plugins",
            "main/loopback",
            "main/ptp",
            "ipam/host-local",
            "meta/portmap",
        ),
    ),
    # Of its plugins, main.go has four: the others need the libraries of all clouds.
    GoModule("coredns", {"coredns": "."}),
    GoModule("registry", {"registry": "github.com/google/go-containerregistry/cmd/registry"}),
    GoModule("metrics-server", {"metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server"}),
    GoModule(
        "kube-router", {"kube-router": "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"}
    ),
    # Two of its programs have the libraries of all clouds in them, and so take five minutes.
    GoModule(
        "keda",
        _commands("github.com/kedacore/keda/v2/cmd", "operator", "adapter", "webhooks", prefix="keda-"),
    ),
)


def build(nodes: int) -> dict[str, Path]:
    """The programs that a cluster of so many nodes needs, by name. Raises UnavailableError."""
    modules = (*CLIENTS, *CONTROL_PLANE, *(NODE if nodes else OLDEST))
    places = [module.build() for module in modules]
    return {
        name: place / name
        for module, place in zip(modules, places, strict=True)
        for name in module.packages
    }


def link(programs: Mapping[str, Path], folder: Path) -> None:
    """Put all programs into one folder."""
    folder.mkdir()
    for name, path in programs.items():
        (folder / name).symlink_to(path)
