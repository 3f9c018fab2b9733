"""What is in the image, what isn't, and what it says of itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from finetune_advisor import __version__
from tests.conftest import ROOT
from tests.image.container import Image

HOME = "opt/finetune-advisor"
BUDGET = 60_000_000
INSTALLERS = re.compile(
    r"(pip[\d.]*|ensurepip|setuptools|easy_install.*|apt|apt-get|conda|uv|.*-pip-whl)"
)
COMPILERS = re.compile(r"((.*-)?(gcc|g\+\+|cc|c\+\+|clang|ld|as|make)(-\d+)?|cargo|rustc|go|javac|node)")


def _names(root: Path, *folders: str) -> Iterator[str]:
    return (path.name for folder in folders for path in root.glob(folder))


def test_nothing_installs_or_compiles(image: Image) -> None:
    """No pip, not even a wheel of it, no other installer, and no compiler."""
    programs = {*_names(image.root, "usr/bin/*", "usr/sbin/*", "usr/local/bin/*", f"{HOME}/bin/*")}
    packages = {
        *_names(image.root, "usr/**/python3*/*", "usr/**/*-packages/*", f"{HOME}/lib/*/site-packages/*")
    }

    assert {"python3", "finetune-advisor", "encodings", "flask"} <= programs | packages
    assert [] == [name for name in sorted(programs | packages) if INSTALLERS.fullmatch(name)]
    assert [] == [name for name in sorted(programs) if COMPILERS.fullmatch(name)]
    assert [] == [*image.root.glob("**/pip-*.whl")]


def test_it_stays_within_its_budget(image: Image) -> None:
    """All layers, compressed as a registry keeps them, are 60 MB at most."""
    sizes = [layer["size"] for layer in image.manifest["layers"]]
    assert all(layer["mediaType"].endswith(".gzip") for layer in image.manifest["layers"])
    print(f"base {sum(sizes[:-1]) / 1e6:.1f} MB, service {sizes[-1] / 1e6:.1f} MB, compressed")
    assert sum(sizes) <= BUDGET


def test_its_labels_say_what_it_is(image: Image) -> None:
    """Title, version, revision, source and licence stand in the labels of the OCI's image specification."""
    labels = {
        name.removeprefix("org.opencontainers.image."): value
        for name, value in image.config["Labels"].items()
        if name.startswith("org.opencontainers.image.")
    }
    assert {
        "title",
        "description",
        "version",
        "revision",
        "source",
        "documentation",
        "licenses",
    } == labels.keys()
    assert (__version__, "Apache-2.0") == (labels["version"], labels["licenses"])
    assert re.fullmatch("[0-9a-f]{40}(-dirty)?", labels["revision"])
    assert (ROOT / labels["documentation"].partition("/blob/main/")[2]).is_file()


def test_its_defaults_are_those_of_a_container(image: Image) -> None:
    """An unprivileged user by number, every interface, one worker, and signals that reach the service."""
    environment = dict(one.split("=", 1) for one in image.config["Env"])

    assert min(map(int, image.config["User"].split(":"))) >= 10_000
    assert (["finetune-advisor"], ["serve"]) == (image.config["Entrypoint"], image.config["Cmd"])
    assert [*image.config["ExposedPorts"]] == ["8080/tcp"]
    assert f"/{HOME}/bin" == environment["PATH"].split(":")[0]
    assert ("0.0.0.0", "1") == (
        environment["FINETUNE_ADVISOR_HOST"],
        environment["FINETUNE_ADVISOR_WORKERS"],
    )


def test_the_bill_of_materials_is_valid_and_whole(image: Image) -> None:
    """The SBOM follows the schema, and names what is locked and what the distribution has installed."""
    document = (image.root / HOME / "sbom.cdx.json").read_text()
    bill = json.loads(document)
    named = {
        one["purl"].partition("?")[0].replace("ruamel.", "ruamel-")
        for one in bill["components"]
        if "purl" in one
    }
    locked = re.findall(
        r"^(\S+)==(\S+)", (ROOT / "requirements" / "image.txt").read_text(), re.MULTILINE
    )
    status = (image.root / "var/lib/dpkg/status").read_text().split("\n\n")
    installed = {
        one.group(1) for part in status if (one := re.match(r"Package: (\S+)\nStatus: install ok", part))
    }
    described = {one.split("/")[2].split("@")[0] for one in named if one.startswith("pkg:deb/debian/")}

    assert None is JsonStrictValidator(SchemaVersion.from_version(bill["specVersion"])).validate_str(
        document
    )
    assert ("finetune-advisor", __version__) == tuple(
        bill["metadata"]["component"][one] for one in ("name", "version")
    )
    assert {f"pkg:pypi/{name}@{version}" for name, version in locked} <= named
    assert installed <= described
    assert "libc6" in installed


def test_modules_are_compiled_beforehand(image: Image) -> None:
    """A read-only file system keeps no byte code, so that it comes with the image."""
    packages = image.root / HOME / "lib/python3.13/site-packages"
    modules = [*packages.glob("finetune_advisor/**/*.py"), *packages.glob("flask/**/*.py")]
    lacking = [
        one
        for one in modules
        if not (one.parent / "__pycache__" / f"{one.stem}.cpython-313.pyc").is_file()
    ]

    assert len(modules) > 100
    assert [] == lacking
