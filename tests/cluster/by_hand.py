"""A cluster that stays up, for work on its tests: `python -m tests.cluster.by_hand up|in|down`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click
from bench.tools import UnavailableError

from tests.cluster import host
from tests.cluster.layout import Layout
from tests.cluster.running import PREFIX, Cluster, ClusterError, Parts

nodes_option = click.option("--nodes", type=click.IntRange(0, 2), default=1, show_default=True)


def cluster_of(nodes: int) -> Cluster:
    """The one cluster of this size that is started by hand."""
    return Cluster(Layout(Path(tempfile.gettempdir()) / f"{PREFIX}{nodes}", nodes))


@click.group()
def main() -> None:
    """Bring a cluster up, run commands in it, and take it down."""


@main.command()
@nodes_option
def up(nodes: int) -> None:
    """Bring a cluster up."""
    cluster = cluster_of(nodes)
    try:
        host.require(nodes)
        parts = Parts.build(nodes)
        cluster.layout.state.mkdir()
        cluster.start(parts, outlives=True)
    except (UnavailableError, ClusterError, FileExistsError) as error:
        sys.exit(str(error))


@main.command("in", context_settings={"ignore_unknown_options": True})
@nodes_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(nodes: int, command: tuple[str, ...]) -> None:
    """Run a command in the cluster, such as `pytest tests/cluster/one_node` or `kubectl get pods`."""
    sys.exit(cluster_of(nodes).run(command))


@main.command()
@nodes_option
def down(nodes: int) -> None:
    """Take the cluster down."""
    cluster_of(nodes).stop()


if __name__ == "__main__":
    main()
