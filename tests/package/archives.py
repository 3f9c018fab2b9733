"""The wheel and the source archive, built as a release builds them."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.checkout import copy_checkout


@dataclass(frozen=True)
class Archives:
    """What a package index gets."""

    wheel: Path
    source: Path

    @classmethod
    def in_folder(cls, folder: Path) -> Archives:
        """The two archives in a folder that has no others."""
        [wheel], [source] = folder.glob("*.whl"), folder.glob("*.tar.gz")
        return cls(wheel, source)


def build(to: Path) -> Archives:
    """Build the source archive from a copy of this checkout, and the wheel from what is in that archive."""
    with TemporaryDirectory() as temporary:
        work = Path(temporary)
        build_archive("sdist", at=copy_checkout(work / "checkout"), to=to)
        [source] = to.glob("*.tar.gz")
        with tarfile.open(source) as archive:
            archive.extractall(work, filter="data")
        build_archive("wheel", at=work / source.name.removesuffix(".tar.gz"), to=to)
    return Archives.in_folder(to)


def build_archive(target: str, *, at: Path, to: Path) -> None:
    """Build one archive by the locked backend of this environment."""
    command = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "--target",
        target,
        "--directory",
        to.resolve(),
    ]
    done = subprocess.run(command, cwd=at, capture_output=True, text=True)
    assert 0 == done.returncode, done.stderr
