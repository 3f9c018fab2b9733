"""`mcp`: serve tools for language models by the Model Context Protocol."""

from __future__ import annotations

import socket
import sys
from importlib import import_module
from typing import Any

import click

from finetune_advisor.cli.errors import report_errors
from finetune_advisor.cli.output import print_note
from finetune_advisor.cli.tree_selection import load_served_catalog

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8000


@click.command()
@click.option("--http", is_flag=True, help="Serve streamable HTTP instead of standard input and output.")
@click.option("--host", help=f"With --http: address to listen on. Default: {DEFAULT_HOST}.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"With --http: port to listen on; 0 is any free one. Default: {DEFAULT_PORT}.",
)
@click.option(
    "--allowed-host",
    "allowed_hosts",
    metavar="NAME",
    multiple=True,
    help="With --http: name that clients reach this server by. Repeatable. Needed unless --host is loopback.",
)
def mcp(*, http: bool, host: str | None, port: int | None, allowed_hosts: tuple[str, ...]) -> None:
    """Serve tools for language models (MCP).

    An MCP host starts this command, and talks to it over standard input and output. With --http, it listens
    for hosts elsewhere. Needs the extra finetune-advisor[mcp].
    """
    if not http and (host is not None or port is not None or allowed_hosts):
        raise click.UsageError("--host, --port and --allowed-host need --http")
    try:
        # The SDK is an extra, and takes a while to load.
        build_server = import_module("finetune_advisor.agents.server").build_server
        transports = import_module("finetune_advisor.agents.transports")
    except ModuleNotFoundError as error:
        remedy = "pip install 'finetune-advisor[mcp]'"
        problem = f"mcp needs the extra of that name, and {error.name} isn't installed"
        raise click.ClickException(f"{problem}: {remedy}") from error
    with report_errors():
        server = build_server(load_served_catalog())
    if http:
        address = host or DEFAULT_HOST, DEFAULT_PORT if port is None else port
        listening = _listen(transports, *address, allowed_hosts)
        print_note(f"Listening on {transports.describe_url(listening)}")
        transports.serve_http(server, listening, allowed_hosts)
    else:
        _say_that_it_waits()
        transports.serve_stdio(server)


def _listen(transports: Any, host: str, port: int, allowed_hosts: tuple[str, ...]) -> socket.socket:
    """Bind a socket. Raises UsageError for a host that others reach without a name for it."""
    if not (allowed_hosts or transports.is_loopback(host)):
        problem = f"--host {host} is reachable from other machines"
        raise click.UsageError(f"{problem}; name this server with --allowed-host, as clients do")
    try:
        bound: socket.socket = transports.bind(host, port)
    except OSError as error:
        raise click.ClickException(f"can't listen on {host}, port {port}: {error.strerror}") from error
    return bound


def _say_that_it_waits() -> None:
    """Tell a person at a terminal that an MCP host was expected."""
    if sys.stdin.isatty():
        print_note("Waiting for an MCP host on standard input; see docs/agents.md. Ctrl-C ends this.")
