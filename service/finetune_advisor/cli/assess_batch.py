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
"""How often the progress bar is redrawn at most."""
IGNORED_MEMBER = b'"ignored":['
"""Part of a result, as rendered, whose profile has inputs that the tree ignores."""
STANDARD_INPUT_NAMES = ("-", "<stdin>", "/dev/stdin", "/dev/fd/0")
"""Names of standard input as a path or as an open file."""


def require_one_reader(file: str, defaults: IO[bytes] | None) -> None:
    """Raise UsageError if the profiles and the defaults both come from standard input."""
    if file in STANDARD_INPUT_NAMES and defaults and _get_file_name(defaults) in STANDARD_INPUT_NAMES:
        problem = "FILE and --defaults both read standard input"
        raise click.UsageError(f"{problem}; give a path for one of them")


def require_inputs_kept(output: Path, file: str, defaults: IO[bytes] | None) -> None:
    """Raise UsageError if the results would replace one of the files that they are made from."""
    if _is_input_file(output, file):
        raise click.UsageError(f"--output {output} is FILE itself; give another path for the results")
    if defaults and _is_input_file(output, _get_file_name(defaults)):
        problem = f"--output {output} is the file of --defaults"
        raise click.UsageError(f"{problem}; give another path for the results")


def _is_input_file(output: Path, file: str) -> bool:
    """Whether a path to replace is the file of an input, perhaps by another name or redirected."""
    try:
        status = os.fstat(0) if file in STANDARD_INPUT_NAMES else Path(file).stat()
        return output.is_file() and os.path.samestat(status, output.stat())
    except OSError:  # standard input is closed, or a file was removed
        return False


def _get_file_name(file: IO[bytes]) -> str:
    return str(getattr(file, "name", "<stdin>"))


def assess_batch(  # noqa: PLR0913, PLR0917  # one for each option
    file: str,
    catalog: Catalog,
    tree: Tree,
    defaults: Profile,
    file_format: str | None,
    id_column: str | None,
    output: Path | None,
) -> int:
    """Write the results to `output` or standard output, and a summary to standard error.

    Returns the number of invalid lines. Raises BadFileError.
    """
    batch = BatchFile(catalog, tree, defaults, id_column)
    with atomic_write(output) if output else click.open_file("-", "wb") as out:
        ignored = _write_results(file, file_format, batch, out)
    empty = "the input is empty, or has nothing below a header"
    click.echo(batch if batch.profiles else f"{file}: {empty}; {batch}", err=True)
    print_note(advise_version(catalog, tree, ignored))
    return batch.invalid_count


def _write_results(
    file: str, file_format: str | None, batch: BatchFile, output: IO[bytes]
) -> Collection[str]:
    """Write the result of each line, with a progress bar in a terminal.

    Returns the ignored inputs of the first profile that has any.
    """
    ignored: Collection[str] = ()
    size = 0 if file == "-" else Path(file).stat().st_size
    # A pipe has no size, so that progress is unknown.
    hidden = not size or not sys.stderr.isatty()
    bar = click.progressbar(
        length=size, file=sys.stderr, hidden=hidden, update_min_steps=1 + size // MAX_PROGRESS_STEPS
    )
    with click.open_file(file, "rb") as opened, bar:
        for results, read in batch.iter_results(opened, file, file_format):
            output.write(results)
            # Results are bytes by now. A search in them is cheaper than reading each one again.
            if not ignored and IGNORED_MEMBER in results:
                first = next(line for line in results.splitlines() if IGNORED_MEMBER in line)
                ignored = orjson.loads(first).get("ignored", ())
            bar.update(read)
        bar.update(max(0, size - bar.pos))  # blank lines at the end give no result
    return ignored
