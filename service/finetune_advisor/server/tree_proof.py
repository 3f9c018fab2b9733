"""Proves tree documents in a process of their own, before an instance serves them."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.settings import Settings
from finetune_advisor.telemetry import metrics_files
from finetune_advisor.trees.document_folder import hash_documents

MAX_SECONDS = 600
"""Time that a proof may take. A named pipe among the documents would never end."""
MAX_READS = 30
"""Times that documents are read until they stay the same meanwhile."""
PAUSE_SECONDS = 0.5
"""Pause before documents that have changed meanwhile are read again."""
PROOF_NICENESS = 5
"""Priority of the proof: requests go first."""
FIRST_TO_KILL = "1000"
"""The value by which Linux ends this process first if memory runs out, and not one that serves."""


@dataclass(frozen=True)
class ProofResult:
    """The hash of the documents that were proven, or the error that refuses them."""

    documents_hash: str
    error: str | None = None


def prove_documents(
    directory: Path | None, build: Callable[[], Any], pause: float = PAUSE_SECONDS
) -> ProofResult:
    """Build the application with `build`, anew until the documents stay the same meanwhile."""
    for _ in range(MAX_READS):
        before = hash_documents(directory)
        error = _find_error(build)
        if hash_documents(directory) == before:
            return ProofResult(before, error)
        time.sleep(pause)
    return ProofResult(
        "", f"{directory}: changes each time that it is read; put whole files there at once"
    )


def _find_error(build: Callable[[], Any]) -> str | None:
    try:
        build()
    except Exception as error:  # noqa: BLE001  # whatever fails here would end the process that asks
        return describe_error(error)
    return None


def describe_error(error: Exception) -> str:
    """Describe why the application can't be built. An error that nobody expects may quote anything."""
    if isinstance(error, FinetuneAdvisorError):
        return str(error)
    return f"the application can't be built ({type(error).__name__}); start an instance to see where"


class TreeProof:
    """A process that proves documents, and the result that it sends."""

    def __init__(
        self, settings: Settings, build: Callable[[], Any], inherited: Iterable[Any] = ()
    ) -> None:
        """Fork the process. It closes `inherited`, the listeners of this one, so that no port stays taken."""
        self._expires_at = time.monotonic() + MAX_SECONDS
        self._received = b""
        self._pipe, sender = os.pipe()
        os.set_blocking(self._pipe, False)
        self._pid = os.fork()
        if not self._pid:
            _run(settings, build, inherited, sender)
        os.close(sender)

    def poll(self) -> ProofResult | None:
        """Return the result, or None as long as there is none."""
        with suppress(BlockingIOError):
            while data := os.read(self._pipe, 65536):
                self._received += data
            return self._end(self._received or _fail("ended before its result; it may lack memory"))
        if time.monotonic() > self._expires_at:
            self.kill()
            return self._end(_fail(f"took longer than {MAX_SECONDS} seconds"))
        return None

    def _end(self, result: bytes) -> ProofResult:
        os.close(self._pipe)
        try:
            return ProofResult(**json.loads(result))
        except ValueError:  # a process that is killed may have written a part of it
            return ProofResult(**json.loads(_fail("ended within its result; it may lack memory")))

    def kill(self) -> None:
        """End the process, if `poll` hasn't returned its result yet."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)


def _fail(reason: str) -> bytes:
    error = f"the check of the documents {reason}; send SIGHUP to try again"
    return json.dumps(asdict(ProofResult("", error))).encode()


def _run(settings: Settings, build: Callable[[], Any], inherited: Iterable[Any], sender: int) -> None:
    """Be the process that proves, to its end."""
    try:
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGALRM):
            signal.signal(name, signal.SIG_DFL)
        for listener in inherited:
            listener.close()
        os.nice(PROOF_NICENESS)
        with suppress(OSError):  # only Linux has it
            Path("/proc/self/oom_score_adj").write_text(FIRST_TO_KILL)
        # This process counts nothing, and must not write into the files of those that do.
        metrics_files.set_metrics_folder(None)
        result = prove_documents(settings.trees_dir, build)
        with os.fdopen(sender, "wb") as pipe:
            pipe.write(json.dumps(asdict(result)).encode())
    finally:
        # Nothing that the parent has prepared for its own end may run here.
        os._exit(0)
