"""CONTRIBUTING.md, held to the files and targets that it names."""

from __future__ import annotations

import re
from itertools import takewhile

import pytest
import yaml

from tests.docs import pages

PAGE = pages.read("CONTRIBUTING.md")
NEW = re.compile(r"2\.1\.0|plantuml")
"""What the files that an example creates have in their names."""
ROWS = re.findall(r"^\| (`[^|]*/[^|]*`|`CHANGELOG.md`) \|", PAGE, re.MULTILINE)
FILES = sorted({file for row in ROWS for file in re.findall(r"`([^`]+)`", row)})


@pytest.mark.parametrize("file", FILES)
def test_each_file_is_there_or_new(file: str) -> None:
    """A file that an example changes exists, and one that it creates doesn't, in a folder that does."""
    parts = file.split("/")
    old = list(takewhile(lambda part: not NEW.search(part), parts))

    assert pages.ROOT.joinpath(*old).exists()
    assert (old == parts) == (pages.ROOT / file).exists()


def test_each_target_is_one_of_the_makefile() -> None:
    """What the page tells people to make can be made."""
    targets = set(re.findall(r"^([a-z-]+):", pages.read("Makefile"), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z -]+)`", PAGE)) | set(
        re.findall(r"^make (\S+)", PAGE, re.MULTILINE)
    )

    assert {target for words in named for target in words.split()} <= targets


def test_the_warning_shown_is_one_of_a_document() -> None:
    """It has the fields of a warning, and inputs and recommendations of tree 2.0.0."""
    [example] = pages.blocks(PAGE, "yaml")
    [warning] = yaml.safe_load(example)["warnings"]
    [document] = pages.ROOT.glob("service/**/2.0.0.yaml")
    tree = yaml.safe_load(document.read_text(encoding="utf-8"))

    assert warning["id"] not in {one["id"] for one in tree["warnings"]}
    assert {test["input"] for test in warning["when"]} <= tree["inputs"].keys()
    assert set(warning["recommendations"]) <= tree["recommendations"].keys()
