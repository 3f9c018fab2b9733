"""Links to the service's own resources, relative to the request's URL: they hold below any prefix.

A proxy that strips the prefix doesn't say what it has stripped, and a header that says so could be anyone's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment


def relative_link(path: str, environ: WSGIEnvironment) -> str:
    """The reference that leads from a request's URL to a path of this service, as in RFC 3986, 5."""
    here, root = _folders(environ), environ["SCRIPT_NAME"].split("/")[1:]
    shared = 0
    for folder, name in zip(here, root, strict=False):
        if folder != name:
            break
        shared += 1
    return "../" * (len(here) - shared) + "/".join([*root[shared:], path.removeprefix("/")])


def _folders(environ: WSGIEnvironment) -> list[str]:
    """The folders that the URL of a request is in."""
    # PATH_INFO has escapes decoded: what is a slash there may be none for the client.
    target: str = environ.get("RAW_URI") or environ["SCRIPT_NAME"] + environ["PATH_INFO"]
    path = target.partition("?")[0].partition("#")[0]
    if not path.startswith("/"):  # the absolute form of RFC 9112, 3.2.2
        path = "/" + path.partition("://")[2].partition("/")[2]
    folders: list[str] = []
    for folder in path.split("/")[1:-1]:
        if folder == "..":
            del folders[-1:]
        elif folder != ".":
            folders.append(unquote(folder))
    return folders
