"""What a cluster's namespaces contain before its first program starts: mounts, control groups, a network."""

from __future__ import annotations

from pathlib import Path

from tests.cluster import control_groups
from tests.cluster.kubectl import run_command
from tests.cluster.layout import NOWHERE, Layout, Node


def prepare(layout: Layout) -> None:
    """Prepare the namespaces that this process was started in."""
    run_command("mount", "--make-rprivate", "/")
    run_command("hostname", "cluster")
    _mount_control_groups(layout)
    # The kubelet finds sizes of huge pages here, and asks for their control group, which some machines lack.
    # In an empty folder it finds none.
    if Path("/sys/kernel/mm/hugepages").exists():
        run_command("mount", "-t", "tmpfs", "tmpfs", "/sys/kernel/mm/hugepages")
    run_command("mount", "-t", "tmpfs", "tmpfs", "/run")
    Path("/run/netns").mkdir()
    _prepare_network(layout)


def _mount_control_groups(layout: Layout) -> None:
    """Mount the hierarchies anew, so that the root of each is the group of the cluster."""
    if not control_groups.is_version_2():
        _mount_hierarchies()
    elif layout.nodes:
        run_command("umount", "--recursive", str(control_groups.MOUNTED))
        run_command("mount", "-t", "cgroup2", "cgroup2", str(control_groups.MOUNTED))
        control_groups.enable_below(control_groups.MOUNTED)


def _mount_hierarchies() -> None:
    """Mount those of version 1."""
    hierarchies = [*control_groups.own_groups()]
    if not hierarchies:
        return
    named = {line.split(":")[1] for line in Path("/proc/self/cgroup").read_text().splitlines()}
    run_command("umount", "--recursive", str(control_groups.MOUNTED))
    run_command("mount", "-t", "tmpfs", "tmpfs", str(control_groups.MOUNTED))
    for name in hierarchies:
        place = control_groups.MOUNTED / name
        place.mkdir()
        options = f"none,name={name}" if f"name={name}" in named else name
        run_command("mount", "-t", "cgroup", "-o", options, "cgroup", str(place))
    # New groups begin with the processors of their parents, without which they could take no process.
    (control_groups.MOUNTED / "cpuset" / "cgroup.clone_children").write_text("1")


def _prepare_network(layout: Layout) -> None:
    """An interface with the addresses of all nodes, of which the API server has the first."""
    run_command("ip", "link", "set", "lo", "up")
    run_command("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "uplink")
    run_command("ip", "link", "set", "eth0", "up")
    run_command("ip", "link", "set", "uplink", "up")
    for node in layout.list_of_nodes or [Node(1)]:
        run_command("ip", "address", "add", f"{node.address}/24", "dev", "eth0")
    # Kubelets and kube-proxy want a default route.
    run_command("ip", "route", "add", "default", "via", NOWHERE)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
