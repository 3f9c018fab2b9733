"""`assess --batch`: write a result for each profile of a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

import click

from finetune_advisor.assessing.assessor import BatchSummary
from finetune_advisor.assessing.batch_files import BatchFile
from finetune_advisor.assessing.column_names import ColumnSelection
from finetune_advisor.assessing.file_formats import TABLE_FORMATS, BadFileError, atomic_write
from finetune_advisor.assessing.result_files import CsvWriter
from finetune_advisor.cli.output import print_note
from finetune_advisor.cli.tree_selection import advise_version
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats.numbers import format_count
from finetune_advisor.trees.catalog import Catalog

if TYPE_CHECKING:
    from finetune_advisor.assessing.column_files import ColumnFile

MAX_PROGRESS_STEPS = 200
"""How often the progress bar is redrawn at most."""
STANDARD_INPUT_NAMES = ("-", "<stdin>", "/dev/stdin", "/dev/fd/0")
"""Names of standard input as a path or as an open file."""
Block = TypeVar("Block")


@dataclass(frozen=True)
class BatchOptions:
    """What `assess --batch` is asked to do."""

    file: str
    file_format: str
    id_column: str | None
    pass_through: bool
    defaults: Profile
    output: Path | None
    output_format: str


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


def assess_batch(catalog: Catalog, tree: Tree, options: BatchOptions) -> int:
    """Write the results to the output or standard output, and a summary to standard error.

    Returns the number of invalid profiles. Raises BadFileError.
    """
    output = options.output
    with atomic_write(output) if output else click.open_file("-", "wb") as out:
        batch = _write_results(catalog, tree, options, out)
    summary = batch.summary
    empty = "the input is empty, or has nothing below a header"
    counts = _describe_counts(summary)
    click.echo(counts if summary.profiles else f"{options.file}: {empty}; {counts}", err=True)
    for recommendation, count in summary.count_by_recommendation(tree).items():
        click.echo(f"  {recommendation}: {count}", err=True)
    print_note(_describe_misspelt(batch.selection.misspelt(catalog.inputs)))
    print_note(advise_version(catalog, tree, batch.ignored))
    return summary.invalid_count


def _describe_counts(summary: BatchSummary) -> str:
    counts = ", ".join(f"{count} {status}" for status, count in summary.statuses.items())
    return f"{format_count(summary.profiles, 'profile')}: {counts}"


def _describe_misspelt(inputs_by_column: Mapping[str, str]) -> str:
    """Describe columns that were passed through although their names are nearly those of inputs."""
    pairs = ", ".join(f"{column} ({input_}?)" for column, input_ in inputs_by_column.items())
    return f"Passed through, but named nearly as an input: {pairs}" if pairs else ""


def _write_results(
    catalog: Catalog, tree: Tree, options: BatchOptions, out: IO[bytes]
) -> BatchFile | ColumnFile:
    """Write the results, and return what was assessed with its summary."""
    write = _write_text
    if {options.file_format, options.output_format} & TABLE_FORMATS:
        try:
            # pyarrow is an extra, and takes a while to load.
            write = import_module("finetune_advisor.cli.assess_tables").write_tables
        except ModuleNotFoundError as error:
            remedy = "pip install 'finetune-advisor[arrow]'"
            raise BadFileError(f"Parquet and Arrow need the library {error.name}: {remedy}") from error
    with click.open_file(options.file, "rb") as opened:
        return write(catalog, tree, options, opened, out)


def _write_text(
    catalog: Catalog, tree: Tree, options: BatchOptions, opened: IO[bytes], out: IO[bytes]
) -> BatchFile:
    """Write the results of JSON Lines or CSV as JSON Lines or CSV."""
    batch, blocks, size = open_lines(catalog, tree, options, opened)
    copy_blocks(blocks, open_text_writer(out, options, batch.selection), size)
    return batch


def open_lines(
    catalog: Catalog, tree: Tree, options: BatchOptions, opened: IO[bytes]
) -> tuple[BatchFile, Iterator[tuple[bytes, int]], int]:
    """Open JSON Lines or CSV.

    Returns what assesses it, its results in blocks, and its size in bytes, or 0 for standard input.
    """
    batch = BatchFile(
        catalog, tree, options.defaults, options.id_column, pass_through=options.pass_through
    )
    blocks = batch.iter_results(opened, options.file, options.file_format)
    return batch, blocks, 0 if options.file == "-" else Path(options.file).stat().st_size


def open_text_writer(
    out: IO[bytes], options: BatchOptions, selection: ColumnSelection
) -> Callable[[bytes], object]:
    """Return a function that writes results, which are JSON Lines, in the format of the output."""
    if options.output_format == "csv":
        return CsvWriter(out, [*selection.copied.values()]).write
    return out.write


def copy_blocks(
    blocks: Iterable[tuple[Block, int]], write: Callable[[Block], object], size: int
) -> None:
    """Write blocks of results, with a progress bar in a terminal.

    Each block comes with the part of `size` that was read for it. Without a size, there is no bar.
    """
    hidden = not size or not sys.stderr.isatty()
    bar = click.progressbar(
        length=size, file=sys.stderr, hidden=hidden, update_min_steps=1 + size // MAX_PROGRESS_STEPS
    )
    with bar:
        for block, read in blocks:
            write(block)
            bar.update(read)
        bar.update(max(0, size - bar.pos))  # blank lines at the end give no result
