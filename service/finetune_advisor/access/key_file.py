"""The file of API keys: a line `name: hash` for each key. The key itself is in no file."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from finetune_advisor.engine.errors import FinetuneAdvisorError

MAX_KEYS = 100
"""Keys of a file. Each name is a series of the metrics, and each request is compared with every hash."""
MAX_FILE_BYTES = 1 << 16
KEY_PREFIX = "fta_"
"""The start of every new key, by which scanners for leaked secrets find one."""
KEY_BYTES = 32
NAME_PATTERN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
"""The name of a key. Neither a hash nor a new key is a name, so that messages and logs may have names."""
NAME_RULE = "a name has up to 40 lowercase letters, digits and hyphens, with no hyphen at its ends"
HASH_PATTERN = re.compile("[0-9a-f]{64}")
REFUSED_NAME = "refused"
"""What metrics and logs have in place of a name where a request was refused."""
NEW_KEY_HINT = "`finetune-advisor keys new NAME` makes a key and its line"


class KeyFileError(FinetuneAdvisorError):
    """A file of API keys is wrong. The message names the file and the line, and never what the line has."""


def make_key() -> str:
    """Make a new key: 256 random bits behind KEY_PREFIX, in characters that every header and shell takes."""
    return KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)


def hash_key(key: str) -> bytes:
    """Return the SHA-256 of a key, of which `key` has the bytes as WSGI gives headers: each a character.

    A slow hash, as passwords need it, would gain nothing: nobody can try 2**256 keys.
    """
    # Only a server that breaks PEP 3333 gives other characters. Then the key is a wrong one.
    return sha256(key.encode("latin-1", "backslashreplace")).digest()


def render_line(name: str, key: str) -> str:
    """Return the line of a key. Raises KeyFileError for a name that no key may have."""
    if reason := _find_name_fault(name):
        raise KeyFileError(f"{name}: {reason}")
    return f"{name}: {hash_key(key).hex()}"


def read_key_file(path: Path) -> bytes:
    """Read the content of a file of API keys. Raises KeyFileError if that is impossible."""
    try:
        # A pipe can't be read again, and a worker would wait for it.
        if path.exists() and not path.is_file():
            raise KeyFileError(
                f"{path}: is no regular file; give one with a line `name: hash` for each key"
            )
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise KeyFileError(
            f"{path}: can't be read: {error.strerror}; give a file with a line `name: hash` for each key"
        ) from error
    if len(content) > MAX_FILE_BYTES:
        raise KeyFileError(f"{path}: has more than {MAX_FILE_BYTES} bytes; remove keys or comments")
    return content


def parse_keys(content: bytes, path: Path) -> dict[str, bytes]:
    """Return the hash of each key in a file's content, by its name.

    Raises KeyFileError for the first line that is wrong, and if there is no key or more than MAX_KEYS.
    """
    hashes: dict[str, bytes] = {}
    lines: dict[str | bytes, int] = {}
    for number, name, hash_ in _iter_keys(content, path):
        for seen, what in ((name, "name"), (hash_, "key")):
            if seen in lines:
                raise KeyFileError(
                    f"{path}:{number}: has the {what} of line {lines[seen]}; remove one of the two, or give "
                    f"each a {what} of its own"
                )
            lines[seen] = number
        hashes[name] = hash_
    if not hashes:
        raise KeyFileError(f"{path}: has no key; {NEW_KEY_HINT}")
    if len(hashes) > MAX_KEYS:
        raise KeyFileError(f"{path}: has {len(hashes)} keys; remove some, {MAX_KEYS} is the most")
    return hashes


def _iter_keys(content: bytes, path: Path) -> Iterator[tuple[int, str, bytes]]:
    """Yield the number, the name and the hash of each line that is neither empty nor a comment."""
    # A byte that isn't UTF-8 breaks the rules of names and hashes, and may stand in a comment.
    text = content.decode("utf-8-sig", "replace")
    for number, line in enumerate(map(str.strip, text.split("\n")), 1):
        if not line or line.startswith("#"):
            continue
        name, colon, hash_ = (part.strip() for part in line.partition(":"))
        # What is wrong may be a key that somebody wrote here, so no message has it.
        if not colon:
            raise KeyFileError(f"{path}:{number}: is no line `name: hash`; {NEW_KEY_HINT}")
        if reason := _find_name_fault(name):
            raise KeyFileError(f"{path}:{number}: {reason}")
        if not HASH_PATTERN.fullmatch(hash_.lower()):
            raise KeyFileError(
                f"{path}:{number}: what follows the name is no SHA-256 of 64 hexadecimal digits; "
                f"{NEW_KEY_HINT}"
            )
        yield number, name, bytes.fromhex(hash_)


def _find_name_fault(name: str) -> str:
    """Say what is wrong with the name of a key; an empty text if nothing is."""
    if name == REFUSED_NAME:
        return f"the name {REFUSED_NAME} stands for refused requests in metrics; take another"
    return "" if NAME_PATTERN.fullmatch(name) else NAME_RULE
