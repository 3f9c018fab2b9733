"""nginx before an instance, which has it below a prefix."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import free_port, tool

PREFIX = "/advisor"
CONFIGURATION = """
daemon off;
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
    server {{
        listen 127.0.0.1:{port};
        location {prefix}/ {{ proxy_pass {url}{path}; }}
    }}
}}
"""


@contextmanager
def running(url: str, *, strip: bool) -> Iterator[str]:
    """nginx before a server; its address with the prefix, which it takes off if it is to `strip` it."""
    nginx = tool("nginx")
    with tempfile.TemporaryDirectory(prefix="nginx-") as folder:
        port = free_port()
        path = "/" if strip else ""
        configuration = Path(folder) / "nginx.conf"
        configuration.write_text(
            CONFIGURATION.format(folder=folder, port=port, prefix=PREFIX, url=url, path=path)
        )
        command = [nginx, "-p", folder, "-c", str(configuration)]
        with (Path(folder) / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
            try:
                _await(port, process, Path(folder) / "log")
                yield f"http://127.0.0.1:{port}{PREFIX}"
            finally:
                process.terminate()
                process.wait(30)


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until it listens."""
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"nginx didn't start:\n{log.read_text()}")
