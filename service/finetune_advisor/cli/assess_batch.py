"""`assess --batch`: write a result for each profile of a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import IO

import click
import orjson

from finetune_advisor.assessing.batch_files import BatchFile, atomic_write
from finetune_advisor.cli.output import print_note
from finetune_advisor.cli.tree_selection import advise_version
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees.catalog import Catalog

MAX_PROGRESS_STEPS = 200
"""How often a progress bar is drawn anew, at most."""
IGNORED_MEMBER = b'"ignored":['
"""What a result contains whose profile has inputs that the tree ignores."""
STANDARD_INPUT_NAMES = ("-", "<stdin>", "/dev/stdin", "/dev/fd/0")
"""How paths and open files name standard input."""


def require_one_reader(file: str, defaults: IO[bytes] | None) -> None:
    """Refuse that the profiles and the defaults are both read from standard input. Raises UsageError."""
    if file in STANDARD_INPUT_NAMES and defaults and _get_file_name(defaults) in STANDARD_INPUT_NAMES:
        problem = "FILE and --defaults both read standard input"
        raise click.UsageError(f"{problem}; give a path for one of them")


def require_inputs_kept(output: Path, file: str, defaults: IO[bytes] | None) -> None:
    """Refuse results that would replace what they are made from. Raises UsageError."""
    if _is_input_file(output, file):
        raise click.UsageError(f"--output {output} is FILE itself; give another path for the results")
    if defaults and _is_input_file(output, _get_file_name(defaults)):
        problem = f"--output {output} is the file of --defaults"
        raise click.UsageError(f"{problem}; give another path for the results")


def _is_input_file(output: Path, file: str) -> bool:
    """Whether a path to be replaced is an input, under whatever name: a link, or redirected."""
    try:
        status = os.fstat(0) if file in STANDARD_INPUT_NAMES else Path(file).stat()
        return output.is_file() and os.path.samestat(status, output.stat())
    except OSError:  # standard input is closed, or something went away
        return False


def _get_file_name(file: IO[bytes]) -> str:
    return str(getattr(file, "name", "<stdin>"))


def assess_batch(  # noqa: PLR0913, PLR0917  # one for each option
    file: str,
    served: Catalog,
    asked: Tree,
    defaults: Profile,
    file_format: str | None,
    id_column: str | None,
    output: Path | None,
) -> int:
    """Write the results to a file or standard output, and a summary to standard error.

    Returns how many lines are invalid. Raises BadFileError.
    """
    run = BatchFile(served, asked, defaults, id_column)
    with atomic_write(output) if output else click.open_file("-", "wb") as out:
        ignored = _write_results(file, file_format, run, out)
    empty = "the input is empty, or has nothing below a header"
    click.echo(run if run.profiles else f"{file}: {empty}; {run}", err=True)
    print_note(advise_version(served, asked, ignored))
    return run.invalid_count


def _write_results(
    file: str, file_format: str | None, run: BatchFile, output: IO[bytes]
) -> Collection[str]:
    """Write the result of each line, with a progress bar for whoever watches.

    Returns the inputs that the tree ignores of the first profile that has such ones.
    """
    ignored: Collection[str] = ()
    size = 0 if file == "-" else Path(file).stat().st_size
    hidden = not size or not sys.stderr.isatty()
    bar = click.progressbar(
        length=size, file=sys.stderr, hidden=hidden, update_min_steps=1 + size // MAX_PROGRESS_STEPS
    )
    with click.open_file(file, "rb") as opened, bar:
        for results, read in run.iter_results(opened, file, file_format):
            output.write(results)
            if not ignored and IGNORED_MEMBER in results:
                first = next(line for line in results.splitlines() if IGNORED_MEMBER in line)
                ignored = orjson.loads(first).get("ignored", ())
            bar.update(read)
        bar.update(max(0, size - bar.pos))  # blank lines at the end
    return ignored
