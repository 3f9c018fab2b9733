"""nginx before an instance, which has it below a prefix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.conftest import free_port
from tests.nginx import running_nginx

PREFIX = "/advisor"
SITE = """
    server {{
        listen 127.0.0.1:{port};
        location {prefix}/ {{ proxy_pass {url}{path}; }}
    }}
"""


@contextmanager
def running(url: str, *, strip: bool) -> Iterator[str]:
    """nginx before a server; its address with the prefix, which it takes off if it is to `strip` it."""
    port = free_port()
    site = SITE.format(port=port, prefix=PREFIX, url=url, path="/" if strip else "")
    with running_nginx(lambda _: site):
        yield f"http://127.0.0.1:{port}{PREFIX}"
