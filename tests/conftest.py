"""What all tests share: the bundled tree, and real servers on free ports."""

from __future__ import annotations

import logging.config
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.telemetry import deferred, log_output
from finetune_advisor.trees import catalog, loader
from tests import editions

ROOT = Path(__file__).parent.parent
BUNDLED = catalog.BUNDLED_TREES_DIR
IN_CI = os.environ.get("CI") == "true"
MUST_RUN = IN_CI or os.environ.get("CLUSTER") == "required"
# jsonschema would compile 38 grammars for IRIs, which nothing here checks: three seconds in each process.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are cores, as tests wait for servers a third of the time."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Coverage isn't measured during an exhaustive test and its own fixtures."""
    measurement = _running_coverage() if item.get_closest_marker("exhaustive") else None
    if measurement is None:
        return (yield)
    measurement.stop()
    try:
        return (yield)
    finally:
        measurement.start()


def _running_coverage() -> Any:
    """The measurement of coverage in this process, or None without one."""
    coverage = sys.modules.get("coverage")  # `make test` alone loads it, which takes a while
    return coverage and coverage.Coverage.current()


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """A skipped test is a failed one where CI=true or CLUSTER=required: there, nothing may be missing."""
    if MUST_RUN and call.excinfo is not None and call.excinfo.errisinstance(pytest.skip.Exception):
        where = "CI=true" if IN_CI else "CLUSTER=required"
        reason = f"{item.nodeid} was skipped where {where}: {call.excinfo.value}"
        failure = pytest.fail.Exception(reason).with_traceback(call.excinfo.tb)
        call.excinfo = pytest.ExceptionInfo.from_exception(failure)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test starts without settings in its environment, and no process that it starts is measured."""
    for name in os.environ:
        if name.startswith(STRANGE):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session", autouse=True)
def _lines_written() -> Iterator[None]:
    """Lines that wait to be written are, while there is somewhere to write to."""
    yield
    logging.shutdown()


@contextmanager
def server_logging() -> Iterator[None]:
    """Logging as the server configures it; a test that it decorates captures the lines by capsys."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    deferred.flush()  # lines of other tests
    logging.config.dictConfig(log_output.build_logging_config("info", "json"))
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


@pytest.fixture(scope="session", autouse=True)
def _bundled_trees_once() -> Iterator[None]:
    """A bundled tree is read and proven once in a process, not anew for each application of the tests."""
    load, known = loader.load_tree, dict[Path, Tree]()

    def load_once(path: str | Path) -> Tree:
        path = Path(path)
        if path.parent != BUNDLED:
            return load(path)
        if path not in known:
            known[path] = load(path)
        return known[path]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loader, "load_tree", load_once)
        yield


@pytest.fixture(scope="session")
def tree() -> Tree:
    """Tree 1.0.0, the bundled one."""
    return loader.load_tree(catalog.BUNDLED_TREES_DIR / "1.0.0.yaml")


@dataclass
class Server:
    """A real gunicorn on a socket of its own."""

    process: subprocess.Popen[bytes]
    log: Path
    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def stop(self, wait: float = 60) -> int:
        """End it as an orchestrator would, and give its exit code. Kills it if it doesn't end in time."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(wait)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def tool(name: str) -> str:
    """An outside program's path; a test that misses it is skipped."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    return found or pytest.skip(f"{name} isn't installed here")


StartServer = Callable[..., Server]
STRANGE = ("FINETUNE_ADVISOR_", "PROMETHEUS_", "COVERAGE")
START_SECONDS = 60
"""How long a server may take to start: two seconds alone, ten times that on a busy machine."""
LISTENING = re.compile(r"Listening at: http://([\d.]+):(\d+)")


SERVE = (sys.executable, "-m", "finetune_advisor.cli", "serve")


def plain_environment() -> dict[str, str]:
    """The environment of this process without any setting of the service."""
    return {name: value for name, value in os.environ.items() if not name.startswith(STRANGE)}


def start(log: Path, command: Sequence[str] = SERVE, **settings: str) -> Server:
    """Start `finetune-advisor serve`, or a `command` like it, on a free port, with settings such as
    WORKERS="4".
    """
    chosen = {"PORT": "0", "GRACEFUL_TIMEOUT": "10", **settings}
    environment = plain_environment() | {
        f"FINETUNE_ADVISOR_{name}": value for name, value in chosen.items()
    }
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        listening = LISTENING.search(log.read_text())
        if listening and _answers(f"http://{listening[1]}:{listening[2]}"):
            return Server(process, log, listening[1], int(listening[2]))
        time.sleep(0.05)
    state = "ended" if process.poll() is not None else f"didn't answer within {START_SECONDS} seconds"
    process.kill()
    process.wait()  # else it is reported as a leak of whichever test runs when it is collected
    raise RuntimeError(f"the server {state}:\n{log.read_text()}")


def _answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server with the settings' defaults, for all tests that only ask it something."""
    started = start(tmp_path_factory.mktemp("server") / "log")
    yield started
    started.stop()


@pytest.fixture(scope="session")
def ending_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server of a deprecated, a retired and a successive version beside the bundled ones, and of a tree
    that has a worksheet.
    """
    trees = tmp_path_factory.mktemp("ending")
    editions.write_ending(trees)
    (trees / "typed.yaml").write_bytes((ROOT / "tests" / "api" / "typed.yaml").read_bytes())
    started = start(tmp_path_factory.mktemp("server") / "log", TREES_DIR=str(trees))
    yield started
    started.stop()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Start servers with settings of one's own; they end with the test."""
    logs = (tmp_path / f"server-{number}.log" for number in count())
    with ExitStack() as started:  # each is stopped, whatever becomes of the others

        def start_one(**settings: str) -> Server:
            server = start(next(logs), **settings)
            started.callback(server.stop)
            return server

        yield start_one
