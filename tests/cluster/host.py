"""What the machine must have: root, Linux, programs, which Debian's packages bring, and the kernel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.tools import UnavailableError

from tests.cluster import control_groups, namespaces

PACKAGES = {"openssl": "openssl", "ip": "iproute2", "unshare": "util-linux", "mount": "mount"}
"""The packages of Debian that have the programs of every cluster."""
NODE_PACKAGES = {
    "gcc": "gcc",
    "buildah": "buildah",
    "mmdebstrap": "mmdebstrap",
    "runc": "runc",
    "iptables": "iptables",
    "ipset": "ipset",
    "conntrack": "conntrack",
    "nginx": "nginx-light",
    "prometheus": "prometheus",
}
TRIALS = {
    "namespaces": "true",
    "veth interfaces": "ip link add eth0 type veth peer name uplink",
}
NODE_TRIALS = {
    "iptables": "iptables --table nat --list > /dev/null",
    "overlayfs": "mount -t tmpfs tmpfs /mnt && cd /mnt && mkdir lower upper work merged"
    " && mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged",
}
POLICY = Path("/usr/sbin/policy-rc.d")


def require(nodes: int) -> None:
    """See that a cluster of so many nodes can run here. Raises UnavailableError with all that is missing."""
    if sys.platform != "linux":
        raise UnavailableError(f"a cluster needs Linux, and this is {sys.platform}")
    if os.geteuid() != 0:
        raise UnavailableError("a cluster needs root, for namespaces and mounts")
    if missing := [*_missing_programs(nodes)]:
        raise UnavailableError(f"a cluster of {nodes} nodes needs {', '.join(missing)}")
    if lacking := [*_lacking_features(nodes)]:
        raise UnavailableError(f"a cluster of {nodes} nodes needs {', '.join(lacking)} of the kernel")


def _missing_programs(nodes: int) -> Iterable[str]:
    """What isn't installed, and can't be. Go has to be here already."""
    wanted = PACKAGES | (NODE_PACKAGES if nodes else {})
    packages = [package for program, package in wanted.items() if not shutil.which(program)]
    if nodes and not Path("/usr/include/stdlib.h").exists():
        packages.append("libc6-dev")
    if packages and shutil.which("apt-get"):
        with nothing_starts():
            _install(packages)
    return [program for program in ("go", *wanted) if not shutil.which(program)]


def _install(packages: list[str]) -> None:
    """Install packages of Debian. What fails here is found missing after it."""
    print(f"installing {' '.join(packages)}", file=sys.stderr, flush=True)
    apt = ["apt-get", "-o", "Acquire::Retries=3", "-qq"]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*apt, "update"], env=environment, check=False)
    command = [*apt, "install", "--yes", "--no-install-recommends", *packages]
    subprocess.run(
        [*command, "--download-only"], env=environment, check=False, stdout=subprocess.DEVNULL
    )
    with namespaces.uninterrupted():  # packages that are half installed would stay so
        subprocess.run(command, env=environment, check=False, stdout=subprocess.DEVNULL)


@contextmanager
def nothing_starts() -> Iterator[None]:
    """Keep packages that are installed meanwhile from starting their services."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def _lacking_features(nodes: int) -> Iterable[str]:
    """What the kernel doesn't have, or doesn't let root have here."""
    for feature, trial in (TRIALS | (NODE_TRIALS if nodes else {})).items():
        done = subprocess.run([*namespaces.CREATE, "sh", "-c", trial], capture_output=True, text=True)
        if done.returncode:
            yield f"{feature} ({done.stderr.strip()[-200:]})"
    if nodes and (missing := control_groups.prepare_for_nodes()):
        yield f"control groups ({missing})"
