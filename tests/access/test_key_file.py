"""The file of API keys: what its lines may be, and that no message has what a wrong line has."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest

from finetune_advisor.access.key_file import (
    KEY_PREFIX,
    MAX_FILE_BYTES,
    MAX_KEYS,
    KeyFileError,
    hash_key,
    make_key,
    parse_keys,
    read_key_file,
    render_line,
)

FILE = Path("keys")
HASH, OTHER_HASH = (sha256(key).hexdigest() for key in (b"one", b"two"))


def test_lines_are_read_between_comments() -> None:
    """Empty lines, comments, spaces, a byte order mark, either line end and capital digits are no faults."""
    content = f"\ufeff# keys\r\n\n  web-app : {HASH.upper()}  \r\n#ünd: more\nb2: {OTHER_HASH}"

    expected = {"web-app": bytes.fromhex(HASH), "b2": bytes.fromhex(OTHER_HASH)}
    assert expected == parse_keys(content.encode(), FILE)


def test_a_comment_may_have_any_bytes() -> None:
    """Only lines of keys have to be text."""
    assert ["a"] == list(parse_keys(b"# \xff\xfe\na: " + HASH.encode(), FILE))


NAME_RULE = "a name has up to 40 lowercase letters, digits and hyphens, with no hyphen at its ends"
NO_HASH = "what follows the name is no SHA-256 of 64 hexadecimal digits"
WRONG = {
    "no colon": ("a", "is no line `name: hash`; `finetune-advisor keys new NAME` makes"),
    "the key itself": ("fta_SECRET-key", "is no line `name: hash`"),
    "the key for the hash": ("a: fta_SECRET-key", NO_HASH),
    "the key for the name": (f"fta_SECRET-key: {HASH}", NAME_RULE),
    "the hash for the name": (f"{HASH}: a", NAME_RULE),
    "no name": (f": {HASH}", NAME_RULE),
    "capitals": (f"SECRET: {HASH}", NAME_RULE),
    "a hyphen at the end": (f"secret-: {HASH}", NAME_RULE),
    "a long name": (f"{'a' * 41}: {HASH}", NAME_RULE),
    "a label of its own": (
        f"refused: {HASH}",
        "the name refused stands for refused requests in metrics",
    ),
    "a short hash": (f"a: {HASH[:-1]}", NO_HASH),
    "a long hash": (f"a: {HASH}0", NO_HASH),
    "other digits": (f"a: {HASH[:-1]}٣", NO_HASH),
    "a comment behind": (f"a: {HASH} # SECRET", NO_HASH),
    "two hashes": (f"a: {HASH}, {OTHER_HASH}", NO_HASH),
    "the name of another line": (f"first: {HASH}", "has the name of line 1; remove one of the two"),
    "the key of another line": (f"a: {OTHER_HASH}", "has the key of line 1; remove one of the two"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_line_is_named_and_not_shown(case: str) -> None:
    """The message has the file, the number of the line, what is wrong and what to do; nothing of a secret."""
    line, reason = WRONG[case]
    with pytest.raises(KeyFileError) as caught:
        parse_keys(f"first: {OTHER_HASH}\n\n{line}\n".encode(), FILE)

    assert str(caught.value).startswith(f"keys:3: {reason}")
    for secret in ("SECRET", "secret", HASH[:8], OTHER_HASH[:8]):
        assert secret not in str(caught.value)


@pytest.mark.parametrize("content", ["", "\n", "# only comments\n"])
def test_a_file_without_keys_is_wrong(content: str) -> None:
    """It would let nobody in, which nobody means."""
    with pytest.raises(KeyFileError, match=r"^keys: has no key; `finetune-advisor keys new NAME`"):
        parse_keys(content.encode(), FILE)


def test_the_number_of_keys_is_bounded() -> None:
    """Each is a series of the metrics and a comparison of every request."""
    lines = [render_line(f"k{number}", make_key()) for number in range(MAX_KEYS + 1)]

    assert MAX_KEYS == len(parse_keys("\n".join(lines[1:]).encode(), FILE))
    with pytest.raises(KeyFileError, match=r"^keys: has 101 keys; remove some, 100 is the most"):
        parse_keys("\n".join(lines).encode(), FILE)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """One that is missing, a folder, a pipe that nobody writes to, and one that is much too large."""
    os.mkfifo(pipe := tmp_path / "pipe")
    (large := tmp_path / "large").write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    for path, reason in (
        (tmp_path / "none", "can't be read: No such file or directory; give a file with a line"),
        (tmp_path, "is no regular file; give one with a line"),
        (pipe, "is no regular file; give one with a line"),
        (large, f"has more than {MAX_FILE_BYTES} bytes; remove"),
    ):
        with pytest.raises(KeyFileError) as caught:
            read_key_file(path)
        assert str(caught.value).startswith(f"{path}: {reason}")


def test_new_keys_differ_and_fit_into_their_line() -> None:
    """A key is long, begins recognisably, and is in no line; its line has its hash."""
    keys = {make_key() for _ in range(100)}
    key = keys.pop()

    assert 99 == len(keys)
    assert key.startswith(KEY_PREFIX)
    assert 47 == len(key)
    assert f"web: {sha256(key.encode()).hexdigest()}" == render_line("web", key)
    assert {"web": hash_key(key)} == parse_keys(render_line("web", key).encode(), FILE)


def test_keys_are_hashed_as_their_bytes() -> None:
    """WSGI gives each byte of a header as a character; characters that it never gives make a wrong key."""
    sent = "clé".encode()

    assert sha256(sent).digest() == hash_key(sent.decode("latin-1"))
    assert hash_key("€") not in (hash_key("?"), sha256("€".encode()).digest())
