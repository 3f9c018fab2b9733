"""axe-core and html-validate, as pinned in `package.json`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests import tools

SOURCES = Path(__file__).parent


def installed() -> Path:
    """The folder with both."""
    return tools.built("page-linters", SOURCES, ["node", "npm"], lambda at: tools.run(tools.NPM_CI, at))


def read_axe() -> str:
    """axe-core as a script for a page."""
    return (installed() / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


def find_html_faults(pages: Sequence[Path]) -> list[str]:
    """What html-validate finds wrong in some files, as their names with the rules."""
    place = installed()
    with TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [str(place / "node_modules" / ".bin" / "html-validate")]
        command += ["--formatter", f"json={result}", "--config", str(place / ".htmlvalidate.json")]
        ran = subprocess.run([*command, *map(str, pages)], capture_output=True, text=True, timeout=300)
        assert result.is_file(), ran.stdout + ran.stderr
        files = json.loads(result.read_text("utf-8"))
    return [
        f"{Path(file['filePath']).name}:{found['line']}: {found['ruleId']}: {found['message']}"
        for file in files
        for found in file["messages"]
    ]
