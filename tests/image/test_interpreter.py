"""The tests of the installed package, run by the image's own Python in its container."""

from __future__ import annotations

import os
from pathlib import Path

from tests.conftest import ROOT
from tests.image.container import Container, Image, bind

HOME = "/opt/finetune-advisor"
OTHERWISE = ["tests/formats/test_oracles.py", "tests/formats/test_mermaid.py"]
"""What needs Node.js, Go or Java."""


def test_the_suite_passes_on_the_image(image: Image, tmp_path: Path) -> None:
    """Whatever needs Python alone passes on the image's Python, with the image's packages."""
    layers = f"lowerdir={image.root}{HOME}:{os.environ['IMAGE_DEVELOP']}"
    mounts = [
        bind(ROOT, "/checkout"),
        {"destination": HOME, "type": "overlay", "source": "overlay", "options": [layers]},
        {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]},
    ]
    ignored = " ".join(f"--ignore={path}" for path in OTHERWISE)
    run = (
        f"cd /checkout && exec python3 -m pytest -p no:cacheprovider -n auto --dist worksteal {ignored}"
    )
    container = Container(
        image,
        tmp_path,
        command=["-c", run],
        environment={"HYPOTHESIS_STORAGE_DIRECTORY": "/tmp/hypothesis"},
        mounts=mounts,
        entrypoint=["sh"],
    )
    container.start()
    code = container.process.wait()
    print(container.logged)
    assert 0 == code
