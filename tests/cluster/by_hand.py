"""A cluster that stays up, for work on its tests: `python -m tests.cluster.by_hand up|in|down`."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import click
from bench.tools import UnavailableError

from tests.cluster import host
from tests.cluster.layout import Layout
from tests.cluster.namespaces import exit_on_signals
from tests.cluster.running import PREFIX, Cluster, ClusterError, Parts

nodes_option = click.option("--nodes", type=click.IntRange(0, 2), default=1, show_default=True)


def cluster_of(nodes: int) -> Cluster:
    """The one cluster of this size that is started by hand."""
    return Cluster(Layout(Path(tempfile.gettempdir()) / f"{PREFIX}{nodes}", nodes))


def start_or_leave_nothing(cluster: Cluster, parts: Parts) -> None:
    """Start a cluster; take it down if that fails or is interrupted. Raises ClusterError."""
    try:
        cluster.layout.state.mkdir()
    except FileExistsError:
        raise ClusterError("the cluster is up already: take it down first") from None
    try:
        cluster.start(parts, outlives=True)
    except BaseException:
        cluster.stop()
        raise


@click.group()
def main() -> None:
    """Bring a cluster up, run commands in it, and take it down."""


@main.command()
@nodes_option
def up(nodes: int) -> None:
    """Bring a cluster up."""
    exit_on_signals()
    try:
        host.require(nodes)
        start_or_leave_nothing(cluster_of(nodes), Parts.build(nodes))
    except (UnavailableError, ClusterError) as error:
        sys.exit(str(error))


@main.command("in", context_settings={"ignore_unknown_options": True})
@nodes_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(nodes: int, command: tuple[str, ...]) -> None:
    """Run a command in the cluster, such as `pytest tests/cluster/one_node` or `kubectl get pods`."""
    cluster = cluster_of(nodes)
    try:
        inside = cluster.entering(command)
    except ClusterError as error:
        sys.exit(str(error))
    os.execvpe(inside[0], inside, cluster.layout.environment())  # signals are for the command alone


@main.command()
@nodes_option
def down(nodes: int) -> None:
    """Take the cluster down."""
    cluster = cluster_of(nodes)
    if not cluster.layout.state.exists():
        sys.exit("no cluster of this size is up")
    cluster.stop()


if __name__ == "__main__":
    main()
