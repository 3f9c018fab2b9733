"""The image under test, which `image/test` builds, and containers of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.image.container import Container, Image

RunContainer = Callable[..., Container]


@pytest.fixture(scope="session")
def image() -> Image:
    """The image under test."""
    if "IMAGE" not in os.environ:
        pytest.skip("there is no image to test; make image-test builds one")
    return Image(Path(os.environ["IMAGE"]), Path(os.environ["IMAGE_ROOT"]))


@pytest.fixture
def run_container(image: Image, tmp_path: Path) -> Iterator[RunContainer]:
    """Start containers of the image; they end with the test."""
    started: list[Container] = []

    def run(*command: str, mounts: Sequence[Mapping[str, Any]] = (), **settings: str) -> Container:
        folder = tmp_path / f"container-{len(started)}"
        folder.mkdir()
        environment = {f"FINETUNE_ADVISOR_{name}": value for name, value in settings.items()}
        started.append(Container(image, folder, command or None, environment, mounts))
        started[-1].start()
        return started[-1]

    yield run
    for one in started:
        one.stop()


@pytest.fixture(scope="session")
def container(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """One container with the image's defaults, for all tests that only ask it something."""
    started = Container(image, tmp_path_factory.mktemp("default"))
    started.start()
    started.wait_until_ready()
    yield started
    started.stop()
