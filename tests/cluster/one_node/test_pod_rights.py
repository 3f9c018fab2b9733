"""What a pod of the release may do, as the kernel says it: docs/deploy.md, "Harden"."""

from __future__ import annotations

import pytest

from tests.cluster.kubectl import Manifest, wait_until
from tests.cluster.release import Release

SECCOMP_FILTER = "2"


@pytest.fixture(scope="module")
def pod(installed: Release) -> Manifest:
    """One of the default release's pods."""
    return installed.ready_pods()[0]


@pytest.fixture(scope="module")
def process(installed: Release, pod: Manifest) -> dict[str, str]:
    """The kernel's status of the pod's first process."""
    lines = installed.execute(pod, "cat", "/proc/1/status").stdout.splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def test_the_user_is_not_root(process: dict[str, str]) -> None:
    """deploy.md: "a numeric user that isn't root": real, effective, saved and file system's user, and
    the group.
    """
    assert {"10001"} == {*process["Uid"].split(), *process["Gid"].split()}


@pytest.mark.parametrize("kind", ["CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"])
def test_there_is_no_capability(process: dict[str, str], kind: str) -> None:
    """deploy.md: "no capability", not even one to gain."""
    assert 0 == int(process[kind], 16)


def test_no_process_gains_privileges(process: dict[str, str]) -> None:
    """deploy.md: "no escalation"."""
    assert "1" == process["NoNewPrivs"]


def test_system_calls_are_filtered(process: dict[str, str]) -> None:
    """deploy.md: "pods meet Pod Security's "restricted" standard": the container runtime's seccomp
    profile is on.
    """
    assert SECCOMP_FILTER == process["Seccomp"]


@pytest.mark.parametrize("path", ["/opt/finetune-advisor/x", "/etc/x", "/x", "/var/tmp/x"])
def test_the_root_filesystem_is_read_only(installed: Release, pod: Manifest, path: str) -> None:
    """deploy.md: "a read-only root filesystem"."""
    assert "Read-only file system" in installed.execute(pod, "touch", path, must_succeed=False).stderr


def test_temporary_files_have_a_place_in_memory(installed: Release, pod: Manifest) -> None:
    """values.yaml: "Size limit of /tmp, which is in memory"."""
    installed.execute(pod, "touch", "/tmp/x")
    mounts = installed.execute(pod, "cat", "/proc/mounts").stdout.splitlines()
    assert ["tmpfs"] == [line.split()[2] for line in mounts if line.split()[1] == "/tmp"]


def test_there_is_no_token(installed: Release, pod: Manifest) -> None:
    """deploy.md: "no token": nothing that speaks to the API server."""
    assert installed.execute(pod, "ls", "/var/run/secrets/kubernetes.io", must_succeed=False).returncode


def test_services_of_the_namespace_are_not_in_the_environment(installed: Release, pod: Manifest) -> None:
    """operations.md: "Kubernetes sets variables in each pod for each Service": the chart turns that
    off.
    """
    names = [line.partition("=")[0] for line in installed.execute(pod, "env").stdout.splitlines()]
    assert [] == [
        name for name in names if name.endswith("_SERVICE_HOST") and not name.startswith("KUBERNETES")
    ]


def test_a_pod_without_these_rights_is_refused_here(release: Release) -> None:
    """deploy.md: "By default pods meet Pod Security's "restricted" standard": the namespace does
    enforce it.
    """
    release.upgrade({"podSecurityContext": {"runAsNonRoot": False, "runAsUser": 0}}, wait=False)

    def is_refused() -> bool:
        return "violates PodSecurity" in release.kubectl("describe", "replicasets").stdout

    wait_until("the API server refuses the pods", is_refused, 30)
    assert [] == release.list_pods()
