"""Links to the service's own resources, relative to the request's URL, so that they work below any prefix.

A proxy that strips a prefix doesn't always say which, and any client can send a header that claims one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment


def relative_link(path: str, environ: WSGIEnvironment) -> str:
    """Return the relative reference from a request's URL to a path of this service (RFC 3986, 5)."""
    folders, root = _url_folders(environ), environ["SCRIPT_NAME"].split("/")[1:]
    shared = 0
    for folder, root_folder in zip(folders, root, strict=False):
        if folder != root_folder:
            break
        shared += 1
    return "../" * (len(folders) - shared) + "/".join([*root[shared:], path.removeprefix("/")])


def _url_folders(environ: WSGIEnvironment) -> list[str]:
    """Return the folders of a request's URL, as the client resolves a relative reference from them."""
    # PATH_INFO has its escapes decoded: `%2F` is a slash there, but separates no folders for the client.
    target: str = environ.get("RAW_URI") or environ["SCRIPT_NAME"] + environ["PATH_INFO"]
    path = target.partition("?")[0].partition("#")[0]
    if not path.startswith("/"):  # the absolute form: http://host/path (RFC 9112, 3.2.2)
        path = "/" + path.partition("://")[2].partition("/")[2]
    folders: list[str] = []
    for folder in path.split("/")[1:-1]:
        # Clients resolve dot segments before they send a URL, but others send them as they are.
        if folder == "..":
            del folders[-1:]
        elif folder != ".":
            folders.append(unquote(folder))
    return folders
