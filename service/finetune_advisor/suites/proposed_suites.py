"""Proposed test suites in YAML, as authors write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq


def render_proposed_suites(suites: Iterable[Mapping[str, Any]]) -> str:
    """Suites as plain data in YAML, a document each; nothing for those without cases."""
    return "---\n".join(_document(suite) for suite in suites if suite["cases"])


def _document(suite: Mapping[str, Any]) -> str:
    yaml = YAML()
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    cases = [{**one, "expect": {**one["expect"], "path": _in_line(one)}} for one in suite["cases"]]
    text = StringIO()
    yaml.dump({**suite, "cases": cases}, text)
    return re.sub(" +$", "", text.getvalue(), flags=re.MULTILINE)  # where the writer wraps, spaces stay


def _in_line(case: Mapping[str, Any]) -> CommentedSeq:
    path = CommentedSeq(case["expect"]["path"])
    path.fa.set_flow_style()
    return path
