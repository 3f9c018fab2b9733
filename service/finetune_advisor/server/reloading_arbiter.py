"""gunicorn's first process, extended: it replaces the application when trees change, without a pause."""

from __future__ import annotations

import gc
import signal
import time
from collections.abc import Collection
from typing import Any

from flask import Flask
from gunicorn.arbiter import Arbiter

from finetune_advisor.app import create_app, free_replaced_applications, publish_trees
from finetune_advisor.server.connection_handover import ConnectionHandover
from finetune_advisor.server.tree_proof import ProofResult, TreeProof, describe_error
from finetune_advisor.server.worker import STOP_SIGNALS, Worker
from finetune_advisor.settings import Settings
from finetune_advisor.telemetry import metrics_folder, readiness, tree_reloads
from finetune_advisor.telemetry.metrics import MetricsUnavailableError
from finetune_advisor.trees.document_folder import FolderWatch, hash_documents

KILL_AFTER_SECONDS = 5
"""Time that a replaced worker gets beyond the graceful timeout before it is killed."""


class _StopRequestedError(BaseException):
    """Ends the build of an application when a signal asks the instance to stop."""


class ReloadingArbiter(Arbiter):
    """Starts workers as gunicorn does, and new ones with a new application when the trees change.

    A reload has three steps. A process of its own proves the documents. This process builds the application
    from the same documents, so that all workers share its memory. New workers then take the connections,
    and the workers before end when they have answered their requests.
    """

    def __init__(self, app: Any) -> None:
        self._settings = Settings.from_environment()
        directory, interval = self._settings.trees_dir, self._settings.trees_watch_seconds
        self._watch = FolderWatch(directory, interval) if directory and interval else None
        self._is_requested = self._is_building = self._is_stopping = False
        self._proof: TreeProof | None = None
        self._replaced: set[int] = set()
        self._kill_at = 0.0
        self.handovers: list[ConnectionHandover] = []
        before = hash_documents(directory)
        super().__init__(app)  # builds the application
        # If the documents changed meanwhile, nobody knows which ones the application was built from.
        self._served_hash = before if hash_documents(directory) == before else None

    def start(self) -> None:
        super().start()
        self.handovers = [ConnectionHandover(listener) for listener in self.LISTENERS]

    def request_reload(self, *_: Any) -> None:
        """Have the documents read again. Any number of requests at once are one. Safe in a signal handler."""
        self._is_requested = True
        self.wakeup()

    def handle_hup(self) -> None:
        """Take a SIGHUP that came before the instance was ready."""
        self.request_reload()

    def signal(self, sig: int, frame: Any) -> None:
        """Take note of a signal. One that asks for a stop ends a build, which takes up to some seconds."""
        super().signal(sig, frame)
        if sig in STOP_SIGNALS:
            self._is_stopping = True
            if self._is_building:
                raise _StopRequestedError

    def manage_workers(self) -> None:
        """Also go on with a reload. gunicorn calls this at least every second, and after each signal."""
        self._replaced &= self.WORKERS.keys()
        self._refresh_keys()
        # A new worker that ends is replaced, also while earlier ones still run.
        self.num_workers = self.cfg.workers + len(self._replaced)
        super().manage_workers()
        if self._replaced:
            self._kill_overdue()
        elif not readiness.is_draining():
            self._go_on()

    def spawn_worker(self) -> Any:
        """Fork a worker. A signal that reaches it at once waits until `post_fork`.

        Python forgets the signals that a child gets before its first instruction.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            return super().spawn_worker()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def stop(self, graceful: bool = True) -> None:
        """Stop as gunicorn does, without another reload."""
        if self._proof and not self._proof.poll():
            self._proof.kill()
        # Nobody is left to take the connections of a worker that ends.
        for worker in self.WORKERS.values():
            worker.is_replaced = False
        super().stop(graceful)

    def _refresh_keys(self) -> None:
        """Have a new worker begin with the API keys that hold now, even if it can't read their file."""
        if keys := self.app.callable.extensions["api_keys"]:
            keys.refresh()

    def _kill_overdue(self) -> None:
        """Kill replaced workers that still run long after the graceful timeout."""
        if time.monotonic() > self._kill_at:
            for pid in self._replaced:
                self.kill_worker(pid, signal.SIGKILL)

    def _go_on(self) -> None:
        """Take the next step of a reload, if there is one to take."""
        if self._proof:
            if result := self._proof.poll():
                self._proof = None
                self._take_result(result)
        elif self._has_reason_to_read():
            self._is_requested = False
            try:
                self._proof = TreeProof(self._settings, self._build, self.LISTENERS)
            except OSError as error:
                reason = f"no process can be started: {error.strerror}"
                self._report_failure(f"{reason}; raise their limit, and send SIGHUP to try again")

    def _has_reason_to_read(self) -> bool:
        # The watch looks in either case, so that it knows the documents.
        has_changed = self._watch is not None and self._watch.has_changed()
        return has_changed or self._is_requested

    def _take_result(self, result: ProofResult) -> None:
        """Serve what was proven, or go on serving the trees before and say why."""
        if result.error:
            self._report_failure(result.error)
        elif result.documents_hash == self._served_hash:
            self._report_success("unchanged")
        else:
            self._reload(result.documents_hash)

    def _reload(self, documents_hash: str) -> None:
        """Replace the application and the workers, if the documents are those with a hash."""
        try:
            app = self._build_for_workers()
        except _StopRequestedError:
            return
        except Exception as error:  # noqa: BLE001  # whatever it is, the application before can serve
            self._report_failure(describe_error(error))
            return
        if hash_documents(self._settings.trees_dir) != documents_hash:
            self.request_reload()  # they have changed since they were proven
            return
        if self._replace_workers(app):
            self._served_hash = documents_hash
            self._report_success("reloaded")

    def _build_for_workers(self) -> Flask:
        """Build the application with room for the metrics of twice as many workers.

        Raises as `create_app` does, and _StopRequestedError if a stop was asked for.
        """
        metrics_folder.make_room_for_replacements(self.cfg.workers)
        # The collector calls functions whose exceptions Python drops, so that none is raised for a stop here.
        self._free_replaced_applications()
        self._is_building = True
        try:
            if self._is_stopping:
                raise _StopRequestedError
            return self._build(self.app.callable.extensions["metrics"])
        finally:
            self._is_building = False
            gc.freeze()  # as at the start

    def _build(self, metrics: Any = None) -> Flask:
        return create_app(self._settings, metrics, self.app.callable.extensions["api_keys"])

    def _free_replaced_applications(self) -> None:
        """Free what earlier reloads have left, before the next workers are forked.

        Looking for garbage writes to every object. After a fork, that would copy all the memory that this
        process shares with its workers.
        """
        gc.unfreeze()
        free_replaced_applications()

    def _replace_workers(self, app: Flask) -> bool:
        """Start workers with a new application, and have those before hand over their connections and end.

        If not all can be started, those end that were, and the application before stays. Returns False then.
        """
        earlier: dict[int, Worker] = dict(self.WORKERS)
        app_before, self.app.callable = self.app.callable, app
        try:
            publish_trees(app)
            for _ in range(self.cfg.workers):
                self.spawn_worker()
        except (OSError, MetricsUnavailableError) as error:
            self.app.callable = app_before
            publish_trees(app_before)
            self._end_workers(self.WORKERS.keys() - earlier.keys())
            self._report_failure(f"no worker can be started: {error}; send SIGHUP to try again")
            return False
        for worker in earlier.values():
            worker.is_replaced = True
        self._end_workers(earlier.keys())
        return True

    def _end_workers(self, pids: Collection[int]) -> None:
        """End workers, beyond those that serve from now on."""
        for pid in pids:
            self.kill_worker(pid, signal.SIGTERM)
        self._replaced = set(pids)
        self._kill_at = time.monotonic() + self.cfg.graceful_timeout + KILL_AFTER_SECONDS

    def _report_success(self, what: str) -> None:
        tree_reloads.record_success()
        served = self.app.callable.extensions["catalog"]
        self.log.info(
            "The trees are %s: %s; the default is %s",
            what,
            ", ".join(served.trees),
            served.default.version,
        )

    def _report_failure(self, error: str) -> None:
        tree_reloads.record_failure()
        self.log.error("The trees can't be reloaded, and those before are still served: %s", error)
