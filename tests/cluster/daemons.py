"""Programs that run as long as the cluster, or as long as tests need them, each with a log of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from tests.cluster.kubectl import run_command

POLL_SECONDS = 0.1
STOP_SECONDS = 20
LOG_LINES = 5


class DaemonError(Exception):
    """A program of the cluster ended or isn't ready in time; the message has the end of its log."""


class Daemons:
    """Starts programs, and notices when one ends."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        logs.mkdir(exist_ok=True)

    def start(self, name: str, *command: str | Path) -> None:
        """Start a program."""
        with self._log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for those who then stop it
            )

    def wait_until_ready(self, name: str, is_ready: Callable[[], bool], seconds: float = 120) -> None:
        """Wait for a program to be ready. Raises DaemonError if it ends or takes longer."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            if (status := self.processes[name].poll()) is not None:
                raise DaemonError(self._describe(name, f"ended with status {status}"))
            if time.monotonic() > deadline:
                raise DaemonError(self._describe(name, f"isn't ready after {seconds} seconds"))
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """End all programs, for those that don't run as long as the cluster."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def watch(self, ended: Path) -> NoReturn:
        """Reap every orphan, as is a first process's task, and note the daemons that end."""
        names = {process.pid: name for name, process in self.processes.items()}
        while True:
            try:
                pid, status = os.wait()
            except ChildProcessError:  # has no child any more, so waits to be killed
                signal.pause()
                continue
            if pid in names:
                code = os.waitstatus_to_exitcode(status)
                with ended.open("a") as file:
                    print(self._describe(names[pid], f"ended with status {code}"), file=file)

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def _describe(self, name: str, what: str) -> str:
        lines = self._log(name).read_text(errors="replace").splitlines()[-LOG_LINES:]
        return "\n".join([f"{name} {what}; its log ends:", *(f"  {line[:400]}" for line in lines)])


def succeeds(*command: str | Path) -> bool:
    """Whether a command succeeds."""
    return run_command(*command, must_succeed=False, timeout_seconds=30).returncode == 0
