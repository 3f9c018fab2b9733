"""Changes of documents on disk are noticed however they are made, and count when they have settled."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from finetune_advisor.trees import document_folder
from finetune_advisor.trees.document_folder import FolderWatch, hash_documents, take_fingerprint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with one document."""
    (tmp_path / "a.yaml").write_text("version: 1")
    return tmp_path


def add(folder: Path) -> None:
    (folder / "b.yaml").write_text("version: 2")


def rename(folder: Path) -> None:
    (folder / "a.yaml").rename(folder / "c.yaml")


def rewrite(folder: Path) -> None:
    (folder / "a.yaml").write_text("version: 3")
    os.utime(folder / "a.yaml", ns=(1, 1))


def replace(folder: Path) -> None:
    (folder / ".a").write_text("version: 4")
    (folder / ".a").replace(folder / "a.yaml")


def link(folder: Path) -> None:
    (folder / "..2").mkdir()
    (folder / "..2" / "a.yaml").write_text("version: 5")
    (folder / "a.yaml").unlink()
    (folder / "a.yaml").symlink_to("..2/a.yaml")


def break_link(folder: Path) -> None:
    (folder / "a.yaml").unlink()
    (folder / "a.yaml").symlink_to("nowhere.yaml")


def remove(folder: Path) -> None:
    (folder / "a.yaml").unlink()


@pytest.mark.parametrize("change", [add, rename, rewrite, replace, link, break_link, remove])
def test_every_change_changes_the_fingerprint_and_the_hash(
    folder: Path, change: Callable[[Path], None]
) -> None:
    """Errors of the file system are changes, too, and raise nothing."""
    before = take_fingerprint(folder), hash_documents(folder)
    assert before == (take_fingerprint(folder), hash_documents(folder))
    change(folder)

    assert before[0] != take_fingerprint(folder)
    assert before[1] != hash_documents(folder)


def test_other_files_change_nothing(folder: Path) -> None:
    """Hidden files and files with other endings are no documents."""
    before = take_fingerprint(folder), hash_documents(folder)
    for name in ("README.md", ".a.yaml"):
        (folder / name).write_text("version: 2")

    assert before == (take_fingerprint(folder), hash_documents(folder))


def test_corrected_permissions_are_a_change(folder: Path) -> None:
    """A document that couldn't be read is read again when it can be."""
    (folder / "a.yaml").chmod(0o000)
    before = take_fingerprint(folder)
    (folder / "a.yaml").chmod(0o644)

    assert before != take_fingerprint(folder)


def test_errors_of_the_file_system_are_a_state_like_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network volume may be away for a while: the watch sees that, and goes on."""
    before = take_fingerprint(folder), hash_documents(folder)

    def fail(_: Path) -> bool:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    with monkeypatch.context() as away:
        away.setattr(Path, "is_dir", fail)
        assert before[0] != take_fingerprint(folder)
        assert "can't be read: Stale file handle" in hash_documents(folder)
    assert before == (take_fingerprint(folder), hash_documents(folder))


def test_names_may_be_any_bytes(folder: Path) -> None:
    """A name that isn't UTF-8 is a name."""
    before = hash_documents(folder)
    Path(os.fsdecode(bytes(folder) + b"/\xff.yaml")).write_text("version: 2")

    assert before != hash_documents(folder)


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    """Opening it to read would block until somebody writes into it."""
    before = hash_documents(folder)
    os.mkfifo(folder / "pipe.yaml")

    assert before != hash_documents(folder)


def test_without_a_directory_there_is_nothing_to_hash() -> None:
    """An instance that serves only bundled trees has the same hash each time."""
    assert hash_documents(None) == hash_documents(None)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the watch sees."""
    now = [1000.0]
    monkeypatch.setattr(document_folder.time, "monotonic", lambda: now[0])
    return now


def test_a_change_counts_once_when_it_has_settled(folder: Path, clock: list[float]) -> None:
    """Not before the interval, not while it goes on, and not a second time."""
    watch = FolderWatch(folder, 10)
    add(folder)
    assert not watch.has_changed()
    clock[0] += 10
    assert not watch.has_changed()
    rename(folder)
    clock[0] += 1
    assert not watch.has_changed()
    clock[0] += 0.5
    assert not watch.has_changed()
    clock[0] += 0.5
    assert watch.has_changed()
    clock[0] += 100
    assert not watch.has_changed()


def test_a_change_that_is_undone_meanwhile_is_none(folder: Path, clock: list[float]) -> None:
    """What is as before when it is looked at again isn't read."""
    watch = FolderWatch(folder, 10)
    (folder / "b.yaml").write_text("version: 2")
    clock[0] += 10
    assert not watch.has_changed()
    (folder / "b.yaml").unlink()
    clock[0] += 10
    assert not watch.has_changed()
