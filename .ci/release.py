"""Raise the version everywhere it stands, and date the changelog: `make release VERSION=1.2.0`.

It changes files alone: docs/releasing.md says how a maintainer goes on.
"""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import date
from pathlib import Path

from semver import Version

ROOT = Path(__file__).parent.parent
VERSION_PATTERN = r"(\d+\.\d+\.\d+)"
PACKAGE = "pyproject.toml"
CONTRACT = "openapi/openapi.yaml"
CHANGELOG = "CHANGELOG.md"
VERSION_PLACES = {
    PACKAGE: [rf'^version = "{VERSION_PATTERN}"$'],
    CONTRACT: [rf"^  version: {VERSION_PATTERN}$"],
    "helm/finetune-advisor/Chart.yaml": [
        rf"^version: {VERSION_PATTERN}$",
        rf"^appVersion: {VERSION_PATTERN}$",
        rf"image: finetune-advisor:{VERSION_PATTERN}$",
    ],
    "helm/finetune-advisor/README.md": [
        rf"Chart {VERSION_PATTERN},",
        rf"finetune-advisor:{VERSION_PATTERN}",
    ],
    "docs/deploy.md": [
        rf"finetune-advisor:{VERSION_PATTERN}",
        rf"- name: finetune-advisor\n +version: {VERSION_PATTERN}$",
    ],
}
"""The files with the version, and the patterns that find it. Everything else reads the package's."""
UNRELEASED = "## [Unreleased]\n"
BREAKING = "**Breaking**"
"""How an entry of the changelog begins that breaks something for its readers."""


class RefusedError(Exception):
    """The version or the checkout can't be released; the message says why and what to do."""


def main() -> None:
    """Raise the version to the one that the command line gives."""
    if len(sys.argv) != 2 or not sys.argv[1]:
        sys.exit("Name the new version: make release VERSION=1.2.0")
    try:
        old, new = read_current_version(), parse_version(sys.argv[1])
        check_order(old, new)
        check_announcement(_read(CHANGELOG), old, new)
        check_clean()
        for path, text in render_release(old, new).items():
            (ROOT / path).write_text(text, encoding="utf-8")
    except RefusedError as refusal:
        sys.exit(f"Nothing was changed: {refusal}")
    print(
        f"Raised the version from {old} to {new}. docs/releasing.md says what to check, and how to go on."
    )


def read_current_version() -> Version:
    """The version of the package, which is that of everything."""
    [number] = re.findall(VERSION_PLACES[PACKAGE][0], _read(PACKAGE), re.MULTILINE)
    return Version.parse(number)


def parse_version(text: str) -> Version:
    """A version that Python's and Helm's registries write alike, which pre-releases aren't."""
    if not re.fullmatch(VERSION_PATTERN, text) or not Version.is_valid(text):
        raise RefusedError(f"{text!r} is no version of three numbers, such as 1.2.0")
    return Version.parse(text)


def check_order(old: Version, new: Version) -> None:
    """Refuse a version that isn't newer."""
    if new <= old:
        raise RefusedError(f"{new} isn't newer than {old}, the version in {PACKAGE}")


def check_announcement(changelog: str, old: Version, new: Version) -> None:
    """Refuse a version that doesn't tell of a break, if the changelog does."""
    if BREAKING in find_unreleased_entries(changelog) and not announces_a_break(old, new):
        raise RefusedError(
            f"{new} breaks nothing by its number, and {CHANGELOG} has {BREAKING}: raise the first"
        )


def announces_a_break(old: Version, new: Version) -> bool:
    """Whether a version may break users of an older one: a new major, or before 1.0.0 a new minor."""
    return new.major > old.major or (new.major == old.major == 0 and new.minor > old.minor)


def find_unreleased_entries(changelog: str) -> str:
    """What the changelog has below `[Unreleased]`, or an empty text if that has no entry."""
    below = changelog.partition(UNRELEASED)[2].partition("\n## ")[0]
    return below if re.search(r"^- ", below, re.MULTILINE) else ""


def check_clean() -> None:
    """Refuse a checkout with changes, which would be lost among those of the release."""
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if status.returncode:
        raise RefusedError(f"git status failed: {status.stderr.strip()}")
    if status.stdout:
        raise RefusedError(f"commit or remove these changes first:\n{status.stdout.rstrip()}")


def render_release(old: Version, new: Version) -> dict[str, str]:
    """The new text of each file by its path."""
    texts = {path: raise_version(path, patterns, old, new) for path, patterns in VERSION_PLACES.items()}
    texts[CHANGELOG] = date_entries(_read(CHANGELOG), new)
    texts[f"openapi/released/{new}.yaml"] = texts[CONTRACT]
    return texts


def raise_version(path: str, patterns: list[str], old: Version, new: Version) -> str:
    """A file's text with the new version wherever a pattern finds the old one."""
    text = _read(path)
    for pattern in patterns:
        if {str(old)} != set(re.findall(pattern, text, re.MULTILINE)):
            raise RefusedError(f"{path} doesn't have {old} where {pattern!r} looks for it")
        text = re.sub(
            pattern, lambda match: match[0].replace(match[1], str(new)), text, flags=re.MULTILINE
        )
    return text


def date_entries(changelog: str, new: Version) -> str:
    """The changelog with its unreleased entries below the version and today's date."""
    above, heading, below = changelog.partition(UNRELEASED)
    if not find_unreleased_entries(changelog):
        raise RefusedError(
            f"{CHANGELOG} has no entry below {UNRELEASED.strip()!r}: write what users get"
        )
    return f"{above}{heading}\n## [{new}] - {date.today().isoformat()}\n{below}"


def _read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


if __name__ == "__main__":
    main()
