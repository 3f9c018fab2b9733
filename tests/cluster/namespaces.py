"""Processes in namespaces of their own: network, mounts, processes, control groups and host name."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

KINDS = ("--cgroup", "--mount", "--net", "--pid", "--uts")
CREATE_GROUPS = ("unshare", "--cgroup")
CREATE_OTHERS = ("unshare", *KINDS[1:], "--fork", "--kill-child", "--mount-proc")
CREATE = (*CREATE_GROUPS, *CREATE_OTHERS)
INTERRUPTIONS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
END_SECONDS = 30
POLL_SECONDS = 0.02


def exit_on_signals() -> None:
    """From now on, end as a program does that a signal ended, but only after everything is taken down."""
    for interruption in INTERRUPTIONS:
        ignored = signal.getsignal(interruption) == signal.SIG_IGN
        if not (ignored and interruption == signal.SIGHUP):  # `nohup` means it
            signal.signal(interruption, _exit)


def _exit(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back signals, so that what is made in the block is also noted there."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTIONS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def first_process(unshare: int) -> int:
    """The first process of the namespaces that `unshare` made. Raises ProcessLookupError without one."""
    for child in _children(unshare):
        return child
    raise ProcessLookupError(f"process {unshare} has no namespaces, or they have ended")


def entering(first: int, command: Sequence[str]) -> list[str]:
    """A command line that runs a command in the namespaces of their first process, in the current folder."""
    return ["nsenter", "--target", str(first), *KINDS, f"--wd={Path.cwd()}", "--", *command]


def end(unshare: int) -> None:
    """Kill the first process of namespaces, with which the kernel kills all others, and `unshare` itself.

    Raises TimeoutError if they stay.
    """
    processes = [*_children(unshare), unshare]
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    deadline = time.monotonic() + END_SECONDS
    while remaining := [process for process in processes if _exists(process)]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"killed processes stay: {remaining}")
        time.sleep(POLL_SECONDS)


def environment_of(process: str) -> str:
    """The environment of a process, with a zero after each variable; empty if there is no such process."""
    try:
        return Path(f"/proc/{process}/environ").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _children(process: int) -> list[int]:
    try:
        return [
            int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()
        ]
    except FileNotFoundError:  # it has ended
        return []


def _exists(process: int) -> bool:
    with suppress(ChildProcessError):  # it may be a child of another process
        os.waitpid(process, os.WNOHANG)
    return Path(f"/proc/{process}").exists()
