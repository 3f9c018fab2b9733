"""The tests of the installed package, run by the image's own Python in its container."""

from __future__ import annotations

import os
from pathlib import Path

from tests.conftest import ROOT
from tests.image.container import Container, Image, bind

HOME = "/opt/finetune-advisor"
OTHERWISE = [
    "tests/formats/test_oracles.py",
    "tests/formats/test_mermaid.py",
    "tests/contract/test_lint.py",
    "tests/contract/test_breaking.py",
    "tests/clients",
    "tests/web",
    "tests/helm",
    "tests/monitoring",
    "tests/drain",
    "tests/cluster",
    "tests/engines",
    "tests/project",
    "tests/test_bench_tools.py",
    "tests/telemetry/test_tracers.py",
    "tests/docs/test_console.py",
    "tests/trees/test_yaml_reader.py",
    *("tests/assessing/test_columns.py", "tests/assessing/test_decision_logs.py"),
    *("tests/cli/test_tree_replay.py", "tests/docs/test_bulk.py", "tests/docs/test_library.py"),
    *("tests/docs/test_sql.py", "tests/formats/test_sql.py", "tests/test_library.py"),
]
"""What needs Node.js, Go, Java, Chromium, Helm or Debian's packages, writes to the checkout, expects the
package in it, or imports what needs libstdc++.
"""
DEFAULTS = ["FINETUNE_ADVISOR_HOST", "FINETUNE_ADVISOR_WORKERS"]
"""The image's own settings, which tests start without."""


def test_the_suite_passes_on_the_image(image: Image, tmp_path: Path) -> None:
    """Whatever needs Python alone passes on the image's Python, with the image's packages."""
    layers = f"lowerdir={image.root}{HOME}:{os.environ['IMAGE_DEVELOP']}"
    mounts = [
        bind(ROOT, "/checkout"),
        {"destination": HOME, "type": "overlay", "source": "overlay", "options": [layers]},
        {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]},
    ]
    command = ["python3", "-m", "pytest", "-p", "no:cacheprovider", "-n", "auto", "--dist", "worksteal"]
    container = Container(
        image,
        tmp_path,
        entrypoint=["env", "--chdir=/checkout", *(f"--unset={name}" for name in DEFAULTS)],
        command=[*command, *(f"--ignore={path}" for path in OTHERWISE)],
        environment={"HYPOTHESIS_STORAGE_DIRECTORY": "/tmp/hypothesis"},
        mounts=mounts,
    )
    container.start()
    code = container.process.wait()
    print(container.logged)
    assert 0 == code
