"""Digests and receipts, computed by the example in docs/receipts.md from the answers of the API."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from os import environ
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.conftest import ROOT

GUIDE, TYPED_VERSION = "1.0.0", "9.0.0-typed"
CALL = """
import { digestOf, receiptOf } from "./receipts.mjs";
const { tree, profile, assessment } = JSON.parse(process.argv[1]);
console.log(JSON.stringify([digestOf(tree), receiptOf(tree, profile, assessment)]));
"""


@pytest.mark.parametrize(
    ("version", "profile"),
    [
        (GUIDE, {"prompt_engineering_sufficient": True, "narrow_specific_task": True}),
        (
            TYPED_VERSION,
            {
                "team": "small",
                "corpus_length": 5000,
                "best_score": 0.00001,
                "needed_score": 0.5,
                "drift": -0.75,
            },
        ),
    ],
)
def test_the_documented_example_computes_both(
    typed: FlaskClient, tmp_path: Path, version: str, profile: dict[str, Any]
) -> None:
    """Node, which writes numbers as RFC 8785 asks, comes to the digest and the receipt of the answers."""
    if not shutil.which("node"):
        assert not environ.get("CI"), "node is missing"
        pytest.skip("node is missing")
    document = (ROOT / "docs" / "receipts.md").read_text(encoding="utf-8")
    [example] = re.findall(r"^```js\n(.*?)^```", document, re.MULTILINE | re.DOTALL)
    (tmp_path / "receipts.mjs").write_text(example, encoding="utf-8")
    tree = typed.get(f"/tree/versions/{version}").get_json()
    assessment = typed.post("/assess", json={"profile": profile, "tree_version": version}).get_json()
    given = json.dumps({"tree": tree, "profile": profile, "assessment": assessment})
    command = ["node", "--input-type=module", "-e", CALL, given]
    node = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert node.returncode == 0, node.stderr

    assert [tree["digest"], assessment["receipt"]] == json.loads(node.stdout)
