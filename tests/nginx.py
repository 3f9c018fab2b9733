"""nginx with a configuration of a test, in a folder and a process of its own."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import tool

FRAME = """
daemon off;
worker_processes 2;
pid {folder}/pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{site}
}}
"""
START_SECONDS = 30


@dataclass
class Nginx:
    """A running nginx: its folder, and the command that sends it signals."""

    folder: Path
    command: list[str]


@contextmanager
def running_nginx(write_site: Callable[[Path], str]) -> Iterator[Nginx]:
    """nginx with the servers that `write_site` gives for its folder; it may put files there."""
    with tempfile.TemporaryDirectory(prefix="nginx-") as name:
        folder = Path(name)
        configuration = folder / "nginx.conf"
        configuration.write_text(FRAME.format(folder=folder, site=write_site(folder)))
        command = [tool("nginx"), "-p", name, "-c", str(configuration)]
        with (folder / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
            try:
                _await(folder, process)
                yield Nginx(folder, command)
            finally:
                process.terminate()
                process.wait(30)


def _await(folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until it listens, which it does before it writes its pid."""
    pid, deadline = folder / "pid", time.monotonic() + START_SECONDS
    while not (pid.exists() and pid.read_text().strip()):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"nginx didn't start:\n{(folder / 'log').read_text()}")
        time.sleep(0.05)
