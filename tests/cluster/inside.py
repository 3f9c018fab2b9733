"""The first process of a cluster's namespaces: starts its programs, says so, and reaps what they leave.

Usage: `python -m tests.cluster.inside DESCRIPTOR`, to which it writes as soon as the cluster is up.
"""

from __future__ import annotations

import os
import sys
from functools import partial

from tests.cluster import add_ons, control_plane, node, sandbox
from tests.cluster.daemons import DaemonError, Daemons, succeeds
from tests.cluster.kubectl import CommandError, run_command
from tests.cluster.layout import Layout


def start(layout: Layout) -> Daemons:
    """Start everything, and wait until it is ready."""
    sandbox.prepare(layout)
    daemons = Daemons(layout.logs)
    control_plane.start(layout, daemons)
    if layout.nodes:
        start_nodes(layout, daemons)
    return daemons


def start_nodes(layout: Layout, daemons: Daemons) -> None:
    """Start the nodes, and what they need."""
    add_ons.start_registry(daemons)
    node.write_registry(layout)
    for one in layout.list_of_nodes:
        node.start_containerd(one, layout, daemons)
        node.start_kubelet(one, layout, daemons)
    add_ons.start_proxy(layout, daemons)
    kubectl = ("kubectl", "--kubeconfig", layout.admin)
    for one in layout.list_of_nodes:
        registered = partial(succeeds, *kubectl, "get", "node", one.name)
        daemons.wait_until_ready(f"{one.name}-kubelet", registered)
    run_command(*kubectl, "wait", "--for", "condition=Ready", "node", "--all", "--timeout", "120s")
    add_ons.apply("dns.yaml", layout)
    if layout.nodes == 1:
        add_ons.start_network_policies(layout, daemons)
    add_ons.start_metrics(layout, daemons)


def main() -> None:
    """Start the cluster of the environment, and stay."""
    ready = int(sys.argv[1])
    os.set_inheritable(ready, False)
    layout = Layout.from_environment()
    try:
        daemons = start(layout)
    except (DaemonError, CommandError) as error:
        sys.exit(str(error))
    os.write(ready, b"ready")
    os.close(ready)
    daemons.watch(layout.ended)


if __name__ == "__main__":
    main()
