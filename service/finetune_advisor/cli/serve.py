"""`serve`: the service itself."""

from __future__ import annotations

import os
import socket
import sys
from importlib.util import find_spec

import click

from finetune_advisor.cli.errors import report_errors
from finetune_advisor.settings import VARIABLE_PREFIX, Settings, SettingsError


@click.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", help="Port to listen on.")
@click.option("--workers", help="Worker processes.")
@click.option("--threads", help="Threads of each worker.")
def serve(**options: str | None) -> None:
    """Serve over HTTP until SIGTERM.

    Requests in flight are finished then. Options override the environment. All other settings come from the
    environment.
    """
    _require_gunicorn_platform()
    given = {
        f"{VARIABLE_PREFIX}{name.upper()}": value for name, value in options.items() if value is not None
    }
    os.environ.update(given)
    with report_errors():
        try:
            settings = Settings.from_environment()
        except SettingsError as error:
            name, _, reason = str(error).partition(": ")
            if name in given:
                option = f"--{name.removeprefix(VARIABLE_PREFIX).lower()}"
                raise click.BadParameter(reason, param_hint=f"'{option}'") from error
            raise
        _require_free(settings.host, settings.port, "PORT")
        if settings.metrics_port is not None:
            _require_free(settings.host, settings.metrics_port, "METRICS_PORT")
    # -P: what lies in the working directory is no module of ours.
    command = [sys.executable, "-P", "-m", "finetune_advisor.server.gunicorn_application"]
    # Each thread would keep memory for itself that it needed once; two heaps are enough for threads in turns.
    os.environ["MALLOC_ARENA_MAX"] = os.environ.get("MALLOC_ARENA_MAX") or "2"
    os.execv(command[0], command)  # noqa: S606  # gunicorn takes this process over, and its signals


def _require_gunicorn_platform() -> None:
    """Refuse Windows, where gunicorn can't be imported."""
    if find_spec("fcntl") is None:
        problem = "serve needs Linux or macOS, as gunicorn does"
        raise click.ClickException(f"{problem}; on Windows, run it in a container or in WSL")


def _require_free(host: str, port: int, name: str) -> None:
    """Refuse an address that gunicorn would try in vain for seconds."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"FINETUNE_ADVISOR_HOST, {name}: can't listen on {host}:{port}: {reason}; take another"
        raise SettingsError(message) from error
