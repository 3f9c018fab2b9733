"""`tree worksheet`: work out an input from quantities that are known."""

from __future__ import annotations

from collections.abc import Iterable

import click

from finetune_advisor.assessing.answer_reading import read_quantities
from finetune_advisor.cli.errors import report_errors
from finetune_advisor.cli.output import print_json
from finetune_advisor.cli.tree_selection import find_tree
from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.evaluation.worksheets import find_worksheet, work_out_answer
from finetune_advisor.engine.model.worksheets import Worksheet
from finetune_advisor.formats import worksheet_text
from finetune_advisor.schemas.error_details import unknown_name_detail
from finetune_advisor.schemas.worksheets import WorkedAnswerSchema


class QuantitiesError(FinetuneAdvisorError):
    """Quantities can't be used; each line of the message names one and says what to write."""


@click.command()
@click.argument("version")
@click.argument("input_name", metavar="INPUT")
@click.argument("quantities", nargs=-1, metavar="[NAME=NUMBER]...")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the answer of POST /tree/versions/{version}/worksheets/{input}, as JSON.",
)
def worksheet(version: str, input_name: str, quantities: tuple[str, ...], *, as_json: bool) -> None:
    """Work out an input from other quantities.

    VERSION is a served version or a document. INPUT is one of its inputs that has a worksheet. Each
    NAME=NUMBER gives one of the worksheet's quantities. Those with a default may be left out.
    """
    with report_errors():
        tree = find_tree(version)
        _, found = find_worksheet(tree, input_name)
        answer = work_out_answer(tree, input_name, _read(found, quantities))
    if as_json:
        print_json(WorkedAnswerSchema().dump(answer))
    else:
        click.echo(worksheet_text.render_worked_answer_text(answer))


def _read(worksheet: Worksheet, pairs: Iterable[str]) -> dict[str, int | float]:
    """Read the quantities among the command's arguments. Raises QuantitiesError."""
    texts: dict[str, str] = {}
    problems = []
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            problems.append(f"{pair}: not a quantity; write NAME=NUMBER")
        elif name not in worksheet.quantities:
            problems.append(f"{name}: {unknown_name_detail(name, list(worksheet.quantities))}")
        elif name in texts:
            problems.append(f"{name}: it is given more than once; give it once")
        texts[name] = text
    numbers, faults = read_quantities(worksheet, texts)
    problems += [
        f"{name}: {worksheet.quantities[name].label}: {fault}" for name, fault in faults.items()
    ]
    if problems:
        raise QuantitiesError("\n".join(problems))
    return numbers
