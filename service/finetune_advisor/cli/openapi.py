"""`openapi`: print the contract."""

from __future__ import annotations

from io import StringIO

import click
from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

from finetune_advisor.app import describe_api
from finetune_advisor.cli.errors import report_errors
from finetune_advisor.cli.output import print_utf8
from finetune_advisor.telemetry import metrics_files


@click.command()
def openapi() -> None:
    """Print the API's contract as OpenAPI, in YAML.

    It describes the trees that would be served.
    """
    metrics_files.set_metrics_folder(None)  # an instance may keep its metrics there
    with report_errors():
        form = describe_api()
    yaml = YAML()
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.Representer = _Representer
    text = StringIO()
    yaml.dump(form, text)
    print_utf8(text.getvalue())


class _Representer(RoundTripRepresenter):
    """ruamel.yaml's, apart from how it writes texts."""

    def represent_str(self, data: str) -> ScalarNode:
        """Several lines as a block, and in quotes what YAML 1.1 takes for a boolean."""
        boolean = data.lower() in ("y", "n", "yes", "no", "on", "off")
        style = "|" if "\n" in data else "'" if boolean else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


# This registers with this class alone; a method of the same name isn't called otherwise.
_Representer.add_representer(str, _Representer.represent_str)
