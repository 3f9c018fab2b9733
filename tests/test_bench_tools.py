"""Steps of builds of what others wrote, which benchmarks and tests build once."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bench import tools

STARTS_ANOTHER = ("sh", "-c", "sleep 60 & echo $! > other; wait")
"""A step that starts a process and waits for it, as `go build` does."""
BUILD = f"""
import signal, sys
from pathlib import Path
from bench import tools
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
tools.run({STARTS_ANOTHER!r}, Path(sys.argv[1]))
"""


def wait_for_process(folder: Path) -> int:
    """The process that a step has started."""
    deadline = time.monotonic() + 30
    while not (text := folder.joinpath("other").read_text() if (folder / "other").exists() else ""):
        assert time.monotonic() < deadline, "the step hasn't started another process"
        time.sleep(0.01)
    return int(text)


def has_ended(process: int) -> bool:
    """Whether a process ends within a few seconds, even if nobody asks for its status then."""
    for _ in range(500):
        asked = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True)
        if asked.stdout.strip()[:1] in ("", "Z"):
            return True
        time.sleep(0.01)
    return False


def test_a_step_that_takes_too_long_ends_with_all_its_processes(tmp_path: Path) -> None:
    """Compilers would go on, in a folder that is gone."""
    with pytest.raises(tools.UnavailableError, match=r"sh failed: .* timed out"):
        tools.run(STARTS_ANOTHER, tmp_path, seconds=0.5)

    assert has_ended(wait_for_process(tmp_path))


def test_an_interrupted_step_ends_with_all_its_processes(tmp_path: Path) -> None:
    """A signal reaches one process alone, where Ctrl-C reaches all of a terminal."""
    with subprocess.Popen([sys.executable, "-c", BUILD, str(tmp_path)]) as build:
        other = wait_for_process(tmp_path)
        build.send_signal(signal.SIGTERM)

    assert has_ended(other)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["sh", "-c", "echo no such module >&2; exit 3"], "sh failed: no such module"),
        (["sh", "-c", "exit 3"], "sh failed: exit status 3"),
        (["no-such-program"], "no-such-program failed: .*No such file"),
    ],
)
def test_a_step_that_fails_says_why(command: list[str], reason: str, tmp_path: Path) -> None:
    """Its caller says what can't be had here, and why."""
    with pytest.raises(tools.UnavailableError, match=reason):
        tools.run(command, tmp_path)
