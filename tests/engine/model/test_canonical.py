"""The canonical form of JSON, against RFC 8785's own samples and against ECMAScript itself."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from dataclasses import replace
from hashlib import sha256
from math import inf, nan
from os import environ
from random import Random
from typing import Any

import pytest

from finetune_advisor.engine.evaluation.compiled import CompiledTree
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.model.canonical import canonical_json, canonical_number
from finetune_advisor.engine.model.conditions import Bound, InRange, Otherwise
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.tree import Branch, Question, Tree

APPENDIX_B = """
0000000000000000 0
8000000000000000 0
0000000000000001 5e-324
8000000000000001 -5e-324
7fefffffffffffff 1.7976931348623157e+308
ffefffffffffffff -1.7976931348623157e+308
4340000000000000 9007199254740992
c340000000000000 -9007199254740992
4430000000000000 295147905179352830000
44b52d02c7e14af5 9.999999999999997e+22
44b52d02c7e14af6 1e+23
44b52d02c7e14af7 1.0000000000000001e+23
444b1ae4d6e2ef4e 999999999999999700000
444b1ae4d6e2ef4f 999999999999999900000
444b1ae4d6e2ef50 1e+21
3eb0c6f7a0b5ed8c 9.999999999999997e-7
3eb0c6f7a0b5ed8d 0.000001
41b3de4355555553 333333333.3333332
41b3de4355555554 333333333.33333325
41b3de4355555555 333333333.3333333
41b3de4355555556 333333333.3333334
41b3de4355555557 333333333.33333343
becbf647612f3696 -0.0000033333333333333333
43143ff3c1cb0959 1424953923781206.2
"""
ECHO = """
const lines = require("node:fs").readFileSync(0, "utf8").split("\\n");
console.log(lines.map((line) => JSON.stringify(JSON.parse(line))).join("\\n"));
"""


@pytest.mark.parametrize("sample", APPENDIX_B.strip().splitlines())
def test_numbers_are_those_of_the_standard(sample: str) -> None:
    """Each double of RFC 8785, appendix B, is written as it says there."""
    bits, expected = sample.split()
    [number] = struct.unpack(">d", bytes.fromhex(bits))

    assert expected == canonical_number(number)


@pytest.mark.parametrize("number", [nan, inf, -inf])
def test_what_is_no_number_in_json_is_refused(number: float) -> None:
    """RFC 8785, 3.2.2.3: NaN and the infinities have no form."""
    with pytest.raises(ValueError, match="no form in JSON"):
        canonical_number(number)


def test_keys_are_sorted_by_utf_16_code_units() -> None:
    """The sample of RFC 8785, 3.2.3, in which a surrogate pair goes before a private character."""
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\x80", "\u00f6"]
    expected = '{"\\r":0,"1":0,"\x80":0,"\u00f6":0,"\u20ac":0,"\U0001f600":0,"\ufb33":0}'

    assert expected == canonical_json(dict.fromkeys(names, 0))


def test_strings_and_literals_are_those_of_the_standard() -> None:
    """The sample of RFC 8785, 3.2.2: short escapes, other control characters in lower case."""
    form = {
        "string": '\u20ac$\x0f\nA\'B"\\\\"/\x7f',
        "literals": [None, True, False],
        "numbers": [1e30, 4.50, 2e-3, 0.000000000000000000000000001],
    }
    expected = (
        '{"literals":[null,true,false],"numbers":[1e+30,4.5,0.002,1e-27],'
        '"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/\x7f"}'
    )
    assert expected == canonical_json(form)


def test_what_is_no_plain_data_is_refused() -> None:
    """A set has no order, and so no form."""
    with pytest.raises(TypeError, match="set is not plain data"):
        canonical_json({"a": {1}})


def test_numbers_are_those_of_ecmascript() -> None:
    """Node writes 20,000 doubles of every size as this does."""
    if not shutil.which("node"):
        assert not environ.get("CI"), "node is missing"
        pytest.skip("node is missing")
    random = Random(8785)
    bits = (struct.unpack(">d", random.randbytes(8))[0] for _ in range(10_000))
    small = (random.uniform(-10, 10) * 10.0 ** random.randint(-12, 24) for _ in range(10_000))
    numbers = [number for number in (*bits, *small) if abs(number) < inf]
    command = ["node", "-e", ECHO]
    text = "\n".join(map(repr, numbers))
    node = subprocess.run(command, input=text, capture_output=True, text=True, check=True, timeout=60)

    assert node.stdout.splitlines() == [canonical_number(number) for number in numbers]


def _rated(tree: Tree) -> Tree:
    """A tree that first asks for a number."""
    rate = Input("rate", "number", "Rate", minimum=0, maximum=1)
    branches = (
        Branch(InRange(upper=Bound(0.5, inclusive=False)), tree.root),
        Branch(Otherwise(), next(iter(tree.recommendations)), "High."),
    )
    question = Question("rated", "How high is the rate?", "rate", branches)
    questions = {"rated": question, **tree.questions}
    return replace(tree, inputs={"rate": rate, **tree.inputs}, root="rated", questions=questions)


@pytest.mark.parametrize(
    ("rate", "shown"), [(1e-5, "0.00001"), (1e-7, "1e-7"), (0.25, "0.25"), (0.0, "0")]
)
def test_receipts_hold_numbers_in_their_canonical_form(tree: Tree, rate: float, shown: str) -> None:
    """Both ways to a receipt hash the answers as the standard writes them."""
    rated = _rated(tree)
    profile: dict[str, Any] = {"rate": rate, "prompt_engineering_sufficient": True}
    compiled = CompiledTree(rated)
    path = compiled.path(profile)
    assert path
    answers = f'{{"prompt_engineering_sufficient":true,"rate":{shown}}}'
    text = f'{{"answers":{answers},"digest":"{rated.digest}"}}'
    expected = f"sha256:{sha256(text.encode()).hexdigest()}"
    assert json.loads(text)["answers"] == profile

    assert [expected, expected] == [
        evaluate(rated, profile).receipt,
        path.assessment(profile).receipt,
    ]
