"""Lines that are written together: none is lost or said twice, and what matters doesn't wait."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from finetune_advisor.telemetry import deferred
from finetune_advisor.telemetry.log_output import BufferedStreamHandler

LATER = 3600


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[logging.Logger, StringIO]]:
    """A logger, and what it has written."""
    monkeypatch.setattr(deferred, "FLUSH_SECONDS", LATER)
    logger, handler = logging.Logger("said"), BufferedStreamHandler()
    handler.stream = StringIO()
    logger.addHandler(handler)
    yield logger, handler.stream
    handler.close()
    deferred.flush()


def test_routine_lines_wait_for_each_other(said: tuple[logging.Logger, StringIO]) -> None:
    logger, written = said
    logger.info("one")
    logger.info("two")
    assert written.getvalue() == ""

    logger.handlers[0].flush()
    assert written.getvalue() == "one\ntwo\n"


def test_what_is_wrong_is_said_at_once(said: tuple[logging.Logger, StringIO]) -> None:
    """Behind what came before it."""
    logger, written = said
    logger.info("one")
    logger.warning("two")
    assert written.getvalue() == "one\ntwo\n"


def test_each_line_is_written_soon(
    said: tuple[logging.Logger, StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one, and one that comes after a write."""
    logger, written = said
    monkeypatch.setattr(deferred, "FLUSH_SECONDS", 0.01)
    for count in (1, 2):
        logger.info("one")
        deadline = time.monotonic() + 10
        while written.getvalue().count("one") < count and time.monotonic() < deadline:
            time.sleep(0.01)
        assert written.getvalue() == "one\n" * count


def test_a_line_that_cannot_be_written_takes_no_other_with_it(
    said: tuple[logging.Logger, StringIO], capsys: pytest.CaptureFixture[str]
) -> None:
    logger, written = said
    logger.info("one")
    logger.info("%d", "two")
    logger.info("\ud800")
    logger.warning("four")
    assert written.getvalue() == "one\nfour\n"
    assert "%d format" in capsys.readouterr().err


def test_a_reader_that_is_gone_fails_nobody(
    said: tuple[logging.Logger, StringIO], capsys: pytest.CaptureFixture[str]
) -> None:
    logger, written = said
    written.close()
    logger.warning("one")
    assert "I/O operation on closed file" in capsys.readouterr().err


def test_a_fork_takes_no_lines_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits at a fork is written once, and both go on to write their own."""
    monkeypatch.setattr(deferred, "FLUSH_SECONDS", LATER)
    logger, handler = logging.Logger("forked"), BufferedStreamHandler()
    logger.addHandler(handler)
    with (tmp_path / "log").open("a") as stream:
        handler.stream = stream
        logger.info("before")
        child = os.fork()
        logger.info("after, in the child" if child == 0 else "after")
        handler.flush()
        if child == 0:
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0

    lines = (tmp_path / "log").read_text().splitlines()
    assert sorted(lines) == ["after", "after, in the child", "before"]
