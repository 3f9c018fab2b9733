"""`keys new`: make an API key."""

from __future__ import annotations

from pathlib import Path

import click

from finetune_advisor.access.key_file import (
    KeyFileError,
    make_key,
    parse_keys,
    read_key_file,
    render_line,
)
from finetune_advisor.assessing.file_formats import atomic_write
from finetune_advisor.cli.errors import report_errors
from finetune_advisor.cli.output import print_note


@click.command()
@click.argument("name")
@click.option(
    "--file",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of API keys to append the line to. It is created if there is none, and replaced as a whole.",
)
def new(name: str, path: Path | None) -> None:
    """Make an API key called NAME.

    Prints the key on standard output. It is shown this once: give it to its user. The line with its name and
    its hash, for the file that FINETUNE_ADVISOR_API_KEYS_FILE names, goes to --file, or else to standard
    error.
    """
    with report_errors():
        key = make_key()
        line = render_line(name, key)
        if path:
            _append_line(path, line)
    click.echo(key)
    print_note("" if path else line)


def _append_line(path: Path, line: str) -> None:
    """Append a line to a file of API keys. Raises KeyFileError if the file is wrong then."""
    try:
        old = read_key_file(path)
    except KeyFileError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        old = b""
    new = old + b"\n" * (not old.endswith(b"\n") and bool(old)) + line.encode() + b"\n"
    # Before the file is replaced: an instance would keep its old keys if this one were wrong.
    try:
        parse_keys(new, path)
    except KeyFileError as error:
        hint = "a second key of the same caller needs another name, such as web-app-2"
        raise KeyFileError(f"nothing was written. With the new line: {error}; {hint}") from error
    with atomic_write(path) as file:
        file.write(new)
