"""PostgreSQL of Debian's package in a folder of its own, reached by a socket there."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.tree import Tree
from tests.formats.databases import DECIDE, cells, create_table
from tests.formats.decided_rows import Decision

INSTALLED = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
UNPRIVILEGED = "postgres"
"""The user that Debian's package brings. PostgreSQL doesn't run as root."""
SETTINGS = ("listen_addresses=", "fsync=off", "autovacuum=off")
STOP_SECONDS = 30


@dataclass(frozen=True)
class PostgreSql:
    """A running server, which listens on a socket in a folder."""

    folder: Path
    dialect = "postgres"
    integer_type, double_type = "BIGINT", "DOUBLE PRECISION"

    def decide(
        self, tree: Tree, query: str, rows: Sequence[Profile], *, integer: str = "BIGINT"
    ) -> list[Decision]:
        """What a query says of each row of a table `profiles`."""
        types = {"boolean": "BOOLEAN", "enum": "TEXT", "integer": integer, "number": "DOUBLE PRECISION"}
        with psycopg.connect(host=str(self.folder), user=UNPRIVILEGED, dbname="postgres") as connection:
            connection.execute(create_table(tree, types).replace("TABLE", "TEMPORARY TABLE", 1))
            with connection.cursor().copy("COPY profiles FROM STDIN") as copy:
                for row in cells(tree, rows):
                    copy.write_row(row)
            return connection.execute(DECIDE.format(query=query).encode()).fetchall()


@contextmanager
def running() -> Iterator[PostgreSql]:
    """Start a server, and stop it afterwards. Skips where PostgreSQL isn't installed."""
    if not INSTALLED:
        pytest.skip("PostgreSQL isn't installed here: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="finetune-advisor-postgresql-"))
    try:
        with _server(folder):
            yield PostgreSql(folder)
    finally:
        shutil.rmtree(folder)


@contextmanager
def _server(folder: Path) -> Iterator[None]:
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:
        as_user = {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []}
        shutil.chown(folder, UNPRIVILEGED, UNPRIVILEGED)
    data = folder / "data"
    initdb = ["-A", "trust", "-U", UNPRIVILEGED, "-E", "UTF8", "--no-sync"]
    _run("initdb", "-D", str(data), *initdb, **as_user)
    options = " ".join(["-k", str(folder), *(f"-c {setting}" for setting in SETTINGS)])
    log = str(folder / "log")
    _run("pg_ctl", "-D", str(data), "-l", log, "-o", options, "-w", "start", **as_user)
    try:
        yield
    finally:
        stop = ["-m", "immediate", "-t", str(STOP_SECONDS), "-w", "stop"]
        _run("pg_ctl", "-D", str(data), *stop, **as_user)


def _run(program: str, *arguments: str, **options: Any) -> None:
    command = [str(INSTALLED[-1] / program), *arguments]
    done = subprocess.run(
        command,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stdout
