"""Conformance: whether a running instance answers as a decision table says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from finetune_advisor.engine.analysis.decision_table import DecisionTable, RowOutcome
from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.model.inputs import Profile

CONNECTION_COUNT = 8
MAX_SHOWN_DIFFERENCES = 20
ANSWER_TIMEOUT_SECONDS = 30
"""Seconds that an answer may take."""

Row = tuple[Profile, RowOutcome]


class ConformanceError(FinetuneAdvisorError):
    """An instance can't be checked: it can't be reached, isn't this service, or lacks the version."""


@dataclass(frozen=True)
class ConformanceReport:
    """What checking an instance against a table found; it conforms if there are no differences."""

    table: DecisionTable
    differences: tuple[str, ...]

    def __str__(self) -> str:
        rows, shown = len(self.table.rows), self.differences[:MAX_SHOWN_DIFFERENCES]
        pack = f"{rows} rows ({self.table.holds}), table {self.table.plain['sha256']}"
        verdict = f"{len(self.differences)} differences" if self.differences else "conforms"
        more = len(self.differences) - len(shown)
        lines = [f"Tree {self.table.version}: {verdict}; {pack}", *(f"  {one}" for one in shown)]
        return "\n".join([*lines, *([f"  and {more} more"] if more else [])])


def check_instance(url: str, table: DecisionTable) -> ConformanceReport:
    """Post every profile of a table to an instance and compare the answers.

    Raises ConformanceError.
    """
    with _Instance(url) as instance:
        served = instance.digest(table.version)
    chunks = [table.rows[start::CONNECTION_COUNT] for start in range(CONNECTION_COUNT)]
    same = served == table.digest
    with ThreadPoolExecutor(CONNECTION_COUNT) as pool:
        found = pool.map(lambda rows: _compare_rows(url, table, rows, receipts=same), chunks)
        by_place = sorted(
            chain.from_iterable(_with_row_numbers(start, some) for start, some in enumerate(found))
        )
    tree = [] if same else [f"digest: expected {table.digest}, got {served}"]
    return ConformanceReport(
        table, (*tree, *(compare_answer for _, compare_answer in by_place if compare_answer))
    )


def _with_row_numbers(start: int, differences: Iterable[str]) -> Iterator[tuple[int, str]]:
    return (
        (start + CONNECTION_COUNT * place, compare_answer)
        for place, compare_answer in enumerate(differences)
    )


def _compare_rows(url: str, table: DecisionTable, rows: Sequence[Row], *, receipts: bool) -> list[str]:
    """For each row, how the instance's answer differs; empty where it doesn't."""
    with _Instance(url) as instance:
        return [
            compare_answer(profile, outcome, *instance.assess(profile, table.version), receipts=receipts)
            for profile, outcome in rows
        ]


def compare_answer(
    profile: Profile,
    outcome: RowOutcome,
    status: int,
    answer: Mapping[str, Any],
    *,
    receipts: bool = True,
) -> str:
    """How an answer of /assess differs from an outcome; empty if it doesn't.

    A receipt is made with the digest, so where that differs already, receipts say nothing more.
    """
    if status != 200:
        found = [f"status: expected 200, got {status} {answer.get('detail', '')}".rstrip()]
    else:
        expected = {"recommendation": outcome.recommendation, "path": ", ".join(outcome.path)}
        if receipts:
            expected["receipt"] = outcome.receipt
        actual = _summarize_answer(answer)
        found = [
            f"{field}: expected {wanted}, got {actual[field]}"
            for field, wanted in expected.items()
            if wanted != actual[field]
        ]
    return f"{json.dumps(dict(profile))}: {'; '.join(found)}" if found else ""


def _summarize_answer(answer: Mapping[str, Any]) -> Mapping[str, str]:
    """What an answer of /assess says, as text; `nothing` where it isn't an assessment."""
    try:
        path = ", ".join(step["question"] for step in answer["path"])
    except (KeyError, TypeError):
        path = "nothing"
    leaf = answer.get("recommendation")
    end = leaf.get("id") if isinstance(leaf, Mapping) else "nothing"
    return {"recommendation": str(end), "path": path, "receipt": str(answer.get("receipt", "nothing"))}


def _make_connection(url: str) -> tuple[str, HTTPConnection]:
    """The path that goes before every other, and a connection that opens with the first request."""
    try:
        parts = urlsplit(url)
        kind = {"http": HTTPConnection, "https": HTTPSConnection}[parts.scheme]
        return parts.path.rstrip("/"), kind(
            parts.hostname or "", parts.port, timeout=ANSWER_TIMEOUT_SECONDS
        )
    except (ValueError, KeyError, HTTPException) as error:
        problem = "not the address of an instance; give one such as http://127.0.0.1:8080"
        raise ConformanceError(f"{url}: {problem}") from error


class _Instance:
    """A running instance, asked over one connection that is kept open."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.prefix, self.connection = _make_connection(url)

    def __enter__(self) -> _Instance:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def digest(self, version: str) -> str:
        """The digest of the tree that it serves as a version."""
        status, answer = self._ask("GET", "/tree/versions")
        try:
            served = {str(one["version"]): str(one["digest"]) for one in answer["versions"]}
        except (KeyError, TypeError):
            problem = f"/tree/versions answers {status} without a list of versions"
            raise ConformanceError(f"{self.url}: {problem}; give the address of an instance") from None
        if version not in served:
            problem = f"tree {version} isn't served; served are {', '.join(served)}"
            raise ConformanceError(f"{self.url}: {problem}; choose one with --tree-version")
        return served[version]

    def assess(self, profile: Profile, version: str) -> tuple[int, Mapping[str, Any]]:
        return self._ask("POST", "/assess", {"profile": dict(profile), "tree_version": version})

    def _ask(self, method: str, path: str, body: object = None) -> tuple[int, Mapping[str, Any]]:
        try:
            return self._exchange(method, path, body)
        except (ConnectionResetError, BrokenPipeError, HTTPException):
            self.connection.close()  # an idle connection may be closed at any time: ask once more
        except (OSError, UnicodeError) as error:
            raise self._unreachable_error(error) from error
        try:
            return self._exchange(method, path, body)
        except (OSError, HTTPException) as error:
            raise self._unreachable_error(error) from error

    def _unreachable_error(self, error: Exception) -> ConformanceError:
        reason = str(error) or type(error).__name__
        return ConformanceError(f"{self.url}: doesn't answer: {reason}; start it or correct the address")

    def _exchange(self, method: str, path: str, body: object) -> tuple[int, Mapping[str, Any]]:
        text = None if body is None else json.dumps(body)
        headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if text else {})
        self.connection.request(method, self.prefix + path, text, headers)
        response = self.connection.getresponse()
        content = response.read()
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            problem = f"{path} answers {response.status} without a JSON object"
            raise ConformanceError(f"{self.url}: {problem}; give the address of an instance")
        return response.status, answer
