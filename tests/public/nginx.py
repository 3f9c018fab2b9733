"""nginx with the site of docs/public.md before an instance."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import free_port, tool
from tests.docs import pages
from tests.nginx import Nginx, running_nginx


@dataclass
class Gateway:
    """A running nginx, and the port that it listens on."""

    port: int
    nginx: Nginx

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def rotate_certificate(self) -> None:
        """Make a certificate and bring it in by the commands of the page."""
        make_certificate(self.nginx.folder, ".new")
        [commands] = [block for block in pages.blocks(PAGE, "sh") if "nginx -s reload" in block]
        script = commands.replace("/etc/nginx/tls", str(self.nginx.folder)).replace(
            "nginx -", f"{' '.join(self.nginx.command)} -"
        )
        subprocess.run(
            ["sh", "-ec", script], cwd=self.nginx.folder, check=True, capture_output=True, timeout=60
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
    port = free_port()

    def write(folder: Path) -> str:
        make_certificate(folder)
        return write_site(folder, port, upstream, **changes)

    with running_nginx(write) as nginx:
        yield Gateway(port, nginx)
