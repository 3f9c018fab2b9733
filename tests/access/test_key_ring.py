"""The keys that hold: read again as the file changes, whatever becomes of the file."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from finetune_advisor.access import key_ring
from finetune_advisor.access.key_file import KeyFileError, make_key, render_line
from finetune_advisor.access.key_ring import REREAD_SECONDS, KeyRing

ALICE, BOB = make_key(), make_key()
Later = Callable[[], None]


def write(path: Path, **keys: str) -> None:
    """Write a file with these keys in place."""
    path.write_text("".join(f"{render_line(name, key)}\n" for name, key in keys.items()))


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Let the time pass after which the file is read again."""
    now = [0.0]
    monkeypatch.setattr(key_ring, "monotonic", lambda: now[0])

    def pass_time() -> None:
        now[0] += REREAD_SECONDS

    return pass_time


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with Alice's key."""
    write(tmp_path / "keys", alice=ALICE)
    return tmp_path / "keys"


def test_a_key_has_the_name_of_its_line(path: Path) -> None:
    """Any other key has none: its hash, its name, a part of it, and more than it, too."""
    write(path, alice=ALICE, bob=BOB)
    ring = KeyRing(path)
    line = render_line("alice", ALICE)

    assert ["alice", "bob"] == [ring.find_name(key) for key in (ALICE, BOB)]
    for wrong in ("", "alice", line, line[7:], ALICE[:-1], ALICE + "a", ALICE.swapcase(), make_key()):
        assert ring.find_name(wrong) is None


def test_a_wrong_file_is_refused_at_first(path: Path) -> None:
    """There are no good keys yet that could hold."""
    path.write_text("alice")
    with pytest.raises(KeyFileError, match=f"^{path}:1: "):
        KeyRing(path)


def test_a_change_is_noticed_in_time(path: Path, later: Later) -> None:
    """Not before half a second has passed, so that requests don't read all the time; then at once."""
    ring = KeyRing(path)
    write(path, bob=BOB)

    assert ["alice", None] == [ring.find_name(key) for key in (ALICE, BOB)]
    later()
    assert [None, "bob"] == [ring.find_name(key) for key in (ALICE, BOB)]


def test_a_refresh_waits_for_nothing(path: Path) -> None:
    """Neither for a request nor for half a second to pass."""
    ring = KeyRing(path)
    write(path, bob=BOB)
    ring.refresh()

    assert [None, "bob"] == [ring.find_name(key) for key in (ALICE, BOB)]


def swap_link(path: Path) -> None:
    """Replace a file as Kubernetes replaces a Secret: it is a link through a link that is swapped."""
    folder = path.parent
    for number, key in enumerate((ALICE, BOB)):
        (folder / f"..{number}").mkdir()
        write(folder / f"..{number}" / "keys", alice=key)
    path.unlink()
    (folder / "..data").symlink_to("..0")
    path.symlink_to("..data/keys")


def test_a_swapped_link_is_noticed(path: Path, later: Later) -> None:
    """Both files have the same size, and time stamps may be equal, too."""
    swap_link(path)
    ring = KeyRing(path)
    assert "alice" == ring.find_name(ALICE)

    (path.parent / "..new").symlink_to("..1")
    (path.parent / "..new").replace(path.parent / "..data")
    later()
    assert [None, "alice"] == [ring.find_name(key) for key in (ALICE, BOB)]


def test_the_last_good_keys_hold(path: Path, later: Later, caplog: pytest.LogCaptureFixture) -> None:
    """A file that turns wrong, empty or missing changes no key. The log says so once, without a secret."""
    ring = KeyRing(path)
    for break_file in (
        lambda: path.write_text(f"alice: {ALICE}"),
        lambda: path.write_text(""),
        path.unlink,
    ):
        break_file()
        for _ in range(3):
            later()
            assert "alice" == ring.find_name(ALICE)
    said = [record.getMessage() for record in caplog.records]

    assert [logging.ERROR] * 3 == [record.levelno for record in caplog.records]
    for message, reason in zip(
        said, (":1: what follows", ": has no key", ": can't be read"), strict=True
    ):
        assert message.startswith(f"API keys: {path}{reason}")
        assert message.endswith("; the last good keys hold")
        assert ALICE not in message


def test_whether_the_keys_are_those_of_the_file_is_known(path: Path, later: Later) -> None:
    """Asking reads the file, so that no request is needed for it."""
    ring = KeyRing(path)
    good = path.read_bytes()
    path.write_text("wrong")
    later()
    assert not ring.is_up_to_date()

    path.write_bytes(good)
    later()
    assert ring.is_up_to_date()


def test_a_mended_file_is_taken(path: Path, later: Later, caplog: pytest.LogCaptureFixture) -> None:
    """Also if it is the one of before. The log names the keys that hold now."""
    caplog.set_level(logging.INFO)
    ring = KeyRing(path)
    good = path.read_bytes()
    path.write_text("wrong")
    later()
    ring.find_name(ALICE)
    path.write_bytes(good)
    later()
    ring.find_name(ALICE)

    assert {"finetune_advisor.api_keys"} == {record.name for record in caplog.records}
    assert ["ERROR", "INFO"] == [record.levelname for record in caplog.records]
    assert ["alice"] == caplog.records[1].api_keys  # type: ignore[attr-defined]
    assert ALICE not in caplog.text


def test_nobody_waits_for_a_reading(path: Path, later: Later, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one thread reads, the others are answered by the keys of before."""
    ring = KeyRing(path)
    later()
    begun, go_on = threading.Event(), threading.Event()
    reads: list[Path] = []

    def read_slowly(file: Path) -> bytes:
        reads.append(file)
        begun.set()
        assert go_on.wait(10)
        return file.read_bytes()

    monkeypatch.setattr(key_ring, "read_key_file", read_slowly)
    thread = threading.Thread(target=ring.find_name, args=(ALICE,))
    thread.start()
    assert begun.wait(10)
    assert "alice" == ring.find_name(ALICE)
    go_on.set()
    thread.join()

    assert [path] == reads
