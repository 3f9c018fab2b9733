"""`settings`: list the settings with their values."""

from __future__ import annotations

from dataclasses import fields

import click

from finetune_advisor.cli.errors import report_errors
from finetune_advisor.settings import Settings, get_variable_name


@click.command()
def settings() -> None:
    """List every setting with its value and meaning."""
    with report_errors():
        current = Settings.from_environment()
    for setting in fields(Settings):
        default = "unset" if setting.default is None else setting.default
        value = getattr(current, setting.name)
        shown = "unset" if value is None else ",".join(value) if isinstance(value, tuple) else value
        click.echo(
            f"{get_variable_name(setting)}={shown}\n    {setting.metadata['help']} Default: {default}"
        )
