"""Errors of this package, as commands report them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from finetune_advisor.engine.errors import FinetuneAdvisorError


@contextmanager
def report_errors() -> Iterator[None]:
    """Turn errors of this package into a message on standard error and exit code 1."""
    try:
        yield
    except FinetuneAdvisorError as error:
        raise click.ClickException(str(error)) from error
