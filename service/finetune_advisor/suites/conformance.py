"""Conformance checks: compare the answers of a running instance with a decision table."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from finetune_advisor.engine.analysis.decision_table import DecisionTable, RowOutcome
from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.model.inputs import Profile

CONNECTION_COUNT = 8
MAX_SHOWN_DIFFERENCES = 20
ANSWER_TIMEOUT_SECONDS = 30
KEY_PATTERN = re.compile(r"[!-~]+")
"""An API key: anything that a header can have without white space."""

Row = tuple[Profile, RowOutcome]


class ConformanceError(FinetuneAdvisorError):
    """An instance can't be checked: it can't be reached, isn't this service, or doesn't serve the version."""


@dataclass(frozen=True)
class ConformanceReport:
    """The result of a conformance check; the instance conforms if there are no differences.

    `str` gives a summary and the first 20 differences, one per line.
    """

    table: DecisionTable
    differences: tuple[str, ...]

    def __str__(self) -> str:
        rows, shown = len(self.table.rows), self.differences[:MAX_SHOWN_DIFFERENCES]
        checked = f"{rows} rows ({self.table.holds}), table {self.table.plain['sha256']}"
        verdict = f"{len(self.differences)} differences" if self.differences else "conforms"
        lines = [f"Tree {self.table.version}: {verdict}; {checked}"]
        lines += [f"  {difference}" for difference in shown]
        remaining = len(self.differences) - len(shown)
        return "\n".join([*lines, *([f"  and {remaining} more"] if remaining else [])])


def check_instance(url: str, table: DecisionTable, key: str | None = None) -> ConformanceReport:
    """Send every profile of a table to the instance at a URL and compare its answers with the table.

    `key` is the API key that the instance asks for, if it does. Raises ConformanceError.
    """
    if key is not None and not KEY_PATTERN.fullmatch(key):
        raise ConformanceError("the API key has other characters than those of a key, or is empty")
    with _Instance(url, key) as instance:
        served_digest = instance.digest(table.version)
    same_tree = served_digest == table.digest
    # Row i goes over connection i modulo CONNECTION_COUNT.
    chunks = [table.rows[start::CONNECTION_COUNT] for start in range(CONNECTION_COUNT)]
    with ThreadPoolExecutor(CONNECTION_COUNT) as pool:
        by_connection = [
            *pool.map(lambda rows: _compare_rows(url, key, table, rows, receipts=same_tree), chunks)
        ]
    in_order = [
        by_connection[row % CONNECTION_COUNT][row // CONNECTION_COUNT] for row in range(len(table.rows))
    ]
    tree_difference = [] if same_tree else [f"digest: expected {table.digest}, got {served_digest}"]
    return ConformanceReport(table, (*tree_difference, *filter(None, in_order)))


def _compare_rows(
    url: str, key: str | None, table: DecisionTable, rows: Sequence[Row], *, receipts: bool
) -> list[str]:
    """Return for each row how the instance's answer differs; an empty text if it doesn't."""
    with _Instance(url, key) as instance:
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
    """Describe how an answer of POST /assess differs from an outcome; an empty text if it doesn't.

    Pass `receipts=False` if the digests of the trees differ: then all receipts differ, too.
    """
    if status != 200:
        differences = [f"status: expected 200, got {status} {answer.get('detail', '')}".rstrip()]
    else:
        expected = {"recommendation": outcome.recommendation, "path": ", ".join(outcome.path)}
        if receipts:
            expected["receipt"] = outcome.receipt
        actual = _summarize_answer(answer)
        differences = [
            f"{field}: expected {wanted}, got {actual[field]}"
            for field, wanted in expected.items()
            if wanted != actual[field]
        ]
    return f"{json.dumps(dict(profile))}: {'; '.join(differences)}" if differences else ""


def _summarize_answer(answer: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the fields that are compared as text; `nothing` for those that the answer lacks."""
    # Anything may answer at the URL, so no field is taken for granted.
    try:
        path = ", ".join(step["question"] for step in answer["path"])
    except (KeyError, TypeError):
        path = "nothing"
    recommendation = answer.get("recommendation")
    name = recommendation.get("id") if isinstance(recommendation, Mapping) else "nothing"
    receipt = answer.get("receipt", "nothing")
    return {"recommendation": str(name), "path": path, "receipt": str(receipt)}


def _make_connection(url: str) -> tuple[str, HTTPConnection]:
    """Return the path prefix of an instance's URL, and a connection that opens with the first request."""
    try:
        parts = urlsplit(url)
        connection_type = {"http": HTTPConnection, "https": HTTPSConnection}[parts.scheme]
        connection = connection_type(parts.hostname or "", parts.port, timeout=ANSWER_TIMEOUT_SECONDS)
    except (ValueError, KeyError, HTTPException) as error:
        problem = "not the address of an instance; give one such as http://127.0.0.1:8080"
        raise ConformanceError(f"{url}: {problem}") from error
    return parts.path.rstrip("/"), connection


class _Instance:
    """A client for one running instance, with one connection that it keeps open."""

    def __init__(self, url: str, key: str | None) -> None:
        self.url = url
        self.headers = {"Accept": "application/json"}
        if key is not None:
            self.headers["Authorization"] = f"Bearer {key}"
        self.prefix, self.connection = _make_connection(url)

    def __enter__(self) -> _Instance:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def digest(self, version: str) -> str:
        """Return the digest of the tree that the instance serves as a version."""
        status, answer = self._ask("GET", "/tree/versions")
        if status == 401:
            problem = "asks for an API key, or doesn't know this one; give a valid one with --key-file"
            raise ConformanceError(f"{self.url}: {problem}")
        try:
            versions = answer["versions"]
            digests = {str(version["version"]): str(version["digest"]) for version in versions}
        except (KeyError, TypeError):
            problem = f"/tree/versions answers {status} without a list of versions"
            raise ConformanceError(f"{self.url}: {problem}; give the address of an instance") from None
        if version not in digests:
            problem = f"tree {version} isn't served; served are {', '.join(digests)}"
            raise ConformanceError(f"{self.url}: {problem}; choose one with --tree-version")
        return digests[version]

    def assess(self, profile: Profile, version: str) -> tuple[int, Mapping[str, Any]]:
        return self._ask("POST", "/assess", {"profile": dict(profile), "tree_version": version})

    def _ask(self, method: str, path: str, body: object = None) -> tuple[int, Mapping[str, Any]]:
        try:
            return self._exchange(method, path, body)
        except (ConnectionResetError, BrokenPipeError, HTTPException):
            # The server may close an idle connection at any time, so a lost one is no failure yet.
            self.connection.close()
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
        headers = self.headers | ({"Content-Type": "application/json"} if text else {})
        self.connection.request(method, self.prefix + path, text, headers)
        response = self.connection.getresponse()
        # http.client reuses a connection only after the whole body is read.
        content = response.read()
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            problem = f"{path} answers {response.status} without a JSON object"
            raise ConformanceError(f"{self.url}: {problem}; give the address of an instance")
        return response.status, answer
