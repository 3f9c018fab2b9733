"""The images that every node imports, each an archive: this project's, and two of a single static program."""

from __future__ import annotations

import io
import json
import platform
import tarfile
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

from bench import tools

from tests.conftest import ROOT

PAUSE = Path(__file__).parent / "pause.c"
CONTENT = (
    "Dockerfile",
    ".dockerignore",
    "pyproject.toml",
    "image/*",
    "requirements/*.txt",
    "service/**/*",
)
"""The files that decide what the project's image contains. LICENSE and README.md are in it, too, as text."""
BUILD_SECONDS = 1800
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def build(programs: Mapping[str, Path]) -> dict[str, Path]:
    """The archives of all images by name. Raises UnavailableError."""
    pause = tools.built_from([PAUSE], "pause", _build_pause, group="cluster")
    dns = tools.built_from(
        [programs["coredns"]], "coredns-image", _pack(programs["coredns"]), group="cluster"
    )
    return {
        "pause": pause / "pause.tar",
        "coredns": dns / "coredns.tar",
        "finetune-advisor": build_project_image() / "image.tar",
    }


def build_project_image() -> Path:
    """The folder with this project's image, of the sources as they are now."""
    files = sorted(path for pattern in CONTENT for path in ROOT.glob(pattern) if _is_content(path))
    return tools.built_from(files, "project-image", _build_project_image, group="cluster")


def link(images: Mapping[str, Path], folder: Path) -> None:
    """Put all archives into one folder."""
    folder.mkdir()
    for name, path in images.items():
        (folder / f"{name}.tar").symlink_to(path)


def _is_content(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def _build_pause(place: Path) -> None:
    tools.run(["gcc", "-static", "-O2", "-s", "-o", "pause", str(PAUSE)], place)
    _pack(place / "pause")(place)


def _build_project_image(place: Path) -> None:
    """Build it as `make image` does, on bases of Debian's packages, as no registry may be reachable."""
    bases = ROOT / tools.run(["image/bases"], ROOT, seconds=BUILD_SECONDS).strip()
    about = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    name = f"finetune-advisor:{about['project']['version']}"
    with tempfile.TemporaryDirectory() as folder:
        storage = Path(folder) / "storage.conf"
        places = f'graphroot = "{folder}/storage"\nrunroot = "{folder}/run"\n'
        storage.write_text(f'[storage]\ndriver = "vfs"\n{places}')
        environment = {"CONTAINERS_STORAGE_CONF": str(storage), "DOCKER_HOST": "unix:///dev/null"}

        def run(*command: str, at: Path = ROOT) -> str:
            return tools.run(["nice", *command], at, seconds=BUILD_SECONDS, **environment).strip()

        def pull(base: str) -> str:
            # By a relative path and an id: buildah rejects names with a leading dot or a capital letter.
            return run("buildah", "pull", "--quiet", f"oci:{bases.name}:{base}", at=bases.parent)

        arguments = (f"BASE={pull('base')}", f"BUILD_BASE={pull('build')}")
        options = [word for argument in arguments for word in ("--build-arg", argument)]
        run("image/build", "--quiet", *options)
        archive = f"docker-archive:{place}/image.tar:docker.io/library/{name}"
        run("buildah", "push", "--quiet", "--format", "v2s2", name, archive)


def _pack(program: Path) -> Callable[[Path], None]:
    """Write an archive with the image of one static program, which `docker load` and containerd take."""

    def write(place: Path) -> None:
        layer = _tar({program.name: program.read_bytes()}, mode=0o755)
        config = {
            "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {"Entrypoint": [f"/{program.name}"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(layer).hexdigest()}"]},
        }
        name = f"docker.io/library/{program.name}:1"
        manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
        parts = {
            "config.json": json.dumps(config).encode(),
            "layer.tar": layer,
            "manifest.json": json.dumps(manifest).encode(),
        }
        (place / f"{program.name}.tar").write_bytes(_tar(parts, mode=0o644))

    return write


def _tar(files: Mapping[str, bytes], mode: int) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
