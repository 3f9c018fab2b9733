"""`keys new`, as its users type it, and `conformance` against an instance that asks for keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from finetune_advisor.access.key_file import make_key, parse_keys, render_line
from finetune_advisor.access.key_ring import KeyRing
from finetune_advisor.cli import main
from tests.conftest import StartServer


def run(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(main, arguments)


def test_key_and_line_can_be_told_apart() -> None:
    """The key is on standard output, and the line on standard error."""
    printed = run("keys", "new", "web-app")
    key = printed.stdout.removesuffix("\n")

    assert 0 == printed.exit_code
    assert f"{render_line('web-app', key)}\n" == printed.stderr


def test_a_file_gets_the_line(tmp_path: Path) -> None:
    """It is made at first; then lines are appended, also where the last one has no end."""
    path = tmp_path / "keys"
    alice = run("keys", "new", "alice", "--file", str(path))
    path.write_text(f"# ours\n{path.read_text().strip()}")
    bob = run("keys", "new", "bob", "--file", str(path))

    assert ["", ""] == [alice.stderr, bob.stderr]
    assert ["alice", "bob"] == [KeyRing(path).find_name(one.stdout.strip()) for one in (alice, bob)]
    assert path.read_text().startswith("# ours\nalice: ")
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "old", "reason"),
    [
        ("alice", f"alice: {'0' * 64}", "keys:2: has the name of line 1; remove one of the two"),
        ("bob", "alice", "keys:1: is no line `name: hash`; `finetune-advisor keys new NAME`"),
        ("Bob", f"alice: {'0' * 64}", "Bob: a name has up to 40 lowercase letters"),
        ("refused", "", "refused: the name refused stands for refused requests"),
    ],
)
def test_a_file_that_would_be_wrong_stays(tmp_path: Path, name: str, old: str, reason: str) -> None:
    """The error says where it is wrong, no key is printed, and exit code 1 is given."""
    path = tmp_path / "keys"
    path.write_text(old)
    printed = run("keys", "new", name, "--file", str(path))

    assert (1, "") == (printed.exit_code, printed.stdout)
    assert reason in printed.stderr
    assert old == path.read_text()


def test_an_instance_with_keys_can_be_checked(start_server: StartServer, tmp_path: Path) -> None:
    """`conformance` takes a file with a key; without the right one it says what is missing."""
    key, other = make_key(), make_key()
    (keys := tmp_path / "keys").write_text(render_line("check", key))
    for name, content in (("right", f"{key}\n"), ("wrong", other), ("empty", "\n")):
        (tmp_path / name).write_text(content)
    url = start_server(API_KEYS_FILE=str(keys)).url
    check = ("conformance", "--url", url, "--tree-version", "1.0.0")

    done = run(*check, "--key-file", str(tmp_path / "right"))
    assert (0, True) == (done.exit_code, "Tree 1.0.0: conforms" in done.stdout)
    for arguments in ((), ("--key-file", str(tmp_path / "wrong"))):
        refused = run(*check, *arguments)
        assert 1 == refused.exit_code
        assert "asks for an API key, or doesn't know this one; give a valid one" in refused.stderr
    assert (
        "the API key has other characters" in run(*check, "--key-file", str(tmp_path / "empty")).stderr
    )
    assert {"check"} == parse_keys(keys.read_bytes(), keys).keys()


def test_a_key_file_that_cannot_be_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Be it in another encoding, missing, or unreadable. The message names the file, and not what it has."""
    path = tmp_path / "key"
    check = ("conformance", "--url", "http://127.0.0.1:1", "--key-file", str(path))
    missing = run(*check)
    path.write_bytes(make_key().encode("utf-16"))
    utf_16 = run(*check)

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "read_bytes", fail)
    unreadable = run(*check)

    assert 2 == missing.exit_code
    assert f"'{path}' does not exist" in missing.stderr
    for refused, reason in ((utf_16, "is not UTF-8"), (unreadable, "can't be read: Input/output error")):
        assert 1 == refused.exit_code
        assert refused.stderr.startswith(f"Error: {path}: {reason}; ")
