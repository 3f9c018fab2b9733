"""docs/decision-log.md, held to the schema of the lines."""

from __future__ import annotations

import json
import re

from jsonschema import Draft202012Validator

from tests.docs import pages

PAGE = pages.read("docs/decision-log.md")
SCHEMA = json.loads(pages.read("docs/decision-log.schema.json"))


def test_the_examples_are_lines_of_the_log() -> None:
    """Each example is valid, and there is one of each kind."""
    examples = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
    for example in examples:
        Draft202012Validator(SCHEMA).validate(example)

    assert ["decision", "shadow decision"] == [example["message"] for example in examples]


def test_every_field_is_explained() -> None:
    """The tables have the fields of the schema, and no others."""
    cells = re.findall(r"^\| (`[a-z_`, ]+`) \|", PAGE, re.MULTILINE)
    explained = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    known = {name for kind in SCHEMA["$defs"].values() for name in kind.get("properties", {})}

    assert len(explained) == len({*explained})
    assert known == {*explained}


def test_the_page_names_the_version_of_the_schema() -> None:
    """A new version of the schema needs new words here."""
    assert SCHEMA["$defs"]["line"]["properties"]["schema"]["const"] == 1
    assert "the version of the schema: 1 |" in PAGE
