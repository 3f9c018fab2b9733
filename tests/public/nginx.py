"""nginx with the site of docs/public.md before an instance."""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import free_port, tool
from tests.docs import pages

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
class Gateway:
    """A running nginx, its folder, and the command that sends it signals."""

    port: int
    folder: Path
    command: list[str]

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def rotate_certificate(self) -> None:
        """Make a certificate and bring it in by the commands of the page."""
        make_certificate(self.folder, ".new")
        [commands] = [block for block in pages.blocks(PAGE, "sh") if "nginx -s reload" in block]
        script = commands.replace("/etc/nginx/tls", str(self.folder)).replace(
            "nginx -", f"{' '.join(self.command)} -"
        )
        subprocess.run(
            ["sh", "-ec", script], cwd=self.folder, check=True, capture_output=True, timeout=60
        )


PAGE = pages.read("docs/public.md")


def make_certificate(folder: Path, ending: str = "") -> None:
    """Write a new key and a certificate that it signs itself, for 127.0.0.1."""
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    files = ["-keyout", str(folder / f"tls.key{ending}"), "-out", str(folder / f"tls.crt{ending}")]
    subprocess.run([tool("openssl"), "req", *kind, *names, *files], check=True, capture_output=True)


def write_site(folder: Path, port: int, upstream: str, **changes: str) -> str:
    """The site of the page, with its places replaced by those of a test, and with further changes."""
    [site] = pages.blocks(PAGE, "nginx")
    places = {
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "127.0.0.1:8080": upstream,
        "/etc/nginx/tls": str(folder),
        **changes,
    }
    for place, replacement in places.items():
        assert place in site
        site = site.replace(place, replacement)
    return re.sub("^", "    ", site, flags=re.MULTILINE)


@contextmanager
def running(upstream: str, **changes: str) -> Iterator[Gateway]:
    """nginx before an address such as 127.0.0.1:8080; `changes` replace parts of the page's site."""
    with tempfile.TemporaryDirectory(prefix="nginx-") as name:
        folder, port = Path(name), free_port()
        make_certificate(folder)
        configuration = folder / "nginx.conf"
        site = write_site(folder, port, upstream, **changes)
        configuration.write_text(FRAME.format(folder=folder, site=site))
        command = [tool("nginx"), "-p", name, "-c", str(configuration)]
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(command, stderr=log) as process,
        ):
            try:
                _await(folder / "pid", process, folder / "log")
                yield Gateway(port, folder, command)
            finally:
                process.terminate()
                process.wait(30)


def _await(pid: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until it listens, which it does before it writes its pid."""
    deadline = time.monotonic() + START_SECONDS
    while not (pid.exists() and pid.read_text().strip()):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"nginx didn't start:\n{log.read_text()}")
        time.sleep(0.05)
