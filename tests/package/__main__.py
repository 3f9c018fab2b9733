"""Build the wheel and the source archive into `dist/`, which becomes new: `python -m tests.package`."""

from __future__ import annotations

import shutil

from tests.conftest import ROOT
from tests.package import archives

DIST = ROOT / "dist"

shutil.rmtree(DIST, ignore_errors=True)
built = archives.build(DIST)
for archive in (built.wheel, built.source):
    print(archive.relative_to(ROOT))
