"""How large own trees may be: docs/deploy.md, "Own trees"."""

from __future__ import annotations

import base64
import gzip
import random
from pathlib import Path

from tests.cluster.kubectl import Completed, get_object
from tests.cluster.release import Release
from tests.conftest import ROOT

NAME = "a.yaml"
MEBIBYTE = 1024 * 1024
MAX_BYTES = MEBIBYTE - len(NAME)
"""The limit of a ConfigMap counts the names of documents, too."""


def install_text(release: Release, folder: Path, text: str) -> Completed:
    """Install a release with a text as its only tree."""
    (path := folder / NAME).write_text(text, encoding="utf-8")
    options = ("--set-file", f"trees.documents.a\\.yaml={path}")
    return release.upgrade({}, *options, wait=False, must_succeed=False)


def prose(size: int) -> str:
    """Words of English in random order, as comments."""
    words = (
        (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").encode("ascii", "ignore").split()
    )
    return _lines([word.decode() for word in words], size)


def noise(size: int) -> str:
    """Random hexadecimal digits, of which compression leaves half."""
    generator = random.Random(1)
    return _lines([f"{generator.getrandbits(32):08x}" for _ in range(size // 8)], size)


def _lines(words: list[str], size: int) -> str:
    generator, lines, length = random.Random(2), list[str](), 0
    while length < size:
        lines.append("# " + " ".join(generator.choices(words, k=12)))
        length += len(lines[-1]) + 1
    return "\n".join(lines)[:size]


def read_secret(release: Release) -> bytes:
    """What Helm has written into the Secret of the first revision, and has compressed."""
    data = get_object("secret", f"sh.helm.release.v1.{release.name}.v1", release.namespace)["data"]
    return base64.b64decode(base64.b64decode(data["release"]))


def test_helm_keeps_trees_compressed(release: Release, tmp_path: Path) -> None:
    """deploy.md: "Helm also keeps them in the Secret of the release, compressed"."""
    tree = prose(MEBIBYTE // 2)
    install_text(release, tmp_path, tree)
    packed = read_secret(release)
    assert len(packed) < len(tree)
    assert tree.splitlines()[-1].encode() in gzip.decompress(packed)


def test_a_mebibyte_of_prose_is_taken(release: Release, tmp_path: Path) -> None:
    """deploy.md: "All documents together may have 1 MiB … The text of trees compresses well enough"."""
    done = install_text(release, tmp_path, prose(MAX_BYTES))
    assert (0, "") == (done.returncode, done.stderr)


def test_more_than_a_mebibyte_fails_to_render(release: Release, tmp_path: Path) -> None:
    """deploy.md: "If they have more, the chart fails to render"."""
    done = install_text(release, tmp_path, prose(MAX_BYTES + 1))
    assert 0 != done.returncode
    assert f"{MEBIBYTE + 1} bytes don't fit into a ConfigMap, which takes {MEBIBYTE}" in done.stderr


def test_noise_of_three_quarters_is_refused_by_the_server(release: Release, tmp_path: Path) -> None:
    """deploy.md: "and a Secret may have 1 MiB, too"; "768 KiB of random text don't fit … `Too long: may not
    be more than 1048576 bytes`".
    """
    done = install_text(release, tmp_path, noise(MEBIBYTE * 3 // 4))
    assert 0 != done.returncode
    assert "Too long: may not be more than 1048576 bytes" in done.stderr
