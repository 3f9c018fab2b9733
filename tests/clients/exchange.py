"""What the drivers ask for, asked without a generated client: the answers as they are on the wire."""

from __future__ import annotations

from typing import Any

import requests

TIMEOUT = 30
KNOWN = {"prompt_engineering_sufficient": False, "knowledge_retrieval_problem": True}
CURRENT = {**KNOWN, "real_time_data_needed": True}
BATCH = [{"real_time_data_needed": True}, {}, {"real_time_data_needed": "yes"}]
WHY = {
    "profile": CURRENT,
    "target": "use_prompt_engineering",
    "frozen": ["knowledge_retrieval_problem"],
    "limit": 3,
}
REFUSALS = {
    "400": "malformed-request",
    "404": "not-found",
    "406": "not-acceptable",
    "412": "precondition-failed",
    "413": "body-too-large",
    "415": "unsupported-media-type",
    "422": "invalid-request",
}
"""The problems that the drivers provoke, by status."""


def answers(url: str) -> dict[str, Any]:
    """The answers to all that a driver asks, by the driver's names."""
    newest = "/tree/versions/3.0.0"
    return {
        "decided": _posted(url, "/assess", profile=CURRENT),
        "undecided": _posted(url, "/assess", profile=KNOWN),
        "wide": _posted(url, "/assess", profile={"kb_tokens": 10**12}, tree_version="2.0.0"),
        "batch": _posted(url, "/assess/batch", profiles=BATCH, defaults=KNOWN),
        "explanation": _posted(url, "/assess/explain", **WHY),
        "tree": _got(url, "/tree"),
        "unchanged": 304,
        "versions": _got(url, "/tree/versions"),
        "version": _got(url, newest),
        "changes": _got(url, f"{newest}/changes?since=1.0.0"),
        "meaning": _got(url, "/problems/invalid-request"),
    }


def _posted(url: str, path: str, **body: Any) -> Any:
    answer = requests.post(url + path, json=body, timeout=TIMEOUT)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _got(url: str, path: str) -> Any:
    answer = requests.get(url + path, timeout=TIMEOUT)
    assert answer.status_code == 200, answer.text
    return answer.json()
