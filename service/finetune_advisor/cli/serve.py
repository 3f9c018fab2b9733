"""`serve`: start the service."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

import click

# `Settings` has the same limits. It isn't imported here, as that would take a tenth of the whole start, and
# the process that serves reads it anyway.
PORT_RANGE = click.IntRange(0, 65535)
COUNT_RANGE = click.IntRange(1, 1024)


@click.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=PORT_RANGE, help="Port to listen on.")
@click.option("--workers", type=COUNT_RANGE, help="Worker processes.")
@click.option("--threads", type=COUNT_RANGE, help="Threads of each worker.")
def serve(**options: str | int | None) -> None:
    """Serve over HTTP until SIGTERM.

    Requests in flight are finished then. Options override the environment. All other settings come from the
    environment.
    """
    _require_gunicorn_platform()
    # Only the new process gets the options: this one may go on, in a test or in another program.
    environment = os.environ | {
        f"FINETUNE_ADVISOR_{name.upper()}": str(value)
        for name, value in options.items()
        if value is not None
    }
    # Each heap of malloc keeps the most memory that its threads ever used. Two are enough, since Python's
    # threads take turns.
    environment["MALLOC_ARENA_MAX"] = os.environ.get("MALLOC_ARENA_MAX") or "2"
    # -P keeps Python from importing modules of the working directory.
    command = [sys.executable, "-P", "-m", "finetune_advisor.server.gunicorn_application"]
    # gunicorn takes over this process, so that signals reach it.
    os.execve(command[0], command, environment)  # noqa: S606  # without a shell on purpose


def _require_gunicorn_platform() -> None:
    """Refuse Windows, where gunicorn can't be imported. Raises ClickException."""
    if find_spec("fcntl") is None:
        problem = "serve needs Linux or macOS, as gunicorn does"
        raise click.ClickException(f"{problem}; on Windows, run it in a container or in WSL")
