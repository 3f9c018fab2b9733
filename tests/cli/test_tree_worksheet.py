"""`tree worksheet`, and worksheets in `interview`."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from finetune_advisor.cli import main

TYPED = str(Path(__file__).parents[1] / "api" / "typed.yaml")
TIMES = "\N{MULTIPLICATION SIGN}"
FORMULA = (
    f"the smaller of ((Documents {TIMES} Words in a document {TIMES} Tokens in a word (1.3 tokens/word)) "
    "rounded up) and 1,000,000 tokens"
)


def run(*arguments: str, said: str = "") -> Result:
    return CliRunner().invoke(main, arguments, input=said)


def work_out(*quantities: str) -> Result:
    return run("tree", "worksheet", TYPED, "corpus_length", *quantities)


def test_the_answer_is_told_with_its_formula() -> None:
    """In the words of the tree; numbers may have commas."""
    expected = (
        f"Size of the corpus: 1,625 tokens\n= {FORMULA}\n"
        "  Documents: 2.5 documents\n  Words in a document: 500 words/document\n"
    )
    assert (0, expected) == ((done := work_out("documents=2.5")).exit_code, done.stdout)
    assert "Size of the corpus: 1,000,000 tokens\n" in work_out("documents=10,000").stdout


def test_json_is_the_answer_of_the_api() -> None:
    """With the quantities that it follows from."""
    answer = orjson.loads(work_out("documents=3", "length=10", "--json").stdout)

    assert ("corpus_length", 39) == (answer["input"], answer["value"])
    assert {"documents": 3, "length": 10} == answer["quantities"]


def test_every_fault_is_told() -> None:
    """Each in a line, with what to write."""
    done = work_out("length=x", "lenght=1", "length=2", "1")

    assert 1 == done.exit_code
    assert done.stderr.splitlines() == [
        "Error: lenght: there is no such name here; did you mean length?",
        "length: it is given more than once; give it once",
        "1: not a quantity; write NAME=NUMBER",
        "documents: Documents: Enter a number from 0 to 100,000, in digits",
    ]


@pytest.mark.parametrize(
    ("version", "name", "message"),
    [
        (
            TYPED,
            "drift",
            "tree 9.0.0-typed has no worksheet for drift; these inputs have one: corpus_length",
        ),
        ("1.0.0", "drift", "tree 1.0.0 has no input drift; no input has one"),
        ("9.9.9", "drift", "no such tree version is served"),
    ],
)
def test_what_is_not_there_is_told(version: str, name: str, message: str) -> None:
    """A version, an input, or its worksheet."""
    done = run("tree", "worksheet", version, name)

    assert 1 == done.exit_code
    assert f"Error: {message}" in done.stderr


def test_an_interview_works_out_a_number() -> None:
    """With help, a default that is taken with Enter, and a way back to the question."""
    said = ("small", "w", "<", "w", "?", "many", "2", "", "<", "1000", "1", "0.5")
    done = run("interview", "--tree", TYPED, said="\n".join([*said, ""]))

    assert 0 == done.exit_code
    assert "(w work it out, ? help, - don't know, < back)" in done.stderr
    assert "The documents times the tokens of each." in done.stderr
    assert "Count the files." in done.stderr
    assert "Enter a number from 0 to 100,000, in digits; < goes back." in done.stderr
    assert f"  {FORMULA}\n  = 1,300 tokens\n" in done.stderr
    assert "How large is the corpus? 1,000 tokens (" in done.stdout


def test_only_numbers_with_a_worksheet_are_worked_out() -> None:
    """To another question, w is no answer."""
    done = run("interview", "--tree", TYPED, said="w\nsolo\n")

    assert "Choose one of the answers that are listed; ? helps." in done.stderr
