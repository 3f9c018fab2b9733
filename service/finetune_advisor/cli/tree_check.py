"""`tree check`: prove tree documents sound."""

from __future__ import annotations

from pathlib import Path

import click

from finetune_advisor import catalog
from finetune_advisor.cli.errors import report_errors
from finetune_advisor.cli.trees import served_catalog
from finetune_advisor.formats.numbers import counted
from finetune_advisor.lifecycle import standing


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Prove tree documents, or those in a directory, sound, and that they go together with the bundled ones.

    Without FILES, checks what would be served: the bundled documents and FINETUNE_ADVISOR_TREES_DIR.
    """
    with report_errors():
        checked = catalog.beside_bundled(files) if files else served_catalog()
    for tree in (*checked.trees.values(), *checked.retired.values()):
        questions = counted(len(tree.questions), "question")
        recommendations = counted(len(tree.recommendations), "recommendation")
        click.echo(
            f"{tree.version} ({standing(tree)}): sound; {questions}, {recommendations}; {tree.digest}"
        )
