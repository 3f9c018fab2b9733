"""`openapi`: print the API's contract."""

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
    # The variable may name the folder of a running instance, where this process must not count anything.
    metrics_files.set_metrics_folder(None)
    with report_errors():
        description = describe_api()
    yaml = YAML()
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.Representer = _Representer
    text = StringIO()
    yaml.dump(description, text)
    print_utf8(text.getvalue())


class _Representer(RoundTripRepresenter):
    """ruamel.yaml's representer, with another style for some strings.

    It is a class of its own, since changes to ruamel.yaml's would hold for the whole process.
    """

    def represent_str(self, data: str) -> ScalarNode:
        """Write several lines as a block, and quote words that YAML 1.1 takes for booleans."""
        boolean = data.lower() in ("y", "n", "yes", "no", "on", "off")
        style = "|" if "\n" in data else "'" if boolean else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


# ruamel.yaml calls only registered functions: without this, it would call its own `represent_str`.
_Representer.add_representer(str, _Representer.represent_str)
