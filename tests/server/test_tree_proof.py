"""The proof of documents: whatever happens in its process, the caller gets a result."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.server import tree_proof
from finetune_advisor.server.tree_proof import ProofResult, TreeProof, prove_documents
from finetune_advisor.settings import Settings
from finetune_advisor.trees.document_folder import hash_documents


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with one document."""
    (tmp_path / "a.yaml").write_text("version: 1")
    return tmp_path


def outcome(proof: TreeProof) -> ProofResult:
    """Its result, once it has one."""
    deadline = time.monotonic() + 60
    while not (result := proof.poll()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return result


def refuse() -> None:
    raise FinetuneAdvisorError("a.yaml:1: is wrong; correct it")


def break_down() -> None:
    raise RecursionError("answers of somebody")


def end() -> None:
    os._exit(9)


SIGHUP_HINT = "; send SIGHUP to try again"


def succeed() -> None: ...


@pytest.mark.parametrize(
    ("build", "error"),
    [
        (succeed, None),
        (refuse, "a.yaml:1: is wrong; correct it"),
        (break_down, "the application can't be built (RecursionError); start an instance to see where"),
        (end, f"the check of the documents ended before its result; it may lack memory{SIGHUP_HINT}"),
    ],
)
def test_the_process_reports_what_came_of_it(folder: Path, build: Any, error: str | None) -> None:
    """A sound application, a refusal, a fault that nobody expects, and the end of the process."""
    result = outcome(TreeProof(Settings(trees_dir=folder), build))

    assert error == result.error
    assert ("" if build is end else hash_documents(folder)) == result.documents_hash


def test_a_proof_that_takes_too_long_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a file system that doesn't answer."""
    monkeypatch.setattr(tree_proof, "MAX_SECONDS", 0.2)

    result = outcome(TreeProof(Settings(trees_dir=folder), lambda: time.sleep(60)))

    assert f"the check of the documents took longer than 0.2 seconds{SIGHUP_HINT}" == result.error


def test_a_result_that_was_cut_is_a_failure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process may be killed while it writes a long report."""

    def run(*arguments: Any) -> None:
        os.write(arguments[-1], b'{"documents_hash": "a')
        os._exit(9)

    monkeypatch.setattr(tree_proof, "_run", run)
    result = outcome(TreeProof(Settings(trees_dir=folder), succeed))

    assert (
        f"the check of the documents ended within its result; it may lack memory{SIGHUP_HINT}"
        == result.error
    )


def test_its_process_holds_no_port(folder: Path) -> None:
    """If the first process is killed, another can listen at once, though the proof still runs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        proof = TreeProof(Settings(trees_dir=folder), lambda: time.sleep(60), [listener])
        time.sleep(0.3)
    try:
        socket.create_server(address).close()
    finally:
        proof.kill()
        outcome(proof)


def test_documents_that_change_meanwhile_are_read_again(folder: Path) -> None:
    """Errors of a half-written set aren't reported, if the set is whole in the end."""
    builds = []

    def build() -> None:
        builds.append(None)
        if len(builds) < 3:
            (folder / "a.yaml").write_text(f"version: {len(builds)}.5")
            refuse()

    assert ProofResult(hash_documents(folder), None) != (result := prove_documents(folder, build, 0))
    assert ProofResult(hash_documents(folder), None) == result
    assert 3 == len(builds)


def test_documents_that_never_stay_are_refused(folder: Path) -> None:
    """The message says what to do."""

    def build() -> None:
        with (folder / "a.yaml").open("a") as file:
            file.write("x")

    error = prove_documents(folder, build, 0).error

    assert f"{folder}: changes each time that it is read; put whole files there at once" == error
