"""The servers of tests: each is gone with its test, so that none troubles another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import conftest
from tests.conftest import Server, start

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
IGNORE = (
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)
DEAF = [sys.executable, "-c", IGNORE]


def test_a_slow_server_is_gone_before_its_test_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is waited for after it was killed; an unwaited process warns in whichever test runs later."""
    processes = []

    class Remembered(subprocess.Popen[bytes]):
        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, **options)  # type: ignore[call-overload]
            processes.append(self)

    monkeypatch.setattr(conftest, "START_SECONDS", 0.1)
    monkeypatch.setattr(subprocess, "Popen", Remembered)
    with pytest.raises(RuntimeError, match=r"didn't answer within 0\.1 seconds"):
        start(tmp_path / "log", SLEEP)

    assert [process.returncode for process in processes] == [-9]


def test_a_server_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    """The test that stops it fails, and no other is troubled."""
    process = subprocess.Popen(DEAF, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"deaf\n"
    with process.stdout, pytest.raises(subprocess.TimeoutExpired):
        Server(process, tmp_path / "log", "127.0.0.1", 0).stop(0.2)

    assert process.returncode == -9
