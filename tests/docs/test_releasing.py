"""docs/releasing.md, held to the Makefile, to the scripts that it names, and to the release command."""

from __future__ import annotations

import re

from tests.docs import pages

PAGE = pages.read("docs/releasing.md")
LINES = [
    line.strip()
    for block in re.findall(r"^ *```sh\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


def test_every_target_and_script_is_there() -> None:
    """Whatever a maintainer is to make can be made."""
    targets = set(re.findall(r"^([a-z-]+):", pages.read("Makefile"), re.MULTILINE))
    named = re.findall(r"(?:`|^|&& )make ([a-z -]+)", PAGE, re.MULTILINE)
    scripts = {line.split()[0] for line in LINES if line.startswith((".ci/", "image/"))}

    assert {"release", "package"} <= {word for words in named for word in words.split()} <= targets
    assert {".ci/run", "image/build"} == scripts
    assert all((pages.ROOT / script).is_file() for script in scripts)


def test_one_version_stands_for_the_next_release() -> None:
    """Commands are for one example version, which the tag, the archives and the tags of images share."""
    numbers = re.findall(r"\d+\.\d+\.\d+", "\n".join(LINES))

    assert {"1.2.0"} == set(numbers)
    assert "make release VERSION=1.2.0" in LINES


def test_the_image_is_published_before_the_chart() -> None:
    """The chart asks for the image of its version."""
    commands = [
        line for line in LINES if re.match(r"(git push|.*twine upload|docker push|helm push)", line)
    ]

    assert ["git", "/tmp/twine/bin/twine", "docker", "helm"] == [line.split()[0] for line in commands]
