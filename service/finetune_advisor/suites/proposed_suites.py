"""Proposed test suites as YAML, in the layout of hand-written ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq


def render_proposed_suites(suites: Iterable[Mapping[str, Any]]) -> str:
    """Render suites, given as plain data, as one YAML document each; suites without cases are left out."""
    return "---\n".join(_document(suite) for suite in suites if suite["cases"])


def _document(suite: Mapping[str, Any]) -> str:
    yaml = YAML()
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    cases = [
        {**case, "expect": {**case["expect"], "path": _path_on_one_line(case)}}
        for case in suite["cases"]
    ]
    text = StringIO()
    yaml.dump({**suite, "cases": cases}, text)
    # ruamel.yaml leaves a space at the end of each line that it wraps.
    return re.sub(" +$", "", text.getvalue(), flags=re.MULTILINE)


def _path_on_one_line(case: Mapping[str, Any]) -> CommentedSeq:
    path = CommentedSeq(case["expect"]["path"])
    path.fa.set_flow_style()
    return path
